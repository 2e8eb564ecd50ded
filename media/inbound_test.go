package media

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/atriumrtc/atrium/media/internal/srtp"
	"github.com/atriumrtc/atrium/media/internal/udp"
)

// inboundRoom is a publisher with a direct carrier and a viewer on a wire.
func inboundRoom(t testing.TB, clock Clock, p srtp.Profile) (*Engine, *cipherPeer, *fakePeer, *udp.Batch) {
	t.Helper()
	e, r, peers := fakeRoom(t, clock, 5, SmallPool(), "viewer")
	a := addCipher(t, e, "a", SmallPool(), p, netip.AddrPort{})
	if err := e.Move(t.Context(), a.Participant, r); err != nil {
		t.Fatal(err)
	}
	a.announce(Microphone, Camera)
	settled(r)
	return e, a, peers[0], newBatch(t, e)
}

// every profile's packets are opened, wherever their SSRC is told by.
func TestIdentify(t *testing.T) {
	const declared, declaredRTX = 900, 901
	rows := []struct {
		name               string
		ssrc               uint32
		pt                 uint8
		mid, rid, repaired string
		want               string // rid of the layer; "mic"; "" is nothing
		rtx                bool
	}{
		{name: "mid and rid", ssrc: 1, mid: "1", rid: "h", want: "h"},
		{name: "mid and repaired rid", ssrc: 2, pt: payloadRTX, mid: "1", repaired: "f", want: "f", rtx: true},
		{name: "repaired rid, odd payload type", ssrc: 3, mid: "1", repaired: "f", want: "f", rtx: true},
		{name: "rid with RTX's payload type", ssrc: 4, pt: payloadRTX, mid: "1", rid: "q", want: "q", rtx: true},
		{name: "voice by mid", ssrc: 5, mid: "0", want: "mic"},
		{name: "voice as declared", ssrc: declared, want: "mic"},
		{name: "declared, but another mid says more", ssrc: declared, mid: "1", rid: "q", want: "q"},
		{name: "unknown mid", ssrc: 6, mid: "77", rid: "q"},
		{name: "unknown mid of a declared SSRC", ssrc: declared, mid: "77"},
		{name: "mid of a line that receives", ssrc: 7, mid: "5"},
		{name: "unknown rid", ssrc: 8, mid: "1", rid: "zz"},
		{name: "unknown repaired rid", ssrc: 9, pt: payloadRTX, mid: "1", repaired: "zz"},
		{name: "simulcast without a rid", ssrc: 10, mid: "1"},
		{name: "rid alone", ssrc: 11, rid: "q"},
		{name: "voice with a rid", ssrc: 12, mid: "0", rid: "q"},
		{name: "nothing", ssrc: 13},
		{name: "the longest mid there is", ssrc: 14, mid: "0123456789abcdef"},
		{name: "RTX as declared", ssrc: declaredRTX, mid: "1", rid: "q", want: "q", rtx: true},
	}
	for _, row := range rows {
		_, a, _, out := inboundRoom(t, newFakeClock(), srtp.AES128GCM)
		a.transport.sources[0].declared = []uint32{declared}
		a.transport.sources[1].declaredRTX = map[uint32]bool{declaredRTX: true}
		pkt := &rtp.Packet{Header: rtp.Header{Version: 2, SSRC: row.ssrc, PayloadType: payloadVP8}, Payload: make([]byte, 40)}
		if row.pt != 0 {
			pkt.PayloadType = row.pt
		}
		a.handle(out, a.protect(t, named(t, pkt, row.mid, row.rid, row.repaired)))
		s := a.d.in.streams[row.ssrc]
		got, rtx := "", false
		if s != nil {
			got, rtx = s.layer.rid, s.rtx
			if s.layer.source.kind == Microphone {
				got = "mic"
			}
		}
		if got != row.want || rtx != row.rtx {
			t.Errorf("%s: %q, RTX %t; want %q, %t", row.name, got, rtx, row.want, row.rtx)
		}
		if row.want == "" {
			dropsOne(t, a.engine, "unknown_ssrc", func() {
				pkt.SequenceNumber++
				a.handle(out, a.protect(t, pkt))
			})
		}
	}
}

