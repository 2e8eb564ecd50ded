package speaker

import (
	"errors"
	"time"
)

// Config of a Detector. Levels are in dB above the least that RFC 6464 can
// say: 0 is silence, 127 is full scale (127 less the -dBov of the packet).
type Config struct {
	// N is how many are forwarded at most; default 6.
	N int
	// Audible is the loudness from which a sound is worth forwarding;
	// default 62 (-65 dBov): below any speech, above a quiet room.
	Audible float64
	// Voice is the loudness from which somebody counts as speaking; default
	// 82 (-45 dBov).
	Voice float64
	// Margin is how much louder than the quietest of the loudest N one must
	// be to take their place, in dB, and MarginTime for how long; default 6
	// and 300 ms. Short breaks between syllables count against that time, but
	// don't void it. An empty place is taken at once.
	Margin     float64
	MarginTime time.Duration
	// Hold is how long one who went quiet keeps the place; default 2 s. It
	// bridges the pauses of a conversation.
	Hold time.Duration
	// Attack and Release are how long one must be loud to count as speaking,
	// and quiet to not; default 200 and 800 ms.
	Attack, Release time.Duration
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		N:          6,
		Audible:    62,
		Voice:      82,
		Margin:     6,
		MarginTime: 300 * time.Millisecond,
		Hold:       2 * time.Second,
		Attack:     200 * time.Millisecond,
		Release:    800 * time.Millisecond,
	}
}

// Validate checks the ranges; the message says what to change.
func (c Config) Validate() error {
	switch {
	case c.N < 1:
		return errors.New("n: must be at least 1")
	case c.Audible <= 0 || c.Audible > maxLoudness:
		return errors.New("audible: must be above 0 and at most 127 (dB above silence)")
	case c.Voice < c.Audible || c.Voice > maxLoudness:
		return errors.New("voice: must be from audible to 127 (dB above silence)")
	case c.Margin < 0 || c.MarginTime < 0 || c.Hold < 0 || c.Attack < 0 || c.Release < 0:
		return errors.New("margin, margin_time, hold, attack, release: must not be negative")
	}
	return nil
}

// withDefaults replaces what was left zero.
func (c Config) withDefaults() Config {
	d := DefaultConfig()
	if c.N <= 0 {
		c.N = d.N
	}
	for _, f := range []struct {
		value     *float64
		otherwise float64
	}{{&c.Audible, d.Audible}, {&c.Voice, d.Voice}, {&c.Margin, d.Margin}} {
		if *f.value <= 0 {
			*f.value = f.otherwise
		}
	}
	for _, f := range []struct {
		value     *time.Duration
		otherwise time.Duration
	}{{&c.MarginTime, d.MarginTime}, {&c.Hold, d.Hold}, {&c.Attack, d.Attack}, {&c.Release, d.Release}} {
		if *f.value <= 0 {
			*f.value = f.otherwise
		}
	}
	return c
}
