package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const exampleMetrics = `# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 12.5
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 1.2e+07
# TYPE go_goroutines gauge
go_goroutines 57
# TYPE atrium_media_packets_in_total counter
atrium_media_packets_in_total 1000
# TYPE atrium_media_packets_out_total counter
atrium_media_packets_out_total{media="audio"} 1500
atrium_media_packets_out_total{media="video"} 2500
# TYPE atrium_media_packets_dropped_total counter
atrium_media_packets_dropped_total{reason="a \"quoted\" one"} 3
atrium_media_packets_dropped_total{reason="muted"} 4
# TYPE atrium_signal_join_seconds histogram
atrium_signal_join_seconds_bucket{le="+Inf"} 9
atrium_signal_join_seconds_sum 4
atrium_signal_join_seconds_count 9
untyped_thing 7
`

func TestParseMetrics(t *testing.T) {
	s, err := parseMetrics(strings.NewReader(exampleMetrics))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{
		"process_cpu_seconds_total": 12.5, "process_resident_memory_bytes": 12e6, "go_goroutines": 57,
		"atrium_media_packets_in_total": 1000, "atrium_media_packets_out_total": 4000,
		"atrium_media_packets_dropped_total": 7, "untyped_thing": 7,
	} {
		if got := s[name]; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{"atrium_signal_join_seconds", "absent"} {
		if value, ok := s[name]; ok {
			t.Errorf("%s is %v, want nothing", name, value)
		}
	}
}

func TestParseMetricsGarbage(t *testing.T) {
	for _, text := range []string{
		"<html>not found</html>", "process_cpu_seconds_total twelve\n", "process_cpu_seconds_total{a=\"b 1\n", "{} {}\n", "\x00\xff\n",
	} {
		if s, err := parseMetrics(strings.NewReader(text)); !errors.Is(err, errMetrics) {
			t.Errorf("%q: %v, %v; want errMetrics", text, s, err)
		}
	}
	if s, err := parseMetrics(strings.NewReader("")); err != nil || len(s) != 0 {
		t.Errorf("empty: %v, %v", s, err)
	}
}

func FuzzParseMetrics(f *testing.F) {
	f.Add(exampleMetrics)
	f.Add("a 1\nb{c=\"d\"} +Inf 12\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := parseMetrics(strings.NewReader(text)); err != nil && !errors.Is(err, errMetrics) {
			t.Fatalf("%v is no errMetrics", err)
		}
	})
}

func TestScrape(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.Path {
		case "/metrics":
			fmt.Fprint(w, exampleMetrics)
		case "/slow":
			<-q.Context().Done()
		default:
			http.NotFound(w, q)
		}
	}))
	defer server.Close()
	client := server.Client()
	defer client.CloseIdleConnections()

	s, err := scrape(t.Context(), client, server.URL+"/metrics")
	if err != nil || s["atrium_media_packets_out_total"] != 4000 {
		t.Errorf("%v, %v", s, err)
	}
	if _, err := scrape(t.Context(), client, server.URL+"/other"); !errors.Is(err, errMetrics) || !strings.Contains(err.Error(), "404") {
		t.Errorf("not found: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := scrape(ctx, client, server.URL+"/slow"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("slow: %v", err)
	}
	if _, err := scrape(t.Context(), client, "::"); !errors.Is(err, errMetrics) {
		t.Errorf("no URL: %v", err)
	}
}
