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

// groupModel is what a group's session must come to, told in the simplest way.
type groupModel struct {
	t       *rapid.T
	f       *clinic
	g       control.GroupSession
	call    string
	people  []*groupGuest
	arrived int
	staff   []control.Staff // the host, a co-moderator, a colleague
	seats   []*groupSeat    // in order of joining
	muted   bool            // all were, who comes for the first time is
}

type groupGuest struct {
	*guest
	name    string
	link    string
	dead    bool // the link
	state   control.VisitState
	arrived int
	been    bool // in the session
	muted   bool // kept while they are away
}

type groupSeat struct {
	who       int
	join      control.Join
	connected bool
}

const modelCapacity = 4

// TestGroupModel: any sequence of what can happen in a group's session, with
// restarts in between, leads to what the model says: who waits, in order
// (R-GC-2), who is in it and at most so many beside the host (R-GC-1), that
// nobody who was removed comes back and what was muted stays so, for who leaves
// and comes back too (R-GC-5), who is in charge (R-GC-6), where media has
// everybody, and how many there are.
func TestGroupModel(t *testing.T) {
	checkModel(t, func(rt *rapid.T) {
		f := newClinic(t, control.AreaSettings{})
		defer func() { _ = f.store.Close() }()
		m := &groupModel{t: rt, f: f, staff: []control.Staff{f.dr, f.account("Dr Co"), f.provider("Dr Colleague")}}
		m.g = f.groupIn(control.GroupSpec{Capacity: modelCapacity, CoModeratorIDs: []string{m.staff[1].Actor.ID}})
		started := f.starts(f.dr, m.g)
		m.call, m.seats = started.Call.ID, []*groupSeat{{0, started.Join, true}}
		act := func(do func()) func(*rapid.T) { return func(rt *rapid.T) { m.t = rt; do() } }
		rt.Repeat(map[string]func(*rapid.T){
			"":          func(*rapid.T) { m.check() },
			"ask":       act(m.ask),
			"ask2":      act(m.ask),
			"admit":     act(m.admit),
			"admit all": act(m.admitAll),
			"hold":      act(m.hold),
			"leave":     act(m.leave),
			"mute":      act(m.mute),
			"mute all":  act(m.muteAll),
			"staff":     act(m.comeOrGo),
			"staff2":    act(m.comeOrGo),
			"restart":   act(m.restart),
		})
	})
}

// ask has somebody new request access, or somebody who was there before.
func (m *groupModel) ask() {
	i := rapid.IntRange(0, 7).Draw(m.t, "who")
	if i >= len(m.people) {
		name := fmt.Sprint("Guest ", len(m.people))
		p := &groupGuest{name: name, link: m.f.registers(m.g, name), state: control.VisitEnded}
		i, m.people = len(m.people), append(m.people, p)
	}
	p := m.people[i]
	again, err := m.f.tryEnter(p.link, "", nil)
	if p.dead {
		if !errors.Is(err, control.ErrNotFound) {
			m.t.Fatalf("a dead link leads to %v", err)
		}
		return
	}
	if err != nil {
		m.t.Fatal(err)
	}
	if was := p.guest; p.state != control.VisitEnded && again.id != was.id {
		m.t.Fatal("somebody is there twice")
	}
	p.guest = again
	m.f.connect(again.join)
	if p.state == control.VisitEnded {
		m.arrived++
		p.state, p.arrived = control.VisitWaiting, m.arrived
	}
	m.f.step(time.Millisecond) // arrivals differ
}

func (m *groupModel) pick() *groupGuest {
	if len(m.people) == 0 {
		m.t.Skip("nobody has come")
	}
	return m.people[rapid.IntRange(0, len(m.people)-1).Draw(m.t, "guest")]
}

// seatsLeft is how many participants more there is room for.
func (m *groupModel) seatsLeft() int {
	left := modelCapacity
	for _, s := range m.seats {
		if s.who != 0 {
			left--
		}
	}
	for _, p := range m.people {
		if p.state == control.VisitInCall {
			left--
		}
	}
	return left
}

