package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/bench"
)

// Errors of [Run], beside [ErrProcess].
var (
	// ErrOptions says that Options can't be used.
	ErrOptions = errors.New("suite: bad options")
)

// Kinds of suite.
const (
	// KindForward is one publisher and more and more viewers (PF-1), Atrium
	// beside plain pion.
	KindForward = "forward"
	// KindGallery is a room of 60 in which all publish and see 25 others (PF-2).
	KindGallery = "gallery"
	// KindStorm is 60 who join within two seconds (PF-3).
	KindStorm = "storm"
)

// Kinds lists them.
func Kinds() []string { return []string{KindForward, KindGallery, KindStorm} }

// Options say what to run.
type Options struct {
	Kind string
	// Out is the directory for results.
	Out string
	// Self is the program that offers room, baseline and enter; Atrium is the
	// server's.
	Self, Atrium string
	// Flags are added to `atrium dev`.
	Flags []string
	// Runs of each row, of which the median counts.
	Runs int
	// For is the length of the steady window.
	For time.Duration
	// Viewers of KindForward, one row each; empty is 50, 200, 400.
	Viewers []int
	// Profile is the number of viewers at which Atrium is profiled in an extra
	// run of KindForward; 0: none. Of the other kinds it means yes or no.
	Profile int
	// Alone leaves the plain pion servers of KindForward out.
	Alone bool
	// Log is told how it gets on.
	Log io.Writer
}

func (o Options) validate() error {
	switch {
	case o.Kind != KindForward && o.Kind != KindGallery && o.Kind != KindStorm:
		return fmt.Errorf("%w: %q; write one of %s", ErrOptions, o.Kind, strings.Join(Kinds(), ", "))
	case o.Runs < 1 || o.Runs > 99:
		return fmt.Errorf("%w: --runs: %d; write 1 to 99", ErrOptions, o.Runs)
	case o.For < time.Second || o.For > time.Hour:
		return fmt.Errorf("%w: --for: %v; write 1s to 1h", ErrOptions, o.For)
	}
	for _, n := range append([]int{1}, o.Viewers...) {
		if n < 1 || n > 1999 {
			return fmt.Errorf("%w: --viewers: %d; write 1 to 1999", ErrOptions, n)
		}
	}
	if _, err := exec.LookPath(o.Atrium); err != nil {
		return fmt.Errorf("%w: --atrium: %w; `make build` makes it", ErrOptions, err)
	}
	return nil
}

// Run carries a suite out, writes its files and returns the report. Errors:
// ErrOptions, ErrProcess, the context's, and those of the file system.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	// Children die with the thread that started them.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	temp, err := os.MkdirTemp("", "atrium-suite-")
	if err != nil {
		return nil, fmt.Errorf("suite: %w", err)
	}
	defer os.RemoveAll(temp) //nolint:errcheck // it is of no use to anybody
	dir := filepath.Join(o.Out, o.Kind)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("suite: %w; give another directory with --out", err)
	}
	s := &suite{o: o, dir: dir, temp: temp, isolated: canIsolate()}
	s.report = newReport(o, s.isolated)
	for run := range o.Runs {
		for _, row := range rows(o) {
			if err := s.settle(ctx, row, run); err != nil {
				return nil, err
			}
		}
	}
	if err := s.profile(ctx); err != nil {
		return nil, err
	}
	return s.report, s.report.write(dir)
}

// suite is a run of one.
type suite struct {
	o         Options
	dir, temp string
	isolated  bool
	report    *Report
	runs      int // so far
	beyond    []beyond
}

// row is one line of the table: a server and a load.
type row struct {
	name    string
	server  server
	viewers int
	args    []string // of atrium-bench room
	flags   []string // of atrium dev
}

// server is one of those compared.
type server string

const (
	atrium          server = "Atrium"
	plainPion       server = "plain pion, no interceptors"
	pionInterceptor server = "plain pion, default interceptors"
)

// joinsPerSecond of a ramp that isn't the point; of large rooms fewer, because
// the server's core has packets to forward meanwhile.
const (
	joinsPerSecond = "25/s"
	largeRoom      = 400
	joinsOfLarge   = "10/s"
)

// Loads of KindGallery whose difference is the cost of packets out.
const (
	loadAll = "(b) all layers sent, tiles at 30 fps"
	loadIn  = "(b) in alone: nobody looks at anybody"
)

