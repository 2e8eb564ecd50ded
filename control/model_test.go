package control_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/atriumrtc/atrium/control"
)

// model is what the rules must come to, told in the simplest way: where each
// guest is, and who is in which call.
type model struct {
	t      *rapid.T
	f      *clinic
	areas  []control.Area
	people []*modelGuest
	staff  []control.Staff
	calls  map[string][]string // id → participants in it
	seats  map[string]modelSeat
}

type modelGuest struct {
	*guest
	state   control.VisitState
	call    string // while in it
	from    string // the call that it was held from
	area    int
	arrived int // order
}

// modelSeat is somebody of staff in a call.
type modelSeat struct {
	call string
	who  int
}

// TestModel: any sequence of what can happen to visits and calls, with restarts
// in between, leads to what the model says: states, who is in which call and at
// most five (R-IA-1), hold without a provider (R-IA-5), the order of the queue
// (R-WA-1), and where media has everybody.
func TestModel(t *testing.T) {
	checkModel(t, func(rt *rapid.T) {
		f := newClinic(t, control.AreaSettings{})
		defer func() { _ = f.store.Close() }()
		m := &model{t: rt, f: f, calls: map[string][]string{}, seats: map[string]modelSeat{}}
		m.areas = []control.Area{f.area, f.newArea("Second", control.AreaSettings{})}
		m.staff = []control.Staff{f.dr, f.provider("Dr Two")}
		for range 3 {
			m.enter()
		}
		rt.Repeat(map[string]func(*rapid.T){
			"":         func(*rapid.T) { m.check() },
			"enter":    func(rt *rapid.T) { m.t = rt; m.enter() },
			"admit":    func(rt *rapid.T) { m.t = rt; m.admit() },
			"admit2":   func(rt *rapid.T) { m.t = rt; m.admit() },
			"hold":     func(rt *rapid.T) { m.t = rt; m.hold() },
			"end":      func(rt *rapid.T) { m.t = rt; m.end() },
			"leave":    func(rt *rapid.T) { m.t = rt; m.leave() },
			"go":       func(rt *rapid.T) { m.t = rt; m.staffLeaves() },
			"transfer": func(rt *rapid.T) { m.t = rt; m.transfer() },
			"time":     func(rt *rapid.T) { m.t = rt; f.step(time.Second) },
			"restart":  func(rt *rapid.T) { m.t = rt; m.restart() },
		})
	})
}

func (m *model) enter() {
	if len(m.people) == 9 {
		return
	}
	area := rapid.IntRange(0, 1).Draw(m.t, "area")
	g := m.f.enter(m.areas[area].Link, fmt.Sprint("Guest ", len(m.people)))
	m.f.connect(g.join)
	m.people = append(m.people, &modelGuest{guest: g, state: control.VisitWaiting, area: area, arrived: len(m.people)})
	m.f.step(time.Millisecond) // arrivals differ
}

func (m *model) pick() *modelGuest {
	return m.people[rapid.IntRange(0, len(m.people)-1).Draw(m.t, "guest")]
}

func (m *model) someCall() string {
	ids := []string{""}
	for id := range m.calls {
		ids = append(ids, id)
	}
	slices.Sort(ids) // UUIDs of version 7: by age
	return ids[rapid.IntRange(0, len(ids)-1).Draw(m.t, "call")]
}

func (m *model) seatOf(who int, call string) string {
	for id, s := range m.seats {
		if s.who == who && s.call == call {
			return id
		}
	}
	return ""
}

func (m *model) areaOf(call string) int {
	c, err := m.f.Call(context.Background(), m.f.dr.Actor, call)
	if err != nil {
		m.t.Fatal(err)
	}
	return slices.IndexFunc(m.areas, func(a control.Area) bool { return a.ID == c.AreaID })
}

