package udp

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// limitUnsent bounds what the kernel holds and has not sent (tcp(7),
// TCP_NOTSENT_LOWAT): a write finds no room beyond it.
func limitUnsent(raw syscall.RawConn) {
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, tcpNotSent)
	})
}
