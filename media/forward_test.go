package media

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/atriumrtc/atrium/media/internal/codec"
)

// fakeRoom is a room with fake peers in it, who publish microphone and camera.
func fakeRoom(t testing.TB, clock Clock, capacity int, pool Pool, ids ...string) (*Engine, *Room, []*fakePeer) {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Address, cfg.UDPPort, cfg.TCPPort = "127.0.0.1", 0, -1
	e, err := NewEngine(cfg, Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.OpenRoom(RoomOptions{ID: "r", Capacity: capacity})
	if err != nil {
		t.Fatal(err)
	}
	var peers []*fakePeer
	for _, id := range ids {
		p := addFake(t, e, id, pool)
		if err := e.Move(context.Background(), p.Participant, r); err != nil {
			t.Fatal(err)
		}
		p.announce(Microphone, Camera)
		peers = append(peers, p)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	settled(r)
	return e, r, peers
}

func payloadMark(p sentPacket) string {
	s := string(p.payload)
	return s[strings.LastIndexByte(s, '|')+1:]
}

// R-GC-5, SE-20: hands go up at the engine's own time, and keep their place
// until they go down.
func TestHandsByTheEnginesClock(t *testing.T) {
	clock := newFakeClock()
	_, r, peers := fakeRoom(t, clock, 60, GroupPool(), "a", "b")
	start := clock.Now()
	want := func(p *fakePeer, at time.Time) {
		t.Helper()
		settled(r)
		if info := p.Info(); info.Hand == at.IsZero() || !info.HandAt.Equal(at) {
			t.Errorf("hand %t since %v; want %v", info.Hand, info.HandAt, at)
		}
	}
	clock.advance(5 * time.Second)
	peers[0].SetHand(true)
	clock.advance(time.Second)
	peers[1].SetHand(true)
	peers[0].SetHand(true)
	want(peers[0], start.Add(5*time.Second))
	want(peers[1], start.Add(6*time.Second))
	peers[0].SetHand(false)
	want(peers[0], time.Time{})
	peers[0].SetHand(true)
	want(peers[0], start.Add(6*time.Second))
}

// A slot stays shut until a key frame, and then runs on without a gap when it
// is switched between publishers.
func TestSlotSwitch(t *testing.T) {
	_, r, peers := fakeRoom(t, newFakeClock(), 60, GroupPool(), "viewer", "a", "b")
	viewer, a, b := peers[0], peers[1], peers[2]
	stage := func(id string) {
		must(t, viewer.SetLayout([]Tile{{Participant: id, Source: Camera, Width: 320, Height: 180}}))
		settled(r)
	}
	stage("a")
	a.recv(a.layer(Camera, 0), false)
	if got := viewer.wire.take(); len(got) != 0 {
		t.Fatalf("%d packets before a key frame", len(got))
	}
	a.recv(a.layer(Camera, 0), true)
	a.recv(a.layer(Camera, 0), false)
	first := viewer.wire.take()
	if len(first) != 2 {
		t.Fatalf("%d packets from the key frame on; want 2", len(first))
	}
	stage("b")
	if s := slotOf(t, viewer, Camera); s.Participant != "b" || s.Reason != ReasonKeyFrame {
		t.Errorf("map while waiting: %+v", s)
	}
	a.recv(a.layer(Camera, 0), false)
	b.recv(b.layer(Camera, 0), false)
	if got := viewer.wire.take(); len(got) != 0 {
		t.Fatalf("%d packets while waiting for b's key frame", len(got))
	}
	b.recv(b.layer(Camera, 0), true)
	b.recv(b.layer(Camera, 0), false)
	second := viewer.wire.take()
	if len(second) != 2 {
		t.Fatalf("%d packets after the switch; want 2", len(second))
	}
	all := append(first, second...)
	for i := 1; i < len(all); i++ {
		x, y := all[i-1], all[i]
		if y.header.SSRC != x.header.SSRC || y.header.SequenceNumber != x.header.SequenceNumber+1 {
			t.Errorf("packet %d: %d/%d after %d/%d", i, y.header.SSRC, y.header.SequenceNumber, x.header.SSRC, x.header.SequenceNumber)
		}
		if int32(y.header.Timestamp-x.header.Timestamp) <= 0 {
			t.Errorf("packet %d: timestamp %d after %d", i, y.header.Timestamp, x.header.Timestamp)
		}
		dx, err := codec.ParseVP8(x.payload)
		must(t, err)
		dy, err := codec.ParseVP8(y.payload)
		must(t, err)
		if dy.PictureID != (dx.PictureID+1)&0x7fff {
			t.Errorf("packet %d: picture id %d after %d", i, dy.PictureID, dx.PictureID)
		}
	}
}

// A packet that the receiver asks for again comes on the RTX SSRC as it was
// sent, with its number in front (RFC 4588 §4).
func TestResend(t *testing.T) {
	e, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "viewer", "a")
	viewer, a := peers[0], peers[1]
	for i := range 5 {
		a.recv(a.layer(Camera, 0), i == 0)
	}
	settled(r)
	sent := viewer.wire.take()
	if len(sent) != 5 {
		t.Fatalf("%d packets sent; want 5", len(sent))
	}
	lost := sent[2]
	nack := &rtcp.TransportLayerNack{MediaSSRC: lost.header.SSRC, Nacks: []rtcp.NackPair{{PacketID: lost.header.SequenceNumber}}}
	lost.slot.control(nil, []rtcp.Packet{nack}, e.now())
	lost.slot.control(nil, []rtcp.Packet{nack}, e.now()) // too soon
	again := viewer.wire.take()
	if len(again) != 1 {
		t.Fatalf("%d packets resent; want 1", len(again))
	}
	h, payload := again[0].header, again[0].payload
	if h.SSRC != lost.slot.binding.rtxSSRC || h.PayloadType != payloadRTX || h.Timestamp != lost.header.Timestamp || !h.Marker {
		t.Errorf("header %+v", h)
	}
	if osn := binary.BigEndian.Uint16(payload); osn != lost.header.SequenceNumber || string(payload[2:]) != string(lost.payload) {
		t.Errorf("resent %d %q; want %d %q", osn, payload[2:], lost.header.SequenceNumber, lost.payload)
	}
	other := &rtcp.TransportLayerNack{MediaSSRC: 1, Nacks: nack.Nacks}
	lost.slot.control(nil, []rtcp.Packet{other}, e.now()+time.Second)
	if n := len(viewer.wire.take()); n != 0 {
		t.Errorf("%d packets resent for another SSRC's NACK", n)
	}
}

// R-GC-5: muted means not forwarded, whoever muted; only the server can take
// back what the server muted.
func TestMute(t *testing.T) {
	_, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "viewer", "a")
	viewer, a := peers[0], peers[1]
	mic := a.layer(Microphone, 0)
	heard := func() bool {
		a.recv(mic, false)
		return len(viewer.wire.take()) > 0
	}
	steps := []struct {
		name string
		do   func() error
		want bool
	}{
		{"at first", func() error { return nil }, true},
		{"own mute", func() error { return a.SetMuted(Microphone, true) }, false},
		{"own unmute", func() error { return a.SetMuted(Microphone, false) }, true},
		{"mute by server", func() error { return a.SetMutedByServer(Microphone, true) }, false},
		{"own unmute against it", func() error { return a.SetMuted(Microphone, false) }, false},
		{"unmute by server", func() error { return a.SetMutedByServer(Microphone, false) }, true},
	}
	for _, s := range steps {
		must(t, s.do())
		settled(r)
		if got := heard(); got != s.want {
			t.Errorf("%s: heard %t; want %t", s.name, got, s.want)
		}
	}
	if err := a.SetMuted("nose", true); err == nil {
		t.Error("an unknown source was muted")
	}
}

