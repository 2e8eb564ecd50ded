package bench

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// barWidth of the progress bars in columns; beside their text they fit into 80.
const barWidth = 30

// NewProgress shows a run's progress on w: as bars that move where w is a
// terminal, otherwise as a line now and then.
func NewProgress(w io.Writer, terminal bool) Progress {
	if terminal {
		return &bars{container: mpb.New(mpb.WithOutput(w), mpb.WithAutoRefresh()), steps: map[string]*step{}}
	}
	return &lines{w: w}
}

// lines writes plain lines, at most one per linesEvery of the window, for logs
// and CI.
type lines struct {
	w         io.Writer
	joined    int
	failed    int
	measured  time.Duration // when the last line was written
	measuring bool
	stepped   map[string]int // how far each step was at its last line
}

// linesEvery is the time between two lines of the steady window.
const linesEvery = 5 * time.Second

func (l *lines) Joining(joined, failed, total int) {
	all := joined + failed
	step := max(1, total/4) // four lines in all: enough to see it move
	if all == l.joined+l.failed || all < total && all < l.joined+l.failed+step {
		return
	}
	l.joined, l.failed = joined, failed
	fmt.Fprintf(l.w, "joined %d of %d%s\n", joined, total, failures(failed))
}

func (l *lines) Step(name string, done, total int) {
	if l.stepped == nil {
		l.stepped = map[string]int{}
	}
	// Four lines of each, as of the joins.
	if before := l.stepped[name]; done == before || done < total && done < before+max(1, total/4) {
		return
	}
	l.stepped[name] = done
	fmt.Fprintf(l.w, "%s %d of %d\n", name, done, total)
}

func failures(failed int) string {
	if failed == 0 {
		return ""
	}
	return fmt.Sprintf(", %d failed", failed)
}

func (l *lines) Measuring(passed, total time.Duration, now Live) {
	if !l.measuring {
		l.measuring = true
		fmt.Fprintf(l.w, "measuring for %v\n", total)
		return
	}
	if passed < l.measured+linesEvery && passed < total {
		return
	}
	l.measured = passed
	fmt.Fprintf(l.w, "%v of %v: %s\n", passed.Round(time.Second), total, liveText(now))
}

func liveText(now Live) string {
	text := fmt.Sprintf("sent %s, received %s, lost %d",
		formatNumber(now.SentRate, "/s"), formatNumber(now.ReceivedRate, "/s"), now.Lost)
	if now.Gone > 0 {
		text += fmt.Sprintf(", %d gone", now.Gone)
	}
	return text
}

func (l *lines) Note(text string) { fmt.Fprintln(l.w, text) }

func (l *lines) Close() {}

// bars draws one bar for the joins, one for the steady window, and one for each
// step.
type bars struct {
	container *mpb.Progress
	steps     map[string]*step
	join      *mpb.Bar
	window    *mpb.Bar
	joinText  atomic.Pointer[string]
	liveText  atomic.Pointer[string]
}

func (b *bars) add(name string, total int64, text *atomic.Pointer[string]) *mpb.Bar {
	return b.container.AddBar(total, mpb.BarWidth(barWidth),
		mpb.PrependDecorators(decor.Name(fmt.Sprintf("%-10s", name))),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			if t := text.Load(); t != nil {
				return " " + *t
			}
			return ""
		})),
	)
}

func (b *bars) Joining(joined, failed, total int) {
	if b.join == nil {
		b.join = b.add("joining", int64(total), &b.joinText)
	}
	text := fmt.Sprintf("%d of %d%s", joined, total, failures(failed))
	b.joinText.Store(&text)
	b.join.SetCurrent(int64(joined + failed))
}

func (b *bars) Measuring(passed, total time.Duration, now Live) {
	if b.window == nil {
		b.window = b.add("measuring", total.Milliseconds(), &b.liveText)
	}
	text := fmt.Sprintf("%.0f s  %s", passed.Seconds(), liveText(now))
	b.liveText.Store(&text)
	b.window.SetCurrent(passed.Milliseconds())
}

// step is the bar of a step.
type step struct {
	bar  *mpb.Bar
	text atomic.Pointer[string]
}

func (b *bars) Step(name string, done, total int) {
	s := b.steps[name]
	if s == nil {
		s = &step{}
		s.bar = b.add(name, int64(total), &s.text)
		b.steps[name] = s
	}
	text := fmt.Sprintf("%d of %d", done, total)
	s.text.Store(&text)
	s.bar.SetCurrent(int64(done))
}

func (b *bars) Note(text string) { fmt.Fprintln(b.container, text) }

func (b *bars) Close() {
	all := []*mpb.Bar{b.join, b.window}
	for _, s := range b.steps {
		all = append(all, s.bar)
	}
	for _, bar := range all {
		if bar != nil {
			bar.Abort(false) // does nothing to a bar that is complete
		}
	}
	b.container.Wait()
}
