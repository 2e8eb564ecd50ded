package media

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/atriumrtc/atrium/media/internal/codec"
)

// encoding is what one of a browser's simulcast encoders sends: frames of one
// to four packets in three temporal layers.
type encoding struct {
	to        *layer
	number    uint16
	timestamp uint32
	picture   uint16
	tl0       uint8
	frame     int // since the last key frame
	off       bool
	wantsKey  bool
	late      []latePacket
}

// latePacket is one that comes when it was asked for again.
type latePacket struct {
	raw []byte
	at  time.Duration
}

// next gives the next frame its numbers.
func (en *encoding) next() (tid uint8, key bool) {
	key = en.wantsKey || en.frame == 0
	if key {
		en.frame, en.wantsKey = 0, false
	}
	tid = []uint8{0, 2, 1, 2}[en.frame%4]
	en.frame++
	en.picture = (en.picture + 1) & 0x7fff
	if tid == 0 {
		en.tl0++
	}
	return tid, key
}

// encode makes the packets of the next frame.
func (en *encoding) encode(random *rand.Rand) (all [][]byte) {
	tid, key := en.next()
	for part, of := 0, 1+random.IntN(4); part < of; part++ {
		start := byte(0)
		if part == 0 {
			start = 0x10
		}
		payload := []byte{0x80 | start, 0xe0, 0x80 | byte(en.picture>>8), byte(en.picture), en.tl0, tid<<6 | 0x20}
		switch {
		case key && part == 0:
			height := uint16(180 << en.to.index)
			payload = append(payload, 0x00, 0, 0, 0x9d, 0x01, 0x2a)
			payload = binary.LittleEndian.AppendUint16(payload, height*16/9)
			payload = binary.LittleEndian.AppendUint16(payload, height)
		case part == 0:
			payload = append(payload, 0x01, 0, 0)
		}
		payload = fmt.Appendf(payload, "|%d/%d/%d", en.to.index, en.picture, part)
		all = append(all, en.packet(&rtp.Packet{Header: rtp.Header{Marker: part == of-1}, Payload: payload}))
	}
	return all
}

func (en *encoding) packet(p *rtp.Packet) []byte {
	p.Version, p.SequenceNumber, p.Timestamp, p.SSRC = 2, en.number, en.timestamp, en.to.ssrc.Load()
	en.number++
	raw, err := p.Marshal()
	if err != nil {
		panic(err)
	}
	return raw
}

// lossyCall is somebody whose packets get lost on their way to the server, and
// two who watch: one a large picture, one a thumbnail.
type lossyCall struct {
	t       *testing.T
	random  *rand.Rand
	e       *Engine
	r       *Room
	viewers []*fakePeer
	layers  []*encoding
	loss    int // of a thousand packets
	dark    int // frames until anything arrives again
}

