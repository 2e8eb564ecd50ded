package control

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// What the rooms of a call show (who is in charge, the spotlight, the end) is
// read from the store, after the commit, and media is told of it: like places
// (placement.go), so that the last to tell has read the last state.

// effects are what follows from a change once it is committed, beside places.
type effects struct {
	moved    []moved
	arranged []string // calls
	told     []told
}

// told is a notice to give.
type told struct {
	to     Audience
	notice CallNotice
}

// tell notes a notice to give.
func (c *change) tell(to Audience, n CallNotice) { c.told = append(c.told, told{to, n}) }

// arranges notes that what the rooms of a call show may be something else now.
func (c *change) arranges(callID string) {
	if !slices.Contains(c.arranged, callID) {
		c.arranged = append(c.arranged, callID)
	}
}

// carryOut has media do what follows from a change that is committed. Errors
// are logged: places and rooms are told anew with the next change.
func (s *Service) carryOut(ctx context.Context, e effects) {
	s.follow(ctx, e.moved...)
	for _, callID := range e.arranged {
		s.arrange(ctx, callID)
	}
	for _, t := range e.told {
		if err := s.media.Tell(ctx, t.to, t.notice); err != nil && !errors.Is(err, ErrNotFound) {
			s.log.WarnContext(ctx, "a notice could not be given", "code", string(t.notice.Code), "err", err)
		}
	}
}

// arrange tells media what the rooms of a call show now.
func (s *Service) arrange(ctx context.Context, callID string) {
	defer s.arranging.lock(callID)()
	var rooms []MediaRoom
	err := s.store.View(ctx, func(tx store.Tx) error {
		call, err := get[Call](tx, prefixCall+callID)
		if err != nil || call.State != CallLive {
			return err
		}
		rooms, err = roomsOf(tx, &call, s.clock())
		return err
	})
	for _, room := range rooms {
		err = errors.Join(err, s.media.Arrange(ctx, room))
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		s.log.ErrorContext(ctx, "the rooms of a call could not be arranged", "call_id", callID, "err", err)
	}
}

// roomsOf are the rooms of a call as media knows them: its own, and the
// breakouts while they are open.
func roomsOf(tx store.Tx, call *Call, now time.Time) ([]MediaRoom, error) {
	b, err := breakoutsOf(tx, call.ID)
	if err != nil {
		return nil, err
	}
	if !b.open(now) {
		return []MediaRoom{*call.room(nil)}, nil
	}
	rooms := []MediaRoom{*call.room(&b)}
	for _, r := range b.Rooms {
		rooms = append(rooms, *call.breakoutRoom(&b, r))
	}
	return rooms, nil
}

// breakoutsOf reads the breakout rooms of a call; none, planned, when there is
// no record.
func breakoutsOf(tx store.Tx, callID string) (Breakouts, error) {
	b, err := get[Breakouts](tx, prefixBreakouts+callID)
	if errors.Is(err, ErrNotFound) {
		return Breakouts{CallID: callID, State: BreakoutsPlanned}, nil
	}
	return b, err
}

// room is the call as media knows it. b are its breakouts, nil for none.
func (c *Call) room(b *Breakouts) *MediaRoom {
	return &MediaRoom{
		ID: c.ID, Name: c.Title, Kind: string(c.Kind), Capacity: c.Kind.Limit(), EndsAt: c.EndsAt,
		Controls: c.roomControls(b),
	}
}

// breakoutRoom is one of a call's breakouts as media knows it. It ends with the
// call, or before.
func (c *Call) breakoutRoom(b *Breakouts, r BreakoutRoom) *MediaRoom {
	end := c.EndsAt
	if end.IsZero() || !b.EndsAt.IsZero() && b.EndsAt.Before(end) {
		end = b.EndsAt
	}
	return &MediaRoom{
		ID: r.ID, Name: r.Name, Kind: "breakout", Capacity: c.Kind.Limit(), EndsAt: end,
		Controls: c.roomControls(b),
	}
}

// roomControls are what holds in every room of a call.
func (c *Call) roomControls(b *Breakouts) RoomControls {
	controls := RoomControls{
		ChatOff: c.Controls.ChatOff, Spotlight: c.Controls.Spotlight, InCharge: c.InCharge, Call: c.ID,
	}
	if b == nil || b.State != BreakoutsOpen {
		return controls
	}
	controls.BreakoutsOpen, controls.BreakoutsEndAt = true, b.EndsAt
	if b.Assign == AssignChoose {
		controls.Breakouts = b.Rooms
	}
	return controls
}
