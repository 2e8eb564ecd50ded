package media

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
)

// people is whom an observer knows who applies all events in order, and whether
// one of them told what it knew.
func (o *events) people() (ids []string, odd Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, ev := range o.all {
		switch ev := ev.(type) {
		case RoomChanged:
			ids = nil
			for _, info := range ev.Participants {
				ids = append(ids, info.ID)
			}
		case ParticipantsChanged:
			for _, id := range ev.Left {
				i := slices.Index(ids, id)
				if i < 0 {
					return ids, ev
				}
				ids = slices.Delete(ids, i, i+1)
			}
			for _, info := range ev.Joined {
				if slices.Contains(ids, info.ID) {
					return ids, ev
				}
				ids = append(ids, info.ID)
			}
			for _, info := range ev.Changed {
				if !slices.Contains(ids, info.ID) {
					return ids, ev
				}
			}
		}
	}
	return ids, nil
}

// Whatever comes together, each is told exactly what it doesn't know yet: of
// those who come, go, come and go, go and return, and change meanwhile.
func TestNewsAreToldAtOnce(t *testing.T) {
	_, r, peers := fakeRoom(t, newFakeClock(), 60, GroupPool(), "a", "b", "c", "d", "e", "f", "g", "h")
	rnd := rand.New(rand.NewPCG(5, 5))
	here := func(p *fakePeer) bool { return r.member(p.Participant) != nil }
	most := 0
	for batch := range 200 {
		r.do(func() { // one task, so that no computation comes in between
			for range rnd.IntN(9) {
				p := peers[rnd.IntN(len(peers))]
				switch {
				case p == peers[0], rnd.IntN(3) == 0:
					p.mu.Lock()
					p.muted[Microphone] = !p.muted[Microphone]
					p.mu.Unlock()
				case here(p):
					r.leave([]*mover{{p: p.Participant}})
				default:
					var people []*mover
					for _, p := range peers[1:] {
						if !here(p) && (len(people) == 0 || rnd.IntN(3) == 0) {
							people = append(people, &mover{p: p.Participant})
						}
					}
					r.reserved += len(people)
					r.enter(people)
				}
			}
		})
		want := ids(r.Participants())
		for _, p := range peers {
			if got, odd := p.events.people(); odd != nil {
				t.Fatalf("batch %d: %s, who knew of %v, was told %+v", batch, p.id, got, odd)
			} else if here(p) && !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
				t.Fatalf("batch %d: %s knows of %v; want %v", batch, p.id, got, want)
			}
			if ev, ok := last[ParticipantsChanged](p.events); ok {
				most = max(most, len(ev.Joined)+len(ev.Left))
			}
		}
	}
	if most < 4 {
		t.Errorf("at most %d came or went at once: the test shows too little", most)
	}
}

// counter counts how often participants are told of the others.
type counter struct{ events *atomic.Int64 }

func (c counter) Notify(ev Event) {
	if _, ok := ev.(ParticipantsChanged); ok {
		c.events.Add(1)
	}
}

// A storm: a thousand who join one room, each as soon as the one before is in.
func BenchmarkStorm(b *testing.B) {
	const size = 1000
	var events int64
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		told := counter{new(atomic.Int64)}
		e, _, _ := fakeRoom(b, nil, 1, GroupPool())
		var all []*Participant
		for i := range size {
			p, err := e.AddParticipant(ParticipantOptions{ID: sprint("p", i), Name: "Somebody", Role: RoleViewer, Pool: GroupPool(), Observer: told})
			if err != nil {
				b.Fatal(err)
			}
			all = append(all, p)
		}
		b.StartTimer()
		for _, p := range all {
			if err := e.Join(context.Background(), p, RoomOptions{ID: "storm", Capacity: size}); err != nil {
				b.Fatal(err)
			}
		}
		settled(e.Room("storm"))
		b.StopTimer()
		events = told.events.Load()
		e.Room("storm").Close(CloseRoomClosed)
		b.StartTimer()
	}
	b.ReportMetric(float64(events)/size, "events/join")
}
