package srtp

import (
	"encoding/binary"
	"sync"
)

// Outgoing is what one transport sends with one key. It hands out the
// encryptors of its SSRCs and is safe for concurrent use. Make one for a key:
// nothing else may send RTP with it, pion's own session neither.
type Outgoing struct {
	session *session

	mu    sync.Mutex
	taken map[uint32]struct{}
}

// NewOutgoing makes the Outgoing of a transport that sends with m. m isn't
// kept. Errors: ErrProfile, ErrKeySize.
func NewOutgoing(p Profile, m Master) (*Outgoing, error) {
	s, err := newSession(p, m)
	if err != nil {
		return nil, err
	}
	return s.outgoing(), nil
}

func (s *session) outgoing() *Outgoing {
	return &Outgoing{session: s, taken: map[uint32]struct{}{}}
}

// Overhead is how many bytes protection adds to a packet.
func (o *Outgoing) Overhead() int { return o.session.profile.Overhead() }

// Encryptor returns the encryptor of ssrc. There is one for the life of the
// key: asking again is ErrReuse, whatever became of the first.
func (o *Outgoing) Encryptor(ssrc uint32) (*Encryptor, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.taken[ssrc]; ok {
		return nil, ErrReuse
	}
	o.taken[ssrc] = struct{}{}
	e := &Encryptor{session: o.session, ssrc: ssrc, overhead: o.session.profile.Overhead()}
	if o.session.aead != nil {
		e.gcm.init(o.session)
		e.transform = &e.gcm
	} else {
		e.transform = o.session.transform()
	}
	return e, nil
}

// Encryptor protects the RTP packets of one SSRC. It is not safe for concurrent
// use; different encryptors may work at the same time.
type Encryptor struct {
	// One piece of memory: those of a room don't stay in the processor's caches.
	transform transform // gcm, or apart
	ssrc      uint32
	overhead  int
	gcm       gcm
	window    window
	session   *session
}

// SSRC returns the SSRC whose packets it protects.
func (e *Encryptor) SSRC() uint32 { return e.ssrc }

// Overhead is how many bytes protection adds to a packet.
func (e *Encryptor) Overhead() int { return e.overhead }

// Encrypt appends the protected packet to dst: header, cipher text, tag. dst
// must have room for all of it. header (fixed part, CSRCs and extension) and
// payload (padding included) may lie apart, and each either exactly where it
// goes in dst or outside of dst. On an error dst comes back as it was, and
// nothing behind it was written.
//
// Packets may be late by up to 1,023 numbers, each number goes once: a repeated
// or older one is ErrReuse, and so is a step ahead of more than 32,767, because
// no receiver could follow it (SE-11). The first number should be below 2^15:
// a receiver that missed all packets before the first wrap can't guess the
// rollover.
//
// Errors: ErrShort, ErrSSRC, ErrSpace, ErrReuse, ErrExhausted.
func (e *Encryptor) Encrypt(dst, header, payload []byte) ([]byte, error) {
	if len(header) < headerMin {
		return dst, ErrShort
	}
	if binary.BigEndian.Uint32(header[8:]) != e.ssrc {
		return dst, ErrSSRC
	}
	start := len(dst)
	end := start + len(header) + len(payload) + e.Overhead()
	if end > cap(dst) {
		return dst, ErrSpace
	}
	index, ok := e.window.sent(binary.BigEndian.Uint16(header[2:]))
	if !ok || !e.window.fresh(index) {
		return dst, ErrReuse
	}
	if index > maxIndex {
		return dst, ErrExhausted
	}
	e.window.add(index)
	if checked {
		recordUse(e.session.id, e.ssrc, index)
	}
	dst = dst[:end]
	copy(dst[start:], header)
	e.transform.seal(dst[start:], len(header), payload, e.ssrc, index)
	return dst, nil
}
