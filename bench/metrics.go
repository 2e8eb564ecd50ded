package bench

import "context"

// Names of the metrics that a run reads from the server. Each is the sum over
// its labels.
const (
	metricCPU        = "process_cpu_seconds_total"
	metricResident   = "process_resident_memory_bytes"
	metricGoroutines = "go_goroutines"
	metricPacketsIn  = "atrium_media_packets_in_total"
	metricPacketsOut = "atrium_media_packets_out_total"
	metricLost       = "atrium_media_packets_lost_total"
	metricDropped    = "atrium_media_packets_dropped_total"
	metricBatched    = "atrium_media_packets_batched_total"
	metricRuns       = "atrium_media_packets_gso_total"
)

// ReadMetrics reads what the server exports now: counters and gauges by name,
// summed up over their labels. A run reads them thrice, so as to have the growth
// of the counters. (It is a function, so that this package needs no Prometheus.)
type ReadMetrics func(ctx context.Context) (map[string]float64, error)

// sample holds what the server's metrics were at one moment; a metric that the
// server doesn't export is absent.
type sample map[string]float64

// get is the figure of a metric, nil when absent.
func (s sample) get(name string) *float64 {
	if value, ok := s[name]; ok {
		return figure(value)
	}
	return nil
}

// growth is by how much a counter grew from s to later; nil when either lacks
// it, or when it fell, because then the server was started anew in between.
func (s sample) growth(later sample, name string) *float64 {
	before, after := s.get(name), later.get(name)
	if before == nil || after == nil || *after < *before {
		return nil
	}
	return figure(*after - *before)
}
