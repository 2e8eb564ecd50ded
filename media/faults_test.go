package media

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pion/rtcp"
)

// SE-10: a panic in a goroutine that works for one participant ends that
// participant, not the process and not the call of the others.
func TestPanicEndsOneParticipant(t *testing.T) {
	rows := []struct {
		name  string
		fault func(a *fakePeer)
	}{
		{"a reader", func(a *fakePeer) { a.transport.goGuarded(func() { panic("reader") }) }},
		{"the packet path", func(a *fakePeer) {
			l := a.layer(Camera, 0)
			raw := a.raw(l, true)
			a.transport.goGuarded(func() {
				l.cache = nil // a fault of ours
				l.handle(raw, 0)
			})
		}},
		{"the tick", func(a *fakePeer) {
			a.wire.hook = func(rtcp.Packet) { panic("tick") }
			l := a.layer(Camera, 0)
			l.active.Store(true)
			l.source.keys.want(l)
			a.transport.tick(0)
		}},
		{"its observer", func(a *fakePeer) {
			must := a.Attach(panicking{})
			if must != nil {
				panic(must)
			}
		}},
	}
	for _, row := range rows {
		e, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "a", "b", "c")
		a, b, c := peers[0], peers[1], peers[2]
		row.fault(a)
		waitEvent(t, b.events, row.name, func(ev ParticipantsChanged) bool { return len(ev.Left) == 1 && ev.Left[0] == "a" })
		b.recv(b.layer(Microphone, 0), false)
		if n := len(c.wire.take()); n != 1 {
			t.Errorf("%s: the others' call ended too: %d packets", row.name, n)
		}
		if e.Snapshot().Panics == 0 || e.Participant("b") == nil || len(r.Participants()) != 2 {
			t.Errorf("%s: %d panics counted, %d in the room", row.name, e.Snapshot().Panics, len(r.Participants()))
		}
	}
}

type panicking struct{}

func (panicking) Notify(Event) { panic("observer") }

// SE-10: a fault in a room's loop ends the room, not the process.
func TestPanicEndsOneRoom(t *testing.T) {
	e, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "a", "b")
	other := addFake(t, e, "other", SmallPool())
	must(t, e.Join(context.Background(), other.Participant, RoomOptions{ID: "other", Capacity: 5}))
	r.do(func() { panic("loop") })
	for _, p := range peers {
		waitEvent(t, p.events, "closed", func(ev Closed) bool { return ev.Reason == CloseInternal })
	}
	<-r.done
	if other.Room() == nil || e.Room("r") != nil {
		t.Error("the wrong room ended")
	}
}

// Bad input: whatever a publisher sends as RTP or RTCP is dropped and counted;
// the others' call goes on.
func TestMalformedPackets(t *testing.T) {
	e, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "viewer", "a")
	viewer, a := peers[0], peers[1]
	l := a.layer(Camera, 0)
	a.recv(l, true)
	settled(r)
	viewer.wire.take()
	good := a.raw(l, false)
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		b := make([]byte, rnd.IntN(len(good)+1))
		copy(b, good)
		for range rnd.IntN(4) {
			if len(b) > 0 {
				b[rnd.IntN(len(b))] = byte(rnd.Uint32())
			}
		}
		l.handle(b, e.now())
		a.layer(Microphone, 0).handle(b, e.now())
		if packets, err := rtcp.Unmarshal(b); err == nil {
			viewer.transport.slots[1].control(nil, packets, e.now())
		}
	}
	if e.Snapshot().Dropped["malformed"] == 0 {
		t.Error("nothing was refused: the test shows nothing")
	}
	settled(r)
	viewer.wire.take()
	b := viewer
	b.recv(b.layer(Microphone, 0), false)
	if n := len(a.wire.take()); n == 0 {
		t.Error("the other direction is dead")
	}
}

// Descriptors that can't be read leave no hole in what is forwarded.
func TestUnreadableVideoLeavesNoHole(t *testing.T) {
	_, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "viewer", "a")
	viewer, a := peers[0], peers[1]
	l := a.layer(Camera, 0)
	a.recv(l, true)
	settled(r)
	bad := a.raw(l, false)[:13]
	bad[12] = 0x80 // an extension that isn't there
	l.handle(bad, 0)
	l.handle(a.padding(l), 0)
	a.recv(l, false)
	got := viewer.wire.take()
	if len(got) != 2 || got[1].header.SequenceNumber != got[0].header.SequenceNumber+1 {
		t.Errorf("%d packets", len(got))
	}
}

