package signal

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// Snapshot is the server's statistics at one moment. Counters start at zero
// with the server and never fall.
type Snapshot struct {
	// Sessions are connections that have joined, Pending those that have not
	// yet, Seats the participants' seats, kept ones included.
	Sessions, Pending, Seats int
	// Joins by result: "ok", "resumed", or the code of the refusal.
	Joins map[string]uint64
	// JoinSeconds is the time from connecting to a transport that is up, of
	// those who did not resume.
	JoinSeconds Histogram
	// MessagesIn and MessagesOut count messages from and to clients.
	MessagesIn, MessagesOut uint64
	// Refused counts requests that were refused, by code.
	Refused map[string]uint64
	// Byes counts ends of joined sessions that the server told the client of,
	// by code.
	Byes map[string]uint64
	// Evicted counts clients that read too slowly, Panics sessions that failed
	// by a fault of ours.
	Evicted, Panics uint64
}

// Histogram counts durations. Counts[i] are those of at most Bounds[i] seconds
// and more than the bound before; the last of Counts, which is one longer, are
// those above all bounds.
type Histogram struct {
	Bounds []float64
	Counts []uint64
	Sum    float64 // seconds
}

func joinBounds() []float64 {
	return []float64{0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10}
}

type metrics struct {
	in, out, evicted, panics atomic.Uint64

	mu                   sync.Mutex
	joins, refused, byes map[string]uint64
	joinSeconds          Histogram
}

func newMetrics() *metrics {
	bounds := joinBounds()
	return &metrics{
		joins: map[string]uint64{}, refused: map[string]uint64{}, byes: map[string]uint64{},
		joinSeconds: Histogram{Bounds: bounds, Counts: make([]uint64, len(bounds)+1)},
	}
}

func (m *metrics) refuse(code string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refused[code]++
}

func (m *metrics) join(result string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.joins[result]++
}

func (m *metrics) bye(code string, joined bool) {
	if !joined {
		m.join(code)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.byes[code]++
}

func (m *metrics) connected(took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seconds, i := took.Seconds(), 0
	for i < len(m.joinSeconds.Bounds) && seconds > m.joinSeconds.Bounds[i] {
		i++
	}
	m.joinSeconds.Counts[i]++
	m.joinSeconds.Sum += seconds
}

// fill puts the counters into a snapshot.
func (m *metrics) fill(s *Snapshot) {
	s.MessagesIn, s.MessagesOut = m.in.Load(), m.out.Load()
	s.Evicted, s.Panics = m.evicted.Load(), m.panics.Load()
	m.mu.Lock()
	defer m.mu.Unlock()
	s.Joins, s.Refused, s.Byes = maps.Clone(m.joins), maps.Clone(m.refused), maps.Clone(m.byes)
	s.JoinSeconds = Histogram{
		Bounds: joinBounds(),
		Counts: append([]uint64(nil), m.joinSeconds.Counts...),
		Sum:    m.joinSeconds.Sum,
	}
}
