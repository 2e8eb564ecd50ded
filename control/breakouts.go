package control

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// OpenBreakouts sends people into the breakouts as planned (R-GC-4), and
// returns when media has everybody there who is connected. A *StateError with
// CodeWrongState when there are none, or they are open.
func (s *Service) OpenBreakouts(ctx context.Context, actor Actor, callID string) (Breakouts, error) {
	var seed [32]byte
	_, _ = rand.Read(seed[:]) // never fails
	return s.actBreakouts(ctx, actor, "open breakouts", callID, func(c *change, call *Call, b *Breakouts) error {
		switch {
		case b.State == BreakoutsOpen:
			return &StateError{CodeWrongState, "The breakout rooms are open already."}
		case len(b.Rooms) == 0:
			return &StateError{CodeWrongState, "There are no breakout rooms yet: plan some."}
		}
		return c.openBreakouts(call, b, seed)
	})
}

// actBreakouts changes the breakouts of a call that the actor moderates, and
// returns them.
func (s *Service) actBreakouts(ctx context.Context, actor Actor, what, callID string, do func(c *change, call *Call, b *Breakouts) error) (Breakouts, error) {
	var b *Breakouts
	err := s.change(ctx, actor, what, func(c *change) error {
		call, err := c.moderated(callID)
		if err != nil {
			return err
		}
		if b, err = c.breakouts(call); err != nil {
			return err
		}
		return do(c, call, b)
	})
	if err != nil {
		return Breakouts{}, err
	}
	return *b, nil
}

func (c *change) openBreakouts(call *Call, b *Breakouts, seed [32]byte) error {
	end := b.EndsAt
	if b.Duration > 0 {
		end = c.now.Add(b.Duration)
	}
	if !end.IsZero() && !end.After(c.now) {
		return &StateError{CodeWrongState, "The time when the breakout rooms were to close is over: plan another one."}
	}
	b.State, b.EndsAt = BreakoutsOpen, time.Time{}
	if err := c.endBreakoutsAt(b, end); err != nil {
		return err
	}
	b.Places = b.assigned(call, seed)
	b.Moves += len(b.Places)
	b.Opened++
	b.RoomsOpened += len(b.Rooms)
	for _, id := range b.placed() {
		c.follows(id)
	}
	c.arranges(call.ID)
	if !end.IsZero() {
		c.announceEnd(b)
	}
	rooms, people := strconv.Itoa(len(b.Rooms)), strconv.Itoa(len(b.Places))
	return errors.Join(c.putBreakouts(call, b),
		c.hookCall(call, "breakouts.opened", "rooms", rooms, "participants", people),
		c.audit("breakouts.open", call.subject(), "rooms", rooms, "participants", people, "assign", string(b.Assign)))
}

// announceEnd tells everybody in the call when the breakouts close, so that
// their clients can count down in the main room too; zero: not by themselves
// any more.
func (c *change) announceEnd(b *Breakouts) {
	c.tell(Audience{RoomIDs: b.roomIDs()}, CallNotice{Code: NoticeBreakoutsEnd, At: b.EndsAt})
}

// CloseBreakouts closes the breakouts in so much time, with the warnings that
// are due until then: everybody is back in the main room when it is over
// (R-GC-4). It never gives more time than there was. A *StateError with
// CodeWrongState when they aren't open.
func (s *Service) CloseBreakouts(ctx context.Context, actor Actor, callID string, in time.Duration) (Breakouts, error) {
	if in != 0 && in != 10*time.Second && in != time.Minute {
		return Breakouts{}, &FieldError{Field: "in_seconds", Message: "must be 0, 10 or 60"}
	}
	return s.actBreakouts(ctx, actor, "close breakouts", callID, func(c *change, call *Call, b *Breakouts) error {
		if b.State != BreakoutsOpen {
			return &StateError{CodeWrongState, notOpen}
		}
		if in == 0 {
			return c.closeBreakouts(call, b, actor)
		}
		end := c.now.Add(in)
		if !b.EndsAt.IsZero() && !end.Before(b.EndsAt) {
			return nil
		}
		if err := c.endBreakoutsAt(b, end); err != nil {
			return err
		}
		c.arranges(call.ID)
		c.announceEnd(b)
		return errors.Join(c.putBreakouts(call, b),
			c.audit("breakouts.close", call.subject(), "in_seconds", strconv.Itoa(int(in/time.Second))))
	})
}

// notOpen says why nobody can be in a breakout.
const notOpen = "The breakout rooms aren't open."

// closeBreakouts sends everybody back to the main room; the plan stays.
func (c *change) closeBreakouts(call *Call, b *Breakouts, by Actor) error {
	people := strconv.Itoa(len(b.Places))
	for _, id := range b.placed() {
		c.follows(id)
	}
	if b.Speaker != "" {
		c.voices(b.Speaker)
	}
	if err := c.endBreakoutsAt(b, time.Time{}); err != nil {
		return err
	}
	b.closed()
	c.arranges(call.ID)
	return errors.Join(c.putBreakouts(call, b),
		c.hookCall(call, "breakouts.closed", "participants", people),
		audit(c.Tx, c.now, by, "breakouts.close", call.subject(), "participants", people))
}

// breakoutWarn is due when everybody is to be told that the breakouts close
// soon.
func (c *change) breakoutWarn(callID string) error {
	call, err := c.call(callID)
	if err != nil {
		return err
	}
	b, err := breakoutsOf(c.Tx, call.ID)
	if err != nil || !b.open(c.now) || b.EndsAt.IsZero() || b.EndsAt.Sub(c.now) > breakoutWarnings()[0] {
		return err // closed, or there is more time again
	}
	c.announceEnd(&b)
	return nil
}

// breakoutClose is due at the end of the breakouts.
func (c *change) breakoutClose(callID string) error {
	call, err := c.call(callID)
	if err != nil {
		return err
	}
	_, err = c.breakouts(call)
	return err
}

// comeBack has media take everybody back whose breakouts are over, where that
// can't be stored, as on a full disk: calls that go on mustn't feel it (SE-13).
// From their end on they belong to the main room, stored or not.
func (s *Service) comeBack(ctx context.Context, callID string) {
	var people []moved
	err := s.store.View(ctx, func(tx store.Tx) error {
		b, err := breakoutsOf(tx, callID)
		people = nil
		for _, id := range b.placed() {
			people = append(people, moved{id: id})
		}
		if b.Speaker != "" {
			people = append(people, moved{id: b.Speaker, voice: true})
		}
		return err
	})
	if err != nil {
		s.log.ErrorContext(ctx, "it could not be read who is in breakouts", "call_id", callID, "err", err)
	}
	s.follow(ctx, people...)
}

// leaveBreakouts forgets somebody who leaves the call.
func (c *change) leaveBreakouts(call *Call, participantID string) error {
	b, err := breakoutsOf(c.Tx, call.ID)
	if err != nil {
		return err
	}
	if b.Speaker == participantID {
		c.voices(participantID)
	}
	if !b.forget(participantID) {
		return nil
	}
	return c.putBreakouts(call, &b)
}

// endBreakouts closes the breakouts of a call that ends.
func (c *change) endBreakouts(call *Call) error {
	b, err := breakoutsOf(c.Tx, call.ID)
	if err != nil || b.State != BreakoutsOpen {
		return err
	}
	return c.closeBreakouts(call, &b, c.actor)
}
