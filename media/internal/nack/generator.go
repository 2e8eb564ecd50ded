package nack

import (
	"slices"
	"time"

	"github.com/atriumrtc/atrium/media/internal/seq"
)

// window is how many numbers back duplicates are told apart; a power of two.
const window = 1024

// unknownRTT is assumed when the caller has no round-trip time yet.
const unknownRTT = 100 * time.Millisecond

// Config of a Generator. A zero field means its default.
type Config struct {
	// Tries is how often a packet is asked for at most; default 3.
	Tries int
	// ReorderPackets and ReorderTime: a packet is asked for the first time
	// when so many newer ones have come, or so long after it was missed,
	// whichever is sooner; default 2 and 10 ms.
	ReorderPackets int
	ReorderTime    time.Duration
	// MinSpacing is the least time between two tries, default 20 ms. It is
	// the round-trip time and a quarter when that is more.
	MinSpacing time.Duration
	// GiveUp is how long after it was missed a packet counts as lost; default
	// 1 s.
	GiveUp time.Duration
	// MaxMissing is how many packets may be missing at a time; beyond that
	// a key frame is asked for instead. Default 256.
	MaxMissing int
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Tries:          3,
		ReorderPackets: 2,
		ReorderTime:    10 * time.Millisecond,
		MinSpacing:     20 * time.Millisecond,
		GiveUp:         time.Second,
		MaxMissing:     256,
	}
}

func (c Config) withDefaults() Config {
	d := DefaultConfig()
	return Config{
		Tries:          orDefault(c.Tries, d.Tries),
		ReorderPackets: orDefault(c.ReorderPackets, d.ReorderPackets),
		ReorderTime:    orDefault(c.ReorderTime, d.ReorderTime),
		MinSpacing:     orDefault(c.MinSpacing, d.MinSpacing),
		GiveUp:         orDefault(c.GiveUp, d.GiveUp),
		MaxMissing:     orDefault(c.MaxMissing, d.MaxMissing),
	}
}

func orDefault[T int | time.Duration](value, otherwise T) T {
	if value <= 0 {
		return otherwise
	}
	return value
}

// missing is a packet that hasn't come.
type missing struct {
	number uint64        // extended
	since  time.Duration // when it was missed
	asked  time.Duration // when it was last asked for
	tries  int
}

// Generator notes what is missing of one incoming stream. Times are on the
// caller's monotonic clock. It is not safe for concurrent use. It allocates
// only when more packets are missing at a time than ever before.
type Generator struct {
	cfg Config

	started bool
	highest uint64              // newest number, extended
	seen    [window / 64]uint64 // bit per number of the window
	missing []missing           // by number, ascending
	lost    uint64
	needKey bool

	suspect    uint16 // the number that would prove a restart
	suspicious bool
}

// New makes a generator.
func New(cfg Config) *Generator { return &Generator{cfg: cfg.withDefaults()} }

// Received notes a packet. duplicate: it came before, or is too old to tell
// (more than 1024 numbers), and must be dropped. late: it is older than one
// that came before, but new.
//
// When a second packet in a row is far too old and follows the first, the
// publisher started anew at a lower number (RFC 3550 appendix A.1): everything
// is forgotten and a key frame is needed.
func (g *Generator) Received(number uint16, now time.Duration) (duplicate, late bool) {
	if !g.started {
		g.start(number)
		return false, false
	}
	distance := seq.Diff(number, uint16(g.highest))
	n := g.highest + uint64(int64(distance))
	switch {
	case distance > 0:
		g.suspicious = false
		g.advance(n, now)
		return false, false
	case distance <= -window:
		if g.suspicious && number == g.suspect {
			g.lost += uint64(len(g.missing))
			g.start(number)
			g.needKey = true
			return false, false
		}
		g.suspicious, g.suspect = true, number+1
		return true, false
	case g.has(n):
		return true, false
	}
	// Numbers before the first are new to us too: reordering at the start.
	g.set(n)
	g.found(n)
	return false, true
}

func (g *Generator) start(number uint16) {
	g.started, g.suspicious = true, false
	// One range above zero, so that nothing before it underflows.
	g.highest = 1<<16 + uint64(number)
	g.seen = [window / 64]uint64{}
	g.missing = g.missing[:0]
	g.set(g.highest)
}

// advance makes n the newest number and notes what lies between as missing.
func (g *Generator) advance(n uint64, now time.Duration) {
	skipped := n - g.highest - 1
	if skipped >= window {
		g.seen = [window / 64]uint64{}
	} else {
		for i := g.highest + 1; i < n; i++ {
			g.seen[i%window/64] &^= 1 << (i % 64)
		}
	}
	g.set(n)
	first := g.highest + 1
	g.highest = n
	if skipped == 0 {
		return
	}
	if len(g.missing)+int(skipped) > g.cfg.MaxMissing {
		// Resending so much takes longer than a key frame, and is what
		// broke the link in the first place.
		g.lost += uint64(len(g.missing))
		if skipped < window {
			g.lost += skipped // more is a restart, not loss
		}
		g.missing = g.missing[:0]
		g.needKey = true
		return
	}
	for i := first; i < n; i++ {
		g.missing = append(g.missing, missing{number: i, since: now})
	}
}

func (g *Generator) has(n uint64) bool { return g.seen[n%window/64]&(1<<(n%64)) != 0 }
func (g *Generator) set(n uint64)      { g.seen[n%window/64] |= 1 << (n % 64) }

// found removes n from what is missing.
func (g *Generator) found(n uint64) {
	i, ok := slices.BinarySearchFunc(g.missing, n, func(m missing, n uint64) int {
		switch {
		case m.number < n:
			return -1
		case m.number > n:
			return 1
		}
		return 0
	})
	if ok {
		g.missing = slices.Delete(g.missing, i, i+1)
	}
}

// Due appends to out the numbers to ask for now, in order, and notes that they
// were. rtt is the round-trip time to the publisher, 0 when unknown. Call it
// every 10 ms or so, and when a packet leaves a gap.
func (g *Generator) Due(now, rtt time.Duration, out []uint16) []uint16 {
	if len(g.missing) == 0 {
		return out
	}
	if rtt <= 0 {
		rtt = unknownRTT
	}
	spacing := max(rtt+rtt/4, g.cfg.MinSpacing)
	kept := g.missing[:0]
	for _, m := range g.missing {
		if now-m.since >= g.cfg.GiveUp {
			g.lost++
			continue
		}
		if g.due(m, now, spacing) {
			m.asked = now
			m.tries++
			out = append(out, uint16(m.number))
		}
		kept = append(kept, m)
	}
	g.missing = kept
	return out
}

func (g *Generator) due(m missing, now, spacing time.Duration) bool {
	switch {
	case m.tries == 0:
		return g.highest-m.number >= uint64(g.cfg.ReorderPackets) || now-m.since >= g.cfg.ReorderTime
	case m.tries < g.cfg.Tries:
		return now-m.asked >= spacing
	}
	return false
}

// Missing is how many packets are missing now and not given up.
func (g *Generator) Missing() int { return len(g.missing) }

// Lost is how many packets were given up since New.
func (g *Generator) Lost() uint64 { return g.lost }

// NeedKeyFrame says, once each time, that so much is missing that a key frame
// is to be asked for instead.
func (g *Generator) NeedKeyFrame() bool {
	need := g.needKey
	g.needKey = false
	return need
}

// Reset forgets the stream: the next packet starts it anew. Lost stays.
func (g *Generator) Reset() {
	g.started, g.needKey = false, false
	g.missing = g.missing[:0]
}
