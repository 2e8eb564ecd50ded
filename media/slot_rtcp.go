package media

import (
	"encoding/binary"
	"slices"
	"strconv"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/atriumrtc/atrium/media/internal/codec"
)

const (
	// reportInterval is how often a slot sends a sender report.
	reportInterval = time.Second
	// resendInterval is the shortest time between two resends of a packet: a
	// receiver that asks faster than this has not waited for the first.
	resendInterval = 30 * time.Millisecond
)

func aptLine(pt uint8) string { return "apt=" + strconv.Itoa(int(pt)) }

// control handles what the receiver of the slot says.
func (s *Slot) control(packets []rtcp.Packet, now time.Duration) {
	s.mu.Lock()
	ssrc := s.binding.ssrc
	s.mu.Unlock()
	for _, pkt := range packets {
		switch p := pkt.(type) {
		case *rtcp.TransportLayerNack:
			if p.MediaSSRC == ssrc {
				s.resend(p.Nacks, now)
			}
		case *rtcp.PictureLossIndication:
			if p.MediaSSRC == ssrc {
				s.keyFrameWanted(now)
			}
		case *rtcp.FullIntraRequest:
			if slices.ContainsFunc(p.FIR, func(f rtcp.FIREntry) bool { return f.SSRC == ssrc }) {
				s.keyFrameWanted(now)
			}
		case *rtcp.ReceiverReport:
			s.received(p.Reports, ssrc, now)
		case *rtcp.SenderReport:
			s.received(p.Reports, ssrc, now)
		}
	}
}

func (s *Slot) keyFrameWanted(now time.Duration) {
	_, cur, target := s.feed()
	if target != nil {
		cur = target
	}
	if cur != nil && s.line.video {
		cur.keys.request(now)
	}
}

// received keeps the receiver's report on the slot (RFC 3550 §6.4.1).
func (s *Slot) received(reports []rtcp.ReceptionReport, ssrc uint32, now time.Duration) {
	for _, r := range reports {
		if r.SSRC != ssrc {
			continue
		}
		s.mu.Lock()
		s.remote.lost, s.remote.at = float64(r.FractionLost)/256, now
		if r.LastSenderReport != 0 {
			mid := uint32(ntpTime(s.owner.engine.clock.Now()) >> 16)
			if rtt := mid - r.LastSenderReport - r.Delay; rtt < 10<<16 {
				s.remote.rtt = time.Duration(rtt) * time.Second >> 16
			}
		}
		s.mu.Unlock()
	}
}

// resend answers a NACK on the RTX SSRC (RFC 4588), with the packet as this
// receiver would have got it. What was recorded in another room is not kept.
func (s *Slot) resend(nacks []rtcp.NackPair, now time.Duration) {
	c := &s.owner.engine.counters
	for _, pair := range nacks {
		pair.Range(func(out uint16) bool {
			c.nacksIn.Add(1)
			s.mu.Lock()
			s.resendLocked(out, now)
			s.mu.Unlock()
			return true
		})
	}
}

func (s *Slot) resendLocked(out uint16, now time.Duration) {
	c := &s.owner.engine.counters
	e, ok := s.sent.Get(out)
	if !ok || s.w == nil || s.epoch == 0 {
		c.drop(dropResend)
		return
	}
	if e.Resent != 0 && now-e.Resent < resendInterval {
		return
	}
	var l *layer
	for _, r := range s.recent {
		if r != nil && r.id == e.Source {
			l = r
		}
	}
	if l == nil || l.source.owner.route.Load() != s.epoch || !l.source.forwards.Load() {
		c.drop(dropResend)
		return
	}
	raw, ok := l.copyPacket(e.In, s.epoch, s.scratch[2:2])
	var h codec.RTP
	if !ok || codec.ParseRTP(raw, &h) != nil {
		c.drop(dropResend)
		return
	}
	payload := raw[h.HeaderLen:h.PayloadEnd]
	d, err := codec.ParseVP8(payload)
	if err != nil {
		c.drop(dropResend)
		return
	}
	d.Rewrite(payload, payload, e.PictureID, e.TL0)
	e.Resent = now
	s.sent.Put(out, e)
	s.writeResentLocked(out, e.Timestamp, h.Marker, payload, h.HeaderLen)
}

// writeResentLocked sends a packet again. payload lies in scratch, at least
// two bytes behind its beginning, where its original number goes.
func (s *Slot) writeResentLocked(out uint16, ts uint32, marker bool, payload []byte, headerLen int) {
	c := &s.owner.engine.counters
	s.header = rtp.Header{
		Version: 2, Marker: marker, PayloadType: s.binding.pt,
		SequenceNumber: out, Timestamp: ts, SSRC: s.binding.ssrc,
	}
	if s.binding.rtxPT != 0 && s.binding.rtxSSRC != 0 {
		s.rtxSeq++
		s.header.PayloadType, s.header.SSRC, s.header.SequenceNumber = s.binding.rtxPT, s.binding.rtxSSRC, s.rtxSeq
		payload = s.scratch[headerLen : headerLen+2+len(payload)]
		binary.BigEndian.PutUint16(payload, out)
	}
	n, err := s.w.WriteRTP(&s.header, payload)
	if err != nil {
		c.drop(dropWrite)
		return
	}
	c.rtxOut.Add(1)
	c.packetsOut.Add(1)
	c.bytesOut.Add(uint64(n))
}

// reportSoon makes the next tick send a sender report.
func (s *Slot) reportSoon() {
	s.mu.Lock()
	s.reportDue = 0
	s.mu.Unlock()
}

// senderReport returns the report that is due at now, nil when none is.
func (s *Slot) senderReport(now time.Duration, wall time.Time) *rtcp.SenderReport {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cur == nil || !s.started || now < s.reportDue {
		return nil
	}
	s.reportDue = now + reportInterval
	in := s.lastTS + uint32(int64(now-s.lastAt)*int64(s.cur.clockRate)/int64(time.Second))
	if r := s.cur.report.Load(); r != nil {
		in = r.timestamp(now, s.cur.clockRate)
	}
	return &rtcp.SenderReport{
		SSRC: s.binding.ssrc, NTPTime: ntpTime(wall), RTPTime: in + s.seq.TimestampOffset(),
		PacketCount: s.packets, OctetCount: s.octets,
	}
}
