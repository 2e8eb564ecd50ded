package bench

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/client/check"
	"github.com/atriumrtc/atrium/signal/client/stamp"
	"github.com/atriumrtc/atrium/signal/message"
)

// attendee is somebody in a group consultation.
type attendee interface {
	// together waits until they are in the room and receive sound and video of
	// somebody there. "" is any room.
	together(ctx context.Context, roomID string) (arrival, error)
	// receives waits until both of a certain participant have begun to come, after
	// a time.
	receives(ctx context.Context, participantID string, after time.Time) (arrival, error)
	// parked waits until they are in no room.
	parked(ctx context.Context) error
	// window is what was counted since the last call of it, or the beginning; one
	// goroutine at a time calls it.
	window() window
	// moving says that they are about to be moved, or that it is over: in between
	// nothing that comes is left out.
	moving(bool)
	// sdp counts offers and answers after the first answer.
	sdp() int64
	gone() <-chan struct{}
	cause() error
	leave()
}

// arrival is when somebody was told of their room, and first received a packet of
// sound and of a key frame there.
type arrival struct{ told, heard, seen time.Time }

// window are counts of one attendee between two moments.
type window struct {
	counters
	// silence is the longest time between two packets of sound.
	silence time.Duration
	// stray are packets of somebody who was elsewhere when they sent them, and
	// those of streams that the answer didn't name.
	stray int64
}

// attend takes a seat of that participant in a group; see joiner.
func (j clientJoiner) attend(ctx context.Context, s seat, participantID string, rooms *check.Rooms) (attendee, error) {
	a := &clientAttendee{clientPeer: clientPeer{began: time.Now()}}
	o, err := j.options(s, &a.meter)
	if err != nil {
		return nil, err
	}
	own := stamp.ID(participantID)
	o.Witness = func(publisher uint64, sent time.Time) {
		if rooms.Stray(own, publisher, sent) {
			a.stray.Add(1)
		}
	}
	if a.client, err = client.Connect(ctx, o); err != nil {
		return nil, err
	}
	return a, nil
}

// clientAttendee is an attendee of signal/client.
type clientAttendee struct {
	clientPeer
	stray       atomic.Int64
	ticks, late int64 // of the meter, up to the last window
}

func (a *clientAttendee) together(ctx context.Context, roomID string) (arrival, error) {
	return a.wait(ctx, sought{room: roomID})
}

func (a *clientAttendee) receives(ctx context.Context, participantID string, after time.Time) (arrival, error) {
	return a.wait(ctx, sought{who: participantID, after: after})
}

func (a *clientAttendee) parked(ctx context.Context) error {
	return a.client.WaitFor(ctx, func(s client.State) bool { return s.Room.ID == "" })
}

// sought is what is waited for: the sound and video of somebody (who "": of
// anybody), that began after a time, in a room ("": any).
type sought struct {
	room, who string
	after     time.Time
}

func (w sought) in(s client.State) bool {
	return s.Room.ID != "" && (w.room == "" || s.Room.ID == w.room)
}

// first is when the first packet of a source came that is sought; zero: not yet.
func (w sought) first(s client.State, source string) (first time.Time) {
	for _, r := range s.Receiving {
		if r.Source == source && (w.who == "" || r.Participant == w.who) && r.At.After(w.after) &&
			(first.IsZero() || r.At.Before(first)) {
			first = r.At
		}
	}
	return first
}

func (a *clientAttendee) wait(ctx context.Context, w sought) (arrival, error) {
	var in arrival
	var last client.State
	err := a.client.WaitFor(ctx, func(s client.State) bool {
		last = s
		in.heard, in.seen = w.first(s, message.SourceMicrophone), w.first(s, message.SourceCamera)
		return w.in(s) && !in.heard.IsZero() && !in.seen.IsZero()
	})
	switch {
	case err == nil:
	case !w.in(last):
		return in, fmt.Errorf("%w: %w", errElsewhere, err)
	case in.heard.IsZero():
		return in, fmt.Errorf("%w: %w", errUnheard, err)
	default:
		return in, fmt.Errorf("%w: %w", errUnseen, err)
	}
	moves := a.client.Moves()
	in.told = moves[len(moves)-1].At // there is one: to this room
	return in, nil
}

// Errors of waiting for somebody.
var (
	errElsewhere = errors.New("not in the room")
	errUnheard   = errors.New("hears nobody")
	errUnseen    = errors.New("sees nobody")
)

func (a *clientAttendee) window() window {
	st := a.client.Stats()
	a.client.ResetStats()
	w := window{counters: a.countersOf(st), silence: st.Silence, stray: int64(st.Unknown) + a.stray.Swap(0)}
	ticks, late := w.counters.ticks, w.lateTicks
	w.counters.ticks, w.lateTicks = ticks-a.ticks, late-a.late
	a.ticks, a.late = ticks, late
	return w
}

func (a *clientAttendee) moving(on bool) { a.client.InspectAll(on) }

func (a *clientAttendee) sdp() int64 { return int64(a.client.Stats().SDPAfterFirst) }
