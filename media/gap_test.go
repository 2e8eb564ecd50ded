package media

import (
	"compress/gzip"
	"encoding/binary"
	"encoding/csv"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/atriumrtc/atrium/media/internal/codec"
)

// tracedPacket is a packet of the recorded Chromium stream; its payload is
// made up.
type tracedPacket struct {
	at          time.Duration
	frame, size int
	tid         uint8
	first, last bool
}

// traced reads one layer of the recorded trace.
func traced(t *testing.T, rid string) (packets []tracedPacket) {
	t.Helper()
	f, err := os.Open("../signal/client/source/chromium-vp8-simulcast.csv.gz")
	must(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	must(t, err)
	rows, err := csv.NewReader(z).ReadAll()
	must(t, err)
	frame, timestamp := 0, ""
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		must(t, err)
		return n
	}
	for _, r := range rows[1:] {
		if r[1] != rid {
			continue
		}
		first := r[2] != timestamp
		if timestamp = r[2]; first {
			frame++
		}
		packets = append(packets, tracedPacket{
			at: time.Duration(number(r[0])) * time.Microsecond, frame: frame, size: number(r[4]),
			tid: uint8(number(r[7])), first: first, last: r[5] == "1",
		})
	}
	return packets
}

// tracedFrame is a frame of the stream and what came out of it.
type tracedFrame struct {
	tid     uint8
	sync    bool
	packets int // that the publisher sent
	out     map[uint16]bool
	id      uint16
}

func (f *tracedFrame) complete() bool { return len(f.out) == f.packets }

// tracedStream is the trace as an encoder with a base layer, picture ids and Y
// bits as Chromium sets them would have sent it: first a key frame.
type tracedStream struct {
	raws   [][]byte
	at     []time.Duration
	frames []*tracedFrame
	of     []int // frame of each packet
}

func streamOf(t *testing.T, packets []tracedPacket) *tracedStream {
	t.Helper()
	s := &tracedStream{}
	packets = append([]tracedPacket{{frame: 0, size: 1000, first: true, last: true}}, packets...)
	id, tl0, position := uint16(0x7FF0), uint8(250), 0
	for n, p := range packets {
		if p.first {
			f := &tracedFrame{tid: p.tid, out: map[uint16]bool{}}
			if p.tid == 0 {
				tl0++
				position++
			}
			// Every second group of four has frames of the upper layers that
			// depend on the base layer only.
			f.sync = p.tid > 0 && position%2 == 1 && s.frames[len(s.frames)-1].tid == 0 || p.tid == 1 && position%2 == 1
			s.frames = append(s.frames, f)
			id = (id + 1) & 0x7FFF
		}
		f := s.frames[len(s.frames)-1]
		f.packets++
		s.of = append(s.of, len(s.frames)-1)
		payload := []byte{0x80, 0xe0, 0x80 | byte(id>>8), byte(id), tl0, p.tid << 6}
		if p.first {
			payload[0] |= 0x10
		}
		if f.sync {
			payload[5] |= 0x20
		}
		body := make([]byte, 16)
		if body[0] = 1; n == 0 {
			copy(body, []byte{0, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0})
		}
		binary.BigEndian.PutUint32(body[12:], uint32(n))
		pkt := &rtp.Packet{
			Header:  rtp.Header{Version: 2, SequenceNumber: uint16(65_000 + n), Timestamp: uint32(p.frame) * 3000, Marker: p.last, SSRC: 1},
			Payload: append(payload, body...),
		}
		raw, err := pkt.Marshal()
		must(t, err)
		s.raws, s.at = append(s.raws, raw), append(s.at, p.at)
	}
	return s
}

// came notes what a viewer got.
func (s *tracedStream) came(t *testing.T, sent []sentPacket, numbers map[uint16]bool) {
	t.Helper()
	for _, p := range sent {
		d, err := codec.ParseVP8(p.payload)
		must(t, err)
		n := binary.BigEndian.Uint32(p.payload[len(p.payload)-4:])
		f := s.frames[s.of[n]]
		if len(f.out) > 0 && f.id != d.PictureID {
			t.Fatalf("frame %d has the picture ids %d and %d", s.of[n], f.id, d.PictureID)
		}
		if numbers[p.header.SequenceNumber] {
			t.Fatalf("number %d twice", p.header.SequenceNumber)
		}
		f.id, f.out[p.header.SequenceNumber], numbers[p.header.SequenceNumber] = d.PictureID, true, true
	}
}

