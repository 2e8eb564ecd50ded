package server

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/atriumrtc/atrium/cmd/internal/testkit"
)

func TestHealth(t *testing.T) {
	s := start(t, Options{Config: testConfig(t)})
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		if status, body := testkit.Get(t, s.MetricsURL()+path); status != http.StatusOK || body != want {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
	if status, _ := testkit.Get(t, urlOf(s)+"/metrics"); status != http.StatusNotFound {
		t.Errorf("metrics are served to the public: %d", status)
	}
	if status, _ := testkit.Get(t, s.MetricsURL()+"/api/v1/openapi.json"); status != http.StatusNotFound {
		t.Errorf("the API is served on metrics.address: %d", status)
	}
}

var metricName = regexp.MustCompile(`^atrium_(media|signal|turn)_[a-z_]+$`)

// TestMetrics: names and labels are as the conventions have them.
func TestMetrics(t *testing.T) {
	s := start(t, Options{Config: testConfig(t)})
	status, body := testkit.Get(t, s.MetricsURL()+"/metrics")
	if status != http.StatusOK {
		t.Fatal(status)
	}
	for _, name := range []string{
		"atrium_media_rooms 0", "atrium_media_participants 0", "atrium_media_packets_in_total 0",
		"atrium_media_packets_out_total 0", "atrium_media_packets_batched_total 0", "atrium_media_packets_gso_total 0", "atrium_media_packets_gro_total 0", `atrium_media_packets_dropped_total{reason="layer"} 0`,
		"atrium_media_out_bytes_total 0", "atrium_turn_allocations 0", `atrium_turn_refusals_total{reason="quota"} 0`, "atrium_media_key_frame_requests_total 0", "atrium_media_nacks_in_total 0",
		`atrium_signal_joins_total{result="ok"} 0`, "atrium_signal_join_seconds_count 0", "process_cpu_seconds_total ",
		"process_resident_memory_bytes ", "go_goroutines ",
	} {
		if !strings.Contains(body, "\n"+name) {
			t.Errorf("%s is missing", name)
		}
	}
	for line := range strings.Lines(body) {
		name, kind, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "# TYPE "), " ")
		if !strings.HasPrefix(line, "# TYPE atrium_") || !ok {
			continue
		}
		if !metricName.MatchString(name) || (kind == "counter") != strings.HasSuffix(name, "_total") {
			t.Errorf("%s %s breaks the naming rules", name, kind)
		}
	}
	problems, err := promlint.New(strings.NewReader(body)).Lint() // what `promtool check metrics` runs
	if err != nil {
		t.Error(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
	for _, label := range regexp.MustCompile(`atrium_\w+\{(\w+)=`).FindAllStringSubmatch(body, -1) {
		if l := label[1]; l != "reason" && l != "result" && l != "code" && l != "le" {
			t.Errorf("label %s", l)
		}
	}
}

// TestHeaders: what every answer has, the API's and the pages'.
func TestHeaders(t *testing.T) {
	s := start(t, Options{Config: testConfig(t)})
	for _, path := range []string{"/", "/r", "/docs", "/sdk/index.js", "/api/v1/rooms", "/nothing"} {
		response, err := http.Get(urlOf(s) + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		csp := response.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe-inline") {
			t.Errorf("%s: policy %q", path, csp)
		}
		if response.Header.Get("X-Content-Type-Options") != "nosniff" || response.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, response.Header)
		}
		if response.Header.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: HTTPS insisted on over HTTP", path)
		}
	}
}

// TestAPanicIsARequestsOwn: SE-10.
func TestAPanicIsARequestsOwn(t *testing.T) {
	s := start(t, Options{Config: testConfig(t)})
	w := newRecorder()
	s.secure(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("fault") })).ServeHTTP(w, newRequest(t))
	if w.Code != http.StatusInternalServerError {
		t.Errorf("status %d", w.Code)
	}
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("net/http's own panic was swallowed")
		}
	}()
	s.secure(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })).ServeHTTP(w, newRequest(t))
}
