package control

import (
	"sync"
	"time"
)

// steadyClock is a clock that never goes backward: when the wall clock is set
// back, it goes on from where it was, as fast as the time that really passes.
// What has expired stays expired, and what is counted from then on takes as
// long as it should (SE-20). A step forward is followed: nobody can tell it
// from a host that slept.
type steadyClock struct {
	source func() time.Time

	mu   sync.Mutex
	last time.Time // of source, with its monotonic reading where it has one
	out  time.Time
}

func (c *steadyClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.source()
	wall := t.Round(0)
	if !c.last.IsZero() {
		// Sub goes by the monotonic readings where both have one.
		if least := c.out.Add(max(0, t.Sub(c.last))); wall.Before(least) {
			wall = least
		}
	}
	c.last, c.out = t, wall
	return wall
}
