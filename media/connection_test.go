package media

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// Jitter is told in time, whatever clock the receiver counts by; a picture that
// its receiver asks for anew is a freeze, one that it hasn't had yet is none.
func TestJitterAndFreezes(t *testing.T) {
	clock := newFakeClock()
	e, r, peers := fakeRoom(t, clock, 5, SmallPool(), "viewer", "a")
	viewer, a := peers[0], peers[1]
	ask := func() {
		for _, s := range viewer.transport.slots {
			if s.line.video {
				s.control(nil, []rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: s.binding.ssrc}}, e.now())
			}
		}
		clock.advance(pliInterval)
	}
	settled(r)
	ask()
	if n := viewer.transport.freezes.Load(); n != 0 {
		t.Errorf("%d freezes before the first picture", n)
	}
	for range 2 { // the first finds the layer, the second comes through the slot
		for _, l := range []*layer{a.layer(Camera, 0), a.layer(Camera, 1), a.layer(Camera, 2)} {
			a.recv(l, true)
		}
		a.recv(a.layer(Microphone, 0), false)
		settled(r)
	}
	ask()
	ask()
	if n := viewer.transport.freezes.Load(); n != 2 {
		t.Errorf("%d freezes; want 2", n)
	}
	report := func(video bool, jitter uint32) {
		for _, s := range viewer.transport.slots {
			if s.line.video == video {
				s.control(nil, []rtcp.Packet{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: s.binding.ssrc, Jitter: jitter}}}}, e.now())
			}
		}
	}
	report(false, 480)
	if j := viewer.transport.jitter(e.now()); j != 10*time.Millisecond {
		t.Errorf("a jitter of %s of voice", j)
	}
	report(true, 1800)
	if j := viewer.transport.jitter(e.now()); j != 20*time.Millisecond {
		t.Errorf("a jitter of %s of a picture", j)
	}
	clock.advance(2 * qualityInterval)
	if j := viewer.transport.jitter(e.now()); j != 0 {
		t.Errorf("a jitter of %s that was long ago", j)
	}
}