// hidden returns a frame that a viewer would decode although one that it
// depends on is missing without a hole in the picture ids; -1: none.
func (s *tracedStream) hidden() int {
	latest, gap := [3]int{}, make([]bool, len(s.frames)) // gap: ids show that it is missing
	last := 0
	for n, f := range s.frames {
		if !f.complete() {
			continue
		}
		for m := last + 1; m < n; m++ {
			gap[m] = f.id != (s.frames[last].id+1)&0x7FFF
		}
		last = n
	}
	for n, f := range s.frames {
		if f.complete() && n > 0 {
			for tid := range f.tid + 1 {
				if d := latest[tid]; (tid == 0 || !f.sync) && !s.frames[d].complete() && !gap[d] {
					return n
				}
			}
		}
		latest[f.tid] = n
	}
	return -1
}

// The recorded stream with random losses and a publisher that answers as
// Chromium does: viewers see no hole where only upper temporal layers are hit,
// such packets are never asked for, and nothing is shown that depends on what
// was left out.
func TestUpperLayersAreNotWaitedFor(t *testing.T) {
	for _, rid := range []string{"q", "h", "f"} {
		packets := traced(t, rid)
		for seed := range uint64(5) {
			s := streamOf(t, packets)
			checkLosses(t, s, rand.New(rand.NewPCG(seed, 7)), rid)
		}
	}
}

func checkLosses(t *testing.T, s *tracedStream, rnd *rand.Rand, rid string) {
	t.Helper()
	e, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "viewer", "a")
	viewer, l := peers[0], peers[1].layer(Camera, 0)
	numbers := map[uint16]bool{}
	open, upper, recovered, useless := map[int]bool{}, 0, 0, 0
	lost := func(n int) bool { return n > 0 && n < len(s.raws)-1 && rnd.IntN(100) < 4 }
	var run []int // lost in a row
	var tick time.Duration
	for n := range s.raws {
		now := s.at[n]
		for ; tick < now; tick += tickInterval {
			for _, number := range l.missing(tick, 40*time.Millisecond, nil) {
				m := int(number - 65_000)
				if tid := s.frames[s.of[m]].tid; !open[m] {
					t.Fatalf("packet %d of TL%d was asked for", m, tid)
				}
				if rnd.IntN(8) < 5 {
					before := e.counters.packetsOut.Load()
					l.handle(s.raws[m], tick)
					delete(open, m)
					recovered++
					if e.counters.packetsOut.Load() == before {
						useless++
					}
				}
			}
		}
		if lost(n) {
			run = append(run, n)
			continue
		}
		base := false
		for _, m := range run {
			base = base || s.frames[s.of[m]].tid == 0
		}
		for _, m := range run {
			if base {
				open[m] = true
			} else {
				upper++
			}
		}
		run = run[:0]
		l.handle(s.raws[n], now)
		if n == 0 {
			settled(r)
		}
	}
	s.came(t, viewer.wire.take(), numbers)
	number, _, _ := slotFed(t, viewer, l).seq.LastOut()
	holes := 0
	for left := len(numbers); left > 0; number-- {
		if numbers[number] {
			left--
		} else {
			holes++
		}
	}
	// Of a frame that was left out for another reason, a packet that is sent
	// again is of no use any more.
	if holes != len(open)+useless {
		t.Errorf("%s: %d holes; want the %d packets that were waited for in vain, and %d that came in vain", rid, holes, len(open), useless)
	}
	if n := s.hidden(); n >= 0 {
		t.Errorf("%s: frame %d of TL%d is shown without what it depends on", rid, n, s.frames[n].tid)
	}
	if left := e.Snapshot().Dropped["incomplete"]; left == 0 || upper == 0 || recovered == 0 {
		t.Errorf("%s: %d left out, %d lost of upper layers, %d recovered: the test shows nothing", rid, left, upper, recovered)
	}
}

// slotFed is the slot of p that l feeds.
func slotFed(t *testing.T, p *fakePeer, l *layer) *Slot {
	t.Helper()
	for _, s := range p.transport.slots {
		if _, cur, _ := s.feed(); cur == l {
			return s
		}
	}
	t.Fatal("no slot is fed by it")
	return nil
}

// outage is what the publisher's uplink does to its viewers.
type outage struct {
	name   string
	lost   uint16
	silent time.Duration
	shut   bool // until the next key frame
}

// SE-14, SE-11: after an outage of the publisher's uplink, no viewer asks for
// what nobody has: numbers go on with the key frame that was asked for at once.
func TestOutageIsClosedUp(t *testing.T) {
	for _, row := range []outage{
		{"a burst that can be resent", 20, 200 * time.Millisecond, false},
		{"a second", 40, time.Second, true},
		{"more than can be resent", 300, 500 * time.Millisecond, true},
		{"nearly a thousand", 999, 5 * time.Second, true},
		{"half the numbers there are", 32_000, 5 * time.Second, true},
	} {
		t.Run(row.name, row.check)
	}
}