// A publisher that changes its SSRC for ever is cut off after 64, under a
// reason of its own; what it has goes on, and so does everybody's memory.
func TestSSRCsAreBounded(t *testing.T) {
	e, a, viewer, out := inboundRoom(t, newFakeClock(), srtp.AES128GCM)
	voice := func(ssrc uint32, n int) {
		pkt := &rtp.Packet{Header: rtp.Header{Version: 2, SSRC: ssrc, SequenceNumber: uint16(n), PayloadType: payloadOpus}, Payload: []byte("|a/mic")}
		a.handle(out, a.protect(t, named(t, pkt, "0", "", "")))
	}
	for ssrc := range uint32(1000) {
		voice(ssrc+1, 1)
	}
	if n := e.Snapshot().Dropped["many_ssrcs"]; n != 1000-srtp.MaxSSRCs || len(a.d.in.streams) != srtp.MaxSSRCs {
		t.Errorf("%d refused, %d streams; want %d, %d", n, len(a.d.in.streams), 1000-srtp.MaxSSRCs, srtp.MaxSSRCs)
	}
	viewer.wire.take()
	for n := range 3 {
		voice(srtp.MaxSSRCs, 2+n)
	}
	if n := len(viewer.wire.take()); n != 3 {
		t.Errorf("%d packets of an SSRC that it had; want 3", n)
	}
}

// RFC 4588: what comes by RTX takes its place, whatever extensions and padding
// it has; probes without a number in them are dropped; twice is once.
func TestRTXIsUnwrapped(t *testing.T) {
	for _, p := range []srtp.Profile{srtp.AES128GCM, srtp.AES256GCM, srtp.AES128CMSHA1} {
		e, a, viewer, out := inboundRoom(t, newFakeClock(), p)
		video := func(n int, key bool) *rtp.Packet {
			pkt := videoPacket("a", "q", n, key)
			pkt.SSRC, pkt.PayloadType = 7, payloadVP8
			return named(t, pkt, "1", "q", "")
		}
		again := func(number int, original *rtp.Packet, padding byte) *rtp.Packet {
			pkt := &rtp.Packet{Header: rtp.Header{
				Version: 2, Marker: true, SSRC: 8, PayloadType: payloadRTX, SequenceNumber: uint16(number), Timestamp: original.Timestamp,
				Padding: padding > 0, PaddingSize: padding,
			}}
			pkt.Payload = append(binary.BigEndian.AppendUint16(nil, original.SequenceNumber), original.Payload...)
			return named(t, pkt, "1", "", "q")
		}
		a.handle(out, a.protect(t, video(0, true)))
		settled(a.Room())
		a.handle(out, a.protect(t, video(1, true)), a.protect(t, video(4, false)))
		settled(a.Room())
		viewer.wire.take()
		a.handle(out, a.protect(t, again(0, video(2, false), 0)), a.protect(t, again(1, video(3, false), 200)))
		var marks []string
		for _, pkt := range viewer.wire.take() {
			marks = append(marks, payloadMark(pkt))
		}
		if want := []string{"a/q/2", "a/q/3"}; !slices.Equal(marks, want) {
			t.Errorf("profile %d: forwarded %q; want %q", p, marks, want)
		}
		dropsOne(t, e, "duplicate", func() { a.handle(out, a.protect(t, again(2, video(3, false), 0))) })
		dropsOne(t, e, "padding", func() {
			pkt := again(3, video(3, false), 255)
			pkt.Payload = nil
			a.handle(out, a.protect(t, pkt))
		})
		dropsOne(t, e, "padding", func() {
			pkt := again(4, video(3, false), 0)
			pkt.Payload = pkt.Payload[:1]
			a.handle(out, a.protect(t, pkt))
		})
	}
}

// Receiver reports are those of pion's interceptor, and of a simple model of
// RFC 3550 A.3, for the same packets: loss, reordering, wraps, jitter.
func TestReceptionReports(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for round := range 50 {
		synctest.Test(t, func(t *testing.T) { checkReports(t, rnd, round) })
	}
}

