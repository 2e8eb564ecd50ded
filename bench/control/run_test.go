package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/atriumrtc/atrium/bench"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is a server of waiting areas that counts.
type desk struct {
	mu       sync.Mutex
	areas    int
	waiting  map[string]bool
	most     int
	order    []string // visits in the order of admission
	entered  int
	deleted  bool
	refusing bool // admissions
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	path := strings.TrimPrefix(r.URL.Path, "/api/v1")
	if path != "/entry" && r.Header.Get("Authorization") != "Bearer atk_test" {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"code":"unauthenticated","status":401}`)
		return
	}
	switch {
	case path == "/organisation":
		fmt.Fprint(w, `{"id":"o"}`)
	case path == "/organisations/o/units":
		fmt.Fprint(w, `{"unit":{"id":"u"}}`)
	case path == "/units/u" && r.Method == http.MethodDelete:
		d.deleted = true
		w.WriteHeader(http.StatusNoContent)
	case path == "/units/u/areas":
		d.areas++
		fmt.Fprintf(w, `{"id":"a%d","link":"l%d"}`, d.areas, d.areas)
	case path == "/entry":
		d.entered++
		id := fmt.Sprint("v", d.entered)
		d.waiting[id] = true
		d.most = max(d.most, len(d.waiting))
		fmt.Fprintf(w, `{"token":"t","visit":{"id":%q}}`, id)
	case strings.HasSuffix(path, "/admit") && d.refusing:
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, `{"code":"call_full","status":409,"detail":"Full."}`)
	case strings.HasSuffix(path, "/admit"):
		id := strings.Split(path, "/")[2]
		delete(d.waiting, id)
		d.order = append(d.order, id)
		fmt.Fprint(w, `{"call":{"id":"c"}}`)
	case path == "/calls/c/end":
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func serve(t *testing.T) (*desk, Scenario) {
	t.Helper()
	d := &desk{waiting: make(map[string]bool)}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	return d, Scenario{URL: server.URL, Areas: 3, Guests: 10, AtOnce: 2, For: time.Second}
}

// Who has waited longest is admitted first. With two people at a time their
// requests may overtake each other.
func TestLongestWaitingFirst(t *testing.T) {
	d, s := serve(t)
	s.AtOnce = 1
	if _, err := Run(t.Context(), s, Options{Key: "atk_test", Progress: &Lines{W: io.Discard}}); err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, id := range d.order {
		if want := fmt.Sprintf("v%d", i+1); id != want {
			t.Fatalf("visit %d to be admitted was %s, want %s", i+1, id, want)
		}
	}
	if len(d.order) == 0 {
		t.Error("nobody was admitted")
	}
}

// PF-10: all guests wait before the measurement, as many wait as before, and
// nothing is left behind.
func TestRun(t *testing.T) {
	d, s := serve(t)
	var log, out bytes.Buffer
	result, err := Run(t.Context(), s, Options{Key: "atk_test", Progress: &Lines{W: &log}})
	if err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.deleted || d.areas != s.Areas || d.most > s.Guests || len(d.waiting) != s.Guests {
		t.Errorf("deleted %t, %d areas, %d waited at most and %d at the end", d.deleted, d.areas, d.most, len(d.waiting))
	}
	if int64(len(d.order)) != result.Admit.Count || int64(d.entered-s.Guests) != result.Entry.Count || result.Visits == 0 ||
		result.Failed() != 0 || result.Entry.P50 <= 0 || result.Entry.P99 < result.Entry.P50 || result.Seconds < 1 {
		t.Errorf("%d admitted, %d entered: %+v", len(d.order), d.entered, result)
	}
	if err := result.Report(&out); err != nil || !strings.Contains(out.String(), "10 guests in 3 waiting areas") || !strings.Contains(out.String(), "p99") {
		t.Errorf("%v: %s", err, &out)
	}
	if !strings.Contains(log.String(), "10 guests wait") || !strings.Contains(log.String(), "visits") {
		t.Errorf("progress: %s", &log)
	}
	path, err := result.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	var back Result
	if err != nil || json.Unmarshal(text, &back) != nil || back.Schema != Schema || back.Visits != result.Visits {
		t.Errorf("%v: %s", err, text)
	}
}

// What fails is counted by its reason, and ends nothing.
func TestRunCountsFailures(t *testing.T) {
	d, s := serve(t)
	d.refusing = true
	result, err := Run(t.Context(), s, Options{Key: "atk_test"})
	if err != nil || result.Failed() == 0 || result.Visits != 0 || len(result.Errors) != 1 || !d.deleted {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestRunErrors(t *testing.T) {
	d, s := serve(t)
	if _, err := Run(t.Context(), s, Options{Key: "atk_other"}); !errors.Is(err, bench.ErrKey) {
		t.Errorf("a wrong key: %v", err)
	}
	for flag, wrong := range map[string]Scenario{
		"--url":     {URL: "ftp://x", Areas: 1, Guests: 1, AtOnce: 1, For: time.Second},
		"--areas":   {URL: s.URL, Guests: 1, AtOnce: 1, For: time.Second},
		"--guests":  {URL: s.URL, Areas: 1, Guests: 1, AtOnce: 2, For: time.Second},
		"--at-once": {URL: s.URL, Areas: 1, Guests: 1, For: time.Second},
		"--for":     {URL: s.URL, Areas: 1, Guests: 1, AtOnce: 1},
	} {
		if _, err := Run(t.Context(), wrong, Options{Key: "atk_test"}); !errors.Is(err, bench.ErrScenario) || !strings.Contains(err.Error(), flag) {
			t.Errorf("%s: %v", flag, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.For = time.Hour
	progress := &cancelling{cancel: cancel}
	if _, err := Run(ctx, s, Options{Key: "atk_test", Progress: progress}); !errors.Is(err, bench.ErrInterrupted) || !d.deleted {
		t.Errorf("interrupted: %v, deleted %t", err, d.deleted)
	}
}

// cancelling interrupts a run as soon as it measures.
type cancelling struct {
	silent
	cancel func()
}

func (c *cancelling) Measuring(time.Duration, time.Duration, int) { c.cancel() }
