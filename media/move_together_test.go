package media

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// into has people go to an open room.
func into(r *Room, people ...*Participant) []Arrival {
	arrivals := make([]Arrival, len(people))
	for i, p := range people {
		arrivals[i] = Arrival{p, &RoomOptions{ID: r.id, Capacity: r.capacity}}
	}
	return arrivals
}

// R-GC-4: several who are moved arrive by one computation of the routes; who
// finds no seat stays where they are.
func TestMoveTogether(t *testing.T) {
	e, main, peers := fakeRoom(t, newFakeClock(), 61, SmallPool(), "a", "b", "c", "d")
	peers[3].Close(CloseLeft)
	breakout, err := e.OpenRoom(RoomOptions{ID: "breakout", Kind: "breakout", Capacity: 2})
	if err != nil {
		t.Fatal(err)
	}
	before := peers[0].events.kinds().maps
	people := []*Participant{peers[1].Participant, peers[3].Participant, peers[0].Participant, peers[2].Participant, peers[0].Participant}
	errs := e.JoinTogether(context.Background(), into(breakout, people...)...)
	if errs[0] != nil || !errors.Is(errs[1], ErrClosed) || errs[2] != nil || !errors.Is(errs[3], ErrRoomFull) || !errors.Is(errs[4], ErrDuplicate) {
		t.Fatalf("moved: %v", errs)
	}
	if b, a, c := people[0].Room(), people[2].Room(), people[3].Room(); b != breakout || a != breakout || c != main {
		t.Errorf("b is in %v, a in %v, c in %v", b, a, c)
	}
	if n := peers[0].events.kinds().maps - before; n != 1 {
		t.Errorf("a was told %d times what it receives; want once", n)
	}
	if ev, _ := last[MapChanged](peers[0].events); len(ev.Slots) != 2 || ev.Slots[0].Participant != "b" {
		t.Errorf("a receives %+v; want b", ev.Slots)
	}
}

// R-GC-4: people of several rooms go to several rooms as one change: nobody arrives
// before all have left, so that who goes hears nothing of who comes after them, and
// each is told once what they receive.
func TestMoveAcrossRooms(t *testing.T) {
	e, _, peers := fakeRoom(t, newFakeClock(), 61, SmallPool(), "a", "b", "c", "d", "e")
	rooms := make(map[string]*Room)
	for _, id := range []string{"blue", "red"} {
		r, err := e.OpenRoom(RoomOptions{ID: id, Capacity: 7})
		must(t, err)
		rooms[id] = r
	}
	people := make(map[string]*Participant)
	for _, p := range peers {
		people[p.id] = p.Participant
	}
	deal := func(blue, red, parked []string) (arrivals []Arrival) {
		for _, to := range []struct {
			room *RoomOptions
			who  []string
		}{{&RoomOptions{ID: "blue", Capacity: 7}, blue}, {&RoomOptions{ID: "red", Capacity: 7}, red}, {nil, parked}} {
			for _, id := range to.who {
				arrivals = append(arrivals, Arrival{people[id], to.room})
			}
		}
		return arrivals
	}
	must(t, errors.Join(e.JoinTogether(t.Context(), deal([]string{"a", "b"}, []string{"c", "d"}, nil)...)...))
	settled(rooms["blue"])
	settled(rooms["red"])
	for _, p := range peers {
		p.events.forget()
	}
	must(t, errors.Join(e.JoinTogether(t.Context(), deal([]string{"c", "a"}, []string{"b", "e"}, []string{"d"})...)...))
	settled(rooms["blue"])
	settled(rooms["red"])
	for _, row := range []struct {
		peer   int
		room   string
		stays  bool
		others []string
	}{
		{0, "blue", true, []string{"c"}}, {1, "red", false, []string{"e"}}, {2, "blue", false, []string{"a"}},
		{3, "", false, nil}, {4, "red", false, []string{"b"}},
	} {
		p := peers[row.peer]
		told := p.events.kinds()
		if row.stays {
			if want := (eventKinds{people: 1, maps: 1}); told != want {
				t.Errorf("%s stays and is told %+v; want %+v", p.id, told, want)
			}
		} else if told.rooms != 1 || told.people != 0 || told.maps > 1 {
			t.Errorf("%s goes and is told %+v; want of one room, and what it receives at most once", p.id, told)
		}
		var seen []string
		if ev, ok := last[MapChanged](p.events); ok {
			for _, s := range ev.Slots {
				if s.Source == Microphone {
					seen = append(seen, s.Participant)
				}
			}
		}
		at := ""
		if r := p.Room(); r != nil {
			at = r.ID()
		}
		if at != row.room || !slices.Equal(seen, row.others) {
			t.Errorf("%s is in %q and hears %v; want %q, %v", p.id, at, seen, row.room, row.others)
		}
	}
}