// PF-8: forwarding costs no allocation, neither per packet nor per subscriber.
func TestForwardDoesNotAllocate(t *testing.T) {
	_, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "a", "b", "c", "d")
	a := peers[0]
	video, audio := a.layer(Camera, 0), a.layer(Microphone, 0)
	a.recv(video, true)
	settled(r)
	for _, p := range peers {
		p.wire.keep = false
	}
	raws := make([][]byte, 2400) // enough to fill every ring and history
	voices := make([][]byte, len(raws))
	for i := range raws {
		raws[i], voices[i] = a.raw(video, false), a.raw(audio, false)
	}
	i := 0
	next := func() {
		video.handle(raws[i], 0)
		audio.handle(voices[i], 0)
		i++
	}
	for range 1200 {
		next()
	}
	if n := testing.AllocsPerRun(1000, next); n != 0 {
		t.Errorf("%v allocations per packet; want 0", n)
	}
}

// PF-8: neither for many subscribers, nor for what is resent to them.
func TestResendDoesNotAllocate(t *testing.T) {
	ids := make([]string, 41)
	for i := range ids {
		ids[i] = sprint("p", i)
	}
	e, r, peers := fakeRoom(t, newFakeClock(), 60, GroupPool(), ids...)
	l := peers[0].layer(Camera, 0)
	peers[0].recv(l, true)
	settled(r)
	slots := *l.slots.Load()
	if len(slots) != 40 {
		t.Fatalf("%d subscribers", len(slots))
	}
	asked := make([]rtcp.Packet, len(slots))
	pairs := make([]*rtcp.TransportLayerNack, len(slots))
	for i, s := range slots {
		s.owner.engine.counters.rtxOut.Store(0)
		pairs[i] = &rtcp.TransportLayerNack{MediaSSRC: s.binding.ssrc, Nacks: []rtcp.NackPair{{LostPackets: 1}}}
		asked[i] = pairs[i]
	}
	for _, p := range peers {
		p.wire.keep = false
	}
	raws := make([][]byte, 400)
	for i := range raws {
		raws[i] = peers[0].raw(l, false)
	}
	i := 0
	next := func() {
		l.handle(raws[i], time.Hour)
		i++
		for n, s := range slots {
			pairs[n].Nacks[0].PacketID, _, _ = s.seq.LastOut()
			pairs[n].Nacks[0].PacketID-- // the last two
			s.control(nil, asked[n:n+1], time.Hour+time.Duration(i)*time.Second)
		}
	}
	for range 200 {
		next()
	}
	if n := testing.AllocsPerRun(100, next); n != 0 {
		t.Errorf("%v allocations per packet and its resends to 40; want 0", n)
	}
	if n := e.Snapshot().RTXOut; n < 300*40*2-100 {
		t.Errorf("%d packets resent: the test shows nothing", n)
	}
}

func BenchmarkForward(b *testing.B) {
	for _, n := range []int{1, 10, 50} {
		b.Run(fmt.Sprint("subscribers=", n), func(b *testing.B) {
			ids := make([]string, n+1)
			for i := range ids {
				ids[i] = fmt.Sprint("p", i)
			}
			_, r, peers := fakeRoom(b, newFakeClock(), 100, GroupPool(), ids...)
			l := peers[0].layer(Camera, 0)
			peers[0].recv(l, true)
			settled(r)
			for _, p := range peers {
				p.wire.keep = false
			}
			raws := make([][]byte, 1<<16)
			for i := range raws {
				raws[i] = peers[0].raw(l, false)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				l.handle(raws[i&0xffff], time.Duration(i)*time.Millisecond)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/forwarded")
		})
	}
}
