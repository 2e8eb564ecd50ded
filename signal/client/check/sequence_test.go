package check

import (
	"math/rand/v2"
	"testing"
)

// Sequence numbers are placed right wherever the numbers wrap: each row is run
// from 0, in the middle, and so that it crosses the wrap at every position.
func TestSequenceRows(t *testing.T) {
	type step struct {
		number int // since the first
		want   place
	}
	rows := map[string][]step{
		"in order":    {{0, first}, {1, next}, {2, next}},
		"loss":        {{0, first}, {3, ahead}, {4, next}},
		"late":        {{0, first}, {2, ahead}, {1, filling}, {3, next}},
		"duplicates":  {{0, first}, {0, duplicate}, {1, next}, {1, duplicate}, {0, duplicate}},
		"late twice":  {{0, first}, {2, ahead}, {1, filling}, {1, duplicate}},
		"before all":  {{0, first}, {-1, duplicate}},
		"window":      {{0, first}, {window, ahead}, {1, filling}, {0, duplicate}},
		"jump ahead":  {{0, first}, {window + 1, duplicate}, {window + 2, jump}, {window + 3, next}, {window + 1, duplicate}},
		"jump back":   {{0, first}, {-window - 9, duplicate}, {-window - 8, jump}, {-window - 7, next}},
		"stray":       {{0, first}, {5000, duplicate}, {1, next}, {-5000, duplicate}, {2, next}},
		"far and far": {{0, first}, {1000, ahead}, {2000, ahead}, {1999, filling}, {3000, ahead}, {1001, duplicate}},
	}
	for name, steps := range rows {
		for _, start := range []int{0, 30_000, 65_535, 65_534, 65_533, 65_000, 64_000} {
			var s sequence
			for i, step := range steps {
				if got := s.add(uint16(start+step.number), at(0)); got != step.want {
					t.Errorf("%s from %d: step %d (%d): %d, want %d", name, start, i, step.number, got, step.want)
				}
			}
		}
	}
}

// Oracle: random order, loss and duplicates against a map of what was seen.
func TestSequenceAgainstModel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var s sequence
	seen := map[int]bool{}
	const start = 60_000 // wraps several times
	highest := start
	s.add(uint16(start), at(0))
	seen[start] = true
	for range 200_000 {
		n := highest + 1 + random.IntN(3)
		if random.IntN(3) == 0 {
			n = highest - random.IntN(window-1)
		}
		if n < start {
			continue
		}
		got := s.add(uint16(n), at(0))
		switch {
		case seen[n]:
			if got != duplicate {
				t.Fatalf("%d again: %d", n, got)
			}
		case n < highest:
			if got != filling {
				t.Fatalf("%d late: %d", n, got)
			}
		case got != next && got != ahead:
			t.Fatalf("%d new: %d", n, got)
		}
		seen[n] = true
		highest = max(highest, n)
	}
	if missing := highest - start + 1 - len(seen); int(s.lost)+len(s.missing) != missing || len(s.missing) > window {
		t.Errorf("%d lost and %d waited for, %d are missing", s.lost, len(s.missing), missing)
	}
	if int(s.arrived) != len(seen) || s.highest != int64(highest) {
		t.Errorf("arrived %d of %d, highest %d of %d", s.arrived, len(seen), s.highest, highest)
	}
}
