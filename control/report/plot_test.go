package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Axes of counts have few labels, whole and round ones, and reach what is drawn.
func TestUpTo(t *testing.T) {
	for _, most := range []float64{0, 0.3, 1, 2, 3, 7, 10, 11, 60, 99, 1234, 1e6} {
		ticks, top := upTo(most)
		if top < most || len(ticks) < 2 || len(ticks) > 7 || ticks[0].Value != 0 || ticks[len(ticks)-1].Value != top {
			t.Errorf("%g: to %g, %v", most, top, ticks)
		}
		for _, tick := range ticks {
			if n, err := strconv.Atoi(tick.Label); err != nil || float64(n) != tick.Value {
				t.Errorf("%g: a label %q at %g", most, tick.Label, tick.Value)
			}
		}
	}
}

// Axes of times have labels where hours, days and months begin, none over
// another.
func TestTimeTicks(t *testing.T) {
	for _, row := range []struct{ from, to, want string }{
		{"2026-03-02", "2026-03-02", "2 Mar, 03:00, 06:00, 09:00, 12:00, 15:00, 18:00, 21:00"},
		{"2026-03-29", "2026-03-29", "29 Mar, 03:00, 06:00, 09:00, 12:00, 15:00, 18:00, 21:00"}, // of 23 hours
		{"2026-10-25", "2026-10-25", "25 Oct, 03:00, 06:00, 09:00, 12:00, 15:00, 18:00, 21:00"}, // of 25
		{"2026-03-02", "2026-03-03", "2 Mar, 06:00, 12:00, 18:00, 3 Mar, 06:00, 12:00, 18:00"},
		{"2026-03-02T22:00:00Z", "2026-03-05T08:00:00Z", "3 Mar, 4 Mar, 5 Mar"},
		{"2026-03-02", "2026-03-08", "2 Mar, 3 Mar, 4 Mar, 5 Mar, 6 Mar, 7 Mar, 8 Mar"},
		{"2026-03-02", "2026-03-15", "2 Mar, 4 Mar, 6 Mar, 8 Mar, 10 Mar, 12 Mar, 14 Mar"},
		{"2026-03-01", "2026-03-31", "1 Mar, 8 Mar, 15 Mar, 22 Mar, 29 Mar"},
		{"2026-03-01", "2026-05-31", "1 Mar, 15 Mar, 29 Mar, 12 Apr, 26 Apr, 10 May, 24 May"},
		{"2025-03-20", "2026-03-31", "Apr, May, Jun, Jul, Aug, Sep, Oct, Nov, Dec, Jan, Feb, Mar"},
	} {
		f, err := Parse(Consultations, Query{From: row.from, To: row.to, TZ: "Europe/Vienna"}, now)
		must(t, err)
		begins, _ := NewBusyTimes(f).bins()
		ticks := timeTicks(begins, 0)
		labels := make([]string, len(ticks))
		for i, tick := range ticks {
			if labels[i] = tick.Label; i > 0 && (tick.Value-ticks[i-1].Value)*600/float64(len(begins)) < 36 {
				t.Errorf("%s to %s: %s is over %s", row.from, row.to, tick.Label, labels[i-1])
			}
		}
		if got := strings.Join(labels, ", "); got != row.want {
			t.Errorf("%s to %s:\n%s; want\n%s", row.from, row.to, got, row.want)
		}
	}
}

// What people call things is text in a drawing, and nothing else.
func TestDrawingEscapes(t *testing.T) {
	var b bytes.Buffer
	f := &figure{title: `<script>alert("1")</script>`, desc: "a & b <c>", steps: 1, top: 1}
	f.bars.list = []bar{{to: 1, with: full.named("</title><script>")}}
	must(t, f.draw(&b))
	s := parse(t, b.Bytes())
	if s.title != `<script>alert("1")</script>` || s.desc != "a & b <c>" || len(s.texts) != 1 || s.texts[0] != s.title || s.shapes[0].title != "</title><script>" {
		t.Errorf("%+v", s)
	}
}

