package bench

import (
	"sync/atomic"
	"time"

	"github.com/atriumrtc/atrium/signal/client/source"
)

// meter counts how often something was due to be sent, and how often that came
// more than LateAfter too late.
type meter struct{ ticks, late atomic.Int64 }

// clock follows one source: what is due when. One goroutine uses it.
type clock struct {
	meter *meter
	began time.Time // when what is due at 0 was sent
}

// giveUp is how far a source may fall behind before signal/client gives the
// time up; what is due later is then due that much later.
const giveUp = 500 * time.Millisecond

// tick counts what is due at a time since the beginning and is sent at now.
func (c *clock) tick(due time.Duration, now time.Time) {
	c.meter.ticks.Add(1)
	if c.began.IsZero() {
		c.began = now.Add(-due)
	}
	behind := now.Sub(c.began) - due
	if behind > LateAfter {
		c.meter.late.Add(1)
	}
	if behind > giveUp {
		c.began = c.began.Add(behind)
	}
}

// meteredVideo counts the ticks of a Video.
type meteredVideo struct {
	source.Video
	meter *meter
	clock clock
	due   time.Duration
}

// Capture implements source.Video.
func (v *meteredVideo) Capture(p *source.Picture, req source.Request) error {
	v.clock.meter = v.meter
	v.clock.tick(v.due, time.Now())
	err := v.Video.Capture(p, req)
	v.due = p.Next
	return err
}

// meteredAudio counts the ticks of an Audio.
type meteredAudio struct {
	source.Audio
	meter *meter
	clock clock
	due   time.Duration
}

// Next implements source.Audio.
func (a *meteredAudio) Next(p *source.Packet) error {
	a.clock.meter = a.meter
	a.clock.tick(a.due, time.Now())
	a.due += source.PacketTime
	return a.Audio.Next(p)
}
