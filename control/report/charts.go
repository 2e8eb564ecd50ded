package report

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"gonum.org/v1/plot"
)

// DayCounts counts consultations by days of the filter's zone.
type DayCounts struct {
	filter Filter
	by     map[int][2]int // by dateOf: seen, not seen
}

// NewDayCounts begins to count.
func NewDayCounts(f Filter) *DayCounts { return &DayCounts{filter: f, by: make(map[int][2]int)} }

// Add counts what ended at a time, or in the quarter that begins then.
func (c *DayCounts) Add(at time.Time, t VisitTotals) {
	day := dateOf(at.In(c.filter.Zone))
	n := c.by[day]
	c.by[day] = [2]int{n[0] + t.Seen, n[1] + t.Arrivals - t.Seen}
}

// Of returns how many of a date were seen, and how many weren't.
func (c *DayCounts) Of(year int, month time.Month, day int) (seen, unseen int) {
	n := c.by[dateOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))]
	return n[0], n[1]
}

// Days draws them: a bar for each day.
func (c *DayCounts) Days(w io.Writer) error {
	days := dates(c.filter.From, c.filter.Until, c.filter.Zone)
	most, seen, unseen := 0, 0, 0
	list := make([]bar, 0, 2*len(days))
	for i, day := range days {
		n := c.by[dateOf(day)]
		most, seen, unseen = max(most, n[0]+n[1]), seen+n[0], unseen+n[1]
		title := fmt.Sprintf("%s: %d seen, %d not seen", day.Format(time.DateOnly), n[0], n[1])
		list = append(list, bar{step: i, to: float64(n[0]), with: full.named(title)},
			bar{step: i, from: float64(n[0]), to: float64(n[0] + n[1]), with: hatched.named(title)})
	}
	f := &figure{
		title: "Consultations per day", period: c.filter.period(), unit: "consultations", key: true,
		desc: fmt.Sprintf("%s. %d consultations on %d days, of which %d were seen and %d were not; most on one day: %d.",
			c.filter.period(), seen+unseen, len(days), seen, unseen, most),
		steps: len(days), across: timeTicks(days, 0.5), marked: true, lines: true, bars: bars{list: list, share: barShare},
	}
	if most == 0 {
		f.key, f.note = false, "none"
	}
	f.up, f.top = upTo(float64(most))
	return f.draw(w)
}

// period is the filter's period in words: dates where it is made of whole days.
func (f Filter) period() string {
	from, until := f.From.In(f.Zone), f.Until.In(f.Zone)
	layout := "2006-01-02 15:04"
	if from.Equal(dayStart(from)) && until.Equal(dayStart(until)) {
		layout, until = time.DateOnly, until.Add(-time.Nanosecond)
	}
	first, last := from.Format(layout), until.Format(layout)
	if first == last {
		return fmt.Sprintf("%s (%s)", first, f.Zone)
	}
	return fmt.Sprintf("%s to %s (%s)", first, last, f.Zone)
}

// dayStart is when the day of a time began in its zone.
func dayStart(t time.Time) time.Time {
	y, m, d := t.Date()
	return DayStart(y, m, d, t.Location())
}

// waitEdges are where the bars of Waits begin, in seconds: cells of a Histogram
// begin there too, so that no count is split.
var waitEdges = [...]struct {
	from  int64
	label string // in minutes
}{
	{0, "under ½"}, {30, "½–1"}, {60, "1–2"}, {120, "2–4"}, {240, "4–8"}, {480, "8–16"}, {960, "16–32"}, {1920, "32–64"}, {3840, "over 64"},
}

