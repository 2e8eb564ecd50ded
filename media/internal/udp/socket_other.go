//go:build !unix

package udp

import (
	"log/slog"
	"net"
)

// tuneSocket asks for large buffers. Smaller ones are no error: they cost
// packets in bursts only.
func tuneSocket(socket *net.UDPConn, _ *slog.Logger) error {
	_ = socket.SetReadBuffer(socketBuffer)
	_ = socket.SetWriteBuffer(socketBuffer)
	return nil
}
