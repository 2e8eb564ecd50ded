//go:build !unix

package bench

import "time"

// processCPU is unknown here; the figures that need it are null.
func processCPU() (time.Duration, bool) { return 0, false }