func (m *model) admit() {
	g, who, call := m.pick(), rapid.IntRange(0, 1).Draw(m.t, "provider"), m.someCall()
	confirm := rapid.Bool().Draw(m.t, "confirm")
	a, err := m.f.Admit(context.Background(), m.staff[who], g.id, control.AdmitSpec{CallID: call, Confirm: confirm})
	target, want := call, ""
	switch {
	case g.state == control.VisitEnded:
		want = "gone"
	case g.state == control.VisitInCall && call != "" && call != g.call:
		want = control.CodeWrongState
	case g.state == control.VisitInCall:
		if target = g.call; !confirm {
			want = control.CodeAlreadySeen
		}
	case call != "" && m.areaOf(call) != g.area:
		want = "gone"
	case call == "" && m.calls[g.from] != nil:
		target = g.from
	}
	comes := 0
	if m.seatOf(who, target) == "" || target == "" {
		comes++
	}
	if g.state != control.VisitInCall {
		comes++
	}
	if want == "" && len(m.calls[target])+comes > 5 {
		want = control.CodeCallFull
	}
	if want != "" {
		if err == nil || want == "gone" && !errors.Is(err, control.ErrNotFound) ||
			want != "gone" && !errors.Is(err, &control.StateError{Code: want}) {
			m.t.Fatalf("admit: %v; want %s", err, want)
		}
		return
	}
	if err != nil {
		m.t.Fatalf("admit: %v", err)
	}
	if target != "" && target != a.Call.ID {
		m.t.Fatal("admitted into another call")
	}
	target = a.Call.ID
	if seat := a.Join.ParticipantID; m.seats[seat].call == "" {
		m.seats[seat] = modelSeat{target, who}
		m.calls[target] = append(m.calls[target], seat)
		m.f.connect(a.Join)
	}
	if g.state != control.VisitInCall {
		g.state, g.call, g.from = control.VisitInCall, target, ""
		m.calls[target] = append(m.calls[target], g.pid())
	}
}

// out takes somebody out of a call of the model, and does what follows.
func (m *model) out(call, participant string) {
	if call == "" {
		return
	}
	m.calls[call] = slices.DeleteFunc(m.calls[call], func(id string) bool { return id == participant })
	for _, id := range m.calls[call] {
		if _, ok := m.seats[id]; ok {
			return // a provider is left
		}
	}
	for _, g := range m.people {
		if g.call == call && g.state == control.VisitInCall && g.pid() != participant {
			g.state, g.call, g.from = control.VisitOnHold, "", call
		}
	}
	delete(m.calls, call)
}

func (m *model) hold() {
	g := m.pick()
	_, err := m.f.Hold(context.Background(), m.f.dr.Actor, g.id)
	if (err == nil) != (g.state == control.VisitInCall) {
		m.t.Fatalf("hold while %s: %v", g.state, err)
	}
	if err == nil {
		call := g.call
		g.state, g.call, g.from = control.VisitOnHold, "", call
		m.out(call, g.pid())
	}
}

func (m *model) leave() {
	g := m.pick()
	var err error
	ctx := context.Background()
	switch rapid.IntRange(0, 2).Draw(m.t, "how") {
	case 0:
		_, err = m.f.RemoveVisit(ctx, m.f.dr.Actor, g.id)
	case 1:
		err = m.f.LeaveVisit(ctx, control.Actor{Kind: control.ActorGuest, ID: g.id, OrganisationID: m.f.org}, g.id)
	case 2:
		m.f.media.Disconnect(g.pid())
		if err = m.f.Left(ctx, g.pid(), control.DepartedExpired); err == nil && g.state == control.VisitEnded {
			return // told late: nothing to do
		}
	}
	if (err == nil) != (g.state != control.VisitEnded) {
		m.t.Fatalf("end while %s: %v", g.state, err)
	}
	if err == nil {
		call := g.call
		g.state, g.call, g.from = control.VisitEnded, "", ""
		m.out(call, g.pid())
	}
}

