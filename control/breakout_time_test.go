package control_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/store"
)

// R-GC-4: warnings with a minute and ten seconds left, to everybody in all
// rooms; everybody is back at the deadline, and not before.
func TestBreakoutTimer(t *testing.T) {
	s := newSession(t, 4)
	s.planned(control.BreakoutPlan{Assign: control.AssignRandom, Rooms: make([]control.PlannedRoom, 2), Duration: 5 * time.Minute})
	s.step(time.Hour) // it counts from opening
	s.media.TakeTold()
	b := s.openAll()
	end := s.clinic.clock().Add(5 * time.Minute)
	if !b.EndsAt.Equal(end) {
		t.Fatalf("ends at %v; want %v", b.EndsAt, end)
	}
	if told := s.told(control.NoticeBreakoutsEnd); len(told) != 1 || !told[0].Notice.At.Equal(end) {
		t.Errorf("at the opening everybody is told %+v", told)
	}
	if room := s.media.Arranged(b.Rooms[0].ID); !room.EndsAt.Equal(end) {
		t.Errorf("clients count down to %v", room.EndsAt)
	}
	for _, row := range []struct {
		left time.Duration
		told int
	}{
		{61 * time.Second, 0}, {time.Minute, 1}, {11 * time.Second, 0}, {10 * time.Second, 1}, {time.Millisecond, 0},
	} {
		s.setClock(end.Add(-row.left))
		s.due()
		told := s.told(control.NoticeBreakoutsEnd)
		if len(told) != row.told {
			t.Errorf("%v before the end %d notices; want %d", row.left, len(told), row.told)
		}
		for _, n := range told {
			if !n.Notice.At.Equal(end) || len(n.To.RoomIDs) != 3 {
				t.Errorf("%v before the end: %+v", row.left, n)
			}
		}
		for _, g := range s.guests {
			s.wantIn("before the end", g.pid(), b.Places[g.pid()])
		}
	}
	s.setClock(end)
	s.due()
	s.wantAllIn("at the end", s.call)
	if b := s.breakouts(); b.State != control.BreakoutsPlanned || !b.EndsAt.IsZero() || len(b.Places) != 0 {
		t.Errorf("after the end: %+v", b)
	}
	s.openAll() // as long again
	if b := s.breakouts(); !b.EndsAt.Equal(end.Add(5 * time.Minute)) {
		t.Errorf("opened again until %v", b.EndsAt)
	}
}

// What was due at an end that was changed does nothing.
func TestBreakoutTimerChanges(t *testing.T) {
	s := newSession(t, 2)
	rooms := make([]control.PlannedRoom, 1)
	s.planned(control.BreakoutPlan{Assign: control.AssignRandom, Rooms: rooms, EndsAt: s.clinic.clock().Add(2 * time.Minute)})
	b := s.openAll()
	s.step(100 * time.Second)
	rooms[0].ID = b.Rooms[0].ID
	end := s.clinic.clock().Add(10 * time.Minute)
	s.planned(control.BreakoutPlan{Assign: control.AssignRandom, Rooms: rooms, EndsAt: end})
	s.media.TakeTold()
	s.step(3 * time.Minute)
	s.wantAllIn("at the old end", b.Rooms[0].ID)
	if told := s.told(control.NoticeBreakoutsEnd); len(told) != 0 {
		t.Errorf("warned of the old end: %+v", told)
	}
	s.planned(control.BreakoutPlan{Assign: control.AssignRandom, Rooms: rooms}) // no end any more
	if told := s.told(control.NoticeBreakoutsEnd); len(told) != 1 || !told[0].Notice.At.IsZero() {
		t.Errorf("told that there is no end: %+v", told)
	}
	s.setClock(end.Add(time.Hour))
	s.due()
	s.wantAllIn("without an end", b.Rooms[0].ID)
	s.closeIn(0)
	s.planned(control.BreakoutPlan{Rooms: rooms, EndsAt: s.clinic.clock().Add(time.Minute)})
	s.step(time.Minute)
	_, err := s.OpenBreakouts(t.Context(), s.dr.Actor, s.call)
	refusedWith(t, err, control.CodeWrongState) // its end is over
}

// R-GC-4: an end that is as far away as a warning is told once.
func TestBreakoutsOfAMinute(t *testing.T) {
	s := newSession(t, 1)
	for _, d := range []time.Duration{time.Minute, 10 * time.Second} {
		b := s.planned(control.BreakoutPlan{Rooms: make([]control.PlannedRoom, 1), Duration: d})
		s.media.TakeTold()
		s.openAll()
		s.due()
		if told := s.told(control.NoticeBreakoutsEnd); len(told) != 1 {
			t.Errorf("opened for %s: told %d times", d, len(told))
		}
		s.step(2 * time.Second)
		s.planned(control.BreakoutPlan{Rooms: []control.PlannedRoom{{ID: b.Rooms[0].ID}}, Duration: d})
		s.due()
		if told := s.told(control.NoticeBreakoutsEnd); len(told) != 1 {
			t.Errorf("for %s from now: told %d times", d, len(told))
		}
		s.closeIn(0)
	}
}

