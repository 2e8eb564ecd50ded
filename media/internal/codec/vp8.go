package codec

import "encoding/binary"

// Bits of the VP8 payload descriptor, RFC 7741 section 4.2.
const (
	vp8Extended  = 0x80 // X: the extension byte follows
	vp8Start     = 0x10 // S: start of a partition
	vp8Partition = 0x07 // PID

	vp8HasPictureID = 0x80 // I
	vp8HasTL0       = 0x40 // L
	vp8HasTID       = 0x20 // T
	vp8HasKeyIndex  = 0x10 // K

	vp8Wide = 0x80 // M: the picture id has 15 bits
	vp8Sync = 0x20 // Y

	maskWide   = 0x7FFF
	maskNarrow = 0x7F

	// vp8KeyHeader is the size of a key frame's uncompressed header, RFC 6386
	// section 9.1: 3 bytes of frame tag, 3 of start code, 4 of size.
	vp8KeyHeader = 10
)

// VP8 is a parsed VP8 payload descriptor (RFC 7741 section 4.2), with what the
// payload header says of a key frame.
type VP8 struct {
	// Size is the length of the descriptor in bytes (1 to 6).
	Size int

	PictureID    uint16
	HasPictureID bool
	Wide         bool // the picture id has 15 bits, not 7

	TL0    uint8 // index of the base layer frame this one depends on
	HasTL0 bool

	TID    uint8 // temporal layer, 0 to 3; 0 without HasTID
	Sync   bool  // depends on the base layer only
	HasTID bool

	FrameStart bool // first packet of a frame
	KeyFrame   bool // first packet of a key frame

	// Width and Height in pixels, only with KeyFrame and only when the
	// encoder's header is there.
	Width, Height int
}

// ParseVP8 parses the descriptor at the start of an RTP payload. It returns
// ErrShort when the payload ends within the descriptor (an empty payload, as
// padding has it, too).
func ParseVP8(payload []byte) (VP8, error) {
	var d VP8
	if len(payload) < 1 {
		return d, ErrShort
	}
	d.Size = 1
	d.FrameStart = payload[0]&vp8Start != 0 && payload[0]&vp8Partition == 0
	if payload[0]&vp8Extended != 0 {
		if err := d.parseExtension(payload); err != nil {
			return VP8{}, err
		}
	}
	if d.FrameStart {
		d.parseFrameHeader(payload[d.Size:])
	}
	return d, nil
}

func (d *VP8) parseExtension(payload []byte) error {
	if len(payload) < 2 {
		return ErrShort
	}
	flags, n := payload[1], 2
	if flags&vp8HasPictureID != 0 {
		if len(payload) < n+1 {
			return ErrShort
		}
		d.HasPictureID = true
		d.PictureID = uint16(payload[n] & maskNarrow)
		d.Wide = payload[n]&vp8Wide != 0
		n++
		if d.Wide {
			if len(payload) < n+1 {
				return ErrShort
			}
			d.PictureID = d.PictureID<<8 | uint16(payload[n])
			n++
		}
	}
	if flags&vp8HasTL0 != 0 {
		if len(payload) < n+1 {
			return ErrShort
		}
		d.HasTL0, d.TL0 = true, payload[n]
		n++
	}
	// TID and KEYIDX share a byte, which is there for either (RFC 7741: "T or
	// K").
	if flags&(vp8HasTID|vp8HasKeyIndex) != 0 {
		if len(payload) < n+1 {
			return ErrShort
		}
		if flags&vp8HasTID != 0 {
			d.HasTID, d.TID, d.Sync = true, payload[n]>>6, payload[n]&vp8Sync != 0
		}
		n++
	}
	d.Size = n
	return nil
}

// parseFrameHeader reads the uncompressed data chunk of RFC 6386 section 9.1.
func (d *VP8) parseFrameHeader(frame []byte) {
	// The lowest bit of the frame tag is inverse: 0 is a key frame.
	if len(frame) == 0 || frame[0]&1 != 0 {
		return
	}
	d.KeyFrame = true
	if len(frame) < vp8KeyHeader || frame[3] != 0x9D || frame[4] != 0x01 || frame[5] != 0x2A {
		return
	}
	// The upper two bits of each are a scale, a hint for display only.
	d.Width = int(binary.LittleEndian.Uint16(frame[6:]) & 0x3FFF)
	d.Height = int(binary.LittleEndian.Uint16(frame[8:]) & 0x3FFF)
}

// Rewrite writes the descriptor at the start of payload into dst with another
// picture id and TL0 index, in the same layout and length (a 7-bit picture id
// keeps the low 7 bits), and returns its length d.Size. The payload's body is
// not copied. It writes nothing and returns 0 when dst or payload is shorter
// than the descriptor. d must come from ParseVP8 of this payload; dst may be
// the payload itself.
func (d VP8) Rewrite(dst, payload []byte, pictureID uint16, tl0 uint8) int {
	if len(dst) < d.Size || len(payload) < d.Size {
		return 0
	}
	copy(dst, payload[:d.Size])
	n := 2
	if d.HasPictureID {
		// Bounds follow from Size, which counts these bytes.
		if d.Wide {
			binary.BigEndian.PutUint16(dst[n:], vp8Wide<<8|pictureID&maskWide)
			n += 2
		} else {
			dst[n] = uint8(pictureID & maskNarrow)
			n++
		}
	}
	if d.HasTL0 {
		dst[n] = tl0
	}
	return d.Size
}
