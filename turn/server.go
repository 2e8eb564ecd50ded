package turn

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/pion/logging"
	pion "github.com/pion/turn/v4"
)

const (
	// socketBuffer is asked of the kernel; it gives at most
	// net.core.{r,w}mem_max.
	socketBuffer = 4 << 20
	// portTries is how often any free UDP port is tried whose TCP port may be
	// taken.
	portTries = 16
)

// ErrPortInUse is returned by New when another program has the port.
var ErrPortInUse = errors.New("TURN port is in use")

var errNoPeer = errors.New("turn: not a media address")

// Relay opens relayed transport addresses.
type Relay interface {
	// OpenRelay returns a conn that reaches the media socket and nothing
	// else; its LocalAddr is a *net.UDPAddr that no other open one has.
	// Closing it must wake its reader.
	OpenRelay() (net.PacketConn, error)
}

// Options are what a server works with.
type Options struct {
	// Relay is required.
	Relay Relay
	// MediaAddresses returns the addresses that clients may be relayed to.
	// Required; it is asked again each time, so they may change.
	MediaAddresses func() []netip.AddrPort
	// Logger; nil logs nothing.
	Logger *slog.Logger
	// Now; nil is a clock that doesn't follow steps of the wall clock, so
	// that none revives credentials (SE-20).
	Now func() time.Time
}

// Server is a running TURN server. Its methods may be called from any
// goroutine.
type Server struct {
	cfg   atomic.Pointer[Config] // see Reconfigure
	relay Relay
	media func() []netip.AddrPort
	log   *slog.Logger
	now   func() time.Time
	port  int

	grants      *grants
	limiter     *limiter
	allocations *allocations
	stats       counters

	pion      *pion.Server
	streams   *listener // nil without TCP
	done      chan struct{}
	closeOnce sync.Once
	closeErr  error
}

// New starts a server; Close stops it. Errors: those of cfg.Validate;
// ErrPortInUse; whatever the operating system says.
func New(cfg Config, o Options) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("turn.%w", err)
	}
	if o.Relay == nil || o.MediaAddresses == nil {
		return nil, errors.New("turn: Options.Relay and Options.MediaAddresses are required")
	}
	s := &Server{relay: o.Relay, media: o.MediaAddresses, log: o.Logger, now: o.Now, done: make(chan struct{})}
	s.cfg.Store(&cfg)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		start := time.Now()
		s.now = func() time.Time { return start.Add(time.Since(start)) }
	}
	s.grants = newGrants(cfg.Realm, cfg.CredentialLifetime, s.now)
	s.limiter = newLimiter(cfg.UnauthenticatedPerSecond)
	s.allocations = newAllocations(s)
	socket, tcp, err := listen(cfg)
	if err != nil {
		return nil, err
	}
	// Smaller buffers than asked for are no error: they cost packets in bursts.
	_ = socket.SetReadBuffer(socketBuffer)
	_ = socket.SetWriteBuffer(socketBuffer)
	s.port = socket.LocalAddr().(*net.UDPAddr).Port
	if err := s.serve(socket, tcp); err != nil {
		_ = socket.Close()
		if tcp != nil {
			_ = tcp.Close()
		}
		return nil, fmt.Errorf("starting the TURN server: %w", err)
	}
	s.log.Info("turn server listens", "port", s.port, "tcp", tcp != nil)
	return s, nil
}

// Reconfigure puts the limits of cfg in force, which must be valid; its other
// fields are those of New. Allocations and connections that stand stay.
func (s *Server) Reconfigure(cfg Config) {
	s.cfg.Store(&cfg)
	s.limiter.configure(cfg.UnauthenticatedPerSecond)
}

// listen opens both sockets on the same port.
func listen(cfg Config) (*net.UDPConn, net.Listener, error) {
	for try := 1; ; try++ {
		udp, err := net.ListenPacket("udp", net.JoinHostPort(cfg.Address, strconv.Itoa(cfg.Port)))
		if err != nil {
			return nil, nil, listenError("UDP", cfg.Port, err)
		}
		socket := udp.(*net.UDPConn)
		if !cfg.TCP {
			return socket, nil, nil
		}
		port := socket.LocalAddr().(*net.UDPAddr).Port
		tcp, err := net.Listen("tcp", net.JoinHostPort(cfg.Address, strconv.Itoa(port)))
		if err == nil {
			return socket, tcp, nil
		}
		_ = socket.Close()
		if cfg.Port != 0 || try == portTries {
			return nil, nil, listenError("TCP", port, err)
		}
	}
}

