package udp

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
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
	// Logger is told what the kernel granted. Nil: nothing is logged.
	Logger *slog.Logger
}

// Mux shares one UDP socket between ICE agents and relays. It implements
// ice.UDPMux. Its methods may be called from any goroutine.
type Mux struct {
	socket     *net.UDPConn
	port       int
	advertised []netip.AddrPort
	listen     []net.Addr                      // advertised, for pion
	reachable  map[netip.AddrPort]*net.UDPAddr // what relays may send to
	pool       sync.Pool
	stats      counters
	clock      func() int64  // nanoseconds, monotonic
	done       chan struct{} // closed by Close
	reader     sync.WaitGroup

	mu        sync.RWMutex
	closed    bool
	byUfrag   map[string]*group
	bySource  map[netip.AddrPort]*owner // validated by its agent
	relays    map[netip.AddrPort]*Relay
	nextRelay int
}

var (
	_ ice.UDPMux               = (*Mux)(nil)
	_ ice.AddrPortReaderWriter = (*Conn)(nil)
	_ net.PacketConn           = (*Conn)(nil)
	_ net.PacketConn           = (*Relay)(nil)
)

// Listen opens the socket and starts to read it. Close ends both.
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
	if cfg.Port < 0 || cfg.Port > 65535 {
		return nil, fmt.Errorf("listening for media: UDP port %d is out of range: choose 1 to 65535, or 0 for any", cfg.Port)
	}
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: bind.AsSlice(), Zone: bind.Zone(), Port: cfg.Port})
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listening for media: %w: port %d is taken by another program: stop it or choose another port", ErrPortInUse, cfg.Port)
	case err != nil:
		return nil, fmt.Errorf("listening for media on UDP port %d: %w", cfg.Port, err)
	}
	m := newMux(socket, bind, cfg.Advertise)
	if err := tuneSocket(socket, cfg.Logger); err != nil {
		_ = socket.Close()
		return nil, fmt.Errorf("listening for media: %w", err)
	}
	m.reader.Add(1)
	go m.read()
	return m, nil
}

func newMux(socket *net.UDPConn, bind netip.Addr, advertise []netip.Addr) *Mux {
	port := socket.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	local, preferred := localAddresses(bind)
	if len(advertise) == 0 {
		advertise = preferred
	}
	start := time.Now()
	m := &Mux{
		clock:     func() int64 { return int64(time.Since(start)) },
		socket:    socket,
		port:      int(port),
		reachable: map[netip.AddrPort]*net.UDPAddr{},
		done:      make(chan struct{}),
		byUfrag:   map[string]*group{},
		bySource:  map[netip.AddrPort]*owner{},
		relays:    map[netip.AddrPort]*Relay{},
	}
	m.pool.New = func() any { return new(packet) }
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
	return s
}

// GetConn opens a Conn for the agent whose local username fragment is ufrag;
// addr is one of GetListenAddresses. Each call returns a Conn that must be
// closed. Errors: io.ErrClosedPipe.
func (m *Mux) GetConn(ufrag string, addr net.Addr) (net.PacketConn, error) {
	local, ok := addr.(*net.UDPAddr)
	if !ok || ufrag == "" {
		return nil, fmt.Errorf("udp: no conn for the fragment %q on a %T", ufrag, addr)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, io.ErrClosedPipe
	}
	g := m.byUfrag[ufrag]
	if g == nil {
		g = &group{ufrag: ufrag}
		m.byUfrag[ufrag] = g
	}
	c := &Conn{mux: m, group: g, local: local, v6: local.IP.To4() == nil, in: newQueue()}
	g.conns = append(g.conns, c)
	g.electLocked()
	return c, nil
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

// Close closes the socket, every Conn and every relay, and waits for the
// reader to end. The error is the socket's.
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
	close(m.done)
	err := m.socket.Close()
	for _, c := range conns {
		_ = c.Close()
	}
	for _, r := range relays {
		_ = r.Close()
	}
	m.reader.Wait()
	return err
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
