package codec

import (
	"encoding/binary"
	"errors"
)

// Errors of the parsers. They are returned bare, so that refusing a packet
// costs no allocation.
var (
	ErrShort   = errors.New("codec: packet is too short")
	ErrVersion = errors.New("codec: not RTP version 2")
	ErrPadding = errors.New("codec: padding is longer than the payload, or zero")
)

const (
	rtpFixedLen = 12 // RFC 3550 section 5.1

	// RFC 8285 sections 4.2 and 4.3: profiles that say how the elements of a
	// header extension are framed. The low four bits of the second are
	// "appbits", which we ignore.
	profileOneByte = 0xBEDE
	profileTwoByte = 0x1000
	appBits        = 0x000F

	oneByteStop = 15 // RFC 8285 section 4.2: id 15 ends the parsing
)

// RTP is a parsed RTP header (RFC 3550 section 5.1). The extensions stay in
// the parsed packet and are looked up on demand.
type RTP struct {
	Timestamp   uint32
	SSRC        uint32
	Sequence    uint16
	PayloadType uint8
	Marker      bool
	// HeaderLen is the number of bytes before the payload.
	HeaderLen int
	// PayloadEnd is the index of the first byte after the payload; what
	// follows is padding.
	PayloadEnd int

	profile    uint16
	extensions []byte // elements, without the 4 bytes before them
}

// HeaderLen returns the number of bytes before the payload of the RTP packet
// b, whose payload may still be encrypted. Errors: ErrShort, ErrVersion.
func HeaderLen(b []byte) (int, error) {
	if len(b) < rtpFixedLen {
		return 0, ErrShort
	}
	if b[0]>>6 != 2 {
		return 0, ErrVersion
	}
	n := rtpFixedLen + 4*int(b[0]&0x0F)
	if b[0]&0x10 != 0 {
		if len(b) < n+4 {
			return 0, ErrShort
		}
		n += 4 + 4*int(binary.BigEndian.Uint16(b[n+2:]))
	}
	if len(b) < n {
		return 0, ErrShort
	}
	return n, nil
}

// ParseRTP parses the header of the RTP packet b into h without allocating. h
// refers to b until the next call. Errors: ErrShort, ErrVersion, ErrPadding;
// h is not usable then.
func ParseRTP(b []byte, h *RTP) error {
	n, err := HeaderLen(b)
	if err != nil {
		return err
	}
	h.profile, h.extensions = 0, nil
	if b[0]&0x10 != 0 {
		at := rtpFixedLen + 4*int(b[0]&0x0F)
		h.profile = binary.BigEndian.Uint16(b[at:])
		h.extensions = b[at+4 : n]
	}
	end := len(b)
	if b[0]&0x20 != 0 {
		if end == n {
			return ErrPadding
		}
		padding := int(b[end-1])
		if padding == 0 || padding > end-n {
			return ErrPadding
		}
		end -= padding
	}
	h.Marker = b[1]&0x80 != 0
	h.PayloadType = b[1] & 0x7F
	h.Sequence = binary.BigEndian.Uint16(b[2:])
	h.Timestamp = binary.BigEndian.Uint32(b[4:])
	h.SSRC = binary.BigEndian.Uint32(b[8:])
	h.HeaderLen, h.PayloadEnd = n, end
	return nil
}

// Extension returns the value of the header extension id (RFC 8285), a part
// of the parsed packet, or nil when the packet has none of that id. A
// malformed element ends the search: what stands before it counts.
func (h *RTP) Extension(id uint8) []byte {
	if id == 0 {
		return nil
	}
	switch {
	case h.profile == profileOneByte:
		if id >= oneByteStop {
			return nil
		}
		return findOneByte(h.extensions, id)
	case h.profile&^appBits == profileTwoByte:
		return findTwoByte(h.extensions, id)
	}
	return nil
}

// findOneByte searches elements of RFC 8285 section 4.2: 4 bits of id, 4 bits
// of length less one.
func findOneByte(b []byte, id uint8) []byte {
	for n := 0; n < len(b); {
		if b[n] == 0 { // padding
			n++
			continue
		}
		got, end := b[n]>>4, n+2+int(b[n]&0x0F)
		// Id 0 with a length is reserved; section 4.2 has us stop there too.
		if got == 0 || got == oneByteStop || end > len(b) {
			return nil
		}
		if got == id {
			return b[n+1 : end : end]
		}
		n = end
	}
	return nil
}

// findTwoByte searches elements of RFC 8285 section 4.3: a byte of id, a byte
// of length.
func findTwoByte(b []byte, id uint8) []byte {
	for n := 0; n < len(b); {
		if b[n] == 0 { // padding
			n++
			continue
		}
		if n+2 > len(b) {
			return nil
		}
		end := n + 2 + int(b[n+1])
		if end > len(b) {
			return nil
		}
		if b[n] == id {
			return b[n+2 : end : end]
		}
		n = end
	}
	return nil
}

// ParseAudioLevel parses the value of the client-to-mixer audio level
// extension (RFC 6464 section 3). level is in -dBov: 0 is the loudest, 127 is
// silence. voice is the sender's own voice activity flag. ok is false when
// there is no such extension.
func ParseAudioLevel(ext []byte) (level uint8, voice bool, ok bool) {
	if len(ext) == 0 {
		return 0, false, false
	}
	return ext[0] & 0x7F, ext[0]&0x80 != 0, true
}
