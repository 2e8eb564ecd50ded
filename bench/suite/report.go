package suite

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/bench"
)

// ReportSchema names the layout of [Report].
const ReportSchema = "atrium-bench/suite/1"

// Report is what a suite found; report.json is its JSON form. Units are those
// of [bench.Result].
type Report struct {
	Schema  string    `json:"schema"`
	Kind    string    `json:"kind"`
	Started time.Time `json:"started"`
	// Machine says where it ran.
	Machine Machine `json:"machine"`
	Seconds float64 `json:"seconds"` // of each steady window
	Rows    []Row   `json:"rows"`
}

// Machine is where a suite ran.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	// Namespaces is true when server and generator had one each, connected by
	// veth; otherwise they met on loopback.
	Namespaces bool `json:"namespaces"`
}

// Row is a load and a server, with the medians of its runs. Void runs are left
// out; null is what none of the others measured.
type Row struct {
	Load   string `json:"load"`
	Server string `json:"server"`
	Runs   int    `json:"runs"`
	Void   int    `json:"void"` // runs in which the generator was the bottleneck
	// Overloaded runs lost more than 1 %, or participants.
	Overloaded int `json:"overloaded"`

	USPerPacket *float64 `json:"us_per_packet"` // server CPU ÷ packets that clients received
	USUser      *float64 `json:"us_user"`
	USSystem    *float64 `json:"us_system"`
	USPerInOut  *float64 `json:"us_per_in_out"` // ÷ packets in and out
	CPU         *float64 `json:"cpu"`           // cores
	GSOShare    *float64 `json:"gso_share"`     // of the packets sent, in runs of two or more
	// USIn and USOut are the costs of a packet in and of one out, of the row
	// that has another one with nobody watching beside it.
	USIn            *float64 `json:"us_in"`
	USOut           *float64 `json:"us_out"`
	PacketsIn       *float64 `json:"packets_in_per_second"`
	Received        *float64 `json:"received_per_second"`
	Loss            *float64 `json:"loss"`
	LatencyP50      *float64 `json:"latency_p50"`
	LatencyP99      *float64 `json:"latency_p99"`
	MemoryEach      *float64 `json:"bytes_per_participant"`
	JoinCPU         *float64 `json:"join_cpu_seconds"` // to join all
	FirstFrameP95   *float64 `json:"first_frame_p95"`
	SDP             *float64 `json:"sdp"` // after the first answers, of all
	GeneratorCPU    *float64 `json:"generator_cpu"`
	GeneratorPacket *float64 `json:"generator_us_per_packet"`

	results []*bench.Result
}

func newReport(o Options, isolated bool) *Report {
	return &Report{
		Schema: ReportSchema, Kind: o.Kind, Started: time.Now().UTC().Truncate(time.Second), Seconds: o.For.Seconds(),
		Machine: Machine{
			CPU: cpuModel(), Cores: runtime.NumCPU(), Kernel: firstLine("/proc/sys/kernel/osrelease"), Go: runtime.Version(),
			Namespaces: isolated,
		},
	}
}

func firstLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// add takes a result in, and computes the row's medians anew.
func (r *Report) add(of row, result *bench.Result) {
	i := slices.IndexFunc(r.Rows, func(x Row) bool { return x.Load == of.name && x.Server == string(of.server) })
	if i < 0 {
		i = len(r.Rows)
		r.Rows = append(r.Rows, Row{Load: of.name, Server: string(of.server)})
	}
	row := &r.Rows[i]
	row.Runs++
	if overloaded(result) {
		row.Overloaded++
	}
	if result.Void {
		row.Void++
	} else {
		row.results = append(row.results, result)
	}
	row.sum()
	r.split()
}

// split tells the cost of packets in from that of packets out: two runs of the
// same publishers, with viewers and without, are two equations.
func (r *Report) split() {
	all := slices.IndexFunc(r.Rows, func(x Row) bool { return x.Load == loadAll })
	in := slices.IndexFunc(r.Rows, func(x Row) bool { return x.Load == loadIn })
	if all < 0 || in < 0 {
		return
	}
	a, b := &r.Rows[all], &r.Rows[in]
	for _, v := range []*float64{a.CPU, b.CPU, a.PacketsIn, b.PacketsIn, a.Received, b.Received} {
		if v == nil {
			return
		}
	}
	// CPU = in × packets in + out × packets out, of both.
	d := *a.PacketsIn**b.Received - *b.PacketsIn**a.Received
	if d == 0 {
		return
	}
	usIn := (*a.CPU**b.Received - *b.CPU**a.Received) / d * 1e6
	usOut := (*a.PacketsIn**b.CPU - *b.PacketsIn**a.CPU) / d * 1e6
	a.USIn, a.USOut = &usIn, &usOut
}

