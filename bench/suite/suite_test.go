package suite

import (
	"crypto/sha256"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/atriumrtc/atrium/bench"
)

// TestMain fails when a goroutine outlives the tests (SE-18).
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func result(us, rate float64, void bool) *bench.Result {
	r := &bench.Result{Void: void}
	r.Server.USPerReceivedPacket = &us
	r.Video.ReceivedRate = rate
	return r
}

// The median of the runs that are not void counts, and ratios are to Atrium
// under the same load.
func TestReport(t *testing.T) {
	r := newReport(Options{Kind: KindForward, For: time.Second}, true)
	own := row{"1 to 50", atrium, 50, nil, nil}
	for _, x := range []*bench.Result{result(3, 1000, false), result(99, 1000, true), result(5, 1000, false), result(2, 1000, false)} {
		r.add(own, x)
	}
	r.add(row{"1 to 50", plainPion, 50, nil, nil}, result(9, 1000, false))
	r.add(row{"1 to 50", pionInterceptor, 50, nil, nil}, result(9, 1000, true))
	if got := r.Rows[0]; *got.USPerPacket != 3 || got.Runs != 4 || got.Void != 1 || got.USUser != nil {
		t.Errorf("%+v", got)
	}
	if got := r.ratio(r.Rows[1]); got != "3.00" {
		t.Errorf("ratio %s", got)
	}
	if got := r.ratio(r.Rows[2]); got != "–" {
		t.Errorf("ratio of a void row %s", got)
	}
	dir := t.TempDir()
	if err := r.write(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var read Report
	if err := json.Unmarshal(text, &read); err != nil || read.Schema != ReportSchema || len(read.Rows) != 3 {
		t.Errorf("%v\n%s", err, text)
	}
	lines := strings.Split(strings.TrimSpace(r.Table()), "\n")
	for _, line := range lines[2:] {
		if strings.Count(line, "|") != strings.Count(lines[2], "|") {
			t.Errorf("a row of another width: %s", line)
		}
	}
}

// A server that was overloaded isn't given more of the same.
func TestGaveUp(t *testing.T) {
	s := &suite{beyond: []beyond{{plainPion, 200}}}
	for want, r := range map[bool]row{
		true:  {"1 to 400", plainPion, 400, nil, nil},
		false: {"1 to 400", atrium, 400, nil, nil},
	} {
		if s.gaveUp(r) != want {
			t.Errorf("%s, %s: want %v", r.server, r.name, want)
		}
	}
	if s.gaveUp(row{"1 to 200", plainPion, 200, nil, nil}) {
		t.Error("the same load gets its other runs")
	}
}

// Alone, Atrium is measured without others beside it.
func TestAlone(t *testing.T) {
	for _, alone := range []bool{true, false} {
		others := 0
		for _, r := range rows(Options{Kind: KindForward, Alone: alone}) {
			if r.server != atrium {
				others++
			}
		}
		if want := map[bool]int{true: 0, false: 6}[alone]; others != want {
			t.Errorf("alone %v: %d rows of other servers, want %d", alone, others, want)
		}
	}
}

func TestOptions(t *testing.T) {
	good := Options{Kind: KindStorm, Runs: 1, For: time.Second, Atrium: "/bin/sh"}
	if err := good.validate(); err != nil {
		t.Errorf("good ones: %v", err)
	}
	for name, change := range map[string]func(*Options){
		"kind": func(o *Options) { o.Kind = "other" }, "runs": func(o *Options) { o.Runs = 0 },
		"for": func(o *Options) { o.For = 0 }, "viewers": func(o *Options) { o.Viewers = []int{0} },
		"server": func(o *Options) { o.Atrium = "/none" },
	} {
		bad := good
		change(&bad)
		if err := bad.validate(); !errors.Is(err, ErrOptions) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Forward compares three servers at each load, Atrium first.
func TestRows(t *testing.T) {
	list := rows(Options{Kind: KindForward, For: time.Second, Viewers: []int{1, 2}})
	if len(list) != 6 || list[0].server != atrium || list[3].server != atrium || list[5].viewers != 2 {
		t.Errorf("%+v", list)
	}
}

// A flame graph is an image that any reader of SVG takes, with the functions
// of the profile in it.
func TestFlames(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, profileFile)
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		t.Skipf("somebody else profiles: %v", err)
	}
	burn()
	pprof.StopCPUProfile()
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	svg := filepath.Join(dir, flamesFile)
	if err := drawFlames(path, svg, "a <title>"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(svg)
	if err != nil {
		t.Fatal(err)
	}
	for decoder := xml.NewDecoder(strings.NewReader(string(text))); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
	}
	if !strings.Contains(string(text), "suite.burn") {
		t.Error("the function that ran isn't there")
	}
}

// burn takes a tenth of a second of CPU time or more, and so several samples of
// the profile: of a time by the clock a busy machine might give it nothing.
func burn() (sum [sha256.Size]byte) {
	block := make([]byte, 64<<10)
	for range 4096 {
		sum = sha256.Sum256(block)
		block[0] = sum[0]
	}
	return sum
}

// The costs of packets in and out are those of which both runs are made.
func TestSplit(t *testing.T) {
	const in, out = 2e-6, 3e-6
	r := newReport(Options{Kind: KindGallery, For: time.Second}, true)
	for _, x := range []struct {
		load            string
		packetsIn, rate float64
	}{{loadAll, 16_000, 63_000}, {loadIn, 16_000, 9_000}} {
		b := result(1, x.rate, false)
		cpu := in*x.packetsIn + out*x.rate
		b.Server.CPU, b.Server.PacketsIn, b.Video.ReceivedPackets = &cpu, &x.packetsIn, int64(x.rate)
		r.add(row{x.load, atrium, 60, nil, nil}, b)
	}
	a := r.Rows[0]
	if a.USIn == nil || math.Abs(*a.USIn-2) > 0.01 || math.Abs(*a.USOut-3) > 0.01 {
		t.Errorf("in %s, out %s", text(a.USIn, 1, 2), text(a.USOut, 1, 2))
	}
	if r.Rows[1].USIn != nil {
		t.Error("the row without viewers has the split, too")
	}
}
