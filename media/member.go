package media

import (
	"slices"
	"time"
)

// member is a participant's stay in the room.
type member struct {
	p       *Participant
	since   time.Duration
	epoch   uint64
	info    ParticipantInfo // as announced
	told    int             // how much of the room's news it knows
	pairs   []string        // participant of each pair (small rooms)
	slots   []SlotMap       // as announced
	layers  map[SourceKind][]string
	mic     *Source // registered with the detector
	quality Quality
	loss    float64 // of the interval that quality is of, the worse direction's
	traffic traffic
}

// reserve keeps up to n seats for people who are on the way in; an error says
// why there aren't as many.
func (r *Room) reserve(n int) (seats int, err error) {
	err = ErrClosed
	r.ask(func() {
		if r.isClosing() {
			return
		}
		err = nil
		if seats = min(n, max(0, r.capacity-len(r.members)-r.reserved)); seats < n {
			err = ErrRoomFull
		}
		r.reserved += seats
	})
	return seats, err
}

func (r *Room) isClosing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closing
}

// enter is run by the loop, after reserve: those for whom it isn't closing are in.
// They are told of each other at once, by what they are told first.
func (r *Room) enter(people []*mover) {
	r.reserved -= len(people)
	var arrived []*member
	for _, m := range people {
		if m.in = !r.isClosing(); m.in {
			arrived = append(arrived, r.seat(m.p))
		}
	}
	for _, m := range arrived {
		r.brief(m)
	}
}

// seat makes somebody a member.
func (r *Room) seat(p *Participant) *member {
	p.mu.Lock()
	p.room = r
	m := &member{p: p, since: r.engine.now(), epoch: p.epoch, info: p.infoLocked(), layers: make(map[SourceKind][]string)}
	p.mu.Unlock()
	p.route.Store(r.number)
	r.members = append(r.members, m)
	r.news = append(r.news, coming{m: m})
	return m
}

// brief tells a member where it is and how the others are.
func (r *Room) brief(m *member) {
	m.told = len(r.news)
	m.p.notify(r.changed(m))
	var qualities []Quality
	for _, other := range r.members {
		if other.quality.Score != "" {
			qualities = append(qualities, other.quality)
		}
	}
	if len(qualities) > 0 {
		m.p.notify(QualityChanged{Participants: qualities})
	}
	if len(r.speakers.Speakers) > 0 {
		m.p.notify(r.speakers)
	}
}

// changed is the whole state of the room, for m.
func (r *Room) changed(m *member) RoomChanged {
	ev := RoomChanged{Room: r.id, Name: r.name, Kind: r.kind, Epoch: m.epoch, EndsAt: r.endsAt}
	for _, other := range r.members {
		ev.Participants = append(ev.Participants, other.info)
	}
	return ev
}

// leave is run by the loop. Nobody is fed by those who leave any more; the
// caller shuts their slots and waits for packets in hand (leaveRooms).
func (r *Room) leave(people []*mover) {
	for _, m := range people {
		r.unseat(m.p)
	}
	r.endIfEmpty()
}

// unseat has somebody no longer be a member.
func (r *Room) unseat(p *Participant) {
	i := slices.IndexFunc(r.members, func(m *member) bool { return m.p == p })
	if i < 0 {
		return
	}
	m := r.members[i]
	r.members = slices.Delete(r.members, i, i+1)
	r.hear(m, nil)
	if t := p.currentTransport(); t != nil {
		for _, s := range t.sources {
			for _, l := range s.layers {
				l.abandon()
			}
		}
	}
	r.news = append(r.news, coming{m, true})
}

// endIfEmpty is run by the loop. Empty rooms cost nothing: who comes next
// opens it anew.
func (r *Room) endIfEmpty() {
	if len(r.members) == 0 && r.reserved == 0 {
		r.end()
	}
}

// refresh forgets what was announced about p's transport, which was replaced.
func (r *Room) refresh(p *Participant) {
	if m := r.member(p); m != nil {
		m.slots, m.pairs = nil, nil
		m.layers = make(map[SourceKind][]string)
	}
}

// reintroduce tells a returning participant everything.
func (r *Room) reintroduce(p *Participant) {
	if m := r.member(p); m != nil {
		r.brief(m)
		m.slots = nil
		m.layers = make(map[SourceKind][]string)
	}
}

func (r *Room) member(p *Participant) *member {
	for _, m := range r.members {
		if m.p == p {
			return m
		}
	}
	return nil
}
