package bench

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestServerFigures(t *testing.T) {
	before := sample{metricCPU: 10, metricPacketsIn: 100, metricPacketsOut: 1000, metricDropped: 5, metricLost: 0}
	after := sample{metricCPU: 12, metricPacketsIn: 100_100, metricPacketsOut: 401_000, metricDropped: 15, metricLost: 25_000, metricResident: 5e7, metricGoroutines: 9}
	w := serverWatch{url: "u", started: sample{metricCPU: 9}, begin: before, end: after}
	s := w.figures(4*time.Second, 200_000)
	for name, row := range map[string]struct {
		got  *float64
		want float64
	}{
		"cpu": {s.CPU, 0.5}, "join": {s.JoinCPUSeconds, 1}, "in": {s.PacketsIn, 100_000}, "out": {s.PacketsOut, 400_000},
		"dropped": {s.DroppedPackets, 10}, "upload": {s.UploadLoss, 0.2}, "per forwarded": {s.USPerForwardedPacket, 5}, "per packet": {s.USPerPacket, 4},
		"per received": {s.USPerReceivedPacket, 10}, "memory": {s.ResidentBytes, 5e7}, "goroutines": {s.Goroutines, 9},
	} {
		if got := value(t, row.got); got != row.want {
			t.Errorf("%s: %v, want %v", name, got, row.want)
		}
	}
	if s.Problem != "" {
		t.Errorf("problem %q, want none", s.Problem)
	}
}

func TestServerFiguresMissing(t *testing.T) {
	full := sample{metricCPU: 10, metricPacketsIn: 1, metricPacketsOut: 1, metricLost: 1, metricDropped: 1}
	for _, row := range []struct {
		name       string
		begin, end sample
		says       string
	}{
		{"no counters", sample{metricCPU: 1}, sample{metricCPU: 2}, metricPacketsOut},
		{"restarted", full, sample{metricCPU: 1, metricPacketsIn: 2, metricPacketsOut: 2, metricLost: 2, metricDropped: 2}, metricCPU},
		{"second reading failed", full, nil, metricCPU},
		{"nothing was forwarded", full, full, ""},
	} {
		w := serverWatch{url: "u", begin: row.begin, end: row.end}
		s := w.figures(time.Second, 0)
		if s.USPerForwardedPacket != nil || s.USPerReceivedPacket != nil {
			t.Errorf("%s: has figures: %+v", row.name, s)
		}
		if !strings.Contains(s.Problem, row.says) || (row.says == "") != (s.Problem == "") {
			t.Errorf("%s: problem %q, want %q", row.name, s.Problem, row.says)
		}
	}
}

// With several servers on a host the default address may be another one's.
func TestServerFiguresOfAnother(t *testing.T) {
	before := sample{metricCPU: 1, metricPacketsIn: 0, metricPacketsOut: 100, metricLost: 0, metricDropped: 0}
	after := sample{metricCPU: 2, metricPacketsIn: 0, metricPacketsOut: 110, metricLost: 0, metricDropped: 0}
	w := serverWatch{url: "u", begin: before, end: after}
	if s := w.figures(time.Second, 1000); s.CPU != nil || s.PacketsOut != nil || !strings.Contains(s.Problem, "another server") {
		t.Errorf("%+v, want nulls and the reason", s)
	}
	if s := w.figures(time.Second, 10); s.CPU == nil || s.Problem != "" {
		t.Errorf("%+v, want figures", s)
	}
}

func TestServerWatchRead(t *testing.T) {
	for _, row := range []struct {
		name   string
		source ReadMetrics
		says   string
	}{
		{"none", nil, "no metrics URL"},
		{"failing", func(context.Context) (map[string]float64, error) { return nil, errors.New("refused") }, "refused"},
		{"too slow", func(ctx context.Context) (map[string]float64, error) {
			if _, bounded := ctx.Deadline(); !bounded {
				t.Error("a reading isn't bounded in time")
			}
			return nil, context.DeadlineExceeded
		}, "deadline"},
	} {
		w := serverWatch{url: "u", source: row.source}
		w.begin, w.end = w.read(t.Context()), w.read(t.Context())
		if f := w.figures(time.Second, 1); f.CPU != nil || !strings.Contains(f.Problem, row.says) {
			t.Errorf("%s: %+v, want null figures and a problem saying %q", row.name, f, row.says)
		}
	}
}
