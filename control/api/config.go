package api

import (
	"errors"
	"time"
)

// Config of the HTTP interface.
type Config struct {
	// MaxBodyBytes is the longest request body that is read.
	MaxBodyBytes int64 `mapstructure:"max_body_bytes"`
	// FailureBurst is how many wrong links or API keys one network (a /64 of
	// IPv6, an address of IPv4) may send at once before it is answered 429;
	// one more is allowed each FailureInterval.
	FailureBurst    int           `mapstructure:"failure_burst"`
	FailureInterval time.Duration `mapstructure:"failure_interval"`
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{MaxBodyBytes: 64 << 10, FailureBurst: 20, FailureInterval: 3 * time.Second}
}

// Validate returns the first thing wrong, beginning with its key.
func (c Config) Validate() error {
	switch {
	case c.MaxBodyBytes < 4<<10 || c.MaxBodyBytes > 16<<20:
		return errors.New("max_body_bytes: must be 4096 to 16777216")
	case c.FailureBurst < 1:
		return errors.New("failure_burst: must be at least 1")
	case c.FailureInterval <= 0:
		return errors.New("failure_interval: must be more than 0, for example 3s")
	}
	return nil
}
