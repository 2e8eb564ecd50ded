package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// Kinds of what is due for breakouts: id is the call's. They are absolute
// times in the store, so that a restart moves none of them.
const (
	DueBreakoutWarn  DueKind = "breakout_warn"
	DueBreakoutClose DueKind = "breakout_close"
)

// MainRoom is what a move calls the room that isn't a breakout.
const MainRoom = "main"

// breakoutWarnings are how long before the end everybody is told (R-GC-4),
// the longest first.
func breakoutWarnings() []time.Duration { return []time.Duration{time.Minute, 10 * time.Second} }

// open says whether people are in breakouts now. From their end on they
// aren't, also where nobody has come to close them yet.
func (b *Breakouts) open(now time.Time) bool {
	return b != nil && b.State == BreakoutsOpen && (b.EndsAt.IsZero() || now.Before(b.EndsAt))
}

func (b *Breakouts) has(roomID string) bool {
	return slices.ContainsFunc(b.Rooms, func(r BreakoutRoom) bool { return r.ID == roomID })
}

// roomIDs are the media rooms of the call: the main one first, then the
// breakouts.
func (b *Breakouts) roomIDs() []string {
	list := []string{b.CallID}
	for _, r := range b.Rooms {
		list = append(list, r.ID)
	}
	return list
}

// assigned is who goes where when the breakouts are opened. Moderators stay,
// unless a plan says where they go.
func (b *Breakouts) assigned(call *Call, seed [32]byte) map[string]string {
	places := make(map[string]string)
	switch b.Assign {
	case AssignManual:
		for id, room := range b.Plan {
			if call.member(id) != nil && b.has(room) {
				places[id] = room
			}
		}
	case AssignRandom:
		var people []string
		for _, m := range call.Members {
			if m.LeftAt.IsZero() && m.Role != RoleModerator {
				people = append(people, m.ParticipantID)
			}
		}
		return evenly(people, b.Rooms, seed)
	case AssignChoose:
	}
	return places
}

// evenly deals people out at random: of any two rooms one has at most one
// person more.
func evenly(people []string, rooms []BreakoutRoom, seed [32]byte) map[string]string {
	people = slices.Clone(people)
	random := rand.New(rand.NewChaCha8(seed))
	random.Shuffle(len(people), func(i, j int) { people[i], people[j] = people[j], people[i] })
	places := make(map[string]string, len(people))
	for i, id := range people {
		places[id] = rooms[i%len(rooms)].ID
	}
	return places
}

// forget takes a participant out of the breakouts and their plan, and says
// whether they were in them.
func (b *Breakouts) forget(participantID string) bool {
	_, placed := b.Places[participantID]
	_, planned := b.Plan[participantID]
	spoke := b.Speaker == participantID
	asked := b.answer(func(h HelpRequest) bool { return h.ParticipantID == participantID })
	delete(b.Places, participantID)
	delete(b.Plan, participantID)
	if spoke {
		b.Speaker = ""
	}
	return placed || planned || spoke || asked
}

// answer drops requests for help, and says whether there were any.
func (b *Breakouts) answer(which func(HelpRequest) bool) bool {
	before := len(b.Help)
	b.Help = slices.DeleteFunc(b.Help, which)
	return len(b.Help) < before
}

// placed lists who is in a breakout, in a fixed order.
func (b *Breakouts) placed() []string { return slices.Sorted(maps.Keys(b.Places)) }

// moderated reads a group's call that who asks moderates.
func (c *change) moderated(callID string) (*Call, error) {
	call, err := c.groupCall(callID)
	if err != nil {
		return nil, err
	}
	return call, c.mayModerate(call)
}

// groupCall reads a call that goes on and can have breakouts.
func (c *change) groupCall(callID string) (*Call, error) {
	call, err := c.call(callID)
	if err == nil && call.Kind != Group {
		err = &StateError{CodeWrongState, "Only group consultations have breakout rooms."}
	}
	return call, err
}

// breakouts reads the breakouts of a call. Those whose time is over are closed
// first.
func (c *change) breakouts(call *Call) (*Breakouts, error) {
	b, err := breakoutsOf(c.Tx, call.ID)
	b.CallID = call.ID
	if err == nil && b.State == BreakoutsOpen && !b.open(c.now) {
		err = c.closeBreakouts(call, &b, System())
	}
	return &b, err
}

// putBreakouts stores breakouts and tells the call's area of them.
func (c *change) putBreakouts(call *Call, b *Breakouts) error {
	if err := put(c.Tx, prefixBreakouts+call.ID, b); err != nil || call.AreaID == "" {
		return err
	}
	return announce(c.Tx, c.now, call.AreaID, AreaCall, call.ID)
}

// endBreakoutsAt sets when open breakouts close; zero: not by themselves. What
// is due at the old end is taken back. Who sets an end tells it (announceEnd):
// a warning that is due now isn't another one.
func (c *change) endBreakoutsAt(b *Breakouts, at time.Time) error {
	var errs []error
	if old := b.EndsAt; !old.IsZero() {
		errs = append(errs, unschedule(c.Tx, old, DueBreakoutClose, b.CallID))
		for _, before := range breakoutWarnings() {
			errs = append(errs, unschedule(c.Tx, old.Add(-before), DueBreakoutWarn, b.CallID))
		}
	}
	if b.EndsAt = at; !at.IsZero() {
		errs = append(errs, schedule(c.Tx, at, DueBreakoutClose, b.CallID))
		for _, before := range breakoutWarnings() {
			if warn := at.Add(-before); warn.After(c.now) {
				errs = append(errs, schedule(c.Tx, warn, DueBreakoutWarn, b.CallID))
			}
		}
	}
	return errors.Join(errs...)
}

// Breakouts returns the breakouts of a call: closed ones without rooms when
// nobody has planned any.
func (s *Service) Breakouts(ctx context.Context, actor Actor, callID string) (Breakouts, error) {
	var b Breakouts
	err := s.store.View(ctx, func(tx store.Tx) error {
		c := &change{Tx: tx, Service: s, now: s.clock(), actor: actor}
		if _, err := c.groupCall(callID); err != nil {
			return err
		}
		var err error
		b, err = breakoutsOf(tx, callID)
		return err
	})
	if err != nil {
		return Breakouts{}, fmt.Errorf("read breakouts: %w", err)
	}
	if b.State == BreakoutsOpen && !b.open(s.clock()) {
		b.closed() // as they will be stored in a moment
	}
	return b, nil
}

// closed is what closing makes of breakouts: the plan stays.
func (b *Breakouts) closed() {
	b.State, b.EndsAt, b.Places, b.Help, b.Speaker = BreakoutsPlanned, time.Time{}, nil, nil, ""
}
