package cache

import (
	"math/bits"
	"time"
)

// defaultSent is how many packets a Sent remembers by default: 3 s of a
// stream of 3 Mbit/s, more than any receiver waits.
const defaultSent = 1024

// Entry is how an outgoing packet was made.
type Entry struct {
	// Resent is when it was last resent, on the caller's clock; 0: never.
	Resent    time.Duration
	Timestamp uint32 // outgoing
	// Source is the caller's id of the layer it came from.
	Source    uint32
	In        uint16 // incoming sequence number
	PictureID uint16 // outgoing
	TL0       uint8  // outgoing
	Tries     uint8  // times resent
}

type sentEntry struct {
	Entry
	out  uint16
	used bool
}

// Sent remembers how the last packets of one outgoing stream were made, by
// outgoing sequence number. The zero value remembers 1024. Memory is allocated
// with the first Put. It is not safe for concurrent use.
type Sent struct {
	size    int // 0: defaultSent
	entries []sentEntry
}

// NewSent returns a Sent for size packets, rounded up to a power of two between
// 1 and 32768. Slow streams need few: 24 bytes are held for each.
func NewSent(size int) Sent {
	size = min(max(size, 1), 1<<15)
	return Sent{size: 1 << bits.Len16(uint16(size-1))}
}

// Put remembers e for the outgoing number out, in place of what was there.
func (s *Sent) Put(out uint16, e Entry) {
	if s.entries == nil {
		if s.size == 0 {
			s.size = defaultSent
		}
		s.entries = make([]sentEntry, s.size)
	}
	s.entries[int(out)&(len(s.entries)-1)] = sentEntry{Entry: e, out: out, used: true}
}

// Get returns what was put for out; ok is false when that is not remembered.
func (s *Sent) Get(out uint16) (e Entry, ok bool) {
	if s.entries == nil {
		return Entry{}, false
	}
	found := &s.entries[int(out)&(len(s.entries)-1)]
	if !found.used || found.out != out {
		return Entry{}, false
	}
	return found.Entry, true
}

// Clear forgets everything; the memory is kept for what follows.
func (s *Sent) Clear() { clear(s.entries) }
