package media

import (
	"fmt"
	"slices"
	"sync"
)

// A source may be attached to rooms besides the one that its publisher is in: a
// voice that all breakouts hear (R-GC-4). The engine knows who is attached to
// which room, by its id, so that rooms which open later find it. Each room's
// loop gives the source a slot at each of its members, and adds them to the
// layer's list for that room; what is handed over by that list carries the
// room's number, as all else that the slots there take.

// attachment is whom a layer is forwarded to in one room that its source is
// attached to.
type attachment struct {
	number uint64 // of the room
	slots  []*Slot
}

// attachments are the rooms that a participant's source is attached to. The
// mutex is a leaf; it covers the layer's list too, as several loops change it.
type attachments struct {
	mu    sync.Mutex
	rooms []string // never changed, but replaced
}

func (a *attachments) list() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rooms
}

// AttachSource has a source heard in these rooms too, in those that open later
// by such an id as well. It is the whole state: the rooms take the place of
// those before, none ends it. The room that the participant is in may be one of
// them, it isn't heard there twice; while parked it is heard nowhere. When
// AttachSource returns, nothing more comes into the rooms that are no longer
// named. The end of the participant ends it.
//
// Errors: ErrClosed; one that says that only a microphone can be attached.
func (p *Participant) AttachSource(kind SourceKind, roomIDs []string) error {
	if kind != Microphone {
		return fmt.Errorf("media: %q can't be attached to rooms, only a microphone can", kind)
	}
	p.moveMu.Lock()
	defer p.moveMu.Unlock()
	if p.isClosed() {
		return ErrClosed
	}
	p.attach(roomIDs)
	return nil
}

// attach makes roomIDs the rooms that the microphone is attached to. The caller
// holds moveMu.
func (p *Participant) attach(roomIDs []string) {
	after := slices.Compact(slices.Sorted(slices.Values(roomIDs)))
	before := p.attached.list()
	if slices.Equal(before, after) {
		return
	}
	mic := p.microphone()
	p.attached.mu.Lock()
	p.attached.rooms = after
	p.attached.mu.Unlock()
	// Loops that still go by the rooms before find themselves refused: carry.
	open := p.engine.attach(p, before, after)
	ended := slices.ContainsFunc(before, func(id string) bool { return !slices.Contains(after, id) })
	if ended && mic != nil {
		mic.detach(open, after)
		mic.fence()
		p.engine.mux.Barrier()
	}
	for _, r := range open {
		r.post(func() {})
	}
}

// microphone is the source of the present transport; nil without one.
func (p *Participant) microphone() *Source {
	if t := p.currentTransport(); t != nil {
		return t.source(Microphone)
	}
	return nil
}

// source is the transport's source of a kind.
func (t *transport) source(kind SourceKind) *Source {
	for _, s := range t.sources {
		if s.kind == kind {
			return s
		}
	}
	return nil
}

// touchAttached has the rooms that the microphone is attached to look at it
// again, soon.
func (p *Participant) touchAttached() {
	for _, id := range p.attached.list() {
		if r := p.engine.Room(id); r != nil {
			r.post(func() {})
		}
	}
}

// heardFrom says whether an attached participant is to be heard in r: not while
// parked, and in its own room it is a member.
func (p *Participant) heardFrom(r *Room) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.room != nil && p.room != r && p.announces[Microphone]
}

// attach replaces the rooms that p is attached to and returns those of before
// and after that are open.
func (e *Engine) attach(p *Participant, before, after []string) (open []*Room) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, id := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(before, after)))) {
		// Never changed in place: loops read the lists without the lock.
		others := slices.DeleteFunc(slices.Clone(e.attached[id]), func(q *Participant) bool { return q == p })
		if slices.Contains(after, id) {
			others = append(others, p)
		}
		if e.attached[id] = others; len(others) == 0 {
			delete(e.attached, id)
		}
		if r := e.rooms[id]; r != nil {
			open = append(open, r)
		}
	}
	return open
}

// attachedTo lists who is attached to the room of an id.
func (e *Engine) attachedTo(id string) []*Participant {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.attached[id]
}

// carry makes slots those that the source is forwarded to in r. It is run by
// r's loop; one that goes by what was true before AttachSource changes nothing.
func (s *Source) carry(r *Room, slots []*Slot) {
	a := &s.owner.attached
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.Contains(a.rooms, r.id) {
		slots = nil
	}
	l := s.layers[0]
	before := l.carriedTo()
	i := slices.IndexFunc(before, func(at attachment) bool { return at.number == r.number })
	if (i < 0 && len(slots) == 0) || (i >= 0 && slices.Equal(before[i].slots, slots)) {
		return
	}
	after := slices.DeleteFunc(slices.Clone(before), func(at attachment) bool { return at.number == r.number })
	if len(slots) > 0 {
		after = append(after, attachment{r.number, slots})
	}
	l.away.Store(&after)
}

// detach ends the forwarding to the rooms that aren't kept.
func (s *Source) detach(rooms []*Room, keep []string) {
	a := &s.owner.attached
	a.mu.Lock()
	defer a.mu.Unlock()
	l := s.layers[0]
	after := slices.DeleteFunc(slices.Clone(l.carriedTo()), func(at attachment) bool {
		return !slices.ContainsFunc(rooms, func(r *Room) bool { return r.number == at.number && slices.Contains(keep, r.id) })
	})
	l.away.Store(&after)
}

// carriedTo is the present list of the rooms that the layer is forwarded to
// besides its publisher's.
func (l *layer) carriedTo() []attachment {
	if away := l.away.Load(); away != nil {
		return *away
	}
	return nil
}

// carryLocked takes packets that keepLocked has looked at, a list that begins
// with first, to the rooms that the source is attached to. It is the last that
// is done with them: they get another epoch.
func (l *layer) carryLocked(packets []packet, first int32, f *flight) {
	away := l.carriedTo()
	// A move changes it before it waits for us: then nothing goes anywhere.
	home := l.source.owner.route.Load()
	if len(away) == 0 || home == 0 {
		return
	}
	for _, at := range away {
		if at.number == home {
			continue // it has just come there, where it is forwarded as a member's
		}
		for i := first; i != none; i = packets[i].next {
			packets[i].epoch = at.number
		}
		l.fanLocked(at.slots, packets, first, f)
	}
}
