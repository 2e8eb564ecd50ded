// Package vp8 writes and reads what the client needs of VP8 in RTP (RFC 7741):
// the payload descriptor as Chromium writes it, how a frame is cut into
// packets, and the header of a key frame.
//
// The one contract to know: a frame of n bytes is cut into as many packets as
// MaxPayload asks for, and their payloads differ by at most one byte,
// ascending, as libwebrtc does it.
package vp8

import (
	"encoding/binary"
	"errors"
)

const (
	// DescriptorSize is the number of bytes that [Descriptor.Append] writes.
	DescriptorSize = 6
	// MaxPayload is the most payload bytes of a packet, descriptor included:
	// what Chromium uses with its 1,200 byte packets and our header extensions
	// (measured in the trace that package source replays).
	MaxPayload = 1174
	// KeyHeaderSize is the number of bytes of the header of a key frame.
	KeyHeaderSize = 10

	pictureIDMask = 0x7fff
)

// ErrShort says that a payload ends within its descriptor.
var ErrShort = errors.New("vp8: payload ends within its descriptor")

// Descriptor is the payload descriptor of RFC 7741 section 4.2, of which the
// fields that Chromium sends for VP8 in temporal layers are always written.
type Descriptor struct {
	Start     bool   // S and PID 0: the first packet of a frame
	NonRef    bool   // N: no other frame depends on this one
	PictureID uint16 // 15 bit
	TL0       uint8  // TL0PICIDX
	TID       uint8  // temporal layer, 0 to 3
	Sync      bool   // Y: depends on temporal layer 0 only

	// HasPictureID, HasTL0 and HasTID say what a parsed descriptor had.
	HasPictureID, HasTL0, HasTID bool
	// Key says, when Start is set, that the frame is a key frame.
	Key bool
}

// Append writes the descriptor of DescriptorSize bytes to b.
func (d *Descriptor) Append(b []byte) []byte {
	first := byte(0x80) // X
	if d.NonRef {
		first |= 0x20
	}
	if d.Start {
		first |= 0x10
	}
	last := d.TID << 6
	if d.Sync {
		last |= 0x20
	}
	id := d.PictureID & pictureIDMask
	return append(b, first, 0xe0 /* I L T */, 0x80|byte(id>>8), byte(id), d.TL0, last)
}

// Parse reads the descriptor at the front of payload and says how long it is.
func (d *Descriptor) Parse(payload []byte) (int, error) {
	*d = Descriptor{}
	if len(payload) < 2 {
		return 0, ErrShort
	}
	first := payload[0]
	d.NonRef = first&0x20 != 0
	d.Start = first&0x10 != 0 && first&0x07 == 0
	n := 1
	if first&0x80 != 0 {
		var err error
		if n, err = d.parseExtended(payload); err != nil {
			return 0, err
		}
	}
	if n >= len(payload) {
		return 0, ErrShort
	}
	d.Key = d.Start && payload[n]&0x01 == 0
	return n, nil
}

// parseExtended reads what follows the first byte when its X bit is set.
func (d *Descriptor) parseExtended(payload []byte) (int, error) {
	ext, rest := payload[1], payload[2:]
	if ext&0x80 != 0 {
		switch {
		case len(rest) >= 2 && rest[0]&0x80 != 0:
			d.PictureID = binary.BigEndian.Uint16(rest) & pictureIDMask
			rest = rest[2:]
		case len(rest) >= 1 && rest[0]&0x80 == 0:
			d.PictureID = uint16(rest[0])
			rest = rest[1:]
		default:
			return 0, ErrShort
		}
		d.HasPictureID = true
	}
	if ext&0x40 != 0 {
		if len(rest) == 0 {
			return 0, ErrShort
		}
		d.TL0, d.HasTL0, rest = rest[0], true, rest[1:]
	}
	if ext&0x30 != 0 { // T or K: one byte holds both
		if len(rest) == 0 {
			return 0, ErrShort
		}
		if ext&0x20 != 0 {
			d.TID, d.Sync, d.HasTID = rest[0]>>6, rest[0]&0x20 != 0, true
		}
		rest = rest[1:]
	}
	return len(payload) - len(rest), nil
}

// Packets is how many packets a frame of n bytes takes.
func Packets(n int) int {
	const room = MaxPayload - DescriptorSize
	return max(1, (n+room-1)/room)
}

// Cut is the i-th of the count parts of a frame.
func Cut(frame []byte, i, count int) []byte {
	small, larger := len(frame)/count, len(frame)%count
	// The first count-larger parts are the small ones.
	start := i*small + max(0, i-(count-larger))
	end := start + small
	if i >= count-larger {
		end++
	}
	return frame[start:end]
}

// PutKeyHeader writes the header of a key frame of width × height pixels
// (RFC 6386 section 9.1) over the first KeyHeaderSize bytes of frame.
func PutKeyHeader(frame []byte, width, height int) {
	putTag(frame, 0)
	copy(frame[3:], []byte{0x9d, 0x01, 0x2a}) // start code
	binary.LittleEndian.PutUint16(frame[6:], uint16(width)&0x3fff)
	binary.LittleEndian.PutUint16(frame[8:], uint16(height)&0x3fff)
}

// PutDeltaHeader writes the frame tag of a frame that isn't a key frame over
// the first three bytes of frame.
func PutDeltaHeader(frame []byte) { putTag(frame, 1) }

// putTag writes the frame tag: whether the frame is a delta, version 0, shown,
// and a first partition of a plausible size.
func putTag(frame []byte, delta uint32) {
	first := uint32(len(frame) / 4)
	tag := delta | 1<<4 | first<<5
	frame[0], frame[1], frame[2] = byte(tag), byte(tag>>8), byte(tag>>16)
}
