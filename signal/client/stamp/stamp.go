// Package stamp marks the payload of a generated media packet, so that whoever
// receives it can tell that it came through undamaged, whose it is, and, on the
// same host, how long it took.
//
// A [Stamp] takes the last [Size] bytes of a packet's payload. There it
// survives what a server may change at the front (the VP8 payload descriptor)
// and is found without parsing the codec. Packets that are too small carry
// none, as do those of real cameras, whose payload must not be overwritten.
//
// The one contract to know: [Parse] never mistakes media for a stamp silently.
// It reports three outcomes: no stamp, an intact stamp, and a stamp whose
// checksum is wrong.
package stamp

import (
	"encoding/binary"
	"hash/crc32"
	"hash/fnv"
)

// Size is the number of bytes that a stamp takes.
const Size = 32

// magic begins a stamp: "ATst". Media matches it by chance once in 2³² packets,
// and then fails the checksum.
const magic = 0x41547374

// Stamp says where a packet comes from.
type Stamp struct {
	// Publisher is [ID] of the participant that made the packet.
	Publisher uint64
	// Source is a number that the publisher chose for what it publishes.
	Source uint8
	// Layer numbers the simulcast encoding, lowest first.
	Layer uint8
	// Packet numbers the packets of a frame, from 0.
	Packet uint16
	// Frame numbers the frames (for audio, the packets) of a source.
	Frame uint32
	// Sent is when the packet was handed to the transport, in ns since 1970.
	Sent int64
}

// Result is what [Parse] found.
type Result uint8

// Outcomes of Parse.
const (
	None    Result = iota // no stamp
	Intact                // a stamp with the right checksum
	Damaged               // a stamp with a wrong checksum
)

// ID is the number that stands for a participant id in stamps: FNV-1a, 64 bit.
func ID(participant string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(participant)) // a hash never fails
	return h.Sum64()
}

// Put writes s over the last Size bytes of payload. It says false, and writes
// nothing, when payload is shorter.
func Put(payload []byte, s Stamp) bool {
	if len(payload) < Size {
		return false
	}
	b := payload[len(payload)-Size:]
	binary.BigEndian.PutUint32(b[0:], magic)
	b[4], b[5] = s.Source, s.Layer
	binary.BigEndian.PutUint16(b[6:], s.Packet)
	binary.BigEndian.PutUint64(b[8:], s.Publisher)
	binary.BigEndian.PutUint32(b[16:], s.Frame)
	binary.BigEndian.PutUint64(b[20:], uint64(s.Sent))
	binary.BigEndian.PutUint32(b[28:], sum(b[:28]))
	return true
}

// Parse reads the stamp at the end of payload into s, which is untouched
// unless the result is Intact.
func Parse(payload []byte, s *Stamp) Result {
	if len(payload) < Size {
		return None
	}
	b := payload[len(payload)-Size:]
	if binary.BigEndian.Uint32(b) != magic {
		return None
	}
	if binary.BigEndian.Uint32(b[28:]) != sum(b[:28]) {
		return Damaged
	}
	*s = Stamp{
		Source:    b[4],
		Layer:     b[5],
		Packet:    binary.BigEndian.Uint16(b[6:]),
		Publisher: binary.BigEndian.Uint64(b[8:]),
		Frame:     binary.BigEndian.Uint32(b[16:]),
		Sent:      int64(binary.BigEndian.Uint64(b[20:])),
	}
	return Intact
}

// sum is CRC-32C, which amd64 and arm64 compute in hardware. MakeTable hands
// out the table that the standard library keeps for that polynomial.
func sum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
