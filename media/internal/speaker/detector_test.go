package speaker

import (
	"slices"
	"sync"
	"testing"
	"time"
)

const (
	tick = 100 * time.Millisecond
	none = 200 // a level that stands for no packets at all
)

// room drives a detector with a fake clock: per source a level in -dBov that
// its packets carry, five a tick.
type room struct {
	t      *testing.T
	d      *Detector
	now    time.Duration
	levels map[uint32]uint8

	changes  int // of the loudest
	turns    int // of who speaks
	loudest  []uint32
	speaking []uint32
}

func newRoom(t *testing.T, cfg Config, ids ...uint32) *room {
	t.Helper()
	r := &room{t: t, d: New(cfg), levels: map[uint32]uint8{}}
	for _, id := range ids {
		r.d.Add(id)
		r.levels[id] = 127
	}
	r.d.Tick(0)
	return r
}

// run lets time pass with levels set anew for some.
func (r *room) run(d time.Duration, set map[uint32]uint8) {
	r.t.Helper()
	for id, level := range set {
		r.levels[id] = level
	}
	for end := r.now + d; r.now < end; {
		for range 5 {
			r.now += tick / 5
			for id, level := range r.levels {
				if level != none {
					r.d.Observe(id, level, r.now)
				}
			}
		}
		before := r.loudest
		loudest, changed := r.d.Tick(r.now)
		r.loudest = ids(loudest)
		if r.check(loudest); changed {
			r.changes++
		}
		if same := sameSet(before, r.loudest); same == changed {
			r.t.Fatalf("at %v: changed %t from %v to %v", r.now, changed, before, r.loudest)
		}
		speaking, turned := r.d.Speaking()
		r.speaking = ids(speaking)
		if r.check(speaking); turned {
			r.turns++
		}
	}
}

func (r *room) check(list []Ranked) {
	r.t.Helper()
	for i, s := range list {
		if s.Level < 0 || s.Level > 1 {
			r.t.Fatalf("level %v", s.Level)
		}
		if i > 0 && list[i-1].Level < s.Level {
			r.t.Fatalf("not loudest first: %v", list)
		}
	}
}

func (r *room) expect(what string, loudest ...uint32) {
	r.t.Helper()
	if !sameSet(r.loudest, loudest) {
		r.t.Fatalf("%s: loudest %v, want %v", what, r.loudest, loudest)
	}
}

func (r *room) expectSpeaking(what string, want ...uint32) {
	r.t.Helper()
	if !sameSet(r.speaking, want) {
		r.t.Fatalf("%s: speaking %v, want %v", what, r.speaking, want)
	}
}

func ids(list []Ranked) []uint32 {
	var got []uint32
	for _, s := range list {
		got = append(got, s.ID)
	}
	return got
}

func sameSet(a, b []uint32) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func TestSpeaking(t *testing.T) {
	r := newRoom(t, Config{N: 1}, 1, 2)
	r.run(tick, map[uint32]uint8{1: 30})
	r.expectSpeaking("100 ms")
	r.run(tick, nil)
	r.expectSpeaking("200 ms", 1)
	r.run(7*tick, map[uint32]uint8{1: 127})
	r.expectSpeaking("700 ms of silence", 1)
	r.run(tick, nil)
	r.expectSpeaking("800 ms of silence")
	r.run(time.Second, map[uint32]uint8{1: 50})
	r.expectSpeaking("noise below a voice")
	r.run(time.Second, map[uint32]uint8{1: 30, 2: 20})
	r.expectSpeaking("both, also outside the loudest N", 2, 1)
	if r.turns != 3 {
		t.Errorf("%d turns", r.turns)
	}
	if _, changed := r.d.Speaking(); changed {
		t.Error("a turn is told twice")
	}
}

// Neither single loud ticks make a speaker nor single quiet ones end it.
func TestSpeakingBounces(t *testing.T) {
	r := newRoom(t, Config{N: 1}, 1)
	for range 10 {
		r.run(tick, map[uint32]uint8{1: 30})
		r.run(tick, map[uint32]uint8{1: 127})
	}
	r.expectSpeaking("every other tick")
	r.run(2*tick, map[uint32]uint8{1: 30})
	for range 10 {
		r.run(7*tick, map[uint32]uint8{1: 127})
		r.run(tick, map[uint32]uint8{1: 30})
	}
	r.expectSpeaking("a tick every 800 ms", 1)
}

