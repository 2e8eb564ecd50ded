package signal

import (
	"container/list"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal/message"
)

const (
	// closeTime bounds Close; leftTime bounds a report to the authority.
	closeTime = 5 * time.Second
	leftTime  = 10 * time.Second
)

// Options are what a server needs of others.
type Options struct {
	Engine    *media.Engine
	Authority Authority
	// Relays may be nil: clients are then given no ICE servers.
	Relays Relays
	// Seat is the engine's Config.Seat, which clients are told; 0 is its
	// default.
	Seat time.Duration
	// Origins says whether anybody lists a canonical origin (scheme and host)
	// in Admission.Origins; nil: only Config.AllowedOrigins may connect.
	Origins func(ctx context.Context, origin string) (bool, error)
	// Now is the time that the ends in an Arrangement go by, which clients are
	// told; nil: the clock's.
	Now func() time.Time
	// Logger and Clock may be nil.
	Logger *slog.Logger
	Clock  media.Clock
}

// Server serves the WebSocket of the signalling protocol. It is an
// [http.Handler] for message.Path.
type Server struct {
	cfg       atomic.Pointer[Config] // see Reconfigure
	engine    engine
	authority Authority
	relays    Relays
	origins   func(ctx context.Context, origin string) (bool, error)
	seatTime  time.Duration
	log       *slog.Logger
	clock     media.Clock
	now       func() time.Time

	metrics *metrics
	hub     *hub
	seats   *seats

	ctx      context.Context // ends at the end of Close
	cancel   context.CancelFunc
	sessions sync.WaitGroup // those in members
	tasks    sync.WaitGroup // see background

	mu      sync.Mutex
	members map[*session]*list.Element // nil for those that have joined
	pending *list.List                 // of *session, the oldest in front
	// idle is closed while draining once nobody who joined is connected.
	idle             chan struct{}
	draining, closed bool
	finished         bool // no task may begin any more
}

// New returns a server. The configuration must be valid.
func New(cfg Config, o Options) *Server {
	return newServer(cfg, o, mediaEngine{o.Engine})
}

func newServer(cfg Config, o Options, e engine) *Server {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = systemClock{}
	}
	if o.Now == nil {
		o.Now = o.Clock.Now
	}
	if o.Seat == 0 {
		o.Seat = media.DefaultConfig().Seat
	}
	s := &Server{
		engine: e, authority: o.Authority, relays: o.Relays, origins: o.Origins, seatTime: o.Seat,
		log: o.Logger, clock: o.Clock, now: o.Now,
		metrics: newMetrics(),
		hub:     newHub(o.Clock.Now),
		seats:   &seats{now: o.Clock.Now, byID: map[string]*seat{}},
		members: map[*session]*list.Element{}, pending: list.New(),
		idle: make(chan struct{}),
	}
	s.cfg.Store(&cfg)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Reconfigure puts another configuration in force, which must be valid.
// Connections that stand keep the one they began with.
func (s *Server) Reconfigure(cfg Config) { s.cfg.Store(&cfg) }

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) AfterFunc(d time.Duration, f func()) media.Timer { return time.AfterFunc(d, f) }

// mayConnect says whether pages of an origin may connect at all; whether they
// may use a token is asked when they join.
func (s *Server) mayConnect(ctx context.Context, origin string) bool {
	if allowsOrigin(s.cfg.Load().AllowedOrigins, origin) {
		return true
	}
	if s.origins == nil {
		return false
	}
	known, err := s.origins(ctx, origin)
	if err != nil {
		s.log.ErrorContext(ctx, "an origin could not be looked up", "err", err)
	}
	return known
}

// ServeHTTP upgrades a request to a WebSocket and serves it until it ends.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	origin, err := foreignOrigin(r)
	if err != nil || (origin != "" && !s.mayConnect(r.Context(), origin)) {
		s.metrics.refuse(message.CodeBadOrigin)
		problem(w, http.StatusForbidden, message.CodeBadOrigin,
			"pages of this origin may not connect; add it to the organisation's allowed_origins, or to signal.allowed_origins")
		return
	}
	if !offersSubprotocol(r) {
		s.metrics.refuse(message.CodeBadMessage)
		problem(w, http.StatusBadRequest, message.CodeBadMessage,
			"connect with the WebSocket sub-protocol "+message.Subprotocol)
		return
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:       []string{message.Subprotocol},
		InsecureSkipVerify: true, // the origin has been checked above
	})
	if err != nil {
		s.metrics.refuse(message.CodeBadMessage)
		return // Accept has answered
	}
	c := s.newSession(conn, r, origin)
	if !s.admit(c) {
		c.cancel()
		_ = conn.Close(websocket.StatusServiceRestart, message.CodeShutdown)
		return
	}
	defer s.forget(c)
	c.run()
}

func offersSubprotocol(r *http.Request) bool {
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for name := range strings.SplitSeq(line, ",") {
			if strings.TrimSpace(name) == message.Subprotocol {
				return true
			}
		}
	}
	return false
}

