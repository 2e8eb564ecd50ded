package control_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/atriumrtc/atrium/control"
)

// breakoutModel is what breakouts must come to, told in the simplest way.
type breakoutModel struct {
	t *rapid.T
	s *session

	rooms  []string
	assign control.BreakoutAssign
	timer  time.Duration
	open   bool
	ends   time.Time
	place  map[string]string // breakout by participant; who isn't in it: main
	gone   map[string]bool   // who left the call
	away   map[string]bool   // whose connection is lost
	voice  bool
	moves  int
}

// TestBreakoutModel: any sequence of plans, openings, moves, choices, people who
// come, leave, are removed, lose their connection and return, time that passes
// and servers that are killed leads to what the model says: who is in which
// room by media, until when, and in which rooms the moderator is heard (R-GC-4,
// R-GC-6, R-GC-7).
func TestBreakoutModel(t *testing.T) {
	checkModel(t, func(rt *rapid.T) {
		f := newClinic(t, control.AreaSettings{})
		defer func() { _ = f.store.Close() }()
		m := &breakoutModel{t: rt, s: sessionIn(f, 4), assign: control.AssignManual,
			place: map[string]string{}, gone: map[string]bool{}, away: map[string]bool{}}
		step := func(do func()) func(*rapid.T) {
			return func(rt *rapid.T) {
				m.t = rt
				do()
			}
		}
		m.plan()
		rt.Repeat(map[string]func(*rapid.T){
			"":       step(m.check),
			"plan":   step(m.plan),
			"open":   step(m.opens),
			"open2":  step(m.opens),
			"close":  step(m.closes),
			"move":   step(m.move),
			"move2":  step(m.move),
			"move3":  step(m.move),
			"choose": step(m.choose),
			"come":   step(m.come),
			"leave":  step(m.leave),
			"drop":   step(m.drop),
			"return": step(m.returns),
			"voice":  step(m.speak),
			"time":   step(m.time),
			"kill":   step(m.kill),
		})
	})
}

func (m *breakoutModel) ctx() context.Context { return context.Background() }

// must compares how it went with how it should.
func (m *breakoutModel) must(what string, err, want error) {
	m.t.Helper()
	if !errors.Is(err, want) || (err == nil) != (want == nil) {
		m.t.Fatalf("%s: %v; want %v", what, err, want)
	}
}

func wrongState() error { return &control.StateError{Code: control.CodeWrongState} }

func (m *breakoutModel) guest() *guest {
	return m.s.guests[rapid.IntRange(0, len(m.s.guests)-1).Draw(m.t, "guest")]
}

// here are the participants who are in the call.
func (m *breakoutModel) here() []string {
	list := []string{m.s.host.ParticipantID}
	for _, g := range m.s.guests {
		if !m.gone[g.pid()] {
			list = append(list, g.pid())
		}
	}
	return list
}

func (m *breakoutModel) plan() {
	p := control.BreakoutPlan{
		Assign: rapid.SampledFrom([]control.BreakoutAssign{control.AssignManual, control.AssignRandom, control.AssignChoose}).Draw(m.t, "assign"),
	}
	m.timer = rapid.SampledFrom([]time.Duration{0, 30 * time.Second, 2 * time.Minute}).Draw(m.t, "timer")
	p.Duration = m.timer
	for _, id := range m.rooms {
		if rapid.Bool().Draw(m.t, "keep") {
			p.Rooms = append(p.Rooms, control.PlannedRoom{ID: id})
		}
	}
	for range rapid.IntRange(0, 2).Draw(m.t, "new") {
		p.Rooms = append(p.Rooms, control.PlannedRoom{})
	}
	if len(p.Rooms) == 0 {
		p.Rooms = append(p.Rooms, control.PlannedRoom{})
	}
	for _, id := range m.here() {
		if at := rapid.IntRange(0, len(p.Rooms)).Draw(m.t, "planned for"); at < len(p.Rooms) {
			p.Rooms[at].Participants = append(p.Rooms[at].Participants, id)
		}
	}
	b, err := m.s.PlanBreakouts(m.ctx(), m.s.dr.Actor, m.s.call, p)
	m.must("plan", err, nil)
	m.rooms, m.assign = nil, p.Assign
	for i, r := range b.Rooms {
		if p.Rooms[i].ID != "" && p.Rooms[i].ID != r.ID {
			m.t.Fatalf("room %d has another id", i)
		}
		m.rooms = append(m.rooms, r.ID)
	}
	if !m.open {
		return
	}
	m.ends = time.Time{}
	if m.timer > 0 {
		m.ends = m.s.clinic.clock().Add(m.timer)
	}
	for id, room := range m.place {
		if !slices.Contains(m.rooms, room) {
			delete(m.place, id)
			m.moves++
		}
	}
}