func checkReports(t *testing.T, rnd *rand.Rand, round int) {
	t.Helper()
	clock := newFakeClock()
	start := clock.Now()
	reference, feed := reportInterceptor(t, 77, clock.Now)
	var r reception
	first := uint16(rnd.Uint32())
	if round%2 == 0 {
		first = 65_000 // wraps soon
	}
	at := func() time.Duration { return clock.Now().Sub(start) }
	lost := 0
	for report := range 5 {
		for i := range 500 {
			n := first + uint16(report*500+i)
			clock.advance(time.Duration(rnd.IntN(4000)) * time.Microsecond)
			if i > 0 && i < 499 && rnd.IntN(10) == 0 {
				lost++
				continue
			}
			ts := uint32(report*500+i) * 180
			r.add(n, ts, at(), videoClock)
			feed(&rtp.Header{Version: 2, SSRC: 77, SequenceNumber: n, Timestamp: ts})
		}
		got, want := r.report(77, at()), reference()
		if got.TotalLost != want.TotalLost || got.FractionLost != want.FractionLost || uint16(got.LastSequenceNumber) != uint16(want.LastSequenceNumber) {
			t.Fatalf("round %d report %d:\n%+v; want\n%+v", round, report, got, want)
		}
		if d := int64(got.Jitter) - int64(want.Jitter); d < -2 || d > 2 { // by whole microseconds here
			t.Errorf("round %d report %d: jitter %d; want %d", round, report, got.Jitter, want.Jitter)
		}
		if int(got.TotalLost) != lost {
			t.Fatalf("round %d: %d lost; want %d", round, got.TotalLost, lost)
		}
	}
}

// reportInterceptor is pion's receiver report for one SSRC.
func reportInterceptor(t *testing.T, ssrc uint32, now func() time.Time) (take func() rtcp.ReceptionReport, feed func(*rtp.Header)) {
	t.Helper()
	f, err := report.NewReceiverInterceptor(report.ReceiverNow(now), report.ReceiverInterval(time.Hour))
	must(t, err)
	i, err := f.NewInterceptor("")
	must(t, err)
	t.Cleanup(func() { must(t, i.Close()) })
	out := make(chan []rtcp.Packet)
	i.BindRTCPWriter(interceptor.RTCPWriterFunc(func(pkts []rtcp.Packet, _ interceptor.Attributes) (int, error) {
		out <- pkts
		return 0, nil
	}))
	var next []byte
	reader := i.BindRemoteStream(&interceptor.StreamInfo{SSRC: ssrc, ClockRate: videoClock},
		interceptor.RTPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
			return copy(b, next), a, nil
		}))
	feed = func(h *rtp.Header) {
		var err error
		next, err = h.Marshal()
		must(t, err)
		_, _, err = reader.Read(make([]byte, mtu), nil)
		must(t, err)
	}
	take = func() rtcp.ReceptionReport {
		time.Sleep(time.Hour) // of the bubble
		return (<-out)[0].(*rtcp.ReceiverReport).Reports[0]
	}
	return take, feed
}

// The publisher's feedback tells which packets came, and when; its reports come
// back in ours; one that fell silent isn't reported on.
func TestFeedback(t *testing.T) {
	clock := newFakeClock()
	_, a, _, out := inboundRoom(t, clock, srtp.AES128GCM)
	clock.advance(time.Second)
	voice := func(n int) {
		pkt := &rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 5, SequenceNumber: uint16(n), PayloadType: payloadOpus}, Payload: []byte("|a/mic")}
		must(t, pkt.SetExtension(twccExtension, []byte{0xFF, byte(0xFC + n)}))
		a.handle(out, a.protect(t, named(t, pkt, "0", "", "")))
	}
	for _, n := range []int{0, 1, 3} {
		voice(n)
		clock.mu.Lock()
		clock.t = clock.t.Add(4 * time.Millisecond)
		clock.mu.Unlock()
	}
	var tcc *rtcp.TransportLayerCC
	var rr *rtcp.ReceiverReport
	for _, p := range a.d.reports(a.engine.now() + time.Minute) {
		raw, err := p.Marshal() // as the client parses it
		must(t, err)
		parsed, err := rtcp.Unmarshal(raw)
		must(t, err)
		switch p := parsed[0].(type) {
		case *rtcp.TransportLayerCC:
			tcc = p
		case *rtcp.ReceiverReport:
			rr = p
		}
	}
	if tcc == nil || tcc.BaseSequenceNumber != 0xFFFC || tcc.PacketStatusCount != 4 || len(tcc.RecvDeltas) != 3 || tcc.RecvDeltas[1].Delta != 4000 || tcc.RecvDeltas[2].Delta != 4000 {
		t.Errorf("feedback %v", tcc)
	}
	if rr == nil || len(rr.Reports) != 1 || rr.Reports[0].SSRC != 5 || rr.Reports[0].TotalLost != 1 {
		t.Errorf("report %v", rr)
	}
	if again := a.d.reports(a.engine.now() + 2*time.Minute); len(again) != 0 {
		t.Errorf("reports on silence: %v", again)
	}
}

