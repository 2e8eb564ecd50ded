package server

import (
	"sync"
	"time"
)

// clock is a clock that goes with the wall's, and is set ahead.
type clock struct {
	mu      sync.Mutex
	ahead   time.Duration
	waiting map[chan time.Time]time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// After implements control.Clock.
func (c *clock) After(d time.Duration) (<-chan time.Time, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		c.waiting = make(map[chan time.Time]time.Time)
	}
	timer := make(chan time.Time, 1)
	c.waiting[timer] = time.Now().Add(c.ahead + d)
	fire := time.AfterFunc(max(0, d), func() { c.fire(timer) })
	return timer, func() {
		fire.Stop()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.waiting, timer)
	}
}

func (c *clock) fire(timer chan time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fireLocked(timer)
}

func (c *clock) fireLocked(timer chan time.Time) {
	if _, ok := c.waiting[timer]; ok {
		delete(c.waiting, timer)
		timer <- time.Now().Add(c.ahead)
	}
}

// move sets the clock ahead.
func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
	now := time.Now().Add(c.ahead)
	for timer, at := range c.waiting {
		if !at.After(now) {
			c.fireLocked(timer)
		}
	}
}
