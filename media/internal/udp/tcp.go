package udp

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/pion/ice/v4"
)

// TCPView is the ice.TCPMux of one PeerConnection over a shared one: media
// from remotes that its agent has validated goes to its handler, on the
// goroutine of pion's reader; STUN and DTLS go to the agent.
type TCPView struct {
	mux      *Mux
	tcp      ice.TCPMux
	handler  Handler
	injector *injector

	mu sync.RWMutex
	// remotes are the validated ones (SE-3) and the conns that reach them.
	remotes map[netip.AddrPort]*tcpConn
	oldest  []netip.AddrPort          // of remotes, in order
	handed  map[netip.AddrPort][]byte // by Pass, until HandleMedia returns
}

var _ ice.TCPMux = (*TCPView)(nil)

// TCPView returns a view of tcp, a mux on a [Mux.TCPListener], whose media h
// gets.
func (m *Mux) TCPView(tcp ice.TCPMux, h Handler) *TCPView {
	return &TCPView{mux: m, tcp: tcp, handler: h, injector: m.nextInjector(),
		remotes: map[netip.AddrPort]*tcpConn{}, handed: map[netip.AddrPort][]byte{}}
}

// GetConnByUfrag is the shared mux's, for this view's agent.
func (v *TCPView) GetConnByUfrag(ufrag string, isIPv6 bool, local net.IP) (net.PacketConn, error) {
	pc, err := v.tcp.GetConnByUfrag(ufrag, isIPv6, local)
	if err != nil {
		return nil, err
	}
	return &tcpConn{PacketConn: pc, view: v}, nil
}

// RemoveConnByUfrag is the shared mux's.
func (v *TCPView) RemoveConnByUfrag(ufrag string) { v.tcp.RemoveConnByUfrag(ufrag) }

// Close does nothing: the shared mux outlives the view, and the agent closes
// the conns.
func (v *TCPView) Close() error { return nil }

// LocalAddr is the shared mux's, by which pion finds the addresses to gather;
// nil when it has none.
func (v *TCPView) LocalAddr() net.Addr {
	if l, ok := v.tcp.(interface{ LocalAddr() net.Addr }); ok {
		return l.LocalAddr()
	}
	return nil
}

// Destination returns the TCP remote as a destination. A datagram is framed
// and queued at its Commit; one that finds the queue full, because the remote
// doesn't take its data, is dropped and counted, with the rest of its frame.
func (v *TCPView) Destination(to netip.AddrPort) *Destination {
	to = unmap(to)
	return &Destination{addr: to, hash: rand.Uint32(), direct: &tcpOutlet{view: v, to: to}}
}

// Pass gives the datagram that the handler got from that remote to the agent
// after all. It is for HandleMedia only, once in each call.
func (v *TCPView) Pass(b []byte, from netip.AddrPort) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.remotes[from] != nil {
		v.handed[from] = slices.Clone(b)
	}
}

// takeHanded copies to b what the handler passed, and returns its size.
func (v *TCPView) takeHanded(b []byte, from netip.AddrPort) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := copy(b, v.handed[from])
	delete(v.handed, from)
	return n
}

// admit notes that the agent has validated a remote.
func (v *TCPView) admit(c *tcpConn, remote netip.AddrPort) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.remotes[remote] == nil {
		if len(v.oldest) == maxSources {
			delete(v.remotes, v.oldest[0])
			v.oldest = slices.Delete(v.oldest, 0, 1)
		}
		v.oldest = append(v.oldest, remote)
	}
	v.remotes[remote] = c
}

// conn returns the conn that reaches a validated remote.
func (v *TCPView) conn(remote netip.AddrPort) *tcpConn {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.remotes[remote]
}

func (v *TCPView) forget(c *tcpConn) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.oldest = slices.DeleteFunc(v.oldest, func(a netip.AddrPort) bool {
		if v.remotes[a] != c {
			return false
		}
		delete(v.remotes, a)
		return true
	})
}

// handle is the injector's route.
func (v *TCPView) handle(b []byte, from netip.AddrPort, out *Batch) reason {
	v.handler.HandleMedia(b, from, out)
	return passed
}

// tcpConn is what the agent reads and writes: one local address, several
// remotes.
type tcpConn struct {
	net.PacketConn
	view *TCPView
}

// ReadFrom returns what isn't media, from validated remotes, and checks.
func (c *tcpConn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, addr, err := c.PacketConn.ReadFrom(b)
		if err != nil || looksLikeSTUN(b[:n]) {
			return n, addr, err
		}
		tcp, ok := addr.(*net.TCPAddr)
		if !ok {
			return n, addr, nil
		}
		from := unmap(tcp.AddrPort())
		switch {
		case c.view.conn(from) == nil: // several conns may share a remote
			c.view.mux.stats.drop(unknownSource)
		case isMedia(b[:n]):
			_ = c.view.injector.inject(b[:n:n], from, c.view.handle)
			if n := c.view.takeHanded(b, from); n > 0 {
				return n, addr, nil
			}
		default:
			return n, addr, nil
		}
	}
}

// WriteTo admits the remote when b is the answer to its check (SE-3).
func (c *tcpConn) WriteTo(b []byte, to net.Addr) (int, error) {
	if typ, ok := stunType(b); ok && typ == stunBindingSuccess {
		if tcp, ok := to.(*net.TCPAddr); ok {
			c.view.admit(c, unmap(tcp.AddrPort()))
		}
	}
	return c.PacketConn.WriteTo(b, to)
}

// Close forgets the remotes that this conn reached.
func (c *tcpConn) Close() error {
	c.view.forget(c)
	return c.PacketConn.Close()
}

// tcpOutlet is a TCP remote as a destination.
type tcpOutlet struct {
	view *TCPView
	to   netip.AddrPort
}

func (o *tcpOutlet) deliver(b []byte) reason {
	if o.view.mux.isClosed.Load() {
		return connClosed
	}
	s := o.view.mux.stream(o.to)
	if s == nil || o.view.conn(o.to) == nil { // only what the agent validated (SE-3)
		return tcpGone
	}
	return s.push(b, true)
}

// discardMedia drops what waits, and what is in hand.
func (o *tcpOutlet) discardMedia() int {
	if s := o.view.mux.stream(o.to); s != nil {
		return s.discardMedia()
	}
	return 0
}
