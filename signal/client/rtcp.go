package client

import (
	"context"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"

	"github.com/atriumrtc/atrium/signal/client/check"
)

const (
	// feedbackInterval is how often transport-wide feedback and repeated NACKs
	// are sent; libwebrtc's feedback is as frequent.
	feedbackInterval = 100 * time.Millisecond
	// reportInterval is how often sender and receiver reports are sent.
	reportInterval = time.Second
	// leastRetry is the least time between two NACKs for the same packet.
	leastRetry = 100 * time.Millisecond
	// keyInterval is the least time between two PLIs for a slot.
	keyInterval = 500 * time.Millisecond
	// maxBlocks is how many report blocks a packet can hold (5 bit).
	maxBlocks = 31
)

// rtcp handles a packet of RTCP that is about an SSRC. pion hands a compound
// packet out once for each SSRC in it, so only what is about this one counts.
func (p *peer) rtcp(ssrc uint32, raw []byte) {
	packets, err := rtcp.Unmarshal(raw)
	if err != nil {
		p.c.log.Debug("malformed RTCP", "err", err)
		return
	}
	now := time.Now()
	for _, packet := range packets {
		switch m := packet.(type) {
		case *rtcp.PictureLossIndication:
			if m.MediaSSRC == ssrc {
				p.wantKey(ssrc)
			}
		case *rtcp.FullIntraRequest:
			for _, f := range m.FIR {
				if f.SSRC == ssrc {
					p.wantKey(ssrc)
				}
			}
		case *rtcp.TransportLayerNack:
			if e := p.encoding(ssrc); e != nil && m.MediaSSRC == ssrc {
				e.resend(nackNumbers(m))
			}
		case *rtcp.SenderReport:
			if m.SSRC == ssrc {
				p.c.receiver.senderReport(ssrc, m, now)
			}
			p.receptionReports(ssrc, m.Reports, now)
		case *rtcp.ReceiverReport:
			p.receptionReports(ssrc, m.Reports, now)
		}
	}
}

func nackNumbers(m *rtcp.TransportLayerNack) []uint16 {
	var numbers []uint16
	for _, pair := range m.Nacks {
		numbers = append(numbers, pair.PacketList()...)
	}
	return numbers
}

// encoding finds what is sent with an SSRC.
func (p *peer) encoding(ssrc uint32) *encoding {
	for _, s := range p.senders {
		for _, e := range s.encodings {
			if e.is(ssrc) {
				return e
			}
		}
	}
	return nil
}

func (e *encoding) is(ssrc uint32) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.header.SSRC == ssrc
}

func (p *peer) wantKey(ssrc uint32) {
	if e := p.encoding(ssrc); e != nil {
		e.of.wantKey.Store(true)
		e.mu.Lock()
		e.counts.PLIs++
		e.mu.Unlock()
	}
}

// receptionReports learns the round trip time (RFC 3550 section 6.4.1).
func (p *peer) receptionReports(ssrc uint32, reports []rtcp.ReceptionReport, now time.Time) {
	for _, r := range reports {
		e := p.encoding(ssrc)
		if r.SSRC != ssrc || e == nil || r.LastSenderReport == 0 {
			continue
		}
		units := uint32(ntp(now)>>16) - r.LastSenderReport - r.Delay // of 1/65536 s
		e.mu.Lock()
		if int32(units) >= 0 {
			e.rtt = time.Duration(units) * time.Second / 65536
		}
		e.mu.Unlock()
	}
}

// senderReport notes a sender report, for the reply in receiver reports.
func (r *receiver) senderReport(ssrc uint32, report *rtcp.SenderReport, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l, ok := r.lanes[ssrc]; ok && !l.rtx {
		l.slot.lastSR, l.slot.lastSRAt = uint32(report.NTPTime>>16), now
		l.slot.stream.Sent(report.PacketCount)
	}
}

// report sends what RTCP is due until ctx ends.
func (p *peer) report(ctx context.Context) {
	interval := feedbackInterval
	if p.c.o.Light != nil {
		interval = reportInterval
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var reported time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.c.receiver.wake:
			p.write(p.c.receiver.nacks(time.Now(), p.retry(), p.ownSSRC()))
			continue
		case <-tick.C:
		}
		if !p.up() {
			continue
		}
		now := time.Now()
		own := p.ownSSRC()
		p.write(p.c.receiver.nacks(now, p.retry(), own))
		p.write(p.c.receiver.lost(now, own))
		p.write(p.c.receiver.transportFeedback(own))
		full := now.Sub(reported) >= reportInterval
		if full {
			reported = now
			p.write(p.c.receiver.reports(now, own))
		}
		p.write(p.senderReports(now, full))
	}
}

// write sends RTCP. It fails only when the transport is going down.
func (p *peer) write(packets []rtcp.Packet) {
	if len(packets) == 0 {
		return
	}
	if err := p.pc.WriteRTCP(packets); err != nil {
		p.c.log.Debug("RTCP isn't sent", "err", err)
	}
}