func (m *groupModel) admit() {
	p := m.pick()
	if p.guest == nil {
		return
	}
	left := m.seatsLeft()
	done, err := m.f.AdmitToGroup(context.Background(), m.f.dr.Actor, m.g.ID, []string{p.id})
	want := ""
	switch {
	case p.state == control.VisitEnded:
		if !errors.Is(err, control.ErrNotFound) {
			m.t.Fatalf("admitted who has gone: %v", err)
		}
		return
	case p.state == control.VisitInCall:
		want = control.CodeWrongState
	case left == 0:
		want = control.CodeCallFull
	}
	if want != "" {
		if !errors.Is(err, &control.StateError{Code: want}) {
			m.t.Fatalf("admit while %s, %d seats left: %v; want %s", p.state, left, err, want)
		}
		return
	}
	if err != nil || len(done.Admitted) != 1 {
		m.t.Fatalf("admit: %+v, %v", done, err)
	}
	m.comesIn(p)
}

// comesIn has a guest be admitted: muted as they were, or as all are.
func (m *groupModel) comesIn(p *groupGuest) {
	if !p.been {
		p.muted = m.muted
	}
	p.state, p.been = control.VisitInCall, true
}

// waiting are those in the lobby, in order of arrival.
func (m *groupModel) waiting() []*groupGuest {
	var list []*groupGuest
	for _, p := range m.people {
		if p.state == control.VisitWaiting || p.state == control.VisitOnHold {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b *groupGuest) int { return a.arrived - b.arrived })
	return list
}

func (m *groupModel) admitAll() {
	waiting, left := m.waiting(), m.seatsLeft()
	done, err := m.f.AdmitAllToGroup(context.Background(), m.f.dr.Actor, m.g.ID)
	fits := min(left, len(waiting))
	if err != nil || len(done.Admitted) != fits || len(done.Refused) != len(waiting)-fits {
		m.t.Fatalf("admit all, %d of %d fit: %+v, %v", fits, len(waiting), done, err)
	}
	for _, p := range waiting[:fits] {
		m.comesIn(p)
	}
}

func (m *groupModel) hold() {
	p := m.pick()
	if p.guest == nil {
		return
	}
	_, err := m.f.Hold(context.Background(), m.f.dr.Actor, p.id)
	if (err == nil) != (p.state == control.VisitInCall) {
		m.t.Fatalf("hold while %s: %v", p.state, err)
	}
	if err == nil {
		p.state = control.VisitOnHold
	}
}