func (o outage) check(t *testing.T) {
	ids := make([]string, 21)
	for i := range ids {
		ids[i] = sprint("p", i)
	}
	e, r, peers := fakeRoom(t, newFakeClock(), len(ids), GroupPool(), ids...)
	a, l, viewers := peers[0], peers[0].layer(Camera, 0), peers[1:]
	for n := range 10 {
		l.handle(a.raw(l, n == 0), 0)
		settled(r)
	}
	if fed := len(*l.slots.Load()); fed != len(viewers) {
		t.Fatalf("%d viewers; want %d", fed, len(viewers))
	}
	a.seq[l] += o.lost
	requests := e.Snapshot().KeyFrameRequests
	for range 5 {
		l.handle(a.raw(l, false), o.silent)
		settled(r)
	}
	if asked := e.Snapshot().KeyFrameRequests > requests; asked != o.shut {
		t.Errorf("asked for a key frame: %t", asked)
	}
	l.handle(a.raw(l, true), o.silent)
	settled(r)
	l.handle(a.raw(l, false), o.silent)
	holes := 0
	for _, p := range viewers {
		sent := p.wire.take()
		if len(sent) == 0 {
			t.Fatalf("%s got nothing", p.id)
		}
		holes += o.askForHoles(sent)
		if mark := payloadMark(sent[len(sent)-1]); mark != sprint("p0/q/", a.seq[l]-1) {
			t.Fatalf("the last packet is %q", mark)
		}
	}
	if n := e.Snapshot().Dropped["resend_miss"]; o.shut && (n > 0 || holes > 0) || !o.shut && holes != len(viewers) {
		t.Errorf("%d viewers see a hole, %d resends were asked for in vain", holes, n)
	}
}

// askForHoles asks, as a viewer does, for every number that is missing, and
// returns how many holes there are.
func (o outage) askForHoles(sent []sentPacket) (holes int) {
	for i, pkt := range sent[1:] {
		first := sent[i].header.SequenceNumber + 1
		if first == pkt.header.SequenceNumber {
			continue
		}
		holes++
		for n := first; n != pkt.header.SequenceNumber; n++ {
			nack := &rtcp.TransportLayerNack{MediaSSRC: pkt.header.SSRC, Nacks: []rtcp.NackPair{{PacketID: n}}}
			pkt.slot.control(nil, []rtcp.Packet{nack}, o.silent)
		}
	}
	return holes
}

// What is lost between packets that were read together is closed up when those
// before it have been handed over, not when it is noticed.
func TestLossWithinABatchIsClosedUpInOrder(t *testing.T) {
	e, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "viewer", "a")
	viewer, l := peers[0], peers[1].layer(Camera, 0)
	raw := func(number int, id, tid byte, start, end bool, body ...byte) []byte {
		payload := append([]byte{0x80, 0xe0, 0x80, id, 1, tid<<6 | 0x20}, body...)
		if start {
			payload[0] |= 0x10
		}
		pkt := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(number), Timestamp: uint32(id) * 3000, Marker: end, SSRC: 1}, Payload: payload}
		b, err := pkt.Marshal()
		must(t, err)
		return b
	}
	l.handle(raw(1, 1, 0, true, true, 0, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0), 0)
	settled(r)
	out := newBatch(t, e)
	out.Begin()
	for _, b := range [][]byte{
		raw(2, 2, 2, true, false, 1), // number 3, the end of its frame, is lost
		raw(4, 3, 1, true, true, 1),
		raw(6, 5, 2, true, true, 1), // number 5, a frame of TL2 (picture 4), is lost
	} {
		l.handleIn(out, b, time.Millisecond)
	}
	out.End()
	type numbers struct{ number, id uint16 }
	var got []numbers
	for _, p := range viewer.wire.take() {
		d, err := codec.ParseVP8(p.payload)
		must(t, err)
		got = append(got, numbers{p.header.SequenceNumber, d.PictureID})
	}
	if len(got) != 4 {
		t.Fatalf("%d packets came; want 4", len(got))
	}
	for i, id := range []uint16{1, 2, 2, 3} { // of the abandoned frame, too
		if want := (numbers{got[0].number + uint16(i), id}); got[i] != want {
			t.Errorf("packet %d is %+v; want %+v", i, got[i], want)
		}
	}
}