// A drawing has no style but its sheet, whose hash is what a policy lets
// through (SE-8).
func TestStyleSource(t *testing.T) {
	var b bytes.Buffer
	must(t, Waits(&b, month(t), VisitTotals{}))
	_, rest, _ := strings.Cut(b.String(), "<style>")
	style, rest, found := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !found || StyleSource() != want {
		t.Errorf("%s; want %s", StyleSource(), want)
	}
	if strings.Contains(rest, "style") {
		t.Error("another style")
	}
}

// drawings are of a year at a busy unit, each with all that it can have.
func drawings(t testing.TB) map[string]func(io.Writer) error {
	t.Helper()
	f, err := Parse(Consultations, Query{From: "2025-02-25", To: "2026-03-31", TZ: "Asia/Kathmandu"}, now)
	must(t, err)
	days, busy, heat := NewDayCounts(f), NewBusyTimes(f), NewHeat(f)
	var all VisitTotals
	r := rand.New(rand.NewPCG(7, 8))
	for at := f.From; at.Before(f.Until); at = at.Add(Quarter) {
		v := VisitTotals{Arrivals: 60, Seen: r.IntN(60)}
		for range 4 {
			v.Waits.Add(int64(r.ExpFloat64() * 400_000))
		}
		all.Merge(v)
		days.Add(at, v)
		busy.Add(at, BusyTotals{Busy: r.Int64N(60 * Quarter.Milliseconds())})
		heat.Add(at, CallTotals{Calls: 60, Rated: 60, Score: 6000 * r.Float64()})
	}
	return map[string]func(io.Writer) error{
		"days": days.Days, "concurrency": busy.Concurrency, "quality": heat.Draw,
		"waits": func(w io.Writer) error { return Waits(w, f, all) },
	}
}

// A drawing of the longest period is small enough for any page; several are
// drawn at once, with the fonts that gonum shares between them.
func TestDrawingSizes(t *testing.T) {
	for name, draw := range drawings(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			must(t, draw(&b))
			keep(t, name+"-year", b.Bytes())
			parse(t, b.Bytes())
			if b.Len() > 160_000 {
				t.Errorf("%d bytes", b.Len())
			}
		})
	}
}

func BenchmarkDraw(b *testing.B) {
	for name, draw := range drawings(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := draw(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What is drawn of nothing, of one day and of sixty people who come at once is
// well formed, and says so.
func TestDrawingsOfLittle(t *testing.T) {
	f, err := Parse(Consultations, Query{From: "2026-03-02", To: "2026-03-02", TZ: "Europe/Vienna"}, now)
	must(t, err)
	ten := time.Date(2026, 3, 2, 10, 0, 0, 0, f.Zone)
	for name, n := range map[string]int{"none": 0, "one": 1, "sixty": 60} {
		days, busy, heat := NewDayCounts(f), NewBusyTimes(f), NewHeat(f)
		v := VisitTotals{Arrivals: n, Seen: n - n/20}
		for i := range n {
			v.Waits.Add(int64(20_000 + 1000*i))
		}
		if n > 0 {
			days.Add(ten, v)
			busy.Add(ten, BusyTotals{Busy: int64(n) * Quarter.Milliseconds()})
			heat.Add(ten, CallTotals{Calls: n, Rated: n, Score: 80 * float64(n)})
		}
		for chart, draw := range map[string]func(io.Writer) error{
			"days": days.Days, "concurrency": busy.Concurrency, "quality": heat.Draw,
			"waits": func(w io.Writer) error { return Waits(w, f, v) },
		} {
			var b bytes.Buffer
			must(t, draw(&b))
			keep(t, chart+"-"+name, b.Bytes())
			s := parse(t, b.Bytes())
			if (n > 0) != (len(s.shapes) > 0) || !strings.Contains(s.desc, "2026-03-02 (Europe/Vienna)") {
				t.Errorf("%s of %d: %+v", chart, n, s)
			}
			if n == 0 && !strings.Contains(strings.Join(s.texts, "|"), "no") { // none, nobody waited, no call
				t.Errorf("%s of nothing doesn't say so: %q", chart, s.texts)
			}
		}
	}
}