// sum computes the medians.
func (row *Row) sum() {
	over := func(a *float64, b float64) *float64 {
		if a == nil || b == 0 {
			return nil
		}
		v := *a / b
		return &v
	}
	number := func(v float64) *float64 { return &v }
	received := func(r *bench.Result) float64 { return float64(r.Audio.ReceivedPackets + r.Video.ReceivedPackets) }
	rate := func(r *bench.Result) float64 { return r.Audio.ReceivedRate + r.Video.ReceivedRate }
	for to, of := range map[**float64]func(*bench.Result) *float64{
		&row.USPerPacket:     func(r *bench.Result) *float64 { return r.Server.USPerReceivedPacket },
		&row.USUser:          func(r *bench.Result) *float64 { return over(r.Server.UserCPU, rate(r)/1e6) },
		&row.USSystem:        func(r *bench.Result) *float64 { return over(r.Server.SystemCPU, rate(r)/1e6) },
		&row.USPerInOut:      func(r *bench.Result) *float64 { return r.Server.USPerPacket },
		&row.CPU:             func(r *bench.Result) *float64 { return r.Server.CPU },
		&row.GSOShare:        func(r *bench.Result) *float64 { return r.Server.GSOShare },
		&row.PacketsIn:       func(r *bench.Result) *float64 { return over(r.Server.PacketsIn, received(r)/rate(r)) },
		&row.Received:        func(r *bench.Result) *float64 { return number(rate(r)) },
		&row.Loss:            func(r *bench.Result) *float64 { return r.Loss },
		&row.LatencyP50:      func(r *bench.Result) *float64 { return r.Latency.P50 },
		&row.LatencyP99:      func(r *bench.Result) *float64 { return r.Latency.P99 },
		&row.MemoryEach:      func(r *bench.Result) *float64 { return over(r.Server.ResidentBytes, float64(r.Joins.Completed)) },
		&row.JoinCPU:         func(r *bench.Result) *float64 { return r.Server.JoinCPUSeconds },
		&row.FirstFrameP95:   func(r *bench.Result) *float64 { return r.FirstFrame.P95 },
		&row.SDP:             func(r *bench.Result) *float64 { return number(float64(r.SDP)) },
		&row.GeneratorCPU:    func(r *bench.Result) *float64 { return r.Generator.CPU },
		&row.GeneratorPacket: func(r *bench.Result) *float64 { return over(r.Generator.CPU, rate(r)/1e6) },
	} {
		*to = median(row.results, of)
	}
}

// median of what was measured; nil when nothing was.
func median(results []*bench.Result, of func(*bench.Result) *float64) *float64 {
	var values []float64
	for _, r := range results {
		if v := of(r); v != nil {
			values = append(values, *v)
		}
	}
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	middle := values[len(values)/2]
	if len(values)%2 == 0 {
		middle = (middle + values[len(values)/2-1]) / 2
	}
	return &middle
}

// sentence sums one run up.
func sentence(r *bench.Result) string {
	void := ""
	if r.Void {
		void = "; void: " + strings.Join(r.VoidReasons, "; ")
	}
	return fmt.Sprintf("%s µs per packet, %s cores, generator %s cores, loss %s%s",
		text(r.Server.USPerReceivedPacket, 1, 1), text(r.Server.CPU, 1, 2), text(r.Generator.CPU, 1, 2),
		percent(r.Loss), void)
}

// text writes a number, times a factor.
func text(v *float64, factor float64, digits int) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%.*f", digits, *v*factor)
}

func percent(v *float64) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%.2f %%", *v*100)
}

// Table is the report in Markdown.
func (r *Report) Table() string {
	var b strings.Builder
	how := "loopback"
	if r.Machine.Namespaces {
		how = "two network namespaces over veth"
	}
	fmt.Fprintf(&b, "%s, %s: %s, %d cores, Linux %s, %s; server on core %d, generator on core %d, %s; windows of %.0f s, medians.\n\n",
		r.Kind, r.Started.Format(time.DateOnly), r.Machine.CPU, r.Machine.Cores, r.Machine.Kernel, r.Machine.Go,
		serverCore, generatorCore, how, r.Seconds)
	b.WriteString("| load | server | µs per packet | user + system | µs per in + out | µs in, out apart | in GSO runs | packets/s in, out | cores | × Atrium | latency p50, p99 ms | loss | MB each | CPU s to join | first frame p95 | SDP | generator cores, µs | runs |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, row := range r.Rows {
		fmt.Fprintf(&b, "| %s | %s | %s | %s + %s | %s | %s, %s | %s | %s, %s | %s | %s | %s, %s | %s | %s | %s | %s s | %s | %s, %s | %s |\n",
			row.Load, row.Server, text(row.USPerPacket, 1, 2), text(row.USUser, 1, 2), text(row.USSystem, 1, 2),
			text(row.USPerInOut, 1, 2), text(row.USIn, 1, 2), text(row.USOut, 1, 2), percent(row.GSOShare), text(row.PacketsIn, 1, 0), text(row.Received, 1, 0), text(row.CPU, 1, 3),
			r.ratio(row), text(row.LatencyP50, 1e3, 1), text(row.LatencyP99, 1e3, 1), percent(row.Loss),
			text(row.MemoryEach, 1e-6, 2), text(row.JoinCPU, 1, 2), text(row.FirstFrameP95, 1, 2), text(row.SDP, 1, 0),
			text(row.GeneratorCPU, 1, 2), text(row.GeneratorPacket, 1, 2), row.runs())
	}
	return b.String()
}

// ratio compares a row with Atrium's under the same load.
func (r *Report) ratio(row Row) string {
	for _, other := range r.Rows {
		if other.Load == row.Load && other.Server == string(atrium) && other.USPerPacket != nil && row.USPerPacket != nil {
			return fmt.Sprintf("%.2f", *row.USPerPacket / *other.USPerPacket)
		}
	}
	return "–"
}

func (row Row) runs() string {
	all := fmt.Sprint(row.Runs)
	if row.Void > 0 {
		all += fmt.Sprintf(", %d void", row.Void)
	}
	if row.Overloaded > 0 {
		all += fmt.Sprintf(", %d overloaded", row.Overloaded)
	}
	return all
}

// write writes report.json and table.md.
func (r *Report) write(dir string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("suite: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "report.json"), append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("suite: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "table.md"), []byte(r.Table()), 0o644); err != nil {
		return fmt.Errorf("suite: %w", err)
	}
	return nil
}
