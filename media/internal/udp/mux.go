package udp

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/pion/ice/v4"
)

const (
	// socketBuffer is asked of the kernel for each direction: about 30 ms of
	// 1 Gbit/s. The kernel gives at most net.core.{r,w}mem_max.
	socketBuffer = 4 << 20
	// maxSources bounds the remote addresses of one agent; a client that
	// changes networks uses a few.
	maxSources = 32
	// ownerQuiet is how long a source must have been quiet before another
	// agent may take it over. Browsers check a pair every 2.5 s (Chromium) to
	// 6 s (RFC 7675 §5.1), so its owner is never quiet for as long.
	ownerQuiet = 12 * time.Second
	// readPause is how long the reader rests when the socket keeps reporting
	// errors.
	readPause = 10 * time.Millisecond
	// maxInjectors bounds the batches of what doesn't come from a socket.
	maxInjectors = 8
	maxReaders   = 64
)

// ErrPortInUse is returned by Listen when another program has the port.
var ErrPortInUse = errors.New("UDP port is in use")

// Config says where to listen.
type Config struct {
	// Address to bind to; "" is every address of the host, IPv4 and IPv6.
	Address string
	// Port to bind to; 0 is any free one.
	Port int
	// Advertise are the addresses that candidates carry; empty means Address,
	// or the host's own addresses when that is empty too.
	Advertise []netip.Addr
	// Readers is how many sockets share the port (SO_REUSEPORT), each with a
	// goroutine that reads it; 0 is one, which serves two cores. One where
	// the operating system can't share a port.
	Readers int
	// DisableGSO sends each packet by itself, DisableGRO receives each by
	// itself. The kernel decides where they aren't set.
	DisableGSO, DisableGRO bool
	// Logger is told what the kernel granted. Nil: nothing is logged.
	Logger *slog.Logger

	portable bool // for tests: as on a system without sendmmsg
}

// Mux shares one UDP port between ICE agents and relays. It implements
// ice.UDPMux. Its methods may be called from any goroutine.
type Mux struct {
	sockets    []*socket // one for each reader
	injectors  []*injector
	nextIn     atomic.Uint32
	port       int
	advertised []netip.AddrPort
	listen     []net.Addr                      // advertised, for pion
	reachable  map[netip.AddrPort]*net.UDPAddr // what relays may send to
	pool       sync.Pool
	stats      counters
	clock      func() int64  // nanoseconds, monotonic
	done       chan struct{} // closed by Close
	readers    sync.WaitGroup
	isClosed   atomic.Bool // as closed, without the lock

	mu        sync.RWMutex
	closed    bool
	batches   map[*Batch]struct{} // what Barrier waits for
	byUfrag   map[string]*group
	bySource  map[netip.AddrPort]*owner // validated by its agent
	relays    map[netip.AddrPort]*Relay
	streams   map[netip.AddrPort]*tcpStream
	nextRelay int
}

var (
	_ ice.UDPMux               = (*Mux)(nil)
	_ ice.AddrPortReaderWriter = (*Conn)(nil)
	_ net.PacketConn           = (*Conn)(nil)
	_ net.PacketConn           = (*Relay)(nil)
)

// Listen opens the sockets and starts to read them. Close ends both.
// Errors: ErrPortInUse; whatever the operating system says.
func Listen(cfg Config) (*Mux, error) {
	bind := netip.Addr{}
	if cfg.Address != "" {
		var err error
		if bind, err = netip.ParseAddr(cfg.Address); err != nil {
			return nil, fmt.Errorf("listening for media: %q is not an IP address: give one of this host's, or leave it empty for all", cfg.Address)
		}
		bind = bind.Unmap()
	}
	if cfg.Readers < 0 || cfg.Readers > maxReaders {
		return nil, fmt.Errorf("listening for media: %d readers: choose 1 to %d, or 0 for one", cfg.Readers, maxReaders)
	}
	if cfg.Port < 0 || cfg.Port > 65535 {
		return nil, fmt.Errorf("listening for media: UDP port %d is out of range: choose 1 to 65535, or 0 for any", cfg.Port)
	}
	sockets, err := openSockets(cfg, bind)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listening for media: %w: port %d is taken by another program: stop it or choose another port", ErrPortInUse, cfg.Port)
	case err != nil:
		return nil, fmt.Errorf("listening for media on UDP port %d: %w", cfg.Port, err)
	}
	m := newMux(sockets, bind, cfg.Advertise)
	if cfg.Logger != nil {
		first := sockets[0]
		cfg.Logger.Info("media socket", "readers", len(sockets), "batched", first.fast, "gso", first.gso.Load(), "gro", first.gro)
	}
	readers := make([]*reader, 0, len(sockets))
	for _, s := range sockets {
		r := &reader{mux: m, in: s.newReceiver(), out: newBatch(m, s, batchBytes)}
		m.batches[r.out] = struct{}{}
		readers = append(readers, r)
	}
	for _, r := range readers {
		m.readers.Go(r.loop)
	}
	return m, nil
}

