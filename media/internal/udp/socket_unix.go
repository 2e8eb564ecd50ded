//go:build unix

package udp

import (
	"fmt"
	"log/slog"
	"net"
	"syscall"
)

// tuneSocket asks for large buffers and logs what the kernel granted (Linux
// reports twice the usable size). Smaller buffers are no error: they cost
// packets in bursts only.
func tuneSocket(socket *net.UDPConn, log *slog.Logger) error {
	_ = socket.SetReadBuffer(socketBuffer)
	_ = socket.SetWriteBuffer(socketBuffer)
	if log == nil {
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return fmt.Errorf("the socket's buffers: %w", err)
	}
	var read, write int
	err = raw.Control(func(fd uintptr) {
		// A size that can't be read is logged as 0.
		read, _ = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF)
		write, _ = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF)
	})
	if err != nil {
		return fmt.Errorf("the socket's buffers: %w", err)
	}
	log.Debug("media socket buffers", "asked_bytes", socketBuffer, "read_bytes", read, "write_bytes", write)
	return nil
}
