package bench

import (
	"math"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// figure makes x a measured figure; what is not a number was not measured.
func figure(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

// ratio is part ÷ whole, nil when there is no whole.
func ratio(part, whole float64) *float64 { return figure(part / whole) }

// percentilesOf sums samples up exactly, by the nearest-rank method: pN is the
// smallest sample that at least N % of all samples do not exceed.
func percentilesOf(samples []time.Duration) Percentiles {
	if len(samples) == 0 {
		return Percentiles{}
	}
	sorted := slices.Sorted(slices.Values(samples))
	var sum time.Duration
	for _, s := range sorted {
		sum += s
	}
	rank := func(percent int) *float64 {
		at := (len(sorted)*percent + 99) / 100
		return figure(sorted[max(at, 1)-1].Seconds())
	}
	return Percentiles{
		Count: int64(len(sorted)),
		Min:   figure(sorted[0].Seconds()),
		Mean:  figure(sum.Seconds() / float64(len(sorted))),
		P50:   rank(50), P90: rank(90), P95: rank(95), P99: rank(99),
		Max: figure(sorted[len(sorted)-1].Seconds()),
	}
}

// percentilesOfHistogram sums a histogram up whose values are in unit. The
// error is the histogram's own (its significant digits).
func percentilesOfHistogram(h *hdrhistogram.Histogram, unit time.Duration) Percentiles {
	if h == nil || h.TotalCount() == 0 {
		return Percentiles{}
	}
	seconds := func(v float64) *float64 { return figure(v * unit.Seconds()) }
	rank := func(percent float64) *float64 { return seconds(float64(h.ValueAtPercentile(percent))) }
	return Percentiles{
		Count: h.TotalCount(),
		Min:   seconds(float64(h.Min())),
		Mean:  seconds(h.Mean()),
		P50:   rank(50), P90: rank(90), P95: rank(95), P99: rank(99),
		Max: seconds(float64(h.Max())),
	}
}
