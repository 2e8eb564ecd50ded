package bench

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Limits past which the generator, not the server, is being measured.
const (
	// LateAfter is how late something may be sent; a frame interval is 33 ms,
	// so a tick this late has already merged frames into bursts.
	LateAfter = 20 * time.Millisecond
	// maxLateShare of the ticks may be late: a garbage collection or a busy
	// neighbour now and then doesn't falsify percentiles up to p95.
	maxLateShare = 0.02
	// maxCPUShare of the cores may be in use: above it queues grow.
	maxCPUShare = 0.90
	// maxQueueShare of what was received may be lost in the generator's sockets:
	// well below any loss that is worth claiming.
	maxQueueShare = 0.0001
)

// usage is what has been used of this process's and the machine's CPU so far.
type usage struct {
	at      time.Time
	process time.Duration
	known   bool
	busy    float64          // of the machine, in ticks of /proc/stat
	total   float64          // 0: unknown
	drops   map[string]int64 // by socket; nil: unknown
}

func currentUsage(now time.Time) usage {
	u := usage{at: now}
	u.process, u.known = processCPU()
	u.drops = socketDrops("/proc/self")
	if f, err := os.Open("/proc/stat"); err == nil {
		defer f.Close()
		if line, err := bufio.NewReader(f).ReadString('\n'); err == nil {
			u.busy, u.total = parseProcStat(line)
		}
	}
	return u
}

// parseProcStat reads the first line of /proc/stat (proc(5)): user nice system
// idle iowait irq softirq steal, in ticks. Both results are 0 when it is
// something else.
func parseProcStat(line string) (busy, total float64) {
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, 0
	}
	for i, field := range fields[1:9] {
		ticks, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0, 0
		}
		total += ticks
		if i != 3 && i != 4 { // idle and iowait
			busy += ticks
		}
	}
	return busy, total
}

// generatorFigures judges how the generator fared between two moments, and
// gives the reasons why its figures are void, if they are.
func generatorFigures(begin, end usage, sum counters, cores int) (g Generator, void []string) {
	g = Generator{
		Cores: cores, Goroutines: runtime.NumGoroutine(),
		Ticks: sum.ticks, LateTicks: sum.lateTicks, QueueDrops: dropsSince(begin.drops, end.drops),
		LateShare: ratio(float64(sum.lateTicks), float64(sum.ticks)),
	}
	if begin.known && end.known {
		g.CPU = ratio((end.process - begin.process).Seconds(), end.at.Sub(begin.at).Seconds())
		if g.CPU != nil {
			g.CPUShare = ratio(*g.CPU, float64(cores))
		}
	}
	if begin.total > 0 && end.total > begin.total {
		g.MachineBusy = ratio(end.busy-begin.busy, end.total-begin.total)
	}
	if g.CPUShare != nil && *g.CPUShare > maxCPUShare {
		void = append(void, fmt.Sprintf("the generator used %s of its %d cores (limit %s)",
			formatNumber(*g.CPUShare, "ratio"), cores, formatNumber(maxCPUShare, "ratio")))
	}
	if g.LateShare != nil && *g.LateShare > maxLateShare {
		void = append(void, fmt.Sprintf("%s of what the generator sent was over %v late (limit %s)",
			formatNumber(*g.LateShare, "ratio"), LateAfter, formatNumber(maxLateShare, "ratio")))
	}
	received := float64(sum.audio.received + sum.video.received)
	if g.QueueDrops != nil && *g.QueueDrops > maxQueueShare*received {
		void = append(void, fmt.Sprintf("the generator's sockets overflowed: %.0f packets were lost", *g.QueueDrops))
	}
	g.Saturated = len(void) > 0
	return g, void
}
