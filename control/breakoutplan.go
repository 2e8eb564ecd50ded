package control

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// BreakoutPlan is what breakouts are to be. It replaces the plan before.
type BreakoutPlan struct {
	Rooms  []PlannedRoom  // 1 to MaxBreakouts
	Assign BreakoutAssign // "": AssignManual
	// EndsAt is when they close. Duration is how long they are open: from
	// opening, or from now when they are open. At most one of them; none:
	// until they are closed.
	EndsAt   time.Time
	Duration time.Duration
}

// PlannedRoom is a room of a BreakoutPlan.
type PlannedRoom struct {
	ID   string // of a room that there is; "": a new one
	Name string // "": by its number
	// Participants are who goes there when the breakouts are opened by
	// AssignManual. Those who aren't in the call are left out.
	Participants []string
}

func (p BreakoutPlan) clean() (BreakoutPlan, error) {
	if len(p.Rooms) < 1 || len(p.Rooms) > MaxBreakouts {
		return p, &FieldError{Field: "rooms", Message: fmt.Sprintf("must be 1 to %d rooms", MaxBreakouts)}
	}
	rooms := make([]PlannedRoom, len(p.Rooms))
	for i, r := range p.Rooms {
		if r.Name == "" {
			r.Name = "Room " + strconv.Itoa(i+1)
		}
		var err error
		if r.Name, err = CleanName(fmt.Sprintf("rooms[%d].name", i), r.Name); err != nil {
			return p, err
		}
		rooms[i] = r
	}
	p.Rooms = rooms
	switch p.Assign {
	case "":
		p.Assign = AssignManual
	case AssignManual, AssignRandom, AssignChoose:
	default:
		return p, &FieldError{Field: "assign", Message: "must be manual, random or choose"}
	}
	p.EndsAt = p.EndsAt.UTC().Truncate(time.Millisecond)
	p.Duration = p.Duration.Truncate(time.Millisecond)
	switch {
	case p.Duration < 0 || p.Duration > GroupTime:
		return p, &FieldError{Field: "duration_seconds", Message: fmt.Sprintf("must be at most %d", int(GroupTime/time.Second))}
	case p.Duration > 0 && !p.EndsAt.IsZero():
		return p, &FieldError{Field: "ends_at", Message: "must be left out with duration_seconds"}
	}
	return p, nil
}

// PlanBreakouts says what the breakouts of a call are to be (R-GC-4). While
// they are open, rooms can be added, renamed and taken away: who is in one
// that goes comes back to the main room; nobody else is moved.
func (s *Service) PlanBreakouts(ctx context.Context, actor Actor, callID string, plan BreakoutPlan) (Breakouts, error) {
	plan, err := plan.clean()
	if err != nil {
		return Breakouts{}, err
	}
	ids := make([]string, len(plan.Rooms))
	for i := range ids {
		if ids[i], err = newID(); err != nil {
			return Breakouts{}, err
		}
	}
	return s.actBreakouts(ctx, actor, "plan breakouts", callID, func(c *change, call *Call, b *Breakouts) error {
		if !plan.EndsAt.IsZero() && !plan.EndsAt.After(c.now) {
			return &FieldError{Field: "ends_at", Message: "must be in the future"}
		}
		before := len(b.Rooms)
		if err := b.plan(call, plan, ids); err != nil {
			return err
		}
		if b.State == BreakoutsOpen {
			if err := c.planOpen(call, b, plan); err != nil {
				return err
			}
		} else {
			b.EndsAt = plan.EndsAt
		}
		return errors.Join(c.putBreakouts(call, b), c.audit("breakouts.plan", call.subject(),
			"rooms", strconv.Itoa(len(b.Rooms)), "before", strconv.Itoa(before), "assign", string(b.Assign)))
	})
}

// plan takes a plan over; ids are those of new rooms.
func (b *Breakouts) plan(call *Call, plan BreakoutPlan, ids []string) error {
	rooms := make([]BreakoutRoom, 0, len(plan.Rooms))
	places, taken := make(map[string]string), make(map[string]bool)
	for i, r := range plan.Rooms {
		id := r.ID
		switch {
		case id == "":
			id = ids[i]
		case !b.has(id) || taken[id]:
			return &FieldError{Field: fmt.Sprintf("rooms[%d].id", i),
				Message: "must be that of one of the call's breakout rooms, named once; leave it out for a new room"}
		}
		taken[id] = true
		for _, participant := range r.Participants {
			if places[participant] != "" {
				return &FieldError{Field: fmt.Sprintf("rooms[%d].participants", i), Message: "must not name anybody twice"}
			}
			if call.member(participant) != nil {
				places[participant] = id
			}
		}
		rooms = append(rooms, BreakoutRoom{ID: id, Name: r.Name})
	}
	b.Rooms, b.Plan, b.Assign, b.Duration = rooms, places, plan.Assign, plan.Duration
	return nil
}

// planOpen makes breakouts that are open agree with their new plan.
func (c *change) planOpen(call *Call, b *Breakouts, plan BreakoutPlan) error {
	if err := c.emptyRooms(call, b); err != nil {
		return err
	}
	b.answer(func(h HelpRequest) bool { return !b.has(h.RoomID) })
	for _, r := range plan.Rooms {
		if r.ID == "" {
			b.RoomsOpened++
		}
	}
	if b.Speaker != "" {
		c.voices(b.Speaker)
	}
	end := plan.EndsAt
	if plan.Duration > 0 {
		end = c.now.Add(plan.Duration)
	}
	changed := !end.Equal(b.EndsAt)
	if err := c.endBreakoutsAt(b, end); err != nil {
		return err
	}
	if changed {
		c.announceEnd(b)
	}
	c.arranges(call.ID)
	return nil
}

// emptyRooms moves everybody into the main room who is in a room that the
// breakouts no longer have.
func (c *change) emptyRooms(call *Call, b *Breakouts) error {
	for _, id := range b.placed() {
		m := call.member(id)
		if m == nil || b.has(b.Places[id]) {
			continue
		}
		_, err := c.reroom(call, b, m, MainRoom)
		err = errors.Join(err, c.audit("breakouts.move", call.subject(), "participant_id", id, "room", MainRoom))
		if err != nil {
			return err
		}
	}
	return nil
}
