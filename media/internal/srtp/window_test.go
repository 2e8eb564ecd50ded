package srtp

import (
	"testing"

	"pgregory.net/rapid"
)

// The window against a set of everything that was added.
func TestWindowModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w window
		used := map[uint64]bool{}
		highest, started := uint64(0), false
		for range rapid.IntRange(1, 200).Draw(t, "operations") {
			step := rapid.OneOf(rapid.Int64Range(-2, 3), rapid.Int64Range(-windowSize-2, windowSize+2),
				rapid.Int64Range(-70, 130), rapid.Int64Range(0, 1<<20)).Draw(t, "step")
			index := uint64(max(int64(highest)+step, 0))
			want := !started || index > highest || highest-index < windowSize && !used[index]
			if got := w.fresh(index); got != want {
				t.Fatalf("fresh(%d) = %t with highest %d", index, got, highest)
			}
			if !want {
				continue
			}
			w.add(index)
			used[index], started, highest = true, true, max(highest, index)
			if w.fresh(index) {
				t.Fatalf("%d is fresh after it was added", index)
			}
		}
	})
}

// RFC 3711 section 3.3.1 and appendix A; SE-11.
func TestWindowReceived(t *testing.T) {
	at := func(rollover, sequence uint64) uint64 { return rollover<<16 | sequence }
	for _, tt := range []struct {
		name     string
		highest  uint64
		sequence uint16
		want     uint64
	}{
		{"next", at(0, 5), 6, at(0, 6)},
		{"late", at(3, 5), 4, at(3, 4)},
		{"wrap", at(0, 65535), 0, at(1, 0)},
		{"late, before the wrap", at(1, 0), 65535, at(0, 65535)},
		{"no rollover before the first", at(0, 3), 65000, at(0, 65000)},
		{"half a range ahead, low", at(2, 100), 100 + 1<<15, at(2, 100+1<<15)},
		{"more than half ahead, low: late", at(2, 100), 101 + 1<<15, at(1, 101+1<<15)},
		{"half a range behind, high", at(2, 1<<15), 0, at(2, 0)},
		{"more than half behind, high: wrapped", at(2, 1<<15+1), 0, at(3, 0)},
		{"the last rollover ends", maxIndex, 0, maxIndex + 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := window{highest: tt.highest, started: true}
			if got := w.received(tt.sequence); got != tt.want {
				t.Errorf("got %x, want %x", got, tt.want)
			}
		})
	}
	if got := (&window{}).received(65535); got != 65535 {
		t.Errorf("first packet: %d", got)
	}
}

func TestWindowSent(t *testing.T) {
	for _, tt := range []struct {
		name     string
		highest  uint64
		sequence uint16
		want     uint64
		ok       bool
	}{
		{"next", 5, 6, 6, true},
		{"late", 5, 0, 0, true},
		{"before the first rollover", 5, 65535, 0, false},
		{"wrap", 65535, 0, 65536, true},
		{"late, before the wrap", 65536, 65535, 65535, true},
		{"furthest step", 1 << 16, 32767, 1<<16 + 32767, true},
		{"too far: taken for old (SE-11)", 1 << 16, 32768, 1 << 15, true},
		{"the last rollover ends", maxIndex, 0, maxIndex + 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := window{highest: tt.highest, started: true}
			if got, ok := w.sent(tt.sequence); got != tt.want || ok != tt.ok {
				t.Errorf("got %d, %t, want %d, %t", got, ok, tt.want, tt.ok)
			}
		})
	}
}

// From a full window, after a step of any size at any place in a word, exactly
// the indexes that were stepped over are fresh.
func TestWindowStep(t *testing.T) {
	for place := range uint64(64) {
		for step := uint64(1); step <= windowSize+2; step++ {
			if step == 131 {
				step = windowSize - 66
			}
			w := window{highest: 1<<16 + place, started: true}
			for i := range w.used {
				w.used[i] = ^uint64(0)
			}
			before := w.highest
			w.add(before + step)
			for back := range uint64(windowSize + 1) {
				index := before + step - back
				want := index > before && back > 0 && back < windowSize
				if w.fresh(index) != want {
					t.Fatalf("place %d, step %d, %d back: fresh is %t", place, step, back, !want)
				}
			}
		}
	}
}
