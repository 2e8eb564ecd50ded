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
	return e.MoveTogether(ctx, to, p)[0]
}

// Join moves a participant into the room that o describes, opening it if need
// be. Errors: ErrRoomFull, ErrClosed.
func (e *Engine) Join(ctx context.Context, p *Participant, o RoomOptions) (*Room, error) {
	room, errs := e.JoinTogether(ctx, o, p)
	return room, errs[0]
}

// JoinTogether is MoveTogether into the room that o describes, opening it if
// need be.
func (e *Engine) JoinTogether(ctx context.Context, o RoomOptions, people ...*Participant) (*Room, []error) {
	errs := make([]error, len(people))
	left := make([]int, len(people)) // of people: still to be moved
	for i := range left {
		left[i] = i
	}
	for {
		r, err := e.OpenRoom(o)
		var now []*Participant
		for _, i := range left {
			errs[i] = err
			now = append(now, people[i])
		}
		if err != nil {
			return r, errs
		}
		failed := false
		for k, err := range e.MoveTogether(ctx, r, now...) {
			errs[left[k]] = err
			failed = failed || err != nil
		}
		if failed {
			r.do(r.endIfEmpty) // opened in vain
		}
		// The last to leave closes a room: then it is opened anew.
		left = slices.DeleteFunc(left, func(i int) bool {
			return !errors.Is(errs[i], ErrClosed) || people[i].isClosed() || e.Room(o.ID) == r
		})
		if len(left) == 0 {
			return r, errs
		}
	}
}

// mover is one of those who are moved together.
type mover struct {
	p     *Participant
	from  *Room
	index int  // among those who are to be moved
	in    bool // has arrived
}

// MoveTogether is Move of several, none of them twice, who arrive at once: one
// computation of the routes has all of them hear and see each other. There is
// an error for each of them, nil for who is there.
func (e *Engine) MoveTogether(ctx context.Context, to *Room, people ...*Participant) []error {
	errs := make([]error, len(people))
	defer lockMoves(people)()
	var going []*mover
	for i, p := range people {
		from := p.Room()
		switch errs[i] = ctx.Err(); {
		case errs[i] != nil:
		case p.isClosed():
			errs[i] = ErrClosed
		case from != to:
			going = append(going, &mover{p: p, from: from, index: i})
		}
	}
	if to != nil && len(going) > 0 {
		seats, err := to.reserve(len(going))
		for _, m := range going[seats:] {
			errs[m.index] = err
			if errors.Is(err, ErrRoomFull) {
				e.counters.refused.Add(1)
			}
		}
		going = going[:seats]
	}
	unsettle(going, to, e.now())
	leaveRooms(true, going...)
	enterRoom(going, to)
	for _, m := range going {
		e.counters.moves.Add(1)
		if !m.in {
			m.p.notify(m.p.parkedEvent())
			m.p.notifyParkedLayers()
			if to != nil {
				errs[m.index] = ErrClosed
			}
		}
		m.p.touchAttached() // it may be heard there from now on, or no longer
	}
	return errs
}

// lockMoves has nobody else move these people until unlock.
func lockMoves(people []*Participant) (unlock func()) {
	sorted := slices.SortedFunc(slices.Values(people), func(a, b *Participant) int { return cmp.Compare(a.id, b.id) })
	for _, p := range sorted { // in one order everywhere: nobody waits for another
		p.moveMu.Lock()
	}
	return func() {
		for _, p := range sorted {
			p.moveMu.Unlock()
		}
	}
}

// leaveRooms takes people out of the rooms that they are in. When it returns,
// nothing of those rooms reaches them or the other way round. patient: the
// routes of those who stay aren't waited for; they follow.
func leaveRooms(patient bool, going ...*mover) {
	gone := make([]<-chan struct{}, 0, len(going))
	for _, m := range going {
		m.p.route.Store(0)
		if m.from == nil {
			continue
		}
		if done := m.from.start(task{run: func() { m.from.leave(m.p) }, patient: patient}); done != nil {
			gone = append(gone, done)
		}
	}
	for _, done := range gone {
		<-done
	}
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

// enterRoom seats people for whom seats are reserved; nil parks them.
func enterRoom(going []*mover, to *Room) {
	if to == nil || len(going) == 0 {
		return
	}
	arrival := task{patient: true}
	for _, m := range going {
		// Without a transport nothing can be routed to somebody or from them.
		arrival.patient = arrival.patient && m.p.currentTransport() == nil
	}
	arrival.run = func() {
		for _, m := range going {
			m.in = to.enter(m.p)
		}
	}
	to.wait(arrival)
}
