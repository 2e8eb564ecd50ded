package media

import (
	"fmt"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/atriumrtc/atrium/media/internal/udp"
)

// asking is a NACK of the viewer for the last n packets of its first video slot.
func asking(c *cipherPeer, n int) (*Slot, []rtcp.Packet) {
	for _, s := range c.transport.slots {
		if s.line.video && s.started {
			last, _, _ := s.seq.LastOut()
			first := last - uint16(n-1)
			nack := &rtcp.TransportLayerNack{MediaSSRC: s.binding.ssrc, Nacks: []rtcp.NackPair{{PacketID: first, LostPackets: 1<<(n-1) - 1}}}
			return s, []rtcp.Packet{nack}
		}
	}
	return nil, nil
}

// What is sent again on one NACK leaves together with what was read with it:
// one system call, in GSO runs.
func TestResendsLeaveTogether(t *testing.T) {
	_, to := sink(t)
	e, a, bs := directRoom(t, 1, to)
	out := newBatch(t, e)
	a.begin(t, out)
	a.handle(out, a.frame(t, 7, "q", 1, 10, 1000, false)...)
	s, nack := asking(bs[0], 10)
	before := e.Snapshot()
	out.Begin()
	s.control(out, nack, e.now()+time.Second)
	out.End()
	after := e.Snapshot()
	if n, sends := after.RTXOut-before.RTXOut, after.Socket.Sends-before.Socket.Sends; n != 10 || sends != 1 {
		t.Errorf("%d packets in %d system calls; want 10 in 1", n, sends)
	}
	if n := after.Socket.GSOPackets - before.Socket.GSOPackets; e.mux.Stats().GSO && n != 10 {
		t.Errorf("%d of 10 packets in GSO runs", n)
	}
}

// A replayed key frame and what followed it leaves at once, not packet by
// packet.
func TestReplayLeavesTogether(t *testing.T) {
	_, to := sink(t)
	e, a, bs := directRoom(t, 1, to)
	out := newBatch(t, e)
	a.begin(t, out)
	for n := range 5 {
		a.handle(out, a.frame(t, 7, "q", 1+n, 5, 1000, n == 0)...)
	}
	r := bs[0].Room()
	must(t, e.Move(t.Context(), bs[0].Participant, nil))
	e.clock.(*fakeClock).advance(2 * replayAfter)
	before := e.Snapshot()
	must(t, e.Move(t.Context(), bs[0].Participant, r))
	settled(r)
	after := e.Snapshot()
	if n, sends := after.PacketsOut-before.PacketsOut, after.Socket.Sends-before.Socket.Sends; n != 25 || sends > 3 {
		t.Errorf("%d packets in %d system calls; want 25, with RTCP in 3 at most", n, sends)
	}
}

// What all transports' ticks send leaves together.
func TestTickLeavesTogether(t *testing.T) {
	_, to := sink(t)
	e, a, bs := directRoom(t, 20, to)
	out := newBatch(t, e)
	a.begin(t, out)
	e.clock.(*fakeClock).advance(2 * time.Second)
	for _, b := range bs {
		for _, s := range b.transport.slots {
			s.reportSoon()
		}
	}
	a.handle(out, a.frame(t, 7, "q", 1, 5, 1000, false)...)
	before := e.mux.Stats()
	e.clock.(*fakeClock).advance(tickInterval)
	after := e.mux.Stats()
	if n, sends := after.BatchPackets-before.BatchPackets, after.Sends-before.Sends; n < 20 || sends != 1 {
		t.Errorf("%d reports in %d system calls; want 20 or more in 1", n, sends)
	}
}

// BenchmarkResend answers a NACK for 17 packets: packet by packet, as the
// control side did, and in a batch.
func BenchmarkResend(b *testing.B) {
	for _, batched := range []bool{false, true} {
		b.Run(fmt.Sprint("batched=", batched), func(b *testing.B) {
			_, to := sink(b)
			e, a, bs := directRoom(b, 1, to)
			out := newBatch(b, e)
			a.begin(b, out)
			a.handle(out, a.frame(b, 7, "q", 1, 17, 1000, false)...)
			s, nack := asking(bs[0], 17)
			first := nack[0].(*rtcp.TransportLayerNack).Nacks[0].PacketID
			before := e.Snapshot()
			now := e.now()
			b.ReportAllocs()
			for b.Loop() {
				now += time.Second
				for i := range uint16(17) {
					entry, _ := s.sent.Get(first + i)
					entry.Tries = 0
					s.sent.Put(first+i, entry)
				}
				var batch *udp.Batch
				if batched {
					batch = out
					out.Begin()
				}
				s.control(batch, nack, now)
				if batched {
					out.End()
				}
			}
			after := e.Snapshot()
			n := float64(after.RTXOut - before.RTXOut)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n, "ns/resent")
			b.ReportMetric(float64(after.Socket.Sends-before.Socket.Sends)/n, "sends/resent")
		})
	}
}