// A publisher's sender report is kept for its layer and comes back in the
// receiver report (RFC 3550 §6.4.1); a forged or repeated one changes nothing.
func TestSenderReportsOverSRTCP(t *testing.T) {
	clock := newFakeClock()
	e, a, _, out := inboundRoom(t, clock, srtp.AES128GCM)
	clock.advance(time.Second)
	pkt := &rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 5, PayloadType: payloadOpus}, Payload: []byte("|a/mic")}
	a.handle(out, a.protect(t, named(t, pkt, "0", "", "")))
	control, err := srtp.NewRTCPEncryptor(a.keys.Profile, a.keys.Client)
	must(t, err)
	at := clock.Now()
	plain, err := rtcp.Marshal([]rtcp.Packet{&rtcp.SenderReport{SSRC: 5, NTPTime: ntpTime(at), RTPTime: 4242}})
	must(t, err)
	sealed, err := control.Encrypt(nil, plain)
	must(t, err)
	forged := bytes.Clone(sealed)
	forged[12]++
	dropsOne(t, e, "forged", func() { a.handle(out, forged) })
	if a.layer(Microphone, 0).report.Load() != nil {
		t.Error("a forged report was taken")
	}
	a.handle(out, bytes.Clone(sealed))
	dropsOne(t, e, "duplicate", func() { a.handle(out, bytes.Clone(sealed)) })
	if r := a.layer(Microphone, 0).report.Load(); r == nil || r.rtp != 4242 {
		t.Fatalf("the layer's report: %+v", r)
	}
	for _, p := range a.d.reports(e.now() + 2*time.Second) {
		if rr, ok := p.(*rtcp.ReceiverReport); ok {
			if b := rr.Reports[0]; b.LastSenderReport != uint32(ntpTime(at)>>16) || b.Delay != 2<<16 {
				t.Errorf("last report %#x, %d later; want %#x, %d", b.LastSenderReport, b.Delay, uint32(ntpTime(at)>>16), 2<<16)
			}
			return
		}
	}
	t.Error("no receiver report")
}

// SE-10: whatever comes from the right transport, authentic or not, is dropped
// and counted at worst.
func TestHostileMedia(t *testing.T) {
	e, a, viewer, out := inboundRoom(t, newFakeClock(), srtp.AES128GCM)
	rnd := rand.New(rand.NewPCG(7, 8))
	control, err := srtp.NewRTCPEncryptor(a.keys.Profile, a.keys.Client)
	must(t, err)
	for n := range 20_000 {
		payload := make([]byte, rnd.IntN(60))
		for i := range payload {
			payload[i] = byte(rnd.Uint32())
		}
		pkt := &rtp.Packet{Header: rtp.Header{Version: 2, SSRC: uint32(n % 8), SequenceNumber: uint16(n / 8), PayloadType: uint8(90 + n%10)}, Payload: payload}
		pkt.Padding = n%5 == 0
		pkt.PaddingSize = byte(max(1, rnd.IntN(256)))
		named(t, pkt, []string{"0", "1", "\x00", ""}[n%4], []string{"q", "f", "\xff\xff", ""}[rnd.IntN(4)], []string{"q", "", ""}[rnd.IntN(3)])
		must(t, pkt.SetExtension(twccExtension, []byte{byte(rnd.Uint32()), byte(rnd.Uint32())}))
		sealed := a.protect(t, pkt)
		if n%3 == 0 {
			sealed = sealed[:rnd.IntN(len(sealed)+1)]
		}
		if len(sealed) > 0 {
			a.handle(out, sealed)
		}
		if n%10 == 0 && len(payload) >= 8 {
			if b, err := control.Encrypt(nil, append([]byte{0x80, 200 + byte(n/10%8), 0, 1}, payload...)); err == nil {
				a.handle(out, b)
			}
		}
	}
	if n := len(a.d.reports(time.Hour)); n == 0 || n > 100 {
		t.Errorf("%d packets of reports", n)
	}
	if s := e.Snapshot(); s.Panics != 0 || s.Dropped["malformed"] == 0 {
		t.Errorf("%d panics, %d malformed", s.Panics, s.Dropped["malformed"])
	}
	viewer.recv(viewer.layer(Microphone, 0), false)
}
