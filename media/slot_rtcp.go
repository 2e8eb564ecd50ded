package media

import (
	"encoding/binary"
	"slices"
	"strconv"
	"time"

	"github.com/pion/rtcp"

	"github.com/atriumrtc/atrium/media/internal/codec"
	"github.com/atriumrtc/atrium/media/internal/udp"
)

const (
	// reportInterval is how often a slot sends a sender report.
	reportInterval = time.Second
	// resendInterval is the shortest time between two resends of a packet: a
	// receiver that asks faster than this has not waited for the first.
	resendInterval = 30 * time.Millisecond
	// maxResends bounds what a receiver that never stops asking costs.
	maxResends = 4
	// pliInterval is the shortest time between two key frames that one
	// receiver may ask for: its bad link must not cost the others quality.
	pliInterval = 500 * time.Millisecond
)

func aptLine(pt uint8) string { return "apt=" + strconv.Itoa(int(pt)) }

// control handles what the receiver of the slot says. What is sent again goes
// out with out, the batch of what was read together; nil sends at once.
func (s *Slot) control(out *udp.Batch, packets []rtcp.Packet, now time.Duration) {
	s.mu.Lock()
	ssrc := s.binding.ssrc
	s.mu.Unlock()
	for _, pkt := range packets {
		switch p := pkt.(type) {
		case *rtcp.TransportLayerNack:
			if p.MediaSSRC == ssrc {
				s.resend(out, p.Nacks, now)
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
	s.mu.Lock()
	l, due := s.target, now >= s.pliDue
	if due {
		s.pliDue = now + pliInterval
		if s.line.video && l != nil && s.cur == l {
			s.transport.freezes.Add(1) // it had a picture, and can't go on from it
		}
	}
	s.mu.Unlock()
	if l != nil && due && s.line.video {
		l.source.keys.request(l, now)
	}
}

// received keeps the receiver's report on the slot (RFC 3550 §6.4.1).
func (s *Slot) received(reports []rtcp.ReceptionReport, ssrc uint32, now time.Duration) {
	for _, r := range reports {
		if r.SSRC != ssrc {
			continue
		}
		s.mu.Lock()
		s.remote = remoteReport{lost: float64(r.FractionLost) / 256, jitter: s.line.duration(r.Jitter), at: now}
		s.mu.Unlock()
		if r.LastSenderReport == 0 {
			continue
		}
		middle := uint32(ntpTime(s.owner.engine.wall(now)) >> 16)
		if rtt := middle - r.LastSenderReport - r.Delay; rtt < maxRTT<<16 {
			s.transport.roundTrip.Store(int64(rtt) * int64(time.Second) >> 16)
		}
	}
}

// maxRTT, in seconds: a longer round trip is a report that can't be right.
const maxRTT = 10

// resend answers a NACK on the RTX SSRC (RFC 4588), with the packet as this
// receiver would have got it. What was recorded in another room is not kept.
func (s *Slot) resend(batch *udp.Batch, nacks []rtcp.NackPair, now time.Duration) {
	c := &s.owner.engine.counters
	for _, pair := range nacks {
		pair.Range(func(out uint16) bool {
			c.nacksIn.Add(1)
			if !s.resendOne(batch, out, now) {
				c.drop(dropResend)
			}
			return true
		})
	}
}

// resendOne returns false when the packet is no longer to be had.
func (s *Slot) resendOne(batch *udp.Batch, out uint16, now time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.sent.Get(out)
	if !ok || s.w == nil || !s.w.ready() || e.Tries >= maxResends {
		return false
	}
	if e.Tries > 0 && now-e.Resent < resendInterval {
		return true
	}
	l := s.sentByLocked(e.Source)
	if l == nil {
		return false
	}
	t := s.transport
	t.scratchMu.Lock()
	defer t.scratchMu.Unlock()
	raw, ok := l.copyPacket(e.In, s.epoch, t.scratch[2:2])
	var h codec.RTP
	if !ok || codec.ParseRTP(raw, &h) != nil {
		return false
	}
	payload := raw[h.HeaderLen:h.PayloadEnd]
	d, err := codec.ParseVP8(payload)
	if err != nil {
		return false
	}
	d.Rewrite(payload, payload, e.PictureID, e.TL0)
	e.Resent = now
	e.Tries++
	s.sent.Put(out, e)
	s.writeResentLocked(batch, out, e.Timestamp, h.Marker, payload, h.HeaderLen)
	return true
}

// sentByLocked finds the layer that a sent packet came from: one that is in
// the slot's room still, and forwarded. Nil when there is none.
func (s *Slot) sentByLocked(id uint32) *layer {
	for _, l := range s.recent {
		if l != nil && l.id == id && s.epoch != 0 && l.source.owner.route.Load() == s.epoch && l.source.forwards.Load() {
			return l
		}
	}
	return nil
}

// writeResentLocked sends a packet again. payload lies in the transport's
// scratch, at least two bytes behind its beginning, where its original number
// goes.
func (s *Slot) writeResentLocked(batch *udp.Batch, out uint16, ts uint32, marker bool, payload []byte, headerLen int) {
	c := &s.owner.engine.counters
	h := rtpHeader{ssrc: s.binding.ssrc, timestamp: ts, sequence: out, payloadType: s.binding.pt, marker: marker}
	if s.binding.rtxPT != 0 && s.binding.rtxSSRC != 0 {
		s.rtxSeq++
		h.payloadType, h.ssrc, h.sequence = s.binding.rtxPT, s.binding.rtxSSRC, s.rtxSeq
		payload = s.transport.scratch[headerLen : headerLen+2+len(payload)]
		binary.BigEndian.PutUint16(payload, out)
	}
	n, err := s.w.writeRTP(batch, h, payload)
	if err != nil {
		c.drop(unwritten(err))
		return
	}
	c.rtxOut.Add(1)
	c.packetsOut.Add(1)
	c.bytesOut.Add(uint64(n))
}

// reportSoon makes the next tick send a sender report, and the next picture come
// to where it is to be by what the publisher reports now.
func (s *Slot) reportSoon() {
	s.mu.Lock()
	s.reportDue, s.retime = 0, s.video && s.started && s.cur != nil
	s.transport.hurryReport()
	s.mu.Unlock()
}

// senderReport returns the report that is due at now, nil when none is.
func (s *Slot) senderReport(now time.Duration) *rtcp.SenderReport {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cur == nil || !s.started || now < s.reportDue {
		return nil
	}
	s.reportDue = now + reportInterval
	return &rtcp.SenderReport{
		SSRC: s.binding.ssrc, NTPTime: ntpTime(s.owner.engine.wall(now)), RTPTime: s.timestampLocked(now),
		PacketCount: s.packets, OctetCount: s.octets,
	}
}

// timestampLocked is what is captured now.
func (s *Slot) timestampLocked(now time.Duration) uint32 {
	rate := s.cur.clockRate
	if s.retime { // the next picture is on the line again
		return s.timeline.timestamp(now, rate)
	}
	captured := s.cur.captured(s.lastTS, s.lastAt)
	return s.lastTS + uint32(ticksIn(now-captured, rate)) + s.seq.TimestampOffset()
}
