package bench

import (
	"maps"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

func value(t *testing.T, x *float64) float64 {
	t.Helper()
	if x == nil {
		t.Fatal("the figure is null")
	}
	return *x
}

func TestPercentilesOf(t *testing.T) {
	var hundred []time.Duration
	for i := 100; i > 0; i-- { // in no useful order
		hundred = append(hundred, time.Duration(i)*time.Second)
	}
	for _, row := range []struct {
		name                                string
		samples                             []time.Duration
		min, mean, p50, p90, p95, p99, max_ float64
	}{
		{"one", []time.Duration{time.Second}, 1, 1, 1, 1, 1, 1, 1},
		{"two", []time.Duration{3 * time.Second, time.Second}, 1, 2, 1, 3, 3, 3, 3},
		{"hundred", hundred, 1, 50.5, 50, 90, 95, 99, 100},
		{"thirty", hundred[70:], 1, 15.5, 15, 27, 29, 30, 30},
	} {
		p := percentilesOf(row.samples)
		got := [7]float64{}
		for i, x := range []*float64{p.Min, p.Mean, p.P50, p.P90, p.P95, p.P99, p.Max} {
			got[i] = value(t, x)
		}
		want := [7]float64{row.min, row.mean, row.p50, row.p90, row.p95, row.p99, row.max_}
		if got != want || p.Count != int64(len(row.samples)) {
			t.Errorf("%s: %v of %d, want %v", row.name, got, p.Count, want)
		}
	}
	if p := percentilesOf(nil); p != (Percentiles{}) {
		t.Errorf("of nothing: %+v, want nulls", p)
	}
}

func TestPercentilesOfHistogram(t *testing.T) {
	h := hdrhistogram.New(latencyLowest, latencyHighest, latencyDigits)
	if p := percentilesOfHistogram(h, time.Microsecond); p != (Percentiles{}) {
		t.Errorf("of nothing: %+v, want nulls", p)
	}
	if p := percentilesOfHistogram(nil, time.Microsecond); p != (Percentiles{}) {
		t.Errorf("of no histogram: %+v, want nulls", p)
	}
	for i := range int64(10000) {
		if err := h.RecordValue(i + 1); err != nil {
			t.Fatal(err)
		}
	}
	p := percentilesOfHistogram(h, time.Microsecond)
	for _, row := range []struct {
		got  *float64
		want float64
	}{{p.Min, 1e-6}, {p.P50, 5e-3}, {p.P95, 9.5e-3}, {p.P99, 9.9e-3}, {p.Max, 1e-2}, {p.Mean, 5e-3}} {
		if got := value(t, row.got); math.Abs(got/row.want-1) > 2e-3 {
			t.Errorf("%v s, want %v s", got, row.want)
		}
	}
}

func TestMediaCounters(t *testing.T) {
	earlier := mediaCounters{sent: 10, sentBytes: 100, received: 50, receivedBytes: 500, recovered: 1, lost: 4, frames: 5, violations: Violations{Jumps: 1, Misrouted: 2}.summed()}
	later := mediaCounters{sent: 30, sentBytes: 300, received: 146, receivedBytes: 1500, recovered: 3, lost: 8, frames: 15, violations: Violations{Jumps: 1, Misrouted: 4}.summed()}
	m := later.since(earlier).figures(2 * time.Second)
	if m.SentRate != 10 || m.ReceivedRate != 48 || m.ReceivedBits != 4000 || m.LostPackets != 4 || m.Frames != 10 || m.Violations != (Violations{Total: 2, Misrouted: 2}) {
		t.Errorf("figures: %+v", m)
	}
	if loss := value(t, m.Loss); loss != 0.04 {
		t.Errorf("loss %v, want 0.04", loss)
	}
	// What was missing when the window began and came late isn't a gain.
	if late := (mediaCounters{lost: 1}).since(mediaCounters{lost: 3}); late.lost != 0 {
		t.Errorf("lost %d, want 0", late.lost)
	}
	if m := (mediaCounters{}).figures(time.Second); m.Loss != nil {
		t.Errorf("loss of nothing is %v, want null", *m.Loss)
	}
	sum := earlier.plus(later.since(earlier))
	if sum != later {
		t.Errorf("sum %+v, want %+v", sum, later)
	}
}

func TestParseProcStat(t *testing.T) {
	for _, row := range []struct {
		line        string
		busy, total float64
	}{
		{"cpu  100 1 50 800 20 3 4 5 0 0\n", 163, 983},
		{"cpu0 100 1 50 800 20 3 4 5 0 0", 0, 0},
		{"cpu  100 1 50", 0, 0},
		{"cpu  a b c d e f g h", 0, 0},
		{"", 0, 0},
	} {
		if busy, total := parseProcStat(row.line); busy != row.busy || total != row.total {
			t.Errorf("%q: %v of %v, want %v of %v", row.line, busy, total, row.busy, row.total)
		}
	}
}

func TestGeneratorFigures(t *testing.T) {
	at := time.Unix(1000, 0)
	begin := usage{at: at, process: time.Second, known: true, busy: 100, total: 1000}
	begin.drops = map[string]int64{"1": 7, "2": 1}
	end := func(cpu time.Duration, drops int64) usage {
		return usage{
			at: at.Add(10 * time.Second), process: time.Second + cpu, known: true, busy: 1600, total: 3000,
			drops: map[string]int64{"1": 7, "3": drops}, // 2 is closed, 3 is new
		}
	}
	received := mediaCounters{received: 1_000_000}
	for _, row := range []struct {
		name    string
		end     usage
		sum     counters
		reasons int
	}{
		{"idle", end(time.Second, 100), counters{ticks: 1000, lateTicks: 20, video: received}, 0},
		{"cpu", end(19*time.Second, 0), counters{ticks: 1000, video: received}, 1},
		{"late", end(time.Second, 0), counters{ticks: 1000, lateTicks: 21, video: received}, 1},
		{"drops", end(time.Second, 101), counters{ticks: 1000, video: received}, 1},
		{"all", end(20*time.Second, 1), counters{ticks: 10, lateTicks: 10}, 3},
		{"nothing known", usage{at: end(0, 0).at}, counters{}, 0},
	} {
		g, void := generatorFigures(begin, row.end, row.sum, 2)
		if len(void) != row.reasons || g.Saturated != (row.reasons > 0) {
			t.Errorf("%s: saturated %v, reasons %q, want %d", row.name, g.Saturated, void, row.reasons)
		}
	}
	g, _ := generatorFigures(begin, end(5*time.Second, 3), counters{ticks: 4, lateTicks: 1}, 2)
	if value(t, g.CPU) != 0.5 || value(t, g.CPUShare) != 0.25 || value(t, g.MachineBusy) != 0.75 || value(t, g.LateShare) != 0.25 || value(t, g.QueueDrops) != 3 {
		t.Errorf("figures: %+v", g)
	}
	if g, _ := generatorFigures(begin, usage{at: end(0, 0).at}, counters{}, 2); g.CPU != nil || g.MachineBusy != nil || g.LateShare != nil || g.QueueDrops != nil {
		t.Errorf("unknown figures aren't null: %+v", g)
	}
}

func TestFormatNumber(t *testing.T) {
	for _, row := range []struct {
		x    float64
		unit string
		want string
	}{
		{0, "s", "0 s"}, {1.2345, "s", "1.23 s"}, {0.0123456, "s", "12.3 ms"}, {0.000_4, "s", "400 µs"}, {120, "s", "120 s"},
		{0.0012345, "ratio", "0.123%"}, {0, "ratio", "0%"}, {1, "ratio", "100%"}, {3.14159, "us", "3.14 µs"},
		{63_000, "/s", "63 k/s"}, {12, "/s", "12 /s"}, {91_234_567, "bytes", "91.2 MB"}, {2.5e9, "bit/s", "2.5 Gbit/s"},
		{0.356, "cores", "0.356 cores"}, {63000, "", "63000"}, {-3, "", "-3"}, {0.5, "", "0.5"}, {1e-9, "ratio", "0.0000001%"},
	} {
		if got := formatNumber(row.x, row.unit); got != row.want {
			t.Errorf("%v in %q: %q, want %q", row.x, row.unit, got, row.want)
		}
	}
}

const exampleUDP = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  118: 0100007F:1ECA 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 40961 2 0000000000000000 12
  119: 0100007F:1ECB 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 40962 2 0000000000000000 0
  garbage
  119: 0100007F:1ECB 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 40963 2 0000000000000000 x
`

func TestParseUDPTable(t *testing.T) {
	got := map[string]int64{}
	parseUDPTable(strings.NewReader(exampleUDP), func(inode string, drops int64) { got[inode] = drops })
	if want := map[string]int64{"40961": 12, "40962": 0}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A socket that nobody reads overflows, and the generator notices.
func TestSocketDrops(t *testing.T) {
	if socketDrops("/nowhere") != nil {
		t.Error("drops of no process aren't unknown")
	}
	before := socketDrops("/proc/self")
	if before == nil {
		t.Skip("needs Linux' /proc")
	}
	unread, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer unread.Close()
	if err := unread.SetReadBuffer(1); err != nil { // as little as the kernel allows
		t.Fatal(err)
	}
	for range 100 {
		if _, err := unread.WriteTo(make([]byte, 1200), unread.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	if n := value(t, dropsSince(before, socketDrops("/proc/self"))); n < 50 || n > 100 {
		t.Errorf("%v of 100 packets dropped, want most", n)
	}
}

func TestClock(t *testing.T) {
	var m meter
	c := clock{meter: &m}
	start := time.Unix(1000, 0)
	for _, row := range []struct {
		due, at time.Duration
		late    int64
	}{
		{0, 0, 0},
		{ms(33), ms(33), 0},
		{ms(66), ms(86), 0}, // just in time
		{ms(100), ms(121), 1},
		{ms(133), ms(133), 1},
		{ms(166), ms(900), 2}, // a stall: from here on everything is due 734 ms later
		{ms(200), ms(934), 2},
		{ms(233), ms(1000), 3}, // 33 ms after that
	} {
		c.tick(row.due, start.Add(row.at))
		if got := m.late.Load(); got != row.late {
			t.Errorf("due at %v, sent at %v: %d late, want %d", row.due, row.at, got, row.late)
		}
	}
	if m.ticks.Load() != 8 {
		t.Errorf("%d ticks, want 8", m.ticks.Load())
	}
}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// Each kind of violation is summed, subtracted and totalled.
func TestViolations(t *testing.T) {
	one := Violations{NoKeyFrame: 1, Timestamps: 2, Pictures: 4, Jumps: 8, Misrouted: 16, Damaged: 32, UnknownStream: 64}.summed()
	if one.Total != 127 {
		t.Errorf("total %d, want 127", one.Total)
	}
	two := Violations{NoKeyFrame: 2, Timestamps: 4, Pictures: 8, Jumps: 16, Misrouted: 32, Damaged: 64, UnknownStream: 128, Total: 254}
	if got := one.plus(one, 1); got != two {
		t.Errorf("sum %+v, want %+v", got, two)
	}
	if got := two.plus(one, -1); got != one {
		t.Errorf("difference %+v, want %+v", got, one)
	}
}
