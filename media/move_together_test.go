package media

import (
	"context"
	"errors"
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
	people := []*Participant{peers[1].Participant, peers[3].Participant, peers[0].Participant, peers[2].Participant}
	errs := e.JoinTogether(context.Background(), into(breakout, people...)...)
	if errs[0] != nil || !errors.Is(errs[1], ErrClosed) || errs[2] != nil || !errors.Is(errs[3], ErrRoomFull) {
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

// Changes that cross, of the same people into the same rooms, go on one after the
// other, and leave everybody somewhere whole.
func TestCrossingMoves(t *testing.T) {
	e, _, peers := fakeRoom(t, newFakeClock(), 61, SmallPool(), "a", "b", "c", "d", "e", "f")
	var wg sync.WaitGroup
	for lane := range 4 {
		wg.Go(func() {
			for round := range 50 {
				var arrivals []Arrival
				for i, p := range peers {
					arrivals = append(arrivals, Arrival{p.Participant, &RoomOptions{ID: sprint("room", (i*(lane+1)+round)%3), Capacity: len(peers)}})
				}
				if lane%2 == 1 {
					slices.Reverse(arrivals)
				}
				if err := errors.Join(e.JoinTogether(t.Context(), arrivals...)...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, p := range peers {
		r := p.Room()
		settled(r)
		if !slices.ContainsFunc(r.Participants(), func(o ParticipantInfo) bool { return o.ID == p.id }) || e.Room(r.ID()) != r {
			t.Errorf("%s isn't among those of their room", p.id)
		}
		ev, _ := last[RoomChanged](p.events)
		if ev.Room != r.ID() {
			t.Errorf("%s is in %s and was told of %s last", p.id, r.ID(), ev.Room)
		}
	}
}
