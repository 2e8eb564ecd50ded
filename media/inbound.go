package media

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"

	"github.com/atriumrtc/atrium/media/internal/codec"
	"github.com/atriumrtc/atrium/media/internal/srtp"
	"github.com/atriumrtc/atrium/media/internal/udp"
)

const (
	// feedbackInterval is how often a publisher is told what arrived when, which
	// its bandwidth estimation lives on.
	feedbackInterval = 50 * time.Millisecond
	receiveInterval  = time.Second // of receiver reports
)

// inbound is the receiving half of a direct carrier: it opens packets and
// finds the layer that they belong to.
type inbound struct {
	t *transport

	mu        sync.Mutex
	decryptor *srtp.Decryptor // nil before DTLS is connected
	control   *srtp.RTCPDecryptor
	terms     terms
	streams   map[uint32]*stream
	feedback  *twcc.Recorder
	ssrc      uint32 // of our reports
	fedBack   time.Duration
	reported  time.Duration
	header    codec.RTP
	scratch   [mtu]byte
}

// terms are what was negotiated for receiving; 0 is what was not.
type terms struct {
	mid, rid, repaired, twcc uint8 // header extensions
	rtx                      uint8 // payload type of VP8's RTX
}

// stream is what an SSRC was found to carry.
type stream struct {
	layer     *layer
	rtx       bool
	reception reception
}

func (in *inbound) begin(t *transport, ssrc uint32) {
	in.t, in.ssrc = t, ssrc
	in.streams = make(map[uint32]*stream)
	in.feedback = twcc.NewRecorder(ssrc)
}

func (in *inbound) agree(tm terms) {
	in.mu.Lock()
	in.terms = tm
	in.mu.Unlock()
}

func (in *inbound) key(keys srtp.Keys) (err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.control, err = srtp.NewRTCPDecryptor(keys.Profile, keys.Client); err != nil {
		return err
	}
	in.decryptor, err = srtp.NewDecryptor(keys.Profile, keys.Client)
	return err
}

// handle takes one SRTP or SRTCP packet (told apart by RFC 5761 §4).
func (in *inbound) handle(b []byte, out *udp.Batch) {
	e := in.t.owner.engine
	in.mu.Lock()
	defer in.mu.Unlock()
	switch {
	case in.decryptor == nil:
		e.counters.drop(dropNotReady)
	case len(b) >= 2 && b[1] >= 192 && b[1] <= 223:
		in.handleRTCP(b, in.moment(out), out)
	default:
		in.handleRTP(b, in.moment(out), out)
	}
}

// moment is the time, the same for all that was read together.
func (in *inbound) moment(out *udp.Batch) time.Duration {
	if out.Moment == 0 {
		out.Moment = in.t.owner.engine.now()
	}
	return out.Moment
}

func (in *inbound) handleRTP(b []byte, now time.Duration, out *udp.Batch) {
	c := &in.t.owner.engine.counters
	n, err := codec.HeaderLen(b)
	if err != nil {
		c.drop(dropMalformed)
		return
	}
	plain, err := in.decryptor.DecryptInPlace(b, n)
	if err != nil {
		c.drop(refusal(err))
		return
	}
	h := &in.header
	if codec.ParseRTP(plain, h) != nil {
		c.drop(dropMalformed)
		return
	}
	if ext := h.Extension(in.terms.twcc); len(ext) == 2 {
		in.feedback.Record(h.SSRC, uint16(ext[0])<<8|uint16(ext[1]), now.Microseconds())
	}
	s := in.streams[h.SSRC]
	if s == nil {
		if s = in.identify(h); s == nil {
			c.drop(dropUnknownSSRC)
			return
		}
	}
	if !s.rtx {
		s.reception.add(h.Sequence, h.Timestamp, now, s.layer.clockRate)
	} else if plain = unwrapRTX(plain, h); plain == nil {
		c.drop(dropPadding)
		return
	}
	s.layer.handleIn(out, plain, now)
}

