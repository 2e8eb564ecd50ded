package turn

import (
	"errors"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
)

var (
	errNoTCPRelay     = errors.New("turn: TCP isn't relayed")
	errNoEvenPort     = errors.New("turn: no relay with an even port was free")
	errNoPacketRelays = errors.New("turn: no relay given")
)

// evenTries is how many relays are opened to find one with an even port.
const evenTries = 16

// allocations owns the relay conns. pion opens one for an allocation, then
// tells whose it is; until then it belongs to nobody. It is told in the same
// goroutine, so whoever asks by the client's address finds it.
type allocations struct {
	server *Server

	mu     sync.Mutex
	conns  map[string]*relayConn // by relayed transport address
	owners map[string]map[*relayConn]struct{}
	source map[string]*relayConn // by client, see clientKey
	// reserved counts allocations that were granted but aren't made yet, by
	// participant; pending says whose, by client.
	reserved map[string]int
	pending  map[string]string
}

func newAllocations(s *Server) *allocations {
	return &allocations{
		server:   s,
		conns:    map[string]*relayConn{},
		owners:   map[string]map[*relayConn]struct{}{},
		source:   map[string]*relayConn{},
		reserved: map[string]int{},
		pending:  map[string]string{},
	}
}

// clientKey tells clients apart; UDP and TCP may use the same numbers.
func clientKey(addr net.Addr) string { return addr.Network() + " " + addrPort(addr).String() }

// reserve counts an allocation that is about to be made; false means that the
// participant has enough.
func (a *allocations) reserve(participant string, client net.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.owners[participant])+a.reserved[participant] >= a.server.cfg.Load().MaxAllocationsPerUser {
		return false
	}
	a.reserved[participant]++
	a.pending[clientKey(client)] = participant
	return true
}

// settleLocked ends a reservation: it was used, or came to nothing. A client has at
// most one, for its requests are handled one after the other.
func (a *allocations) settleLocked(client string) {
	participant, ok := a.pending[client]
	if !ok {
		return
	}
	delete(a.pending, client)
	if a.reserved[participant]--; a.reserved[participant] == 0 {
		delete(a.reserved, participant)
	}
}

func (a *allocations) failed(client net.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.settleLocked(clientKey(client))
}

// Validate is of pion's RelayAddressGenerator.
func (a *allocations) Validate() error {
	if a.server.relay == nil {
		return errNoPacketRelays
	}
	return nil
}

// AllocatePacketConn opens a relay for pion. It asks for a port only where the
// client wants an even one, whichever (EVEN-PORT, RFC 8656 §18.6).
func (a *allocations) AllocatePacketConn(_ string, port int) (net.PacketConn, net.Addr, error) {
	for range evenTries {
		pipe, err := a.server.relay.OpenRelay()
		if err != nil {
			a.server.stats.refuse(refusedRelay)
			return nil, nil, err
		}
		if port != 0 && addrPort(pipe.LocalAddr()).Port()%2 != 0 {
			_ = pipe.Close()
			continue
		}
		c := &relayConn{PacketConn: pipe, allocations: a}
		if !a.keep(c) {
			_ = pipe.Close()
			return nil, nil, net.ErrClosed
		}
		return c, pipe.LocalAddr(), nil
	}
	a.server.stats.refuse(refusedRelay)
	return nil, nil, errNoEvenPort
}

// keep remembers an open relay; false means that the server is closing, and
// closeAll may have passed by already.
func (a *allocations) keep(c *relayConn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.server.closing() {
		return false
	}
	a.conns[c.LocalAddr().String()] = c
	return true
}

// AllocateConn refuses pion a TCP relay (SE-1).
func (a *allocations) AllocateConn(string, int) (net.Conn, net.Addr, error) {
	return nil, nil, errNoTCPRelay
}

// created notes whose an allocation is. If its participant was revoked
// meanwhile it ends here: Revoke first ends the grant, then closes what it
// finds, so one of the two sees the other.
func (a *allocations) created(client net.Addr, participant string, relayed net.Addr) {
	key := clientKey(client)
	a.mu.Lock()
	a.settleLocked(key)
	c := a.conns[relayed.String()]
	if c != nil {
		c.participant, c.client = participant, key
		if a.owners[participant] == nil {
			a.owners[participant] = map[*relayConn]struct{}{}
		}
		a.owners[participant][c] = struct{}{}
		a.source[key] = c
	}
	a.mu.Unlock()
	a.server.stats.allocations.Add(1)
	if c != nil && !a.server.grants.has(participant) {
		_ = c.Close()
	}
}

// owner returns whose the client's allocation is, "" when it has none.
func (a *allocations) owner(client net.Addr) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.source[clientKey(client)]; c != nil {
		return c.participant
	}
	return ""
}

// closeOf closes all relays of a participant.
func (a *allocations) closeOf(participant string) int {
	a.mu.Lock()
	conns := slices.Collect(maps.Keys(a.owners[participant]))
	a.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
	return len(conns)
}

func (a *allocations) closeAll() {
	a.mu.Lock()
	conns := slices.Collect(maps.Values(a.conns))
	a.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
}

func (a *allocations) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.conns)
}

func (a *allocations) forget(c *relayConn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if key := c.LocalAddr().String(); a.conns[key] == c { // another may have the address by now
		delete(a.conns, key)
	}
	delete(a.owners[c.participant], c)
	if len(a.owners[c.participant]) == 0 {
		delete(a.owners, c.participant)
	}
	if a.source[c.client] == c {
		delete(a.source, c.client)
	}
}

// relayConn is the relayed transport address of one allocation. Closing it
// deletes the allocation.
type relayConn struct {
	net.PacketConn
	allocations *allocations
	once        sync.Once
	closed      atomic.Bool

	// Guarded by allocations.mu.
	participant, client string
}

func (c *relayConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.PacketConn.ReadFrom(b)
	if err == nil {
		stats := &c.allocations.server.stats
		stats.packetsOut.Add(1)
		stats.bytesOut.Add(uint64(n))
	}
	return n, from, err
}

func (c *relayConn) WriteTo(b []byte, to net.Addr) (int, error) {
	if c.closed.Load() { // pion forgets the allocation a little later
		return 0, net.ErrClosed
	}
	n, err := c.PacketConn.WriteTo(b, to)
	if err == nil {
		stats := &c.allocations.server.stats
		stats.packetsIn.Add(1)
		stats.bytesIn.Add(uint64(n))
	}
	return n, err
}

func (c *relayConn) Close() error {
	var err error
	c.once.Do(func() {
		c.closed.Store(true)
		// In this order: who finds it in the table and closes it, too, waits
		// here until the relay is closed.
		err = c.PacketConn.Close()
		c.allocations.forget(c)
	})
	return err
}
