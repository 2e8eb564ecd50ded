package client

import (
	"encoding/binary"
	"time"
)

// sendCache keeps the last packets of an encoding, to send them again.
type sendCache struct {
	slots  [cacheSize]sentPacket
	buffer []byte // of the RTX payload being made
}

// cacheSize is a power of two, and holds 0.8 s of the largest encoding.
const cacheSize = 256

// sentPacket is a packet that was sent.
type sentPacket struct {
	used      bool
	number    uint16
	marker    bool
	timestamp uint32
	payload   []byte
	resent    time.Time
}

func newSendCache() *sendCache { return &sendCache{} }

// next is where the packet of that number is to be put.
func (c *sendCache) next(number uint16) *sentPacket {
	s := c.at(number)
	*s = sentPacket{used: true, number: number, payload: s.payload}
	return s
}

func (c *sendCache) at(number uint16) *sentPacket { return &c.slots[number%cacheSize] }

// repair is the RTX payload of a packet: its number, then its payload. It is
// false for one that isn't known any more, or was sent again less than a round
// trip ago: two requests then cross.
func (c *sendCache) repair(number uint16, now time.Time, rtt time.Duration) ([]byte, bool) {
	s := c.at(number)
	if !s.used || s.number != number || (!s.resent.IsZero() && now.Sub(s.resent) < rtt) {
		return nil, false
	}
	s.resent = now
	c.buffer = binary.BigEndian.AppendUint16(c.buffer[:0], number)
	c.buffer = append(c.buffer, s.payload...)
	return c.buffer, true
}