// leave has a guest go, or be removed.
func (m *groupModel) leave() {
	p := m.pick()
	if p.guest == nil || p.state == control.VisitEnded {
		return
	}
	ctx := context.Background()
	var err error
	switch rapid.IntRange(0, 3).Draw(m.t, "how") {
	case 0:
		_, err = m.f.RemoveVisit(ctx, m.f.dr.Actor, p.id)
		p.dead = true
	case 1:
		if p.state != control.VisitInCall {
			return
		}
		err = m.f.RemoveMember(ctx, m.f.dr.Actor, m.call, p.pid())
		p.dead = true
	case 2:
		err = m.f.LeaveVisit(ctx, p.actor, p.id)
	case 3:
		m.f.media.Disconnect(p.pid())
		err = m.f.Left(ctx, p.pid(), control.DepartedExpired)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	p.state = control.VisitEnded
}

func (m *groupModel) mute() {
	p := m.pick()
	if p.guest == nil {
		return
	}
	ctx, muted := context.Background(), rapid.Bool().Draw(m.t, "muted")
	var err error
	if !muted && rapid.Bool().Draw(m.t, "ask") {
		err = m.f.AskToUnmute(ctx, m.f.dr.Actor, m.call, p.pid(), "microphone")
	} else {
		err = m.f.MuteMember(ctx, m.f.dr.Actor, m.call, p.pid(), "microphone", muted)
	}
	if (err == nil) != (p.state == control.VisitInCall) {
		m.t.Fatalf("mute while %s: %v", p.state, err)
	}
	if err == nil {
		p.muted = muted
	}
}

// muteAll mutes all guests, those who are away too, or takes it back.
func (m *groupModel) muteAll() {
	m.muted = rapid.Bool().Draw(m.t, "muted")
	if err := m.f.MuteAll(context.Background(), m.f.dr.Actor, m.call, "microphone", m.muted, true); err != nil {
		m.t.Fatal(err)
	}
	for _, p := range m.people {
		if p.been {
			p.muted = m.muted
		}
	}
}

// comeOrGo has somebody of staff join, lose their connection, come back, or
// leave.
func (m *groupModel) comeOrGo() {
	who := rapid.IntRange(0, len(m.staff)-1).Draw(m.t, "staff")
	i := slices.IndexFunc(m.seats, func(s *groupSeat) bool { return s.who == who })
	if i < 0 {
		left := m.seatsLeft()
		joined, err := m.f.JoinGroup(context.Background(), m.staff[who], m.g.ID)
		if who != 0 && left == 0 {
			if !errors.Is(err, &control.StateError{Code: control.CodeCallFull}) {
				m.t.Fatalf("staff in a full session: %v", err)
			}
			return
		}
		if err != nil { // the host's seat is kept
			m.t.Fatal(err)
		}
		m.f.connect(joined.Join)
		m.seats = append(m.seats, &groupSeat{who, joined.Join, true})
		return
	}
	s := m.seats[i]
	switch {
	case rapid.Bool().Draw(m.t, "leave"):
		m.f.left(s.join.ParticipantID, control.DepartedLeft)
		m.seats = slices.Delete(m.seats, i, i+1)
	default:
		s.connected = !s.connected
		if err := m.f.Present(context.Background(), s.join.ParticipantID, s.connected); err != nil {
			m.t.Fatal(err)
		}
	}
}

// restart loses all connections; everybody comes back with another token.
func (m *groupModel) restart() {
	ctx := context.Background()
	for _, s := range m.seats {
		m.f.media.Disconnect(s.join.ParticipantID)
	}
	for _, p := range m.people {
		if p.guest != nil {
			m.f.media.Disconnect(p.pid())
		}
	}
	m.f.restart()
	if c := m.f.groupCall(m.call); c.InCharge != "" {
		m.t.Fatal("somebody is in charge whom nobody has seen yet")
	}
	for _, s := range m.seats {
		join, err := m.f.CallSeat(ctx, m.staff[s.who], m.call)
		if err != nil || join.ParticipantID != s.join.ParticipantID {
			m.t.Fatalf("somebody of staff comes back as %s, %v", join.ParticipantID, err)
		}
		m.f.connect(join)
		s.connected = true
	}
	for _, p := range m.people {
		if p.state == control.VisitEnded {
			continue
		}
		join, err := m.f.VisitSeat(ctx, p.actor, p.id)
		if err != nil {
			m.t.Fatal(err)
		}
		m.f.connect(join)
	}
}

// inCharge is who ought to be.
func (m *groupModel) inCharge() string {
	for _, who := range []int{0, 1, 2} { // the host, the co-moderator, the colleague
		for _, s := range m.seats {
			if s.who == who && s.connected {
				return s.join.ParticipantID
			}
		}
	}
	return ""
}

func (m *groupModel) check() {
	want := []string{}
	for _, p := range m.waiting() {
		want = append(want, p.name)
	}
	if got := m.f.inLobby(m.g); !slices.Equal(got, want) {
		m.t.Fatalf("in the lobby %q; want %q", got, want)
	}
	in, registered := 0, 0
	for _, p := range m.people {
		if !p.dead {
			registered++
		}
		if p.guest == nil {
			continue
		}
		v := p.visit()
		place := map[control.VisitState]string{control.VisitInCall: m.call, control.VisitEnded: "gone"}[p.state]
		if place == "" {
			place = "parked"
		}
		if got := m.f.where(p.pid()); v.State != p.state || got != place {
			m.t.Fatalf("%s is %s, in %q; want %s in %q", p.name, v.State, got, p.state, place)
		}
		if p.state == control.VisitInCall {
			in++
			if got := m.f.media.Silenced(p.pid()); (len(got) == 1) != p.muted {
				m.t.Fatalf("of %s %q are silenced; want %t", p.name, got, p.muted)
			}
		}
	}
	counts := control.GroupCounts{Registered: registered, Waiting: len(want), Admitted: in}
	if g, err := m.f.Group(context.Background(), m.f.dr.Actor, m.g.ID); err != nil || g.Counts != counts {
		m.t.Fatalf("counted %+v, %v; want %+v", g.Counts, err, counts)
	}
	c := m.f.groupCall(m.call)
	if want := m.inCharge(); c.InCharge != want || c.State != control.CallLive {
		m.t.Fatalf("%q is in charge of a call that is %s; want %q", c.InCharge, c.State, want)
	}
	people, _ := m.f.media.Participants(context.Background(), m.call)
	if len(people) != in+len(m.seats) || m.seatsLeft() < 0 {
		m.t.Fatalf("%d are in the room; want %d guests and %d of staff", len(people), in, len(m.seats))
	}
}
