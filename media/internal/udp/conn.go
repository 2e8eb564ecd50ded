package udp

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"
)

// Conn is one agent's view of the shared socket: what GetConn returns. It
// implements net.PacketConn and ice.AddrPortReaderWriter; the latter
// allocates nothing. Its methods may be called from any goroutine.
//
// An agent opens one Conn per listen address. Exactly one of them for each
// address family reads at a time, the oldest: an agent that sees the same
// remote address through changing local candidates selects pair after pair.
type Conn struct {
	mux   *Mux
	group *group
	local *net.UDPAddr
	v6    bool
	in    *queue
}

// ReadFromAddrPort waits for the next datagram and copies it to b; what b has
// no room for is lost. The source is never IPv4-mapped.
// Errors: net.ErrClosed, os.ErrDeadlineExceeded.
func (c *Conn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	p, err := c.in.pop()
	if err != nil {
		return 0, netip.AddrPort{}, err
	}
	n, from := copy(b, p.bytes()), p.from
	c.mux.release(p)
	return n, from, nil
}

// ReadFrom is ReadFromAddrPort for those who want a net.Addr (*net.UDPAddr).
func (c *Conn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromAddrPort(b)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteToAddrPort sends b to to. A STUN binding success response admits to:
// from now on all that comes from there belongs to this agent (SE-3). A
// datagram that can't be delivered is counted; only the operating system's
// refusal is an error. Errors: io.ErrClosedPipe after Close.
func (c *Conn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if c.in.isClosed() {
		return 0, io.ErrClosedPipe // pion/ice gives up on this error only
	}
	to = unmap(to)
	if typ, ok := stunType(b); ok && typ == stunBindingSuccess {
		c.mux.admit(c.group, to)
	}
	return c.mux.send(b, to)
}

// WriteTo is WriteToAddrPort for a *net.UDPAddr.
func (c *Conn) WriteTo(b []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, fmt.Errorf("udp: can't send to a %T", to)
	}
	return c.WriteToAddrPort(b, udp.AddrPort())
}

// Close ends this Conn: readers return net.ErrClosed. The agent's others and
// the socket stay.
func (c *Conn) Close() error {
	c.mux.forget(c)
	c.discard()
	return nil
}

// discard closes the queue and returns its packets to the pool.
func (c *Conn) discard() {
	for _, p := range c.in.close() {
		c.mux.release(p)
	}
}

// LocalAddr is the listen address that the Conn was opened for.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// SetDeadline sets the read deadline.
func (c *Conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline makes reads fail with os.ErrDeadlineExceeded from t on;
// zero means never.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.setDeadline(t)
	return nil
}

// SetWriteDeadline does nothing: the socket is shared.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }
