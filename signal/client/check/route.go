package check

import "time"

// Grace is how far apart a map and the media it tells of may arrive, either
// way. WebSocket and UDP aren't ordered with each other.
const Grace = time.Second

// verdict is what a stamp says of where a packet came from.
type verdict uint8

const (
	expected verdict = iota
	tooLate          // of somebody who was to be received until just now
	tooEarly         // of somebody else: it is still to be seen whether a map explains it
)

// route judges whose media a stream carries.
type route struct {
	armed bool
	now   uint64 // who is to be received; 0: nobody
	past  [4]struct {
		who   uint64
		until time.Time
	}
	pastNext int

	// Packets of somebody whom no map has named yet.
	stranger      uint64
	strangers     uint64
	strangerSince time.Time
}

// expect changes who is to be received. It says how many packets of theirs came
// early, and how many of somebody else turn out to be misrouted.
func (r *route) expect(who uint64, now time.Time) (early, misrouted uint64) {
	if r.armed && r.now != 0 {
		r.past[r.pastNext].who, r.past[r.pastNext].until = r.now, now.Add(Grace)
		r.pastNext = (r.pastNext + 1) % len(r.past)
	}
	r.armed, r.now = true, who
	switch {
	case r.stranger == who:
		early = r.strangers
	case who == 0 && r.strangers > 0:
		return 0, r.settle(now) // the next map may name them
	default:
		misrouted = r.strangers
	}
	r.stranger, r.strangers = 0, 0
	return early, misrouted
}

// judge files a packet of who. misrouted counts packets whose time to be
// explained has run out.
func (r *route) judge(who uint64, now time.Time) (v verdict, misrouted uint64) {
	if !r.armed || who == r.now {
		return expected, 0
	}
	for _, p := range r.past {
		if p.who == who && now.Before(p.until) {
			return tooLate, 0
		}
	}
	if who != r.stranger {
		misrouted = r.strangers
		r.stranger, r.strangers, r.strangerSince = who, 0, now
	}
	r.strangers++
	return tooEarly, misrouted + r.settle(now)
}

// settle gives up on strangers that no map has explained in time.
func (r *route) settle(now time.Time) (misrouted uint64) {
	if r.strangers > 0 && now.Sub(r.strangerSince) >= Grace {
		misrouted, r.strangers = r.strangers, 0
	}
	return misrouted
}
