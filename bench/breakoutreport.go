package bench

import (
	"fmt"
	"io"
	"strconv"
)

// Report writes the result as tables for people. On a terminal they have lines
// and colours.
func (r *BreakoutResult) Report(w io.Writer, terminal bool) error {
	s := newStyle(w, terminal)
	heading := fmt.Sprintf("a group of %d and its moderator", r.Scenario.Participants)
	if r.Scenario.Rooms > 0 {
		heading += fmt.Sprintf(", %d breakouts, %d moves", r.Scenario.Rooms, r.Scenario.Moves)
	}
	blocks := []string{s.title.Render(heading), s.table(r.summaryRows()), s.table(r.timeRows())}
	if len(r.Moves) > 0 {
		blocks = append(blocks, s.table(r.moveRows()))
	}
	blocks = append(blocks, s.table(costRows(r.Server, r.Generator, r.Seconds)))
	return s.write(w, blocks, remarks(r.Joins.Errors, r.Server, r.Generator, r.VoidReasons), r.Assertions)
}

func (r *BreakoutResult) summaryRows() [][]string {
	j := r.Joins
	return [][]string{
		{"group", "registered", "in the lobby", "together", "dropped", "SDP after join", "stray", "no key frame", "loss"},
		{
			"", fmt.Sprintf("%d of %d", j.Registered, j.Planned), strconv.Itoa(j.Waiting), strconv.Itoa(j.Together),
			strconv.Itoa(j.Dropped), strconv.FormatInt(r.SDP, 10), strconv.FormatInt(r.Stray, 10),
			strconv.FormatInt(r.NoKeyFrame, 10), optional(r.Loss, "ratio"),
		},
	}
}

func (r *BreakoutResult) timeRows() [][]string {
	rows := [][]string{{"time", "p50", "p95", "p99", "max"}}
	for _, line := range []struct {
		name string
		p    Percentiles
	}{
		{"register", r.Register}, {"enter by the link", r.Enter}, {"link to transport up", r.Parked},
		{"admit one: hear, after the answer", r.Admit.Hear}, {"admit one: see, after the answer", r.Admit.See},
		{"admit one: hear, in all", r.Admit.HearSent}, {"admit one: see, in all", r.Admit.SeeSent},
		{"admit all: hear", r.Storm.Hear}, {"admit all: see", r.Storm.See},
		{"move: longest silence", r.AudioGap}, {"no move: longest silence", r.SteadyGap},
		{"move: told of the room", r.Told}, {"move: first sound", r.FirstAudio}, {"move: first frame", r.FirstVideo},
		{"close: longest silence", r.Closing.AudioGap}, {"close: told of the room", r.Closing.Told},
		{"close: first frame", r.Closing.FirstVideo},
	} {
		if line.p.Count > 0 {
			rows = append(rows, line.p.row(line.name))
		}
	}
	return rows
}

// moveRows have a line for each move.
func (r *BreakoutResult) moveRows() [][]string {
	rows := [][]string{{"move", "request", "silence p50", "p95", "max", "first frame p50", "p95", "max", "stray"}}
	for i, m := range r.Moves {
		name := m.Kind
		if m.Kind == moveMove {
			name = fmt.Sprintf("%s %d", m.Kind, i)
		}
		rows = append(rows, []string{
			name, formatNumber(m.RequestSeconds, "s"),
			optional(m.AudioGap.P50, "s"), optional(m.AudioGap.P95, "s"), optional(m.AudioGap.Max, "s"),
			optional(m.FirstVideo.P50, "s"), optional(m.FirstVideo.P95, "s"), optional(m.FirstVideo.Max, "s"),
			strconv.FormatInt(m.Stray, 10),
		})
	}
	return rows
}
