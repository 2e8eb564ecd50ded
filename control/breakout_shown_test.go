package control_test

import (
	"slices"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
)

// R-GC-4: that the breakouts are open, until when, and what one can choose is
// what the rooms of a call show, and no notice that one can miss: to who comes
// late, comes back, and after a kill.
func TestBreakoutsAreShown(t *testing.T) {
	s := newSession(t, 2)
	b := s.planned(control.BreakoutPlan{Assign: control.AssignChoose, Rooms: make([]control.PlannedRoom, 2), Duration: 10 * time.Minute})
	shown := func(when, participant string, open bool, end time.Time, choice ...control.BreakoutRoom) {
		t.Helper()
		room, ok := s.media.Placed(participant)
		for what, c := range map[string]control.RoomControls{"placed": room.Controls, "arranged": s.media.Arranged(room.ID).Controls} {
			if !ok || c.BreakoutsOpen != open || !c.BreakoutsEndAt.Equal(end) || !slices.Equal(c.Breakouts, choice) {
				t.Errorf("%s, %s: %t until %v, choice %v; want %t, %v, %v", when, what, c.BreakoutsOpen, c.BreakoutsEndAt, c.Breakouts, open, end, choice)
			}
		}
	}
	shown("planned", s.guests[0].pid(), false, time.Time{})
	end := s.openAll().EndsAt
	if err := s.ChooseBreakout(t.Context(), s.guests[1].actor, s.call, b.Rooms[1].ID); err != nil {
		t.Fatal(err)
	}
	s.step(time.Minute)
	late := s.come()
	shown("who comes late", late.pid(), true, end, b.Rooms...)
	shown("who is in a breakout", s.guests[1].pid(), true, end, b.Rooms...)

	s.media.Disconnect(s.guests[0].pid())
	s.drop(s.guests[0].pid())
	s.step(30 * time.Second)
	join, err := s.VisitSeat(t.Context(), s.guests[0].actor, s.guests[0].id)
	if err != nil {
		t.Fatal(err)
	}
	s.connect(join)
	shown("who comes back", join.ParticipantID, true, end, b.Rooms...)
	s.kill(30 * time.Second)
	s.everybodyBack()
	for _, g := range s.guests {
		shown("after a kill", g.pid(), true, end, b.Rooms...)
	}
	shown("the moderator, after a kill", s.host.ParticipantID, true, end, b.Rooms...)

	s.closeIn(time.Minute)
	end = s.breakouts().EndsAt
	if room := s.media.Arranged(s.call); !room.Controls.BreakoutsEndAt.Equal(end) {
		t.Errorf("closing, the main room shows %v; want %v", room.Controls.BreakoutsEndAt, end)
	}
	s.kill(2 * time.Minute)
	s.everybodyBack() // before anything is due
	shown("back after the end", s.guests[0].pid(), false, time.Time{})
	s.due()
	shown("closed", s.guests[0].pid(), false, time.Time{})

	s.plan(control.AssignRandom, 1)
	s.openAll()
	shown("nothing to choose, no end", s.guests[0].pid(), true, time.Time{})
	if c := s.media.Arranged(s.call).Controls; !c.BreakoutsOpen || !c.BreakoutsEndAt.IsZero() || len(c.Breakouts) > 0 {
		t.Errorf("the main room shows %+v", c)
	}
}
