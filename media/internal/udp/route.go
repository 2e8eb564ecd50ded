package udp

import (
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
)

// group is one agent: its Conns and the sources that it validated.
type group struct {
	ufrag string
	view  *View // nil: its media is queued too
	// v4 and v6 read what comes from sources of that family.
	v4, v6 atomic.Pointer[Conn]

	// Guarded by Mux.mu.
	conns      []*Conn
	sources    [maxSources]netip.AddrPort
	nextSource int
}

// electLocked makes the oldest Conn of each family the reader; an agent with
// Conns of one family only reads everything there.
func (g *group) electLocked() {
	var v4, v6 *Conn
	for _, c := range slices.Backward(g.conns) {
		if c.v6 {
			v6 = c
		} else {
			v4 = c
		}
	}
	if v4 == nil {
		v4 = v6
	}
	if v6 == nil {
		v6 = v4
	}
	g.v4.Store(v4)
	g.v6.Store(v6)
}

func (g *group) readerFor(from netip.AddrPort) *Conn {
	if from.Addr().Is4() {
		return g.v4.Load()
	}
	return g.v6.Load()
}

// route hands a datagram to its agent, or to the agent's handler.
func (m *Mux) route(b []byte, from netip.AddrPort, out *Batch) reason {
	if isMedia(b) {
		return m.media(m.sourceOf(from), b, from, out)
	}
	g, why := m.lookup(b, from)
	if g == nil {
		return why
	}
	return m.enqueue(g, b, from)
}

// media hands a datagram to the handler of g, the agent of its source, or to
// the agent when it has none. g is nil for an unknown source.
func (m *Mux) media(g *group, b []byte, from netip.AddrPort, out *Batch) reason {
	switch {
	case g == nil:
		return unknownSource
	case g.view == nil || g.view.handler == nil:
		return m.enqueue(g, b, from)
	}
	g.view.handler.HandleMedia(b, from, out)
	return passed
}

// enqueue copies a datagram to the agent's queue.
func (m *Mux) enqueue(g *group, b []byte, from netip.AddrPort) reason {
	c := g.readerFor(from)
	if c == nil {
		return connClosed
	}
	p := m.acquire()
	p.n, p.from = copy(p.buf[:], b), from
	why := c.in.push(p)
	if why != passed {
		m.release(p)
	}
	return why
}

// lookup finds the agent of a datagram, and says why there is none. Connectivity checks go by their
// username even when their source is known: after an ICE restart the same
// source speaks to another fragment. All else goes by its source (SE-3).
func (m *Mux) lookup(b []byte, from netip.AddrPort) (*group, reason) {
	if looksLikeSTUN(b) {
		typ, ok := stunType(b)
		if !ok {
			return nil, badSTUN
		}
		if typ == stunBindingRequest {
			ufrag, ok := checkUfrag(b)
			if !ok {
				return nil, badSTUN
			}
			m.mu.RLock()
			g := m.byUfrag[string(ufrag)]
			m.mu.RUnlock()
			return g, unknownUfrag
		}
	}
	return m.sourceOf(from), unknownSource
}

// sourceOf returns the agent that has validated a source; nil: none has.
func (m *Mux) sourceOf(from netip.AddrPort) *group {
	m.mu.RLock()
	o := m.bySource[from]
	m.mu.RUnlock()
	if o == nil {
		return nil
	}
	return o.group
}

// owner is the agent that validated a source.
type owner struct {
	group *group
	// seen is when the agent last answered a check of that source, in
	// nanoseconds of Mux.clock.
	seen atomic.Int64
}

// admit notes that the agent has validated a source. A source whose owner
// answered a check of it lately stays with that owner: else a participant who
// forges another's source address could draw the other's packets to itself.
// The oldest source of an agent that has too many goes; its next check brings
// it back.
func (m *Mux) admit(g *group, source netip.AddrPort) {
	now := m.clock()
	m.mu.RLock()
	o := m.bySource[source]
	m.mu.RUnlock()
	if o != nil && o.group == g {
		o.seen.Store(now)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || len(g.conns) == 0 {
		return
	}
	if o = m.bySource[source]; o != nil && now-o.seen.Load() < int64(ownerQuiet) {
		m.stats.drop(sourceInUse)
		return
	}
	m.evictLocked(g, g.sources[g.nextSource])
	g.sources[g.nextSource] = source
	g.nextSource = (g.nextSource + 1) % maxSources
	o = &owner{group: g}
	o.seen.Store(now)
	m.bySource[source] = o
}

// evictLocked forgets source, if it is g's.
func (m *Mux) evictLocked(g *group, source netip.AddrPort) {
	if o := m.bySource[source]; o != nil && o.group == g {
		delete(m.bySource, source)
	}
}

// dismissLocked forgets that a source was validated.
func (m *Mux) dismissLocked(source netip.AddrPort) { delete(m.bySource, source) }

// forget takes c out of routing, and its agent when it was the last.
func (m *Mux) forget(c *Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	g := c.group
	i := slices.Index(g.conns, c)
	if i < 0 {
		return
	}
	g.conns = slices.Delete(g.conns, i, i+1)
	g.electLocked()
	if len(g.conns) > 0 {
		return
	}
	if m.byUfrag[g.ufrag] == g {
		delete(m.byUfrag, g.ufrag)
	}
	for _, source := range g.sources {
		m.evictLocked(g, source)
	}
}

// send writes b to the network, or into the relay whose virtual address to is.
func (m *Mux) send(b []byte, to netip.AddrPort) (int, error) {
	if relayPrefix.Contains(to.Addr()) {
		m.mu.RLock()
		r := m.relays[to]
		m.mu.RUnlock()
		why := relayGone
		if r != nil {
			why = r.deliver(b)
		}
		if why != passed {
			m.stats.drop(why)
			return len(b), nil
		}
		m.stats.out(len(b))
		return len(b), nil
	}
	n, err := m.sockets[0].conn.WriteToUDPAddrPort(b, to)
	m.stats.sends.Add(1)
	if err != nil {
		m.stats.drop(sendError)
		return n, err
	}
	m.stats.out(n)
	return n, nil
}

// mediaAddress returns the media socket's address that to is, nil when to is
// anything else.
func (m *Mux) mediaAddress(to net.Addr) *net.UDPAddr {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return nil
	}
	return m.reachable[unmap(udp.AddrPort())]
}

func (m *Mux) acquire() *packet { return m.pool.Get().(*packet) }

func (m *Mux) release(p *packet) {
	p.source = nil
	m.pool.Put(p)
}
