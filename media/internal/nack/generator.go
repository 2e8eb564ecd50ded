package nack

import (
	"slices"
	"time"

	"github.com/atriumrtc/atrium/media/internal/seq"
)

// window is how many numbers back duplicates are told apart; a power of two.
const window = 1024

// outagePackets is the least hole behind a silence that counts as an outage. A
// smaller one may be of what was sent last: screens are still for seconds.
const outagePackets = 24

// reorderPackets is how much later than its neighbours a packet may come to
// count as out of order by itself. What browsers probe with is older.
const reorderPackets = 8

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
	// ReorderMemory is how long after a packet came late by itself, without
	// having been asked for, holes in upper temporal layers are left open for
	// such packets. Default 10 s.
	ReorderMemory time.Duration
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
		ReorderMemory:  10 * time.Second,
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
		ReorderMemory:  orDefault(c.ReorderMemory, d.ReorderMemory),
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
	layer  Temporal
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
	cut     bool // see Cut

	at          time.Duration // when the newest came
	reorderedAt time.Duration // when a packet was last late by itself; 0: never
	hole        int           // packets missing right before the newest
	frame       Frame         // of the packet frameAt
	frameAt     uint64        // 0: none

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
		g.at = now
		return false, false
	}
	distance := seq.Diff(number, uint16(g.highest))
	n := g.highest + uint64(int64(distance))
	switch {
	case distance > 0:
		g.suspicious = false
		g.advance(n, now)
		g.at = now
		return false, false
	case distance <= -window:
		if g.suspicious && number == g.suspect {
			g.lost += uint64(len(g.missing))
			g.start(number)
			g.needKey, g.at = true, now
			return false, false
		}
		g.suspicious, g.suspect = true, number+1
		return true, false
	case g.has(n):
		return true, false
	}
	// Numbers before the first are new to us too: reordering at the start.
	g.set(n)
	if asked := g.found(n); !asked && g.highest-n <= reorderPackets {
		g.reorderedAt = max(now, 1)
	}
	return false, true
}

func (g *Generator) start(number uint16) {
	g.started, g.suspicious = true, false
	// One range above zero, so that nothing before it underflows.
	g.highest = 1<<16 + uint64(number)
	g.seen = [window / 64]uint64{}
	g.missing = g.missing[:0]
	g.hole, g.frameAt = 0, 0
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
	g.highest, g.hole = n, 0
	if skipped == 0 {
		return
	}
	if len(g.missing)+int(skipped) > g.cfg.MaxMissing || skipped >= outagePackets && now-g.at >= g.cfg.GiveUp {
		// Resending so much takes longer than a key frame, and is what
		// broke the link in the first place. After a silence as long as any
		// packet is waited for, nobody wants to see it any more.
		g.lost += uint64(len(g.missing))
		if skipped < window {
			g.lost += skipped // more is a restart, not loss
		}
		g.missing = g.missing[:0]
		g.needKey, g.cut = true, true
		return
	}
	g.hole = int(skipped)
	for i := first; i < n; i++ {
		g.missing = append(g.missing, missing{number: i, since: now})
	}
}

func (g *Generator) has(n uint64) bool { return g.seen[n%window/64]&(1<<(n%64)) != 0 }
func (g *Generator) set(n uint64)      { g.seen[n%window/64] |= 1 << (n % 64) }

// found removes n from what is missing, and says whether it had been asked for.
func (g *Generator) found(n uint64) (asked bool) {
	i, ok := slices.BinarySearchFunc(g.missing, n, func(m missing, n uint64) int {
		switch {
		case m.number < n:
			return -1
		case m.number > n:
			return 1
		}
		return 0
	})
	if !ok {
		return false
	}
	asked = g.missing[i].tries > 0
	g.missing = slices.Delete(g.missing, i, i+1)
	return asked
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
		if now-m.since >= g.cfg.GiveUp || m.layer == Upper && m.tries > 0 && now-m.asked >= spacing {
			g.lost++
			g.needKey = g.needKey || m.layer == Base // all that follows depends on it
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
	case m.tries < g.cfg.Tries && m.layer != Upper:
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

// Cut says, once each time, that what is missing right before the packet that
// was just received is given up, because it is too much or too old: nothing
// that comes can be decoded before the next key frame.
func (g *Generator) Cut() bool {
	cut := g.cut
	g.cut = false
	return cut
}

// Reset forgets the stream: the next packet starts it anew. Lost stays.
func (g *Generator) Reset() {
	g.started, g.needKey, g.cut = false, false, false
	g.missing = g.missing[:0]
}
