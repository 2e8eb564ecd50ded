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
	// peers are the ids of those in the participant's room, itself included.
	// room is "" while parked.
	peers() (room string, ids []string)
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
	_, err := e.Join(ctx, mp.Participant, o)
	return err
}

type mediaParticipant struct{ *media.Participant }

func (p mediaParticipant) peers() (string, []string) {
	room := p.Room()
	if room == nil {
		return "", nil
	}
	infos := room.Participants()
	ids := make([]string, len(infos))
	for i, info := range infos {
		ids[i] = info.ID
	}
	return room.ID(), ids
}
