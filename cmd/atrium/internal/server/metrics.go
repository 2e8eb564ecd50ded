package server

import (
	"maps"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal"
	"github.com/atriumrtc/atrium/turn"
)

// collector turns the packages' snapshots into metrics when somebody asks for
// them; nothing is counted twice. No metric is labelled by room, participant
// or address.
type collector struct {
	media  func() media.Snapshot
	signal func() signal.Snapshot
	turn   func() turn.Snapshot // nil when off
}

func (s *Server) collector() collector {
	c := collector{media: s.engine.Snapshot, signal: s.signal.Snapshot}
	if s.turn != nil {
		c.turn = s.turn.Snapshot
	}
	return c
}

// desc describes a metric with at most one label.
func desc(name, help string, label ...string) *prometheus.Desc {
	return prometheus.NewDesc("atrium_"+name, help, label, nil)
}

// number is a metric without a label: its description and how to read it.
type number[S any] struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(S) float64
}

// table is a counter with one label.
type table[S any] struct {
	desc *prometheus.Desc
	read func(S) map[string]uint64
}

func gauge[S any](name, help string, read func(S) int) number[S] {
	return number[S]{desc(name, help), prometheus.GaugeValue, func(s S) float64 { return float64(read(s)) }}
}

func counter[S any](name, help string, read func(S) uint64) number[S] {
	return number[S]{desc(name, help), prometheus.CounterValue, func(s S) float64 { return float64(read(s)) }}
}

func (n number[S]) collect(s S, out chan<- prometheus.Metric) {
	out <- prometheus.MustNewConstMetric(n.desc, n.kind, n.read(s))
}

func (t table[S]) collect(s S, out chan<- prometheus.Metric) {
	for label, n := range t.read(s) {
		out <- prometheus.MustNewConstMetric(t.desc, prometheus.CounterValue, float64(n), label)
	}
}

func mediaNumbers() []number[media.Snapshot] {
	type s = media.Snapshot
	return []number[s]{
		gauge("media_rooms", "Rooms that are open.", func(s s) int { return s.Rooms }),
		gauge("media_participants", "Participants, in a room or parked, connected or not.", func(s s) int { return s.Participants }),
		gauge("media_participants_connected", "Participants whose transport is up.", func(s s) int { return s.Connected }),
		gauge("media_participants_parked", "Participants in no room.", func(s s) int { return s.Parked }),
		gauge("media_seats_kept", "Participants who dropped out and whose seat is kept.", func(s s) int { return s.Kept }),
		counter("media_packets_in_total", "RTP packets from publishers.", func(s s) uint64 { return s.PacketsIn }),
		counter("media_packets_out_total", "RTP packets to viewers, resent ones included.", func(s s) uint64 { return s.PacketsOut }),
		counter("media_in_bytes_total", "Bytes of RTP packets from publishers.", func(s s) uint64 { return s.BytesIn }),
		counter("media_out_bytes_total", "Bytes of RTP packets to viewers, resent ones included.", func(s s) uint64 { return s.BytesOut }),
		counter("media_packets_resent_total", "RTP packets resent to viewers.", func(s s) uint64 { return s.RTXOut }),
		counter("media_packets_lost_total", "RTP packets of publishers that never came.", func(s s) uint64 { return s.LostIn }),
		counter("media_nacks_in_total", "Packets that viewers asked for again.", func(s s) uint64 { return s.NACKsIn }),
		counter("media_nacks_out_total", "Packets that publishers were asked for again.", func(s s) uint64 { return s.NACKsOut }),
		counter("media_key_frame_requests_total", "Key frames that publishers were asked for.", func(s s) uint64 { return s.KeyFrameRequests }),
		counter("media_key_frames_total", "Key frames from publishers.", func(s s) uint64 { return s.KeyFrames }),
		counter("media_transports_total", "Transports that came up.", func(s s) uint64 { return s.Joins }),
		counter("media_moves_total", "Moves of a participant between rooms, or to and from waiting.", func(s s) uint64 { return s.Moves }),
		counter("media_moves_refused_total", "Moves into a room that was full.", func(s s) uint64 { return s.Refused }),
		counter("media_offers_total", "SDP offers that were answered.", func(s s) uint64 { return s.Offers }),
		counter("media_socket_sends_total", "System calls that sent to the media socket.", func(s s) uint64 { return s.Socket.Sends }),
		counter("media_socket_receives_total", "System calls that received from the media socket.", func(s s) uint64 { return s.Socket.Receives }),
		counter("media_packets_batched_total", "Packets that left through the media socket in batches.", func(s s) uint64 { return s.Socket.BatchPackets }),
		counter("media_packets_gso_total", "Packets that left in GSO runs of two or more, of those batched.", func(s s) uint64 { return s.Socket.GSOPackets }),
		counter("media_gso_runs_total", "GSO runs of two or more packets.", func(s s) uint64 { return s.Socket.GSORuns }),
		counter("media_gso_runs_refused_total", "GSO runs that the kernel refused, sent again packet by packet.", func(s s) uint64 { return s.Socket.GSORefused }),
		counter("media_packets_gro_total", "Packets that came in GRO runs.", func(s s) uint64 { return s.Socket.GROPackets }),
		counter("media_packets_tcp_total", "Packets that left over ICE/TCP.", func(s s) uint64 { return s.Socket.TCPPackets }),
		counter("media_panics_total", "Participants ended by a fault of this server.", func(s s) uint64 { return s.Panics }),
	}
}

