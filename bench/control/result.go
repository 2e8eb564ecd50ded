package control

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/lipgloss/table"

	"github.com/atriumrtc/atrium/bench"
)

// Schema names the layout of [Result].
const Schema = "atrium-bench/control/1"

// Result is what a run found out; result.json is its JSON form.
type Result struct {
	Schema  string     `json:"schema"`
	Started time.Time  `json:"started"`
	Tool    bench.Tool `json:"tool"`

	URL    string `json:"url"`
	Areas  int    `json:"areas"`
	Guests int    `json:"guests"` // who wait at any time
	AtOnce int    `json:"at_once"`
	// Seconds is how long was measured, until the last answer.
	Seconds float64 `json:"seconds"`

	// Visits is how many were admitted and replaced by another who entered;
	// VisitsPerSecond is the same ÷ Seconds.
	Visits          int64   `json:"visits"`
	VisitsPerSecond float64 `json:"visits_per_second"`
	// Entry, Admit and End are of POST /entry, /visits/{id}/admit and
	// /calls/{id}/end.
	Entry Latency `json:"entry"`
	Admit Latency `json:"admit"`
	End   Latency `json:"end"`
	// Errors are the distinct reasons of requests that failed.
	Errors []bench.ErrorCount `json:"errors"`
}

// Latency sums up how long requests took that succeeded, in seconds.
type Latency struct {
	Count int64   `json:"count"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

// step is a kind of request.
type step int

const (
	stepEntry step = iota
	stepAdmit
	stepEnd
	steps
)

// tally collects what requests took. Its zero value is ready.
type tally struct {
	mu     sync.Mutex
	took   [steps]*hdrhistogram.Histogram // microseconds
	failed map[string]int
}

// timed makes a request and notes how it went.
func (t *tally) timed(s step, request func() error) bool {
	began := time.Now()
	err := request()
	took := time.Since(began)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		if t.failed == nil {
			t.failed = make(map[string]int)
		}
		t.failed[err.Error()]++
		return false
	}
	if t.took[s] == nil {
		t.took[s] = newHistogram()
	}
	_ = t.took[s].RecordValue(min(took.Microseconds(), requestTimeout.Microseconds())) // within its range
	return true
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, requestTimeout.Microseconds(), 3)
}

func (t *tally) result(s Scenario, took time.Duration) *Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &Result{
		Schema: Schema, URL: s.URL, Areas: s.Areas, Guests: s.Guests, AtOnce: s.AtOnce, Seconds: took.Seconds(),
		Entry: latencyOf(t.took[stepEntry]), Admit: latencyOf(t.took[stepAdmit]), End: latencyOf(t.took[stepEnd]),
		Errors: []bench.ErrorCount{},
	}
	r.Visits = min(r.Entry.Count, r.Admit.Count)
	r.VisitsPerSecond = float64(r.Visits) / took.Seconds()
	for reason, n := range t.failed {
		r.Errors = append(r.Errors, bench.ErrorCount{Error: reason, Count: n})
	}
	slices.SortFunc(r.Errors, func(a, b bench.ErrorCount) int { return b.Count - a.Count })
	return r
}

func latencyOf(h *hdrhistogram.Histogram) Latency {
	if h == nil {
		return Latency{}
	}
	seconds := func(microseconds int64) float64 { return float64(microseconds) / 1e6 }
	return Latency{
		Count: h.TotalCount(), P50: seconds(h.ValueAtQuantile(50)), P90: seconds(h.ValueAtQuantile(90)),
		P99: seconds(h.ValueAtQuantile(99)), Max: seconds(h.Max()),
	}
}

// Failed counts the requests that failed.
func (r *Result) Failed() int {
	n := 0
	for _, e := range r.Errors {
		n += e.Count
	}
	return n
}

// Report writes the result for people.
func (r *Result) Report(w io.Writer) error {
	style := lipgloss.NewRenderer(w).NewStyle()
	ms := func(x float64) string { return strconv.FormatFloat(x*1000, 'f', 1, 64) + " ms" }
	row := func(name string, l Latency) []string {
		return []string{name, strconv.FormatInt(l.Count, 10), ms(l.P50), ms(l.P90), ms(l.P99), ms(l.Max)}
	}
	t := table.New().Headers("", "requests", "p50", "p90", "p99", "max").
		Rows(row("enter", r.Entry), row("admit", r.Admit), row("end the call", r.End)).
		Border(lipgloss.HiddenBorder()).BorderTop(false).BorderBottom(false).BorderLeft(false).BorderRight(false).
		BorderColumn(false).BorderHeader(false).
		StyleFunc(func(_, column int) lipgloss.Style {
			if column == 0 {
				return style.PaddingRight(2)
			}
			return style.PaddingRight(2).Align(lipgloss.Right)
		})
	text := fmt.Sprintf("%d guests in %d waiting areas, %d people at a time, %.1f s\n%s\n%.0f visits a second entered and admitted, %d failed\n",
		r.Guests, r.Areas, r.AtOnce, r.Seconds, trimmed(t.Render()), r.VisitsPerSecond, r.Failed())
	for _, e := range r.Errors {
		text += fmt.Sprintf("%6d × %s\n", e.Count, e.Error)
	}
	_, err := io.WriteString(w, text)
	return err
}

// trimmed takes blanks away at the ends of lines, for logs.
func trimmed(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

// Write puts the result into result.json in a directory, which it makes, and
// returns its path.
func (r *Result) Write(dir string) (string, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	path := filepath.Join(dir, bench.ResultFile)
	if err == nil {
		err = os.WriteFile(path, append(text, '\n'), 0o644)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w; give another directory with --out", bench.ErrOutput, err)
	}
	return path, nil
}
