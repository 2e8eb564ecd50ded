package cache

import "sync"

// Bounds of a KeyRun. Beyond them a new key frame costs less than the burst
// that brings a newcomer up to date.
const (
	maxRunPackets = 64
	maxRunBytes   = 96 << 10
)

// KeyRun remembers the last key frame of one incoming stream and every packet
// since. It becomes void, until the next key frame, when a packet is missing
// or comes late, when the epoch changes, and when it grows beyond 64 packets
// or 96 KiB. The zero value is ready (and void). It is safe for concurrent
// use.
type KeyRun struct {
	mu    sync.Mutex
	epoch uint64
	first uint16 // sequence number of the key frame's first packet
	next  uint16 // sequence number that continues the run
	valid bool
	data  []byte // the packets, one after the other
	ends  []int  // end of each in data
}

// Put appends a copy of packet to the run. keyFrameStart says that it is the
// first packet of a key frame: it starts the run anew. A duplicate of a packet
// of the run is ignored. An empty packet stands for one that carries nothing
// (padding): it takes its number.
func (k *KeyRun) Put(epoch uint64, keyFrameStart bool, seq uint16, packet []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.valid && epoch == k.epoch {
		// Distances from the run's start, modulo 2^16.
		if seq-k.first < k.next-k.first {
			return
		}
	}
	if keyFrameStart {
		k.resetLocked()
		k.valid, k.epoch, k.first, k.next = true, epoch, seq, seq
	}
	if !k.valid {
		return
	}
	if epoch != k.epoch || seq != k.next ||
		int(seq-k.first) >= maxRunPackets || len(k.data)+len(packet) > maxRunBytes {
		k.resetLocked()
		return
	}
	k.next++
	k.data = append(k.data, packet...)
	k.ends = append(k.ends, len(k.data))
}

// Each calls f with every packet of the run in order, whose numbers follow one
// on the other; padding is empty. It returns false and calls nothing when the run is void or of another epoch. The packets are
// valid during the call only; f must not change them or call back into k.
func (k *KeyRun) Each(epoch uint64, f func(packet []byte)) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.valid || epoch != k.epoch {
		return false
	}
	start := 0
	for _, end := range k.ends {
		f(k.data[start:end:end])
		start = end
	}
	return true
}

// Clear forgets everything and frees the memory.
func (k *KeyRun) Clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.resetLocked()
	k.data, k.ends = nil, nil
}

func (k *KeyRun) resetLocked() {
	k.valid = false
	k.data, k.ends = k.data[:0], k.ends[:0]
}
