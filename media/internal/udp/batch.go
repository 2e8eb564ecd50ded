package udp

import (
	"sync"
	"time"
)

const (
	// batchRuns is how many messages one sendmmsg takes; the kernel allows
	// 1024 (UIO_MAXIOV).
	batchRuns = 256
	// batchSegments and batchBytes bound what waits for a flush.
	batchSegments = 1024
	batchBytes    = 256 << 10
	// flushBytes is how much waits at most between two receivers, see
	// Checkpoint: what was encrypted is still in the processor's second-level
	// cache when the kernel copies it, and the first receivers of a frame
	// don't wait for the last. A frame of one receiver finds room behind it.
	flushBytes = batchBytes - maxRunBytes
	// maxRunSegments is the kernel's UDP_MAX_SEGMENTS (128 since Linux 6.9).
	maxRunSegments = 64
	// maxRunBytes keeps a run within one IP datagram of 65,535 bytes.
	maxRunBytes = 65000
	// tableSize is twice batchRuns, so that probing stays short.
	tableSize = 2 * batchRuns
	none      = -1
)

// sender takes a batch's runs to the network.
type sender interface {
	flush(b *Batch, tally *tally)
}

// Batch collects datagrams and sends them together: Reserve, write into what
// it returned, Commit, and in the end Flush. The datagrams of one [Destination]
// leave in the order of their Commits, as few UDP_SEGMENT (GSO) runs as their
// sizes allow: a run's datagrams have equal sizes, but the last, which may be
// shorter. Other destinations may be written in between.
//
// A Batch is for one goroutine at a time. It never blocks for longer than
// sendPatience at a flush: what the kernel doesn't take by then is dropped
// and counted.
type Batch struct {
	mux    *Mux
	socket *socket
	sender sender
	gate   sync.RWMutex // held for reading between Begin and End
	tally  tally
	// Moment is the handlers': when they took up what was read together, as
	// they count time, so that it is asked for once. Begin sets it to 0.
	Moment time.Duration
	// Deferred is the handlers' too; nil at first, and never changed here.
	Deferred Deferred

	arena    []byte
	used     int
	current  *Destination // of the open reservation
	reserved int

	segments []segment
	runs     []run
	// table finds a destination's last run of this generation: open
	// addressing by Destination.hash, so that a flush empties it in O(1) and
	// a Destination holds no state of any batch.
	table      [tableSize]slot
	generation uint32
}

// Deferred is what handlers put off until all that was read together has been
// handed to them, so that it can be done receiver by receiver.
type Deferred interface {
	// Run does it. End calls it, before it flushes.
	Run(out *Batch)
	// Expects says that more which belongs to it is about to come: a reader
	// waits for that a little before End.
	Expects() bool
}

// segment is one datagram, arena[offset:offset+size].
type segment struct {
	offset, size int32
	next         int32 // of the same run, or none
}

// run is what one message of sendmmsg carries.
type run struct {
	to          *Destination
	first, last int32
	count       int32
	size, bytes int32 // of the first segment, of all
	closed      bool  // a shorter segment was the last
}

type slot struct {
	generation uint32
	run        int32
}

// tally counts for one batch; it is added to the mux's counters at each flush.
type tally struct {
	packets, bytes, sends uint64
	gsoPackets, gsoRuns   uint64
}

// NewBatch returns a Batch of the caller's own, until its Close. Its memory is
// 1 MB once it was used.
func (m *Mux) NewBatch() *Batch {
	b := newBatch(m, m.sockets[0], batchBytes)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.batches[b] = struct{}{}
	return b
}

func newBatch(m *Mux, s *socket, bytes int) *Batch {
	return &Batch{
		mux: m, socket: s, sender: s.newSender(), arena: make([]byte, bytes),
		segments: make([]segment, 0, batchSegments), runs: make([]run, 0, batchRuns), generation: 1,
	}
}

// Close flushes the batch and ends it: [Mux.Barrier] no longer waits for it.
func (b *Batch) Close() {
	b.Flush()
	b.mux.mu.Lock()
	defer b.mux.mu.Unlock()
	delete(b.mux.batches, b)
}

// Begin starts work that a [Mux.Barrier] called meanwhile waits for, until
// End: routing is to be read after Begin. Handlers don't call it: their
// batches' owners do.
func (b *Batch) Begin() {
	b.gate.RLock()
	b.Moment = 0
}

// End runs what was deferred, flushes, and ends what Begin started.
func (b *Batch) End() {
	if b.Deferred != nil {
		b.Deferred.Run(b)
	}
	b.Flush()
	b.gate.RUnlock()
}

// Checkpoint flushes when much waits already. It is for between one receiver's
// datagrams and the next's: a flush in between would cut a GSO run in two.
func (b *Batch) Checkpoint() {
	if b.used >= flushBytes {
		b.Flush()
	}
}

