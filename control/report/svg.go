package report

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"io"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

// Sizes of drawings, in CSS pixels; of letters, too.
const (
	chartWidth  = 720
	chartHeight = 300
	small       = 11
	large       = 15
)

// sheet has the colours of dark pages. The light ones are attributes, so that
// a reader that knows no styles, or a policy that forbids them, leaves the
// light drawing. They are those of the pages (control/web/assets/base.css).
const sheet = `@media (prefers-color-scheme: dark) {` +
	`.bg,.dot{fill:#18221f}.ink{fill:#edf3f1}.quiet{fill:#b1c0bb}.grid,.blank{stroke:#34443f}.axis,.cell{stroke:#84968f}` +
	`.full{fill:#63cfba}.hatch{stroke:#63cfba}}`

// StyleSource is what the style-src of a Content-Security-Policy is to have
// that lets a drawing have its own style sheet and no other (CSP 3, 2.3.1).
func StyleSource() string {
	sum := sha256.Sum256([]byte(sheet))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// paint is what something is drawn with. To gonum.org/v1/plot it is a colour,
// which it hands on to the canvas as it is.
type paint struct {
	class string // of sheet
	light string // colour of a fill, a line or a text on a light page
	edge  string // colour of a fill's outline; "": none
	title string // what the shape stands for, shown when pointed at
}

// RGBA implements color.Color for who would mix it: nobody does.
func (p paint) RGBA() (r, g, b, a uint32) { return color.Black.RGBA() }

// named is the paint of a shape that stands for something.
func (p paint) named(title string) paint {
	p.title = title
	return p
}

// Paints. What tells things apart is never a colour alone: bars are full or
// hatched, cells have their number.
var (
	ink     = paint{class: "ink", light: "#15201d"}
	quiet   = paint{class: "quiet", light: "#4a5955"}
	grid    = paint{class: "grid", light: "#c9d3d0"}
	axis    = paint{class: "axis", light: "#71807b"}
	full    = paint{class: "full", light: "#0b6b5e"}
	hatched = paint{class: "hatched", light: "url(#hatch)"}
	blank   = paint{class: "blank", light: "none", edge: "#c9d3d0"}
	nothing = paint{light: "none"}
)

// canvas writes what gonum.org/v1/plot draws as one SVG (1.1, that any viewer
// knows), and keeps the first error. It takes the place of gonum's vgsvg, which
// has no classes, so no dark pages, no titles of shapes, and a style attribute
// on each element, that a Content-Security-Policy forbids. It is the handler of
// texts, too: they stay texts of the system's font, which the reader's viewer
// aligns; gonum's font only tells about how wide they get.
type canvas struct {
	w         io.Writer
	err       error
	with      paint
	lineWidth vg.Length
}

var (
	_ vg.Canvas    = (*canvas)(nil)
	_ text.Handler = (*canvas)(nil)
)

func (c *canvas) printf(format string, args ...any) {
	if c.err == nil {
		_, c.err = fmt.Fprintf(c.w, format, args...)
	}
}

// esc is text as it stands in XML.
func esc(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder doesn't fail
	return b.String()
}

// num is a number with no more digits than a screen shows.
func num(v float64) string { return strconv.FormatFloat(round(v, 2), 'f', -1, 64) }

// begin writes what all drawings have: a title and a description for who
// doesn't see them, the sheet, the pattern of hatched bars and the ground.
func (c *canvas) begin(title, description string) {
	c.printf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="%d" shape-rendering="crispEdges">`,
		chartWidth, chartHeight, chartWidth, chartHeight, small)
	c.printf("\n<title id=\"title\">%s</title>\n<desc id=\"desc\">%s</desc>\n<style>%s</style>\n", esc(title), esc(description), sheet)
	c.printf(`<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" shape-rendering="auto">`+
		`<rect class="dot" width="6" height="6" fill="#ffffff"/><path class="hatch" d="M0 0V6" stroke="%s" stroke-width="4"/></pattern></defs>`+"\n", full.light)
	c.printf(`<rect class="bg" width="%d" height="%d" fill="#ffffff"/>`+"\n", chartWidth, chartHeight)
}

func (c *canvas) end() error {
	c.printf("</svg>\n")
	return c.err
}

// at is a place of gonum's, whose origin is at the bottom, as one of SVG.
func at(p vg.Point) (x, y string) { return num(float64(p.X)), num(chartHeight - float64(p.Y)) }

