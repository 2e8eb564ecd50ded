package media

import "time"

// timeline ties the timestamps of a slot to the engine's time, for the slot's
// life: what was captured at one moment has the same timestamp whoever's it is
// (RFC 3550 section 6.4.1). Were the time between two sources that of their
// arrival, each switch would move the timestamps against the times of the
// sender reports by what a key frame is later than other frames; receivers who
// take a line through several reports to keep sound and picture together
// (libwebrtc: through twenty) then hold one of them back for the sum of it, a
// second and more after a dozen moves.
type timeline struct {
	known bool
	at    time.Duration // engine time at which what has the timestamp ts was captured
	ts    uint32
}

// How far the line may be from where a source would be by its arrival, at a
// switch. Beyond that the line begins anew: a clock was set, somebody's uplink
// stands still, or their reports are wrong, by which nobody may harm who comes
// after them. Sound that is behind the line is lost, and what is ahead of it is
// waited for.
const (
	maxPictureOff = 300 * time.Millisecond
	maxSoundOff   = 60 * time.Millisecond
)

// begin makes ts the timestamp of what was captured at a moment.
func (l *timeline) begin(at time.Duration, ts uint32) {
	*l = timeline{known: true, at: at, ts: ts}
}

// timestamp is that of what is captured at a moment, in ticks of the rate.
func (l *timeline) timestamp(at time.Duration, rate uint32) uint32 {
	return l.ts + uint32(ticksIn(at-l.at, rate))
}

// elapsed is how far after last, the highest timestamp sent, that is which was
// captured at a moment, in ticks of the rate, where gap has gone by since last was
// sent, and the line may be off by a time. Never less than a tick: behind says
// that it would have been.
func (l *timeline) elapsed(last uint32, captured, gap time.Duration, rate uint32, most time.Duration) (elapsed uint32, behind bool) {
	expected := ticksIn(gap, rate)
	off := int64(int32(l.timestamp(captured, rate) - last - uint32(expected)))
	if limit := ticksIn(most, rate); !l.known || off > limit || off < -limit {
		l.begin(captured, last+uint32(max(1, expected)))
		off = 0
	}
	n := expected + off
	return uint32(max(1, n)), n < 1
}

// ticksIn converts a duration to ticks; a day's would overflow if multiplied.
func ticksIn(d time.Duration, rate uint32) int64 {
	return int64(d/time.Second)*int64(rate) + int64(d%time.Second)*int64(rate)/int64(time.Second)
}
