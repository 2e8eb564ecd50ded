package signal

import (
	"context"
	"errors"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal/message"
)

// What an [Authority] answers for a join token that it doesn't admit.
var (
	ErrBadToken     = errors.New("signal: not a valid join token")
	ErrTokenExpired = errors.New("signal: the join token has expired")
	ErrRoomClosed   = errors.New("signal: the room is closed")
)

// Authority knows who may join.
type Authority interface {
	// Admit verifies a join token. It is asked twice: before the participant
	// enters the room, and when it is in, so that a room deleted in between
	// stays deleted. Errors: ErrBadToken, ErrTokenExpired,
	// ErrRoomClosed; any other is a fault of the server's.
	Admit(ctx context.Context, token string) (Admission, error)
	// Left reports, once for each participant that joined, that the seat has
	// gone for good. ctx ends when the server does.
	Left(ctx context.Context, a Admission, reason media.CloseReason)
}

// Admission is what a join token is good for.
type Admission struct {
	// ParticipantID is one participant's, for ever: the server lets it join
	// once.
	ParticipantID string
	Name          string
	Role          media.Role
	// Room to enter; nil waits (parked) until somebody moves the participant.
	Room *media.RoomOptions
	Pool media.Pool
	// Origins are the web origins whose pages may use this token, beyond the
	// server's own; empty leaves it to Config.AllowedOrigins. An origin must
	// be in both.
	Origins []string
}

// Relays hands out TURN servers.
type Relays interface {
	// Servers returns the ICE servers for a participant, who reached this
	// server by the name host (no port).
	Servers(participantID, host string) []message.ICEServer
	// Revoke ends what a participant was given: it left (SE-2).
	Revoke(participantID string)
}
