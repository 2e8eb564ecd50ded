package cache

import (
	"math/bits"
	"sync"
)

// MaxPacket is the largest packet remembered, in bytes. Larger ones don't
// occur on a path with an Ethernet MTU.
const MaxPacket = 1500

// bufferStep is the granularity of a ring's buffers. Audio and thumbnails are
// much smaller than MaxPacket, and a ring lives as long as its source.
const bufferStep = 256

// Ring remembers the last packets of one incoming stream by sequence number.
// It is safe for concurrent use: one goroutine puts, others get while a
// receiver asks. Memory is allocated by and by, as packets come, and kept
// until Clear.
type Ring struct {
	mask uint16

	mu    sync.Mutex
	slots []slot // nil until the first Put
}

type slot struct {
	epoch uint64
	seq   uint16
	size  uint16 // 0: empty
	data  []byte
}

// New makes a ring for size packets, rounded up to a power of two between 1
// and 32768.
func New(size int) *Ring {
	size = min(max(size, 1), 1<<15)
	return &Ring{mask: 1<<bits.Len16(uint16(size-1)) - 1}
}

// Put remembers a copy of packet, in place of the one that many numbers before
// it. A packet that is empty or longer than MaxPacket is not remembered.
func (r *Ring) Put(seq uint16, epoch uint64, packet []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.slots == nil {
		r.slots = make([]slot, int(r.mask)+1)
	}
	s := &r.slots[seq&r.mask]
	if len(packet) == 0 || len(packet) > MaxPacket {
		s.size = 0
		return
	}
	if cap(s.data) < len(packet) {
		s.data = make([]byte, min((len(packet)+bufferStep-1)/bufferStep*bufferStep, MaxPacket))
	}
	s.epoch, s.seq, s.size = epoch, seq, uint16(len(packet))
	copy(s.data[:len(packet)], packet)
}

// Get copies the packet of that number and epoch over dst and returns it. ok
// is false when it is not remembered. It doesn't allocate when dst has a
// capacity of MaxPacket.
func (r *Ring) Get(seq uint16, epoch uint64, dst []byte) (packet []byte, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.slots == nil {
		return nil, false
	}
	s := &r.slots[seq&r.mask]
	if s.size == 0 || s.seq != seq || s.epoch != epoch {
		return nil, false
	}
	return append(dst[:0], s.data[:s.size]...), true
}

// Clear forgets everything and frees the memory.
func (r *Ring) Clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slots = nil
}
