package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/atriumrtc/atrium/bench"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// outcome is what a command did.
type outcome struct {
	code     int
	out, err string
	scenario bench.Scenario
	options  bench.Options
	ran      bool
}

// execute runs the command with a run that gives result and err.
func execute(result *bench.Result, err error, args ...string) outcome {
	var o outcome
	var out, log bytes.Buffer
	o.code = run(context.Background(), args, standard{out: &out, err: &log},
		scenarios{room: func(_ context.Context, s bench.Scenario, options bench.Options) (*bench.Result, error) {
			o.ran, o.scenario, o.options = true, s, options
			return result, err
		}})
	o.out, o.err = out.String(), log.String()
	return o
}

func figure(x float64) *float64 { return &x }

func good() *bench.Result {
	return &bench.Result{
		Schema: bench.SchemaRoom, Loss: figure(0.0001),
		Joins: bench.Joins{Planned: 30, Completed: 30, Seeing: 30},
		Join:  bench.Percentiles{Count: 30, P95: figure(0.8)},
	}
}

var usual = []string{"room", "--url", "http://127.0.0.1:8080", "--key", "atk_test"}

func with(args ...string) []string { return append(append([]string{}, usual...), args...) }

func TestExitCodes(t *testing.T) {
	short := good()
	short.Joins.Completed, short.Joins.Failed = 29, 1
	for _, row := range []struct {
		name   string
		result *bench.Result
		err    error
		args   []string
		code   int
		says   string // on either stream
	}{
		{"good", good(), nil, usual, exitOK, "30 of 30"},
		{"assertions hold", good(), nil, with("--assert", "loss<0.1%,join_p95<2s"), exitOK, "held"},
		{"one assertion fails", good(), nil, with("--assert", "loss<0.1%,join_p95<0.5s"), exitAssert, "failed      join_p95<0.5s (800 ms)"},
		{"not measured", good(), nil, with("--assert", "us_per_forwarded_packet<4"), exitAssert, "not measured"},
		{"void", &bench.Result{Void: true, Loss: figure(0)}, nil, with("--assert", "loss<1%"), exitAssert, "void"},
		{"not all joined", short, nil, with("--assert", "loss<1%"), exitFailure, "1 of 30 could not join"},
		{"not all joined, assertion fails", short, nil, with("--assert", "loss<0"), exitAssert, "did not hold"},
		{"run fails", nil, errors.New("no server there"), usual, exitFailure, "no server there"},
		{"interrupted", nil, bench.ErrInterrupted, usual, exitFailure, "nothing was measured"},
		{"profile of itself", good(), nil, with("--cpu-profile", filepath.Join(t.TempDir(), "cpu.pprof")), exitOK, "30 of 30"},
		{"profile to nowhere", good(), nil, with("--cpu-profile", filepath.Join(t.TempDir(), "no", "cpu.pprof")), exitFailure, "--cpu-profile"},
		{"help", nil, nil, []string{"room", "--help"}, exitOK, "--ramp"},
		{"root help", nil, nil, nil, exitOK, "room"},
		{"version", nil, nil, []string{"--version"}, exitOK, "atrium-bench version"},
	} {
		o := execute(row.result, row.err, row.args...)
		if o.code != row.code || !strings.Contains(o.out+o.err, row.says) {
			t.Errorf("%s: exit %d, want %d and %q in\n%s%s", row.name, o.code, row.code, row.says, o.out, o.err)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	for _, row := range []struct {
		args []string
		says string
	}{
		{[]string{"rooms"}, `"rooms" is no command`},
		{[]string{"breakout"}, "--url: missing"},
		{[]string{"breakout", "--url", "http://127.0.0.1:8080", "--key", "x", "--rooms", "31"}, "--rooms: 31"},
		{[]string{"breakout", "--url", "http://127.0.0.1:8080", "--key", "x", "--assert", "join_p95<2s"}, "join_p95"},
		{[]string{"room", "extra"}, `"extra"`},
		{[]string{"room", "--participant", "3"}, "see atrium-bench room --help"},
		{[]string{"room"}, "--url: missing"},
		{[]string{"room", "--url", "http://127.0.0.1:8080"}, "--key-file: missing"},
		{with("--key-file", "x"), "only one"},
		{with("--participants", "x"), "--participants"},
		{with("--participants", "1"), "--participants: 1"},
		{with("--participants", "3", "--publishers", "4"), "--publishers: 4; write 1 to 3"},
		{with("--publishers", "0"), "--publishers: 0"},
		{with("--layout", "grid"), "gallery, stage, webinar or nobody"},
		{with("--ramp", "fast"), "30/s"},
		{with("--for", "20"), "--for"},
		{with("--for", "-1s"), "--for"},
		{with("--assert", "join_p59<2s"), "nearest: join.p50, join.p99"},
		{with("--assert", "loss<2s"), "0.1%"},
	} {
		o := execute(good(), nil, row.args...)
		if o.code != exitUsage || o.ran || !strings.Contains(o.err, row.says) {
			t.Errorf("%q: exit %d (ran: %v), want 2 and %q in %s", row.args, o.code, o.ran, row.says, o.err)
		}
	}
}

func TestFlags(t *testing.T) {
	o := execute(good(), nil, with("--participants", "60", "--publishers", "3", "--layout", "webinar", "--simulcast",
		"--for", "5s", "--ramp", "10/s", "--insecure", "--metrics", "http://127.0.0.1:1/m")...)
	want := bench.Scenario{
		URL: "http://127.0.0.1:8080", Participants: 60, Publishers: 3, Layout: bench.LayoutWebinar,
		Simulcast: true, For: 5 * time.Second, Ramp: 10,
	}
	if o.scenario != want {
		t.Errorf("scenario %+v, want %+v", o.scenario, want)
	}
	if p := o.options; p.Key != "atk_test" || !p.Insecure || p.MetricsURL != "http://127.0.0.1:1/m" || p.Metrics == nil || p.Progress == nil {
		t.Errorf("options %+v", p)
	}
	if o := execute(good(), nil, with("--participants", "7")...); o.scenario.Publishers != 7 || o.options.MetricsURL != defaultMetrics {
		t.Errorf("by default: %+v, %+v; want everybody to publish and the default metrics", o.scenario, o.options)
	}
}

func TestKeyFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	args := []string{"room", "--url", "http://127.0.0.1:8080", "--key-file"}
	if o := execute(good(), nil, append(args, write("key", "atk_file\n"))...); o.code != exitOK || o.options.Key != "atk_file" {
		t.Errorf("exit %d, key %q: %s", o.code, o.options.Key, o.err)
	}
	for _, path := range []string{
		write("empty", "\n"), write("two", "atk_a\natk_b\n"), write("long", strings.Repeat("a b", maxKey)), filepath.Join(dir, "absent"), dir,
	} {
		if o := execute(good(), nil, append(args, path)...); o.code != exitFailure || o.ran || !strings.Contains(o.err, "--key-file") {
			t.Errorf("%s: exit %d (ran: %v), want 1: %s", path, o.code, o.ran, o.err)
		}
	}
	f := serverFlags{keyFile: "-"}
	if key, err := f.readKey(strings.NewReader("atk_stdin\n")); err != nil || key != "atk_stdin" {
		t.Errorf("standard input: %q, %v", key, err)
	}
}

func TestOut(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "results")
	o := execute(good(), nil, with("--out", dir, "--assert", "loss<0.1%,join_p95<0.5s")...)
	text, err := os.ReadFile(filepath.Join(dir, bench.ResultFile))
	if err != nil {
		t.Fatal(err, o.err)
	}
	var r bench.Result
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	// The verdicts are kept, also of a run that fails its assertions.
	if got := fmt.Sprint(r.Assertions); o.code != exitAssert || got != "[{loss<0.1% held 0.01%} {join_p95<0.5s failed 800 ms}]" {
		t.Errorf("exit %d, assertions %s", o.code, got)
	}
	file := filepath.Join(dir, bench.ResultFile)
	if o := execute(good(), nil, with("--out", file)...); o.code != exitFailure || o.ran || !strings.Contains(o.err, "another directory") {
		t.Errorf("a file as directory: exit %d (ran: %v), want 1 before the run: %s", o.code, o.ran, o.err)
	}
}
