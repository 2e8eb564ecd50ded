package speaker

import (
	"testing"
	"time"
)

func TestEmptyPlaceIsTakenAtOnce(t *testing.T) {
	r := newRoom(t, Config{N: 2}, 1, 2, 3)
	r.run(tick, nil)
	r.expect("silence")
	r.run(tick, map[uint32]uint8{1: 60}) // audible, no speech
	r.expect("one tick", 1)
	r.run(tick, map[uint32]uint8{2: 30})
	r.expect("the other", 1, 2)
	if r.changes != 2 {
		t.Errorf("%d changes", r.changes)
	}
}

// One loud packet at the end of a tick is enough: else a word loses its
// beginning.
func TestEmptyPlaceGoesByThePeak(t *testing.T) {
	d := New(Config{N: 1})
	d.Add(1)
	for i := range 4 {
		d.Observe(1, 127, time.Duration(i)*20*time.Millisecond)
	}
	d.Observe(1, 40, tick)
	if loudest, changed := d.Tick(tick); len(loudest) != 1 || !changed {
		t.Errorf("%v, %t", loudest, changed)
	}
}

func TestDisplacement(t *testing.T) {
	tests := []struct {
		name   string
		level  uint8 // of the newcomer; the two members have 40 and 50
		after  time.Duration
		enters bool
	}{
		{"6 dB louder than the quietest", 44, time.Second, true},
		{"5 dB louder", 45, 10 * time.Second, false},
		{"as loud as the quietest", 50, 10 * time.Second, false},
		{"much louder, not long enough", 20, 200 * time.Millisecond, false},
		{"much louder, long enough", 20, 400 * time.Millisecond, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRoom(t, Config{N: 2}, 1, 2, 3)
			r.run(2*time.Second, map[uint32]uint8{1: 40, 2: 50})
			r.expect("before", 1, 2)
			r.run(tt.after, map[uint32]uint8{3: tt.level})
			if tt.enters {
				r.expect("after", 1, 3)
			} else {
				r.expect("after", 1, 2)
			}
		})
	}
}

// Bursts that are shorter than what lies between them never add up.
func TestBurstsDontDisplace(t *testing.T) {
	for name, between := range map[string]uint8{"silence": 127, "as loud": 45} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t, Config{N: 1}, 1, 2)
			r.run(2*time.Second, map[uint32]uint8{1: 45})
			for range 10 {
				r.run(2*tick, map[uint32]uint8{2: 30})
				r.run(4*tick, map[uint32]uint8{2: between})
			}
			r.expect("bursts", 1)
			if r.changes != 1 {
				t.Errorf("%d changes", r.changes)
			}
		})
	}
}

// The gaps between syllables don't keep a speaker out.
func TestDisplacementBySyllables(t *testing.T) {
	r := newRoom(t, Config{N: 1}, 1, 2)
	r.run(2*time.Second, map[uint32]uint8{1: 55})
	for range 4 {
		r.run(2*tick, map[uint32]uint8{2: 30})
		r.run(tick, map[uint32]uint8{2: 127})
	}
	r.expect("1.2 s of speech", 2)
}

// Who was displaced comes back on the same terms.
func TestDisplacedComesBack(t *testing.T) {
	r := newRoom(t, Config{N: 1}, 1, 2)
	r.run(2*time.Second, map[uint32]uint8{1: 40})
	r.run(2*time.Second, map[uint32]uint8{2: 25})
	r.expect("displaced", 2)
	r.run(2*time.Second, map[uint32]uint8{1: 10})
	r.expect("back", 1)
	r.run(3*time.Second, map[uint32]uint8{1: 127, 2: 127})
	r.expect("both quiet")
	r.run(tick, map[uint32]uint8{2: 25})
	r.expect("an empty place", 2)
}

func TestHold(t *testing.T) {
	quiet := map[string]uint8{"silence": 127, "no packets (DTX, mute)": none, "inaudible": 70}
	for name, level := range quiet {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t, Config{N: 2}, 1, 2)
			r.run(time.Second, map[uint32]uint8{1: 30})
			r.run(1900*time.Millisecond, map[uint32]uint8{1: level})
			r.expect("stays for 2 s", 1)
			r.run(3*tick, nil)
			r.expect("then leaves")
			r.run(tick, map[uint32]uint8{1: 30})
			r.expect("and comes back", 1)
		})
	}
}

// Pauses between words neither cost the place nor let somebody in who is only
// as loud.
func TestPausesKeepThePlace(t *testing.T) {
	r := newRoom(t, Config{N: 1}, 1, 2)
	r.run(2*time.Second, map[uint32]uint8{1: 30})
	r.run(tick, map[uint32]uint8{2: 30})
	for range 20 {
		r.run(3*tick, map[uint32]uint8{1: 127})
		r.run(4*tick, map[uint32]uint8{1: 30})
	}
	r.expect("after pauses", 1)
}

// When one stops, the next is let in long before the hold is over.
func TestTakeOver(t *testing.T) {
	r := newRoom(t, Config{N: 1}, 1, 2)
	r.run(2*time.Second, map[uint32]uint8{1: 30})
	r.run(1200*time.Millisecond, map[uint32]uint8{1: 127, 2: 30})
	r.expect("1.2 s later", 2)
}

// Sixty with noise of about the same level must not take turns.
func TestNoFlapping(t *testing.T) {
	var all []uint32
	for id := range uint32(60) {
		all = append(all, id)
	}
	r := newRoom(t, Config{N: 6}, all...)
	noise := map[uint32]uint8{}
	for step := range 100 {
		for _, id := range all {
			noise[id] = 52 + uint8((int(id)*7+step*13)%5)
		}
		r.run(tick, noise)
	}
	if r.changes != 1 {
		t.Errorf("%d changes of the loudest", r.changes)
	}
}
