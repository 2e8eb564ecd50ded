package codec

import (
	"testing"

	"pgregory.net/rapid"
)

// step is one call on a VP8Rewriter and what it must answer.
type step struct {
	call string // map, drop, join, switch, or refuse (a Map that must fail)
	id   int
	tl0  uint8
	want int // outgoing id of map
	tl   uint8
}

func TestVP8Rewriter(t *testing.T) {
	tests := []struct {
		name   string
		narrow bool
		steps  []step
	}{
		{"first stream passes through", false, []step{
			{"map", 100, 7, 100, 7}, {"map", 100, 7, 100, 7}, {"map", 101, 7, 101, 7}}},
		{"wide wrap", false, []step{{"map", 0x7FFF, 255, 0x7FFF, 255}, {"map", 0, 0, 0, 0}, {"map", 1, 1, 1, 1}}},
		{"narrow wrap", true, []step{{"map", 127, 1, 127, 1}, {"map", 0, 2, 128, 2}, {"map", 1, 3, 129, 3}}},
		{"late frame keeps its id", false, []step{
			{"map", 10, 1, 10, 1}, {"map", 12, 2, 12, 2}, {"map", 11, 1, 11, 1}, {"map", 13, 2, 13, 2}}},
		{"late across the wrap", false, []step{
			{"map", 0x7FFE, 1, 0x7FFE, 1}, {"map", 1, 2, 1, 2}, {"map", 0x7FFF, 1, 0x7FFF, 1}, {"map", 0, 1, 0, 1}}},
		{"left out frames close up", false, []step{
			{"map", 10, 1, 10, 1}, {"drop", 11, 1, 0, 0}, {"drop", 11, 1, 0, 0}, {"map", 12, 2, 11, 2},
			{"drop", 13, 2, 0, 0}, {"drop", 14, 2, 0, 0}, {"map", 15, 3, 12, 3}}},
		{"a left out frame stays out", false, []step{
			{"map", 10, 1, 10, 1}, {"drop", 11, 1, 0, 0}, {"refuse", 11, 1, 0, 0}, {"map", 12, 2, 11, 2}, {"refuse", 11, 1, 0, 0}}},
		{"a frame begun isn't left out", false, []step{
			{"map", 10, 1, 10, 1}, {"map", 11, 1, 11, 1}, {"drop", 11, 1, 0, 0}, {"map", 11, 1, 11, 1}, {"map", 12, 1, 12, 1}}},
		{"late after left out frames", false, []step{
			{"map", 10, 1, 10, 1}, {"drop", 11, 1, 0, 0}, {"map", 13, 2, 12, 2}, {"map", 12, 2, 11, 2}}},
		{"a late left out frame leaves its hole", false, []step{
			{"map", 10, 1, 10, 1}, {"map", 12, 1, 12, 1}, {"drop", 11, 1, 0, 0}, {"map", 13, 1, 13, 1}}},
		{"a left out base frame leaves a hole in tl0", false, []step{
			{"map", 10, 1, 10, 1}, {"drop", 11, 2, 0, 0}, {"map", 12, 3, 11, 3}}},
		{"switch continues", false, []step{
			{"map", 10, 1, 10, 1}, {"switch", 0, 0, 0, 0}, {"map", 900, 77, 11, 2}, {"map", 901, 78, 12, 3}}},
		{"switch continues over the wraps", false, []step{
			{"map", 0x7FFF, 255, 0x7FFF, 255}, {"switch", 0, 0, 0, 0}, {"map", 900, 77, 0, 0}, {"map", 901, 78, 1, 1}}},
		{"tl0 goes on from the highest", false, []step{
			{"map", 10, 1, 10, 1}, {"map", 12, 2, 12, 2}, {"map", 11, 1, 11, 1}, {"switch", 0, 0, 0, 0}, {"map", 900, 77, 13, 3}}},
		{"what an encoder left out before a key frame closes up", false, []step{
			{"map", 10, 1, 10, 1}, {"join", 14, 3, 0, 0}, {"map", 14, 3, 11, 2}, {"map", 15, 3, 12, 2}, {"refuse", 12, 2, 0, 0}}},
		{"a key frame that follows changes nothing", false, []step{
			{"map", 10, 1, 10, 1}, {"map", 12, 1, 12, 1}, {"join", 13, 2, 0, 0}, {"map", 13, 2, 13, 2}, {"map", 11, 1, 11, 1}}},
		{"a key frame after left out frames follows", false, []step{
			{"map", 10, 1, 10, 1}, {"drop", 11, 1, 0, 0}, {"join", 12, 2, 0, 0}, {"map", 12, 2, 11, 2}}},
		{"tl0 goes on from a frame more than half the range ahead", false, []step{
			{"map", 10, 1, 10, 1}, {"map", 300, 150, 300, 150}, {"switch", 0, 0, 0, 0}, {"map", 900, 7, 301, 151}}},
		{"before the switch is refused", false, []step{
			{"map", 10, 1, 10, 1}, {"switch", 0, 0, 0, 0}, {"map", 20, 5, 11, 2}, {"refuse", 19, 4, 0, 0}, {"refuse", 10, 1, 0, 0},
			{"map", 21, 6, 12, 3}}},
		{"before the switch is refused at zero", false, []step{
			{"map", 10, 1, 10, 1}, {"switch", 0, 0, 0, 0}, {"map", 0, 0, 11, 2}, {"refuse", 0x7FFF, 0, 0, 0}, {"map", 1, 1, 12, 3}}},
		{"switch after a late frame before a left out one", false, []step{
			{"map", 10, 1, 10, 1}, {"drop", 12, 1, 0, 0}, {"map", 11, 1, 11, 1}, {"switch", 0, 0, 0, 0}, {"map", 900, 7, 12, 2}}},
		{"switch from narrow", true, []step{
			{"map", 127, 1, 127, 1}, {"switch", 0, 0, 0, 0}, {"map", 50, 9, 128, 2}, {"refuse", 49, 9, 0, 0}}},
		{"an abandoned frame's id is given again", false, []step{
			{"map", 10, 1, 10, 1}, {"map", 11, 1, 11, 1}, {"abandon", 11, 1, 0, 0}, {"refuse", 11, 1, 0, 0}, {"map", 12, 1, 11, 1}, {"map", 13, 2, 12, 2}}},
		{"abandoned over the wrap, then a switch", false, []step{
			{"map", 0x7FFF, 1, 0x7FFF, 1}, {"map", 0, 1, 0, 1}, {"abandon", 0, 1, 0, 0}, {"switch", 0, 0, 0, 0}, {"map", 900, 7, 0, 2}}},
		{"abandoned twice, or unseen, or left out", false, []step{
			{"map", 10, 1, 10, 1}, {"map", 11, 1, 11, 1}, {"abandon", 11, 1, 0, 0}, {"abandon", 11, 1, 0, 0},
			{"abandon", 12, 1, 0, 0}, {"drop", 13, 1, 0, 0}, {"abandon", 13, 1, 0, 0}, {"map", 14, 2, 11, 2}}},
		{"abandoned behind others keeps its hole", false, []step{
			{"map", 10, 1, 10, 1}, {"map", 11, 1, 11, 1}, {"map", 12, 1, 12, 1}, {"abandon", 11, 1, 0, 0}, {"refuse", 11, 1, 0, 0}, {"map", 13, 2, 13, 2}}},
		{"abandoned before the first frame", false, []step{{"abandon", 9, 0, 0, 0}, {"map", 10, 1, 10, 1}}},
		{"drop before the first frame", false, []step{{"drop", 9, 0, 0, 0}, {"map", 10, 1, 10, 1}, {"map", 11, 1, 11, 1}}},
		{"drop between switch and first frame", false, []step{
			{"map", 10, 1, 10, 1}, {"switch", 0, 0, 0, 0}, {"drop", 50, 0, 0, 0}, {"map", 51, 3, 11, 2}}},
		{"reordering at the start is refused", false, []step{
			{"map", 10, 1, 10, 1}, {"refuse", 9, 1, 0, 0}, {"map", 11, 1, 11, 1}}},
		{"a jump becomes a hole of one", false, []step{
			{"map", 10, 1, 10, 1}, {"map", 5000, 2, 12, 2}, {"refuse", 4999, 2, 0, 0}, {"map", 5001, 3, 13, 3}}},
		{"older than the history", false, []step{
			{"map", 10, 1, 10, 1}, {"map", 11, 1, 11, 1}, {"map", 75, 1, 75, 1}, {"refuse", 11, 1, 0, 0}, {"map", 12, 1, 12, 1}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var w VP8Rewriter
			for i, s := range tt.steps {
				d := VP8{PictureID: uint16(s.id), HasPictureID: true, Wide: !tt.narrow, TL0: s.tl0, HasTL0: true, HasTID: true}
				switch s.call {
				case "switch":
					w.Switch()
				case "abandon":
					w.Abandon(d)
				case "drop":
					w.DropFrame(d)
				case "join":
					w.Join(d)
				default:
					id, tl0, ok := w.Map(d)
					if ok != (s.call == "map") {
						t.Fatalf("step %d: ok %t", i, ok)
					}
					if ok && (id != uint16(s.want) || tl0 != s.tl) {
						t.Fatalf("step %d: id %d tl0 %d, want %d %d", i, id, tl0, s.want, s.tl)
					}
				}
			}
		})
	}
}

