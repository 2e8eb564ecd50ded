package nack

import (
	"math/rand/v2"
	"testing"
	"time"
)

// frame of a stream with 15-bit ids.
func frame(id uint16, tl0, tid uint8, first, last bool) Frame {
	return Frame{PictureID: id, Wide: true, TL0: tl0, TID: tid, Known: true, First: first, Last: last}
}

func TestInfer(t *testing.T) {
	narrow := frame(127, 5, 1, true, true)
	narrow.Wide = false
	narrowNext := frame(1, 6, 0, true, true)
	narrowNext.Wide = false
	rows := []struct {
		name          string
		before, after Frame
		want          Gap
	}{
		{"a whole TL2 frame", frame(10, 5, 0, true, true), frame(12, 5, 1, true, true), Gap{Layer: Upper, Lowest: 2, Frames: 1}},
		{"a TL2 frame before the base layer", frame(10, 5, 1, true, true), frame(12, 6, 0, true, true), Gap{Layer: Upper, Lowest: 2, Frames: 1}},
		{"a whole TL1 frame", frame(10, 5, 2, true, true), frame(12, 5, 2, true, true), Gap{Layer: Upper, Lowest: 1, Frames: 1}},
		{"a whole base layer frame", frame(10, 5, 2, true, true), frame(12, 6, 2, true, true), Gap{Layer: Base, Frames: 1}},
		{"all upper frames of a group", frame(10, 5, 0, true, true), frame(14, 6, 0, true, true), Gap{Layer: Upper, Lowest: 1, Frames: 3}},
		{"a group and its base", frame(10, 5, 0, true, true), frame(15, 6, 2, true, true), Gap{Layer: Base, Frames: 4}},
		{"the tail of a TL2 frame", frame(10, 5, 2, true, false), frame(11, 5, 1, true, true), Gap{Layer: Upper, Lowest: 2, Tail: true}},
		{"the tail of a base layer frame", frame(10, 5, 0, true, false), frame(11, 5, 2, true, true), Gap{Layer: Base, Tail: true}},
		{"the head of a TL1 frame", frame(10, 5, 2, true, true), frame(11, 5, 1, false, false), Gap{Layer: Upper, Lowest: 1, Head: true}},
		{"the head of a base layer frame", frame(10, 5, 2, true, true), frame(11, 6, 0, false, true), Gap{Layer: Base, Head: true}},
		{"tail and head", frame(10, 5, 2, true, false), frame(11, 5, 1, false, true), Gap{Layer: Upper, Lowest: 1, Tail: true, Head: true}},
		{"the middle of a TL2 frame", frame(10, 5, 2, true, false), frame(10, 5, 2, false, true), Gap{Layer: Upper, Lowest: 2, Tail: true, Head: true, Within: true}},
		{"the middle of a base layer frame", frame(10, 5, 0, true, false), frame(10, 5, 0, false, true), Gap{Layer: Base, Tail: true, Head: true, Within: true}},
		{"over the wraps", frame(0x7FFF, 255, 1, true, true), frame(1, 0, 0, true, true), Gap{Layer: Upper, Lowest: 2, Frames: 1}},
		{"over the narrow wrap", narrow, narrowNext, Gap{Layer: Upper, Lowest: 2, Frames: 1}},
		{"L1T2", frame(10, 5, 0, true, true), frame(12, 6, 0, true, true), Gap{Layer: Upper, Lowest: 1, Frames: 1}},
		{"nothing is known before", Frame{Last: true}, frame(12, 5, 1, true, true), Gap{}},
		{"nothing is known behind", frame(10, 5, 0, true, true), Frame{First: true}, Gap{}},
		{"another range of ids", narrow, frame(12, 5, 1, true, true), Gap{}},
		{"no frame is missing, and no end of one", frame(10, 5, 0, true, true), frame(11, 5, 2, true, true), Gap{}},
		{"more base layer frames than frames", frame(10, 5, 0, true, true), frame(12, 9, 2, true, true), Gap{Frames: 1}},
		{"a base layer frame that isn't counted", frame(10, 5, 2, true, true), frame(12, 5, 0, true, true), Gap{Frames: 1}},
		{"too long to tell", frame(10, 5, 0, true, true), frame(10+maxGapFrames+1, 9, 0, true, true), Gap{}},
		{"backwards", frame(10, 5, 0, true, true), frame(9, 5, 0, true, true), Gap{}},
	}
	for _, r := range rows {
		if got := Infer(r.before, r.after); got != r.want {
			t.Errorf("%s: %+v; want %+v", r.name, got, r.want)
		}
	}
}