func newMux(sockets []*socket, bind netip.Addr, advertise []netip.Addr) *Mux {
	port := sockets[0].conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	local, preferred := localAddresses(bind)
	if len(advertise) == 0 {
		advertise = preferred
	}
	start := time.Now()
	m := &Mux{
		clock:     func() int64 { return int64(time.Since(start)) },
		sockets:   sockets,
		port:      int(port),
		reachable: map[netip.AddrPort]*net.UDPAddr{},
		done:      make(chan struct{}),
		batches:   map[*Batch]struct{}{},
		byUfrag:   map[string]*group{},
		bySource:  map[netip.AddrPort]*owner{},
		relays:    map[netip.AddrPort]*Relay{},
		streams:   map[netip.AddrPort]*tcpStream{},
	}
	m.pool.New = func() any { return new(packet) }
	for range min(runtime.GOMAXPROCS(0), maxInjectors) {
		m.injectors = append(m.injectors, &injector{mux: m})
	}
	for _, a := range advertise {
		ap := netip.AddrPortFrom(a.Unmap(), port)
		if !slices.Contains(m.advertised, ap) {
			m.advertised = append(m.advertised, ap)
			m.listen = append(m.listen, net.UDPAddrFromAddrPort(ap))
		}
	}
	for _, a := range slices.Concat(advertise, local) {
		ap := netip.AddrPortFrom(a.Unmap().WithZone(""), port)
		m.reachable[ap] = net.UDPAddrFromAddrPort(ap)
	}
	return m
}

func (m *Mux) nextInjector() *injector {
	return m.injectors[m.nextIn.Add(1)%uint32(len(m.injectors))]
}

// Addresses are what candidates carry: the advertised addresses with the port
// in use.
func (m *Mux) Addresses() []netip.AddrPort { return slices.Clone(m.advertised) }

// GetListenAddresses is Addresses for pion.
func (m *Mux) GetListenAddresses() []net.Addr { return slices.Clone(m.listen) }

// Port is the UDP port in use.
func (m *Mux) Port() int { return m.port }

// Stats returns the counters as they are now.
func (m *Mux) Stats() Stats {
	s := m.stats.snapshot()
	m.mu.RLock()
	defer m.mu.RUnlock()
	s.Relays, s.Sources = len(m.relays), len(m.bySource)
	s.GSO, s.GRO = true, true
	for _, socket := range m.sockets {
		s.GSO = s.GSO && socket.gso.Load()
		s.GRO = s.GRO && socket.gro
	}
	return s
}

// GetConn opens a Conn for the agent whose local username fragment is ufrag;
// addr is one of GetListenAddresses. Each call returns a Conn that must be
// closed. Errors: io.ErrClosedPipe, ErrFragmentInUse.
func (m *Mux) GetConn(ufrag string, addr net.Addr) (net.PacketConn, error) {
	return m.getConn(ufrag, addr, nil)
}

// RemoveConnByUfrag closes all Conns of an agent.
func (m *Mux) RemoveConnByUfrag(ufrag string) {
	m.mu.RLock()
	var conns []*Conn
	if g := m.byUfrag[ufrag]; g != nil {
		conns = slices.Clone(g.conns)
	}
	m.mu.RUnlock()
	for _, c := range conns {
		_ = c.Close()
	}
}

// Close closes the sockets, every Conn and every relay, and waits for the
// readers to end. The error is the sockets'.
func (m *Mux) Close() error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil
	}
	m.closed = true
	var conns []*Conn
	for _, g := range m.byUfrag {
		conns = append(conns, g.conns...)
	}
	var relays []*Relay
	for _, r := range m.relays {
		relays = append(relays, r)
	}
	m.mu.Unlock()
	m.isClosed.Store(true)
	close(m.done)
	var errs []error
	for _, s := range m.sockets {
		errs = append(errs, s.conn.Close())
	}
	for _, c := range conns {
		_ = c.Close()
	}
	for _, r := range relays {
		_ = r.Close()
	}
	m.readers.Wait()
	return errors.Join(errs...)
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
