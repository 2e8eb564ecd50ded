package udp

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

const (
	// packetSize is the room for one datagram: Ethernet's 1500 bytes with
	// some to spare, so that a longer one is noticed instead of cut.
	packetSize = 2048
	// queueLimit bounds what waits for one reader: a key frame of the three
	// simulcast layers at once is about 150 packets.
	queueLimit = 512
	// queueStart is the ring's first size: most conns stay nearly empty.
	queueStart = 8
)

// packet is a pooled datagram.
type packet struct {
	buf  [packetSize]byte
	n    int
	from netip.AddrPort // IPv4-mapped addresses are unmapped
	// source is from as the TURN server wants it; set in a relay's queue only.
	source *net.UDPAddr
	media  bool // and may be recalled; set in a TCP stream's queue only
}

func (p *packet) bytes() []byte { return p.buf[:p.n] }

// queue is a bounded FIFO of packets with a read deadline.
type queue struct {
	wake chan struct{} // one token: something that a waiting reader must look at

	mu       sync.Mutex
	ring     []*packet
	head     int
	count    int
	closed   bool
	deadline time.Time
	timer    *time.Timer
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// push takes p over, unless it returns something else than passed.
func (q *queue) push(p *packet) reason {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return connClosed
	case q.count == queueLimit:
		return queueFull
	case q.count == len(q.ring):
		q.growLocked()
	}
	q.ring[(q.head+q.count)%len(q.ring)] = p
	q.count++
	q.signal()
	return passed
}

func (q *queue) growLocked() {
	bigger := make([]*packet, min(max(queueStart, 2*len(q.ring)), queueLimit))
	for i := range q.count {
		bigger[i] = q.ring[(q.head+i)%len(q.ring)]
	}
	q.ring, q.head = bigger, 0
}

// pop waits for a packet. Errors: net.ErrClosed, os.ErrDeadlineExceeded.
func (q *queue) pop() (*packet, error) {
	for {
		if p, err := q.poll(); p != nil || err != nil {
			return p, err
		}
		<-q.wake
	}
}

// poll returns nil, nil when there is nothing to return yet. Whoever leaves
// with something passes the token on, for there may be several readers.
func (q *queue) poll() (*packet, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		q.signal()
		return nil, net.ErrClosed
	}
	if !q.deadline.IsZero() && !time.Now().Before(q.deadline) {
		q.signal()
		return nil, os.ErrDeadlineExceeded
	}
	if q.count == 0 {
		return nil, nil
	}
	p := q.ring[q.head]
	q.ring[q.head] = nil
	q.head = (q.head + 1) % len(q.ring)
	if q.count--; q.count > 0 {
		q.signal()
	}
	return p, nil
}

// discard takes out and returns what which is true for.
func (q *queue) discard(which func(*packet) bool) []*packet {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []*packet
	kept := 0
	for i := range q.count {
		p := q.ring[(q.head+i)%len(q.ring)]
		if which(p) {
			out = append(out, p)
			continue
		}
		q.ring[(q.head+kept)%len(q.ring)] = p
		kept++
	}
	for i := kept; i < q.count; i++ {
		q.ring[(q.head+i)%len(q.ring)] = nil
	}
	q.count = kept
	return out
}

// setDeadline wakes the readers at t; zero means never.
func (q *queue) setDeadline(t time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	q.deadline = t
	if q.timer != nil {
		q.timer.Stop()
		q.timer = nil
	}
	if !t.IsZero() {
		q.timer = time.AfterFunc(time.Until(t), q.signal)
	}
	q.signal()
}

// close wakes the readers and returns what was left.
func (q *queue) close() []*packet {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil
	}
	q.closed = true
	if q.timer != nil {
		q.timer.Stop()
	}
	var left []*packet
	for i := range q.count {
		left = append(left, q.ring[(q.head+i)%len(q.ring)])
	}
	q.ring, q.count = nil, 0
	q.signal()
	return left
}

func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}
