package media

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// moveRooms are three rooms with somebody in each, the room that there is
// already, and some who move between them while all of them send.
type moveRooms struct {
	e             *Engine
	rooms         []*Room // the first is nil: parked
	peers, movers []*fakePeer
}

func newMoveRooms(t *testing.T) *moveRooms {
	e, _, peers := fakeRoom(t, nil, 20, SmallPool())
	m := &moveRooms{e: e, rooms: []*Room{nil}, peers: peers}
	for i := range 3 {
		r, err := e.OpenRoom(RoomOptions{ID: sprint("room", i), Capacity: 7})
		must(t, err)
		m.rooms = append(m.rooms, r)
		// Somebody stays, so that the room does.
		keeper := addFake(t, e, sprint("keeper", i), SmallPool())
		must(t, e.Move(context.Background(), keeper.Participant, r))
		m.peers = append(m.peers, keeper)
	}
	for i := range 4 {
		m.movers = append(m.movers, addFake(t, e, sprint("mover", i), SmallPool()))
	}
	m.peers = append(m.peers, m.movers...)
	for _, p := range m.peers {
		p.announce(Microphone, Camera)
	}
	return m
}

// send has all of them send, on two goroutines, until the test ends.
func (m *moveRooms) send(t *testing.T) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	t.Cleanup(func() { close(stop); wg.Wait() })
	for _, half := range [][]*fakePeer{m.peers[:len(m.peers)/2], m.peers[len(m.peers)/2:]} {
		wg.Go(func() {
			ticker := time.NewTicker(100 * time.Microsecond) // leaves the moves a core
			defer ticker.Stop()
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-ticker.C:
				}
				for _, p := range half {
					p.recv(p.layer(Camera, 0), n%5 == 0)
					p.recv(p.layer(Microphone, 0), false)
				}
			}
		})
	}
}

// R-GC-7: after Move returns, not one packet of the room that was left is
// written to the participant, resent to it or sent on from it.
func TestMoveIsolates(t *testing.T) {
	m := newMoveRooms(t)
	m.send(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	forwarded := 0
	for range 300 {
		p := m.movers[rnd.IntN(len(m.movers))]
		to := m.rooms[rnd.IntN(len(m.rooms))]
		must(t, m.e.Move(context.Background(), p.Participant, to))
		before := p.wire.take() // what was written before Move returned
		for _, q := range m.peers {
			q.wire.take()
		}
		forwarded += m.checkTo(t, p, to, askAgain(p, before))
		m.checkFrom(t, p, to)
	}
	if forwarded == 0 {
		t.Error("nothing was forwarded at all: the test shows nothing")
	}
}

// checkTo looks at what p got since it came to a room.
func (m *moveRooms) checkTo(t *testing.T, p *fakePeer, to *Room, got []sentPacket) int {
	t.Helper()
	allowed := map[string]bool{}
	if to != nil {
		for _, info := range to.Participants() {
			allowed[info.ID] = true
		}
	}
	for _, pkt := range got {
		if id, _, _ := strings.Cut(payloadMark(pkt), "/"); !allowed[id] {
			t.Fatalf("%s in %v got a packet of %s", p.id, allowed, payloadMark(pkt))
		}
	}
	return len(got)
}

// checkFrom looks at what those elsewhere got of p since it went.
func (m *moveRooms) checkFrom(t *testing.T, p *fakePeer, to *Room) {
	t.Helper()
	for _, q := range m.peers {
		if q == p || (to != nil && q.Room() == to) {
			continue
		}
		for _, pkt := range q.wire.take() {
			if id, _, _ := strings.Cut(payloadMark(pkt), "/"); id == p.id {
				t.Fatalf("%s, elsewhere, got a packet of %s after it moved", q.id, p.id)
			}
		}
	}
}

// PF-4: 60 people from the main room into ten breakouts, all at once, and back:
// the time until all are there, routes included.
func BenchmarkMoveAll(b *testing.B) {
	const people, breakouts = 60, 10
	ids := make([]string, people)
	for i := range ids {
		ids[i] = sprint("p", i)
	}
	e, _, peers := fakeRoom(b, nil, people+1, GroupPool(), ids...)
	keeper := addFake(b, e, "keeper", GroupPool())
	for _, p := range peers {
		p.wire.keep = false
		p.recv(p.layer(Camera, 0), true)
	}
	if err := e.Join(b.Context(), keeper.Participant, RoomOptions{ID: "main", Call: "call", Capacity: people + 1}); err != nil {
		b.Fatal(err)
	}
	all := func(room func(i int) string) {
		var wg sync.WaitGroup
		for i, p := range peers {
			wg.Go(func() {
				if err := e.Join(b.Context(), p.Participant, RoomOptions{ID: room(i), Call: "call", Capacity: people + 1}); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
	}
	b.ReportAllocs()
	for b.Loop() {
		all(func(i int) string { return sprint("breakout", i%breakouts) })
		all(func(int) string { return "main" })
	}
}
