package suite

import (
	"fmt"
	"hash/fnv"
	"html"
	"os"
	"sort"
	"strings"

	"github.com/google/pprof/profile"
)

// Measures of a flame graph, in SVG units.
const (
	flameWidth  = 1600.0
	flameRow    = 17.0
	flameHead   = 40.0
	flameLetter = 6.2  // width of a letter
	flameLeast  = 0.25 // narrower boxes are left out
)

// frame is a function on a path from the root, with the CPU time of all
// samples that went through it.
type frame struct {
	name     string
	value    int64
	children map[string]*frame
}

func (f *frame) child(name string) *frame {
	c := f.children[name]
	if c == nil {
		c = &frame{name: name, children: map[string]*frame{}}
		f.children[name] = c
	}
	return c
}

func (f *frame) depth() int {
	deepest := 0
	for _, c := range f.children {
		deepest = max(deepest, c.depth())
	}
	return deepest + 1
}

// drawFlames reads a CPU profile and draws it: a box for each function, as wide
// as its share of the time, upon the one that called it.
func drawFlames(profilePath, svgPath, title string) error {
	file, err := os.Open(profilePath)
	if err != nil {
		return fmt.Errorf("suite: the profile: %w", err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	p, err := profile.Parse(file)
	if err != nil {
		return fmt.Errorf("suite: the profile: %w", err)
	}
	return os.WriteFile(svgPath, []byte(flames(tree(p), title)), 0o644)
}

// tree adds the samples up; their last value is CPU time in ns.
func tree(p *profile.Profile) *frame {
	root := &frame{name: "all", children: map[string]*frame{}}
	for _, sample := range p.Sample {
		value := sample.Value[len(sample.Value)-1]
		at := root
		at.value += value
		for i := len(sample.Location) - 1; i >= 0; i-- {
			lines := sample.Location[i].Line
			for j := len(lines) - 1; j >= 0; j-- { // the last one is not inlined
				if lines[j].Function == nil {
					continue
				}
				at = at.child(lines[j].Function.Name)
				at.value += value
			}
		}
	}
	return root
}

// flameSheet has the colours of dark pages, as those of reports (control/report)
// do; boxes keep theirs.
const flameSheet = `@media (prefers-color-scheme: dark) {.bg{fill:#18221f}.ink{fill:#edf3f1}rect{stroke:#18221f}}`

// flames is the SVG: it needs nothing from elsewhere, and tells a function's
// share when pointed at.
func flames(root *frame, title string) string {
	height := flameHead + flameRow*float64(root.depth()) + 10
	var b strings.Builder
	title = fmt.Sprintf("%s: %.2f s", html.EscapeString(title), float64(root.value)/1e9)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" role="img" aria-labelledby="title desc" font-family="ui-monospace, monospace" font-size="11">`+"\n",
		flameWidth, height)
	fmt.Fprintf(&b, "<title id=\"title\">%s</title>\n<desc id=\"desc\">CPU time by function: a box is as wide as its share and stands upon the one that called it.</desc>\n<style>%s</style>\n", title, flameSheet)
	fmt.Fprintf(&b, `<rect class="bg" width="100%%" height="100%%" fill="#fff"/><text class="ink" x="8" y="24" font-family="system-ui, sans-serif" font-size="15">%s</text>`+"\n", title)
	if root.value > 0 {
		drawFrame(&b, root, root.value, 0, height-flameRow-5)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func drawFrame(b *strings.Builder, f *frame, total int64, x, y float64) {
	width := flameWidth * float64(f.value) / float64(total)
	if width < flameLeast {
		return
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(f.name)) // a hash never fails
	hue := 15 + h.Sum32()%40
	fmt.Fprintf(b, `<g><title>%s: %.2f %%, %.3f s</title><rect x="%.2f" y="%.1f" width="%.2f" height="%.1f" fill="hsl(%d,85%%,66%%)" stroke="#fff" stroke-width=".5"/>`,
		html.EscapeString(f.name), 100*float64(f.value)/float64(total), float64(f.value)/1e9, x, y, width, flameRow-1, hue)
	short := f.name[strings.LastIndexByte(f.name, '/')+1:]
	if letters := int(width/flameLetter) - 1; letters >= 4 {
		if len(short) > letters {
			short = short[:letters-1] + "…"
		}
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f">%s</text>`, x+3, y+flameRow-5, html.EscapeString(short))
	}
	b.WriteString("</g>\n")
	names := make([]string, 0, len(f.children))
	for name := range f.children {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		c := f.children[name]
		drawFrame(b, c, total, x, y-flameRow)
		x += flameWidth * float64(c.value) / float64(total)
	}
}
