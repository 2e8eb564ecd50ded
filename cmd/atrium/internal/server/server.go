package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/atriumrtc/atrium/cmd/atrium/internal/logs"
	"github.com/atriumrtc/atrium/configs"
	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/api"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/web"
	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal"
	"github.com/atriumrtc/atrium/signal/message"
	"github.com/atriumrtc/atrium/turn"
)

// Bounds of the HTTP servers. WebSockets have bounds of their own: net/http
// lifts these when a connection is taken over.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
	shutdownTimeout   = 5 * time.Second // for requests in flight, when stopping
)

// Options say what New makes.
type Options struct {
	Config configs.Config
	// Certificates of HTTPS, self-made; nil reads the files that the
	// configuration names.
	Certificates *Certificates
	// NextPort lets a busy port give way to the next free one.
	NextPort bool
	Logger   *slog.Logger // nil: no logs
	// Now is the time that the rules, sessions and tokens go by, and Clock makes
	// the timers of what is due; nil: the wall clock, the runtime's.
	Now   func() time.Time
	Clock control.Clock
}

// Server is a running Atrium.
type Server struct {
	cfg          configs.Config
	now          func() time.Time
	clock        control.Clock
	log          *slog.Logger
	certificates *Certificates
	selfMade     bool // the certificate: browsers must not insist on it
	proxies      []netip.Prefix

	data    *dataFolder
	engine  *media.Engine
	turn    *turn.Server // nil when off
	signal  *signal.Server
	control *control.Service
	api     *api.Server
	// operatorKey is the secret of who runs this server.
	operatorKey string

	plain, https, metrics, admin endpoint
	draining                     atomic.Bool
	failed                       chan error // of a listener
	// closers undo what New did, the last first.
	closers []func() error
}

// endpoint is one HTTP server and its sockets.
type endpoint struct {
	server    *http.Server
	listeners []net.Listener
}

// New opens the data, the media sockets and the listeners. What it returns
// must be given to Run or closed.
func New(o Options) (*Server, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: o.Config, now: o.Now, clock: o.Clock, log: o.Logger, certificates: o.Certificates, selfMade: o.Certificates != nil, failed: make(chan error, 8)}
	if err := s.open(o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) open(o Options) error {
	var err error
	if s.cfg.HTTP.Address != "" && s.certificates == nil {
		if s.certificates, err = LoadCertificates(s.cfg.HTTP.TLSCertFile, s.cfg.HTTP.TLSKeyFile); err != nil {
			return err
		}
	}
	if s.proxies, err = s.cfg.HTTP.Proxies(); err != nil {
		return fmt.Errorf("http.%w", err)
	}
	if o.NextPort {
		s.cfg.Media.UDPPort = freeUDP(s.cfg.Media.Address, s.cfg.Media.UDPPort)
		s.cfg.Media.TCPPort = freeTCP(s.cfg.Media.Address, s.cfg.Media.TCPPort)
	}
	data, err := openData(s.cfg.Data.Dir, s.now)
	if err != nil {
		return err
	}
	s.data = data
	s.onClose(data.Close)
	s.engine, err = media.NewEngine(s.cfg.Media, media.Options{
		Logger: s.log.With("subsystem", "media"), Pion: logs.Pion(s.log),
	})
	if err != nil {
		return explainMedia(s.cfg.Media, err)
	}
	s.onClose(s.engine.Close)
	if o.NextPort { // only now: the media ports are taken
		s.cfg.TURN.Port = freeBoth(s.cfg.TURN.Address, s.cfg.TURN.Port)
	}
	relays, err := s.openTURN()
	if err != nil {
		return err
	}
	tokens := auth.NewTokens(data.keys, s.now)
	if err := s.startCalls(data, tokens, relays); err != nil {
		return err
	}
	handler, err := s.handler(tokens, data)
	if err != nil {
		return err
	}
	if err := s.listenAdmin(adminHandler(s.api, data.store, s.operatorKey, s.log)); err != nil {
		return err
	}
	if err := s.listen(handler, o.NextPort); err != nil {
		return err
	}
	return s.startSender(data) // last: its links need the ports
}

// startCalls makes signal and the rules, which need each other. Nobody connects
// before there is a listener.
func (s *Server) startCalls(data *dataFolder, tokens *auth.Tokens, relays signal.Relays) error {
	who := &authority{tokens: tokens, log: s.log.With("subsystem", "control")}
	s.signal = signal.New(s.cfg.Signal, signal.Options{
		Engine: s.engine, Relays: relays, Seat: s.cfg.Media.Seat, Authority: who, Origins: who.knowsOrigin,
		Now:    func() time.Time { return who.rules.Now() },
		Logger: s.log.With("subsystem", "signal"),
	})
	rules, err := control.New(control.Options{
		Store: data.store, Media: calls{s.engine, s.signal}, Secrets: data.keys, Vault: vault{data.vault}, Signer: signer{data.keys},
		Outbox: outbox{data.outbox}, Rights: rights{auth.NewPolicy()}, Expired: auth.NewSessions(s.now),
		Now: s.now, Clock: s.clock, Logger: s.log.With("subsystem", "control"),
	})
	if err != nil {
		return err
	}
	s.control, who.rules = rules, rules
	if err := s.startControl(); err != nil {
		return err
	}
	s.onClose(func() error { s.signal.Close(); return nil }) // it tells the rules who left
	return nil
}

// startControl has the rules agree with a world in which nobody is connected
// yet, and what is due done from now on.
func (s *Server) startControl() error {
	if err := s.control.Start(context.Background()); err != nil {
		return err
	}
	s.background(s.control.Run)
	s.startSampling()
	return nil
}

