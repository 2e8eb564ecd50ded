package report

import (
	"fmt"
	"io"
	"strconv"
	"time"
)

const barShare = 0.8 // of the room that a bar has

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
	for _, day := range days {
		n := c.by[dateOf(day)]
		most, seen, unseen = max(most, n[0]+n[1]), seen+n[0], unseen+n[1]
	}
	d := &drawing{w: w}
	d.begin("Consultations per day", fmt.Sprintf("%s. %d consultations on %d days, of which %d were seen and %d were not; most on one day: %d.",
		c.filter.period(), seen+unseen, len(days), seen, unseen, most), chartHeight)
	s := scaleTo(float64(most))
	d.axes(s, "consultations")
	d.key("seen", "not seen")
	room := float64(plotWidth) / float64(len(days))
	labels := every(len(days), 10)
	for i, day := range days {
		n := c.by[dateOf(day)]
		x := marginLeft + room*(float64(i)+(1-barShare)/2)
		title := fmt.Sprintf("%s: %d seen, %d not seen", day.Format(time.DateOnly), n[0], n[1])
		d.bar(x, room*barShare, s, 0, float64(n[0]), false, title)
		d.bar(x, room*barShare, s, float64(n[0]), float64(n[0]+n[1]), true, title)
		if i%labels == 0 {
			d.below(marginLeft+room*(float64(i)+0.5), day.Format("2 Jan"))
		}
	}
	return d.end()
}

// period is the filter's period in words.
func (f Filter) period() string {
	return fmt.Sprintf("%s to %s (%s)", f.From.In(f.Zone).Format("2006-01-02 15:04"), f.Until.In(f.Zone).Format("2006-01-02 15:04"), f.Zone)
}

// waitEdges are where the bars of Waits begin, in seconds: cells of a Histogram
// begin there too, so that no count is split.
var waitEdges = [...]struct {
	from  int64
	label string
}{
	{0, "under ½ min"}, {30, "½–1"}, {60, "1–2"}, {120, "2–4"}, {240, "4–8"}, {480, "8–16"}, {960, "16–32"}, {1920, "32–64"}, {3840, "over 64"},
}

