package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/atriumrtc/atrium/media/internal/udp"
)

// worldRooms are the rooms of the test with their seats: two as of individual
// calls, two as of groups.
var worldRooms = map[string]int{"small": 2, "pair": 5, "main": 61, "breakout": 61}

var worldRoomNames = []string{"main", "breakout", "pair", "small"}

const (
	worldSenders = 5
	worldWatch   = 3 // of those, the first two over loopback
)

// world is an engine with real clients, and what the model believes of them.
// One goroutine changes it.
type world struct {
	t      *testing.T
	e      *Engine
	clock  *fakeClock
	guests []*guest
	born   int // guests ever
	past   history
	takes  int
	steps  int

	// begun is how many actions have begun, done how many of them are done: what
	// senders mark their packets with. It doesn't change while one sends.
	marking sync.RWMutex
	begun   atomic.Int64
	done    int

	// delivered is after how many actions the last packet of somebody's source
	// reached a guest.
	delivered map[delivery]int
	counts    struct{ packets, resends, refused, carried int }
}

type delivery struct {
	viewer, publisher string
	kind              int
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, clock: newFakeClock(), past: history{beliefs{}}, delivered: make(map[delivery]int)}
	cfg := DefaultConfig()
	cfg.Address, cfg.UDPPort, cfg.TCPPort = "127.0.0.1", 0, -1
	w.e = startEngine(t, cfg, Options{Clock: w.clock})
	for i := range worldSenders + worldWatch {
		w.guests = append(w.guests, nil)
		w.connect(i)
	}
	return w
}

// connect fills a place with somebody new, who waits.
func (w *world) connect(place int) {
	w.born++
	sends := place < worldSenders
	pipe := sends || place >= worldSenders+2
	w.guests[place] = newGuest(w.t, w.e, sprint("g", place, "-", w.born), pipe, sends, &w.begun)
	w.guests[place].in.flag(len(w.past) - 1)
	w.past[len(w.past)-1] = w.past[len(w.past)-1].next(func(s beliefs) {
		s[w.guests[place].id] = belief{sends: sends}
	}, &w.takes)
}

// believed is what holds now.
func (w *world) believed() beliefs { return w.past[len(w.past)-1] }

// action is one thing that is done, and what holds after it.
type action struct {
	apply func(beliefs)
	do    func() error
	// close says that the next, if there is one, follows before anybody has been
	// told of this: until all are, it isn't known after which a packet left.
	close bool
}

// act runs an action while all send, checks that none gets what it may not,
// then that all get what they must.
func (w *world) act(rt *rapid.T, apply func(beliefs), do func() error) {
	w.hurry(rt, []action{{apply: apply, do: do}})
}

// hurry is act for several actions, one at the heels of the other.
func (w *world) hurry(rt *rapid.T, actions []action) {
	stop := w.storm(len(actions))
	var errs []error
	for i, a := range actions {
		w.steps++
		w.past = append(w.past, w.believed().next(a.apply, &w.takes))
		w.mark(true)
		errs = append(errs, a.do())
		w.mark(false)
		if !a.close || i == len(actions)-1 {
			w.flag(rt)
		}
	}
	stop()
	if err := errors.Join(errs...); err != nil {
		rt.Fatalf("the action failed: %v", err)
	}
	for _, g := range w.guests {
		g.askAgain()
	}
	w.deliver(rt)
}

// storm has all who can send do so on two goroutines until stop.
func (w *world) storm(actions int) (stop func()) {
	rounds := 3 * actions
	var enough atomic.Bool
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			for n := 0; n < rounds && (n == 0 || !enough.Load()); n++ {
				for place := i; place < worldSenders; place += 2 {
					w.say(w.guests[place])
				}
			}
		})
	}
	return func() { enough.Store(true); wg.Wait() }
}

// mark notes that the last action of the past begins, or is done.
func (w *world) mark(begins bool) {
	w.marking.Lock()
	defer w.marking.Unlock()
	if begins {
		w.begun.Add(1)
	} else {
		w.done++
	}
}

func (w *world) say(g *guest) {
	w.marking.RLock()
	defer w.marking.RUnlock()
	g.say(w.done, int(w.begun.Load()) > w.done)
}