// refusal is the reason of what couldn't be opened.
func refusal(err error) DropReason {
	switch {
	case errors.Is(err, srtp.ErrReplay):
		return dropDuplicate
	case errors.Is(err, srtp.ErrTooManySSRCs):
		return dropManySSRCs
	}
	return dropForged
}

// identify finds out what an SSRC carries: by its mid, and the rid or repaired
// rid where the line is simulcast (RFC 8852); without a mid by what the offer
// declared. Nil when the offer has no such.
func (in *inbound) identify(h *codec.RTP) *stream {
	mid := h.Extension(in.terms.mid)
	rid, repaired := h.Extension(in.terms.rid), h.Extension(in.terms.repaired)
	for _, source := range in.t.sources {
		declared := slices.Contains(source.declared, h.SSRC)
		if source.mid != string(mid) && (len(mid) > 0 || !declared) {
			continue
		}
		s := &stream{rtx: len(repaired) > 0 || source.declaredRTX[h.SSRC] ||
			(source.kind.Video() && in.terms.rtx != 0 && h.PayloadType == in.terms.rtx)}
		if len(repaired) > 0 {
			rid = repaired
		}
		if s.layer = source.layer(string(rid)); s.layer == nil {
			return nil
		}
		in.streams[h.SSRC] = s
		if !s.rtx {
			s.layer.ssrc.Store(h.SSRC)
		}
		return s
	}
	return nil
}

// unwrapRTX gives a packet that was sent again its first form, in place (RFC
// 4588 §4): its number stands before its payload. Nil is a probe without one.
// The SSRC and payload type stay RTX's; nobody behind here reads them.
func unwrapRTX(b []byte, h *codec.RTP) []byte {
	if h.PayloadEnd-h.HeaderLen < 2 {
		return nil
	}
	b[2], b[3] = b[h.HeaderLen], b[h.HeaderLen+1]
	copy(b[2:h.HeaderLen+2], b[:h.HeaderLen])
	return b[2:]
}

// handleRTCP takes a compound packet to those whom it concerns.
func (in *inbound) handleRTCP(b []byte, now time.Duration, out *udp.Batch) {
	c := &in.t.owner.engine.counters
	plain, err := in.control.Decrypt(in.scratch[:0], b)
	if err != nil {
		c.drop(refusal(err))
		return
	}
	packets, err := rtcp.Unmarshal(plain)
	if err != nil {
		c.drop(dropMalformed)
		return
	}
	for _, p := range packets {
		sr, ok := p.(*rtcp.SenderReport)
		if !ok {
			continue
		}
		if s := in.streams[sr.SSRC]; s != nil && !s.rtx {
			s.reception.senderReported(sr.NTPTime, now)
			in.t.senderReported(s.layer, sr, now)
		}
	}
	for _, s := range in.t.slots {
		s.control(out, packets, now)
	}
}

// reports makes the feedback that is due.
func (in *inbound) reports(now time.Duration) []rtcp.Packet {
	in.mu.Lock()
	defer in.mu.Unlock()
	var packets []rtcp.Packet
	if now-in.reported >= receiveInterval {
		in.reported = now
		packets = in.receiverReports(now)
	}
	if now-in.fedBack >= feedbackInterval && in.feedback.PacketsHeld() > 0 {
		in.fedBack = now
		packets = append(packets, in.feedback.BuildFeedbackPacket()...)
	}
	return packets
}

// maxReportBlocks fit into one receiver report (RFC 3550 §6.4.1: 5 bits).
const maxReportBlocks = 31

func (in *inbound) receiverReports(now time.Duration) (packets []rtcp.Packet) {
	var rr *rtcp.ReceiverReport
	for ssrc, s := range in.streams {
		if s.rtx || !s.reception.heard() {
			continue
		}
		if rr == nil || len(rr.Reports) == maxReportBlocks {
			rr = &rtcp.ReceiverReport{SSRC: in.ssrc}
			packets = append(packets, rr)
		}
		rr.Reports = append(rr.Reports, s.reception.report(ssrc, now))
	}
	return packets
}
