package report

import (
	"io"
	"math"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Places in a drawing, in CSS pixels.
const (
	margin     = 16
	firstLine  = 24 // of the heading, from above
	secondLine = 44
	plotBegins = 62
	plotEnds   = 12 // from below
	barShare   = 0.8
	widestBar  = 64
	narrowest  = 5 // of steps, for gaps between their bars
)

// figure is a chart, as gonum.org/v1/plot is to draw it: bars upon steps of the
// horizontal axis, of which the first goes from 0 to 1.
type figure struct {
	title, desc string // desc is for who doesn't see the rest
	period      string
	unit        string // of the vertical axis, or of cells
	note        string // a figure that sums all up
	key         bool   // say what full and hatched bars are
	steps       int
	across      []plot.Tick
	marked      bool   // there are ticks at across's labels
	under       string // unit of the horizontal axis
	up          []plot.Tick
	top         float64 // of the vertical axis, which begins at 0
	lines       bool    // at up's labels
	bars        bars
}

// draw writes it.
func (f *figure) draw(w io.Writer) error {
	c := &canvas{w: w}
	c.begin(f.title, f.desc)
	page := draw.NewCanvas(c, chartWidth, chartHeight)
	f.heading(c, page)
	p := plot.New()
	p.BackgroundColor = nil
	f.axes(c, p)
	if f.lines {
		p.Add(&plotter.Grid{Horizontal: draw.LineStyle{Color: grid, Width: 1}})
	}
	f.bars.style = c.letters(ink, small, text.XCenter, text.YBottom)
	p.Add(f.bars)
	p.Draw(draw.Crop(page, margin, -margin, plotEnds, -plotBegins))
	return c.end()
}

// heading writes what stands above the plot.
func (f *figure) heading(c *canvas, page draw.Canvas) {
	first, second := vg.Length(chartHeight-firstLine), vg.Length(chartHeight-secondLine)
	page.FillText(c.letters(ink, large, text.XLeft, text.YBottom), vg.Point{X: margin, Y: first}, f.title)
	page.FillText(c.letters(quiet, small, text.XRight, text.YBottom), vg.Point{X: chartWidth - margin, Y: first}, f.period)
	page.FillText(c.letters(quiet, small, text.XLeft, text.YBottom), vg.Point{X: margin, Y: second}, f.unit)
	page.FillText(c.letters(ink, small, text.XRight, text.YBottom), vg.Point{X: chartWidth - margin, Y: second}, f.note)
	if !f.key {
		return
	}
	right := vg.Length(0)
	for _, entry := range []struct {
		name string
		with paint
	}{{"not seen", hatched}, {"seen", full}} {
		l := plot.NewLegend()
		l.TextStyle = c.letters(ink, small, text.XLeft, text.YBottom)
		l.Top, l.Left, l.ThumbnailWidth = true, true, small
		l.Add(entry.name, swatch(entry.with))
		right += l.ThumbnailWidth + l.TextStyle.Width(" "+entry.name)
		l.Draw(draw.Crop(page, chartWidth-margin-right, 0, 0, second+small-chartHeight))
		right += margin
	}
}

// axes sets them: quiet ones.
func (f *figure) axes(c *canvas, p *plot.Plot) {
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, float64(f.steps), 0, f.top
	p.X.Padding, p.Y.Padding = 0, 5
	p.X.LineStyle = draw.LineStyle{Color: axis, Width: 1}
	p.Y.LineStyle = draw.LineStyle{Color: nothing}
	if !f.lines {
		p.X.LineStyle = draw.LineStyle{Color: nothing}
	}
	p.X.Tick.LineStyle = draw.LineStyle{Color: nothing, Width: 1}
	if f.marked {
		p.X.Tick.LineStyle.Color = axis
	}
	p.X.Tick.Length, p.Y.Tick.Length = 4, 0
	p.X.Tick.Label = c.letters(quiet, small, text.XCenter, text.YTop)
	p.Y.Tick.Label = c.letters(quiet, small, text.XRight, text.YCenter)
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.ConstantTicks(f.across), plot.ConstantTicks(f.up)
	p.X.Label.Text, p.X.Label.Padding = f.under, 4
	p.X.Label.TextStyle = c.letters(quiet, small, text.XCenter, text.YBottom)
}

// bar stands upon a step of the horizontal axis.
type bar struct {
	step     int
	from, to float64 // on the vertical axis; one without height isn't drawn
	with     paint
	label    string
	inside   paint // of a label in the middle; else it stands above
}

// bars is a plotter. gonum's BarChart has one paint for all, and no titles.
type bars struct {
	list  []bar
	share float64 // of a step that a bar has
	style text.Style
}

// Plot implements plot.Plotter.
func (b bars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	step := x(1) - x(0)
	width := step * vg.Length(b.share)
	switch {
	case step < narrowest:
		width = step // gaps of less than a pixel would be seen here and there only
	case b.share < 1:
		width = min(width, widestBar)
	}
	for _, bar := range b.list {
		if bar.to <= bar.from {
			continue
		}
		left := x(float64(bar.step)) + (step-width)/2
		bottom, top := y(bar.from), y(bar.to)
		c.FillPolygon(bar.with, corners(vg.Rectangle{Min: vg.Point{X: left, Y: bottom}, Max: vg.Point{X: left + width, Y: top}}))
		style, middle := b.style, vg.Point{X: left + width/2, Y: top + 4}
		if bar.inside != (paint{}) {
			style.Color, style.YAlign = bar.inside, text.YCenter
			middle.Y = (bottom + top) / 2
		}
		c.FillText(style, middle, bar.label)
	}
}

func corners(r vg.Rectangle) []vg.Point {
	return []vg.Point{r.Min, {X: r.Min.X, Y: r.Max.Y}, r.Max, {X: r.Max.X, Y: r.Min.Y}}
}

// swatch is a sample of a paint in a key.
type swatch paint

// Thumbnail implements plot.Thumbnailer.
func (s swatch) Thumbnail(c *draw.Canvas) {
	r := c.Rectangle
	r.Max.Y = r.Min.Y + small*capitals
	c.FillPolygon(paint(s), corners(r))
}

// upTo are the ticks of an axis of counts from 0, with round whole numbers,
// that reaches most, and where it ends.
func upTo(most float64) (ticks []plot.Tick, top float64) {
	step := 1.0
	if most > 1 {
		power := math.Pow(10, math.Floor(math.Log10(most/4)))
		for _, m := range []float64{1, 2, 5, 10} {
			if step = max(power*m, 1); most/step <= 5 {
				break
			}
		}
	}
	top = max(math.Ceil(most/step), 1) * step
	for i := 0.0; i*step <= top; i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: num(i * step)})
	}
	return ticks, top
}

