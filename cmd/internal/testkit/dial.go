package testkit

import (
	"context"
	"net"
)

// DialFrom returns a DialContext whose connections come from a local address.
func DialFrom(address string) func(ctx context.Context, network, to string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: Patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return dialer.DialContext
}
