package control

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

// Bars shows progress as bars, which Close ends, on a terminal.
type Bars struct {
	container      *mpb.Progress
	fill, window   *mpb.Bar
	filled, passed atomic.Pointer[string]
}

// NewBars shows progress on w.
func NewBars(w io.Writer) *Bars {
	return &Bars{container: mpb.New(mpb.WithOutput(w), mpb.WithAutoRefresh())}
}

func (b *Bars) add(name string, total int64, text *atomic.Pointer[string]) *mpb.Bar {
	return b.container.AddBar(total, mpb.BarWidth(barWidth), mpb.PrependDecorators(decor.Name(fmt.Sprintf("%-10s", name))),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			if t := text.Load(); t != nil {
				return " " + *t
			}
			return ""
		})))
}

// Filling implements Progress.
func (b *Bars) Filling(entered, total int) {
	if b.fill == nil {
		b.fill = b.add("entering", int64(total), &b.filled)
	}
	text := fmt.Sprintf("%d of %d", entered, total)
	b.filled.Store(&text)
	b.fill.SetCurrent(int64(entered))
}

// Measuring implements Progress.
func (b *Bars) Measuring(passed, total time.Duration, visits int) {
	if b.window == nil {
		b.window = b.add("measuring", total.Milliseconds(), &b.passed)
	}
	text := rate(passed, visits)
	b.passed.Store(&text)
	b.window.SetCurrent(passed.Milliseconds())
}

// Close ends the display.
func (b *Bars) Close() {
	for _, bar := range []*mpb.Bar{b.fill, b.window} {
		if bar != nil {
			bar.Abort(false) // does nothing to a bar that is complete
		}
	}
	b.container.Wait()
}

func rate(passed time.Duration, visits int) string {
	if passed <= 0 {
		return ""
	}
	return fmt.Sprintf("%.0f s  %d visits, %.0f/s", passed.Seconds(), visits, float64(visits)/passed.Seconds())
}

// Lines shows progress as a line now and then, for logs and CI.
type Lines struct {
	W     io.Writer
	shown time.Duration
}

// linesEvery is the time between two lines of the window.
const linesEvery = 5 * time.Second

// Filling implements Progress.
func (l *Lines) Filling(entered, total int) {
	if entered == total {
		fmt.Fprintf(l.W, "%d guests wait\n", total)
	}
}

// Measuring implements Progress.
func (l *Lines) Measuring(passed, total time.Duration, visits int) {
	if passed >= l.shown+linesEvery || passed == total && l.shown < total {
		l.shown = passed
		fmt.Fprintf(l.W, "%v of %v: %s\n", passed.Round(time.Second), total, rate(passed, visits))
	}
}
