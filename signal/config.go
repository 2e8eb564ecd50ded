package signal

import (
	"errors"
	"fmt"
	"time"
)

// Config is the signal section of the configuration.
type Config struct {
	// AllowedOrigins are web origins ("https://app.example.org") whose pages
	// may connect, beside those that this server serves itself.
	AllowedOrigins []string `mapstructure:"allowed_origins"`
	// JoinTimeout is how long a connection may take to send its join.
	JoinTimeout time.Duration `mapstructure:"join_timeout"`
	// MaxPending is the most connections that have not joined yet. Where one
	// more comes, the oldest of them is ended: those that stall cannot keep
	// out those that join (SE-9).
	MaxPending int `mapstructure:"max_pending"`
	// PingInterval is the time between pings; PingTimeout is how long the
	// answer may take before the connection counts as dead.
	PingInterval time.Duration `mapstructure:"ping_interval"`
	PingTimeout  time.Duration `mapstructure:"ping_timeout"`
	// ModeratorPingInterval is the time between pings of moderators, where it
	// is shorter, and ModeratorAbsentAfter how long the answer may take before
	// the authority is told that they are absent: somebody else is to take over
	// soon (R-GC-6). Connection and seat stay, and an answer ends the absence.
	ModeratorPingInterval time.Duration `mapstructure:"moderator_ping_interval"`
	ModeratorAbsentAfter  time.Duration `mapstructure:"moderator_absent_after"`
	// WriteTimeout is how long one message may take to be written: a client
	// that reads slower is evicted, and may resume.
	WriteTimeout time.Duration `mapstructure:"write_timeout"`
	// QueueMessages and QueueBytes bound what waits to be written to one
	// client; one that lets it come to more is evicted.
	QueueMessages int `mapstructure:"queue_messages"`
	QueueBytes    int `mapstructure:"queue_bytes"`
	// MessageRate is the messages a second that one client may send, and
	// MessageBurst how many at once.
	MessageRate  float64 `mapstructure:"message_rate"`
	MessageBurst int     `mapstructure:"message_burst"`
}

// DefaultConfig returns the values in force where nothing is configured. They
// are those of SE-9.
func DefaultConfig() Config {
	return Config{
		AllowedOrigins: []string{},
		JoinTimeout:    10 * time.Second,
		MaxPending:     1000,
		PingInterval:   15 * time.Second,
		PingTimeout:    15 * time.Second,
		// Together below the 5 s in which a successor is to be in charge.
		ModeratorPingInterval: 1500 * time.Millisecond,
		ModeratorAbsentAfter:  2500 * time.Millisecond,
		WriteTimeout:          10 * time.Second,
		QueueMessages:         1024,
		QueueBytes:            2 << 20,
		MessageRate:           50,
		MessageBurst:          200,
	}
}

// Validate says what is wrong, beginning with the key.
func (c Config) Validate() error {
	var errs []error
	for _, o := range c.AllowedOrigins {
		if _, err := canonicalOrigin(o); err != nil {
			errs = append(errs, fmt.Errorf("allowed_origins: %w", err))
		}
	}
	for _, d := range []struct {
		key       string
		v         time.Duration
		low, high time.Duration
	}{
		{"join_timeout", c.JoinTimeout, time.Second, time.Minute},
		{"ping_interval", c.PingInterval, time.Second, 5 * time.Minute},
		{"ping_timeout", c.PingTimeout, time.Second, time.Minute},
		{"moderator_ping_interval", c.ModeratorPingInterval, time.Second, 5 * time.Minute},
		{"moderator_absent_after", c.ModeratorAbsentAfter, time.Second, time.Minute},
		{"write_timeout", c.WriteTimeout, time.Second, time.Minute},
	} {
		if d.v < d.low || d.v > d.high {
			errs = append(errs, fmt.Errorf("%s: %s is out of range; use %s to %s", d.key, d.v, d.low, d.high))
		}
	}
	for _, n := range []struct {
		key          string
		v, low, high float64
	}{
		{"max_pending", float64(c.MaxPending), 10, 1e6},
		{"queue_messages", float64(c.QueueMessages), 64, 65536},
		{"queue_bytes", float64(c.QueueBytes), 512 << 10, 64 << 20},
		{"message_rate", c.MessageRate, 1, 10000},
		{"message_burst", float64(c.MessageBurst), 10, 100000},
	} {
		if n.v < n.low || n.v > n.high {
			errs = append(errs, fmt.Errorf("%s: %.10g is out of range; use %.10g to %.10g", n.key, n.v, n.low, n.high))
		}
	}
	return errors.Join(errs...)
}