// A late tick, or one that falls between two packets of 120 ms, isn't silence.
func TestTickWithoutPackets(t *testing.T) {
	d := New(Config{N: 1})
	d.Add(1)
	d.Tick(0)
	for now := 120 * time.Millisecond; now < 2*time.Second; now += 120 * time.Millisecond {
		d.Observe(1, 30, now)
		d.Tick(now + 10*time.Millisecond)
		d.Tick(now + 110*time.Millisecond)
	}
	if s, _ := d.Speaking(); len(s) != 1 || s[0].Level < 0.6 {
		t.Errorf("speaking %v", s)
	}
}

func TestAddRemove(t *testing.T) {
	r := newRoom(t, Config{N: 2}, 1, 2)
	r.run(time.Second, map[uint32]uint8{1: 30, 2: 30})
	r.d.Add(1) // known: keeps its state
	r.d.Remove(2)
	r.d.Remove(2)
	r.d.Remove(77)
	delete(r.levels, 2)
	r.d.Observe(2, 30, r.now) // a packet that was on its way
	if s, changed := r.d.Speaking(); !changed || len(s) != 1 || s[0].ID != 1 {
		t.Errorf("speaking %v, %t", s, changed)
	}
	r.run(tick, nil)
	r.expect("after Remove", 1)
	r.d.Add(2)
	r.run(tick, nil)
	r.expect("added again, no packets", 1)
	r.run(tick, map[uint32]uint8{2: 30})
	r.expect("and speaks", 1, 2)
}

func TestLevels(t *testing.T) {
	for _, tt := range []struct {
		level    uint8
		min, max float64
	}{{0, 1, 1}, {10, 0.99, 1}, {30, 0.6, 0.7}, {65, 0, 0.01}, {127, 0, 0}, {255, 0, 0}} {
		d := New(Config{N: 1})
		d.Add(1)
		got := 0.0 // what doesn't take the place has no level
		for now := time.Duration(0); now < 2*time.Second; now += tick {
			d.Observe(1, tt.level, now)
			if loudest, _ := d.Tick(now); len(loudest) == 1 {
				got = loudest[0].Level
			}
		}
		if got < tt.min || got > tt.max {
			t.Errorf("-%d dBov: level %v", tt.level, got)
		}
	}
}

// Everything at once, for the race detector; all that is observed before the
// last tick is counted.
func TestConcurrent(t *testing.T) {
	d := New(Config{N: 3})
	for id := range uint32(8) {
		d.Add(id)
	}
	var wg sync.WaitGroup
	for id := range uint32(8) {
		wg.Go(func() {
			for i := range 500 {
				d.Observe(id, 30, time.Duration(i)*time.Millisecond)
			}
		})
	}
	wg.Go(func() {
		for i := range 100 {
			d.Add(uint32(100 + i))
			d.Remove(uint32(100 + i))
		}
	})
	for i := range 50 {
		if loudest, _ := d.Tick(time.Duration(i) * 10 * time.Millisecond); len(loudest) > 3 {
			t.Fatalf("%d of 3", len(loudest))
		}
		d.Speaking()
	}
	wg.Wait()
	if loudest, _ := d.Tick(510 * time.Millisecond); len(loudest) != 3 {
		t.Errorf("loudest %v", loudest)
	}
}

func TestConfigValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Fatalf("the default is refused: %v", err)
	}
	for key, spoil := range map[string]func(*Config){
		"n":       func(c *Config) { c.N = 0 },
		"audible": func(c *Config) { c.Audible = 128 },
		"voice":   func(c *Config) { c.Voice = 10 },
		"margin":  func(c *Config) { c.Hold = -1 },
	} {
		cfg := DefaultConfig()
		spoil(&cfg)
		if err := cfg.Validate(); err == nil || err.Error()[:len(key)] != key {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestAllocs(t *testing.T) {
	d := New(Config{N: 3})
	for id := range uint32(60) {
		d.Add(id)
	}
	now := time.Duration(0)
	run := func() {
		now += tick
		for id := range uint32(60) {
			d.Observe(id, uint8(30+(id+uint32(now/tick)/5)%60), now)
		}
		d.Tick(now)
		d.Speaking()
	}
	for range 20 {
		run()
	}
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations (PF-8)", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	d := New(Config{N: 3})
	for id := range uint32(60) {
		d.Add(id)
	}
	b.ReportAllocs()
	now := time.Duration(0)
	for b.Loop() {
		now += time.Millisecond
		d.Observe(7, 30, now)
	}
}

func BenchmarkTick60(b *testing.B) {
	d := New(Config{N: 6})
	for id := range uint32(60) {
		d.Add(id)
	}
	b.ReportAllocs()
	now := time.Duration(0)
	for b.Loop() {
		now += tick
		d.Observe(uint32(now/tick)%60, 30, now)
		d.Tick(now)
	}
}
