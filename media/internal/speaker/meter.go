package speaker

import (
	"math"
	"sync/atomic"
	"time"
)

const (
	maxLoudness = 127

	// riseTime is the time constant with which the loudness used for ranking
	// rises: a click of one packet doesn't rank as speech.
	riseTime = 100 * time.Millisecond
	// fallRate in dB/s: a pause between two words costs little, 600 ms of
	// silence the Margin.
	fallRate = 10
	// snap in dB ends the approach, which would otherwise stay just below a
	// margin that is met exactly.
	snap = 0.25
	// gap is how long after the last packet silence is assumed: longer than
	// the longest usual Opus frame (120 ms); DTX sends one each 400 ms.
	gap = 150 * time.Millisecond
)

// meter accumulates the levels of one source. The first three fields belong to
// the packet path, the others to the detector's lock.
type meter struct {
	// sum holds the packets since the last tick: count in the upper 32 bits,
	// the sum of their loudness in the lower.
	sum  atomic.Uint64
	peak atomic.Uint32 // loudest packet since the last tick
	last atomic.Int64  // time of the newest packet, in ns on the caller's clock

	id       uint32
	loudness float64 // mean of the last tick that had packets
	loudest  float64 // their peak: it decides what is audible, so that no syllable is clipped
	rank     float64 // smoothed
	heard    bool    // a packet ever came

	member     bool          // of the loudest N
	quietSince time.Duration // last time it was audible, when a member
	louder     time.Duration // for how long it was louder than the quietest member, less the breaks
	speaking   bool
	turning    time.Duration // for how long it was on the other side of speaking
}

// observe is the packet path: a few atomic operations.
func (m *meter) observe(level uint8, now time.Duration) {
	loudness := maxLoudness - uint64(min(level, maxLoudness))
	m.last.Store(int64(now))
	m.sum.Add(1<<32 | loudness)
	for {
		peak := m.peak.Load()
		if peak >= uint32(loudness) || m.peak.CompareAndSwap(peak, uint32(loudness)) {
			return
		}
	}
}

// tick takes in what was observed since the last one, elapsed ago.
func (m *meter) tick(now, elapsed time.Duration) {
	sum, peak := m.sum.Swap(0), m.peak.Swap(0)
	switch count := sum >> 32; {
	case count > 0:
		m.heard = true
		m.loudness = float64(sum&math.MaxUint32) / float64(count)
		m.loudest = float64(peak)
	case !m.heard || now-time.Duration(m.last.Load()) >= gap:
		m.loudness, m.loudest = 0, 0
	}
	if math.Abs(m.loudness-m.rank) < snap {
		m.rank = m.loudness
		return
	}
	if m.loudness >= m.rank {
		m.rank += (m.loudness - m.rank) * (1 - math.Exp(-elapsed.Seconds()/riseTime.Seconds()))
		return
	}
	m.rank = max(m.loudness, m.rank-fallRate*elapsed.Seconds())
}

// speak follows the attack and release of speaking; it says whether that
// changed.
func (m *meter) speak(cfg *Config, elapsed time.Duration) bool {
	loud := m.loudness >= cfg.Voice
	if loud == m.speaking {
		m.turning = 0
		return false
	}
	m.turning += elapsed
	limit := cfg.Release
	if loud {
		limit = cfg.Attack
	}
	if m.turning < limit {
		return false
	}
	m.speaking, m.turning = loud, 0
	return true
}

// level maps the smoothed loudness to 0..1: what is just audible is 0, a loud
// voice (-10 dBov) is 1.
func (m *meter) level(cfg *Config) float64 {
	const loud = maxLoudness - 10
	return min(max((m.rank-cfg.Audible)/max(loud-cfg.Audible, 1), 0), 1)
}