// l1t3 is the packets of n frames in the pattern 0 2 1 2, sizes by rnd.
func l1t3(rnd *rand.Rand, n int) (packets []Frame) {
	id, tl0 := uint16(rnd.Uint32())&0x7FFF, uint8(rnd.Uint32())
	for i := range n {
		tid := [4]uint8{0, 2, 1, 2}[i%4]
		if tid == 0 {
			tl0++
		}
		size := 1 + rnd.IntN(1+rnd.IntN(6))
		for k := range size {
			packets = append(packets, frame(id, tl0, tid, k == 0, k == size-1))
		}
		id = (id + 1) & 0x7FFF
	}
	return packets
}

// For any hole in any L1T3 stream: a base layer packet is never taken for one
// of an upper layer, an upper layer's always is known, its lowest layer and
// its frames are those of the stream.
func FuzzInferOracle(f *testing.F) {
	for seed := range uint64(50) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		packets := l1t3(rnd, 40)
		for range 50 {
			from := 1 + rnd.IntN(len(packets)-2)
			count := min(1+rnd.IntN(1+rnd.IntN(40)), len(packets)-1-from)
			before, lost, after := packets[from-1], packets[from:from+count], packets[from+count]
			got := Infer(before, after)
			lowest, whole := uint8(9), map[uint16]bool{}
			for _, p := range lost {
				lowest = min(lowest, p.TID)
				if p.PictureID != before.PictureID && p.PictureID != after.PictureID {
					whole[p.PictureID] = true
				}
			}
			want := Upper
			if lowest == 0 {
				want = Base
			}
			if got.Layer != want || got.Frames != len(whole) || got.least() > count || want == Upper && got.Lowest > lowest {
				t.Fatalf("%+v for %+v between %+v and %+v", got, lost, before, after)
			}
		}
	})
}

// Whatever two packets say, what is inferred is within bounds.
func FuzzInfer(f *testing.F) {
	f.Add(uint16(1), uint8(1), uint8(1), uint8(0x3F), uint16(3), uint8(1), uint8(2), uint8(0x3F))
	f.Fuzz(func(t *testing.T, id1 uint16, tl1, tid1, flags1 uint8, id2 uint16, tl2, tid2, flags2 uint8) {
		of := func(id uint16, tl0, tid, flags uint8) Frame {
			return Frame{PictureID: id, TL0: tl0, TID: tid & 3, Wide: flags&1 > 0, Known: flags&2 > 0, First: flags&4 > 0, Last: flags&8 > 0, Key: flags&16 > 0}
		}
		a, b := of(id1, tl1, tid1, flags1), of(id2, tl2, tid2, flags2)
		g := Infer(a, b)
		if g.Frames < 0 || g.Frames >= maxGapFrames || g.Tail == a.Last || g.Head == b.First {
			t.Fatalf("%+v", g)
		}
		if g.Layer == Upper && (g.Lowest == 0 || g.Lowest > 3 || g.least() == 0 || !a.Known || !b.Known) {
			t.Fatalf("%+v between %+v and %+v", g, a, b)
		}
	})
}