// rows are what a suite compares, those of one load together.
func rows(o Options) []row {
	room := func(more ...string) []string {
		return append([]string{"--light", "--for", o.For.String()}, more...)
	}
	switch o.Kind {
	case KindGallery:
		all := []string{"--participants", "60", "--publishers", "60", "--layout", "gallery", "--simulcast", "--ramp", joinsPerSecond}
		return []row{
			{"(a) as it runs", atrium, 60, room(all...), nil},
			// The load that other servers have: they don't thin tiles out.
			{loadAll, atrium, 60, room(append([]string{"--all-layers"}, all...)...), []string{"--media-tile-fps=0"}},
			// The same publishers: what their packets cost alone.
			{loadIn, atrium, 60, room("--all-layers", "--participants", "60", "--publishers", "60", "--layout", "nobody",
				"--simulcast", "--ramp", joinsPerSecond), []string{"--media-tile-fps=0"}},
		}
	case KindStorm:
		all := []string{"--participants", "60", "--publishers", "60", "--simulcast", "--ramp", "30/s"}
		return []row{
			{"60 in 2 s, stage", atrium, 60, room(append([]string{"--layout", "stage"}, all...)...), nil},
			{"60 in 2 s, gallery", atrium, 60, room(append([]string{"--layout", "gallery"}, all...)...), nil},
		}
	}
	var list []row
	viewers := o.Viewers
	if len(viewers) == 0 {
		viewers = []int{50, 200, 400}
	}
	for _, n := range viewers {
		ramp := joinsPerSecond
		if n > largeRoom {
			ramp = joinsOfLarge
		}
		servers := []server{atrium, plainPion, pionInterceptor}
		if o.Alone {
			servers = servers[:1]
		}
		for _, s := range servers {
			list = append(list, row{fmt.Sprintf("1 to %d", n), s, n, room("--participants", fmt.Sprint(n+1),
				"--publishers", "1", "--layout", "stage", "--ramp", ramp), nil})
		}
	}
	return list
}

// tries bounds how often a run is made that the generator voided: on a machine
// that others use too, the next one may go well.
const tries = 3

// settle makes one run of a row, again where it was void.
func (s *suite) settle(ctx context.Context, r row, run int) error {
	for try := range tries {
		if s.gaveUp(r) {
			return nil
		}
		fmt.Fprintf(s.o.Log, "%s: %s, run %d of %d\n", r.name, r.server, run+1, s.o.Runs)
		name := fmt.Sprintf("%s-%s-%d", slug(r.name), slug(string(r.server)), run*tries+try+1)
		result, err := s.execute(ctx, r, name, false)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", r.name, r.server, err)
		}
		s.report.add(r, result)
		fmt.Fprintf(s.o.Log, "  %s\n", sentence(result))
		if !result.Void {
			if overloaded(result) {
				s.beyond = append(s.beyond, beyond{r.server, r.viewers})
			}
			return nil
		}
	}
	return nil
}

// beyond is a load that a server couldn't hold.
type beyond struct {
	server  server
	viewers int
}

// gaveUp says whether a server has failed at a smaller load already.
func (s *suite) gaveUp(r row) bool {
	return slices.ContainsFunc(s.beyond, func(b beyond) bool { return b.server == r.server && b.viewers < r.viewers })
}

// overloaded says whether a server was past what it can hold.
func overloaded(r *bench.Result) bool {
	const most = 0.01
	return r.Joins.Failed+r.Joins.Dropped > 0 || (r.Loss != nil && *r.Loss > most)
}

// profile runs the row to be profiled once more.
func (s *suite) profile(ctx context.Context) error {
	if s.o.Profile == 0 {
		return nil
	}
	o := s.o
	if o.Kind == KindForward {
		o.Viewers = []int{o.Profile}
	}
	r := rows(o)[0]
	fmt.Fprintf(s.o.Log, "%s: %s, with a CPU profile\n", r.name, r.server)
	if _, err := s.execute(ctx, r, "profiled", true); err != nil {
		return err
	}
	return drawFlames(filepath.Join(s.dir, profileFile), filepath.Join(s.dir, flamesFile),
		fmt.Sprintf("Atrium, %s: CPU of the steady window", r.name))
}

func slug(name string) string {
	return strings.Trim(strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			return c
		case c >= 'A' && c <= 'Z':
			return c - 'A' + 'a'
		case c == ' ', c == '-':
			return '-'
		}
		return -1
	}, name), "-")
}
