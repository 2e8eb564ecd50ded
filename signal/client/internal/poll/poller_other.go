//go:build !linux

package poll

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Poller isn't there on this system.
type Poller struct{}

// Socket isn't there on this system.
type Socket struct {
	address *net.UDPAddr
	mu      sync.RWMutex
	fd      int
	pipe    *pipe
}

// New fails with errors.ErrUnsupported.
func New() (*Poller, error) { return nil, errors.ErrUnsupported }

// Close does nothing.
func (*Poller) Close() error { return nil }

// Listen fails with errors.ErrUnsupported.
func (*Poller) Listen(netip.Addr, func([]byte, time.Time) bool) (*Socket, error) {
	return nil, errors.ErrUnsupported
}

// Close does nothing.
func (*Socket) Close() error { return nil }

// Run does nothing.
func (*Socket) Run(Task) (stop func()) { return func() {} }

func (*Socket) together(f func()) { f() }

func (*Socket) send([]byte, netip.AddrPort) (int, error) { return 0, errors.ErrUnsupported }
