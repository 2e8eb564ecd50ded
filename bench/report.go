package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/lipgloss/table"
)

// ErrOutput is wrapped by errors of [Output].
var ErrOutput = errors.New("can't write results")

// ResultFile is the name of the file that [Output.Write] makes.
const ResultFile = "result.json"

// Output is the directory that results go to.
type Output struct{ dir string }

// OpenOutput makes the directory where it is missing and proves that it can be
// written to, so that a long run doesn't end with nowhere to put its result.
// Errors wrap [ErrOutput].
func OpenOutput(dir string) (Output, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Output{}, fmt.Errorf("%w: %w; give another directory with --out", ErrOutput, err)
	}
	probe, err := os.CreateTemp(dir, ".result-*")
	if err != nil {
		return Output{}, fmt.Errorf("%w: %w; give another directory with --out", ErrOutput, err)
	}
	probe.Close()
	return Output{dir}, os.Remove(probe.Name())
}

// Write puts a result into result.json, which is complete or absent at any
// moment, and gives its path. Errors wrap [ErrOutput].
func (o Output) Write(r any) (path string, err error) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrOutput, err)
	}
	path = filepath.Join(o.dir, ResultFile)
	file, err := os.CreateTemp(o.dir, ".result-*")
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrOutput, err)
	}
	_, err = file.Write(append(text, '\n'))
	err = errors.Join(err, file.Chmod(0o644), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
		return "", fmt.Errorf("%w: %w", ErrOutput, err)
	}
	return path, nil
}

// style is how a report looks: with colours and lines on a terminal, else as
// plain columns.
type style struct {
	terminal        bool
	title, ok, bad  lipgloss.Style
	label, quantity lipgloss.Style
}

func newStyle(w io.Writer, terminal bool) style {
	renderer := lipgloss.NewRenderer(w) // finds out itself what colours w shows
	return style{
		terminal: terminal,
		title:    renderer.NewStyle().Bold(true),
		ok:       renderer.NewStyle().Foreground(lipgloss.Color("2")),
		bad:      renderer.NewStyle().Bold(true).Foreground(lipgloss.Color("1")),
		label:    renderer.NewStyle().PaddingRight(2),
		quantity: renderer.NewStyle().PaddingRight(2).Align(lipgloss.Right),
	}
}

// Report writes the result as tables for people. On a terminal they have lines
// and colours.
func (r *Result) Report(w io.Writer, terminal bool) error {
	s := newStyle(w, terminal)
	kind := "one encoding each"
	if r.Scenario.Simulcast {
		kind = "simulcast"
	}
	heading := fmt.Sprintf("%d participants, %d publishers, %s, %s, %s", r.Scenario.Participants,
		r.Scenario.Publishers, r.Scenario.Layout, kind, formatSeconds(r.Scenario.Seconds))
	blocks := []string{
		s.title.Render(heading),
		s.table(r.summaryRows()),
		s.table(r.timeRows()),
		s.table(r.mediaRows()),
		s.table(costRows(r.Server, r.Generator, r.Scenario.Seconds)),
	}
	return s.write(w, blocks, remarks(r.Joins.Errors, r.Server, r.Generator, r.VoidReasons), r.Assertions)
}

// write writes blocks, what must be known before they are believed, and the
// outcome of assertions.
func (s style) write(w io.Writer, blocks, remarks []string, verdicts []Verdict) error {
	for _, text := range remarks {
		blocks = append(blocks, s.bad.Render(text))
	}
	for _, v := range verdicts {
		blocks = append(blocks, s.verdict(v))
	}
	for _, block := range blocks {
		if _, err := fmt.Fprintln(w, block); err != nil {
			return err
		}
	}
	return nil
}

func (s style) table(rows [][]string) string {
	t := table.New().Headers(rows[0]...).Rows(rows[1:]...).
		BorderTop(false).BorderBottom(false).BorderLeft(false).BorderRight(false).BorderColumn(false).
		BorderHeader(s.terminal).
		StyleFunc(func(row, column int) lipgloss.Style {
			if column == 0 {
				return s.label
			}
			return s.quantity
		})
	var text strings.Builder
	for line := range strings.Lines(t.Render() + "\n") {
		text.WriteString(strings.TrimRight(line, " \n") + "\n") // no blanks at the end, for logs
	}
	return text.String()
}

