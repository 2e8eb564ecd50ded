//go:build !linux

package bench

import (
	"errors"
	"fmt"
)

// process is the server's, of which this system tells nothing.
type process struct{ pid int }

func (process) cpu() cpuTime { return cpuTime{} }

func (process) resident() *float64 { return nil }

func (process) toggleProfile() error {
	return fmt.Errorf("asking the server for a profile: %w", errors.ErrUnsupported)
}
