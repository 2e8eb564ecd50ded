package control_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/atriumrtc/atrium/control"
)

// R-GC-4: up to 30 rooms, with names; what can't be is refused and says where.
func TestBreakoutPlan(t *testing.T) {
	s := newSession(t, 2)
	rooms := func(n int) []control.PlannedRoom { return make([]control.PlannedRoom, n) }
	now := s.clinic.clock()
	for _, row := range []struct {
		plan  control.BreakoutPlan
		field string
	}{
		{control.BreakoutPlan{}, "rooms"},
		{control.BreakoutPlan{Rooms: rooms(31)}, "rooms"},
		{control.BreakoutPlan{Rooms: []control.PlannedRoom{{}, {Name: "a\nb"}}}, "rooms[1].name"},
		{control.BreakoutPlan{Rooms: []control.PlannedRoom{{ID: uuid.NewString()}}}, "rooms[0].id"},
		{control.BreakoutPlan{Rooms: rooms(1), Assign: "fairly"}, "assign"},
		{control.BreakoutPlan{Rooms: rooms(1), EndsAt: now}, "ends_at"},
		{control.BreakoutPlan{Rooms: rooms(1), EndsAt: now.Add(time.Hour), Duration: time.Hour}, "ends_at"},
		{control.BreakoutPlan{Rooms: rooms(1), Duration: control.GroupTime + time.Second}, "duration_seconds"},
		{control.BreakoutPlan{Rooms: []control.PlannedRoom{
			{Participants: []string{s.guests[0].pid()}}, {Participants: []string{s.guests[0].pid()}},
		}}, "rooms[1].participants"},
	} {
		_, err := s.PlanBreakouts(t.Context(), s.dr.Actor, s.call, row.plan)
		var field *control.FieldError
		if !errors.As(err, &field) || field.Field != row.field {
			t.Errorf("%+v: %v; want the field %s refused", row.plan, err, row.field)
		}
	}
	if b := s.breakouts(); b.State != control.BreakoutsPlanned || len(b.Rooms) != 0 {
		t.Errorf("before any plan: %+v", b)
	}
	b := s.planned(control.BreakoutPlan{Rooms: rooms(control.MaxBreakouts)})
	if len(b.Rooms) != 30 || b.Rooms[29].Name != "Room 30" || b.Assign != control.AssignManual {
		t.Errorf("planned %+v", b)
	}
	next := s.planned(control.BreakoutPlan{Rooms: []control.PlannedRoom{
		{ID: b.Rooms[2].ID, Name: "Blue", Participants: []string{uuid.NewString()}}, {ID: b.Rooms[0].ID}, {Name: "New"},
	}})
	if next.Rooms[0] != (control.BreakoutRoom{ID: b.Rooms[2].ID, Name: "Blue"}) || next.Rooms[1].ID != b.Rooms[0].ID ||
		next.Rooms[2].Name != "New" || len(next.Plan) != 0 {
		t.Errorf("planned anew: %+v", next)
	}
	s.wantAllIn("planned", s.call)
}

