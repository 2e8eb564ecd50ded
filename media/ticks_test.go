package media

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// A transport that receives is ticked at every tick from its first packet on,
// however many others there are; those that only send have their sender
// reports each second all the same.
func TestTicksOfManyTransports(t *testing.T) {
	ids := make([]string, 41)
	for i := range ids {
		ids[i] = sprint("p", i)
	}
	clock := newFakeClock()
	e, r, peers := fakeRoom(t, clock, 60, GroupPool(), ids...)
	a := peers[0]
	l := a.layer(Camera, 0)
	for range 20 { // a whole turn without anything to do
		clock.advance(tickInterval)
	}
	a.recv(l, true)
	settled(r)
	a.recv(l, true)
	a.seq[l]++ // lost
	a.recv(l, false)
	for range 2 {
		clock.advance(tickInterval)
	}
	asked := false
	for _, p := range a.wire.takeRTCP() {
		_, ok := p.(*rtcp.TransportLayerNack)
		asked = asked || ok
	}
	if !asked {
		t.Error("what is missing wasn't asked for within two ticks")
	}
	for _, p := range peers {
		p.wire.takeRTCP()
	}
	for range 3 * time.Second / tickInterval {
		a.recv(l, false)
		clock.advance(tickInterval)
	}
	for _, p := range peers[1:] {
		reports := 0
		for _, pkt := range p.wire.takeRTCP() {
			if _, ok := pkt.(*rtcp.SenderReport); ok {
				reports++
			}
		}
		if reports < 2 || reports > 3 {
			t.Errorf("%s had %d sender reports in 3 s", p.id, reports)
		}
	}
	// It stops: nothing is left to do at each tick.
	clock.advance(2 * layerSilence)
	clock.advance(tickInterval)
	e.ticks.mu.Lock()
	defer e.ticks.mu.Unlock()
	if n := len(e.ticks.busy); n != 0 {
		t.Errorf("%d transports are ticked for nothing", n)
	}
}
