package control_test

import (
	"fmt"
	"maps"
	"strconv"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/report"
)

// watched is a group's call that somebody watches from outside, by which room
// media has people in.
type watched struct {
	*session
	moves, rooms, peak int
}

// act does something, and counts who is in another room of the call after it.
func (w *watched) act(do func()) {
	w.t.Helper()
	before := w.at()
	do()
	after := w.at()
	for id, room := range after {
		if was, ok := before[id]; ok && was != room {
			w.moves++
		}
	}
	w.peak = max(w.peak, len(after))
}

// at is in which room people are who are in the call.
func (w *watched) at() map[string]string {
	people := map[string]string{w.host.ParticipantID: ""}
	for _, g := range w.guests {
		people[g.pid()] = ""
	}
	for id := range people {
		people[id] = w.where(id)
	}
	maps.DeleteFunc(people, func(_, room string) bool { return room == "gone" || room == "parked" })
	return people
}

func (w *watched) moved(participant, room string) {
	w.t.Helper()
	w.act(func() { w.move(participant, room) })
}

// opened opens the breakouts, of so many rooms.
func (w *watched) opened(rooms int) control.Breakouts {
	w.t.Helper()
	var b control.Breakouts
	w.rooms += rooms
	w.act(func() { b = w.openAll() })
	return b
}

// groupDay is a group consultation in which all happens that reports tell of,
// and the row that follows from what was seen of it.
func groupDay(f *clinic) (*watched, map[string]string) {
	f.t.Helper()
	g := f.groupIn(control.GroupSpec{Capacity: 10})
	f.registers(g, canaryName) // and never comes
	f.asks(g, canaryName)      // and is never admitted
	registered, requested, admitted := 2, 1, 0
	f.step(5 * time.Minute)
	started := f.starts(f.dr, g)
	begun := f.clock()
	w := &watched{session: &session{clinic: f, group: g.ID, call: started.Call.ID, ends: started.Call.EndsAt, host: started.Join}}
	come := func() string {
		f.t.Helper()
		who := f.asks(g, canaryName)
		w.guests = append(w.guests, who)
		w.act(func() { f.admits(g, who) })
		registered, requested, admitted = registered+1, requested+1, admitted+1
		return who.pid()
	}
	ann, bob, cat, dan := come(), come(), come(), come()
	f.step(6 * time.Minute)

	w.plan(control.AssignManual, 3, []string{ann, bob}, []string{cat})
	b := w.opened(3)
	f.step(3 * time.Minute)
	w.moved(dan, b.Rooms[2].ID)
	w.moved(dan, b.Rooms[2].ID) // again: no move
	w.moved(ann, control.MainRoom)
	w.moved(w.host.ParticipantID, b.Rooms[0].ID)
	w.moved(w.host.ParticipantID, control.MainRoom)
	w.act(func() { // two at once
		moves := []control.Move{{ParticipantID: ann, Room: b.Rooms[0].ID}, {ParticipantID: dan, Room: b.Rooms[0].ID}}
		if _, err := f.MoveMembers(f.t.Context(), f.dr.Actor, w.call, moves); err != nil {
			f.t.Fatal(err)
		}
	})
	come()
	w.rooms++
	w.act(func() { // Cat's room goes, another one comes
		w.planned(control.BreakoutPlan{Rooms: []control.PlannedRoom{{ID: b.Rooms[0].ID}, {ID: b.Rooms[2].ID}, {Name: "Fourth"}}})
	})
	f.left(bob, control.DepartedLeft)
	f.step(time.Minute)
	w.closeIn(10 * time.Second)
	f.step(12 * time.Second) // back in the main room, which isn't counted
	if in := w.at(); in[dan] != w.call {
		f.t.Fatalf("after the close Dan is in %s", in[dan])
	}

	w.plan(control.AssignChoose, 2)
	b = w.opened(2)
	w.act(func() {
		if err := f.ChooseBreakout(f.t.Context(), w.guests[0].actor, w.call, b.Rooms[1].ID); err != nil {
			f.t.Fatal(err)
		}
	})
	come()
	f.step(30 * time.Minute)
	if err := f.EndGroup(f.t.Context(), f.dr.Actor, g.ID); err != nil {
		f.t.Fatal(err)
	}
	number := func(n int) string { return strconv.Itoa(n) }
	return w, map[string]string{
		"id": g.ID, "outcome": "ended", "registered": number(registered), "requested": number(requested), "admitted": number(admitted),
		"peak": number(w.peak), "breakouts": number(w.rooms), "moves": number(w.moves), "minutes": fmt.Sprint(f.clock().Sub(begun).Minutes()),
		"started": begun.Format(time.RFC3339), "ended": f.clock().Format(time.RFC3339), "planned": g.StartsAt.Format(time.RFC3339),
	}
}

// R-RP: what is reported of a group with breakouts is what was seen of it;
// webhooks and the audit log tell the same.
func TestGroupsReport(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	w, want := groupDay(f)
	if w.rooms != 6 || w.moves != 11 || w.peak != 6 {
		t.Errorf("seen: %d rooms, %d moves, %d people at once", w.rooms, w.moves, w.peak) // else the day is another one
	}
	hooked := len(f.told("participant.moved"))
	for _, e := range f.told("breakouts.opened") {
		n, err := strconv.Atoi(e.Data["participants"])
		if err != nil {
			t.Fatal(err)
		}
		hooked += n
	}
	if hooked != w.moves {
		t.Errorf("webhooks tell of %d moves; %d were seen", hooked, w.moves)
	}
	for action, n := range map[string]int{
		"breakouts.open": 2, "breakouts.move": 7, "breakouts.choose": 1, "breakouts.close": 3, "breakouts.plan": 3, "group.start": 1, "group.end": 1,
	} {
		page, err := f.Audit(t.Context(), f.dr.Actor, f.org, control.AuditFilter{Action: control.Action(action)}, control.Query{})
		if err != nil || len(page.Items) != n {
			t.Errorf("%d records of %s, %v; want %d", len(page.Items), action, err, n)
		}
	}

	// Planned and never opened; and cancelled.
	s := sessionIn(f, 1)
	s.plan(control.AssignRandom, 4)
	if err := f.EndGroup(t.Context(), f.dr.Actor, s.group); err != nil {
		t.Fatal(err)
	}
	cancelled := f.groupIn(control.GroupSpec{})
	f.registers(cancelled, canaryName)
	if err := f.CancelGroup(t.Context(), f.dr.Actor, cancelled.ID); err != nil {
		t.Fatal(err)
	}
	f.step(time.Minute)
	rows := make(map[string]map[string]any)
	for _, r := range f.rows(report.Groups, report.Query{}) {
		rows[r["id"].(string)] = r
	}
	for _, want := range []map[string]string{
		want,
		{"id": s.group, "outcome": "ended", "registered": "1", "requested": "1", "admitted": "1", "peak": "2", "breakouts": "0", "moves": "0", "minutes": "0"},
		{"id": cancelled.ID, "outcome": "cancelled", "registered": "1", "requested": "0", "admitted": "0", "peak": "0", "started": "<nil>", "minutes": "0"},
	} {
		for column, value := range want {
			if got := fmt.Sprint(rows[want["id"]][column]); got != value {
				t.Errorf("%s of %s is %s; want %s", column, want["outcome"], got, value)
			}
		}
	}
	if len(rows) != 3 {
		t.Errorf("%d rows", len(rows))
	}
}
