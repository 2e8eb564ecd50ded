package media

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"
)

// long says whether tests may take minutes (`make test-long`).
func long() bool { return os.Getenv("ATRIUM_LONG") != "" }

// resources are what must be back where it was when everybody has left.
type resources struct {
	goroutines, fds int
	heap            uint64
}

func measure() resources {
	for range 3 { // what finalisers and pools hold goes in turns
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	r := resources{goroutines: runtime.NumGoroutine(), heap: m.HeapAlloc}
	if fds, err := os.ReadDir("/proc/self/fd"); err == nil {
		r.fds = len(fds)
	}
	return r
}

// compare waits until goroutines and descriptors are back, then for the heap:
// within 5 % and half a megabyte.
func (before resources) compare(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		after := measure()
		if after.goroutines <= before.goroutines && after.fds <= before.fds && after.heap <= before.heap+before.heap/20+512<<10 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("before %+v, after %+v", before, after)
		}
		<-tick.C
	}
}

// visit is a whole stay: joins, publishes, sees and is seen, moves, leaves.
func visit(t *testing.T, e *Engine, r *Room, p *fakePeer, others ...*fakePeer) {
	t.Helper()
	p.wire.keep = false
	must(t, e.Move(context.Background(), p.Participant, r))
	p.announce(Microphone, Camera)
	for _, q := range append(others, p) {
		for _, s := range q.transport.sources[:2] {
			q.recv(s.layers[0], true)
		}
	}
	settled(r)
	must(t, p.SetMuted(Camera, true))
	p.Detach(p.Participant.observer)
	must(t, p.Attach(nil))
	p.Close(CloseLeft)
}

// SE-18: joins and leaves into a room that stays, and into rooms of their own.
func TestJoinsAndLeavesLeaveNothing(t *testing.T) {
	n := 500
	if long() {
		n = 10_000
	}
	e, r, peers := fakeRoom(t, newFakeClock(), 60, GroupPool(), "stays", "stays too")
	for _, p := range peers {
		p.wire.keep = false
		p.Participant.observer = nil
	}
	round := func(i int) {
		id := sprint("guest", i)
		visit(t, e, r, addFake(t, e, id, SmallPool()), peers...)
		alone := addFake(t, e, id+" alone", SmallPool())
		must(t, e.Join(context.Background(), alone.Participant, RoomOptions{ID: id, Capacity: 5}))
		own := alone.Room()
		visit(t, e, own, alone)
		<-own.done
	}
	for i := range 100 {
		round(-i - 1)
	}
	tick := func() { // holds those that have left until the next
		for range 2 {
			e.clock.(*fakeClock).advance(tickInterval)
		}
	}
	tick()
	before := measure()
	for i := range n {
		round(i)
	}
	tick()
	before.compare(t)
	if s := e.Snapshot(); s.Rooms != 1 || s.Participants != 2 || s.Panics != 0 {
		t.Errorf("%d rooms, %d participants, %d panics", s.Rooms, s.Participants, s.Panics)
	}
}

// SE-18: the same with real PeerConnections: they connect, see somebody, leave.
func TestRealJoinsAndLeavesLeaveNothing(t *testing.T) {
	n := 10
	if long() {
		n = 200
	}
	e := newTestEngine(t)
	host := addFake(t, e, "host", SmallPool())
	host.wire.keep = false
	must(t, e.Join(context.Background(), host.Participant, RoomOptions{ID: "r", Capacity: 7}))
	r := host.Room()
	host.announce(Microphone, Camera)
	round := func(t *testing.T, i int) { // several at a time: most of it is waiting
		var guests []*testPeer
		for lane := range 5 {
			p := newPeer(t, e, sprint("guest", i, "-", lane), RoleParticipant, SmallPool())
			move(t, e, p, r)
			p.negotiate()
			guests = append(guests, p)
		}
		for _, p := range guests {
			p.connected()
			for seen := false; !seen; {
				host.recv(host.layer(Camera, 0), true)
				select {
				case pkt := <-p.in:
					seen = hears("host")(pkt)
				case <-time.After(5 * time.Millisecond): // not up yet: the next key frame
				}
			}
			p.Close(CloseLeft)
		}
	}
	rounds := func(from, to int) {
		for i := from; i < to; i++ { // a test each, so that t keeps nothing of it
			t.Run("round", func(t *testing.T) { round(t, i) })
		}
	}
	rounds(-1, 0)
	before := measure()
	rounds(0, n)
	before.compare(t)
	if s := e.Snapshot(); s.Joins != uint64(5*n+5) || s.Participants != 1 {
		t.Errorf("%d joins, %d participants", s.Joins, s.Participants)
	}
}