// ownSSRC is the SSRC that speaks for this client in feedback.
func (p *peer) ownSSRC() uint32 {
	e := p.senders[0].encodings[0]
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.header.SSRC
}

// retry is how long a resent packet may take.
func (p *peer) retry() time.Duration {
	retry := leastRetry
	for _, s := range p.senders {
		for _, e := range s.encodings {
			e.mu.Lock()
			retry = max(retry, e.rtt*3/2)
			e.mu.Unlock()
		}
	}
	return retry
}

// nacks asks for what is missing. Audio has no RTX.
func (r *receiver) nacks(now time.Time, retry time.Duration, own uint32) []rtcp.Packet {
	r.mu.Lock()
	defer r.mu.Unlock()
	var packets []rtcp.Packet
	for _, s := range r.slots {
		if !s.video || s.ssrc == 0 {
			continue
		}
		if numbers := s.stream.Missing(nil, now, retry); len(numbers) > 0 {
			packets = append(packets, &rtcp.TransportLayerNack{
				SenderSSRC: own, MediaSSRC: s.ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(numbers),
			})
		}
	}
	return packets
}

// lost decides what is lost, and asks for a key frame where a decoder would
// need one: after a loss, and where a slot didn't open with one.
func (r *receiver) lost(now time.Time, own uint32) []rtcp.Packet {
	r.mu.Lock()
	defer r.mu.Unlock()
	var packets []rtcp.Packet
	for _, s := range r.slots {
		undecodable := s.stream.Expire(now) > 0 || s.stream.NeedsKeyFrame()
		if !undecodable || !s.video || now.Sub(s.keyAsked) < keyInterval {
			continue
		}
		s.keyAsked = now
		s.stream.AskedForKeyFrame()
		packets = append(packets, &rtcp.PictureLossIndication{SenderSSRC: own, MediaSSRC: s.ssrc})
	}
	return packets
}

// transportFeedback says when each packet arrived.
func (r *receiver) transportFeedback(own uint32) []rtcp.Packet {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.twccID == 0 || r.light {
		return nil
	}
	if r.twcc == nil {
		r.twcc = twcc.NewRecorder(own)
		return nil
	}
	return r.twcc.BuildFeedbackPacket()
}

// reports are receiver reports on the slots that received anything.
func (r *receiver) reports(now time.Time, own uint32) []rtcp.Packet {
	r.mu.Lock()
	defer r.mu.Unlock()
	var blocks []rtcp.ReceptionReport
	for _, s := range r.slots {
		report, ok := s.stream.Report()
		if !ok || report.Received == s.reported.Received {
			continue
		}
		blocks = append(blocks, s.block(report, now))
		s.reported = report
	}
	var packets []rtcp.Packet
	for len(blocks) > 0 {
		n := min(len(blocks), maxBlocks)
		packets = append(packets, &rtcp.ReceiverReport{SSRC: own, Reports: blocks[:n]})
		blocks = blocks[n:]
	}
	return packets
}

func (s *slot) block(report check.Report, now time.Time) rtcp.ReceptionReport {
	b := rtcp.ReceptionReport{
		SSRC: s.ssrc, LastSequenceNumber: report.Highest, Jitter: report.Jitter,
		TotalLost: uint32(max(0, report.Expected-report.Received)) & 0xffffff,
	}
	expected := report.Expected - s.reported.Expected
	lost := expected - (report.Received - s.reported.Received)
	if expected > 0 && lost > 0 {
		b.FractionLost = uint8(min(255, lost*256/expected))
	}
	if s.lastSR != 0 {
		b.LastSenderReport = s.lastSR
		b.Delay = uint32(now.Sub(s.lastSRAt) * 65536 / time.Second)
	}
	return b
}

// senderReports are those of the encodings being sent: of all when full,
// otherwise only the first of each, which the server needs to relate their
// timestamps.
func (p *peer) senderReports(now time.Time, full bool) []rtcp.Packet {
	var packets []rtcp.Packet
	for _, s := range p.senders {
		for _, e := range s.encodings {
			if r := e.senderReport(now, full); r != nil {
				packets = append(packets, r, rtcp.NewCNAMESourceDescription(r.SSRC, p.c.ID()))
			}
		}
	}
	return packets
}

func (e *encoding) senderReport(now time.Time, full bool) *rtcp.SenderReport {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.packets == e.reportedPackets || (!full && e.reportedPackets > 0) {
		return nil
	}
	e.reportedPackets = e.packets
	since := now.Sub(e.started)
	return &rtcp.SenderReport{
		SSRC: e.header.SSRC, NTPTime: ntp(now),
		RTPTime:     e.base + uint32(uint64(since)*uint64(e.clock)/uint64(time.Second)),
		PacketCount: e.packets, OctetCount: e.octets,
	}
}