// admit makes a session a pending one. Where there are too many, the oldest
// has to go: it has had the most time to join.
func (s *Server) admit(c *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.sessions.Add(1)
	s.members[c] = s.pending.PushBack(c)
	most := s.cfg.Load().MaxPending
	for e := s.pending.Front(); e != nil && s.pending.Len() > most; e = s.pending.Front() {
		s.pending.Remove(e)
		if oldest, ok := e.Value.(*session); ok && oldest.decide(phaseDropped) {
			oldest.bye(message.CodeBusy, "too many connections wait to join", true)
		}
	}
	return true
}

// joined counts a session in that has joined.
func (s *Server) joined(c *session, resumed bool) {
	result := "ok"
	if resumed {
		result = "resumed"
	}
	s.metrics.join(result)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending.Remove(s.members[c]) // no-op when it is out already
	s.members[c] = nil
}

// forget is told that a session has ended.
func (s *Server) forget(c *session) {
	defer s.sessions.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.members[c]; e != nil {
		s.pending.Remove(e)
	}
	delete(s.members, c)
	s.checkIdleLocked()
}

func (s *Server) checkIdleLocked() {
	if !s.draining || len(s.joinedLocked()) > 0 {
		return
	}
	select {
	case <-s.idle: // closed before
	default:
		close(s.idle)
	}
}

func (s *Server) joinedLocked() []*session {
	var list []*session
	for c := range s.members {
		if c.hasJoined() {
			list = append(list, c)
		}
	}
	return list
}

func (s *Server) isDraining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

// seatClosed follows the end of a participant: c is the session that was told.
func (s *Server) seatClosed(c *session, reason media.CloseReason) {
	st := c.seat.Load()
	if st == nil {
		return // a join that failed
	}
	holder, first := s.seats.remove(st, reason)
	if !first {
		return
	}
	b := byeOf(reason)
	for _, told := range []*session{c, holder} {
		if told != nil {
			told.bye(b.Code, b.Reason, b.Retry)
		}
	}
	s.tell(st)
}

// byeOf is what a client is told of its participant's end.
func byeOf(reason media.CloseReason) message.Bye {
	byes := map[media.CloseReason]message.Bye{
		media.CloseLeft:        {Code: message.CodeLeft, Reason: "left"},
		media.CloseRemoved:     {Code: message.CodeRemoved, Reason: "removed from the room"},
		media.CloseRoomClosed:  {Code: message.CodeRoomClosed, Reason: "the room was closed"},
		media.CloseSeatExpired: {Code: message.CodeSeatExpired, Reason: "gone for too long"},
		media.CloseShutdown:    {Code: message.CodeShutdown, Reason: "the server is stopping", Retry: true},
	}
	if b, ok := byes[reason]; ok {
		return b
	}
	return message.Bye{Code: message.CodeInternal, Reason: "the server failed", Retry: true}
}

// background runs f on a goroutine of its own, which Close waits for.
func (s *Server) background(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.finished {
		return
	}
	s.tasks.Go(func() {
		defer s.contain()
		f()
	})
}

// contain keeps a panic of a task from ending the process (SE-10).
func (s *Server) contain() {
	if fault := recover(); fault != nil {
		s.metrics.panics.Add(1)
		s.log.Error("task failed", "err", fault)
	}
}

// Drain refuses everybody new from now on, tells the clients, and waits until
// nobody is connected any more, or ctx ends (it then returns ctx's error).
// Seats that wait for a return don't hold it. SE-17
func (s *Server) Drain(ctx context.Context) error {
	s.mu.Lock()
	if !s.draining {
		s.draining = true
		for _, c := range s.joinedLocked() {
			c.send(&message.Notice{Code: message.NoticeDraining, Message: "the server stops once the calls have ended"})
		}
	}
	s.checkIdleLocked()
	s.mu.Unlock()
	select {
	case <-s.idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends all participants that joined here and all connections: clients
// are told to come back. It takes a few seconds at most. Close it before the
// engine.
func (s *Server) Close() {
	s.mu.Lock()
	s.draining, s.closed = true, true
	s.checkIdleLocked()
	s.mu.Unlock()
	limit := time.AfterFunc(closeTime, s.cancel)
	defer limit.Stop()
	var closing sync.WaitGroup
	for _, st := range s.seats.all() {
		if p := s.seats.participantOf(st); p != nil {
			closing.Go(func() { p.Close(media.CloseShutdown) })
		}
	}
	closing.Wait()
	b := byeOf(media.CloseShutdown)
	s.mu.Lock()
	for c := range s.members {
		c.decide(phaseDropped) // those that haven't joined shall not any more
		c.bye(b.Code, b.Reason, b.Retry)
	}
	s.mu.Unlock()
	s.sessions.Wait()
	for _, st := range s.seats.all() {
		select {
		case <-st.done:
		case <-s.ctx.Done():
		}
	}
	s.mu.Lock()
	s.finished = true
	s.mu.Unlock()
	s.tasks.Wait()
	s.cancel()
}

// Snapshot returns the server's statistics.
func (s *Server) Snapshot() Snapshot {
	var snap Snapshot
	s.metrics.fill(&snap)
	snap.Seats = s.seats.count()
	s.mu.Lock()
	defer s.mu.Unlock()
	snap.Sessions = len(s.joinedLocked())
	snap.Pending = s.pending.Len()
	return snap
}
