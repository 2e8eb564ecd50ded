package report

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Every duration is in the cell that it is counted in, and cells follow each
// other without a gap.
func TestCells(t *testing.T) {
	last := int64(0)
	for cell := range mostCells {
		from, until := bounds(cell)
		if from != last || until <= from {
			t.Fatalf("cell %d is from %d to %d; the one before ends at %d", cell, from, until, last)
		}
		if cellOf(from) != cell || cellOf(until-1) != cell {
			t.Fatalf("cell %d: its ends are counted in %d and %d", cell, cellOf(from), cellOf(until-1))
		}
		last = until
	}
	if last != mostSeconds*1000 {
		t.Errorf("the last cell ends at %d", last)
	}
	for _, ms := range []int64{-5, math.MaxInt64} {
		if cell := cellOf(ms); cell < 0 || cell >= mostCells {
			t.Errorf("%d is counted in %d", ms, cell)
		}
	}
}

// exactQuantile is the smallest value that a share q of all don't exceed.
func exactQuantile(sorted []int64, q float64) int64 {
	return sorted[max(int(math.Ceil(q*float64(len(sorted)))), 1)-1]
}

// The stated error of quantiles holds; merging in any parts and order, and
// storing, changes nothing.
func TestQuantiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(0, 90_000), rapid.Int64Range(0, 5_000_000), rapid.Int64Range(0, 1<<40)), 1, 200).Draw(t, "values")
		var parts [3]Histogram
		for i, v := range values {
			parts[i%3].Add(v)
		}
		var h Histogram
		for _, i := range rapid.Permutation([]int{0, 1, 2}).Draw(t, "order") {
			data, err := json.Marshal(parts[i])
			if err != nil {
				t.Fatal(err)
			}
			var stored Histogram
			if err := json.Unmarshal(data, &stored); err != nil {
				t.Fatal(err)
			}
			h.Merge(stored)
		}
		slices.Sort(values)
		for _, q := range []float64{0, 0.1, 0.5, 0.95, 1} {
			got, ok := h.Quantile(q)
			want := exactQuantile(values, q)
			if !ok || math.Abs(float64(got-want)) > max(500, 0.016*float64(want)) {
				t.Fatalf("quantile %g of %d values is %d; want %d", q, len(values), got, want)
			}
		}
	})
	var none Histogram
	if _, ok := none.Quantile(0.5); ok {
		t.Error("nothing has a median")
	}
	for _, bad := range []string{`[1]`, `[-1,2]`, `[99999,1]`, `[1,-2]`, `{}`, `[1.5,1]`} {
		if err := json.Unmarshal([]byte(bad), &none); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}