// timeTicks are the labels of an axis whose steps begin at those times: where
// hours, days or months of their zone begin, as many as there is room for. at
// is the place within a step.
func timeTicks(begins []time.Time, at float64) []plot.Tick {
	if len(begins) == 0 {
		return nil
	}
	first := begins[0]
	layout, part := layoutOf(begins[len(begins)-1].Sub(first))
	var ticks []plot.Tick
	for i, t := range begins {
		if i > 0 && part(first, t) == part(first, begins[i-1]) {
			continue
		}
		label := t.Format(layout)
		if layout == clock && t.Hour() == 0 {
			label = t.Format(date)
		}
		ticks = append(ticks, plot.Tick{Value: float64(i) + at, Label: label})
	}
	// The first one may stand near the end of its day or month.
	if room := float64(len(begins)) / 12; len(ticks) > 1 && ticks[1].Value-ticks[0].Value < room {
		ticks = ticks[1:]
	}
	return ticks
}

const (
	clock = "15:04"
	date  = "2 Jan"
)

// layoutOf says how times of an axis of a length are written, and which of them
// have a label in common.
func layoutOf(length time.Duration) (layout string, part func(first, t time.Time) int) {
	hours := func(n int) func(_, t time.Time) int {
		return func(_, t time.Time) int { return dateOf(t)*24 + t.Hour()/n }
	}
	days := func(n int) func(first, t time.Time) int {
		return func(first, t time.Time) int { return (dayOf(t) - dayOf(first)) / n }
	}
	const hour = time.Hour // of a day that has 25
	switch {
	case length < Day+hour:
		return clock, hours(3)
	case length < 2*Day+hour:
		return clock, hours(6)
	case length < 10*Day:
		return date, days(1)
	case length < 20*Day:
		return date, days(2)
	case length < 70*Day:
		return date, days(7)
	case length < 120*Day:
		return date, days(14)
	}
	return "Jan", func(_, t time.Time) int { return t.Year()*12 + int(t.Month()) }
}

// dayOf counts the dates of a time's zone.
func dayOf(t time.Time) int {
	y, m, d := t.Date()
	return int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / int64(Day/time.Second))
}
