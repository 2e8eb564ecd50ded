package media

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// askAgain has the receiver ask for packets again and returns what comes.
func askAgain(p *fakePeer, packets []sentPacket) []sentPacket {
	for _, pkt := range packets {
		pkt.slot.resend(nil, []rtcp.NackPair{{PacketID: pkt.header.SequenceNumber}}, p.engine.now())
	}
	return p.wire.take()
}

// R-GC-7: the hand-over itself refuses what was recorded in another room, or
// parked, even from the layer that feeds the slot.
func TestHandOverChecksTheEpoch(t *testing.T) {
	_, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "viewer", "a")
	viewer, a := peers[0], peers[1]
	l := a.layer(Microphone, 0)
	for _, row := range []struct {
		epoch uint64
		want  int
	}{{r.number, 1}, {r.number + 1, 0}, {0, 0}} {
		a.route.Store(row.epoch)
		a.recv(l, false)
		if n := len(viewer.wire.take()); n != row.want {
			t.Errorf("epoch %d in room %d: %d packets; want %d", row.epoch, r.number, n, row.want)
		}
	}
	a.route.Store(r.number)
}

// R-GC-7, R-GC-5: so does the resend, and it refuses what is muted.
func TestResendChecksTheEpoch(t *testing.T) {
	_, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "viewer", "a")
	viewer, a := peers[0], peers[1]
	l := a.layer(Camera, 0)
	rows := []struct {
		name string
		do   func()
		want int
	}{
		{"as it was", func() {}, 1},
		{"its publisher is elsewhere", func() { a.route.Store(r.number + 1) }, 0},
		{"its publisher is parked", func() { a.route.Store(0) }, 0},
		{"muted", func() { l.source.forwards.Store(false) }, 0},
		{"no longer kept", func() { l.cache.Clear() }, 0},
	}
	for _, row := range rows {
		a.route.Store(r.number)
		l.source.forwards.Store(true)
		a.recv(l, true)
		settled(r)
		sent := viewer.wire.take()
		row.do()
		if n := len(askAgain(viewer, sent[len(sent)-1:])); n != row.want {
			t.Errorf("%s: %d packets resent; want %d", row.name, n, row.want)
		}
	}
	a.route.Store(r.number)
}

// R-GC-7: Move returns only when the packet in hand is through, and nothing of
// it is kept.
func TestMoveWaitsForThePacketInHand(t *testing.T) {
	e, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "viewer", "a")
	a := peers[1]
	l := a.layer(Camera, 0)
	a.recv(l, true)
	settled(r)
	held, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	a.wire.hook = func(rtcp.Packet) { once.Do(func() { close(held); <-release }) }
	// So much is missing that the packet path asks for a key frame, and is
	// held up in doing so. It wouldn't ask when it has one in hand.
	a.seq[l] += 400
	n := a.seq[l]
	done := make(chan struct{})
	raw := a.raw(l, false)
	go func() {
		defer close(done)
		l.handle(raw, time.Hour)
	}()
	<-held
	moved := make(chan error, 1)
	go func() { moved <- e.Move(context.Background(), a.Participant, nil) }()
	for len(r.Participants()) > 1 {
		runtime.Gosched()
	}
	select {
	case <-moved:
		t.Error("Move returned while a packet was in hand")
		moved <- nil
	case <-time.After(20 * time.Millisecond): // the longest it can take to do nothing
	}
	close(release)
	<-done
	must(t, <-moved)
	if _, ok := l.copyPacket(n, r.number, nil); ok {
		t.Error("the packet is still kept for resending")
	}
	if l.run.Each(r.number, func([]byte) {}) {
		t.Error("the key frame is still kept for newcomers")
	}
}

// R-GC-7: what was sent in an earlier stay is not resent, whoever left and
// came back to the same room.
func TestStaysAreForgotten(t *testing.T) {
	for _, mover := range []string{"viewer", "publisher"} {
		e, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "viewer", "publisher", "stays")
		viewer, publisher := peers[0], peers[1]
		l := publisher.layer(Camera, 0)
		publisher.recv(l, true)
		publisher.recv(l, false)
		settled(r)
		before := viewer.wire.take()
		if len(before) != 2 || len(askAgain(viewer, before[:1])) != 1 {
			t.Fatalf("%d packets sent, or none resent: the test shows nothing", len(before))
		}
		p := e.Participant(mover)
		must(t, e.Move(context.Background(), p, nil))
		must(t, e.Move(context.Background(), p, r))
		publisher.recv(l, true)
		settled(r)
		if n := len(viewer.wire.take()); n == 0 {
			t.Errorf("%s: no picture after the return", mover)
		}
		if again := askAgain(viewer, before[1:]); len(again) != 0 {
			t.Errorf("%s came back: %d packets of the stay before were resent", mover, len(again))
		}
	}
}