func (m *breakoutModel) opens() {
	b, err := m.s.OpenBreakouts(m.ctx(), m.s.dr.Actor, m.s.call)
	if m.open {
		m.must("open again", err, wrongState())
		return
	}
	m.must("open", err, nil)
	m.open, m.ends = true, time.Time{}
	if m.timer > 0 {
		m.ends = m.s.clinic.clock().Add(m.timer)
	}
	switch m.assign {
	case control.AssignRandom: // which is chance; how many isn't
		sizes := make(map[string]int)
		for id, room := range b.Places {
			if id == m.s.host.ParticipantID || !slices.Contains(m.rooms, room) || !slices.Contains(m.here(), id) {
				m.t.Fatalf("%s is dealt into %s", id, room)
			}
			sizes[room]++
		}
		n := len(m.here()) - 1
		for _, room := range m.rooms {
			if got := sizes[room]; got < n/len(m.rooms) || got > (n+len(m.rooms)-1)/len(m.rooms) {
				m.t.Fatalf("%d of %d people in one of %d rooms", got, n, len(m.rooms))
			}
		}
	case control.AssignChoose:
		if len(b.Places) != 0 {
			m.t.Fatalf("somebody is in a room who hasn't chosen: %v", b.Places)
		}
	case control.AssignManual:
		for id, room := range b.Plan {
			if slices.Contains(m.here(), id) && b.Places[id] != room {
				m.t.Fatalf("%s is in %q; planned for %q", id, b.Places[id], room)
			}
		}
	}
	m.place = map[string]string{}
	for id, room := range b.Places {
		m.place[id] = room
	}
	m.moves += len(b.Places)
}

func (m *breakoutModel) closed() {
	m.open, m.voice, m.ends, m.place = false, false, time.Time{}, map[string]string{}
}

func (m *breakoutModel) closes() {
	in := rapid.SampledFrom([]time.Duration{0, 10 * time.Second, time.Minute}).Draw(m.t, "in")
	_, err := m.s.CloseBreakouts(m.ctx(), m.s.dr.Actor, m.s.call, in)
	if !m.open {
		m.must("close", err, wrongState())
		return
	}
	m.must("close", err, nil)
	end := m.s.clinic.clock().Add(in)
	switch {
	case in == 0:
		m.closed()
	case m.ends.IsZero() || end.Before(m.ends):
		m.ends = end
	}
}

// to draws a room, and says what becomes of somebody who is to go there.
func (m *breakoutModel) to(pid string, may bool) (room string, want error) {
	room = rapid.SampledFrom(append([]string{control.MainRoom}, m.rooms...)).Draw(m.t, "room")
	at := m.place[pid]
	if at == "" {
		at = control.MainRoom
	}
	switch {
	case m.gone[pid]:
		return room, control.ErrNotFound
	case !may, room != at && !m.open:
		return room, wrongState()
	case room == at:
		return room, nil
	case room == control.MainRoom:
		delete(m.place, pid)
	default:
		m.place[pid] = room
	}
	m.moves++
	return room, nil
}

func (m *breakoutModel) move() {
	pid := m.guest().pid()
	if rapid.IntRange(0, 4).Draw(m.t, "moderator") == 0 {
		pid = m.s.host.ParticipantID
	}
	room, want := m.to(pid, true)
	m.must("move", m.s.MoveMember(m.ctx(), m.s.dr.Actor, m.s.call, pid, room), want)
}

func (m *breakoutModel) choose() {
	g := m.guest()
	room, want := m.to(g.pid(), m.open && m.assign == control.AssignChoose)
	m.must("choose", m.s.ChooseBreakout(m.ctx(), g.actor, m.s.call, room), want)
}

func (m *breakoutModel) come() {
	if len(m.s.guests) < 9 {
		m.s.come()
	}
}