func listenError(network string, port int, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w: %s port %d is taken by another program: stop it, or set turn.port to another port", ErrPortInUse, network, port)
	}
	return fmt.Errorf("listening for TURN on %s port %d: %w", network, port, err)
}

func (s *Server) serve(socket *net.UDPConn, tcp net.Listener) error {
	permit := func(_ net.Addr, peer net.IP) bool { return s.mediaIP(peer) }
	cfg := pion.ServerConfig{
		PacketConnConfigs: []pion.PacketConnConfig{{
			PacketConn:            &guardedSocket{PacketConn: socket, guard: guard{server: s}},
			RelayAddressGenerator: s.allocations,
			PermissionHandler:     permit,
		}},
		// pion logs addresses of clients with nearly everything (SE-19).
		LoggerFactory: silent{},
		Realm:         s.cfg.Load().Realm,
		AuthHandler: func(username, _ string, _ net.Addr) ([]byte, bool) {
			_, key, ok := s.grants.key(username)
			return key, ok
		},
		QuotaHandler: func(username, _ string, client net.Addr) bool {
			ok := s.allocations.reserve(participantOf(username), client)
			if !ok {
				s.stats.refuse(refusedQuota)
			}
			return ok
		},
		EventHandler: pion.EventHandler{
			OnAllocationCreated: func(client, _ net.Addr, _, username, _ string, relayed net.Addr, _ int) {
				s.allocations.created(client, participantOf(username), relayed)
			},
			OnAllocationError: func(client, _ net.Addr, _, _ string) { s.allocations.failed(client) },
		},
	}
	if tcp != nil {
		s.streams = newListener(tcp, s)
		cfg.ListenerConfigs = []pion.ListenerConfig{{
			Listener:              s.streams,
			RelayAddressGenerator: s.allocations,
			PermissionHandler:     permit,
		}}
	}
	var err error
	s.pion, err = pion.NewServer(cfg)
	return err
}

// Port is the port in use, for UDP and TCP.
func (s *Server) Port() int { return s.port }

// TCP says whether TCP is served.
func (s *Server) TCP() bool { return s.streams != nil }

// Credentials returns what a participant authenticates with until expires, or
// until Revoke. Earlier ones stay valid until they expire themselves.
func (s *Server) Credentials(participantID string) (username, password string, expires time.Time) {
	return s.grants.issue(participantID)
}

// Revoke ends all credentials of a participant who left, and closes its
// allocations (SE-2): when it returns nothing is relayed for it any more, and
// nothing that it sends is answered as authenticated. Credentials issued later
// for the same participant are other ones.
func (s *Server) Revoke(participantID string) {
	s.grants.revoke(participantID)
	if n := s.allocations.closeOf(participantID); n > 0 {
		s.log.Debug("turn allocations closed", "participant_id", participantID, "allocations", n)
	}
}

// Snapshot returns the counters as they are now.
func (s *Server) Snapshot() Snapshot {
	snapshot := s.stats.snapshot()
	snapshot.Allocations = s.allocations.count()
	snapshot.Participants = s.grants.count()
	if s.streams != nil {
		snapshot.TCPConnections = s.streams.count()
	}
	return snapshot
}

// Close ends all allocations and connections and frees the port.
func (s *Server) Close() error {
	s.closeOnce.Do(func() {
		close(s.done)
		s.closeErr = s.pion.Close()
		s.allocations.closeAll() // pion does, but later
	})
	return s.closeErr
}

func (s *Server) closing() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// mediaIP says whether clients may be relayed to ip. Ports are the relay's to
// judge: permissions have none (RFC 8656 §9).
func (s *Server) mediaIP(ip net.IP) bool {
	addr, ok := netip.AddrFromSlice(ip)
	if !ok {
		return false
	}
	for _, media := range s.media() {
		if media.Addr().Unmap() == addr.Unmap() {
			return true
		}
	}
	return false
}

// participantOf returns the participant of a user name that was verified.
func participantOf(username string) string {
	_, participant, _ := strings.Cut(username, ":")
	return participant
}

// silent gives pion a logger that says nothing.
type silent struct{}

func (silent) NewLogger(string) logging.LeveledLogger {
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	quiet.ScopeLevels = map[string]logging.LogLevel{}
	return quiet.NewLogger("turn")
}
