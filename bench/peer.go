package bench

import (
	"context"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// rooms is what a run needs of the HTTP API.
type rooms interface {
	// create makes a plain room with that many seats.
	create(ctx context.Context, name string, capacity int) (roomID string, err error)
	// token lets one participant into the room.
	token(ctx context.Context, roomID, name string, publisher bool) (participantID, token string, err error)
	// remove deletes the room.
	remove(ctx context.Context, roomID string) error
}

// joiner makes participants.
type joiner interface {
	// join takes a seat and returns once the transport is connected and what is
	// to be published is being sent. The peer outlives ctx.
	join(ctx context.Context, s seat) (peer, error)
}

// seat is what one participant is to do.
type seat struct {
	token     string
	index     int // in the scenario; publishers come first
	publisher bool
	simulcast bool
	allLayers bool
	// speaks: its microphone is loud; the others' are nearly silent.
	speaks bool
}

// peer is one participant that has joined.
type peer interface {
	// look asks for pictures; it replaces what was asked before.
	look(ctx context.Context, tiles []wanted) error
	// counters is what the peer has counted.
	counters() counters
	// addLatencies adds the one-way latencies of the steady window, in
	// microseconds.
	addLatencies(audio, video *hdrhistogram.Histogram)
	// mark begins the steady window: packets and latencies counted so far are
	// forgotten.
	mark()
	// gone is closed when the peer is no longer in the room; cause then says
	// why.
	gone() <-chan struct{}
	cause() error
	// leave ends it and waits until nothing of it runs any more.
	leave()
}

// wanted is a [Tile] with the publisher's participant id.
type wanted struct {
	participant             string
	width, height, priority int
}

// counters are totals: of packets since mark, all others since a peer began.
type counters struct {
	sdp          int64 // offers and answers after the first answer
	audio, video mediaCounters
	// firstFrame is when the first key frame began to come; zero: none yet.
	firstFrame time.Time
	// noKeyFrame are the slots that opened without a key frame, at any time.
	noKeyFrame int64
	// ticks are moments at which something was due to be sent.
	ticks, lateTicks int64
}

// mediaCounters count RTP packets; see [Media] for the meaning.
type mediaCounters struct {
	sent, sentBytes                          int64
	received, receivedBytes, recovered, lost int64
	frames                                   int64
	violations                               Violations
}

// plus is the sum of both.
func (m mediaCounters) plus(o mediaCounters) mediaCounters {
	return mediaCounters{
		sent: m.sent + o.sent, sentBytes: m.sentBytes + o.sentBytes,
		received: m.received + o.received, receivedBytes: m.receivedBytes + o.receivedBytes,
		recovered: m.recovered + o.recovered, lost: m.lost + o.lost,
		frames: m.frames + o.frames, violations: m.violations.plus(o.violations, 1),
	}
}

// since is what was counted after earlier. A packet that was missing then and
// has come since makes fewer lost: never fewer than none.
func (m mediaCounters) since(earlier mediaCounters) mediaCounters {
	return mediaCounters{
		sent: m.sent - earlier.sent, sentBytes: m.sentBytes - earlier.sentBytes,
		received: m.received - earlier.received, receivedBytes: m.receivedBytes - earlier.receivedBytes,
		recovered: m.recovered - earlier.recovered, lost: max(0, m.lost-earlier.lost),
		frames: m.frames - earlier.frames, violations: m.violations.plus(earlier.violations, -1),
	}
}

// plus adds o, times sign.
func (v Violations) plus(o Violations, sign int64) Violations {
	return Violations{
		Total:         v.Total + sign*o.Total,
		NoKeyFrame:    v.NoKeyFrame + sign*o.NoKeyFrame,
		Timestamps:    v.Timestamps + sign*o.Timestamps,
		Pictures:      v.Pictures + sign*o.Pictures,
		Jumps:         v.Jumps + sign*o.Jumps,
		Misrouted:     v.Misrouted + sign*o.Misrouted,
		Damaged:       v.Damaged + sign*o.Damaged,
		UnknownStream: v.UnknownStream + sign*o.UnknownStream,
	}
}

// summed is v with the right total.
func (v Violations) summed() Violations {
	v.Total = v.NoKeyFrame + v.Timestamps + v.Pictures + v.Jumps + v.Misrouted + v.Damaged + v.UnknownStream
	return v
}

// figures turns counts of a window into what result.json says of them.
func (m mediaCounters) figures(window time.Duration) Media {
	return Media{
		SentPackets: m.sent, SentBytes: m.sentBytes,
		ReceivedPackets: m.received, ReceivedBytes: m.receivedBytes,
		RecoveredPackets: m.recovered, LostPackets: m.lost,
		Loss:   ratio(float64(m.lost), float64(m.lost+m.received)),
		Frames: m.frames, Violations: m.violations,
		SentRate:     float64(m.sent) / window.Seconds(),
		ReceivedRate: float64(m.received) / window.Seconds(),
		ReceivedBits: float64(m.receivedBytes) * 8 / window.Seconds(),
	}
}
