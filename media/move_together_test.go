package media

import (
	"context"
	"errors"
	"testing"
)

// R-GC-4: several who are moved arrive by one computation of the routes; who
// finds no seat stays where they are.
func TestMoveTogether(t *testing.T) {
	e, main, peers := fakeRoom(t, newFakeClock(), 61, SmallPool(), "a", "b", "c", "d")
	peers[3].Close(CloseLeft)
	breakout, err := e.OpenRoom(RoomOptions{ID: "breakout", Kind: "breakout", Capacity: 2})
	if err != nil {
		t.Fatal(err)
	}
	maps := func(p *fakePeer) (n int) {
		p.events.mu.Lock()
		defer p.events.mu.Unlock()
		for _, ev := range p.events.all {
			if _, ok := ev.(MapChanged); ok {
				n++
			}
		}
		return n
	}
	before := maps(peers[0])
	people := []*Participant{peers[1].Participant, peers[3].Participant, peers[0].Participant, peers[2].Participant}
	errs := e.MoveTogether(context.Background(), breakout, people...)
	if errs[0] != nil || !errors.Is(errs[1], ErrClosed) || errs[2] != nil || !errors.Is(errs[3], ErrRoomFull) {
		t.Fatalf("moved: %v", errs)
	}
	if b, a, c := people[0].Room(), people[2].Room(), people[3].Room(); b != breakout || a != breakout || c != main {
		t.Errorf("b is in %v, a in %v, c in %v", b, a, c)
	}
	if n := maps(peers[0]) - before; n != 1 {
		t.Errorf("a was told %d times what it receives; want once", n)
	}
	if ev, _ := last[MapChanged](peers[0].events); len(ev.Slots) != 2 || ev.Slots[0].Participant != "b" {
		t.Errorf("a receives %+v; want b", ev.Slots)
	}
}
