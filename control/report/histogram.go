package report

import (
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// Histogram counts durations: of seconds below a minute and four each, beyond
// it 32 of each power of two. Whatever it holds it has at most 64 + 32·25
// cells; those that are empty aren't stored.
type Histogram struct {
	cells map[int]int64
	count int64
}

const (
	exactSeconds = 64 // whole seconds below have a cell each
	cellsOfPower = 32
	powerBits    = 5 // of cellsOfPower
	exactBits    = 6 // of exactSeconds
	mostSeconds  = 1 << 31
)

// cellOf is the cell of a duration in milliseconds.
func cellOf(ms int64) int {
	s := uint64(min(max(ms, 0)/1000, mostSeconds-1))
	if s < exactSeconds {
		return int(s)
	}
	power := bits.Len64(s) - 1 // at least exactBits
	return exactSeconds + (power-exactBits)*cellsOfPower + int(s>>(power-powerBits))&(cellsOfPower-1)
}

const mostCells = exactSeconds + (31-exactBits)*cellsOfPower

// bounds are the milliseconds that a cell holds: from, up to but not including
// until.
func bounds(cell int) (from, until int64) {
	if cell < exactSeconds {
		return int64(cell) * 1000, int64(cell+1) * 1000
	}
	power := exactBits + (cell-exactSeconds)/cellsOfPower
	width := int64(1) << (power - powerBits)
	from = int64(1)<<power + int64((cell-exactSeconds)%cellsOfPower)*width
	return from * 1000, (from + width) * 1000
}

// Add counts a duration in milliseconds.
func (h *Histogram) Add(ms int64) { h.add(cellOf(ms), 1) }

func (h *Histogram) add(cell int, n int64) {
	if h.cells == nil {
		h.cells = make(map[int]int64)
	}
	h.cells[cell] += n
	h.count += n
}

// Merge counts what another one has.
func (h *Histogram) Merge(o Histogram) {
	for cell, n := range o.cells {
		h.add(cell, n)
	}
}

// Count is how many durations it has.
func (h *Histogram) Count() int64 { return h.count }

// Quantile returns the duration in milliseconds that a share q of all don't
// exceed (the smallest with that rank), to the middle of its cell: at most half
// a second off below 64 s, and 1/64 beyond. false when there are none.
func (h *Histogram) Quantile(q float64) (ms int64, ok bool) {
	if h.count == 0 {
		return 0, false
	}
	rank := min(max(int64(math.Ceil(q*float64(h.count))), 1), h.count)
	for _, cell := range h.sorted() {
		if rank -= h.cells[cell]; rank <= 0 {
			from, until := bounds(cell)
			return (from + until) / 2, true
		}
	}
	return 0, false
}

func (h *Histogram) sorted() []int {
	list := make([]int, 0, len(h.cells))
	for cell := range h.cells {
		list = append(list, cell)
	}
	slices.Sort(list)
	return list
}

// between is how many of the durations are in cells that begin from from on
// and before until, in milliseconds.
func (h *Histogram) between(from, until int64) int64 {
	var n int64
	for cell, count := range h.cells {
		if begin, _ := bounds(cell); begin >= from && begin < until {
			n += count
		}
	}
	return n
}

// MarshalJSON writes pairs of cell and count, in order.
func (h Histogram) MarshalJSON() ([]byte, error) {
	list := make([]int64, 0, 2*len(h.cells))
	for _, cell := range h.sorted() {
		list = append(list, int64(cell), h.cells[cell])
	}
	return json.Marshal(list)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (h *Histogram) UnmarshalJSON(data []byte) error {
	var list []int64
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	if len(list)%2 != 0 {
		return fmt.Errorf("a histogram of %d numbers", len(list))
	}
	*h = Histogram{}
	for i := 0; i < len(list); i += 2 {
		if list[i] < 0 || list[i] >= mostCells || list[i+1] < 0 {
			return fmt.Errorf("a histogram has the cell %d with %d", list[i], list[i+1])
		}
		h.add(int(list[i]), list[i+1])
	}
	return nil
}