// Whatever is lost on the way to the server, comes late, is left out for a
// thumbnail or by the encoder: who finds no hole in the sequence numbers finds
// none in the picture ids and TL0 indexes either. libwebrtc asks for what is
// missing among the numbers; for a hole that only the pictures have it waits
// until the next key frame.
func TestNumbersRunOnWhateverIsLost(t *testing.T) {
	seeds := uint64(20)
	if long() {
		seeds = 100
	}
	for seed := range seeds {
		if lossOnce(t, seed); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func lossOnce(t *testing.T, seed uint64) {
	t.Helper()
	clock := newFakeClock()
	e, r, peers := fakeRoom(t, clock, 60, GroupPool(), "stage", "tile", "a")
	c := &lossyCall{t: t, random: rand.New(rand.NewPCG(seed, 1)), e: e, r: r, viewers: peers[:2]}
	for i := range 3 {
		c.layers = append(c.layers, &encoding{
			to: peers[2].layer(Camera, i), number: uint16(65_000 + c.random.IntN(500)), timestamp: c.random.Uint32(),
			picture: uint16(0x7f80 + c.random.IntN(100)), tl0: uint8(c.random.IntN(256)),
		})
	}
	c.show(c.viewers[0], 720)
	c.show(c.viewers[1], 180)
	for step := range 600 {
		clock.advance(33 * time.Millisecond)
		c.happen()
		for _, en := range c.layers {
			c.send(en)
		}
		c.dark = max(0, c.dark-1)
		if step%3 == 0 {
			settled(r)
		}
	}
	for _, p := range c.viewers {
		judgeNumbers(t, p)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

func (c *lossyCall) show(p *fakePeer, height int) {
	must(c.t, p.SetLayout([]Tile{{Participant: "a", Source: Camera, Width: height * 16 / 9, Height: height}}))
	settled(c.r)
}

// happen changes something, now and then.
func (c *lossyCall) happen() {
	en := c.layers[c.random.IntN(3)]
	switch c.random.IntN(40) {
	case 0:
		c.loss = []int{0, 0, 50, 200}[c.random.IntN(4)]
	case 1:
		c.show(c.viewers[c.random.IntN(2)], []int{90, 180, 360, 720}[c.random.IntN(4)])
	case 2:
		en.off, en.wantsKey = !en.off, true
	case 3:
		en.wantsKey = true
	case 4:
		if c.random.IntN(3) == 0 {
			c.dark = 1 + c.random.IntN(400)
		}
	case 5: // encoded and never sent: Chromium's pacer was emptied
		for range 1 + c.random.IntN(3) {
			en.next()
		}
		en.wantsKey = true
	case 6: // more than is shown as a hole
		en.number += uint16(c.random.IntN(3)) * 500
	}
}

// send sends the next frame, what is due to be sent again, and padding.
func (c *lossyCall) send(en *encoding) {
	now := c.e.now()
	en.timestamp += 2970
	en.late = slices.DeleteFunc(en.late, func(p latePacket) bool {
		if p.at > now {
			return false
		}
		en.to.handle(p.raw, now)
		return true
	})
	if en.off {
		return
	}
	for _, raw := range en.encode(c.random) {
		switch {
		case c.dark > 0:
		case c.random.IntN(1000) >= c.loss:
			en.to.handle(raw, now)
		case c.random.IntN(2) == 0:
			en.late = append(en.late, latePacket{raw, now + time.Duration(c.random.IntN(900))*time.Millisecond})
		}
	}
	if c.dark == 0 && c.random.IntN(20) == 0 {
		en.to.handle(en.packet(&rtp.Packet{Header: rtp.Header{Padding: true, PaddingSize: 100}}), now)
	}
}

// judged is a packet as a viewer got it.
type judged struct {
	number    int // extended
	order     int // of coming
	late      bool
	timestamp uint32
	last      bool // of its frame
	vp8       codec.VP8
	content   string
}

// abandoned says that b begins a frame right behind an incomplete one of an
// upper temporal layer. libwebrtc's packet buffer never completes that, and its
// reference finder, which comes behind, never sees its picture id; it forgets
// what it missed before a key frame, which may have the next.
func (a judged) abandoned(b judged) bool {
	if a.vp8.TID == 0 || a.last || !b.vp8.FrameStart || b.timestamp == a.timestamp {
		return false
	}
	return !b.vp8.KeyFrame || b.vp8.PictureID == a.vp8.PictureID
}

// judgeNumbers judges what came for good: with every hole filled that a late
// packet fills.
func judgeNumbers(t *testing.T, p *fakePeer) {
	t.Helper()
	bySlot, highest := map[*Slot][]judged{}, map[*Slot]int{}
	for _, sent := range p.wire.take() {
		if !sent.slot.line.video || sent.header.SSRC != sent.slot.binding.ssrc {
			continue
		}
		v, err := codec.ParseVP8(sent.payload)
		must(t, err)
		all, n := bySlot[sent.slot], int(sent.header.SequenceNumber)
		if len(all) > 0 {
			n = highest[sent.slot] + int(int16(sent.header.SequenceNumber-uint16(highest[sent.slot])))
		}
		bySlot[sent.slot] = append(all, judged{n, len(all), n < highest[sent.slot], sent.header.Timestamp, sent.header.Marker, v, string(sent.payload[v.Size:])})
		highest[sent.slot] = max(n, highest[sent.slot])
	}
	if len(bySlot) == 0 {
		t.Errorf("%s got nothing", p.id)
	}
	for _, all := range bySlot {
		slices.SortStableFunc(all, func(a, b judged) int { return cmp.Compare(a.number, b.number) })
		for i := range all[1:] {
			judgeNext(t, p.id, all[i], all[i+1])
		}
	}
}

func judgeNext(t *testing.T, who string, a, b judged) {
	t.Helper()
	if a.number == b.number {
		t.Errorf("%s: number %d twice: %q and %q", who, a.number, a.content, b.content)
	}
	if b.number != a.number+1 {
		return
	}
	if b.vp8.KeyFrame && (b.late || a.order > b.order) {
		return // nobody knew what had been before it; a decoder doesn't mind
	}
	want, tl0 := a.vp8.PictureID, a.vp8.TL0
	if b.vp8.FrameStart {
		if !a.abandoned(b) {
			want = (want + 1) & 0x7fff
		}
		if b.vp8.TID == 0 {
			tl0++
		}
	}
	if b.vp8.PictureID != want || b.vp8.TL0 != tl0 {
		t.Errorf("%s: number %d: picture %d (want %d) TL0 %d (want %d): %q after %q",
			who, b.number, b.vp8.PictureID, want, b.vp8.TL0, tl0, b.content, a.content)
	}
	if ticks := int32(b.timestamp - a.timestamp); (ticks > 0) != b.vp8.FrameStart || ticks < 0 {
		t.Errorf("%s: number %d: %d ticks on: %q after %q", who, b.number, ticks, b.content, a.content)
	}
}