// An encoder that starts anew with a much lower id, unannounced, is followed
// from its key frame on: refusing it for ever would freeze the receiver.
func TestVP8RewriterRestart(t *testing.T) {
	var w VP8Rewriter
	frame := VP8{PictureID: 20000, HasPictureID: true, Wide: true}
	w.Map(frame)
	frame.PictureID = 10000
	if _, _, ok := w.Map(frame); ok {
		t.Fatal("an old inter frame was accepted")
	}
	frame.KeyFrame, frame.FrameStart = true, true
	if id, _, ok := w.Map(frame); !ok || id != 20001 {
		t.Fatalf("key frame: id %d, %t", id, ok)
	}
}

func TestVP8RewriterWithoutPictureID(t *testing.T) {
	var w VP8Rewriter
	w.Map(VP8{PictureID: 9, HasPictureID: true, TL0: 3, HasTL0: true})
	w.DropFrame(VP8{})
	if id, tl0, ok := w.Map(VP8{}); id != 9 || tl0 != 3 || !ok {
		t.Errorf("got %d %d %t", id, tl0, ok)
	}
}

// TestVP8RewriterOracle compares with a model that has no wraps and no bounds.
func TestVP8RewriterOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wide := rapid.Bool().Draw(t, "wide")
		in := rapid.IntRange(0, 0x7FFF).Draw(t, "first")
		var w VP8Rewriter
		describe := func(id int) VP8 {
			d := VP8{PictureID: uint16(id & maskWide), HasPictureID: true, Wide: wide}
			if !wide {
				d.PictureID &= maskNarrow
			}
			return d
		}
		first, _, _ := w.Map(describe(in))
		highest, next, last := in, int(first)+1, int(first)
		out := map[int]int{in: int(first)} // -1: left out
		advance := func(id int) {
			for i := highest + 1; i < id; i++ {
				out[i] = next
				next++
			}
			highest = id
		}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"map", "map", "drop", "late", "switch"}).Draw(t, "call") {
			case "map":
				id := highest + rapid.IntRange(1, 5).Draw(t, "ahead")
				advance(id)
				out[id], last = next, next
				next++
				if got, _, ok := w.Map(describe(id)); !ok || int(got) != out[id]&maskWide {
					t.Fatalf("map %d: %d %t, want %d", id, got, ok, out[id])
				}
			case "drop":
				id := highest + rapid.IntRange(1, 5).Draw(t, "ahead")
				advance(id)
				out[id] = -1
				w.DropFrame(describe(id))
			case "late":
				id := highest - rapid.IntRange(0, vp8History-1).Draw(t, "behind")
				want, known := out[id]
				got, _, ok := w.Map(describe(id))
				if ok != (known && want >= 0) || ok && int(got) != want&maskWide {
					t.Fatalf("late %d: %d %t, want %d", id, got, ok, want)
				}
				last = max(last, want)
			case "switch":
				w.Switch()
				id := rapid.IntRange(0, 0x7FFF).Draw(t, "new")
				last++
				highest, next, out = id, last+1, map[int]int{id: last}
				if got, _, ok := w.Map(describe(id)); !ok || int(got) != last&maskWide {
					t.Fatalf("switch to %d: %d %t, want %d", id, got, ok, last)
				}
			}
		}
	})
}