// R-IA-1, R-MR-1: of many who come at once, as many as there are seats get in.
func TestCapacityUnderConcurrentJoins(t *testing.T) {
	e, r, _ := fakeRoom(t, newFakeClock(), 6, SmallPool(), "first")
	var in, full atomic.Int32
	var wg sync.WaitGroup
	for i := range 40 {
		p := addFake(t, e, sprint("p", i), SmallPool())
		wg.Go(func() {
			switch err := e.Move(context.Background(), p.Participant, r); {
			case err == nil:
				in.Add(1)
			case errors.Is(err, ErrRoomFull):
				full.Add(1)
			}
		})
	}
	wg.Wait()
	if in.Load() != 5 || full.Load() != 35 || len(r.Participants()) != 6 || e.Snapshot().Refused != 35 {
		t.Errorf("%d got in, %d were refused, %d inside", in.Load(), full.Load(), len(r.Participants()))
	}
}

// A room that was opened for somebody who doesn't get in doesn't stay.
func TestRoomOpenedInVain(t *testing.T) {
	e, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "a", "b")
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if err := e.Join(gone, peers[0].Participant, RoomOptions{ID: "x", Capacity: 5}); !errors.Is(err, context.Canceled) {
		t.Errorf("join with a context that is over: %v", err)
	}
	peers[1].Close(CloseLeft)
	if err := e.Join(context.Background(), peers[1].Participant, RoomOptions{ID: "y", Capacity: 5}); !errors.Is(err, ErrClosed) {
		t.Errorf("join of one who left: %v", err)
	}
	if err := e.Join(context.Background(), peers[0].Participant, RoomOptions{ID: "z"}); !errors.Is(err, ErrRoomFull) {
		t.Errorf("join into a room without seats: %v", err)
	}
	if n := e.Snapshot().Rooms; n != 1 || e.Room("r") != r {
		t.Errorf("%d rooms are open; want 1", n)
	}
}

// Close under load: packets, moves, layouts and offers are under way. Nothing
// hangs, nothing is left (goleak), everybody is told.
func TestCloseUnderLoad(t *testing.T) {
	e, r, peers := fakeRoom(t, nil, 60, GroupPool(), "a", "b", "c", "d", "e", "f")
	side, err := e.OpenRoom(RoomOptions{ID: "side", Capacity: 60})
	must(t, err)
	stop := make(chan struct{})
	var busy, started sync.WaitGroup
	run := func(f func(n int)) {
		started.Add(1)
		busy.Go(func() {
			for n := 0; ; n++ {
				f(n)
				if n == 0 {
					started.Done()
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for i, p := range peers {
		run(func(n int) { p.recv(p.layer(Camera, n%3), n%7 == 0) })
		run(func(n int) {
			_ = e.Move(context.Background(), p.Participant, []*Room{r, side, nil}[(n+i)%3])
			_ = p.SetLayout([]Tile{{Participant: "a", Source: Camera, Height: n % 720}})
			_ = p.SetMutedByServer(Camera, n%2 == 0)
		})
	}
	run(func(n int) {
		id := sprint("guest", n)
		if p, err := e.AddParticipant(ParticipantOptions{ID: id, Pool: SmallPool(), Observer: newEvents()}); err == nil {
			_ = e.Join(context.Background(), p, RoomOptions{ID: "r", Capacity: 60})
			_, _ = p.Offer(context.Background(), "v=0")
		}
		_ = e.Snapshot()
	})
	started.Wait()
	must(t, e.Close())
	close(stop)
	busy.Wait()
	for _, p := range peers {
		waitEvent(t, p.events, "closed", func(ev Closed) bool { return ev.Reason == CloseShutdown })
	}
	if s := e.Snapshot(); s.Rooms+s.Participants != 0 {
		t.Errorf("%d rooms and %d participants are left", s.Rooms, s.Participants)
	}
	if _, err := e.OpenRoom(RoomOptions{ID: "late"}); !errors.Is(err, ErrClosed) {
		t.Errorf("a room after the end: %v", err)
	}
	if _, err := e.AddParticipant(ParticipantOptions{ID: "late"}); !errors.Is(err, ErrClosed) {
		t.Errorf("a participant after the end: %v", err)
	}
	must(t, e.Close())
}
