package media

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"github.com/pion/rtp"
)

// What comes together is handed over in its order, whatever else lies between,
// and a number that carries nothing closes up.
func TestGatherKeepsOrder(t *testing.T) {
	conn, to := sink(t)
	e, a, bs := directRoom(t, 1, to)
	out := newBatch(t, e)
	a.begin(t, out)
	read := receiver(t, conn, bs[0])
	frame := a.frame(t, 7, "q", 1, 3, 1000, false) // numbers 3 to 5
	empty := &rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 7, PayloadType: payloadVP8, SequenceNumber: 6, Timestamp: 3000, Padding: true, PaddingSize: 9}}
	voice := &rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 8, PayloadType: payloadOpus}, Payload: make([]byte, 80)}
	after := a.frame(t, 7, "q", 7, 1, 1000, false) // number 7
	together := slices.Concat(frame[:2], [][]byte{a.protect(t, named(t, voice, a.mid(Microphone), "", ""))}, frame[2:],
		[][]byte{a.protect(t, named(t, empty, a.mid(Camera), "q", ""))}, after)
	a.handle(out, together...)
	var numbers []uint16
	voices := bs[0].transport.slots[0].binding.ssrc
	for heard, ended := false, false; !heard || !ended; {
		pkt, _ := read()
		if heard = heard || pkt.SSRC == voices; pkt.SSRC != voices {
			numbers = append(numbers, pkt.SequenceNumber)
			ended = bytes.Contains(pkt.Payload, []byte("|a/q/7"))
		}
	}
	got := numbers[len(numbers)-4:]
	if want := []uint16{got[0], got[0] + 1, got[0] + 2, got[0] + 3}; !slices.Equal(got, want) {
		t.Errorf("numbers %v; want %v", got, want)
	}
}

// R-GC-7, R-GC-5: what was taken up before a publisher was moved or muted isn't
// handed over after it, nor kept.
func TestGatherLooksAgain(t *testing.T) {
	rows := []struct {
		name, reason string
		do           func(a *cipherPeer)
	}{
		{"moved", "epoch", func(a *cipherPeer) { a.route.Add(1) }},
		{"muted", "muted", func(a *cipherPeer) { a.layer(Camera, 0).source.forwards.Store(false) }},
	}
	for _, row := range rows {
		_, to := sink(t)
		e, a, _ := directRoom(t, 2, to)
		out := newBatch(t, e)
		a.begin(t, out)
		before := e.Snapshot()
		out.Begin()
		for _, b := range a.frame(t, 7, "q", 2, 3, 1000, true) {
			a.d.HandleMedia(b, netip.AddrPort{}, out)
		}
		row.do(a)
		out.End()
		after := e.Snapshot()
		if n := after.Dropped[row.reason] - before.Dropped[row.reason]; n != 3 || after.PacketsOut != before.PacketsOut {
			t.Errorf("%s: %d dropped, %d sent; want 3, 0", row.name, n, after.PacketsOut-before.PacketsOut)
		}
		l := a.layer(Camera, 0)
		for n := range uint16(3) {
			if _, ok := l.copyPacket(6+n, a.route.Load(), nil); ok {
				t.Errorf("%s: packet %d is kept", row.name, 6+n)
			}
		}
	}
}

// The rest of a frame is waited for when many are to get it, and only then.
func TestGatherExpectsFrames(t *testing.T) {
	for _, row := range []struct {
		subscribers, packets int
		want                 bool
	}{{expectFor, 4, true}, {expectFor, 5, false}, {1, 4, false}} {
		_, to := sink(t)
		e, a, _ := directRoom(t, row.subscribers, to)
		out := newBatch(t, e)
		a.begin(t, out)
		out.Begin()
		for _, b := range a.frame(t, 7, "q", 1, 5, 1000, false)[:row.packets] {
			a.d.HandleMedia(b, netip.AddrPort{}, out)
		}
		if got := out.Deferred.Expects(); got != row.want {
			t.Errorf("%d of 5 packets for %d: expects more: %t", row.packets, row.subscribers, got)
		}
		out.End()
		if out.Deferred.Expects() {
			t.Error("expects more of what has been handed over")
		}
	}
}

// SE-10: a fault in handing over ends its publisher; what else came with it is
// handed over, and no lock stays behind.
func TestGatherSurvivesAFault(t *testing.T) {
	_, to := sink(t)
	e, a, bs := directRoom(t, 1, to)
	out := newBatch(t, e)
	a.begin(t, out)
	out.Begin()
	for _, b := range a.frame(t, 7, "q", 1, 2, 1000, false) {
		a.d.HandleMedia(b, netip.AddrPort{}, out)
	}
	l := a.layer(Camera, 0)
	l.mu.Lock()
	ring := l.cache
	l.cache = nil // the fault
	l.mu.Unlock()
	out.End()
	l.mu.Lock()
	l.cache = ring
	l.mu.Unlock()
	if n := e.Snapshot().Panics; n != 1 {
		t.Errorf("%d faults counted", n)
	}
	waitEvent(t, bs[0].events, "the publisher is gone", func(ev ParticipantsChanged) bool { return len(ev.Left) == 1 })
}