// R-GC-4: closing gives a minute, ten seconds or none, and never more time than
// there was.
func TestCloseBreakouts(t *testing.T) {
	s := newSession(t, 2)
	s.plan(control.AssignRandom, 1)
	b := s.openAll()
	room := b.Rooms[0].ID
	if _, err := s.CloseBreakouts(t.Context(), s.dr.Actor, s.call, 30*time.Second); err == nil {
		t.Error("closed in 30 s")
	}
	s.media.TakeTold()
	s.closeIn(time.Minute)
	s.due()
	if told := s.told(control.NoticeBreakoutsEnd); len(told) != 1 {
		t.Errorf("told %+v at once", told)
	}
	s.wantAllIn("closing", room)
	s.step(30 * time.Second)
	s.closeIn(time.Minute) // not later than it would
	s.step(20 * time.Second)
	if told := s.told(control.NoticeBreakoutsEnd); len(told) != 1 {
		t.Errorf("told %+v ten seconds before", told)
	}
	s.step(10*time.Second - time.Millisecond)
	s.wantAllIn("closing", room)
	s.step(time.Millisecond)
	s.wantAllIn("closed", s.call)

	s.openAll()
	s.closeIn(time.Minute)
	s.closeIn(10 * time.Second)
	s.step(10 * time.Second)
	s.wantAllIn("closed in ten seconds", s.call)
	s.step(time.Hour) // what was due at the first end
	if got := len(s.events("breakouts.closed")); got != 2 {
		t.Errorf("closed %d times", got)
	}
}

// R-GC-4, R-GC-6, SE-12: a kill in mid-breakouts: people come back to the
// breakout that they were in, and the deadline is the one it was; if it passed
// meanwhile they are in the main room.
func TestBreakoutsSurviveTheServer(t *testing.T) {
	s := newSession(t, 6)
	s.planned(control.BreakoutPlan{Assign: control.AssignRandom, Rooms: make([]control.PlannedRoom, 3), Duration: 3 * time.Minute})
	b := s.openAll()
	s.move(s.guests[0].pid(), control.MainRoom)
	if err := s.BroadcastVoice(t.Context(), s.dr, s.call, true); err != nil {
		t.Fatal(err)
	}
	s.kill(30 * time.Second)
	s.everybodyBack()
	for _, g := range s.guests[1:] {
		s.wantIn("after a kill", g.pid(), b.Places[g.pid()])
	}
	s.wantIn("after a kill", s.guests[0].pid(), s.call)
	if got := s.media.Attached(s.host.ParticipantID); len(got) != 3 {
		t.Errorf("the moderator is heard in %v", got)
	}
	if room, _ := s.media.Placed(s.guests[1].pid()); !room.EndsAt.Equal(b.EndsAt) {
		t.Errorf("the deadline is %v; it was %v", room.EndsAt, b.EndsAt)
	}
	s.media.TakeTold()
	s.setClock(b.EndsAt.Add(-time.Minute))
	s.due()
	if told := s.told(control.NoticeBreakoutsEnd); len(told) != 1 || !told[0].Notice.At.Equal(b.EndsAt) {
		t.Errorf("a minute before: %+v", told)
	}
	s.setClock(b.EndsAt)
	s.due()
	s.wantAllIn("at the deadline", s.call)

	b = s.openAll()
	s.kill(3*time.Minute + time.Second)
	// Who is faster than the scheduler belongs to the main room already, in
	// time for their seats: renewed by the start.
	s.everybodyBack()
	s.wantAllIn("the deadline passed meanwhile", s.call)
	if _, ok := b.Places[s.guests[0].pid()]; !ok || s.breakouts().State != control.BreakoutsPlanned {
		t.Errorf("open after the deadline: %+v", s.breakouts())
	}
	s.due()
	s.wantAllIn("and closed", s.call)
	if got := len(s.events("breakouts.closed")); got != 2 {
		t.Errorf("closed %d times", got)
	}
}

