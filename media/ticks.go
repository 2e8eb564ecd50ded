package media

import (
	"slices"
	"sync"
	"time"
)

const (
	// tickInterval paces NACKs, repeated key-frame requests, bandwidth feedback
	// and sender reports that can't wait.
	tickInterval = 20 * time.Millisecond
	// lookInterval is how often a transport is looked at that has nothing to do
	// at each tick: one that only receives, and sends its sender reports by
	// this. Most of a room's do, and a look costs a microsecond of cold memory.
	lookInterval = 200 * time.Millisecond
)

// ticks is what the engine's timer goes through: busy transports at every tick,
// all others in turn.
type ticks struct {
	mu     sync.Mutex // held during a tick
	timer  Timer
	at     time.Duration // of the last tick
	busy   []*transport  // receive media, or have woken up
	others []*transport  // all, as they were when the turn began; busy ones too
	next   int           // of others

	wokenMu sync.Mutex // a leaf
	woken   []*transport
}

// wake has the next tick look at t, for as long as there is something to do at
// each.
func (k *ticks) wake(t *transport) {
	if !t.awake.CompareAndSwap(false, true) {
		return
	}
	k.wokenMu.Lock()
	defer k.wokenMu.Unlock()
	k.woken = append(k.woken, t)
}

// stop ends the timer, once the engine is closed.
func (k *ticks) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.timer.Stop()
}

// tick does what transports have to do by and by, until Close.
func (e *Engine) tick() {
	k := &e.ticks
	k.mu.Lock()
	defer k.mu.Unlock()
	e.mu.Lock()
	closed := e.closed
	if !closed && k.next >= len(k.others) {
		k.turnLocked(e.participants)
	}
	e.mu.Unlock()
	if closed {
		return
	}
	now := e.now()
	e.hold(func() {
		k.tickBusyLocked(now)
		k.lookLocked(now)
	})
	k.at = now
	k.timer = e.clock.AfterFunc(tickInterval, e.tick)
}

// turnLocked begins another turn through all transports.
func (k *ticks) turnLocked(all map[string]*Participant) {
	clear(k.others)
	k.others, k.next = k.others[:0], 0
	for _, p := range all {
		if t := p.currentTransport(); t != nil {
			k.others = append(k.others, t)
		}
	}
}

// tickBusyLocked ticks the transports that are busy or woke up.
func (k *ticks) tickBusyLocked(now time.Duration) {
	k.wokenMu.Lock()
	k.busy = append(k.busy, k.woken...)
	clear(k.woken)
	k.woken = k.woken[:0]
	k.wokenMu.Unlock()
	k.busy = slices.DeleteFunc(k.busy, func(t *transport) bool {
		// First: what wakes it from here on counts for the next tick.
		t.awake.Store(false)
		return !t.tick(now) || !t.awake.CompareAndSwap(false, true)
	})
}

// lookLocked looks at the share of the others whose turn it is.
func (k *ticks) lookLocked(now time.Duration) {
	share := (int64(len(k.others))*int64(now-k.at) + int64(lookInterval) - 1) / int64(lookInterval)
	end := int(min(int64(k.next)+share, int64(len(k.others))))
	for _, t := range k.others[k.next:end] {
		if !t.awake.Load() && t.tick(now) {
			k.wake(t)
		}
	}
	k.next = end
}
