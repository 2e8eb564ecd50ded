package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func full() *Result {
	p := Percentiles{Count: 3, Min: figure(0.1), Mean: figure(0.2), P50: figure(0.21), P90: figure(0.3), P95: figure(0.33), P99: figure(0.34), Max: figure(1.4)}
	video := mediaCounters{sent: 500_000, sentBytes: 5e8, received: 1_000_000, receivedBytes: 3e8, recovered: 7, lost: 500, frames: 800_000}
	return &Result{
		Schema:   SchemaRoom,
		Scenario: ScenarioInfo{Participants: 30, Publishers: 30, Layout: LayoutGallery, Simulcast: true, Seconds: 20},
		Loss:     figure(0.0005), Joins: Joins{Planned: 30, Completed: 29, Failed: 1, Seeing: 29, Errors: []ErrorCount{{"join: room full", 1}}},
		Join: p, FirstFrame: p, LatencyVideo: p, Video: video.figures(20 * time.Second),
		Server:    Server{CPU: figure(0.45), USPerForwardedPacket: figure(8.9), PacketsIn: figure(200_000), PacketsOut: figure(1_000_000), Problem: "not exported: x"},
		Generator: Generator{CPU: figure(0.9), Cores: 2, MachineBusy: figure(0.99)},
		Void:      true, VoidReasons: []string{"the generator's own queues dropped 9 packets"},
		Assertions: []Verdict{{"loss<0.1%", OutcomeHeld, "0.05%"}, {"join_p95<0.1s", OutcomeFailed, "330 ms"}, {"latency_p99<1s", OutcomeUnmeasured, ""}},
	}
}

func TestReport(t *testing.T) {
	var out bytes.Buffer
	if err := full().Report(&out, false); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	if strings.ContainsAny(text, "\x1b│─") {
		t.Errorf("a plain report has colours or lines:\n%s", text)
	}
	var squeezed []string
	for line := range strings.Lines(text) {
		squeezed = append(squeezed, strings.Join(strings.Fields(line), " "))
	}
	for _, want := range []string{
		"30 participants, 30 publishers, gallery, simulcast, 20 s",
		"29 of 30 1 0 29 0 0.05%",
		"join 210 ms 330 ms 340 ms 1.4 s",
		"latency, audio – – – –",
		"video 25 k/s 50 k/s 120 Mbit/s 7 500 0.05% 0",
		"server 0.45 cores 8.9 µs – 10 k/s 50 k/s – –",
		"generator 0.9 cores",
		"1 × join: room full",
		"server figures missing: not exported: x",
		"void: the generator's own queues dropped 9 packets",
		"The generator could not keep up (it got 0.9 cores of 2; the machine was 99% busy), so nothing is proven: " +
			"use fewer participants, a quieter machine, or another one for the generator.",
		"held loss<0.1% (0.05%)", "failed join_p95<0.1s (330 ms)", "unmeasured latency_p99<1s (not measured)",
	} {
		if !contains(squeezed, want) {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
	out.Reset()
	if err := full().Report(&out, true); err != nil || !strings.Contains(out.String(), "─") {
		t.Errorf("a terminal's report has no lines (%v):\n%s", err, &out)
	}
	if err := full().Report(failingWriter{}, false); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a full pipe: %v, want its error", err)
	}
}

func contains(lines []string, want string) bool {
	for _, line := range lines {
		if line == want {
			return true
		}
	}
	return false
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestOutput(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	out, err := OpenOutput(dir)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second run replaces the first
		path, err := out.Write(full())
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var r Result
		if err := json.Unmarshal(text, &r); err != nil || r.Joins.Completed != 29 {
			t.Errorf("read back: %v, %+v", err, r.Joins)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%v left in the directory, want result.json alone", entries)
	}
}

func TestOutputUnwritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dirs := []string{file, filepath.Join(file, "below"), "/proc/atrium-bench"}
	if os.Geteuid() != 0 { // root may write everywhere
		closed := t.TempDir()
		if err := os.Chmod(closed, 0o500); err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, closed)
	}
	for _, dir := range dirs {
		if _, err := OpenOutput(dir); !errors.Is(err, ErrOutput) || !strings.Contains(err.Error(), "--out") {
			t.Errorf("%s: %v, want ErrOutput that says what to do", dir, err)
		}
	}
	gone := filepath.Join(t.TempDir(), "gone")
	out, err := OpenOutput(gone)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write(full()); !errors.Is(err, ErrOutput) {
		t.Errorf("removed meanwhile: %v", err)
	}
}

func TestProgressLines(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(&out, false)
	for i := range 31 {
		p.Joining(i, i/30, 31)
	}
	for i := range 41 {
		p.Measuring(time.Duration(i)*500*time.Millisecond, 20*time.Second, Live{SentRate: 9000, ReceivedRate: 36000, Lost: 3, Gone: i / 40})
	}
	p.Note("a note")
	p.Close()
	want := `joined 7 of 31
joined 14 of 31
joined 21 of 31
joined 28 of 31
joined 30 of 31, 1 failed
measuring for 20s
5s of 20s: sent 9 k/s, received 36 k/s, lost 3
10s of 20s: sent 9 k/s, received 36 k/s, lost 3
15s of 20s: sent 9 k/s, received 36 k/s, lost 3
20s of 20s: sent 9 k/s, received 36 k/s, lost 3, 1 gone
a note
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
}

// The bars end, whether or not they were full (goleak watches).
func TestProgressBars(t *testing.T) {
	for _, passed := range []time.Duration{0, 10 * time.Second, 20 * time.Second} {
		var out bytes.Buffer
		p := NewProgress(&out, true)
		p.Joining(10, 0, 30)
		if passed > 0 {
			p.Joining(30, 0, 30)
			p.Measuring(passed, 20*time.Second, Live{Lost: 4})
		}
		p.Note("a note")
		p.Close()
		if text := out.String(); !strings.Contains(text, "joining") || !strings.Contains(text, "a note") ||
			strings.Contains(text, "lost 4") != (passed > 0) {
			t.Errorf("after %v: %q", passed, text)
		}
	}
	NewProgress(&bytes.Buffer{}, true).Close() // nothing was ever shown
}