// R-GC-6: breakouts go on and end without their moderator, also when the seat
// is lost; who returns moderates them again.
func TestBreakoutsWithoutTheirModerator(t *testing.T) {
	s := newSession(t, 3)
	s.planned(control.BreakoutPlan{Assign: control.AssignRandom, Rooms: make([]control.PlannedRoom, 2), Duration: 5 * time.Minute})
	b := s.openAll()
	if err := s.BroadcastVoice(t.Context(), s.dr, s.call, true); err != nil {
		t.Fatal(err)
	}
	s.drop(s.host.ParticipantID)
	s.left(s.host.ParticipantID, control.DepartedExpired)
	s.step(control.SeatTime)
	for _, g := range s.guests {
		s.wantIn("without a moderator", g.pid(), b.Places[g.pid()])
	}
	if now := s.breakouts(); now.State != control.BreakoutsOpen || !now.EndsAt.Equal(b.EndsAt) || now.Speaker != "" {
		t.Errorf("without a moderator: %+v", now)
	}
	back := s.colleague(s.dr)
	s.wantIn("the moderator, back", back.ParticipantID, s.call)
	s.move(s.guests[0].pid(), control.MainRoom)
	s.wantIn("moved by who is back", s.guests[0].pid(), s.call)
	s.left(back.ParticipantID, control.DepartedLeft)
	s.setClock(b.EndsAt)
	s.due()
	s.wantAllIn("at the deadline", s.call)
}

// R-PV-2: who did what in breakouts stands in the audit log, without what was
// written.
func TestBreakoutsAreAudited(t *testing.T) {
	s := newSession(t, 2)
	s.plan(control.AssignRandom, 1)
	b := s.openAll()
	s.move(s.host.ParticipantID, b.Rooms[0].ID)
	if err := errors.Join(
		s.AskForHelp(t.Context(), s.guests[0].actor, s.call, true),
		s.BroadcastText(t.Context(), s.dr, s.call, "Canary", nil),
		s.BroadcastVoice(t.Context(), s.dr, s.call, true),
	); err != nil {
		t.Fatal(err)
	}
	s.closeIn(0)
	for action, by := range map[string]string{
		"breakouts.plan": s.dr.Actor.ID, "breakouts.open": s.dr.Actor.ID, "breakouts.move": s.dr.Actor.ID,
		"breakouts.broadcast": s.dr.Actor.ID, "breakouts.help": s.guests[0].id, "breakouts.close": s.dr.Actor.ID,
	} {
		found := false
		s.each("audit/", func(record string) {
			found = found || strings.Contains(record, by) && strings.Contains(record, s.call) && !strings.Contains(record, "Canary")
		}, `"action":"`+action+`"`)
		if !found {
			t.Errorf("no %s by %s in the audit log", action, by)
		}
	}
}

// A call that ends takes its breakouts with it: nothing is due any more, and
// what reports need stays.
func TestBreakoutsEndWithTheCall(t *testing.T) {
	s := newSession(t, 3)
	s.planned(control.BreakoutPlan{Assign: control.AssignRandom, Rooms: make([]control.PlannedRoom, 2), Duration: time.Hour})
	s.openAll()
	if err := s.EndCall(context.Background(), s.dr.Actor, s.call); err != nil {
		t.Fatal(err)
	}
	s.wantAllIn("ended", "gone")
	s.each("due/", func(record string) { t.Errorf("still due: %s", record) }, "breakout_")
	kept := 0
	s.each("breakouts/", func(string) { kept++ }, `"state":"planned"`)
	if kept != 1 {
		t.Errorf("%d records for reports", kept)
	}
	if got := len(s.events("breakouts.closed")); got != 1 {
		t.Errorf("closed %d times", got)
	}
}

// fullStore has no room for anything.
type fullStore struct{ store.Store }

func (fullStore) Update(context.Context, func(store.Tx) error) error { return store.ErrFull }

// R-GC-4, SE-13: on a full disk everybody is back in time too; that they are is
// stored when there is room again.
func TestBreakoutsCloseOnAFullDisk(t *testing.T) {
	s := newSession(t, 3)
	s.planned(control.BreakoutPlan{Assign: control.AssignRandom, Rooms: make([]control.PlannedRoom, 2), Duration: time.Minute})
	b := s.openAll()
	if err := s.BroadcastVoice(t.Context(), s.dr, s.call, true); err != nil {
		t.Fatal(err)
	}
	s.move(s.host.ParticipantID, b.Rooms[0].ID) // speaks, and visits one
	full, err := control.New(control.Options{
		Store: fullStore{s.store}, Media: &s.media, Secrets: s.keys, Vault: &s.vault, Outbox: &s.outbox, Now: s.clinic.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.setClock(s.clinic.clock().Add(time.Minute))
	if _, err := full.DoDue(t.Context()); err == nil {
		t.Error("a full disk is no error")
	}
	s.wantAllIn("on a full disk", s.call)
	if voice := s.media.Attached(s.host.ParticipantID); len(voice) != 0 {
		t.Errorf("the moderator is heard in %v", voice)
	}
	s.due()
	s.wantAllIn("with room again", s.call)
	if got := len(s.events("breakouts.closed")); got != 1 {
		t.Errorf("closed %d times", got)
	}
}
