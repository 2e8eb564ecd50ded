package turn

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

const (
	// maxFrame bounds a message over TCP: pion reads up to 1600 bytes.
	maxFrame = 1596
	// strangerIdle is how long a connection without an allocation may be
	// silent; clientIdle with one: clients refresh permissions every 5 minutes
	// (RFC 8656 §9).
	strangerIdle = 20 * time.Second
	clientIdle   = 15 * time.Minute
	// writePatience is how long a client may take to read what waits for it.
	writePatience = 5 * time.Second
	// readPause is how long a reader rests after an error that may pass.
	readPause = 10 * time.Millisecond
)

var errFrame = errors.New("turn: neither STUN nor ChannelData")

// listener is the TCP transport: it bounds connections and frames messages.
type listener struct {
	net.Listener
	server *Server

	mu      sync.Mutex
	closed  bool
	conns   map[*stream]struct{}
	sources map[netip.Prefix]int
}

func newListener(l net.Listener, s *Server) *listener {
	return &listener{Listener: l, server: s, conns: map[*stream]struct{}{}, sources: map[netip.Prefix]int{}}
}

// Accept returns the next connection that there is room for.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			if l.server.closing() || errors.Is(err, net.ErrClosed) {
				return nil, err
			}
			// Out of file descriptors, say: pion would stop serving.
			select {
			case <-l.server.done:
			case <-time.After(readPause):
			}
			continue
		}
		if s := l.admit(c); s != nil {
			return s, nil
		}
		l.server.stats.refuse(refusedTCPConnection)
		_ = c.Close()
	}
}

func (l *listener) admit(c net.Conn) *stream {
	source := sourceOf(c.RemoteAddr())
	l.mu.Lock()
	defer l.mu.Unlock()
	cfg := l.server.cfg.Load()
	if l.closed || len(l.conns) >= cfg.MaxTCPConnections || l.sources[source] >= cfg.MaxTCPConnectionsPerSource {
		return nil
	}
	s := &stream{
		Conn:     c,
		listener: l,
		source:   source,
		guard:    guard{server: l.server},
		in:       bufio.NewReaderSize(c, 2*maxFrame),
	}
	l.conns[s] = struct{}{}
	l.sources[source]++
	return s
}

func (l *listener) forget(s *stream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.conns[s]; !ok {
		return
	}
	delete(l.conns, s)
	if l.sources[s.source]--; l.sources[s.source] == 0 {
		delete(l.sources, s.source)
	}
}

func (l *listener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

// Close ends the connections too, which pion leaves open.
func (l *listener) Close() error {
	err := l.Listener.Close()
	l.mu.Lock()
	l.closed = true
	conns := make([]*stream, 0, len(l.conns))
	for s := range l.conns {
		conns = append(conns, s)
	}
	l.mu.Unlock()
	for _, s := range conns {
		_ = s.Close()
	}
	return err
}

// stream is one TCP connection. Each Read returns exactly one message: pion's
// own framing loops for ever on a message whose length wraps 16 bits.
type stream struct {
	net.Conn
	listener *listener
	source   netip.Prefix
	guard    guard
	in       *bufio.Reader
	writing  sync.Mutex
}

// Read returns the next message that may reach pion. b has room for one.
func (s *stream) Read(b []byte) (int, error) {
	for {
		idle := strangerIdle
		if s.listener.server.allocations.owner(s.RemoteAddr()) != "" {
			idle = clientIdle
		}
		if err := s.Conn.SetReadDeadline(time.Now().Add(idle)); err != nil {
			return 0, err
		}
		n, err := readFrame(s.in, b)
		if err != nil {
			if errors.Is(err, errFrame) {
				s.listener.server.stats.refuse(refusedBadMessage)
			}
			return 0, err
		}
		v := s.guard.inbound(b[:n], s.RemoteAddr())
		if v.pass {
			return n, nil
		}
		if v.reply != nil {
			if _, err := s.send(v.reply); err != nil {
				return 0, err
			}
		}
	}
}

// readFrame reads one message to b: STUN says its length without its header
// (RFC 8489 §5), ChannelData is padded to 4 bytes over TCP (RFC 8656 §12.5).
// Errors: errFrame when the stream can't be followed any further.
func readFrame(r *bufio.Reader, b []byte) (int, error) {
	head, err := r.Peek(4)
	if err != nil {
		return 0, err
	}
	size := int(binary.BigEndian.Uint16(head[2:]))
	switch {
	case head[0] <= stunLast && size%4 == 0:
		size += stunHeader
	case head[0] >= channelFirst && head[0] <= channelLast:
		size = 4 + (size+3)&^3
	default:
		return 0, errFrame
	}
	if size > min(maxFrame, len(b)) {
		return 0, fmt.Errorf("%w: a message of %d bytes", errFrame, size)
	}
	return io.ReadFull(r, b[:size])
}

// Write sends one message of pion's that may leave; what may not counts as
// sent.
func (s *stream) Write(b []byte) (int, error) {
	if !s.guard.outbound(b) {
		return len(b), nil
	}
	return s.send(b)
}

// send disconnects a client that doesn't read.
func (s *stream) send(b []byte) (int, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.Conn.SetWriteDeadline(time.Now().Add(writePatience)); err != nil {
		return 0, err
	}
	n, err := s.Conn.Write(b)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			s.listener.server.stats.refuse(refusedTCPSlow)
		}
		// A message that was cut leaves the stream unreadable.
		_ = s.Close()
	}
	return n, err
}

// Close ends the connection; pion then deletes its allocation.
func (s *stream) Close() error {
	s.listener.forget(s)
	return s.Conn.Close()
}