// openTURN starts the TURN server; what it returns is nil when it is off.
func (s *Server) openTURN() (signal.Relays, error) {
	if !s.cfg.TURN.Enabled {
		return nil, nil
	}
	var err error
	s.turn, err = turn.New(s.cfg.TURN, turn.Options{
		Relay: s.engine, MediaAddresses: s.engine.Addresses, Logger: s.log.With("subsystem", "turn"),
	})
	if errors.Is(err, turn.ErrPortInUse) {
		return nil, explained{fmt.Sprintf("turn.port: another program uses port %d (UDP or TCP); stop it, or set turn.port to a free port", s.cfg.TURN.Port), err}
	}
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		return nil, explained{fmt.Sprintf("turn.address: this host has no address %s; set it to one that it has, or leave it empty for all", s.cfg.TURN.Address), err}
	}
	if err != nil {
		return nil, err
	}
	s.onClose(s.turn.Close)
	return relays{s.turn, s.cfg.Media.PublicIPs}, nil
}

// explained is an error in words of our own: what the layers below say would
// only repeat it.
type explained struct {
	text  string
	cause error
}

func (e explained) Error() string { return e.text }
func (e explained) Unwrap() error { return e.cause }

// explainMedia says which of the media ports is taken, if one is, or whether
// the address is another host's.
func explainMedia(cfg media.Config, err error) error {
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		return explained{fmt.Sprintf("media.address: this host has no address %s; set it to one that it has, or leave it empty for all", cfg.Address), err}
	}
	for _, p := range []struct {
		key        string
		port, free int
	}{
		{"media.udp_port", cfg.UDPPort, freeUDP(cfg.Address, cfg.UDPPort)},
		{"media.tcp_port", cfg.TCPPort, freeTCP(cfg.Address, cfg.TCPPort)},
	} {
		if p.free != p.port {
			return explained{fmt.Sprintf("%s: another program uses port %d; stop it, or set %s to a free port", p.key, p.port, p.key), err}
		}
	}
	return err
}

// handler routes API, signalling and pages.
func (s *Server) handler(tokens *auth.Tokens, data *dataFolder) (http.Handler, error) {
	operator, secret, err := auth.LoadOperatorKey(filepath.Join(s.cfg.Data.Dir, operatorFile))
	if err != nil {
		return nil, err
	}
	s.operatorKey = secret
	routes, err := api.New(s.cfg.API, api.Options{
		Control: s.control, Tokens: tokens, Store: data.store, Keys: data.keys, Outbox: data.outbox, Operator: operator, Nodes: s.nodes(),
		BaseURL: s.baseURL, Now: s.now, Logger: s.log.With("subsystem", "api"),
	})
	if err != nil {
		return nil, err
	}
	pages, err := web.New(web.Options{FrameAncestor: s.mayFrame})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", pages)
	mux.Handle(message.Path, s.signal)
	mux.Handle("/api/", s.refuseNew(routes))
	mux.Handle("/docs", routes)
	mux.Handle("/docs/", routes)
	s.api = routes
	return proxied(s.secure(mux), s.proxies), nil
}

// mayFrame says whether pages of an origin may show guests' pages in a frame: as
// they may call the API (SE-8).
func (s *Server) mayFrame(ctx context.Context, origin string) bool {
	listed, err := s.control.OriginAllowed(ctx, origin, "")
	if err != nil {
		s.log.ErrorContext(ctx, "an origin could not be looked up", "err", err)
	}
	return listed
}

// SetLimits puts the limits of a configuration in force, which must be valid:
// all of signal, and those of turn and api that don't need a restart.
func (s *Server) SetLimits(cfg configs.Config) {
	s.signal.Reconfigure(cfg.Signal)
	s.api.Reconfigure(cfg.API)
	if s.turn != nil {
		s.turn.Reconfigure(cfg.TURN)
	}
}

// baseURL is what links begin with.
func (s *Server) baseURL(r *http.Request) string {
	if s.cfg.HTTP.BaseURL != "" {
		return strings.TrimSuffix(s.cfg.HTTP.BaseURL, "/")
	}
	// proxied has taken the header away from those who aren't trusted.
	if r.TLS != nil || len(s.proxies) > 0 && r.Header.Get("X-Forwarded-Proto") == "https" {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (s *Server) onClose(f func() error) { s.closers = append(s.closers, f) }

// Start serves. The first listener that fails is reported by Failed.
func (s *Server) Start() {
	for _, e := range []*endpoint{&s.plain, &s.https, &s.metrics, &s.admin} {
		for _, l := range e.listeners {
			go func() {
				var err error
				if e == &s.https {
					err = e.server.ServeTLS(l, "", "")
				} else {
					err = e.server.Serve(l)
				}
				if !errors.Is(err, http.ErrServerClosed) {
					s.failed <- fmt.Errorf("serve %s: %w", l.Addr(), err)
				}
			}()
		}
	}
}

// Failed delivers the error of a listener that ended by itself.
func (s *Server) Failed() <-chan error { return s.failed }

// Control is the control plane, for what is set up from the command line.
func (s *Server) Control() *control.Service { return s.control }

// OperatorKey is the secret of who runs this server.
func (s *Server) OperatorKey() string { return s.operatorKey }

// Certificates are those of HTTPS; nil when it is off.
func (s *Server) Certificates() *Certificates { return s.certificates }

// ready says whether new calls are taken.
func (s *Server) ready() bool { return !s.draining.Load() }

// Close stops at once: clients are told to come back. It takes seconds at
// most and may be called again.
func (s *Server) Close() error {
	s.draining.Store(true)
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		errs = append(errs, s.closers[i]())
	}
	s.closers = nil
	return errors.Join(errs...)
}
