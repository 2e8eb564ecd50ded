//go:build !linux

package suite

import (
	"errors"
	"io"
	"syscall"
)

func attributes(bool) *syscall.SysProcAttr { return nil }

func canIsolate() bool { return false }

func connect(*child, *child) error { return errors.ErrUnsupported }

// Enter fails: pinning to a core and ending with the parent need Linux.
func Enter(io.Reader) error { return errors.ErrUnsupported }