// What is asked for, and how often, by what is missing.
func TestNote(t *testing.T) {
	before, behind := frame(13, 5, 2, true, true), frame(15, 6, 2, true, true)
	base, one, next := frame(10, 5, 0, true, true), frame(12, 5, 1, true, true), frame(14, 6, 0, true, true)
	type packet struct {
		number uint16
		frame  Frame
	}
	rows := []struct {
		name    string
		packets []packet // the last one comes behind the hole
		late    bool     // a packet came out of order before
		closed  bool
		tries   int // of what is missing then
		key     bool
	}{
		{"an upper layer is given up", []packet{{1, base}, {3, one}}, false, true, 0, false},
		{"but may be reordered: asked for once", []packet{{1, base}, {3, one}}, true, false, 1, false},
		{"the base layer is asked for thrice, then a key frame", []packet{{1, before}, {3, behind}}, false, false, 3, true},
		{"what isn't known is asked for thrice", []packet{{1, Frame{}}, {3, one}}, false, false, 3, false},
		{"more frames than packets aren't believed", []packet{{1, base}, {3, next}}, false, false, 3, false},
		{"padding before the hole", []packet{{1, base}, {2, Frame{Key: true}}, {4, one}}, false, false, 3, false},
		{"a key frame needs nothing before it", []packet{{1, base}, {3, Frame{Key: true, First: true}}}, false, false, 0, false},
	}
	for _, r := range rows {
		g := New(Config{})
		if r.late {
			g.Received(65000, 0)
			g.Received(65002, 0)
			g.Received(65001, 0)
			g.Reset()
		}
		var closed bool
		for i, p := range r.packets {
			g.Received(p.number, ms)
			if p.frame.Key && !p.frame.First {
				continue // stands for padding: nothing is noted
			}
			_, count, c := g.Note(p.number, p.frame, ms)
			if closed = c; i == len(r.packets)-1 && count != 1 {
				t.Errorf("%s: a hole of %d", r.name, count)
			}
		}
		tries := 0
		for now := ms; now < 2*time.Second; now += 10 * ms {
			tries += len(g.Due(now, 50*ms, nil))
		}
		if closed != r.closed || tries != r.tries || g.Missing() != 0 || g.Lost() != 1 || g.NeedKeyFrame() != r.key {
			t.Errorf("%s: closed %t, %d tries, %d missing, %d lost; want %t, %d, 0, 1, key frame %t", r.name, closed, tries, g.Missing(), g.Lost(), r.closed, r.tries, r.key)
		}
	}
}

// A hole that nobody would see filled is cut, once.
func TestCut(t *testing.T) {
	rows := []struct {
		name    string
		skipped int
		silence time.Duration
		cut     bool
	}{
		{"a few, at once", 20, ms, false},
		{"a few, after a long silence: a screen that was still", 20, 5 * time.Second, false},
		{"an outage", 30, time.Second, true},
		{"a short outage", 30, 900 * ms, false},
		{"too many", 257, ms, true},
		{"a thousand", 1000, 900 * ms, true},
	}
	for _, r := range rows {
		g := New(Config{})
		g.Received(65500, 0)
		number := uint16(65500 + r.skipped + 1)
		g.Received(number, r.silence)
		cut, asked := g.Cut(), len(g.Due(r.silence+time.Millisecond*20, 0, nil))
		if cut != r.cut || g.Cut() || g.NeedKeyFrame() != r.cut || (asked > 0) == r.cut {
			t.Errorf("%s: cut %t, %d asked for; want %t", r.name, cut, asked, r.cut)
		}
	}
}

func TestNoteAllocs(t *testing.T) {
	g := New(Config{})
	packets := l1t3(rand.New(rand.NewPCG(1, 1)), 4000)
	i := 0
	out := make([]uint16, 0, 64)
	next := func() {
		if i%10 != 0 {
			g.Received(uint16(i), time.Duration(i)*ms)
			g.Note(uint16(i), packets[i], time.Duration(i)*ms)
		}
		out = g.Due(time.Duration(i)*ms, 50*ms, out[:0])
		i++
	}
	for range 2000 {
		next()
	}
	if n := testing.AllocsPerRun(1000, next); n != 0 {
		t.Errorf("%v allocations (PF-8)", n)
	}
}
