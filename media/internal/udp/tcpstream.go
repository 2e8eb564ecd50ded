package udp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
)

const (
	// tcpQueue and tcpQueueBytes bound what waits for a TCP remote: two key
	// frames of a stage.
	tcpQueue      = 256
	tcpQueueBytes = 96 << 10
	// tcpSendBuffer bounds what the kernel holds for a remote, which can't be
	// recalled any more: 6 Mbit/s over 150 ms. Left to itself it grows to 4 MB.
	tcpSendBuffer = 128 << 10
	// tcpNotSent bounds what of it the kernel has not sent yet: it goes stale.
	tcpNotSent = 16 << 10
	// tcpPrefix is the length before each packet (RFC 4571 section 2).
	tcpPrefix = 2
)

var errNotTCP = errors.New("udp: not a TCP connection")

// TCPListener returns l for an ice.TCPMux without a write buffer, whose conns
// never block: each has a queue of its own in front of a small buffer of the
// kernel. What [TCPView.Destination] sends goes straight into that queue, and
// can be recalled from it. Close ends the accepted connections, too: an
// ice.TCPMux that closes waits for those that have not said yet whom they are
// for.
func (m *Mux) TCPListener(l net.Listener) net.Listener { return &tcpListener{Listener: l, mux: m} }

type tcpListener struct {
	net.Listener
	mux    *Mux
	closed atomic.Bool
}

// Accept returns the next connection, with its queue.
func (l *tcpListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		s, err := l.mux.newStream(c)
		switch {
		case err != nil:
			_ = c.Close() // it was reset meanwhile: the next
		case l.closed.Load():
			_ = s.Close() // Close may have missed it
		default:
			return s, nil
		}
	}
}

// Close ends the listener and the accepted connections.
func (l *tcpListener) Close() error {
	l.closed.Store(true)
	err := l.Listener.Close()
	l.mux.mu.RLock()
	streams := slices.Collect(maps.Values(l.mux.streams))
	l.mux.mu.RUnlock()
	for _, s := range streams {
		_ = s.Close() // the remote may have been faster
	}
	return err
}

// tcpStream is a TCP connection that is written to by a goroutine while there
// is something to write.
type tcpStream struct {
	net.Conn
	mux    *Mux
	raw    syscall.RawConn
	remote netip.AddrPort

	mu      sync.Mutex
	waiting []*packet // with their length in front
	bytes   int
	written int // of the first packet
	running bool
	closed  bool
	// cut is the frame, by timestamp, that each SSRC drops the rest of.
	cut map[uint32]uint32
}

func (m *Mux) newStream(c net.Conn) (*tcpStream, error) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil, fmt.Errorf("%w: a %T", errNotTCP, c)
	}
	remote, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return nil, fmt.Errorf("%w: from a %T", errNotTCP, c.RemoteAddr())
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	_ = tcp.SetWriteBuffer(tcpSendBuffer) // else more goes stale, no more than that
	limitUnsent(raw)
	s := &tcpStream{Conn: c, mux: m, raw: raw, remote: unmap(remote.AddrPort())}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.streams[s.remote] = s
	return s, nil
}

// stream is the connection to a remote; nil when there is none.
func (m *Mux) stream(remote netip.AddrPort) *tcpStream {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.streams[remote]
}

// Write queues a packet that pion has framed. Like a datagram it may be lost:
// that is counted, and no error.
func (s *tcpStream) Write(b []byte) (int, error) {
	why := oversize
	if len(b) >= tcpPrefix && len(b) <= packetSize {
		why = s.push(b[tcpPrefix:], isMedia(b[tcpPrefix:]))
	}
	switch why {
	case passed:
	case tcpGone:
		return 0, net.ErrClosed
	default:
		s.mux.stats.drop(why)
	}
	return len(b), nil
}

// push queues a datagram. It never waits.
func (s *tcpStream) push(b []byte, media bool) reason {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(b) > packetSize-tcpPrefix:
		return oversize
	case s.closed:
		return tcpGone
	case media && s.cutLocked(b):
		return tcpQueueFull
	}
	p := s.mux.acquire()
	binary.BigEndian.PutUint16(p.buf[:], uint16(len(b)))
	p.n = tcpPrefix + copy(p.buf[tcpPrefix:], b)
	p.media = media
	s.waiting = append(s.waiting, p)
	s.bytes += p.n
	if !s.running {
		s.running = true
		go s.drain()
	}
	return passed
}

// cutLocked says that a packet of media has no room, or is of a frame that one
// before had none of: the rest of it is of no use.
func (s *tcpStream) cutLocked(b []byte) bool {
	full := len(s.waiting) >= tcpQueue || s.bytes+len(b)+tcpPrefix > tcpQueueBytes
	if len(b) < 12 || b[1] >= 192 && b[1] <= 223 { // RTCP (RFC 5761 section 4)
		return full
	}
	timestamp, ssrc := binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	if !full {
		if cut, ok := s.cut[ssrc]; ok && cut == timestamp {
			return true
		}
		delete(s.cut, ssrc)
		return false
	}
	if s.cut == nil {
		s.cut = map[uint32]uint32{}
	}
	s.cut[ssrc] = timestamp
	return true
}

// discardMedia drops the media that waits. Of a packet that the kernel has
// taken in part the rest must follow: it is made zeros, which nobody takes for
// media because they aren't authentic.
func (s *tcpStream) discardMedia() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, inHand := 0, s.written > 0
	s.waiting = slices.DeleteFunc(s.waiting, func(p *packet) bool {
		first := inHand
		inHand = false
		if !p.media {
			return false
		}
		n++
		if first {
			clear(p.buf[max(s.written, tcpPrefix):p.n])
			return false
		}
		s.bytes -= p.n
		s.mux.release(p)
		return true
	})
	return n
}

// drain writes what waits, and ends when there is no more.
func (s *tcpStream) drain() {
	if err := s.pump(); err != nil {
		s.fail()
	}
}

// advanceLocked notes that n bytes of the first packet were written.
func (s *tcpStream) advanceLocked(n int) {
	p := s.waiting[0]
	if s.written += n; s.written < p.n {
		return
	}
	s.waiting = slices.Delete(s.waiting, 0, 1)
	s.bytes -= p.n
	s.written = 0
	if p.media {
		s.mux.stats.tcpPackets.Add(1)
	}
	s.mux.release(p)
}

// fail drops what waits; nothing is taken any more.
func (s *tcpStream) fail() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.running = true, false
	for _, p := range s.waiting {
		if p.media {
			s.mux.stats.drop(tcpGone)
		}
		s.mux.release(p)
	}
	s.waiting, s.bytes, s.written = nil, 0, 0
}

// Close ends the connection.
func (s *tcpStream) Close() error {
	err := s.Conn.Close()
	s.fail()
	s.mux.mu.Lock()
	defer s.mux.mu.Unlock()
	if s.mux.streams[s.remote] == s {
		delete(s.mux.streams, s.remote)
	}
	return err
}
