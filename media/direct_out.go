package media

import (
	"encoding/binary"
	"errors"

	"github.com/pion/rtcp"

	"github.com/atriumrtc/atrium/media/internal/srtp"
	"github.com/atriumrtc/atrium/media/internal/udp"
)

const rtpHeaderLen = 12 // what slots send has no extension

// directWriter encrypts what one slot sends: its media and, on an SSRC of its
// own, what it sends again. The slot's lock covers it.
type directWriter struct {
	d            *direct
	media, again *srtp.Encryptor
	video        bool
	even         evener
}

func (w *directWriter) ready() bool { return w.d.to.Load() != nil }

func (w *directWriter) writeRTP(out *udp.Batch, h rtpHeader, payload []byte) (n int, err error) {
	to := w.d.to.Load()
	if to == nil {
		return 0, errNotUp
	}
	if out != nil {
		return w.write(out, to, h, payload)
	}
	w.d.t.owner.engine.batched(func(out *udp.Batch) { n, err = w.write(out, to, h, payload) })
	return n, err
}

func (w *directWriter) write(out *udp.Batch, to *udp.Destination, h rtpHeader, payload []byte) (int, error) {
	e, pad := w.media, 0
	switch {
	case h.ssrc != e.SSRC():
		e = w.again
	case w.video: // a frame of Opus is one packet
		pad = w.even.pad(h.timestamp, h.marker, len(payload))
	}
	buf := out.Reserve(to, rtpHeaderLen+len(payload)+pad+e.Overhead())
	if buf == nil {
		return 0, errDropped
	}
	// Sealed where it will lie.
	header := buf[:rtpHeaderLen]
	h.put(header, pad)
	if pad > 0 {
		// With the byte that says how many it is.
		payload = append(append(buf[rtpHeaderLen:rtpHeaderLen], payload...), 1)
	}
	sealed, err := e.Encrypt(buf, header, payload)
	if err != nil {
		return 0, err
	}
	out.Commit(len(sealed))
	return len(sealed), nil
}

// unwritten is the reason of what a writer refused.
func unwritten(err error) DropReason {
	if errors.Is(err, srtp.ErrReuse) {
		return dropSpent
	}
	return dropWrite
}

// put writes the header as it goes out (RFC 3550 section 5.1).
func (h *rtpHeader) put(b []byte, pad int) {
	_ = b[rtpHeaderLen-1]
	b[0], b[1] = 2<<6, h.payloadType
	if pad > 0 {
		b[0] |= 1 << 5
	}
	if h.marker {
		b[1] |= 1 << 7
	}
	binary.BigEndian.PutUint16(b[2:], h.sequence)
	binary.BigEndian.PutUint32(b[4:], h.timestamp)
	binary.BigEndian.PutUint32(b[8:], h.ssrc)
}

// evener gives the packets of one frame equal sizes, by a byte of RTP padding,
// so that they leave as one GSO send: libwebrtc splits a frame into packets
// that differ by at most a byte, the shorter ones first. It costs less than one
// byte in a thousand.
type evener struct {
	timestamp uint32
	size      int // that the frame's packets are given; 0: it has only one
}

// pad returns how many bytes of padding a packet of that size gets: 0 or 1.
func (e *evener) pad(timestamp uint32, last bool, size int) int {
	if e.size == 0 || timestamp != e.timestamp {
		e.timestamp, e.size = timestamp, size+1
		if last {
			e.size = 0
			return 0
		}
		return 1
	}
	if size == e.size-1 {
		return 1
	}
	return 0
}

// send sends a compound packet of ours.
func (d *direct) send(packets []rtcp.Packet) error {
	to := d.to.Load()
	if to == nil {
		return errNotUp
	}
	plain, err := rtcp.Marshal(packets)
	if err != nil {
		return err
	}
	d.out.Lock()
	defer d.out.Unlock()
	if d.rtcp == nil {
		return errNotUp
	}
	sealed, err := d.rtcp.Encrypt(nil, plain)
	if err != nil {
		return err
	}
	err = errDropped
	d.t.owner.engine.batched(func(out *udp.Batch) {
		if buf := out.Reserve(to, len(sealed)); buf != nil {
			out.Commit(len(append(buf, sealed...)))
			err = nil
		}
	})
	return err
}