// steps are a path's as SVG has them. It draws no curves: charts have none.
func steps(path vg.Path) string {
	var b strings.Builder
	var lastX, lastY string
	for _, part := range path {
		x, y := at(part.Pos)
		switch {
		case part.Type == vg.CloseComp:
			b.WriteByte('Z')
			continue
		case part.Type == vg.MoveComp:
			b.WriteString("M" + x + " " + y)
		case x == lastX:
			b.WriteString("V" + y)
		case y == lastY:
			b.WriteString("H" + x)
		default:
			b.WriteString("L" + x + " " + y)
		}
		lastX, lastY = x, y
	}
	return b.String()
}

// SetColor implements vg.Canvas. What has none of our paints is ink.
func (c *canvas) SetColor(with color.Color) {
	p, ok := with.(paint)
	if !ok {
		p = ink
	}
	c.with = p
}

// SetLineWidth implements vg.Canvas.
func (c *canvas) SetLineWidth(w vg.Length) { c.lineWidth = w }

// Stroke implements vg.Canvas.
func (c *canvas) Stroke(path vg.Path) {
	if c.lineWidth <= 0 || c.with.light == "none" {
		return
	}
	c.printf(`<path class="%s" fill="none" stroke="%s" stroke-width="%s" d="%s"/>`+"\n",
		c.with.class, c.with.light, num(float64(c.lineWidth)), steps(path))
}

// Fill implements vg.Canvas.
func (c *canvas) Fill(path vg.Path) {
	c.printf(`<path class="%s" fill="%s"`, c.with.class, c.with.light)
	if c.with.edge != "" {
		c.printf(` stroke="%s"`, c.with.edge)
	}
	c.printf(` d="%s"`, steps(path))
	if c.with.title == "" {
		c.printf("/>\n")
		return
	}
	c.printf("><title>%s</title></path>\n", esc(c.with.title))
}

// FillString implements vg.Canvas.
func (c *canvas) FillString(f font.Face, p vg.Point, s string) {
	c.text(s, p, f.Font.Size, "start")
}

func (c *canvas) text(s string, p vg.Point, size vg.Length, anchor string) {
	x, y := at(p)
	c.printf(`<text class="%s" x="%s" y="%s" fill="%s"`, c.with.class, x, y, c.with.light)
	if anchor != "start" {
		c.printf(` text-anchor="%s"`, anchor)
	}
	if size != small {
		c.printf(` font-size="%s"`, num(float64(size)))
	}
	c.printf(">%s</text>\n", esc(s))
}

// What vg.Canvas has beyond that charts don't use: lines are full, nothing is
// turned or moved, and there are no images.

// SetLineDash implements vg.Canvas.
func (c *canvas) SetLineDash([]vg.Length, vg.Length) {}

// Rotate implements vg.Canvas.
func (c *canvas) Rotate(float64) {}

// Translate implements vg.Canvas.
func (c *canvas) Translate(vg.Point) {}

// Scale implements vg.Canvas.
func (c *canvas) Scale(_, _ float64) {}

// Push implements vg.Canvas.
func (c *canvas) Push() {}

// Pop implements vg.Canvas.
func (c *canvas) Pop() {}

// DrawImage implements vg.Canvas.
func (c *canvas) DrawImage(vg.Rectangle, image.Image) {}

const (
	capitals = 0.72 // height of capitals and digits, of the size
	broader  = 1.15 // than gonum's Liberation Sans: system fonts up to DejaVu Sans
)

// letters is the style of a text.
func (c *canvas) letters(p paint, size vg.Length, x text.XAlignment, y text.YAlignment) text.Style {
	return text.Style{Color: p, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}, XAlign: x, YAlign: y, Handler: c}
}

// Extents implements text.Handler: a line is as high as its size and stands on
// its lower end, what hangs below not counted.
func (c *canvas) Extents(f font.Font) font.Extents {
	return font.Extents{Ascent: f.Size, Height: f.Size}
}

// Cache implements text.Handler.
func (c *canvas) Cache() *font.Cache { return font.DefaultCache }

// Lines implements text.Handler: all texts have one.
func (c *canvas) Lines(s string) []string { return []string{s} }

// Box implements text.Handler.
func (c *canvas) Box(s string, f font.Font) (width, height, depth vg.Length) {
	width, _, _ = plot.DefaultTextHandler.Box(s, f)
	return width * broader, f.Size, 0
}

// Draw implements text.Handler.
func (c *canvas) Draw(_ vg.Canvas, s string, style text.Style, p vg.Point) {
	if s == "" {
		return
	}
	c.SetColor(style.Color)
	switch size := style.Font.Size; style.YAlign {
	case text.YTop:
		p.Y -= size
	case text.YCenter:
		p.Y -= size * capitals / 2
	}
	anchor := "start"
	switch style.XAlign {
	case text.XCenter:
		anchor = "middle"
	case text.XRight:
		anchor = "end"
	}
	c.text(s, p, style.Font.Size, anchor)
}