// Reserve returns room for a datagram of at most size bytes to d: length 0,
// capacity size or more, valid until the next call of any method of the batch.
// A batch that is full is flushed before. Nil when size is more than a
// datagram carries. A reservation that isn't committed is given up by the
// next.
func (b *Batch) Reserve(d *Destination, size int) []byte {
	b.current = nil
	if size < 0 || size > maxRunBytes {
		b.mux.stats.drop(oversize)
		return nil
	}
	if b.used+size > len(b.arena) || len(b.segments) == batchSegments || len(b.runs) == batchRuns {
		b.Flush()
	}
	b.current, b.reserved = d, size
	return b.arena[b.used : b.used : b.used+size]
}

// Commit queues the first n bytes of what Reserve returned last. A datagram
// for a relay or a TCP remote is handed over at once.
func (b *Batch) Commit(n int) {
	d := b.current
	b.current = nil
	if d == nil || n <= 0 || n > b.reserved {
		return
	}
	if d.direct != nil {
		b.mux.handOver(d, b.arena[b.used:b.used+n])
		return
	}
	if b.mux.isClosed.Load() || d.length == 0 {
		b.mux.stats.drop(d.unsendable())
		return
	}
	i := int32(len(b.segments))
	b.segments = append(b.segments, segment{offset: int32(b.used), size: int32(n), next: none})
	b.used += n
	if !b.socket.gso.Load() || d.plain.Load() {
		b.open(d, i, n)
		return
	}
	if last := len(b.runs) - 1; last >= 0 && b.runs[last].to == d && b.extend(&b.runs[last], i, int32(n)) {
		return // receiver by receiver it is nearly always this one
	}
	s := b.find(d)
	if s.generation == b.generation && b.extend(&b.runs[s.run], i, int32(n)) {
		return
	}
	*s = slot{b.generation, int32(len(b.runs))}
	b.open(d, i, n)
}

// open begins a run with segment i.
func (b *Batch) open(d *Destination, i int32, n int) {
	b.runs = append(b.runs, run{to: d, first: i, last: i, count: 1, size: int32(n), bytes: int32(n)})
}

// extend adds segment i of n bytes to r, if it fits.
func (b *Batch) extend(r *run, i, n int32) bool {
	if r.closed || n > r.size || r.count == maxRunSegments || r.bytes+n > maxRunBytes {
		return false
	}
	b.segments[r.last].next = i
	r.last = i
	r.count++
	r.bytes += n
	r.closed = n < r.size
	return true
}

// find returns the slot of d, a free one when it has none in this generation.
func (b *Batch) find(d *Destination) *slot {
	for i := d.hash; ; i++ {
		s := &b.table[i%tableSize]
		if s.generation != b.generation || b.runs[s.run].to == d {
			return s
		}
	}
}

// Pending is how many datagrams wait for a flush.
func (b *Batch) Pending() int { return len(b.segments) }

// Flush sends what was committed.
func (b *Batch) Flush() {
	b.current = nil
	if len(b.runs) == 0 {
		return
	}
	b.sender.flush(b, &b.tally)
	b.clear()
	b.mux.stats.sent(&b.tally)
	b.tally = tally{}
}

// Discard drops what was committed and not flushed.
func (b *Batch) Discard() {
	b.current = nil
	b.mux.stats.drops(discarded, len(b.segments))
	b.clear()
}

func (b *Batch) clear() {
	clear(b.runs) // keeps no destination alive
	b.runs, b.segments, b.used = b.runs[:0], b.segments[:0], 0
	b.generation++
	if b.generation == 0 { // wrapped: slots of long ago would look valid
		b.table = [tableSize]slot{}
		b.generation = 1
	}
}

// payload is the datagram of segment i.
func (b *Batch) payload(i int32) []byte {
	s := b.segments[i]
	return b.arena[s.offset : s.offset+s.size]
}

// Barrier returns when every packet handler that was at work when it was
// called has returned and all it wrote has been flushed: the readers with
// their read batch, relays, TCP remotes, and what is between Begin and End of
// a batch of NewBatch. Work that begins later sees what the caller published
// before. Idle workers cost nothing. What waits for a relay's or TCP remote's
// reader is Destination.Discard's. Never call it from HandleMedia or between
// Begin and End: it would wait for itself.
func (m *Mux) Barrier() {
	m.mu.RLock()
	batches := make([]*Batch, 0, 16)
	for b := range m.batches {
		batches = append(batches, b)
	}
	m.mu.RUnlock()
	for _, b := range batches {
		// A writer waits for the readers of now; later ones wait for it.
		b.gate.Lock()
		b.gate.Unlock() //nolint:staticcheck // the passage is the point
	}
}
