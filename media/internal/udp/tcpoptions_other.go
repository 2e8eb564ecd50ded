//go:build !linux

package udp

import "syscall"

// limitUnsent does nothing: the send buffer alone is the bound here.
func limitUnsent(syscall.RawConn) {}
