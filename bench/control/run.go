package control

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	api "github.com/atriumrtc/atrium/control/api/client"

	"github.com/atriumrtc/atrium/bench"
)

// Limits of a Scenario.
const (
	maxAreas  = 1000
	maxGuests = 100_000
	maxAtOnce = 2000
)

const (
	requestTimeout = 30 * time.Second
	// cleanupTimeout bounds the end of a run, also of an interrupted one.
	cleanupTimeout = 10 * time.Second
	// progressEvery is how often progress is shown anew.
	progressEvery = 250 * time.Millisecond
)

// Scenario is one run.
type Scenario struct {
	// URL of the server, such as http://127.0.0.1:8080.
	URL string
	// Areas are the waiting areas; Guests, who wait in them at any time, are
	// spread over them evenly.
	Areas, Guests int
	// AtOnce is how many people do something at the same time.
	AtOnce int
	// For is how long to measure, from when all Guests wait.
	For time.Duration
}

// Validate says what is wrong with a scenario; errors wrap [bench.ErrScenario]
// and begin with the name of the flag that sets the value.
func (s Scenario) Validate() error {
	bad := func(format string, values ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{bench.ErrScenario}, values...)...)
	}
	base, err := url.Parse(s.URL)
	switch {
	case s.URL == "":
		return bad("--url: missing; give the server's address, for example http://127.0.0.1:8080")
	case err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" ||
		strings.Trim(base.Path, "/") != "" || base.RawQuery != "" || base.Fragment != "":
		return bad("--url: %q is no address; write it as http://127.0.0.1:8080 or https://calls.example.org", s.URL)
	case s.Areas < 1 || s.Areas > maxAreas:
		return bad("--areas: %d; write 1 to %d", s.Areas, maxAreas)
	case s.AtOnce < 1 || s.AtOnce > maxAtOnce:
		return bad("--at-once: %d; write 1 to %d", s.AtOnce, maxAtOnce)
	case s.Guests < s.AtOnce || s.Guests > maxGuests:
		return bad("--guests: %d; write %d (--at-once) to %d", s.Guests, s.AtOnce, maxGuests)
	case s.For < time.Second || s.For > time.Hour:
		return bad("--for: %v; write 1s to 1h", s.For)
	}
	return nil
}

// Options of Run.
type Options struct {
	// Key of the API: with units.manage, places.create and visits.conduct.
	Key      string
	Insecure bool     // accept any TLS certificate
	Progress Progress // nil: nobody is told
	Version  string   // of the program, for the result
}

// Progress is told how a run gets on; one goroutine at a time calls it.
type Progress interface {
	// Filling says how many of total guests have entered before the
	// measurement.
	Filling(entered, total int)
	// Measuring says how much of the window has passed, and how many visits
	// were entered and admitted in it.
	Measuring(passed, total time.Duration, visits int)
}

// run is a run under way.
type run struct {
	scenario Scenario
	staff    *api.Client
	guest    *api.Client
	links    []string // of the areas
	queue    chan waiting
	visits   atomic.Int64
	tally    tally
}

// waiting is a guest who waits.
type waiting struct {
	visit string
	area  int
}

// Run carries a scenario out. Requests that fail are no error, but counted in
// the result; that not one guest could enter is one.
func Run(ctx context.Context, s Scenario, o Options) (*Result, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 2 * s.AtOnce, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: o.Insecure}, //nolint:gosec // asked for by --insecure
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: requestTimeout}
	r := &run{scenario: s, queue: make(chan waiting, s.Guests+s.AtOnce)}
	var err error
	if r.staff, err = api.New(s.URL, o.Key, client); err != nil {
		return nil, fmt.Errorf("%w: --url: %w", bench.ErrScenario, err)
	}
	if r.guest, err = api.New(s.URL, "", client); err != nil {
		return nil, fmt.Errorf("%w: --url: %w", bench.ErrScenario, err)
	}
	if o.Progress == nil {
		o.Progress = silent{}
	}
	started := time.Now()
	unit, err := r.open(ctx)
	if unit != "" {
		defer r.close(ctx, unit)
	}
	if err == nil {
		err = r.fill(ctx, o.Progress)
	}
	if err != nil {
		return nil, err
	}
	took := r.measure(ctx, o.Progress)
	if ctx.Err() != nil {
		return nil, bench.ErrInterrupted
	}
	result := r.tally.result(s, took)
	result.Started = started.UTC().Truncate(time.Second)
	result.Tool = bench.Tool{Version: o.Version, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	return result, nil
}

