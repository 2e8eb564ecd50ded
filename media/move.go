package media

import (
	"cmp"
	"context"
	"errors"
	"slices"
)

// Move takes a participant to a room, or parks it (nil), as one routing
// change: no SDP, no new connection. When it returns, nothing of the room that
// was left reaches the participant or the other way round (R-GC-7).
//
// Errors: ErrRoomFull (the participant stays where it is), ErrClosed.
func (e *Engine) Move(ctx context.Context, p *Participant, to *Room) error {
	m := &mover{p: p, to: to}
	e.move(ctx, m)
	return m.err
}

// Join moves a participant into the room that o describes, opening it if need
// be. Errors: ErrRoomFull, ErrClosed.
func (e *Engine) Join(ctx context.Context, p *Participant, o RoomOptions) error {
	return e.JoinTogether(ctx, Arrival{p, &o})[0]
}

// Arrival is somebody who is to be in a room, which is opened if need be;
// without a room they are parked.
type Arrival struct {
	Participant *Participant
	Room        *RoomOptions
}

// JoinTogether is Join of several into as many rooms as it takes, as one change:
// all leave, then all arrive, and one computation of the routes of each room has
// everybody in it hear and see each other. Seats are kept before anybody leaves:
// one that is given up by the same change isn't free for it. There is an error
// for each of them, nil for who is there; ErrDuplicate for who is named again.
func (e *Engine) JoinTogether(ctx context.Context, arrivals ...Arrival) []error {
	errs := make([]error, len(arrivals))
	left := make([]int, len(arrivals)) // of arrivals: still to be moved
	for i := range left {
		left[i] = i
	}
	for len(left) > 0 {
		left = e.joinOnce(ctx, arrivals, left, errs)
	}
	return errs
}

// joinOnce moves those of the arrivals that left says and returns who has to try
// again: the last to leave closes a room, and then it is opened anew.
func (e *Engine) joinOnce(ctx context.Context, arrivals []Arrival, left []int, errs []error) (again []int) {
	people := make([]*mover, 0, len(left))
	for _, i := range left {
		m := &mover{p: arrivals[i].Participant, index: i}
		errs[i] = nil
		if o := arrivals[i].Room; o != nil {
			m.to, errs[i] = e.OpenRoom(*o)
		}
		if errs[i] == nil {
			people = append(people, m)
		}
	}
	e.move(ctx, people...)
	var refused []*mover
	for _, m := range people {
		if errs[m.index] = m.err; m.err != nil && m.to != nil {
			refused = append(refused, m)
		}
	}
	for _, p := range parties(refused, (*mover).enters) {
		p.room.do(p.room.endIfEmpty) // opened in vain
	}
	for _, m := range refused {
		if errors.Is(m.err, ErrClosed) && !m.p.isClosed() && e.Room(m.to.id) != m.to {
			again = append(again, m.index)
		}
	}
	return again
}

// mover is one of those who are moved together.
type mover struct {
	p        *Participant
	from, to *Room // nil: parked
	index    int   // among those who are to be moved
	in       bool  // has arrived
	err      error // why it didn't
}

// party are those movers who come from one room, or go to it.
type party struct {
	room   *Room
	people []*mover
}

// parties are the movers by a room of theirs, but for whom that is none.
func parties(people []*mover, room func(*mover) *Room) []party {
	var all []party
	for _, m := range people {
		r := room(m)
		if r == nil {
			continue
		}
		i := slices.IndexFunc(all, func(p party) bool { return p.room == r })
		if i < 0 {
			i, all = len(all), append(all, party{room: r})
		}
		all[i].people = append(all[i].people, m)
	}
	return all
}

func (m *mover) leaves() *Room { return m.from }
func (m *mover) enters() *Room { return m.to }

