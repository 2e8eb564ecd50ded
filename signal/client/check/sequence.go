package check

import (
	"slices"
	"time"
)

const (
	// window is how many sequence numbers back a packet can be told to be new
	// or a duplicate: 4 s of the largest encoding.
	window = 1024
	// GiveUp is how long after its absence was noticed a packet counts as lost.
	GiveUp = time.Second
	// maxTries bounds how often a packet is asked for again.
	maxTries = 3
)

// place says how a packet stands to those before it.
type place uint8

const (
	first     place = iota // of the stream
	next                   // the newest, right after the newest
	ahead                  // the newest, after a gap
	filling                // older, and not yet seen
	duplicate              // seen before, or too old to tell
	jump                   // the numbers leapt
)

// inOrder says whether the packet is the newest.
func (p place) inOrder() bool { return p == first || p == next || p == ahead || p == jump }

// sequence follows the sequence numbers of a stream across wraps.
type sequence struct {
	started bool
	base    int64 // extended number of the first packet
	highest int64 // extended number of the newest packet
	arrived uint64
	lost    uint64
	seen    [window / 64]uint64
	missing []gap // ascending, none older than the window

	// A packet from outside the window may be a stray one, or the first after
	// a leap of the numbers: it is if astray, the next number, comes too (RFC
	// 3550 appendix A.1).
	astray   uint16
	isAstray bool
}

// gap is one packet that hasn't come.
type gap struct {
	number int64
	since  time.Time
	asked  time.Time
	tries  int
}

// add places a packet.
func (s *sequence) add(number uint16, now time.Time) place {
	if !s.started {
		s.started = true
		s.restart(int64(number))
		s.base = s.highest
		return first
	}
	step := int64(int16(number - uint16(s.highest)))
	extended := s.highest + step
	switch {
	case step > window || step < -window:
		if !s.isAstray || s.astray != number {
			s.astray, s.isAstray = number+1, true
			return duplicate
		}
		s.base = extended - (s.highest - s.base) - 1 // the leap itself isn't loss
		s.restart(extended)
		return jump
	case step > 0:
		for n := s.highest + 1; n < extended; n++ {
			s.set(n, false)
			s.missing = append(s.missing, gap{number: n, since: now})
		}
		s.highest = extended
		s.set(extended, true)
		s.arrived++
		s.forget()
		if step > 1 {
			return ahead
		}
		return next
	case extended < s.base || s.highest-extended >= window || s.get(extended):
		return duplicate
	}
	s.set(extended, true)
	s.arrived++
	if !s.found(extended) {
		s.lost--
	}
	return filling
}

// forget gives up what has fallen out of the window.
func (s *sequence) forget() {
	n := 0
	for n < len(s.missing) && s.missing[n].number <= s.highest-window {
		n++
	}
	if n > 0 {
		s.lost += uint64(n)
		s.missing = slices.Delete(s.missing, 0, n)
	}
}

// restart begins anew at an extended number.
func (s *sequence) restart(at int64) {
	s.highest = at
	for i := range s.seen {
		s.seen[i] = ^uint64(0) // what came before is none of ours
	}
	s.lost += uint64(len(s.missing))
	s.missing = s.missing[:0]
	s.isAstray = false
	s.arrived++
}

// found takes a number off the missing ones. It is false for one that has been
// given up.
func (s *sequence) found(number int64) bool {
	i := slices.IndexFunc(s.missing, func(g gap) bool { return g.number == number })
	if i < 0 {
		return false
	}
	s.missing = slices.Delete(s.missing, i, i+1)
	return true
}

// expire gives up what has been missing for longer than GiveUp, and says how
// many that is.
func (s *sequence) expire(now time.Time) int {
	before := len(s.missing)
	s.missing = slices.DeleteFunc(s.missing, func(g gap) bool { return now.Sub(g.since) >= GiveUp })
	n := before - len(s.missing)
	s.lost += uint64(n)
	return n
}

// ask appends the numbers to ask for now: each at once, then every retry.
func (s *sequence) ask(dst []uint16, now time.Time, retry time.Duration) []uint16 {
	for i := range s.missing {
		g := &s.missing[i]
		if g.tries >= maxTries || (g.tries > 0 && now.Sub(g.asked) < retry) {
			continue
		}
		g.tries++
		g.asked = now
		dst = append(dst, uint16(g.number))
	}
	return dst
}

func (s *sequence) set(number int64, seen bool) {
	i := uint64(number) % window
	if seen {
		s.seen[i/64] |= 1 << (i % 64)
	} else {
		s.seen[i/64] &^= 1 << (i % 64)
	}
}

func (s *sequence) get(number int64) bool {
	i := uint64(number) % window
	return s.seen[i/64]&(1<<(i%64)) != 0
}