func (m *model) end() {
	call := m.someCall()
	if call == "" {
		return
	}
	if err := m.f.EndCall(context.Background(), m.f.dr.Actor, call); err != nil {
		m.t.Fatal(err)
	}
	for _, g := range m.people {
		if g.call == call {
			g.state, g.call = control.VisitEnded, ""
		}
	}
	for _, id := range m.calls[call] {
		delete(m.seats, id)
	}
	delete(m.calls, call)
}

func (m *model) staffLeaves() {
	call := m.someCall()
	for _, id := range slices.Clone(m.calls[call]) {
		if _, ok := m.seats[id]; ok {
			m.f.left(id, control.DepartedLeft)
			delete(m.seats, id)
			m.out(call, id)
			return
		}
	}
}

func (m *model) transfer() {
	g := m.pick()
	_, err := m.f.Transfer(context.Background(), m.f.dr.Actor, g.id, m.areas[1-g.area].ID)
	if (err == nil) != (g.state != control.VisitEnded) {
		m.t.Fatalf("transfer while %s: %v", g.state, err)
	}
	if err == nil {
		call := g.call
		g.state, g.call, g.from, g.area = control.VisitWaiting, "", "", 1-g.area
		m.out(call, g.pid())
	}
}

// restart loses all connections; everybody comes back with another token.
func (m *model) restart() {
	ctx := context.Background()
	joins := map[string]control.Join{}
	for id := range m.seats {
		m.f.media.Disconnect(id)
	}
	for _, g := range m.people {
		m.f.media.Disconnect(g.pid())
	}
	m.f.restart()
	for _, g := range m.people {
		if g.state == control.VisitEnded {
			continue
		}
		join, err := m.f.VisitSeat(ctx, control.Actor{Kind: control.ActorGuest, ID: g.id, OrganisationID: m.f.org}, g.id)
		if err != nil {
			m.t.Fatal(err)
		}
		joins[g.pid()] = join
	}
	for id, s := range m.seats {
		join, err := m.f.CallSeat(ctx, m.staff[s.who], s.call)
		if err != nil || join.ParticipantID != id {
			m.t.Fatalf("%s comes back as %s, %v", id, join.ParticipantID, err)
		}
		joins[id] = join
	}
	for _, join := range joins {
		m.f.connect(join)
	}
}

func (m *model) check() {
	ctx := context.Background()
	for _, g := range m.people {
		v, err := m.f.Visit(ctx, m.f.dr.Actor, g.id)
		if err != nil || v.State != g.state {
			m.t.Fatalf("guest %d is %s, %v; want %s", g.arrived, v.State, err, g.state)
		}
		want := map[control.VisitState]string{
			control.VisitWaiting: "parked", control.VisitOnHold: "parked", control.VisitInCall: g.call, control.VisitEnded: "gone",
		}[g.state]
		if got := m.f.where(g.pid()); got != want {
			m.t.Fatalf("media has guest %d in %q; want %q", g.arrived, got, want)
		}
	}
	for id, s := range m.seats {
		if got := m.f.where(id); got != s.call {
			m.t.Fatalf("media has a provider in %q; want %q", got, s.call)
		}
	}
	for id, members := range m.calls {
		people, _ := m.f.media.Participants(ctx, id)
		if len(members) > 5 || len(people) != len(members) {
			m.t.Fatalf("%d people in a call; want %d", len(people), len(members))
		}
	}
	for i, a := range m.areas {
		q, err := m.f.Queue(ctx, m.f.dr.Actor, a.ID)
		if err != nil {
			m.t.Fatal(err)
		}
		var got, want []string
		for _, v := range q.Visits {
			got = append(got, v.ID)
		}
		for _, g := range m.people { // in order of arrival
			if g.area == i && g.state != control.VisitEnded {
				want = append(want, g.id)
			}
		}
		if !slices.Equal(got, want) {
			m.t.Fatalf("the queue of area %d is %v; want %v", i, got, want)
		}
	}
}
