package media

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

func hears(other string) func(received) bool {
	return func(r received) bool { return strings.HasPrefix(mark(r), other+"/") }
}

// A reloaded page offers a new transport for the same seat; the others see
// and hear it again.
func TestReload(t *testing.T) { bothCarriers(t, checkReload) }

func checkReload(t *testing.T, e *Engine) {
	t.Helper()
	a, b := addPeer(t, e, "a"), addPeer(t, e, "b")
	r := openRoom(t, e, "r", 2)
	move(t, e, a, r)
	move(t, e, b, r)
	a.publish(Microphone, Camera)
	stop := a.stream("q")
	b.from("before the reload", hears("a"))
	stop()
	old := a.pc
	a.build()
	t.Cleanup(func() { must(t, old.Close()) })
	a.connect()
	a.stream("q")
	for len(b.in) > 0 {
		<-b.in
	}
	b.from("after the reload", hears("a"))
	if infos := r.Participants(); len(infos) != 2 {
		t.Errorf("%d participants after a reload", len(infos))
	}
}

// An ICE restart keeps transport, slots and seat.
func TestICERestart(t *testing.T) { bothCarriers(t, checkICERestart) }

func checkICERestart(t *testing.T, e *Engine) {
	t.Helper()
	a, b := addPeer(t, e, "a"), addPeer(t, e, "b")
	r := openRoom(t, e, "r", 2)
	move(t, e, a, r)
	move(t, e, b, r)
	a.publish(Microphone, Camera)
	a.stream("q")
	b.from("before", hears("a"))
	before := b.currentTransport()
	o, err := b.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	must(t, err)
	gathered := webrtc.GatheringCompletePromise(b.pc)
	must(t, b.pc.SetLocalDescription(o))
	<-gathered
	answer, err := b.Offer(context.Background(), b.pc.LocalDescription().SDP)
	must(t, err)
	must(t, b.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	if b.currentTransport() != before {
		t.Error("the transport was replaced")
	}
	for len(b.in) > 0 {
		<-b.in
	}
	seen := 0
	b.from("after", func(r received) bool {
		if hears("a")(r) {
			seen++
		}
		return seen > 100
	})
}

// The negotiated SRTP is AES-GCM, the server is DTLS server and ICE-lite.
func TestAnswer(t *testing.T) {
	e := newTestEngine(t)
	p := newPeer(t, e, "a", RoleParticipant, GroupPool())
	answer, err := p.Offer(context.Background(), p.offer())
	must(t, err)
	for _, want := range []string{"a=ice-lite", "a=setup:passive"} {
		if !strings.Contains(answer, want) {
			t.Errorf("the answer has no %s", want)
		}
	}
	if n := strings.Count(answer, "m="); n != 37 {
		t.Errorf("%d m-lines", n)
	}
}

// Only lines whose sound is of whom the picture shows are in one stream: browsers
// keep what is in one together, and hold the picture back for it.
func TestStreamsOfLines(t *testing.T) {
	for _, tt := range []struct {
		name string
		pool Pool
		want map[string]int // lines by stream
	}{
		{"small calls", SmallPool(), map[string]int{"pair-0": 2, "pair-3": 2, "pair-5": 2, "screen": 2}},
		{"groups", GroupPool(), map[string]int{"pair-0": 2, "voice-3": 1, "tile-3": 1, "pair-3": 0, "video-18": 1, "screen": 2}},
	} {
		e := newTestEngine(t)
		p := newPeer(t, e, "a", RoleParticipant, tt.pool)
		answer, err := p.Offer(t.Context(), p.offer())
		must(t, err)
		for stream, want := range tt.want {
			if n := strings.Count(answer, "a=msid:"+stream+" "); n != want {
				t.Errorf("%s: %d lines in the stream %s; want %d", tt.name, n, stream, want)
			}
		}
	}
}

// Behind a cloud's NAT the public addresses are advertised, and only those.
func TestPublicAddresses(t *testing.T) { bothConfigs(t, checkPublicAddresses) }

func checkPublicAddresses(t *testing.T, cfg Config) {
	t.Helper()
	cfg.Address, cfg.PublicIPs = "", []string{"203.0.113.7"}
	e := startEngine(t, cfg, Options{})
	p := newPeer(t, e, "a", RoleParticipant, SmallPool())
	answer, err := p.Offer(context.Background(), p.offer())
	must(t, err)
	transports := map[string]bool{}
	for l := range strings.Lines(answer) {
		if f := strings.Fields(l); strings.HasPrefix(l, "a=candidate:") {
			transports[strings.ToLower(f[2])] = true
			if f[4] != "203.0.113.7" {
				t.Errorf("advertised: %s", l)
			}
		}
	}
	if !transports["udp"] || !transports["tcp"] {
		t.Errorf("advertised over %v; want udp and tcp", transports)
	}
}

// A viewer publishes nothing.
func TestViewerPublishesNothing(t *testing.T) {
	e := newTestEngine(t)
	p := newPeer(t, e, "a", RoleViewer, SmallPool())
	if err := p.Publish("0", Microphone, true); err != ErrNotAllowed {
		t.Errorf("viewer: %v; want ErrNotAllowed", err)
	}
	q := newPeer(t, e, "b", RoleParticipant, SmallPool())
	if err := q.Publish("0", Microphone, true); err != ErrUnknownMid {
		t.Errorf("without a transport: %v; want ErrUnknownMid", err)
	}
}

// R-GC-7: a move is a room and a map, no SDP; what one shows goes with one.
func TestMoveKeepsTransport(t *testing.T) { bothCarriers(t, checkMoveKeepsTransport) }

func checkMoveKeepsTransport(t *testing.T, e *Engine) {
	t.Helper()
	a, b, c := addPeer(t, e, "a"), addPeer(t, e, "b"), addPeer(t, e, "c")
	main, side := openRoom(t, e, "main", 5), openRoom(t, e, "side", 5)
	for _, p := range []*testPeer{a, b} {
		p.publish(Microphone, Camera)
		move(t, e, p, main)
		p.stream("q", "h")
	}
	c.publish(Camera)
	c.stream("q")
	move(t, e, c, side)
	a.from("b in the main room", hears("b"))
	before := a.currentTransport()
	move(t, e, a, side)
	a.from("c in the side room", hears("c"))
	c.from("a in the side room", hears("a"))
	if a.currentTransport() != before {
		t.Error("the move replaced the transport")
	}
	ev, _ := last[RoomChanged](a.events)
	if ids := ids(ev.Participants); ev.Room != "side" || !slices.Equal(ids, []string{"c", "a"}) {
		t.Errorf("room %q with %v", ev.Room, ids)
	}
	if n := e.Snapshot().Offers; n != 3 {
		t.Errorf("%d offers; want one each", n)
	}
}

func ids(infos []ParticipantInfo) (ids []string) {
	for _, i := range infos {
		ids = append(ids, i.ID)
	}
	return ids
}

// What a receiver asks for again comes over its RTX stream, as negotiated.
func TestResendOverRTX(t *testing.T) { bothCarriers(t, checkResendOverRTX) }

func checkResendOverRTX(t *testing.T, e *Engine) {
	t.Helper()
	a, b := addPeer(t, e, "a"), addPeer(t, e, "b")
	r := openRoom(t, e, "r", 2)
	move(t, e, a, r)
	move(t, e, b, r)
	a.publish(Camera)
	a.stream("q")
	first := b.from("a picture", hears("a"))
	must(t, b.pc.WriteRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{
		MediaSSRC: first.pkt.SSRC, Nacks: []rtcp.NackPair{{PacketID: first.pkt.SequenceNumber}},
	}}))
	again := b.from("the same again", func(r received) bool { return r.pkt.SequenceNumber == first.pkt.SequenceNumber })
	if !slices.Equal(again.pkt.Payload, first.pkt.Payload) || again.pkt.Timestamp != first.pkt.Timestamp {
		t.Errorf("got %v; want %v", again.pkt, first.pkt)
	}
	if n := e.Snapshot().RTXOut; n != 1 {
		t.Errorf("%d packets resent; want 1", n)
	}
}
