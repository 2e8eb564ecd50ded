package media

import (
	"sync"
	"time"

	"github.com/pion/rtcp"
)

// senderReport ties a layer's RTP timestamps to the engine's time. The
// publisher's own wall clock is translated once per transport, by one offset
// for all its sources, so that what was captured together stays together
// (lip-sync) whatever the layer and whoever is next on the slot.
type senderReport struct {
	rtp uint32
	at  time.Duration // engine time at which rtp was captured
}

// captured returns the engine time at which ts was captured.
func (r *senderReport) captured(ts, clockRate uint32) time.Duration {
	ticks := int64(int32(ts - r.rtp))
	return r.at + time.Duration(ticks*int64(time.Second)/int64(clockRate))
}

// timestamp returns the RTP timestamp of what is captured at t.
func (r *senderReport) timestamp(t time.Duration, clockRate uint32) uint32 {
	return r.rtp + uint32(int64(t-r.at)*int64(clockRate)/int64(time.Second))
}

// ntpEpoch is the distance from the NTP to the Unix epoch (RFC 5905 §6).
const ntpEpoch = 2208988800

// ntpDuration is the time since the NTP epoch of a 32.32 fixed-point stamp.
func ntpDuration(ntp uint64) time.Duration {
	sec := time.Duration(ntp>>32) - ntpEpoch
	// Rounded, so that ntpTime and back is the same nanosecond.
	frac := time.Duration(((ntp&0xffffffff)*uint64(time.Second) + 1<<31) >> 32)
	return sec*time.Second + frac
}

// ntpTime is t as a 32.32 fixed-point stamp (RFC 3550 §4).
func ntpTime(t time.Time) uint64 {
	n := t.UnixNano()
	sec, frac := uint64(n/1e9)+ntpEpoch, uint64(n%1e9)
	return sec<<32 | (frac<<32)/1e9
}

const (
	// maxClockStep is how far a publisher's clock may be off the offset in use
	// before that is taken anew: the clock was set.
	maxClockStep = 500 * time.Millisecond
	// clockDoubt is how long nothing but reports that are late by more must have
	// come before that is believed of the clock. What waited on the way is late
	// too: a TCP connection that stood still, or a queue, gives out seconds of
	// reports at once.
	clockDoubt = 5 * time.Second
	// maxClockSlew is how far one report moves the offset. Clocks drift by less
	// than 0.1 ms/s; what comes late on the way counts for little then, and
	// what two sources reported with different offsets stays in sync.
	maxClockSlew = time.Millisecond
)

// publisherClock translates a publisher's wall clock to the engine's time. The
// mutex is a leaf.
type publisherClock struct {
	mu        sync.Mutex
	known     bool
	offset    time.Duration
	late      bool          // the last report was late by more than maxClockStep
	lateSince time.Duration // the first of such, in a row
}

// captured is the engine's time of a moment that the publisher's clock calls sent;
// the report that names it comes now.
func (c *publisherClock) captured(sent, now time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	off := now - sent - c.offset
	wasLate := c.late
	c.late = c.known && off > maxClockStep
	switch {
	case c.late && !wasLate:
		c.lateSince = now
		return sent + c.offset
	case c.late && now-c.lateSince < clockDoubt:
		return sent + c.offset
	case c.known && off.Abs() <= maxClockStep:
		off = min(max(off, -maxClockSlew), maxClockSlew)
	}
	// Else it is the first, was set back long enough ago, or set forward: nothing
	// comes before it was sent.
	c.offset, c.known, c.late = c.offset+off, true, false
	return sent + c.offset
}

// senderReported takes a publisher's report on one of its layers.
func (t *transport) senderReported(l *layer, sr *rtcp.SenderReport, now time.Duration) {
	at := t.clock.captured(ntpDuration(sr.NTPTime), now)
	first := l.report.Swap(&senderReport{rtp: sr.RTPTime, at: at}) == nil
	if !first {
		return
	}
	if slots := l.slots.Load(); slots != nil {
		for _, s := range *slots {
			s.reportSoon()
		}
	}
	for _, at := range l.carriedTo() {
		for _, s := range at.slots {
			s.reportSoon()
		}
	}
}
