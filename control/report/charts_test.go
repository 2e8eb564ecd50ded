package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// svg is what the tests read of a drawing.
type svg struct {
	title, desc string
	role        string
	labelledBy  string
	shapes      []shape // with a title: what stands for a figure
	texts       []string
	class       []string
}

type shape struct{ fill, title string }

// parse reads a drawing as any XML parser does; what isn't well formed fails.
func parse(t *testing.T, data []byte) svg {
	t.Helper()
	var s svg
	var stack []xml.StartElement
	d := xml.NewDecoder(bytes.NewReader(data))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v:\n%s", err, data)
		}
		switch e := token.(type) {
		case xml.StartElement:
			if len(stack) == 0 {
				s.role, s.labelledBy = attr(e, "role"), attr(e, "aria-labelledby")
			}
			if e.Name.Local == "script" || attr(e, "onload") != "" || attr(e, "href") != "" {
				t.Errorf("an active element: %v", e)
			}
			stack = append(stack, e.Copy())
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) == 0 {
				continue
			}
			text := string(e)
			switch in := stack[len(stack)-1]; {
			case attr(in, "id") == "title":
				s.title = text
			case attr(in, "id") == "desc":
				s.desc = text
			case in.Name.Local == "title":
				s.shapes = append(s.shapes, shape{attr(stack[len(stack)-2], "fill"), text})
			case in.Name.Local == "text":
				s.texts = append(s.texts, text)
				s.class = append(s.class, attr(in, "class"))
			}
		}
	}
	if s.role != "img" || s.labelledBy != "title desc" || s.title == "" || s.desc == "" {
		t.Errorf("not accessible: %+v", s)
	}
	return s
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// keep writes a drawing where somebody wants to look at it.
func keep(t *testing.T, name string, data []byte) {
	t.Helper()
	if dir := os.Getenv("ATRIUM_DRAWINGS"); dir != "" {
		must(t, os.WriteFile(filepath.Join(dir, name+".svg"), data, 0o600))
	}
}

func month(t *testing.T) Filter {
	t.Helper()
	f, err := Parse(Consultations, Query{From: "2026-03-01", To: "2026-03-31", TZ: "Europe/Vienna"}, now)
	must(t, err)
	return f
}

