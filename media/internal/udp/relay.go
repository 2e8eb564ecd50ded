package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// relayPrefix holds the virtual addresses of relays: TEST-NET-2 (RFC 5737),
// which nobody's network uses, so no real peer can be taken for a relay.
var relayPrefix = netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 100, 0}), 24)

const (
	relayFirstPort = 1024
	relayPorts     = 1<<16 - relayFirstPort
	relayHosts     = 254
	relayAddresses = relayHosts * relayPorts
	// relayChecks bounds the connectivity checks in flight that a relay
	// remembers; a client has one per candidate of ours, resent a few times.
	relayChecks = 32
)

// ErrRelayAddresses is returned by OpenRelay when every virtual address is in
// use.
var ErrRelayAddresses = errors.New("udp: no virtual relay address is free")

// Relay is a pipe in memory into the mux: the relayed transport address of a
// TURN allocation. It reaches the media socket and nothing else, by
// construction: it holds no socket (SE-1).
type Relay struct {
	mux   *Mux
	addr  netip.AddrPort
	local *net.UDPAddr
	out   *queue // to the TURN server
	// injector handles what comes in; route is one closure for life.
	injector *injector
	route    func(b []byte, from netip.AddrPort, out *Batch) reason

	mu sync.Mutex
	// checks are the destinations of the last connectivity checks, so that
	// each answer comes from where its check went.
	checks    [relayChecks]relayCheck
	nextCheck int
	last      *net.UDPAddr // of the last datagram
	data      *net.UDPAddr // of the last one that wasn't STUN
}

type relayCheck struct {
	transaction [12]byte
	to          *net.UDPAddr
}

// OpenRelay returns a *Relay with a virtual address of its own in
// 198.51.100.0/24; an address is used again as late as possible.
// Errors: net.ErrClosed, ErrRelayAddresses.
func (m *Mux) OpenRelay() (net.PacketConn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, net.ErrClosed
	}
	if len(m.relays) >= relayAddresses {
		return nil, ErrRelayAddresses
	}
	for {
		addr := relayAddress(m.nextRelay)
		m.nextRelay = (m.nextRelay + 1) % relayAddresses
		if m.relays[addr] == nil {
			r := &Relay{mux: m, addr: addr, local: net.UDPAddrFromAddrPort(addr), out: newQueue(), injector: m.nextInjector(), route: m.route}
			m.relays[addr] = r
			return r, nil
		}
	}
}

// IsRelay says whether an address is the virtual one of a relay.
func IsRelay(addr netip.Addr) bool { return relayPrefix.Contains(addr.Unmap()) }

// relayAddress returns the i-th virtual address. Even and odd ports take turns,
// for clients that want an even one.
func relayAddress(i int) netip.AddrPort {
	host := relayPrefix.Addr().As4()
	host[3] = byte(1 + i/relayPorts)
	return netip.AddrPortFrom(netip.AddrFrom4(host), uint16(relayFirstPort+i%relayPorts))
}

// WriteTo hands b to the mux as if it had come from the relay's virtual
// address, when to is an address of the media socket, port included. For any
// other address nothing leaves this process; that is counted as
// relay_destination and reported as success, so that a TURN client can't tell
// by the answer what exists inside. Errors: net.ErrClosed.
func (r *Relay) WriteTo(b []byte, to net.Addr) (int, error) {
	if r.out.isClosed() {
		return 0, net.ErrClosed
	}
	dst := r.mux.mediaAddress(to)
	if dst == nil {
		r.mux.stats.drop(relayDestination)
		return len(b), nil
	}
	if len(b) >= packetSize {
		r.mux.stats.drop(oversize)
		return len(b), nil
	}
	r.remember(b, dst)
	// A copy: a writer must not change what it is given, a handler may.
	p := r.mux.acquire()
	p.n = copy(p.buf[:], b)
	if why := r.injector.inject(p.bytes(), r.addr, r.route); why != passed {
		r.mux.stats.drop(why)
	}
	r.mux.release(p)
	return len(b), nil
}

func (r *Relay) remember(b []byte, to *net.UDPAddr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = to
	if !looksLikeSTUN(b) {
		r.data = to
		return
	}
	if typ, ok := stunType(b); ok && typ == stunBindingRequest {
		r.checks[r.nextCheck] = relayCheck{stunTransaction(b), to}
		r.nextCheck = (r.nextCheck + 1) % relayChecks
	}
}

// source returns the media address that b, going to the client, comes from:
// for an answer where its check went, else where the client last sent media,
// else where it last sent anything. Nil when the client sent nothing yet.
func (r *Relay) source(b []byte) *net.UDPAddr {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := stunType(b); ok {
		id := stunTransaction(b)
		for i := range r.checks {
			if r.checks[i].to != nil && r.checks[i].transaction == id {
				return r.checks[i].to
			}
		}
	}
	if r.data != nil {
		return r.data
	}
	return r.last
}

// deliver queues b, which an agent sent, for the TURN server.
func (r *Relay) deliver(b []byte) reason {
	if len(b) >= packetSize {
		return oversize
	}
	source := r.source(b)
	if source == nil {
		return relayGone
	}
	p := r.mux.acquire()
	p.n, p.source = copy(p.buf[:], b), source
	why := r.out.push(p)
	switch why {
	case passed:
		return passed
	case queueFull:
		why = relayQueueFull
	case connClosed:
		why = relayGone
	}
	r.mux.release(p)
	return why
}

// discardMedia drops what waits for the TURN server, but STUN and DTLS.
func (r *Relay) discardMedia() int {
	dropped := r.out.discard(func(p *packet) bool { return isMedia(p.bytes()) })
	for _, p := range dropped {
		r.mux.release(p)
	}
	return len(dropped)
}

// ReadFrom waits for what the mux sends to the relay's virtual address. The
// source, a *net.UDPAddr that must not be changed, is the media address which
// the client had sent to. Errors: net.ErrClosed, os.ErrDeadlineExceeded.
func (r *Relay) ReadFrom(b []byte) (int, net.Addr, error) {
	p, err := r.out.pop()
	if err != nil {
		return 0, nil, err
	}
	n, from := copy(b, p.bytes()), p.source
	r.mux.release(p)
	return n, from, nil
}

// Close frees the virtual address; readers return net.ErrClosed, and agents
// no longer take anything from it.
func (r *Relay) Close() error {
	r.mux.mu.Lock()
	if r.mux.relays[r.addr] == r {
		delete(r.mux.relays, r.addr)
		r.mux.dismissLocked(r.addr)
	}
	r.mux.mu.Unlock()
	r.discard()
	return nil
}

func (r *Relay) discard() {
	for _, p := range r.out.close() {
		r.mux.release(p)
	}
}

// LocalAddr is the virtual address (*net.UDPAddr).
func (r *Relay) LocalAddr() net.Addr { return r.local }

// SetDeadline sets the read deadline; writes never wait.
func (r *Relay) SetDeadline(t time.Time) error { return r.SetReadDeadline(t) }

// SetReadDeadline makes reads fail with os.ErrDeadlineExceeded from t on;
// zero means never.
func (r *Relay) SetReadDeadline(t time.Time) error {
	r.out.setDeadline(t)
	return nil
}

// SetWriteDeadline does nothing: writes never wait.
func (r *Relay) SetWriteDeadline(time.Time) error { return nil }

// String names the relay in messages without an address of anybody's.
func (r *Relay) String() string { return fmt.Sprintf("relay %s", r.addr) }
