package media

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// stageRoom is a viewer who shows a at the given height, in a large room.
func stageRoom(t *testing.T, height int) (clock *fakeClock, r *Room, viewer, a *fakePeer) {
	clock = newFakeClock()
	_, r, peers := fakeRoom(t, clock, 60, GroupPool(), "viewer", "a")
	viewer, a = peers[0], peers[1]
	must(t, viewer.SetLayout([]Tile{{Participant: "a", Source: Camera, Width: height * 16 / 9, Height: height}}))
	settled(r)
	return clock, r, viewer, a
}

// sendAll has a publisher send a packet on each of some layers, and returns
// the marks of what the viewer got.
func sendAll(viewer, a *fakePeer, key bool, layers ...int) (marks []string) {
	for _, i := range layers {
		a.recv(a.layer(Camera, i), key)
	}
	for _, pkt := range viewer.wire.take() {
		marks = append(marks, payloadMark(pkt)[:len("a/q")])
	}
	return marks
}

// SE-14: the layer that is shown flows until the key frame of the next one, up
// and down, when a layer stops and when it returns. Numbers, timestamps and
// picture never break.
func TestLayerSwitches(t *testing.T) {
	clock, r, viewer, a := stageRoom(t, 720)
	pass := func(layers ...int) { // so that only these count as flowing
		for range 100 {
			clock.advance(20 * time.Millisecond)
			sendAll(viewer, a, false, layers...)
		}
		settled(r)
	}
	steps := []struct {
		name string
		do   func()
		key  bool
		send []int
		want []string
	}{
		{"nothing before a key frame", func() {}, false, []int{0, 1, 2}, nil},
		{"the first that flows", func() {}, true, []int{0}, []string{"a/q"}},
		{"goes on while the best is waited for", func() {}, false, []int{0, 1, 2}, []string{"a/q"}},
		{"up at the best one's key frame", func() {}, true, []int{2}, []string{"a/f"}},
		{"only that one", func() {}, false, []int{0, 1, 2}, []string{"a/f"}},
		{"smaller tile: goes on until the key frame", func() {
			must(t, viewer.SetLayout([]Tile{{Participant: "a", Source: Camera, Width: 320, Height: 180}}))
		}, false, []int{0, 1, 2}, []string{"a/f"}},
		{"down", func() {}, true, []int{0}, []string{"a/q"}},
		{"up again", func() {
			must(t, viewer.SetLayout([]Tile{{Participant: "a", Source: Camera, Width: 1280, Height: 720}}))
			settled(r)
		}, true, []int{2}, []string{"a/f"}},
		{"the best one stops: the next takes over", func() { pass(0, 1) }, true, []int{1}, []string{"a/h"}},
		{"and stays", func() {}, false, []int{0, 1}, []string{"a/h"}},
		{"all stop: nothing is switched", func() { pass() }, true, []int{0, 1}, []string{"a/h"}},
		{"the best returns", func() { pass(0, 1, 2) }, true, []int{2}, []string{"a/f"}},
	}
	for _, s := range steps {
		s.do()
		settled(r)
		viewer.wire.take()
		if got := sendAll(viewer, a, s.key, s.send...); !slices.Equal(got, s.want) {
			t.Errorf("%s: got %v; want %v", s.name, got, s.want)
		}
		settled(r)
	}
}

// Browsers probe with duplicates and padding on layers that they have stopped.
func TestProbesDontCountAsFlow(t *testing.T) {
	clock, _, _, a := stageRoom(t, 720)
	l := a.layer(Camera, 2)
	raw := a.raw(l, true)
	kept := slices.Clone(raw) // handling rewrites it
	l.handle(raw, a.engine.now())
	if !l.active.Load() {
		t.Fatal("not active")
	}
	for range 100 {
		clock.advance(20 * time.Millisecond)
		l.handle(slices.Clone(kept), a.engine.now())
		l.handle(a.padding(l), a.engine.now())
	}
	if l.active.Load() {
		t.Error("active by duplicates and padding alone")
	}
}

