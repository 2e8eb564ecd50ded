package media

import (
	"testing"
	"time"

	"github.com/atriumrtc/atrium/media/internal/codec"
)

// A slot stays shut until a key frame: also when the transport didn't take the
// beginning of what is shown to a newcomer at once, but takes the rest.
func TestReplayOpensWithAKeyFrameOnly(t *testing.T) {
	_, r, peers := fakeRoom(t, nil, 60, GroupPool(), "viewer", "a")
	viewer, a := peers[0], peers[1]
	l := a.layer(Camera, 0)
	settled(r)
	for i := range 4 {
		a.recv(l, i == 0)
	}
	settled(r)
	viewer.wire.take()
	s := viewer.transport.slots[1]
	replayed := func() []sentPacket {
		src, _, target := s.feed()
		s.shut()
		s.assign(l.source, l, l.source.owner.route.Load())
		s.mu.Lock()
		s.started = false // nothing was ever sent on it
		s.mu.Unlock()
		s.replay(l, a.engine.now())
		if src != l.source || target != l {
			t.Fatal("the viewer's second line isn't a's camera")
		}
		return viewer.wire.take()
	}
	if got := replayed(); len(got) != 4 {
		t.Fatalf("%d packets were shown to a newcomer, want 4", len(got))
	}
	viewer.wire.refuse = 1
	for _, p := range replayed() {
		d, err := codec.ParseVP8(p.payload)
		must(t, err)
		t.Errorf("sent after the key frame was refused: key frame %v", d.KeyFrame)
	}
	a.recv(l, false)
	a.recv(l, true)
	got := viewer.wire.take()
	if len(got) != 1 {
		t.Fatalf("%d packets, want the key frame alone", len(got))
	}
	if d, err := codec.ParseVP8(got[0].payload); err != nil || !d.KeyFrame {
		t.Errorf("opened with %+v, %v", d, err)
	}
}

// A slot that runs gets a key frame that has just come, as the next one may be as
// far away as encoders ignore requests; one of longer ago it doesn't: the frames
// since would be decoded all at once (R-GC-7, PF-4).
func TestReplayToARunningSlot(t *testing.T) {
	clock := newFakeClock()
	_, r, peers := fakeRoom(t, clock, 60, GroupPool(), "viewer", "a")
	viewer, a := peers[0], peers[1]
	l := a.layer(Camera, 0)
	settled(r)
	a.recv(l, true)
	settled(r)
	s := viewer.transport.slots[1]
	for _, row := range []struct {
		since time.Duration
		want  int
	}{{0, 1}, {keyFrameInterval - time.Millisecond, 2}, {keyFrameInterval, 0}} {
		clock.advance(row.since - clock.Now().Sub(a.engine.start) + l.keyAt)
		if row.since > 0 {
			a.recv(l, false)
		}
		viewer.wire.take()
		s.shut()
		s.assign(l.source, l, l.source.owner.route.Load())
		s.mu.Lock()
		s.started, s.lastAt = true, a.engine.now() // it has just shown somebody
		s.mu.Unlock()
		s.replay(l, a.engine.now())
		if got := len(viewer.wire.take()); got != row.want {
			t.Errorf("%v after the key frame %d packets are replayed, want %d", row.since, got, row.want)
		}
	}
}