// Waits draws how waiting times are spread, in minutes.
func Waits(w io.Writer, f Filter, t VisitTotals) error {
	list := make([]bar, len(waitEdges))
	across := make([]plot.Tick, len(waitEdges))
	var most int64
	for i, edge := range waitEdges {
		until := int64(mostSeconds)
		if i+1 < len(waitEdges) {
			until = waitEdges[i+1].from
		}
		n := t.Waits.between(edge.from*1000, until*1000)
		most = max(most, n)
		list[i] = bar{step: i, to: float64(n), with: full.named(fmt.Sprintf("%s min: %d", edge.label, n)), label: strconv.FormatInt(n, 10)}
		across[i] = plot.Tick{Value: float64(i) + 0.5, Label: edge.label}
	}
	figures := "nobody waited"
	if median, ok := t.Waits.Quantile(0.5); ok {
		p95, _ := t.Waits.Quantile(0.95)
		figures = fmt.Sprintf("median %s, 95th percentile %s", words(median), words(p95))
	}
	drawing := &figure{
		title: "Waiting times", period: f.period(), unit: "visits", note: figures, under: "minutes of waiting",
		desc:  fmt.Sprintf("%s. %d visits: %s.", f.period(), t.Waits.Count(), figures),
		steps: len(list), across: across, lines: true, bars: bars{list: list, share: barShare},
	}
	drawing.up, drawing.top = upTo(float64(most))
	return drawing.draw(w)
}

// words are milliseconds in words.
func words(ms int64) string {
	if s := ms / 1000; s < 120 {
		return fmt.Sprintf("%d s", s)
	}
	return fmt.Sprintf("%d min", (ms+30_000)/60_000)
}

// BusyTimes are how many calls went on at once: the mean of each quarter of an
// hour.
type BusyTimes struct {
	filter Filter
	by     map[int64]int64 // ms of calls by quarter
}

// NewBusyTimes begins to add.
func NewBusyTimes(f Filter) *BusyTimes { return &BusyTimes{filter: f, by: make(map[int64]int64)} }

// Add adds calls' time within the quarter that begins at a time.
func (b *BusyTimes) Add(quarter time.Time, t BusyTotals) {
	if end := quarter.Add(Quarter); end.After(b.filter.From) && quarter.Before(b.filter.Until) {
		b.by[quarter.Unix()] += t.Busy
	}
}

// At is the mean in the quarter that begins at a time.
func (b *BusyTimes) At(quarter time.Time) float64 {
	return float64(b.by[quarter.Unix()]) / float64(Quarter.Milliseconds())
}

const quarterName = "quarter of an hour"

// bins are what the drawing has a step for, by their beginnings in the zone:
// quarters of an hour for up to two days, hours up to two weeks, else days.
func (b *BusyTimes) bins() (begins []time.Time, name string) {
	f := b.filter
	step := Quarter
	switch length := f.Until.Sub(f.From); {
	case length <= 2*Day:
		name = quarterName
	case length <= 14*Day:
		name, step = "hour", time.Hour
	default:
		for _, day := range dates(f.From, f.Until, f.Zone) {
			y, m, d := day.Date()
			begins = append(begins, DayStart(y, m, d, f.Zone))
		}
		return begins, "day"
	}
	for t := f.From.Truncate(Quarter); t.Before(f.Until); t = t.Add(step) {
		begins = append(begins, t.In(f.Zone))
	}
	return begins, name
}

// Concurrency draws them: of each bin its busiest quarter of an hour.
func (b *BusyTimes) Concurrency(w io.Writer) error {
	begins, name := b.bins()
	list := make([]bar, len(begins))
	var top float64
	for i, begin := range begins {
		end := b.filter.Until
		if i+1 < len(begins) {
			end = begins[i+1]
		}
		var most float64
		for q := begin.Truncate(Quarter); q.Before(end); q = q.Add(Quarter) {
			most = max(most, b.At(q))
		}
		top = max(top, most)
		list[i] = bar{step: i, to: most, with: full.named(begin.Format("2006-01-02 15:04") + ": " + num(most))}
	}
	f := &figure{
		title: "Calls at once", period: b.filter.period(), note: "at most " + num(top),
		unit: "calls at once, as the mean of each quarter of an hour",
		desc: fmt.Sprintf("%s. The busiest quarter of an hour of each %s, as the mean number of calls in it; the busiest of all had %s.",
			b.filter.period(), name, num(top)),
		steps: len(list), across: timeTicks(begins, 0), marked: true, lines: true, bars: bars{list: list, share: 1},
	}
	if name != quarterName {
		f.unit = "calls at once, in the busiest quarter of an hour of each " + name
	}
	if name == "day" {
		f.across = timeTicks(begins, 0.5)
	}
	if top == 0 {
		f.note = "none"
	}
	f.up, f.top = upTo(top)
	return f.draw(w)
}

