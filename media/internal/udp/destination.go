package udp

import (
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
)

// Destination is where a [Batch] sends to, prepared once. It holds no state of
// any batch: several may write to it at the same time.
type Destination struct {
	addr netip.AddrPort
	hash uint32
	// raw is the socket address as the kernel wants it, of this length; 0
	// when the socket can't reach addr.
	raw    [rawAddress]byte
	length uint32
	// plain: the kernel refused a GSO run to here. The reason may be the path
	// (its MTU, a tunnel), so it is no reason to give up GSO for everybody.
	plain  atomic.Bool
	direct outlet // a relay or TCP remote; else nil
}

// outlet takes datagrams that don't go through the socket. Neither call waits.
type outlet interface {
	deliver(b []byte) reason
	discardMedia() int
}

// Destination prepares to as a destination: an address of the network, or the
// virtual one of a relay that is open now.
func (m *Mux) Destination(to netip.AddrPort) *Destination {
	d := &Destination{addr: unmap(to), hash: rand.Uint32()}
	if relayPrefix.Contains(d.addr.Addr()) {
		d.direct = closedOutlet{}
		m.mu.RLock()
		defer m.mu.RUnlock()
		if r := m.relays[d.addr]; r != nil {
			d.direct = r
		}
		return d
	}
	d.length = uint32(putRawAddress(&d.raw, d.addr, m.sockets[0].v6))
	return d
}

// Addr is the address that the Destination was made of.
func (d *Destination) Addr() netip.AddrPort { return d.addr }

// Discard drops the media that this process still holds for d outside
// batches, which is what waits for a relay's or a TCP remote's reader, and
// returns how many datagrams that were. STUN and DTLS stay.
func (d *Destination) Discard() int {
	if d.direct == nil {
		return 0
	}
	return d.direct.discardMedia()
}

// unsendable says why nothing can be sent to a network destination.
func (d *Destination) unsendable() reason {
	if d.length == 0 {
		return sendError
	}
	return connClosed
}

// closedOutlet stands for a relay that isn't open.
type closedOutlet struct{}

func (closedOutlet) deliver([]byte) reason { return relayGone }
func (closedOutlet) discardMedia() int     { return 0 }

// handOver gives b to a relay or TCP remote.
func (m *Mux) handOver(d *Destination, b []byte) {
	if why := d.direct.deliver(b); why != passed {
		m.stats.drop(why)
		return
	}
	m.stats.out(len(b))
}