func (s style) verdict(v Verdict) string {
	how := s.bad
	if v.Outcome == OutcomeHeld {
		how = s.ok
	}
	actual := v.Actual
	if actual == "" {
		actual = "not measured"
	}
	return fmt.Sprintf("%s  %s (%s)", how.Render(fmt.Sprintf("%-10s", v.Outcome)), v.Assertion, actual)
}

func (r *Result) summaryRows() [][]string {
	return [][]string{
		{"room", "joined", "failed", "dropped", "see video", "SDP after join", "loss"},
		{
			"", fmt.Sprintf("%d of %d", r.Joins.Completed, r.Joins.Planned), strconv.Itoa(r.Joins.Failed),
			strconv.Itoa(r.Joins.Dropped), strconv.Itoa(r.Joins.Seeing), strconv.FormatInt(r.SDP, 10),
			optional(r.Loss, "ratio"),
		},
	}
}

func optional(x *float64, unit string) string {
	if x == nil {
		return missing
	}
	return formatNumber(*x, unit)
}

func (r *Result) timeRows() [][]string {
	rows := [][]string{{"time", "p50", "p95", "p99", "max"}}
	for _, line := range []struct {
		name string
		p    Percentiles
	}{
		{"join", r.Join}, {"first frame", r.FirstFrame},
		{"latency, audio", r.LatencyAudio}, {"latency, video", r.LatencyVideo},
	} {
		rows = append(rows, line.p.row(line.name))
	}
	return rows
}

// row is a line of a table: p50, p95, p99 and max.
func (p Percentiles) row(name string) []string {
	return []string{name, optional(p.P50, "s"), optional(p.P95, "s"), optional(p.P99, "s"), optional(p.Max, "s")}
}

func (r *Result) mediaRows() [][]string {
	rows := [][]string{{"media", "sent", "received", "rate", "recovered", "lost", "loss", "violations"}}
	for _, line := range []struct {
		name string
		m    Media
	}{{"audio", r.Audio}, {"video", r.Video}} {
		m := line.m
		rows = append(rows, []string{
			line.name, formatNumber(m.SentRate, "/s"), formatNumber(m.ReceivedRate, "/s"),
			formatNumber(m.ReceivedBits, "bit/s"), strconv.FormatInt(m.RecoveredPackets, 10),
			strconv.FormatInt(m.LostPackets, 10), optional(m.Loss, "ratio"), strconv.FormatInt(m.Violations.Total, 10),
		})
	}
	return rows
}

// costRows are what server and generator used in so many seconds.
func costRows(s Server, g Generator, seconds float64) [][]string {
	perSecond := func(count *float64) string {
		if count == nil || seconds == 0 {
			return missing
		}
		return formatNumber(*count/seconds, "/s")
	}
	return [][]string{
		{"cost", "CPU", "per packet out", "in + out", "packets in", "out", "memory", "to join all"},
		{
			"server", optional(s.CPU, "cores"), optional(s.USPerForwardedPacket, "us"),
			optional(s.USPerPacket, "us"), perSecond(s.PacketsIn), perSecond(s.PacketsOut),
			optional(s.ResidentBytes, "bytes"), optional(s.JoinCPUSeconds, "s"),
		},
		{"generator", optional(g.CPU, "cores"), "", "", "", "", "", ""},
	}
}

// remarks are what a reader must know before believing the figures.
func remarks(reasons []ErrorCount, server Server, g Generator, void []string) []string {
	var all []string
	for _, e := range reasons {
		all = append(all, fmt.Sprintf("%d × %s", e.Count, e.Error))
	}
	if server.Problem != "" {
		all = append(all, "server figures missing: "+server.Problem)
	}
	for _, reason := range void {
		all = append(all, "void: "+reason)
	}
	if len(void) > 0 {
		all = append(all, fmt.Sprintf("The generator could not keep up (it got %s of %d; the machine was %s busy), so nothing is proven: "+
			"use fewer participants, a quieter machine, or another one for the generator.",
			optional(g.CPU, "cores"), g.Cores, optional(g.MachineBusy, "ratio")))
	}
	return all
}