// eventKinds is how often somebody was told of something.
type eventKinds struct{ rooms, people, maps int }

// forget has the events so far out of the way.
func (o *events) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = nil
}

func (o *events) kinds() (n eventKinds) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, ev := range o.all {
		switch ev.(type) {
		case RoomChanged:
			n.rooms++
		case ParticipantsChanged:
			n.people++
		case MapChanged:
			n.maps++
		}
	}
	return n
}

// Changes that cross, of people whom they share, into rooms that are small, with
// contexts that end and rooms that are closed meanwhile, leave everybody somewhere
// whole, and no seat kept for nobody.
func TestCrossingMoves(t *testing.T) {
	e, _, peers := fakeRoom(t, newFakeClock(), 61, SmallPool(), "a", "b", "c", "d", "e", "f", "g", "h")
	var wg sync.WaitGroup
	for lane := range uint64(4) {
		rnd := rand.New(rand.NewPCG(7, lane))
		wg.Go(func() {
			for range 100 {
				ctx, cancel := context.WithCancel(t.Context())
				if rnd.IntN(10) == 0 {
					cancel()
				}
				for _, err := range e.JoinTogether(ctx, anyArrivals(rnd, peers)...) {
					if err != nil && !errors.Is(err, ErrRoomFull) && !errors.Is(err, ErrClosed) && !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
				}
				cancel()
				if r := e.Room(sprint("room", rnd.IntN(3))); r != nil && lane == 0 && rnd.IntN(30) == 0 {
					r.Close(CloseRoomClosed)
				}
			}
		})
	}
	wg.Wait()
	whole(t, e, peers)
}

// anyArrivals has some people go to rooms of three seats, or be parked.
func anyArrivals(rnd *rand.Rand, peers []*fakePeer) (arrivals []Arrival) {
	for _, i := range rnd.Perm(len(peers))[:1+rnd.IntN(len(peers)-1)] {
		a := Arrival{Participant: peers[i].Participant}
		if room := rnd.IntN(4); room < 3 {
			a.Room = &RoomOptions{ID: sprint("room", room), Capacity: 3}
		}
		arrivals = append(arrivals, a)
	}
	return arrivals
}

// whole checks that people are where they think they are, that rooms have who
// thinks so, and that nothing is kept for nobody.
func whole(t *testing.T, e *Engine, peers []*fakePeer) {
	t.Helper()
	inside := make(map[*Room]int)
	for _, p := range peers {
		r := p.Room()
		if p.isClosed() {
			continue
		}
		ev, _ := last[RoomChanged](p.events)
		if r == nil {
			if ev.Room != "" {
				t.Errorf("%s is parked and was told of %s last", p.id, ev.Room)
			}
			continue
		}
		inside[r]++
		if ev.Room != r.id || ev.Epoch != p.epoch || e.Room(r.id) != r {
			t.Errorf("%s is in %s, in epoch %d, and was told of %s, %d last", p.id, r.id, p.epoch, ev.Room, ev.Epoch)
		}
	}
	for id, r := range e.rooms {
		members, reserved := 0, 0
		r.ask(func() { members, reserved = len(r.members), r.reserved })
		if reserved != 0 || members != inside[r] || members == 0 {
			t.Errorf("%s has %d members and %d seats kept; %d people are in it", id, members, reserved, inside[r])
		}
	}
}