// Waits draws how waiting times are spread, in minutes.
func Waits(w io.Writer, f Filter, t VisitTotals) error {
	counts := make([]int64, len(waitEdges))
	var most int64
	for i, edge := range waitEdges {
		until := int64(mostSeconds)
		if i+1 < len(waitEdges) {
			until = waitEdges[i+1].from
		}
		counts[i] = t.Waits.between(edge.from*1000, until*1000)
		most = max(most, counts[i])
	}
	d := &drawing{w: w}
	figures := "nobody waited"
	if median, ok := t.Waits.Quantile(0.5); ok {
		p95, _ := t.Waits.Quantile(0.95)
		figures = fmt.Sprintf("median %s, 95th percentile %s", words(median), words(p95))
	}
	d.begin("Waiting times", fmt.Sprintf("%s. %d visits: %s.", f.period(), t.Waits.Count(), figures), chartHeight)
	s := scaleTo(float64(most))
	d.axes(s, "visits, by minutes of waiting")
	d.text(chartWidth-marginRight, marginTop-10, "end", "ink", ink, 12, figures)
	room := float64(plotWidth) / float64(len(counts))
	for i, n := range counts {
		x := marginLeft + room*(float64(i)+(1-barShare)/2)
		d.bar(x, room*barShare, s, 0, float64(n), false, fmt.Sprintf("%s: %d", waitEdges[i].label, n))
		d.below(marginLeft+room*(float64(i)+0.5), waitEdges[i].label)
		if n > 0 {
			d.text(x+room*barShare/2, s.y(float64(n))-4, "middle", "ink", ink, 11, strconv.FormatInt(n, 10))
		}
	}
	return d.end()
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

// bins are what the drawing has a step for: quarters of an hour for up to two
// days, hours up to two weeks, else days of the zone.
func (b *BusyTimes) bins() (starts []time.Time, name, layout string) {
	f := b.filter
	var next func(time.Time) time.Time
	switch length := f.Until.Sub(f.From); {
	case length <= 2*Day:
		name, layout = quarterName, "15:04"
		next = func(t time.Time) time.Time { return t.Add(Quarter) }
	case length <= 14*Day:
		name, layout = "hour", "2 Jan 15:04"
		next = func(t time.Time) time.Time { return t.Add(time.Hour) }
	default:
		name, layout = "day", "2 Jan"
		for _, day := range dates(f.From, f.Until, f.Zone) {
			y, m, d := day.Date()
			starts = append(starts, DayStart(y, m, d, f.Zone))
		}
		return starts, name, layout
	}
	for t := f.From.Truncate(Quarter); t.Before(f.Until); t = next(t) {
		starts = append(starts, t)
	}
	return starts, name, layout
}

// Concurrency draws them: of each bin its busiest quarter of an hour.
func (b *BusyTimes) Concurrency(w io.Writer) error {
	starts, name, layout := b.bins()
	most := make([]float64, len(starts))
	var top float64
	for i, start := range starts {
		end := b.filter.Until
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		for q := start.Truncate(Quarter); q.Before(end); q = q.Add(Quarter) {
			most[i] = max(most[i], b.At(q))
		}
		top = max(top, most[i])
	}
	d := &drawing{w: w}
	d.begin("Calls at once", fmt.Sprintf("%s. The busiest quarter of an hour of each %s, as the mean number of calls in it; the busiest of all had %s.",
		b.filter.period(), name, num(top)), chartHeight)
	s := scaleTo(top)
	unit := "calls at once, as the mean of each quarter of an hour"
	if name != quarterName {
		unit = "calls at once, in the busiest quarter of an hour of each " + name
	}
	d.axes(s, unit)
	room := float64(plotWidth) / float64(max(1, len(starts)))
	d.printf(`<path class="line" fill="none" stroke="%s" stroke-width="2" d="M%d %s`, strong, marginLeft, num(s.y(0)))
	for i, v := range most {
		x := marginLeft + room*float64(i)
		d.printf("L%s %sL%s %s", num(x), num(s.y(v)), num(x+room), num(s.y(v)))
	}
	d.printf("L%d %s\"/>\n", chartWidth-marginRight, num(s.y(0)))
	labels := every(len(starts), 8)
	for i, start := range starts {
		if i%labels == 0 {
			d.below(marginLeft+room*(float64(i)+0.5), start.In(b.filter.Zone).Format(layout))
		}
	}
	return d.end()
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
	const cellWidth, cellHeight, top = float64(plotWidth) / 24, 26.0, 52.0
	var all CallTotals
	for _, day := range h.cells {
		for _, t := range day {
			all.Merge(t)
		}
	}
	mean := "no call was measured"
	if all.Rated > 0 {
		mean = fmt.Sprintf("%d calls, mean score %.0f", all.Rated, all.Score/float64(all.Rated))
	}
	height := int(top + 7*cellHeight + 34)
	d := &drawing{w: w}
	d.begin("Quality of calls by weekday and hour", fmt.Sprintf("%s. Scores from 0 (lost) to 100 (good), by the end of the call: %s.", h.filter.period(), mean), height)
	d.text(marginLeft, 40, "start", "quiet", quiet, 11, "mean score, 100 is good; darker is worse")
	for day := range h.cells {
		y := top + cellHeight*float64(day)
		weekday := time.Weekday((day + 1) % 7)
		d.text(marginLeft-8, y+cellHeight/2+4, "end", "quiet", quiet, 11, weekday.String()[:3])
		for hour := range h.cells[day] {
			x := marginLeft + cellWidth*float64(hour)
			score, n := h.At(weekday, hour)
			if n == 0 {
				d.printf(`<rect class="grid" x="%s" y="%s" width="%s" height="%s" fill="none" stroke="%s"/>`+"\n", num(x), num(y), num(cellWidth-2), num(cellHeight-2), grid)
				continue
			}
			shade, text := cellColours(score)
			d.printf(`<rect x="%s" y="%s" width="%s" height="%s" fill="#%02x%02x%02x" stroke="%s"><title>%s %02d:00: score %.0f, %d calls</title></rect>`+"\n",
				num(x), num(y), num(cellWidth-2), num(cellHeight-2), shade, shade, shade, quiet, weekday, hour, score, n)
			d.text(x+cellWidth/2-1, y+cellHeight/2+3, "middle", "score", fmt.Sprintf("#%02x%02x%02x", text, text, text), 11, fmt.Sprintf("%.0f", score))
		}
	}
	for hour := 0; hour < 24; hour += 3 {
		d.text(marginLeft+cellWidth*(float64(hour)+0.5), top+7*cellHeight+16, "middle", "quiet", quiet, 11, fmt.Sprintf("%02d", hour))
	}
	return d.end()
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
