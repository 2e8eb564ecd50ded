package baseline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/signal/message"
)

// Config of a server.
type Config struct {
	// Address of HTTP, host:port; port 0 takes any. Media has a UDP port of its
	// own on the same host.
	Address string
	// Interceptors uses pion's default ones: NACK, reports, transport-wide
	// feedback.
	Interceptors bool
	Logger       *slog.Logger // nil: no logs
}

// Server is a running baseline. Make it with [New].
type Server struct {
	log      *slog.Logger
	listener net.Listener
	udp      ice.UDPMux
	http     *http.Server
	api      func() (*webrtc.API, error)
	room     *room
	served   chan error

	ctx      context.Context // ends with the server
	cancel   context.CancelFunc
	sessions sync.WaitGroup

	mu       sync.Mutex
	lastSeat int
}

// New starts a server. Errors: those of the addresses.
func New(cfg Config) (*Server, error) {
	listener, err := net.Listen("tcp", cfg.Address)
	if err != nil {
		return nil, fmt.Errorf("baseline: %w", err)
	}
	host := listener.Addr().(*net.TCPAddr).IP
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: host})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("baseline: %w", err), listener.Close())
	}
	s := &Server{log: cfg.Logger, listener: listener, udp: webrtc.NewICEUDPMux(nil, udp), served: make(chan error, 1)}
	// One for each PeerConnection, as payload types are negotiated with each.
	s.api = func() (*webrtc.API, error) { return newAPI(s.udp, cfg.Interceptors) }
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if s.room, err = newRoom(s.ctx); err != nil {
		return nil, errors.Join(err, listener.Close(), s.udp.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/rooms", s.createRoom)
	mux.HandleFunc("POST /api/v1/rooms/{id}/tokens", s.createToken)
	mux.HandleFunc("DELETE /api/v1/rooms/{id}", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET "+message.Path, s.signal)
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { s.served <- s.http.Serve(listener) }()
	return s, nil
}

// URL is where it serves.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Close ends everybody's session and the server.
func (s *Server) Close() error {
	s.mu.Lock()
	s.cancel()
	s.mu.Unlock()
	err := s.http.Close()
	if served := <-s.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	s.sessions.Wait()
	s.room.wait()
	return errors.Join(err, s.udp.Close())
}

func (s *Server) createRoom(w http.ResponseWriter, _ *http.Request) {
	s.answer(w, map[string]any{"id": "baseline", "type": "plain"})
}

// createToken makes a token that says itself who joins as what.
func (s *Server) createToken(w http.ResponseWriter, r *http.Request) {
	var ask struct{ Role string }
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16)).Decode(&ask); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.lastSeat++
	id := ask.Role + "-" + strconv.Itoa(s.lastSeat)
	s.mu.Unlock()
	s.answer(w, map[string]any{"token": id, "participant_id": id})
}

func (s *Server) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.log.Debug("an answer wasn't sent", "err", err)
	}
}

// enter counts a session, unless the server is ending.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false
	}
	s.sessions.Add(1)
	return true
}

// signal is one participant's WebSocket.
func (s *Server) signal(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{message.Subprotocol}})
	if err != nil {
		return // answered already
	}
	if !s.enter() {
		_ = conn.CloseNow() // the server is ending
		return
	}
	defer s.sessions.Done()
	defer conn.CloseNow() //nolint:errcheck // it ends the session whatever it says
	conn.SetReadLimit(message.MaxBytes)
	p := &session{server: s, conn: conn}
	defer p.close()
	for {
		_, data, err := conn.Read(s.ctx)
		if err != nil {
			return
		}
		m, err := message.DecodeClient(data)
		if err == nil {
			err = p.handle(m)
		}
		if err != nil {
			if !errors.Is(err, errLeft) {
				s.log.Warn("a session failed", "err", err)
			}
			return
		}
	}
}
