package bench

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// scrapeTimeout bounds one reading of the server's metrics; slower figures
// would no longer be of the moment they are put down to.
const scrapeTimeout = 3 * time.Second

// foreignShare of what the participants received must have been sent by the
// server whose metrics are read, or it is another one. The counters of both are
// read at slightly different moments.
const foreignShare = 0.5

// serverWatch reads the server's metrics at the turning points of a run. The
// first failure is kept and voids the figures that need that reading.
type serverWatch struct {
	url     string // for people
	source  ReadMetrics
	started sample // before the first join
	begin   sample // at the beginning of the steady window
	end     sample // at its end
	problem string

	process    process
	profile    bool
	resident   *float64
	usedBegin  cpuTime // of the process, at the beginning of the steady window
	usedEnd    cpuTime // at its end
	usedBefore cpuTime // before the first join
}

// enter and leave mark the steady window.
func (w *serverWatch) enter(ctx context.Context) {
	w.begin = w.read(ctx)
	if w.profile {
		w.note(w.process.toggleProfile())
	}
	w.usedBegin = w.process.cpu()
}

func (w *serverWatch) leave(ctx context.Context) {
	w.usedEnd, w.resident = w.process.cpu(), w.process.resident()
	if w.profile {
		w.note(w.process.toggleProfile())
	}
	w.end = w.read(ctx)
}

// note keeps the first problem.
func (w *serverWatch) note(err error) {
	if err != nil && w.problem == "" {
		w.problem = err.Error()
	}
}

// read takes one reading; nil when it failed.
func (w *serverWatch) read(ctx context.Context) sample {
	if w.source == nil {
		w.problem = "no metrics URL given"
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	s, err := w.source(ctx)
	w.note(err)
	return s
}

// figures gives what the readings say about a steady window of the given
// length, in which the participants received that many packets.
func (w *serverWatch) figures(window time.Duration, received int64) Server {
	s := Server{Metrics: w.url, Problem: w.problem}
	cpu := w.begin.growth(w.end, metricCPU)
	s.PacketsIn = w.begin.growth(w.end, metricPacketsIn)
	s.PacketsOut = w.begin.growth(w.end, metricPacketsOut)
	s.DroppedPackets = w.begin.growth(w.end, metricDropped)
	if batched, runs := w.begin.growth(w.end, metricBatched), w.begin.growth(w.end, metricRuns); batched != nil && runs != nil {
		s.GSOShare = ratio(*runs, *batched)
	}
	if s.PacketsOut != nil && *s.PacketsOut < foreignShare*float64(received) {
		return Server{Metrics: w.url, Problem: fmt.Sprintf(
			"these are the metrics of another server: it sent %.0f packets while the participants received %d",
			*s.PacketsOut, received)}
	}
	if lost := w.begin.growth(w.end, metricLost); lost != nil && s.PacketsIn != nil {
		s.UploadLoss = ratio(*lost, *lost+*s.PacketsIn)
	}
	s.JoinCPUSeconds = w.started.growth(w.begin, metricCPU)
	if s.ResidentBytes = w.end.get(metricResident); s.ResidentBytes == nil {
		s.ResidentBytes = w.resident
	}
	s.Goroutines = w.end.get(metricGoroutines)
	if used, ok := w.usedBegin.until(w.usedEnd); ok {
		s.UserCPU, s.SystemCPU = ratio(used.user, window.Seconds()), ratio(used.system, window.Seconds())
		cpu = figure(used.user + used.system)
		if joins, ok := w.usedBefore.until(w.usedBegin); ok {
			s.JoinCPUSeconds = figure(joins.user + joins.system)
		}
	}
	if cpu != nil {
		s.CPU = ratio(*cpu, window.Seconds())
		s.USPerReceivedPacket = ratio(*cpu*1e6, float64(received))
		if s.PacketsOut != nil {
			s.USPerForwardedPacket = ratio(*cpu*1e6, *s.PacketsOut)
			if s.PacketsIn != nil {
				s.USPerPacket = ratio(*cpu*1e6, *s.PacketsIn+*s.PacketsOut)
			}
		}
	}
	if s.Problem == "" {
		s.Problem = w.absent()
	}
	return s
}

// absent names the metrics that were expected and not there; "" when all were.
func (w *serverWatch) absent() string {
	var names []string
	for _, name := range []string{metricCPU, metricPacketsIn, metricPacketsOut, metricLost, metricDropped} {
		if w.begin.growth(w.end, name) == nil {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "not exported, or restarted meanwhile: " + strings.Join(names, ", ")
}
