package media

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/atriumrtc/atrium/media/internal/udp"
)

// fakeClock is a clock that tests set.
type fakeClock struct {
	mu     sync.Mutex
	t      time.Time
	timers []*fakeTimer
}

type fakeTimer struct {
	c    *fakeClock
	at   time.Time
	f    func()
	done bool
}

func newFakeClock() *fakeClock {
	return &fakeClock{t: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *fakeClock) AfterFunc(d time.Duration, f func()) Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &fakeTimer{c: c, at: c.t.Add(d), f: f}
	c.timers = slices.DeleteFunc(c.timers, func(t *fakeTimer) bool { return t.done })
	c.timers = append(c.timers, t)
	return t
}

func (t *fakeTimer) Stop() bool {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	was := !t.done
	t.done = true
	return was
}

// advance moves the clock and runs what falls due, before it returns.
func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	c.t = c.t.Add(d)
	var due []func()
	for _, t := range c.timers {
		if !t.done && !t.at.After(c.t) {
			t.done = true
			due = append(due, t.f)
		}
	}
	c.mu.Unlock()
	for _, f := range due {
		f()
	}
}

// wire stands for a transport's two directions: what slots write and what
// RTCP goes out is recorded.
type wire struct {
	mu   sync.Mutex
	rtp  []sentPacket
	rtcp []rtcp.Packet
	keep bool
	// refuse is how many RTP packets are still not taken: pion's SRTP takes
	// none before its keys are there.
	refuse int
	// hook, if set, is called with every RTCP packet before it is recorded.
	hook func(rtcp.Packet)
}

type sentPacket struct {
	slot    *Slot
	header  rtp.Header
	payload []byte
}

type slotWire struct {
	*wire
	slot *Slot
}

func (slotWire) ready() bool { return true }

func (w slotWire) writeRTP(_ *udp.Batch, h rtpHeader, payload []byte) (int, error) {
	if w.keep {
		w.mu.Lock()
		if w.refuse > 0 {
			w.refuse--
			w.mu.Unlock()
			return 0, nil
		}
		w.rtp = append(w.rtp, sentPacket{w.slot, rtp.Header{
			Version: 2, Marker: h.marker, PayloadType: h.payloadType,
			SequenceNumber: h.sequence, Timestamp: h.timestamp, SSRC: h.ssrc,
		}, slices.Clone(payload)})
		w.mu.Unlock()
	}
	return 12 + len(payload), nil
}

// fakeCarrier is the carrier of a wire.
type fakeCarrier struct {
	carrier // nil: what tests must not need
	wire    *wire
}

func (c fakeCarrier) send(ps []rtcp.Packet) error {
	if c.wire.hook != nil {
		c.wire.hook(ps[0])
	}
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	c.wire.rtcp = append(c.wire.rtcp, ps...)
	return nil
}

func (fakeCarrier) reports(time.Duration) []rtcp.Packet { return nil }
func (fakeCarrier) discard()                            {}
func (fakeCarrier) close() error                        { return nil }

func (w *wire) take() []sentPacket {
	w.mu.Lock()
	defer w.mu.Unlock()
	ps := w.rtp
	w.rtp = nil
	return ps
}

func (w *wire) takeRTCP() []rtcp.Packet {
	w.mu.Lock()
	defer w.mu.Unlock()
	ps := w.rtcp
	w.rtcp = nil
	return ps
}

// fakePeer is a participant whose transport is a wire: the whole packet path,
// without encryption and sockets.
type fakePeer struct {
	*Participant
	wire   *wire
	events *events
	seq    map[*layer]uint16
}

func addFake(t testing.TB, e *Engine, id string, pool Pool) *fakePeer {
	t.Helper()
	f := newFake(t, e, id, pool)
	f.plug()
	return f
}