// R-WA-8, PF-5: who comes sees a picture at once, from the key frame kept of
// the lowest layer; padding in between leaves no hole, and what comes next
// follows on.
func TestNewcomerSeesAtOnce(t *testing.T) {
	clock := newFakeClock()
	e, r, peers := fakeRoom(t, clock, 60, GroupPool(), "early", "a")
	early, a := peers[0], peers[1]
	l := a.layer(Camera, 0)
	for i := range 4 {
		a.recv(l, i == 0)
		clock.advance(33 * time.Millisecond)
	}
	l.handle(a.padding(l), e.now())
	a.recv(l, false)
	l.handle(a.padding(l), e.now())
	l.handle(a.padding(l), e.now())
	late := addFake(t, e, "late", GroupPool())
	must(t, e.Move(context.Background(), late.Participant, r))
	got := late.wire.take()
	if len(got) != 5 {
		t.Fatalf("%d packets at once; want 5", len(got))
	}
	m, _ := last[MapChanged](late.events)
	a.recv(l, false) // while the stage's own layer is still waited for
	got = append(got, late.wire.take()...)
	if len(got) != 6 {
		t.Fatalf("%d packets; want the live one too", len(got))
	}
	for i, pkt := range got[1:] {
		if d := pkt.header.SequenceNumber - got[i].header.SequenceNumber; d != 1 {
			t.Errorf("packet %d: %d after the one before", i+1, d)
		}
		if d := int32(pkt.header.Timestamp - got[i].header.Timestamp); d <= 0 {
			t.Errorf("packet %d: timestamp %d after the one before", i+1, d)
		}
	}
	if len(m.Slots) == 0 {
		t.Error("no map")
	}
	// Only in that room: what was recorded there is not for another.
	side, err := e.OpenRoom(RoomOptions{ID: "side", Capacity: 5})
	must(t, err)
	must(t, e.Move(context.Background(), early.Participant, side))
	must(t, e.Move(context.Background(), a.Participant, side))
	if n := len(early.wire.take()); n > 6 {
		t.Errorf("%d packets: some were recorded elsewhere", n)
	}
	settled(side)
	if n := len(early.wire.take()); n != 0 {
		t.Errorf("%d packets of another room shown", n)
	}
}

// Two layers' readers overtake one another: time doesn't run backwards for the
// receiver.
func TestSwitchToAnEarlierPacket(t *testing.T) {
	_, r, viewer, a := stageRoom(t, 180)
	q, f := a.layer(Camera, 0), a.layer(Camera, 2)
	q.handle(a.raw(q, true), 10*time.Second)
	must(t, viewer.SetLayout([]Tile{{Participant: "a", Source: Camera, Width: 1280, Height: 720}}))
	f.handle(a.raw(f, false), 10*time.Second)
	settled(r)
	f.handle(a.raw(f, true), 10*time.Second-2*time.Millisecond)
	got := viewer.wire.take()
	if len(got) != 2 {
		t.Fatalf("%d packets; want 2", len(got))
	}
	if d := int32(got[1].header.Timestamp - got[0].header.Timestamp); d < 1 || d > videoClock {
		t.Errorf("timestamp %d ticks later", d)
	}
}

// Sixty viewers who ask for key frames all the time, one of them in a storm,
// cost the publisher one PLI in 300 ms, and the storm by itself one in 500.
func TestKeyFrameStorm(t *testing.T) {
	clock := newFakeClock()
	ids := []string{"a"}
	for i := range 20 {
		ids = append(ids, "viewer"+sprint(i))
	}
	_, r, peers := fakeRoom(t, clock, 60, GroupPool(), ids...)
	a := peers[0]
	l := a.layer(Camera, 0)
	a.recv(l, true)
	settled(r)
	var slots []*Slot
	for _, s := range *l.slots.Load() {
		slots = append(slots, s)
	}
	if len(slots) != 20 {
		t.Fatalf("%d slots show a", len(slots))
	}
	plis := func(ask []*Slot) (n int) {
		a.wire.takeRTCP()
		for range 300 { // 3 s
			clock.advance(10 * time.Millisecond)
			for _, s := range ask {
				s.control(nil, []rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: s.binding.ssrc}}, a.engine.now())
			}
			a.recv(l, true) // answered at once
		}
		for _, p := range a.wire.takeRTCP() {
			if _, ok := p.(*rtcp.PictureLossIndication); ok {
				n++
			}
		}
		return n
	}
	if n := plis(slots); n < 5 || n > 11 {
		t.Errorf("%d PLIs in 3 s for all; want at most 11", n)
	}
	if n := plis(slots[:1]); n < 5 || n > 7 {
		t.Errorf("%d PLIs in 3 s for one; want at most 7", n)
	}
}