// While parked, a slot resends nothing and forwards nothing.
func TestParkedGetsNothing(t *testing.T) {
	e, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "viewer", "a", "b")
	viewer, a := peers[0], peers[1]
	a.recv(a.layer(Camera, 0), true)
	settled(r)
	before := viewer.wire.take()
	must(t, e.Move(context.Background(), viewer.Participant, nil))
	a.recv(a.layer(Camera, 0), true)
	a.recv(a.layer(Microphone, 0), false)
	if n := len(viewer.wire.take()) + len(askAgain(viewer, before)); n != 0 {
		t.Errorf("%d packets", n)
	}
	for _, s := range viewer.transport.slots {
		if src, cur, target := s.feed(); src != nil || cur != nil || target != nil {
			t.Errorf("slot %s is still assigned", s.mid)
		}
	}
	// It is told to keep the lowest layers flowing, for the next move.
	for _, kind := range []SourceKind{Camera, Screen} {
		waitEvent(t, viewer.events, "layers while parked", func(ev LayersChanged) bool { return ev.Source == kind && len(ev.RIDs) == 1 })
	}
	if viewer.Room() != nil || viewer.route.Load() != 0 || e.Snapshot().Parked != 1 {
		t.Error("not parked")
	}
}

// R-GC-7: what is recorded while parked is for nobody, on return neither.
func TestParkedShowsNothing(t *testing.T) {
	e, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "viewer", "a")
	viewer, a := peers[0], peers[1]
	l := a.layer(Camera, 0)
	a.recv(l, true)
	settled(r)
	must(t, e.Move(context.Background(), a.Participant, nil))
	if slots := l.slots.Load(); slots != nil {
		t.Errorf("parked, and %d slots on its list", len(*slots))
	}
	viewer.wire.take()
	a.recv(l, true)
	must(t, e.Move(context.Background(), a.Participant, r))
	settled(r)
	a.recv(l, false)
	if n := len(viewer.wire.take()); n != 0 {
		t.Errorf("%d packets from while it was parked", n)
	}
}

// R-GC-5: when a mute returns, the packet in hand is through, and the picture
// from before is not shown after it.
func TestMuteForgetsThePicture(t *testing.T) {
	_, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "viewer", "a")
	viewer, a := peers[0], peers[1]
	l := a.layer(Camera, 0)
	a.recv(l, true)
	settled(r)
	must(t, a.SetMuted(Camera, true))
	m, _ := last[MapChanged](viewer.events)
	if len(m.Slots) != 2 || m.Slots[1].State != SlotPaused || m.Slots[1].Reason != ReasonMuted {
		t.Errorf("map while muted: %+v", m.Slots)
	}
	before := viewer.wire.take()
	a.recv(l, false)
	must(t, a.SetMuted(Camera, false))
	settled(r)
	a.recv(l, false)
	if n := len(viewer.wire.take()); n != 0 {
		t.Errorf("%d packets before the next key frame", n)
	}
	if n := len(askAgain(viewer, before)); n != 0 {
		t.Errorf("%d packets from before resent", n)
	}
	m, _ = last[MapChanged](viewer.events)
	if m.Slots[1].Reason != ReasonKeyFrame {
		t.Errorf("map after: %+v", m.Slots)
	}
	a.recv(l, true)
	if n := len(viewer.wire.take()); n != 1 {
		t.Errorf("%d packets of the next key frame; want 1", n)
	}
}

// Muting and unmuting at once leaves the receiver no hole: the slot shuts
// before SetMuted returns.
func TestShortMute(t *testing.T) {
	_, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "viewer", "a")
	viewer, a := peers[0], peers[1]
	video, audio := a.layer(Camera, 0), a.layer(Microphone, 0)
	a.recv(video, true)
	a.recv(audio, false)
	for _, k := range []SourceKind{Camera, Microphone} {
		must(t, a.SetMutedByServer(k, true))
		a.recv(video, false)
		a.recv(audio, false)
		must(t, a.SetMutedByServer(k, false))
	}
	settled(r)
	a.recv(video, true)
	a.recv(audio, false)
	next := map[*Slot]uint16{}
	for i, pkt := range viewer.wire.take() {
		if n, ok := next[pkt.slot]; ok && pkt.header.SequenceNumber != n {
			t.Errorf("packet %d: number %d; want %d", i, pkt.header.SequenceNumber, n)
		}
		next[pkt.slot] = pkt.header.SequenceNumber + 1
	}
	if len(next) != 2 {
		t.Errorf("%d slots used", len(next))
	}
}
