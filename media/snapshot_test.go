package media

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// dropsOne checks that f makes the engine count one dropped packet.
func dropsOne(t *testing.T, e *Engine, reason string, f func()) {
	t.Helper()
	before := e.Snapshot().Dropped[reason]
	f()
	if n := e.Snapshot().Dropped[reason] - before; n != 1 {
		t.Errorf("%s: %d counted; want 1", reason, n)
	}
}

// Every counter counts what it says, and every drop has its reason.
func TestSnapshot(t *testing.T) {
	clock := newFakeClock()
	e, r, peers := fakeRoom(t, clock, 2, SmallPool(), "viewer", "a")
	viewer, a := peers[0], peers[1]
	guest := addFake(t, e, "guest", SmallPool())
	if err := e.Move(context.Background(), guest.Participant, r); err == nil {
		t.Fatal("the room isn't full")
	}
	video, audio := a.layer(Camera, 0), a.layer(Microphone, 0)
	drops := func(reason string, f func()) { t.Helper(); dropsOne(t, e, reason, f) }
	drops("key_frame", func() { a.recv(video, false) })
	settled(r) // it flows: now a key frame is asked for
	a.recv(video, true)
	settled(r)
	sent := viewer.wire.take()
	drops("malformed", func() { video.handle([]byte{0x80, 96}, 0) })
	drops("padding", func() { video.handle(a.padding(video), 0) })
	drops("duplicate", func() { a.seq[video]--; a.recv(video, false) })
	drops("inactive", func() { a.recv(a.layer(Screen, 0), true) })
	drops("resend_miss", func() { sent[0].slot.resend(nil, []rtcp.NackPair{{PacketID: sent[0].header.SequenceNumber + 9}}, 0) })
	drops("layer", func() {
		viewer.transport.slots[0].forward(video, []packet{{epoch: r.number, next: none}}, 0, &flight{counters: &e.counters})
	})
	drops("epoch", func() {
		viewer.transport.slots[0].forward(audio, []packet{{epoch: r.number + 1, next: none}}, 0, &flight{counters: &e.counters})
	})
	must(t, a.SetMuted(Microphone, true))
	drops("muted", func() { a.recv(audio, false) })
	askAgain(viewer, sent)
	a.seq[video] += 2 // lost
	a.recv(video, false)
	clock.advance(20 * time.Millisecond)
	for range 60 {
		clock.advance(20 * time.Millisecond)
		a.recv(video, false)
	}
	must(t, viewer.SetMuted(Camera, true))
	viewer.transportChanged(viewer.transport, webrtc.PeerConnectionStateFailed)
	got := e.Snapshot()
	want := Snapshot{
		Rooms: 1, Participants: 3, Connected: 2, Parked: 1, Kept: 1,
		PacketsIn: 68, PacketsOut: 63, BytesIn: got.BytesIn, BytesOut: got.BytesOut, Dropped: got.Dropped, Socket: got.Socket,
		KeyFrameRequests: 1, KeyFrames: 1, NACKsIn: 2, NACKsOut: 6, RTXOut: 1, LostIn: 2,
		Joins: 0, Refused: 1, Moves: 2, Offers: 0, Panics: 0,
	}
	if sprint(got) != sprint(want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got.BytesIn < 68*12 || got.BytesOut < 63*12 {
		t.Errorf("%d bytes in, %d out", got.BytesIn, got.BytesOut)
	}
}

// Reasons that were never met are listed too, so that metrics start at 0.
func TestSnapshotListsEveryReason(t *testing.T) {
	dropped := newTestEngine(t).Snapshot().Dropped
	for r := range dropReasons {
		if _, ok := dropped[r.String()]; !ok || r.String() == "" {
			t.Errorf("reason %d %q is missing", r, r)
		}
	}
	if _, ok := dropped["socket_unknown_source"]; !ok {
		t.Error("the socket's reasons are missing")
	}
}

// Quality: who publishes over a bad line is told apart from who receives over
// one, and who is gone from both.
func TestQuality(t *testing.T) {
	clock := newFakeClock()
	e, r, peers := fakeRoom(t, clock, 5, SmallPool(), "a", "b")
	a, b := peers[0], peers[1]
	run := func(lost int, fraction uint8) {
		for n := range 200 { // 4 s
			if n%50 < lost {
				a.seq[a.layer(Microphone, 0)]++
			}
			a.recv(a.layer(Microphone, 0), false)
			b.recv(b.layer(Microphone, 0), false)
			if n%50 == 0 {
				s := a.transport.slots[0]
				s.control(nil, []rtcp.Packet{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: s.binding.ssrc, FractionLost: fraction}}}}, e.now())
			}
			clock.advance(20 * time.Millisecond)
			r.ask(func() {}) // what fell due is done before more comes
		}
		settled(r)
	}
	rows := []struct {
		name     string
		lost     int
		fraction uint8
		want     Quality
	}{
		{"clean", 0, 0, Quality{"a", QualityGood, ""}},
		{"loses what it sends", 2, 0, Quality{"a", QualityFair, "upload"}},
		{"both", 20, 40, Quality{"a", QualityPoor, "both"}},
		{"loses what it gets", 0, 10, Quality{"a", QualityFair, "download"}},
		{"clean again", 0, 0, Quality{"a", QualityGood, ""}},
	}
	for _, row := range rows {
		run(row.lost, row.fraction)
		run(row.lost, row.fraction)
		var got Quality
		var loss float64
		r.do(func() { got, loss = r.member(a.Participant).quality, r.member(a.Participant).loss })
		if got != row.want {
			t.Errorf("%s: %+v; want %+v", row.name, got, row.want)
		}
		// Of 50 that come as many as lost didn't, of what is received fraction ÷ 256.
		if want := max(float64(row.lost)/float64(50+row.lost), float64(row.fraction)/256); math.Abs(loss-want) > 0.02 {
			t.Errorf("%s: a loss of %g; want %g", row.name, loss, want)
		}
	}
	a.transportChanged(a.transport, webrtc.PeerConnectionStateDisconnected)
	run(0, 0)
	waitEvent(t, b.events, "lost", func(ev QualityChanged) bool {
		return len(ev.Participants) == 1 && ev.Participants[0] == Quality{"a", QualityLost, ""}
	})
}