func TestBreakoutsOfOtherCalls(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	a := f.admit(f.dr, f.arrive("Ana"), control.AdmitSpec{})
	_, err := f.Breakouts(t.Context(), f.dr.Actor, a.Call.ID)
	refusedWith(t, err, control.CodeWrongState)
	_, err = f.PlanBreakouts(t.Context(), f.dr.Actor, a.Call.ID, control.BreakoutPlan{Rooms: make([]control.PlannedRoom, 1)})
	refusedWith(t, err, control.CodeWrongState)
	s := sessionIn(f, 1)
	foreign := control.Actor{Kind: control.ActorAccount, ID: uuid.NewString(), OrganisationID: uuid.NewString()}
	for what, err := range map[string]error{
		"a foreign one":   s.MoveMember(t.Context(), foreign, s.call, s.host.ParticipantID, control.MainRoom),
		"an unknown call": s.MoveMember(t.Context(), s.dr.Actor, uuid.NewString(), s.host.ParticipantID, control.MainRoom),
		"a guest's other": s.ChooseBreakout(t.Context(), s.guests[0].actor, a.Call.ID, control.MainRoom),
	} {
		if !errors.Is(err, control.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// R-GC-4: by hand, with moves at any time and everybody back at the end.
func TestBreakoutsByHand(t *testing.T) {
	s := newSession(t, 4)
	g := s.guests
	s.plan(control.AssignManual, 2, []string{g[0].pid(), g[1].pid()}, []string{g[2].pid(), s.host.ParticipantID})
	_, err := s.CloseBreakouts(t.Context(), s.dr.Actor, s.call, 0)
	refusedWith(t, err, control.CodeWrongState)
	refusedWith(t, s.MoveMember(t.Context(), s.dr.Actor, s.call, g[0].pid(), s.breakouts().Rooms[0].ID), control.CodeWrongState)
	b := s.openAll()
	one, two := b.Rooms[0].ID, b.Rooms[1].ID
	s.wantIn("planned", g[0].pid(), one)
	s.wantIn("planned", g[1].pid(), one)
	s.wantIn("planned", g[2].pid(), two)
	s.wantIn("planned, a moderator", s.host.ParticipantID, two)
	s.wantIn("not planned", g[3].pid(), s.call)
	_, err = s.OpenBreakouts(t.Context(), s.dr.Actor, s.call)
	refusedWith(t, err, control.CodeWrongState)

	late := s.come()
	s.wantIn("late", late.pid(), s.call)
	s.move(late.pid(), two)
	s.wantIn("moved", late.pid(), two)
	s.move(g[0].pid(), two)
	s.move(g[0].pid(), two) // again: nothing
	s.wantIn("moved", g[0].pid(), two)
	s.move(s.host.ParticipantID, one)
	s.wantIn("visiting", s.host.ParticipantID, one)
	s.move(s.host.ParticipantID, control.MainRoom)
	s.wantIn("back from a visit", s.host.ParticipantID, s.call)
	for what, err := range map[string]error{
		"into another's room": s.MoveMember(t.Context(), s.dr.Actor, s.call, g[0].pid(), uuid.NewString()),
		"into no room":        s.MoveMember(t.Context(), s.dr.Actor, s.call, g[0].pid(), ""),
		"nobody":              s.MoveMember(t.Context(), s.dr.Actor, s.call, uuid.NewString(), one),
	} {
		if !errors.Is(err, control.ErrNotFound) {
			t.Errorf("moved %s: %v", what, err)
		}
	}
	if b := s.breakouts(); b.Moves != 4+4 || b.Opened != 1 || b.RoomsOpened != 2 {
		t.Errorf("counted %d moves, %d openings, %d rooms", b.Moves, b.Opened, b.RoomsOpened)
	}

	s.closeIn(0)
	s.wantAllIn("closed", s.call)
	s.openAll() // as it was planned, not as it was left
	s.wantIn("opened again", g[0].pid(), one)
	s.wantIn("opened again", late.pid(), s.call)
	if got := strings.Join(s.events("breakouts."), " "); got != "breakouts.opened breakouts.closed breakouts.opened" {
		t.Errorf("webhooks: %s", got)
	}
	if got := len(s.events("participant.moved")); got != 4 {
		t.Errorf("%d webhooks of moves", got)
	}
}

// R-GC-4: several are moved by one request, all of them or none.
func TestMoveMembers(t *testing.T) {
	s := newSession(t, 4)
	g := s.guests
	s.plan(control.AssignManual, 2)
	move := func(moves ...control.Move) (control.Breakouts, error) {
		return s.MoveMembers(t.Context(), s.dr.Actor, s.call, moves)
	}
	one, two := s.breakouts().Rooms[0].ID, s.breakouts().Rooms[1].ID
	_, err := move(control.Move{ParticipantID: g[0].pid(), Room: one})
	refusedWith(t, err, control.CodeWrongState)
	s.openAll()
	left := g[3].pid()
	if err := s.LeaveVisit(t.Context(), g[3].actor, g[3].id); err != nil {
		t.Fatal(err)
	}
	b, err := move(control.Move{g[0].pid(), one}, control.Move{g[1].pid(), two}, control.Move{left, two},
		control.Move{s.host.ParticipantID, two}, control.Move{g[2].pid(), control.MainRoom})
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{g[0].pid(): one, g[1].pid(): two, s.host.ParticipantID: two}; !maps.Equal(b.Places, want) || b.Moves != 3 {
		t.Errorf("moved to %v, %d moves; want %v", b.Places, b.Moves, want)
	}
	s.wantIn("moved", g[0].pid(), one)
	s.wantIn("moved with the moderator", g[1].pid(), two)
	s.wantIn("a moderator, moved", s.host.ParticipantID, two)
	s.wantIn("where they were", g[2].pid(), s.call)

	long := make([]control.Move, control.Group.Limit()+1)
	for field, moves := range map[string][]control.Move{
		"moves":                   {},
		"moves[1].room":           {{g[0].pid(), two}, {g[1].pid(), uuid.NewString()}},
		"moves[1].participant_id": {{g[0].pid(), two}, {g[0].pid(), one}},
	} {
		_, err := move(moves...)
		var wrong *control.FieldError
		if !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := move(long...); err == nil {
		t.Error("more than there can be: moved")
	}
	s.wantIn("all or none", g[0].pid(), one)
	if b := s.breakouts(); b.Moves != 3 {
		t.Errorf("%d moves after refusals", b.Moves)
	}
	if got := len(s.events("participant.moved")); got != 3 {
		t.Errorf("%d webhooks of moves", got)
	}
	_, err = s.MoveMembers(t.Context(), g[0].actor, s.call, []control.Move{{g[1].pid(), one}})
	if !errors.Is(err, control.ErrNotModerator) {
		t.Errorf("a guest moves somebody: %v", err)
	}
}

// R-GC-4: rooms come and go while breakouts are open.
func TestBreakoutPlanWhileOpen(t *testing.T) {
	s := newSession(t, 3)
	g := s.guests
	s.plan(control.AssignManual, 2, []string{g[0].pid()}, []string{g[1].pid(), g[2].pid()})
	b := s.openAll()
	help(t, s, g[1], true)
	gone := b.Rooms[1].ID
	b = s.planned(control.BreakoutPlan{
		Rooms:    []control.PlannedRoom{{ID: b.Rooms[0].ID, Name: "Blue"}, {Name: "Third"}},
		Duration: time.Hour,
	})
	s.wantIn("in a room that stays", g[0].pid(), b.Rooms[0].ID)
	s.wantIn("in a room that went", g[1].pid(), s.call)
	s.wantIn("in a room that went", g[2].pid(), s.call)
	told := make(map[string]string)
	for _, e := range s.clinic.told("participant.moved") {
		told[e.Data["participant_id"]] = e.Data["from"] + " to " + e.Data["to"]
	}
	back := gone + " to " + control.MainRoom
	if want := map[string]string{g[1].pid(): back, g[2].pid(): back}; !maps.Equal(told, want) || b.Moves != 3+2 {
		t.Errorf("webhooks tell of %v, %d moves; want %v", told, b.Moves, want)
	}
	audit, err := s.Audit(t.Context(), s.dr.Actor, s.org, control.AuditFilter{Action: "breakouts.move"}, control.Query{})
	if err != nil || len(audit.Items) != 2 || audit.Items[0].Details["room"] != control.MainRoom {
		t.Errorf("the audit log tells of %+v, %v", audit.Items, err)
	}
	s.move(g[2].pid(), b.Rooms[1].ID)
	s.wantIn("moved into the new room", g[2].pid(), b.Rooms[1].ID)
	if len(b.Help) != 0 || !b.EndsAt.Equal(s.clinic.clock().Add(time.Hour)) || b.RoomsOpened != 3 {
		t.Errorf("breakouts %+v", b)
	}
	if room := s.media.Arranged(b.Rooms[0].ID); room.Name != "Blue" || room.Kind != "breakout" || !room.EndsAt.Equal(b.EndsAt) {
		t.Errorf("the renamed room is arranged as %+v", room)
	}
}

// R-GC-4: evenly at random: sizes differ by at most one, everybody is
// somewhere and once.
func TestEvenly(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 70).Draw(rt, "people")
		var people []string
		for i := range n {
			people = append(people, fmt.Sprint("p", i))
		}
		rooms := make([]control.BreakoutRoom, rapid.IntRange(1, control.MaxBreakouts).Draw(rt, "rooms"))
		for i := range rooms {
			rooms[i].ID = fmt.Sprint("r", i)
		}
		var seed [32]byte
		copy(seed[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(rt, "seed"))
		places := control.Evenly(people, rooms, seed)
		sizes := make(map[string]int)
		for _, r := range rooms {
			sizes[r.ID] = 0
		}
		for _, p := range people {
			if _, ok := sizes[places[p]]; !ok {
				rt.Fatalf("%s is in %q", p, places[p])
			}
			sizes[places[p]]++
		}
		counts := slices.Sorted(maps.Values(sizes))
		if len(places) != n || counts[len(counts)-1]-counts[0] > 1 {
			rt.Fatalf("%d of %d people, in rooms of %v", len(places), n, counts)
		}
	})
}

// R-GC-4: at random: moderators stay, and it isn't the same each time.
func TestBreakoutsAtRandom(t *testing.T) {
	s := newSession(t, 12)
	s.plan(control.AssignRandom, 4)
	first := s.openAll()
	sizes := make(map[string]int)
	for i, g := range s.guests {
		s.wantIn(fmt.Sprint("guest ", i), g.pid(), first.Places[g.pid()])
		sizes[first.Places[g.pid()]]++
	}
	for _, r := range first.Rooms {
		if sizes[r.ID] != 3 {
			t.Errorf("sizes %v", sizes)
		}
	}
	s.wantIn("the moderator", s.host.ParticipantID, s.call)
	same := 0
	for range 5 { // 369,600 ways to deal them
		s.closeIn(0)
		if maps.Equal(first.Places, s.openAll().Places) {
			same++
		}
	}
	if same > 1 {
		t.Errorf("dealt out alike %d times of 5", same)
	}
}

// R-GC-4: by choice, of those who come late too.
func TestBreakoutsByChoice(t *testing.T) {
	s := newSession(t, 2)
	b := s.plan(control.AssignChoose, 2)
	choose := func(g *guest, room string) error { return s.ChooseBreakout(t.Context(), g.actor, s.call, room) }
	refusedWith(t, choose(s.guests[0], b.Rooms[0].ID), control.CodeWrongState)
	s.openAll()
	s.wantAllIn("nobody has chosen", s.call)
	if got := s.media.Arranged(s.call).Controls.Breakouts; !slices.Equal(got, b.Rooms) {
		t.Errorf("to choose from: %v", got)
	}
	late := s.come()
	for _, row := range []struct {
		g    *guest
		room string
	}{{s.guests[0], b.Rooms[0].ID}, {late, b.Rooms[0].ID}, {late, b.Rooms[1].ID}, {s.guests[0], control.MainRoom}} {
		if err := choose(row.g, row.room); err != nil {
			t.Fatal(err)
		}
		want := row.room
		if want == control.MainRoom {
			want = s.call
		}
		s.wantIn("chose", row.g.pid(), want)
	}
	if err := choose(late, uuid.NewString()); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("chose another's room: %v", err)
	}
	if err := s.ChooseBreakout(t.Context(), s.dr.Actor, s.call, b.Rooms[0].ID); !errors.Is(err, control.ErrForbidden) {
		t.Errorf("chosen by staff: %v", err)
	}
	s.closeIn(0)
	s.wantAllIn("closed", s.call)
	if got := s.media.Arranged(s.call).Controls.Breakouts; len(got) != 0 {
		t.Errorf("to choose from when closed: %v", got)
	}
	s.plan(control.AssignRandom, 2)
	s.openAll()
	refusedWith(t, choose(late, control.MainRoom), control.CodeWrongState)
}
