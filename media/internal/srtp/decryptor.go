package srtp

import "encoding/binary"

// Decryptor opens the RTP packets that one transport receives, of all its
// SSRCs. It is not safe for concurrent use.
type Decryptor struct {
	overhead  int
	transform transform
	// streams holds the SSRCs of which at least one packet was authentic.
	streams map[uint32]*window
}

// NewDecryptor makes the Decryptor of a transport whose peer sends with m. m
// isn't kept. Errors: ErrProfile, ErrKeySize.
func NewDecryptor(p Profile, m Master) (*Decryptor, error) {
	s, err := newSession(p, m)
	if err != nil {
		return nil, err
	}
	return s.decryptor(), nil
}

func (s *session) decryptor() *Decryptor {
	return &Decryptor{overhead: s.profile.Overhead(), transform: s.transform(), streams: map[uint32]*window{}}
}

// DecryptInPlace authenticates and decrypts an SRTP packet. headerLen is the
// number of bytes before its payload, CSRCs and header extension included, as
// the caller has parsed them. The returned packet is header and plain payload,
// padding included, in the same memory. After an error the content of packet
// is undefined.
//
// Nothing is remembered of a packet that isn't authentic, and nothing is
// allocated but for the first authentic packet of an SSRC. The first packet of
// an SSRC must be of the sender's first 65,536 numbers before they wrap (RFC
// 3711 section 3.3.1).
//
// Errors: ErrShort, ErrReplay, ErrAuth, ErrTooManySSRCs, ErrExhausted.
func (d *Decryptor) DecryptInPlace(packet []byte, headerLen int) ([]byte, error) {
	end := len(packet) - d.overhead
	if headerLen < headerMin || headerLen > end {
		return nil, ErrShort
	}
	sequence, ssrc := binary.BigEndian.Uint16(packet[2:]), binary.BigEndian.Uint32(packet[8:])
	index := uint64(sequence)
	w := d.streams[ssrc]
	switch {
	case w != nil:
		if index = w.received(sequence); index > maxIndex {
			return nil, ErrExhausted
		}
		// Before the packet is known to be authentic, because a flood of
		// repeated packets must cost little.
		if !w.fresh(index) {
			return nil, ErrReplay
		}
	case len(d.streams) >= MaxSSRCs:
		return nil, ErrTooManySSRCs
	}
	if !d.transform.open(packet, headerLen, ssrc, index) {
		return nil, ErrAuth
	}
	if w == nil {
		w = &window{}
		d.streams[ssrc] = w
	}
	w.add(index)
	return packet[:end], nil
}