// move is Move of several who leave and arrive at once.
func (e *Engine) move(ctx context.Context, people ...*mover) {
	defer lockMoves(people)()
	var going []*mover
	for i, m := range people {
		m.from = m.p.Room()
		switch m.err = ctx.Err(); {
		case m.err != nil:
		case slices.ContainsFunc(people[:i], func(o *mover) bool { return o.p == m.p }):
			m.err = ErrDuplicate
		case m.p.isClosed():
			m.err = ErrClosed
		case m.from != m.to:
			going = append(going, m)
		}
	}
	e.reserve(going)
	going = slices.DeleteFunc(going, func(m *mover) bool { return m.err != nil })
	unsettle(going, e.now())
	leaveRooms(true, going...)
	enterRooms(going)
	for _, m := range going {
		e.counters.moves.Add(1)
		if !m.in {
			m.p.notify(m.p.parkedEvent())
			m.p.notifyParkedLayers()
			if m.to != nil {
				m.err = ErrClosed
			}
		}
		m.p.touchAttached() // it may be heard there from now on, or no longer
	}
}

// reserve keeps a seat for everybody where they go; who finds none gets the
// error that says why.
func (e *Engine) reserve(going []*mover) {
	for _, p := range parties(going, (*mover).enters) {
		seats, err := p.room.reserve(len(p.people))
		for _, m := range p.people[seats:] {
			m.err = err
			if errors.Is(err, ErrRoomFull) {
				e.counters.refused.Add(1)
			}
		}
	}
}

// lockMoves has nobody else move these people until unlock.
func lockMoves(people []*mover) (unlock func()) {
	sorted := slices.SortedFunc(slices.Values(people), func(a, b *mover) int { return cmp.Compare(a.p.id, b.p.id) })
	sorted = slices.CompactFunc(sorted, func(a, b *mover) bool { return a.p == b.p })
	for _, m := range sorted { // in one order everywhere: nobody waits for another
		m.p.moveMu.Lock()
	}
	return func() {
		for _, m := range sorted {
			m.p.moveMu.Unlock()
		}
	}
}

// leaveRooms takes people out of the rooms that they are in. When it returns,
// nothing of those rooms reaches them or the other way round. patient: the
// routes of those who stay aren't waited for; they follow.
func leaveRooms(patient bool, going ...*mover) {
	for _, m := range going {
		m.p.route.Store(0)
	}
	leaving := parties(going, (*mover).leaves)
	gone := make([]<-chan struct{}, len(leaving))
	for i, p := range leaving {
		gone[i] = p.room.start(task{run: func() { p.room.leave(p.people) }, patient: patient})
	}
	wait(gone)
	var cut []*transport
	for _, m := range going {
		if t := m.p.cutOff(); t != nil {
			cut = append(cut, t)
		}
	}
	if len(cut) == 0 {
		return
	}
	cut[0].owner.engine.mux.Barrier() // for what is in a batch, once for all
	for _, t := range cut {
		t.carrier.discard()
	}
}

// cutOff has nothing more taken from or written to somebody who has left their
// room. What is written already may still be under way by the transport that it
// returns, nil without one.
func (p *Participant) cutOff() *transport {
	p.mu.Lock()
	p.room = nil
	p.epoch++
	t := p.transport
	p.mu.Unlock()
	if t == nil {
		return nil
	}
	for _, s := range t.sources {
		s.fence()
	}
	for _, s := range t.slots {
		s.shut()
	}
	return t
}

// enterRooms seats people for whom seats are reserved, and parks the others.
func enterRooms(going []*mover) {
	arriving := parties(going, (*mover).enters)
	there := make([]<-chan struct{}, len(arriving))
	for i, p := range arriving {
		there[i] = p.room.start(task{run: func() { p.room.enter(p.people) }, patient: p.silent()})
	}
	wait(there)
}

// wait waits for what start returned.
func wait(tasks []<-chan struct{}) {
	for _, done := range tasks {
		if done != nil { // else the room is closed
			<-done
		}
	}
}

// silent says that nobody of the party has a transport: nothing can be routed to
// them or from them.
func (p party) silent() bool {
	return !slices.ContainsFunc(p.people, func(m *mover) bool { return m.p.currentTransport() != nil })
}
