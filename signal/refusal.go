package signal

import (
	"errors"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal/message"
)

// refusal is an error with words for the client.
type refusal struct{ code, message string }

func (r *refusal) Error() string { return r.code + ": " + r.message }

// known are the errors of others that clients are told of.
var known = []struct {
	err error
	refusal
}{
	{ErrBadToken, refusal{message.CodeBadToken, "the token is not valid"}},
	{ErrTokenUsed, refusal{message.CodeBadToken, "the token has been used; ask for a new one"}},
	{ErrTokenExpired, refusal{message.CodeTokenExpired, "the token has expired; ask for a new one"}},
	{ErrRoomClosed, refusal{message.CodeRoomClosed, "the room is closed"}},
	{media.ErrRoomFull, refusal{message.CodeRoomFull, "the room is full"}},
	{media.ErrDuplicate, refusal{message.CodeSeatTaken, "this token's seat is taken"}},
	{media.ErrUnknownMid, refusal{message.CodeUnknownMid, "no send line of the offer has this mid"}},
	{media.ErrNotAllowed, refusal{message.CodeNotAllowed, "this participant may not do that"}},
}

// refusalOf puts an error into words for the client; ok is false for an error
// that is the server's own fault.
func refusalOf(err error) (r refusal, ok bool) {
	if own := (*refusal)(nil); errors.As(err, &own) {
		return *own, true
	}
	if malformed := (*message.DecodeError)(nil); errors.As(err, &malformed) {
		return refusal{malformed.Code, malformed.Error()}, true
	}
	if offer := (*media.OfferError)(nil); errors.As(err, &offer) {
		return refusal{offer.Code, offer.Message}, true
	}
	for _, k := range known {
		if errors.Is(err, k.err) {
			return k.refusal, true
		}
	}
	return refusal{message.CodeInternal, "the server failed; try again"}, false
}

// retryable says for which refusals of a join it makes sense to try the same
// again later.
func retryable(code string) bool {
	return code == message.CodeRoomFull || code == message.CodeShutdown || code == message.CodeInternal
}

// refuse tells the client that a request was refused.
func (c *session) refuse(err error) {
	r, ok := refusalOf(err)
	if !ok {
		if errors.Is(err, media.ErrClosed) {
			return // the participant has gone: its bye is on the way
		}
		c.server.log.Error("request failed", "participant_id", c.participantID(), "err", err)
	}
	c.server.metrics.refuse(r.code)
	c.send(&message.Error{Code: r.code, Message: r.message})
}

// byeFor ends the session because its join was refused.
func (c *session) byeFor(err error) {
	r, ok := refusalOf(err)
	if !ok {
		c.server.log.Error("join failed", "participant_id", c.participantID(), "err", err)
	}
	c.bye(r.code, r.message, retryable(r.code))
}
