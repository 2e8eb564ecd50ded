package signal

import (
	"context"
	"fmt"

	"github.com/atriumrtc/atrium/media"
)

// engine and participant are what this package uses of media. They exist so
// that sessions can be tested without transports.
type engine interface {
	add(media.ParticipantOptions) (participant, error)
	// enter moves a participant into a room, which it opens where necessary.
	enter(context.Context, participant, media.RoomOptions) error
	isOpen(roomID string) bool
}

type participant interface {
	Pool() media.Pool
	Offer(ctx context.Context, sdp string) (string, error)
	AddCandidate(candidate, mid string) error
	Publish(mid string, kind media.SourceKind, active bool) error
	SetLayout([]media.Tile) error
	SetMuted(kind media.SourceKind, muted bool) error
	SetHand(raised bool)
	Attach(media.Observer) error
	Detach(media.Observer)
	Close(media.CloseReason)
	// peers are the roles of those in the participant's room by id, itself
	// included. room is "" while parked.
	peers() (room string, roles map[string]media.Role)
}

type mediaEngine struct{ *media.Engine }

func (e mediaEngine) add(o media.ParticipantOptions) (participant, error) {
	p, err := e.AddParticipant(o)
	if err != nil {
		return nil, err
	}
	return mediaParticipant{p}, nil
}

func (e mediaEngine) enter(ctx context.Context, p participant, o media.RoomOptions) error {
	mp, ok := p.(mediaParticipant)
	if !ok {
		return fmt.Errorf("signal: %T is no participant of this engine", p)
	}
	return e.Join(ctx, mp.Participant, o)
}

func (e mediaEngine) isOpen(roomID string) bool { return e.Room(roomID) != nil }

type mediaParticipant struct{ *media.Participant }

func (p mediaParticipant) peers() (string, map[string]media.Role) {
	room := p.Room()
	if room == nil {
		return "", nil
	}
	infos := room.Participants()
	roles := make(map[string]media.Role, len(infos))
	for _, info := range infos {
		roles[info.ID] = info.Role
	}
	return room.ID(), roles
}
