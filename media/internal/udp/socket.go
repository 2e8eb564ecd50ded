package udp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// refusalLimit is for how many destinations in a row, with no run accepted in
// between, the kernel may refuse GSO before a socket stops making runs. One is not enough:
// a single path with a small MTU would slow everybody.
const refusalLimit = 8

// socket is one UDP socket of the mux.
type socket struct {
	conn *net.UDPConn
	raw  syscall.RawConn
	log  *slog.Logger
	v6   bool // it takes IPv6 socket addresses
	fast bool // sendmmsg and recvmmsg can be used
	gro  bool

	gso      atomic.Bool
	refusals atomic.Int32 // destinations refused since the last accepted run
	off      sync.Once
}

// arrival is what one read of a socket returned: datagrams of segment bytes
// each, the last of which may be shorter.
type arrival struct {
	b       []byte
	segment int
	from    netip.AddrPort // unmapped
}

// receiver reads a socket in batches.
type receiver interface {
	// receive waits for messages and returns how many came.
	receive() (int, error)
	// more waits until then for what belongs behind what the last receive
	// returned, which stays valid: 0 when nothing came, or there is no room.
	more(until time.Time) (int, error)
	// arrival returns the i-th since the last receive. It is valid until the
	// next.
	arrival(i int) arrival
}

// openSockets binds cfg.Readers sockets to the same address.
func openSockets(cfg Config, bind netip.Addr) ([]*socket, error) {
	readers := max(cfg.Readers, 1)
	if readers > 1 && !canSharePort {
		readers = 1
	}
	addr := &net.UDPAddr{IP: bind.AsSlice(), Zone: bind.Zone(), Port: cfg.Port}
	// Alone and without SO_REUSEPORT first: with it, another program of the
	// same user would get half of our packets unnoticed.
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, err
	}
	conns := []*net.UDPConn{conn}
	if readers > 1 {
		addr.Port = conn.LocalAddr().(*net.UDPAddr).Port
		_ = conn.Close()
		conns = nil
		for range readers {
			shared, err := listenShared(addr)
			if err != nil {
				closeAll(conns)
				return nil, err
			}
			conns = append(conns, shared)
		}
	}
	var sockets []*socket
	for _, c := range conns {
		s, err := newSocket(c, cfg)
		if err != nil {
			closeAll(conns)
			return nil, err
		}
		sockets = append(sockets, s)
	}
	return sockets, nil
}

func listenShared(addr *net.UDPAddr) (*net.UDPConn, error) {
	lc := net.ListenConfig{Control: sharePort}
	pc, err := lc.ListenPacket(context.Background(), "udp", addr.String())
	if err != nil {
		return nil, err
	}
	return pc.(*net.UDPConn), nil
}

func closeAll(conns []*net.UDPConn) {
	for _, c := range conns {
		_ = c.Close()
	}
}

func newSocket(conn *net.UDPConn, cfg Config) (*socket, error) {
	s := &socket{conn: conn, log: cfg.Logger, v6: conn.LocalAddr().(*net.UDPAddr).IP.To4() == nil}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.raw, err = conn.SyscallConn(); err != nil {
		return nil, fmt.Errorf("the socket: %w", err)
	}
	if err := tuneSocket(conn, cfg.Logger); err != nil {
		return nil, err
	}
	s.probe(cfg)
	return s, nil
}

// refused notes that the kernel didn't take a run of d, and turns GSO off
// when it takes none.
func (s *socket) refused(d *Destination, err error) {
	// Once for each destination: a batch may hold many runs of a bad path.
	if !d.plain.CompareAndSwap(false, true) || s.refusals.Add(1) < refusalLimit {
		return
	}
	s.off.Do(func() {
		s.gso.Store(false)
		s.log.Warn("media socket: the kernel refuses UDP_SEGMENT: sending each packet by itself", "err", err)
	})
}

// accepted notes that the kernel took a run.
func (s *socket) accepted() {
	if s.refusals.Load() != 0 {
		s.refusals.Store(0)
	}
}

// portableReceiver reads one datagram at a time: for systems without recvmmsg.
type portableReceiver struct {
	conn *net.UDPConn
	buf  [packetSize]byte
	last arrival
}

func (r *portableReceiver) receive() (int, error) {
	n, from, err := r.conn.ReadFromUDPAddrPort(r.buf[:])
	if err != nil {
		return 0, err
	}
	r.last = arrival{b: r.buf[:n:n], segment: n, from: unmap(from)}
	return 1, nil
}

// more has no room for two.
func (r *portableReceiver) more(time.Time) (int, error) { return 0, nil }

func (r *portableReceiver) arrival(int) arrival { return r.last }

// portableSender writes one datagram at a time.
type portableSender struct{ socket *socket }

func (s *portableSender) flush(b *Batch, t *tally) {
	for i := range b.runs {
		r := &b.runs[i]
		for j := r.first; j != none; j = b.segments[j].next {
			n, err := s.socket.conn.WriteToUDPAddrPort(b.payload(j), r.to.addr)
			t.sends++
			switch {
			case errors.Is(err, net.ErrClosed):
				b.mux.stats.drop(connClosed)
			case err != nil:
				b.mux.stats.drop(sendError)
			default:
				t.packets++
				t.bytes += uint64(n)
			}
		}
	}
}

func (s *socket) newSender() sender {
	if s.fast {
		return newFastSender(s)
	}
	return &portableSender{s}
}

func (s *socket) newReceiver() receiver {
	if s.fast {
		return newFastReceiver(s)
	}
	return &portableReceiver{conn: s.conn}
}
