package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Sizes of drawings, in CSS pixels.
const (
	chartWidth   = 720
	chartHeight  = 300
	marginLeft   = 56
	marginRight  = 16
	marginTop    = 48
	marginBottom = 44
	plotWidth    = chartWidth - marginLeft - marginRight
	plotHeight   = chartHeight - marginTop - marginBottom
)

// Colours on white; the sheet below has others for dark pages. What tells
// things apart is never a colour alone: bars are full or hatched, cells have
// their number.
const (
	ink    = "#1c2733"
	quiet  = "#5b6773"
	grid   = "#d7dde3"
	strong = "#1f5f8b"
)

// sheet only adds to what the attributes say: a policy that forbids styles
// leaves the light drawing.
const sheet = `@media (prefers-color-scheme: dark) {` +
	`.bg{fill:#14191f}.ink{fill:#e8edf2}.quiet{fill:#aab4be}.grid{stroke:#3a444e}.strong{fill:#6fb3e0}.line{stroke:#6fb3e0}.hatch{stroke:#6fb3e0}.dot{fill:#14191f}}`

// drawing writes one SVG (SVG 1.1, that any viewer knows) and keeps the first
// error.
type drawing struct {
	w   io.Writer
	err error
}

func (d *drawing) printf(format string, args ...any) {
	if d.err == nil {
		_, d.err = fmt.Fprintf(d.w, format, args...)
	}
}

// esc is text as it stands in XML.
func esc(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder doesn't fail
	return b.String()
}

// num is a coordinate: no more digits than a screen shows.
func num(v float64) string { return strconv.FormatFloat(round(v, 2), 'f', -1, 64) }

// begin writes what all drawings have: title and description for who doesn't
// see them, the heading for who does.
func (d *drawing) begin(title, description string, height int) {
	d.printf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="12">`,
		chartWidth, height, chartWidth, height)
	d.printf("\n<title id=\"title\">%s</title>\n<desc id=\"desc\">%s</desc>\n<style>%s</style>\n", esc(title), esc(description), sheet)
	d.printf(`<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">` +
		`<rect class="dot" width="6" height="6" fill="#ffffff"/><line class="hatch" x1="0" y1="0" x2="0" y2="6" stroke="` + strong + `" stroke-width="3"/></pattern></defs>` + "\n")
	d.printf(`<rect class="bg" width="%d" height="%d" fill="#ffffff"/>`+"\n", chartWidth, height)
	d.text(marginLeft, 20, "start", "ink", ink, 15, title)
}

func (d *drawing) end() error {
	d.printf("</svg>\n")
	return d.err
}

func (d *drawing) text(x, y float64, anchor, class, fill string, size int, s string) {
	d.printf(`<text class="%s" x="%s" y="%s" text-anchor="%s" fill="%s" font-size="%d">%s</text>`+"\n",
		class, num(x), num(y), anchor, fill, size, esc(s))
}

// scale is the vertical axis from 0.
type scale struct{ top, step float64 }

// scaleTo is one of round numbers that reaches most.
func scaleTo(most float64) scale {
	if most <= 0 {
		return scale{1, 1}
	}
	step := math.Pow(10, math.Floor(math.Log10(most/4)))
	for _, m := range []float64{1, 2, 5, 10} {
		if s := step * m; most/s <= 5 {
			step = s
			break
		}
	}
	step = max(step, 1)
	return scale{math.Ceil(most/step) * step, step}
}

func (s scale) y(v float64) float64 { return marginTop + plotHeight*(1-v/s.top) }

// axes draws the lines of a scale with their numbers, and what it counts.
func (d *drawing) axes(s scale, unit string) {
	for v := 0.0; v <= s.top+s.step/2; v += s.step {
		y := s.y(v)
		d.printf(`<line class="grid" x1="%d" y1="%s" x2="%d" y2="%s" stroke="%s"/>`+"\n", marginLeft, num(y), chartWidth-marginRight, num(y), grid)
		d.text(marginLeft-8, y+4, "end", "quiet", quiet, 11, num(v))
	}
	d.text(marginLeft, marginTop-10, "start", "quiet", quiet, 11, unit)
}

// below writes a label under the axis.
func (d *drawing) below(x float64, s string) {
	d.text(x, marginTop+plotHeight+18, "middle", "quiet", quiet, 11, s)
}

// bar draws one, with what it stands for as its title.
func (d *drawing) bar(x, width float64, s scale, from, to float64, hatched bool, title string) {
	if to <= from {
		return
	}
	class, fill := "strong", strong
	if hatched {
		class, fill = "hatched", "url(#hatch)"
	}
	top := s.y(to)
	d.printf(`<rect class="%s" x="%s" y="%s" width="%s" height="%s" fill="%s"><title>%s</title></rect>`+"\n",
		class, num(x), num(top), num(width), num(s.y(from)-top), fill, esc(title))
}

// key says what a full and a hatched bar are.
func (d *drawing) key(full, hatched string) {
	x := float64(chartWidth - marginRight - 230)
	d.printf(`<rect class="strong" x="%s" y="28" width="12" height="12" fill="%s"/>`+"\n", num(x), strong)
	d.text(x+18, 38, "start", "ink", ink, 12, full)
	d.printf(`<rect x="%s" y="28" width="12" height="12" fill="url(#hatch)"/>`+"\n", num(x+110))
	d.text(x+128, 38, "start", "ink", ink, 12, hatched)
}

// every is of how many items one gets a label, that most fit.
func every(items, most int) int { return max(1, (items+most-1)/most) }