// Heat is the mean quality of calls by weekday and hour of the filter's zone.
type Heat struct {
	filter Filter
	cells  [7][24]CallTotals // Monday first
}

// NewHeat begins to add.
func NewHeat(f Filter) *Heat { return &Heat{filter: f} }

// Add adds calls that ended at a time, or in the quarter that begins then.
func (h *Heat) Add(at time.Time, t CallTotals) {
	local := at.In(h.filter.Zone)
	h.cells[(int(local.Weekday())+6)%7][local.Hour()].Merge(t)
}

// At is the mean score of a weekday and hour, and of how many calls.
func (h *Heat) At(day time.Weekday, hour int) (score float64, calls int) {
	t := h.cells[(int(day)+6)%7][hour]
	if t.Rated == 0 {
		return 0, 0
	}
	return t.Score / float64(t.Rated), t.Rated
}

// Draw draws it: a cell for each hour, darker the worse, with its score.
func (h *Heat) Draw(w io.Writer) error {
	const gap = 0.04
	var all CallTotals
	list := make([]bar, 0, 7*24)
	var across, up []plot.Tick
	for day := range h.cells {
		below := float64(6 - day) // Monday is on top
		weekday := time.Weekday((day + 1) % 7)
		up = append(up, plot.Tick{Value: below + 0.5, Label: weekday.String()[:3]})
		for hour, t := range h.cells[day] {
			all.Merge(t)
			cell := bar{step: hour, from: below + gap, to: below + 1 - gap, with: blank}
			if score, n := h.At(weekday, hour); n > 0 {
				cell.with, cell.inside = cellPaints(score)
				cell.with = cell.with.named(fmt.Sprintf("%s %02d:00: score %.0f, %d calls", weekday, hour, score, n))
				cell.label = fmt.Sprintf("%.0f", score)
			}
			list = append(list, cell)
		}
	}
	for hour := 0; hour < 24; hour += 3 {
		across = append(across, plot.Tick{Value: float64(hour) + 0.5, Label: fmt.Sprintf("%02d", hour)})
	}
	mean := "no call was measured"
	if all.Rated > 0 {
		mean = fmt.Sprintf("%d calls, mean score %.0f", all.Rated, all.Score/float64(all.Rated))
	}
	f := &figure{
		title: "Quality of calls by weekday and hour", period: h.filter.period(), note: mean,
		unit:  "mean score: 100 is good, 0 is lost, darker is worse",
		desc:  fmt.Sprintf("%s. Scores from 0 (lost) to 100 (good), by the end of the call: %s.", h.filter.period(), mean),
		steps: 24, across: across, under: "hour of the day", up: up, top: 7, bars: bars{list: list, share: 1 - 2*gap},
	}
	return f.draw(w)
}

// cellPaints are those of a cell and of the number in it, on any page.
func cellPaints(score float64) (cell, number paint) {
	shade, digits := cellColours(score)
	grey := func(v int) string { return fmt.Sprintf("#%02x%02x%02x", v, v, v) }
	return paint{class: "cell", light: grey(shade), edge: axis.light}, paint{class: "score", light: grey(digits)}
}

// cellColours are the greys of a cell and of the number in it: from nearly
// white (100) to nearly black (0), and the number whichever stands out more.
func cellColours(score float64) (cell, text int) {
	cell = 40 + int(2*score)
	if cell > 117 { // where black and white have the same contrast to it
		return cell, 0
	}
	return cell, 255
}