func (m *breakoutModel) leave() {
	g := m.guest()
	if m.gone[g.pid()] {
		return
	}
	var err error
	if rapid.Bool().Draw(m.t, "removed") {
		err = m.s.RemoveMember(m.ctx(), m.s.dr.Actor, m.s.call, g.pid())
	} else {
		err = m.s.LeaveVisit(m.ctx(), g.actor, g.id)
	}
	m.must("leave", err, nil)
	m.gone[g.pid()] = true
	delete(m.place, g.pid())
	delete(m.away, g.pid())
}

func (m *breakoutModel) drop() {
	g := m.guest()
	if m.gone[g.pid()] || m.away[g.pid()] {
		return
	}
	m.s.media.Disconnect(g.pid())
	m.must("drop", m.s.Present(m.ctx(), g.pid(), false), nil)
	m.away[g.pid()] = true
}

func (m *breakoutModel) returns() {
	for _, g := range m.s.guests {
		if m.away[g.pid()] {
			m.back(g)
		}
	}
}

func (m *breakoutModel) back(g *guest) {
	join, err := m.s.VisitSeat(m.ctx(), g.actor, g.id)
	m.must("come back", err, nil)
	m.s.connect(join)
	delete(m.away, g.pid())
}

func (m *breakoutModel) speak() {
	on := rapid.Bool().Draw(m.t, "on")
	err := m.s.BroadcastVoice(m.ctx(), m.s.dr, m.s.call, on)
	if on && !m.open {
		m.must("speak to all", err, wrongState())
		return
	}
	m.must("speak to all", err, nil)
	m.voice = on
}

// time passes, not so much that anybody loses their seat.
func (m *breakoutModel) time() {
	m.returns()
	m.s.step(time.Duration(rapid.IntRange(1, 70_000).Draw(m.t, "ms")) * time.Millisecond)
	m.late()
}

// late is what the deadline does.
func (m *breakoutModel) late() {
	if m.open && !m.ends.IsZero() && !m.s.clinic.clock().Before(m.ends) {
		m.closed()
	}
}

func (m *breakoutModel) kill() {
	m.s.kill(time.Duration(rapid.IntRange(0, 70_000).Draw(m.t, "ms")) * time.Millisecond)
	m.late()
	host, err := m.s.CallSeat(m.ctx(), m.s.dr, m.s.call)
	m.must("the moderator comes back", err, nil)
	m.s.connect(host)
	for _, g := range m.s.guests {
		if !m.gone[g.pid()] {
			m.back(g)
		}
	}
}

func (m *breakoutModel) check() {
	b, err := m.s.Breakouts(m.ctx(), m.s.dr.Actor, m.s.call)
	m.must("read", err, nil)
	if (b.State == control.BreakoutsOpen) != m.open || m.open && !b.EndsAt.Equal(m.ends) || b.Moves != m.moves {
		m.t.Fatalf("%s until %v after %d moves; want open %v until %v after %d", b.State, b.EndsAt, b.Moves, m.open, m.ends, m.moves)
	}
	for _, pid := range append(m.here(), m.absent()...) {
		want := m.s.call
		switch {
		case m.gone[pid] || m.away[pid]:
			want = "gone"
		case m.place[pid] != "":
			want = m.place[pid]
		}
		if got := m.s.where(pid); got != want {
			m.t.Fatalf("media has %s in %q; want %q", pid, got, want)
		}
		if room, ok := m.s.media.Placed(pid); ok && m.place[pid] != "" && !m.arranged(room.ID).EndsAt.Equal(m.s.roomEnd(m.ends)) {
			m.t.Fatalf("a breakout counts down to %v; want %v", m.arranged(room.ID).EndsAt, m.s.roomEnd(m.ends))
		}
	}
	var heard []string
	if m.voice {
		at := m.place[m.s.host.ParticipantID]
		for _, room := range append([]string{m.s.call}, m.rooms...) {
			if room != at && (at != "" || room != m.s.call) {
				heard = append(heard, room)
			}
		}
	}
	if got := m.s.media.Attached(m.s.host.ParticipantID); !slices.Equal(got, heard) {
		m.t.Fatalf("the moderator is heard in %v; want %v", got, heard)
	}
}

func (m *breakoutModel) arranged(room string) control.MediaRoom { return m.s.media.Arranged(room) }

func (m *breakoutModel) absent() []string {
	var list []string
	for pid := range m.gone {
		list = append(list, pid)
	}
	return list
}
