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
	ErrTokenUsed    = errors.New("signal: the join token has been used")
	ErrRoomClosed   = errors.New("signal: the room is closed")
)

// Authority knows who may join. Its errors are those above; any other is a
// fault of the server's.
type Authority interface {
	// Admit verifies a join token. It uses nothing up: a join that is refused
	// (a full room) may be tried again with the same token.
	Admit(ctx context.Context, token string) (Admission, error)
	// Seat is asked once the participant is there, in the admission's room or
	// parked, and before its client is told anything. It uses the token up for
	// good, refuses one that was used (ErrTokenUsed) or whose room has gone
	// since Admit (ErrRoomClosed), and may move the participant to where it
	// belongs by now.
	Seat(ctx context.Context, a Admission) error
	// Present reports that somebody sits in the seat (again), or that the
	// connection was lost and the seat is being kept. Reports of a seat come
	// one after another; of changes that follow each other fast only the last
	// may be reported. The first is true.
	Present(ctx context.Context, a Admission, connected bool)
	// Left reports, once for each participant that was welcomed and after
	// every Present, that the seat has gone for good. Until it returns nobody
	// joins as the same participant.
	Left(ctx context.Context, a Admission, reason media.CloseReason)
}

// Admission is what a join token is good for.
type Admission struct {
	// ParticipantID is one participant's, for ever. Somebody who was admitted
	// anew (their page was reloaded, the server restarted) comes with another
	// token of the same id.
	ParticipantID string
	// TokenID is the token's own: one that differs from that of who sits in
	// the participant's seat takes the seat over. Empty where an authority
	// gives each participant one token only.
	TokenID string
	Name    string
	Role    media.Role
	// Room to enter; nil waits (parked) until somebody moves the participant.
	Room *media.RoomOptions
	Pool media.Pool
	// Origins are the web origins whose pages may use this token, beyond the
	// server's own; empty leaves it to Config.AllowedOrigins. To connect, an
	// origin must be in that or known to Options.Origins.
	Origins []string
	// Claim is the authority's own: it comes back as it is in Seat, Present
	// and Left.
	Claim any
}

// Relays hands out TURN servers.
type Relays interface {
	// Servers returns the ICE servers for a participant, who reached this
	// server by the name host (no port).
	Servers(participantID, host string) []message.ICEServer
	// Revoke ends what a participant was given: it left (SE-2).
	Revoke(participantID string)
}