// flag tells all inlets how many actions are done, behind all that has been
// sent to them, and waits until they know.
func (w *world) flag(rt *rapid.T) {
	done := len(w.past) - 1
	b := binary.BigEndian.AppendUint64([]byte{flagByte}, uint64(done))
	raise := func(g *guest) {
		w.e.batched(func(out *udp.Batch) {
			if buf := out.Reserve(g.to, len(b)); buf != nil {
				out.Commit(len(append(buf, b...)))
			}
		})
	}
	for _, g := range w.guests {
		raise(g)
	}
	const again = 100 * time.Millisecond // a full buffer may have dropped it
	for _, g := range w.guests {
		for range int(patience / again) {
			if g.in.await(again, func() bool { return g.in.done >= done }) {
				break
			}
			raise(g)
		}
		if !g.in.await(0, func() bool { return g.in.done >= done }) {
			rt.Fatalf("%s: nothing gets through", g.id)
		}
	}
}

// deliver has all send until everybody has got what the model says they must.
func (w *world) deliver(rt *rapid.T) {
	const rounds = 60 // of an eighth of a second on the engine's clock
	var missing []delivery
	// ICE goes by the real time: after a stall of the machine it takes its own
	// to come back.
	deadline := time.Now().Add(patience)
	for round := 0; round < rounds || time.Now().Before(deadline); round++ {
		w.clock.advance(125 * time.Millisecond)
		for _, name := range worldRoomNames {
			if r := w.e.Room(name); r != nil {
				settled(r)
			}
		}
		for _, g := range w.guests[:worldSenders] {
			w.say(g)
		}
		w.flag(rt)
		w.judge(rt)
		if missing = w.missing(); len(missing) == 0 {
			return
		}
	}
	rt.Fatalf("after %d actions nothing comes of %+v; %s; dropped: %v", len(w.past)-1, missing, describe(w.believed()), w.e.Snapshot().Dropped)
}

// judge waits until the clients have decrypted what reached them, and looks at
// it.
func (w *world) judge(rt *rapid.T) {
	for _, g := range w.guests {
		var want, got int
		_, here := w.believed()[g.id] // else its client closes, with what it has not read yet
		if here && !g.in.await(patience, func() bool {
			if want == 0 {
				want = g.in.read
			}
			got = g.in.handled
			return got >= want
		}) {
			rt.Fatalf("%s decrypted %d of %d packets", g.id, got, want)
		}
		for _, a := range g.in.take() {
			w.look(rt, g, a)
		}
	}
}

func (w *world) look(rt *rapid.T, g *guest, a arrival) {
	if !a.valid {
		rt.Fatalf("%s got a packet without a mark", g.id)
	}
	if !w.past.allows(g.id, a.mark, a.left, a.by) {
		rt.Fatalf("%s got a packet of %s (source %d, again %t) recorded after %d actions (during the next: %t); it left after %d; then: %s; now: %s",
			g.id, a.mark.publisher, a.mark.kind, a.again, a.mark.after, a.mark.during, a.left, describe(w.past[a.mark.after]), describe(w.past[a.left]))
	}
	w.counts.packets++
	if a.again {
		w.counts.resends++
	}
	now := w.believed()
	if a.mark.after == len(w.past)-1 {
		w.delivered[delivery{g.id, a.mark.publisher, a.mark.kind}] = a.mark.after
		if now[g.id].room != now[a.mark.publisher].room {
			w.counts.carried++
		}
	}
	g.remember(a)
}

// missing lists who has still to get what, of what was sent after the last
// action.
func (w *world) missing() (missing []delivery) {
	now := w.believed()
	for viewer := range now {
		for publisher := range now {
			for _, kind := range []int{mic, cam} {
				r := delivery{viewer, publisher, kind}
				if now.expected(viewer, publisher, kind) && w.delivered[r] != len(w.past)-1 {
					missing = append(missing, r)
				}
			}
		}
	}
	return missing
}

func describe(s beliefs) (text string) {
	for _, name := range append(slices.Clone(worldRoomNames), "") {
		for _, id := range s.in(name) {
			text += fmt.Sprintf("%s in %q %+v; ", id, name, s[id])
		}
	}
	return text
}

// guest finds a guest by its id.
func (w *world) guest(id string) *guest {
	return w.guests[slices.IndexFunc(w.guests, func(g *guest) bool { return g.id == id })]
}

// replace has everybody who isn't there any more go, and others come in their
// places.
func (w *world) replace() {
	now := w.believed()
	for place, g := range w.guests {
		if _, here := now[g.id]; !here {
			g.close()
			w.connect(place)
		}
	}
}
