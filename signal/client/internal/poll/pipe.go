package poll

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/pion/transport/v4/deadline"
)

// queueLength is how many datagrams wait for the ICE agent. What comes while it
// is full is dropped, as a socket does.
const queueLength = 256

// datagram is one that the agent is to have.
type datagram struct {
	data []byte
	from netip.AddrPort
}

// pipe is the net.PacketConn that an ICE agent reads and writes. It implements
// ice.AddrPortReaderWriter too.
type pipe struct {
	socket *Socket
	queue  chan datagram
	limit  *deadline.Deadline
	closed chan struct{}
	once   sync.Once
}

func newPipe(s *Socket) *pipe {
	return &pipe{socket: s, queue: make(chan datagram, queueLength), limit: deadline.New(), closed: make(chan struct{})}
}

// put queues a copy of b, or drops it.
func (p *pipe) put(b []byte, from netip.AddrPort) {
	select {
	case p.queue <- datagram{append([]byte(nil), b...), from}:
	default:
	}
}

// ReadFromAddrPort waits for a datagram.
func (p *pipe) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case d := <-p.queue:
		return copy(b, d.data), d.from, nil
	case <-p.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	case <-p.limit.Done():
		return 0, netip.AddrPort{}, os.ErrDeadlineExceeded
	}
}

// WriteToAddrPort sends a datagram.
func (p *pipe) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	select {
	case <-p.closed:
		return 0, net.ErrClosed
	default:
		return p.socket.send(b, to)
	}
}

// ReadFrom implements net.PacketConn.
func (p *pipe) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := p.ReadFromAddrPort(b)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo implements net.PacketConn.
func (p *pipe) WriteTo(b []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, net.InvalidAddrError("not a UDP address")
	}
	return p.WriteToAddrPort(b, udp.AddrPort())
}

// LocalAddr implements net.PacketConn.
func (p *pipe) LocalAddr() net.Addr { return p.socket.address }

// Close implements net.PacketConn. The socket stays: an ICE restart opens
// another pipe to it.
func (p *pipe) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// SetDeadline implements net.PacketConn; writes never wait.
func (p *pipe) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// SetReadDeadline implements net.PacketConn.
func (p *pipe) SetReadDeadline(t time.Time) error {
	p.limit.Set(t)
	return nil
}

// SetWriteDeadline implements net.PacketConn; writes never wait.
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }

// GetConn implements ice.UDPMux. The newest one gets what comes.
func (s *Socket) GetConn(string, net.Addr) (net.PacketConn, error) {
	p := newPipe(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd < 0 {
		return nil, net.ErrClosed
	}
	s.pipe = p
	return p, nil
}

// RemoveConnByUfrag implements ice.UDPMux: agents close their conns themselves.
func (s *Socket) RemoveConnByUfrag(string) {}

// GetListenAddresses implements ice.UDPMux.
func (s *Socket) GetListenAddresses() []net.Addr { return []net.Addr{s.address} }
