package media

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// RFC 3550 section 4, RFC 5905 section 6: 32.32 fixed point since 1900.
func TestNTP(t *testing.T) {
	rows := []struct {
		name string
		at   time.Time
		ntp  uint64
	}{
		{"the Unix epoch", time.Unix(0, 0), 2208988800 << 32},
		{"half a second", time.Unix(0, 5e8), 2208988800<<32 | 1<<31},
		{"a nanosecond is four units", time.Unix(0, 1), 2208988800<<32 | 4},
		{"just below a second", time.Unix(0, 999_999_999), 2208988800<<32 | 0xfffffffb},
		{"2026", time.Date(2026, 11, 21, 9, 0, 0, 250e6, time.UTC), (2208988800+1795251600)<<32 | 1<<30},
		{"the last second of the era", time.Date(2036, 2, 7, 6, 28, 15, 0, time.UTC), 0xffffffff << 32},
	}
	for _, row := range rows {
		if got := ntpTime(row.at); got != row.ntp {
			t.Errorf("%s: %#x; want %#x", row.name, got, row.ntp)
		}
		if got := ntpDuration(row.ntp); got != time.Duration(row.at.UnixNano()) {
			t.Errorf("%s: back %d ns; want %d", row.name, got, row.at.UnixNano())
		}
	}
	for ns := int64(0); ns < 1e9; ns += 1_234_567 {
		if got := ntpDuration(ntpTime(time.Unix(7, ns))); got != 7*time.Second+time.Duration(ns) {
			t.Fatalf("7 s and %d ns became %d", ns, got)
		}
	}
	for _, ntp := range []uint64{0, 1, 1<<64 - 1} { // anything a publisher may say
		ntpDuration(ntp)
	}
}

// captureTimes wrap with the timestamp.
func TestCaptureTime(t *testing.T) {
	rows := []struct {
		rtp, ts uint32
		want    time.Duration
	}{
		{1000, 1000, time.Minute},
		{1000, 1000 + 90000, time.Minute + time.Second},
		{100000, 10000, time.Minute - time.Second},
		{1<<32 - 45000, 45000, time.Minute + time.Second},
		{45000, 1<<32 - 45000, time.Minute - time.Second},
	}
	for _, row := range rows {
		r := &senderReport{rtp: row.rtp, at: time.Minute}
		if got := r.captured(row.ts, videoClock); got != row.want {
			t.Errorf("%d against %d: %s; want %s", row.ts, row.rtp, got, row.want)
		}
		if got := r.timestamp(row.want, videoClock); got != row.ts {
			t.Errorf("at %s: %d; want %d", row.want, got, row.ts)
		}
	}
}

// reported has the publisher say that ts was captured at its time at, and the
// report arrive now.
func reported(l *layer, ts uint32, at time.Time, now time.Duration) {
	l.source.transport.senderReported(l, &rtcp.SenderReport{SSRC: l.ssrc.Load(), NTPTime: ntpTime(at), RTPTime: ts}, now)
}

// Lip-sync: all sources of a publisher go by one clock offset, however long
// their reports take; it follows a clock that drifts.
func TestPublishersClock(t *testing.T) {
	_, _, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "viewer", "a")
	a := peers[1]
	mic, camera := a.layer(Microphone, 0), a.layer(Camera, 0)
	theirs := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC) // a wrong clock is as good as a right one
	at := func(l *layer) time.Duration { return l.report.Load().at }

	reported(mic, 0, theirs, 20*time.Second)
	reported(camera, 0, theirs, 20*time.Second+80*time.Millisecond) // took longer
	if d := at(camera) - at(mic); d < 0 || d > maxClockSlew {
		t.Errorf("captured together, %s apart", d)
	}
	for i := range 1000 { // 100 ppm fast
		elapsed := time.Duration(i) * time.Second
		reported(mic, 0, theirs.Add(elapsed+elapsed/10000), 20*time.Second+elapsed)
	}
	if d := at(mic) - (20+999)*time.Second; d.Abs() > 2*maxClockSlew {
		t.Errorf("off by %s with a clock that drifts", d)
	}
}

// A publisher's clock that is set is followed; reports that waited on the way, as
// in a TCP connection that stands still for seconds, say nothing of the clock.
func TestPublishersClockIsSet(t *testing.T) {
	epoch := 1000 * time.Hour // the publisher's, when the engine starts
	for _, row := range []struct {
		name    string
		reports [][2]time.Duration // when captured, by a clock that was never set, and how much later it comes
		set     time.Duration      // how far the clock is set before all these but the first
		off     []time.Duration    // from when it was captured, by report
	}{
		{"steady", [][2]time.Duration{{0, 0}, {time.Second, 0}}, 0, []time.Duration{0, 0}},
		{"one comes late", [][2]time.Duration{{0, 0}, {time.Second, 3 * time.Second}, {5 * time.Second, 0}}, 0,
			[]time.Duration{0, 0, 0}},
		{"several wait, and come at once", [][2]time.Duration{
			{0, 0}, {time.Second, 9 * time.Second}, {3 * time.Second, 7 * time.Second}, {9 * time.Second, time.Second}, {10 * time.Second, 0},
		}, 0, []time.Duration{0, 0, 0, 0, 0}},
		{"late ones with good ones in between", [][2]time.Duration{
			{0, 0}, {time.Second, 2 * time.Second}, {4 * time.Second, 0}, {8 * time.Second, 2 * time.Second}, {11 * time.Second, 0},
		}, 0, []time.Duration{0, 0, 0, 0, 0}},
		{"the first comes late", [][2]time.Duration{{0, 4 * time.Second}, {5 * time.Second, 0}, {6 * time.Second, 0}}, 0,
			[]time.Duration{4 * time.Second, 0, 0}},
		{"set forward", [][2]time.Duration{{0, 0}, {time.Second, 0}, {2 * time.Second, 0}}, time.Hour,
			[]time.Duration{0, 0, 0}},
		{"set back", [][2]time.Duration{{0, 0}, {time.Second, 0}, {3 * time.Second, 0}, {6 * time.Second, 0}, {7 * time.Second, 0}}, -time.Hour,
			[]time.Duration{0, -time.Hour, -time.Hour, 0, 0}},
	} {
		var c publisherClock
		for i, r := range row.reports {
			sent := epoch + r[0]
			if i > 0 {
				sent += row.set
			}
			if off := c.captured(sent, time.Minute+r[0]+r[1]) - time.Minute - r[0]; off != row.off[i] {
				t.Errorf("%s: report %d is off by %s; want %s", row.name, i, off, row.off[i])
			}
		}
	}
}

// Sender reports of a slot continue its timestamps, whoever feeds it, and
// come each second and right after a switch.
func TestSenderReports(t *testing.T) {
	clock := newFakeClock()
	e, r, peers := fakeRoom(t, clock, 60, GroupPool(), "viewer", "a", "b")
	viewer := peers[0]
	stage := func(p *fakePeer) (s *Slot, out uint32) {
		must(t, viewer.SetLayout([]Tile{{Participant: p.id, Source: Camera, Width: 320, Height: 180}}))
		settled(r)
		p.recv(p.layer(Camera, 0), true)
		sent := viewer.wire.take()
		if len(sent) != 1 {
			t.Fatalf("%d packets of %s", len(sent), p.id)
		}
		return sent[0].slot, sent[0].header.Timestamp
	}
	tick := func(d time.Duration, s *Slot) *rtcp.SenderReport {
		viewer.wire.takeRTCP()
		clock.advance(d)
		var found *rtcp.SenderReport
		for _, p := range viewer.wire.takeRTCP() {
			if sr, ok := p.(*rtcp.SenderReport); ok && sr.SSRC == s.binding.ssrc {
				found = sr
			}
		}
		return found
	}
	for i, p := range peers[1:] {
		slot, out := stage(p)
		sr := tick(20*time.Millisecond, slot)
		if sr == nil {
			t.Fatalf("no report right after the switch to %s", p.id)
		}
		if d := int32(sr.RTPTime - out); d != 20*videoClock/1000 {
			t.Errorf("%s: %d ticks after the packet sent 20 ms before", p.id, d)
		}
		if sr.NTPTime != ntpTime(clock.Now()) || sr.PacketCount != uint32(i+1) || sr.OctetCount == 0 {
			t.Errorf("%s: report %+v", p.id, sr)
		}
		if again := tick(500*time.Millisecond, slot); again != nil {
			t.Error("another report after half a second")
		}
		if again := tick(500*time.Millisecond, slot); again == nil {
			t.Error("no report after a second")
		}
	}
	// With the publisher's own report the mapping is that of its capture.
	b := peers[2]
	l := b.layer(Camera, 0)
	b.recv(l, false)
	reported(l, uint32(b.seq[l]-1)*3000, time.Unix(1e9, 0), e.now()-40*time.Millisecond)
	b.recv(l, false) // captured a thirtieth of a second later
	slot := viewer.transport.slots[1]
	_, lastOut, _ := slot.seq.LastOut()
	sr := tick(20*time.Millisecond, slot)
	if sr == nil {
		t.Fatal("no report right after the publisher's first")
	}
	if d := int32(sr.RTPTime - lastOut); d != 60*videoClock/1000-3000 {
		t.Errorf("%d ticks after what was captured 27 ms ago", d)
	}
}

// Receiver reports tell round trip and loss; what can't be right is ignored.
func TestReceiverReports(t *testing.T) {
	clock := newFakeClock()
	e, r, peers := fakeRoom(t, clock, 5, SmallPool(), "viewer", "a")
	viewer, a := peers[0], peers[1]
	a.recv(a.layer(Microphone, 0), false)
	settled(r)
	slot := viewer.transport.slots[0]
	clock.advance(time.Second)
	lsr := uint32(ntpTime(clock.Now()) >> 16)
	clock.advance(150 * time.Millisecond)
	rows := []struct {
		name       string
		lsr, delay uint32
		want       time.Duration
	}{
		{"no sender report yet", 0, 0, 100 * time.Millisecond},
		{"50 ms of them at the receiver", lsr, 1 << 16 / 20, 100 * time.Millisecond},
		{"none of them", lsr, 0, 150 * time.Millisecond},
		{"from the future", lsr + 1<<20, 0, 150 * time.Millisecond},
		{"of another day", lsr - 1<<25, 0, 150 * time.Millisecond},
	}
	for _, row := range rows {
		rr := rtcp.ReceptionReport{SSRC: slot.binding.ssrc, FractionLost: 64, LastSenderReport: row.lsr, Delay: row.delay}
		slot.control(nil, []rtcp.Packet{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: 9, FractionLost: 255}, rr}}}, e.now())
		if got := viewer.transport.rtt(); (got - row.want).Abs() > time.Millisecond {
			t.Errorf("%s: %s; want %s", row.name, got, row.want)
		}
	}
	if got := viewer.transport.downloadLoss(e.now()); got != 0.25 {
		t.Errorf("loss %v; want 0.25", got)
	}
}
