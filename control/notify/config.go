package notify

import (
	"errors"
	"time"
)

// Config of what is sent outside.
type Config struct {
	// Workers is how many deliveries go on at once.
	Workers int `mapstructure:"workers"`
	// Timeout of one delivery.
	Timeout time.Duration `mapstructure:"timeout"`
	// PrivateTargets lets organisations name gateways and webhooks in private
	// networks and on this host.
	PrivateTargets bool `mapstructure:"private_targets"`
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config { return Config{Workers: 8, Timeout: 10 * time.Second} }

// Validate returns the first thing wrong, beginning with its key.
func (c Config) Validate() error {
	switch {
	case c.Workers < 1 || c.Workers > 256:
		return errors.New("workers: must be 1 to 256")
	case c.Timeout < time.Second || c.Timeout > time.Minute:
		return errors.New("timeout: must be 1s to 1m")
	}
	return nil
}