func mediaTables() []table[media.Snapshot] {
	return []table[media.Snapshot]{{
		desc("media_packets_dropped_total", "Packets that were not forwarded, by reason.", "reason"),
		func(s media.Snapshot) map[string]uint64 { return s.Dropped },
	}}
}

func signalNumbers() []number[signal.Snapshot] {
	type s = signal.Snapshot
	return []number[s]{
		gauge("signal_sessions", "WebSockets that have joined.", func(s s) int { return s.Sessions }),
		gauge("signal_sessions_pending", "WebSockets that have not joined yet.", func(s s) int { return s.Pending }),
		gauge("signal_seats", "Participants' seats, kept ones included.", func(s s) int { return s.Seats }),
		counter("signal_messages_in_total", "Messages from clients.", func(s s) uint64 { return s.MessagesIn }),
		counter("signal_messages_out_total", "Messages to clients.", func(s s) uint64 { return s.MessagesOut }),
		counter("signal_evictions_total", "Clients that read too slowly.", func(s s) uint64 { return s.Evicted }),
		counter("signal_panics_total", "Sessions ended by a fault of this server.", func(s s) uint64 { return s.Panics }),
	}
}

func signalTables() []table[signal.Snapshot] {
	type s = signal.Snapshot
	return []table[s]{
		{desc("signal_joins_total", "Joins, by result: ok, resumed, or the code of the refusal.", "result"), joins},
		{desc("signal_refusals_total", "Requests that were refused, by code.", "code"), func(s s) map[string]uint64 { return s.Refused }},
		{desc("signal_byes_total", "Sessions that the server ended, by code.", "code"), func(s s) map[string]uint64 { return s.Byes }},
	}
}

func turnNumbers() []number[turn.Snapshot] {
	type s = turn.Snapshot
	return []number[s]{
		gauge("turn_allocations", "Allocations that are open.", func(s s) int { return s.Allocations }),
		gauge("turn_participants", "Participants who hold credentials.", func(s s) int { return s.Participants }),
		gauge("turn_connections", "TCP connections that are open.", func(s s) int { return s.TCPConnections }),
		counter("turn_allocations_total", "Allocations that were opened.", func(s s) uint64 { return s.AllocationsTotal }),
		counter("turn_packets_in_total", "Packets relayed from clients to the media server.", func(s s) uint64 { return s.RelayedPacketsIn }),
		counter("turn_packets_out_total", "Packets relayed from the media server to clients.", func(s s) uint64 { return s.RelayedPacketsOut }),
		counter("turn_in_bytes_total", "Bytes relayed from clients to the media server.", func(s s) uint64 { return s.RelayedBytesIn }),
		counter("turn_out_bytes_total", "Bytes relayed from the media server to clients.", func(s s) uint64 { return s.RelayedBytesOut }),
	}
}

func turnTables() []table[turn.Snapshot] {
	return []table[turn.Snapshot]{{
		desc("turn_refusals_total", "Requests and packets that were refused, by reason.", "reason"),
		func(s turn.Snapshot) map[string]uint64 { return s.Refused },
	}}
}

// joins are there from the start: a rate over a counter that appears with its
// first event misses that event.
func joins(s signal.Snapshot) map[string]uint64 {
	all := map[string]uint64{"ok": 0, "resumed": 0}
	maps.Copy(all, s.Joins)
	return all
}

func joinSeconds() *prometheus.Desc {
	return desc("signal_join_seconds", "Time from connecting to a transport that is up.")
}

// Describe implements prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	describe(mediaNumbers(), mediaTables(), out)
	describe(signalNumbers(), signalTables(), out)
	if c.turn != nil {
		describe(turnNumbers(), turnTables(), out)
	}
	out <- joinSeconds()
}

func describe[S any](numbers []number[S], tables []table[S], out chan<- *prometheus.Desc) {
	for _, n := range numbers {
		out <- n.desc
	}
	for _, t := range tables {
		out <- t.desc
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	collect(c.media(), mediaNumbers(), mediaTables(), out)
	if c.turn != nil {
		collect(c.turn(), turnNumbers(), turnTables(), out)
	}
	s := c.signal()
	collect(s, signalNumbers(), signalTables(), out)
	out <- histogram(joinSeconds(), s.JoinSeconds)
}

func collect[S any](s S, numbers []number[S], tables []table[S], out chan<- prometheus.Metric) {
	for _, n := range numbers {
		n.collect(s, out)
	}
	for _, t := range tables {
		t.collect(s, out)
	}
}

// histogram turns counts per bucket into Prometheus' cumulative ones.
func histogram(d *prometheus.Desc, h signal.Histogram) prometheus.Metric {
	buckets := make(map[float64]uint64, len(h.Bounds))
	var total uint64
	for i, n := range h.Counts {
		total += n
		if i < len(h.Bounds) {
			buckets[h.Bounds[i]] = total
		}
	}
	return prometheus.MustNewConstHistogram(d, total, h.Sum, buckets)
}
