package media

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// encoder is a publisher's encoder on the fake clock: a frame every 33 ms, and a
// key frame with the next one when asked, unless one was asked for in the last
// 300 ms, as libwebrtc does it. What it sends, and what it is sent, takes 10 ms.
// And it notes whom its owner sees.
type encoder struct {
	p         *fakePeer
	phase     time.Duration
	mu        sync.Mutex
	asked     []time.Duration // when requests come
	honoured  time.Duration
	wantsKey  bool
	requests  int
	underWay  []sentFrame
	since     time.Duration            // in the present room
	saw       map[string]time.Duration // whom, when first
	lastFrame time.Duration
}

type sentFrame struct {
	at  time.Duration
	key bool
}

const (
	oneWay    = 10 * time.Millisecond
	frameTime = 33 * time.Millisecond
)

// step does what is due.
func (c *encoder) step(now time.Duration) {
	c.mu.Lock()
	for len(c.asked) > 0 && c.asked[0] <= now {
		c.asked = c.asked[1:]
		if now-c.honoured >= 300*time.Millisecond {
			c.honoured, c.wantsKey = now, true
		}
	}
	c.mu.Unlock()
	if now-c.lastFrame >= frameTime {
		c.lastFrame = now
		c.underWay = append(c.underWay, sentFrame{now + oneWay, c.wantsKey})
		c.wantsKey = false
	}
	for len(c.underWay) > 0 && c.underWay[0].at <= now {
		for i := range 3 {
			c.p.recv(c.p.layer(Camera, i), c.underWay[0].key)
		}
		c.underWay = c.underWay[1:]
	}
}

// look notes whose pictures come.
func (c *encoder) look(now time.Duration) {
	for _, pkt := range c.p.wire.take() {
		who, _, _ := strings.Cut(payloadMark(pkt), "/")
		if _, known := c.saw[who]; !known {
			c.saw[who] = now
		}
	}
}

// PF-4: thirty people in six rooms of a call are moved one after the other, each
// into another room, by single requests. On a clock of the test's: how long it
// takes until each sees the first of those whom they stay with, and every one of
// them, since both were there; and nobody is asked for more than four key frames
// a second.
func TestMovedOneByOne(t *testing.T) {
	for _, row := range []struct {
		every, most time.Duration // of nineteen in twenty
	}{
		{5 * time.Millisecond, 150 * time.Millisecond},
		{20 * time.Millisecond, 250 * time.Millisecond},
	} {
		first, all, asked := movedOneByOne(t, row.every)
		at := func(of []time.Duration, share int) time.Duration { return of[(len(of)-1)*share/100] }
		t.Logf("every %v: the first picture after %v and %v (p50, p95), every picture after %v and %v; %d requests at most",
			row.every, at(first, 50), at(first, 95), at(all, 50), at(all, 95), asked)
		if at(first, 95) > row.most {
			t.Errorf("every %v: want at most %v (p95)", row.every, row.most)
		}
	}
}

func movedOneByOne(t *testing.T, every time.Duration) (first, all []time.Duration, mostAsked int) {
	t.Helper()
	const people, rooms = 30, 6
	clock := newFakeClock()
	e, _, _ := fakeRoom(t, clock, 2, GroupPool())
	where := func(i, deal int) string { return sprint("room", (i+deal*(1+i/rooms%(rooms-1)))%rooms) }
	enter := func(c *encoder, room string) {
		must(t, e.Join(context.Background(), c.p.Participant, RoomOptions{ID: room, Call: "call", Capacity: people + 1}))
		c.since, c.saw = e.now(), map[string]time.Duration{}
	}
	var cs []*encoder
	for i := range people {
		c := &encoder{p: newFake(t, e, sprint("p", i), GroupPool()), lastFrame: time.Duration(i*7%33) * time.Millisecond, honoured: -time.Second}
		c.p.wire.hook = func(pkt rtcp.Packet) {
			if _, ok := pkt.(*rtcp.PictureLossIndication); ok {
				c.mu.Lock()
				c.asked = append(c.asked, e.now()+oneWay)
				c.requests++
				c.mu.Unlock()
			}
		}
		c.p.plug()
		enter(c, where(i, 0))
		c.p.announce(Camera)
		cs = append(cs, c)
	}
	tick := func(n int) {
		clock.advance(time.Millisecond)
		now := e.now()
		for _, c := range cs {
			c.step(now)
		}
		if n%5 == 0 {
			for i := range rooms {
				if r := e.Room(sprint("room", i)); r != nil {
					settled(r)
				}
			}
		}
		for _, c := range cs {
			c.look(now)
		}
	}
	for n := range 2600 { // nothing is left of the first key frames
		tick(n)
	}
	for _, c := range cs {
		c.mu.Lock()
		c.requests = 0
		c.mu.Unlock()
	}
	moved, length := 0, int(time.Duration(people)*every/time.Millisecond)+1500
	for n := range length {
		for moved < people && time.Duration(n)*time.Millisecond >= time.Duration(moved)*every {
			enter(cs[moved], where(moved, 1))
			moved++
		}
		tick(n)
	}
	for i, c := range cs {
		together, saw := time.Duration(-1), time.Duration(-1)
		for j, other := range cs {
			if i == j || where(i, 1) != where(j, 1) {
				continue
			}
			at, ok := c.saw[other.p.id]
			if !ok {
				t.Fatalf("%s never sees %s", c.p.id, other.p.id)
			}
			since := max(c.since, other.since)
			all = append(all, max(0, at-since))
			if together < 0 || since < together {
				together = since
			}
			if saw < 0 || at < saw {
				saw = at
			}
		}
		first = append(first, max(0, saw-together))
		mostAsked = max(mostAsked, c.requests)
	}
	if limit := length/300 + 1; mostAsked > limit {
		t.Errorf("asked %d times in %d ms; want at most %d", mostAsked, length, limit)
	}
	slices.Sort(first)
	slices.Sort(all)
	return first, all, mostAsked
}