type silent struct{}

func (silent) Filling(int, int)                            {}
func (silent) Measuring(time.Duration, time.Duration, int) {}

// open makes the unit and its areas.
func (r *run) open(ctx context.Context) (unit string, err error) {
	org, err := r.staff.Organisation(ctx)
	if err != nil {
		return "", fmt.Errorf("reading the organisation of the key: %w", bench.Explain(err))
	}
	name := "atrium-bench " + time.Now().UTC().Format("2006-01-02 15:04:05.000")
	made, err := r.staff.CreateUnit(ctx, org.ID, api.UnitSpec{Name: name}, "")
	if err != nil {
		return "", fmt.Errorf("making a unit: %w", bench.Explain(err))
	}
	for i := range r.scenario.Areas {
		area, err := r.staff.CreateArea(ctx, made.Unit.ID, api.AreaSpec{Name: fmt.Sprintf("Area %d", i+1)}, "")
		if err != nil {
			return made.Unit.ID, fmt.Errorf("making a waiting area: %w", err)
		}
		r.links = append(r.links, area.Link)
	}
	return made.Unit.ID, nil
}

// close deletes the unit; who still waits is let go by that.
func (r *run) close(ctx context.Context, unit string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	_ = r.staff.DeleteUnit(ctx, unit) // the result stands without
}

// fill has all guests enter.
func (r *run) fill(ctx context.Context, progress Progress) error {
	var next, entered atomic.Int64
	total := r.scenario.Guests
	stop := every(progressEvery, func() { progress.Filling(int(entered.Load()), total) })
	var people sync.WaitGroup
	var failed atomic.Pointer[error]
	for range r.scenario.AtOnce {
		people.Go(func() {
			for i := int(next.Add(1)) - 1; i < total && ctx.Err() == nil && failed.Load() == nil; i = int(next.Add(1)) - 1 {
				if err := r.enter(ctx, i%len(r.links)); err != nil {
					failed.CompareAndSwap(nil, &err)
					return
				}
				entered.Add(1)
			}
		})
	}
	people.Wait()
	stop()
	if ctx.Err() != nil {
		return bench.ErrInterrupted
	}
	if err := failed.Load(); err != nil {
		return fmt.Errorf("having guests enter: %w", *err)
	}
	return nil
}

// enter has a guest enter an area, and wait.
func (r *run) enter(ctx context.Context, area int) error {
	a, err := r.guest.Entry(ctx, r.links[area], "Guest")
	if err == nil && a.Visit == nil {
		err = errors.New("the server's answer names no visit")
	}
	if err == nil {
		r.queue <- waiting{a.Visit.ID, area}
	}
	return err
}

// measure has people admitted until the time is over, and returns how long it
// took until the last answer.
func (r *run) measure(ctx context.Context, progress Progress) time.Duration {
	began := time.Now()
	over, cancel := context.WithTimeout(ctx, r.scenario.For)
	defer cancel()
	stop := every(progressEvery, func() {
		progress.Measuring(min(time.Since(began), r.scenario.For), r.scenario.For, int(r.visits.Load()))
	})
	defer stop()
	var people sync.WaitGroup
	for range r.scenario.AtOnce {
		people.Go(func() {
			for over.Err() == nil {
				r.see(ctx, over)
			}
		})
	}
	people.Wait()
	return time.Since(began)
}

// see admits who has waited longest, ends their call, and has another guest
// enter the same area.
func (r *run) see(ctx, over context.Context) {
	var w waiting
	select {
	case w = <-r.queue:
	case <-over.Done(): // everybody who was there couldn't be admitted
		return
	}
	var admitted api.Admitted
	ok := r.tally.timed(stepAdmit, func() (err error) {
		admitted, err = r.staff.AdmitVisit(ctx, w.visit, api.AdmitSpec{Provider: &api.Provider{Name: "Dr Bench"}})
		return err
	})
	if ok {
		r.tally.timed(stepEnd, func() error { return r.staff.EndCall(ctx, admitted.Call.ID) })
	}
	if r.tally.timed(stepEntry, func() error { return r.enter(ctx, w.area) }) && ok {
		r.visits.Add(1)
	}
}

// every calls f now and then, and once more when it is stopped.
func every(d time.Duration, f func()) (stop func()) {
	ended := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		ticker := time.NewTicker(d)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				f()
			case <-ended:
				f()
				return
			}
		}
	})
	return func() {
		close(ended)
		running.Wait()
	}
}
