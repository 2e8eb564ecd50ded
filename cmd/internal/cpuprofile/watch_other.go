//go:build !unix

package cpuprofile

import (
	"errors"
	"fmt"
)

// Watch fails: this system has no SIGUSR1.
func Watch(string) (stop func() error, err error) {
	return nil, fmt.Errorf("a CPU profile by signal: %w", errors.ErrUnsupported)
}
