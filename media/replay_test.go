package media

import (
	"testing"

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