// The drawing has what was counted, in words too; in black and white seen and
// unseen differ by hatching.
func TestDays(t *testing.T) {
	c := NewDayCounts(month(t))
	r := rand.New(rand.NewPCG(1, 2))
	want := map[string]int{}
	for range 600 {
		day := 1 + r.IntN(31)
		at := time.Date(2026, 3, day, 8+r.IntN(9), 15*r.IntN(4), 0, 0, c.filter.Zone)
		v := VisitTotals{Arrivals: 1}
		if r.IntN(5) > 0 {
			v.Seen = 1
		}
		c.Add(at, v)
		want[fmt.Sprintf("2026-03-%02d", day)]++
	}
	var b bytes.Buffer
	must(t, c.Days(&b))
	keep(t, "days", b.Bytes())
	s := parse(t, b.Bytes())
	got := map[string]int{}
	for _, shape := range s.shapes {
		day, counts, _ := strings.Cut(shape.title, ": ")
		var seen, unseen int
		if _, err := fmt.Sscanf(counts, "%d seen, %d not seen", &seen, &unseen); err != nil {
			t.Fatalf("%q: %v", shape.title, err)
		}
		if got[day] = seen + unseen; shape.fill != full.light && shape.fill != hatched.light {
			t.Errorf("a bar is filled with %s", shape.fill)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || !strings.Contains(s.desc, "600 consultations on 31 days") {
		t.Errorf("%v; want %v\n%s", got, want, s.desc)
	}
}

func TestWaits(t *testing.T) {
	var v VisitTotals
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		v.Waits.Add(int64(r.ExpFloat64() * 400_000))
	}
	var b bytes.Buffer
	must(t, Waits(&b, month(t), v))
	keep(t, "waits", b.Bytes())
	s := parse(t, b.Bytes())
	sum := 0
	for _, shape := range s.shapes {
		var n int
		_, count, _ := strings.Cut(shape.title, ": ")
		if _, err := fmt.Sscan(count, &n); err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	if sum != 500 || !strings.Contains(s.desc, "500 visits: median ") {
		t.Errorf("%d waits are drawn: %s", sum, s.desc)
	}
	b.Reset()
	must(t, Waits(&b, month(t), VisitTotals{}))
	if s := parse(t, b.Bytes()); !strings.Contains(s.desc, "nobody waited") || len(s.shapes) != 0 {
		t.Errorf("of nothing: %+v", s)
	}
}

// Two calls that overlap by a quarter are two at once there.
func TestConcurrency(t *testing.T) {
	for _, row := range []struct{ from, to, name string }{
		{"2026-03-02", "2026-03-02", "concurrency-day"}, {"2026-03-02", "2026-03-08", "concurrency-week"}, {"2026-03-01", "2026-03-31", "concurrency"},
	} {
		f, err := Parse(Consultations, Query{From: row.from, To: row.to, TZ: "Europe/Vienna"}, now)
		must(t, err)
		busy := NewBusyTimes(f)
		add := func(from, until string) {
			start, err := time.Parse(time.RFC3339, from)
			must(t, err)
			end, err := time.Parse(time.RFC3339, until)
			must(t, err)
			var sum int64
			must(t, CallRow{Started: start, Ended: end}.Busy(func(q time.Time, ms int64) error {
				sum += ms
				busy.Add(q, BusyTotals{ms})
				return nil
			}))
			if sum != end.Sub(start).Milliseconds() {
				t.Errorf("%d ms of a call of %s", sum, end.Sub(start))
			}
		}
		add("2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z")
		add("2026-03-02T09:40:00Z", "2026-03-02T10:20:00.5Z")
		add("2026-02-20T09:40:00Z", "2026-02-20T10:20:00Z") // before
		if q := time.Date(2026, 3, 2, 9, 45, 0, 0, time.UTC); busy.At(q) != 2 || busy.At(q.Add(-Quarter)) != 1+1.0/3 || busy.At(q.Add(Quarter)) != 1 {
			t.Errorf("%g, %g, %g at once", busy.At(q.Add(-Quarter)), busy.At(q), busy.At(q.Add(Quarter)))
		}
		var b bytes.Buffer
		must(t, busy.Concurrency(&b))
		keep(t, row.name, b.Bytes())
		if s := parse(t, b.Bytes()); !strings.Contains(s.desc, "the busiest of all had 2.") {
			t.Errorf("%s", s.desc)
		}
	}
}

// Cells are told apart by their numbers; the colours are greys, whose contrast
// to the number is 4.5 at least (WCAG 1.4.3).
func TestHeat(t *testing.T) {
	f := month(t)
	h := NewHeat(f)
	r := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		at := time.Date(2026, 3, 1+r.IntN(31), 7+r.IntN(12), 0, 0, 0, f.Zone)
		h.Add(at, CallTotals{Calls: 1, Rated: 1, Score: min(100, 40+60*r.Float64()+float64(at.Hour()))})
	}
	h.Add(time.Date(2026, 3, 1, 23, 0, 0, 0, f.Zone), CallTotals{Calls: 1, Rated: 1})
	h.Add(time.Date(2026, 3, 1, 22, 0, 0, 0, f.Zone), CallTotals{Calls: 1, Rated: 1, Score: 45}) // in the middle
	h.Add(time.Date(2026, 3, 1, 3, 0, 0, 0, f.Zone), CallTotals{Calls: 1})                       // wasn't measured
	if score, n := h.At(time.Sunday, 23); score != 0 || n != 1 {
		t.Errorf("Sunday at 23: %g of %d", score, n)
	}
	var b bytes.Buffer
	must(t, h.Draw(&b))
	keep(t, "quality", b.Bytes())
	s := parse(t, b.Bytes())
	scores := 0
	for _, class := range s.class {
		if class == "score" {
			scores++
		}
	}
	if scores != len(s.shapes) || scores != 7*12+2 || !strings.Contains(s.desc, "2002 calls") {
		t.Errorf("%d numbers in %d cells: %s", scores, len(s.shapes), s.desc)
	}
	for _, shape := range s.shapes {
		var red, green, blue int
		if _, err := fmt.Sscanf(shape.fill, "#%02x%02x%02x", &red, &green, &blue); err != nil || red != green || green != blue {
			t.Errorf("a cell is filled with %s", shape.fill)
		}
	}
	for score := range 101 {
		shade, text := cellColours(float64(score))
		if c := contrast(shade, text); c < 4.5 {
			t.Errorf("a score of %d has a contrast of %.1f", score, c)
		}
	}
}

// contrast is that of two greys (WCAG 2.2).
func contrast(a, b int) float64 {
	l := func(v int) float64 {
		c := float64(v) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	x, y := l(a)+0.05, l(b)+0.05
	return max(x, y) / min(x, y)
}