// newFake adds a participant without a transport.
func newFake(t testing.TB, e *Engine, id string, pool Pool) *fakePeer {
	t.Helper()
	ev := newEvents()
	p, err := e.AddParticipant(ParticipantOptions{ID: id, Name: id, Role: RoleParticipant, Pool: pool, Observer: ev})
	if err != nil {
		t.Fatal(err)
	}
	return &fakePeer{Participant: p, wire: &wire{keep: true}, events: ev, seq: make(map[*layer]uint16)}
}

// plug gives the participant a transport that is up.
func (f *fakePeer) plug() { f.plugIn(f.layOut()) }

// layOut makes a transport on the wire that nobody knows of yet.
func (f *fakePeer) layOut() *transport {
	o := offer{fingerprint: "fake"}
	for i, l := range f.pool.lines() {
		ol := offerLine{mid: fmt.Sprint(i), video: l.video}
		if l.send == Camera {
			ol.rids = []string{"q", "h", "f"}
		}
		o.lines = append(o.lines, ol)
	}
	t := layOut(f.Participant, o)
	t.carrier = fakeCarrier{wire: f.wire}
	t.audioLevelID.Store(1)
	t.joined.Store(true)
	for i, s := range t.slots {
		s.w = slotWire{f.wire, s}
		s.binding = binding{ssrc: uint32(1000 + i), rtxSSRC: uint32(2000 + i), pt: payloadVP8, rtxPT: payloadRTX}
	}
	for i, s := range t.sources {
		for j, l := range s.layers {
			l.ssrc.Store(uint32(10*i + j + 1))
		}
	}
	return t
}

// plugIn makes t the participant's. From here on the engine's tick reads it:
// what a test puts in place of the wire has to be there before.
func (f *fakePeer) plugIn(t *transport) {
	f.mu.Lock()
	f.transport, f.state = t, TransportConnected
	f.updateSourcesLocked()
	f.mu.Unlock()
	f.touchNow()
}

func (f *fakePeer) announce(kinds ...SourceKind) {
	for _, k := range kinds {
		for _, s := range f.transport.sources {
			if s.kind == k {
				if err := f.Publish(s.mid, k, true); err != nil {
					panic(err)
				}
			}
		}
	}
}

func (f *fakePeer) layer(kind SourceKind, index int) *layer {
	for _, s := range f.transport.sources {
		if s.kind == kind {
			return s.layers[index]
		}
	}
	return nil
}

// raw is the next packet of a layer, as it comes off the wire.
func (f *fakePeer) raw(l *layer, key bool) []byte {
	n := f.seq[l]
	f.seq[l]++
	pkt := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: n, Timestamp: uint32(n) * 3000, SSRC: l.ssrc.Load()}}
	if l.source.kind.Video() {
		v := videoPacket(f.id, l.rid, int(n), key)
		pkt.Marker, pkt.Payload = true, v.Payload
	} else {
		pkt.Payload = []byte("|" + f.id + "/mic")
		if err := pkt.SetExtension(1, []byte{0x80 | 20}); err != nil {
			panic(err)
		}
	}
	b, err := pkt.Marshal()
	if err != nil {
		panic(err)
	}
	return b
}

// recv has the engine receive the next packet of a layer.
func (f *fakePeer) recv(l *layer, key bool) { l.handle(f.raw(l, key), f.engine.now()) }

// settled waits until the room has done everything that was asked of it.
func settled(r *Room) { r.do(func() {}) }

func sprint(v ...any) string { return fmt.Sprint(v...) }

// padding is the next packet of a layer, as a browser probes with: nothing but
// padding.
func (f *fakePeer) padding(l *layer) []byte {
	n := f.seq[l]
	f.seq[l]++
	pkt := &rtp.Packet{Header: rtp.Header{
		Version: 2, SequenceNumber: n, Timestamp: uint32(n) * 3000, SSRC: l.ssrc.Load(), Padding: true, PaddingSize: 200,
	}}
	b, err := pkt.Marshal()
	if err != nil {
		panic(err)
	}
	return b
}
