package media

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

func slotOf(t *testing.T, p *fakePeer, kind SourceKind) SlotMap {
	t.Helper()
	m, _ := last[MapChanged](p.events)
	for _, s := range m.Slots {
		if s.Source == kind {
			return s
		}
	}
	t.Fatalf("%s has no %s in %+v", p.id, kind, m.Slots)
	return SlotMap{}
}

// PF-3: a slot of a transport that isn't up opens with nothing: the key frame
// would be lost. Once it is up, it shows a picture at once.
func TestSlotsWaitForTheTransport(t *testing.T) {
	_, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "viewer", "a")
	viewer, a := peers[0], peers[1]
	viewer.plug() // a reload: the new transport is not up yet
	viewer.transport.joined.Store(false)
	settled(r)
	l := a.layer(Camera, 0)
	a.recv(l, true)
	a.recv(a.layer(Microphone, 0), false)
	settled(r)
	if n := len(viewer.wire.take()); n != 0 {
		t.Errorf("%d packets to a transport that isn't up", n)
	}
	if s := slotOf(t, viewer, Camera); s.State != SlotPaused || s.Reason != ReasonKeyFrame {
		t.Errorf("map: %+v", s)
	}
	viewer.transportChanged(viewer.transport, webrtc.PeerConnectionStateConnected)
	settled(r)
	if n := len(viewer.wire.take()); n != 1 {
		t.Errorf("%d packets at once; want the key frame", n)
	}
	if s := slotOf(t, viewer, Camera); s.State != SlotLive {
		t.Errorf("map: %+v", s)
	}
}

// What a publisher shows is paused while its seat is kept for a return.
func TestReconnectingIsShown(t *testing.T) {
	_, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "viewer", "a")
	viewer, a := peers[0], peers[1]
	a.recv(a.layer(Camera, 0), true)
	settled(r)
	a.transportChanged(a.transport, webrtc.PeerConnectionStateDisconnected)
	settled(r)
	if s := slotOf(t, viewer, Camera); s.State != SlotPaused || s.Reason != ReasonReconnecting {
		t.Errorf("while away: %+v", s)
	}
	a.transportChanged(a.transport, webrtc.PeerConnectionStateConnected)
	settled(r)
	if s := slotOf(t, viewer, Camera); s.State != SlotLive {
		t.Errorf("back: %+v", s)
	}
}

// A camera that turns out smaller than assumed is shown in the layer that
// covers the tile.
func TestLayerFollowsItsSize(t *testing.T) {
	clock, r, viewer, a := stageRoom(t, 300)
	a.recv(a.layer(Camera, 1), true)
	a.recv(a.layer(Camera, 2), true)
	settled(r)
	h := a.layer(Camera, 1)
	sendAll(viewer, a, true, 1)
	if got := sendAll(viewer, a, false, 1, 2); sprint(got) != "[a/h]" {
		t.Fatalf("a tile of 300 lines shows %v; want h, of 360", got)
	}
	small := a.raw(h, true)
	i := len(small) - len("|a/h/2") - 2 // height in the frame header
	small[i], small[i+1] = 180, 0
	settled(r)
	clock.advance(settleInterval)
	h.handle(small, a.engine.now())
	r.ask(func() {}) // by itself, it looks again
	sendAll(viewer, a, true, 2)
	if got := sendAll(viewer, a, false, 1, 2); sprint(got) != "[a/f]" {
		t.Errorf("with an h of 180 lines it shows %v; want f", got)
	}
}

// Without a layout, in a large room, who speaks is on the stage.
func TestAutomaticStageFollowsTheVoice(t *testing.T) {
	clock := newFakeClock()
	_, r, peers := fakeRoom(t, clock, 60, GroupPool(), "viewer", "a", "b", "c")
	viewer := peers[0]
	speak := func(p *fakePeer) {
		for range 15 { // all are among the loudest still
			for range 5 {
				p.recv(p.layer(Microphone, 0), false)
			}
			clock.advance(100 * time.Millisecond)
			settled(r)
		}
	}
	for _, i := range []int{2, 1, 3, 2} {
		speak(peers[i])
		m, _ := last[MapChanged](viewer.events)
		if len(m.Slots) < 2 || m.Slots[0].Source != Microphone || m.Slots[1].Source != Camera {
			t.Fatalf("map: %+v", m.Slots)
		}
		for _, s := range m.Slots[:2] {
			if s.Participant != peers[i].id {
				t.Errorf("%s speaks, %s of %s is on the stage", peers[i].id, s.Source, s.Participant)
			}
		}
	}
}

// A receiver that never stops asking costs a bounded number of resends.
func TestResendsAreBounded(t *testing.T) {
	clock := newFakeClock()
	e, r, peers := fakeRoom(t, clock, 5, SmallPool(), "viewer", "a")
	viewer, a := peers[0], peers[1]
	a.recv(a.layer(Camera, 0), true)
	settled(r)
	sent := viewer.wire.take()
	for range 100 {
		for _, pkt := range sent {
			pkt.slot.resend(nil, []rtcp.NackPair{{PacketID: pkt.header.SequenceNumber}}, e.now())
		}
		clock.advance(time.Second / 20)
	}
	n := 0
	for _, pkt := range viewer.wire.take() {
		if pkt.header.SSRC == pkt.slot.binding.rtxSSRC {
			n++
		}
	}
	if n != maxResends {
		t.Errorf("%d resends of one packet; want %d", n, maxResends)
	}
}

// What left keeps nothing alive: no slot remembers its layers.
func TestSlotsForgetWhoLeft(t *testing.T) {
	e, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "viewer", "a", "b")
	viewer, a, b := peers[0], peers[1], peers[2]
	for _, p := range []*fakePeer{a, b} {
		p.recv(p.layer(Camera, 0), true)
	}
	settled(r)
	must(t, e.Move(t.Context(), a.Participant, nil))
	must(t, e.Move(t.Context(), a.Participant, r))
	old := b.transport
	b.plug() // a reload
	old.closed.Store(true)
	settled(r)
	must(t, e.Move(t.Context(), a.Participant, nil))
	settled(r)
	for _, s := range viewer.transport.slots {
		for _, l := range s.recent {
			if l != nil {
				t.Errorf("slot %s remembers a transport of %s that is gone", s.mid, l.source.owner.id)
			}
		}
	}
}

// Somebody who has just come is not reported as lost.
func TestQualityOfNewcomers(t *testing.T) {
	clock := newFakeClock()
	_, r, peers := fakeRoom(t, clock, 5, SmallPool(), "viewer", "a")
	a := peers[1]
	a.mu.Lock()
	a.state = TransportNew
	a.mu.Unlock()
	for range 5 {
		clock.advance(qualityInterval)
		settled(r)
	}
	if ev, ok := last[QualityChanged](peers[0].events); !ok || sprint(ev.Participants) != "[{viewer good }]" {
		t.Errorf("told of %+v", ev.Participants)
	}
}

// A room of 60 who all publish and show each other: what a join, a move or a
// change of layout costs.
func BenchmarkSettle(b *testing.B) {
	ids := make([]string, 60)
	for i := range ids {
		ids[i] = sprint("p", i)
	}
	_, r, peers := fakeRoom(b, newFakeClock(), 60, GroupPool(), ids...)
	for _, p := range peers {
		p.wire.keep = false
		for i := range 3 {
			p.recv(p.layer(Camera, i), true)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		settled(r)
	}
}
