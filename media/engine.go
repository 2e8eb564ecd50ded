package media

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/media/internal/udp"
)

// Errors of the engine and its rooms.
var (
	ErrClosed     = errors.New("media: closed")
	ErrDuplicate  = errors.New("media: the participant is there already")
	ErrRoomFull   = errors.New("media: the room is full")
	ErrUnknownMid = errors.New("media: no send line of the offer has this mid")
	ErrNotAllowed = errors.New("media: the role may not publish this")
)

const (
	iceDisconnected = 10 * time.Second // Firefox checks every 4 to 6 s
	iceFailed       = 20 * time.Second
	iceKeepAlive    = 2 * time.Second

	tcpReadBuffer = 64 // packets read ahead of an ICE/TCP connection
	// tcpFirstCheck is how long a connection may stay without a connectivity
	// check that names a participant.
	tcpFirstCheck = 10 * time.Second
)

// Options are what an engine runs with besides its configuration.
type Options struct {
	Logger *slog.Logger          // default: discards
	Pion   logging.LoggerFactory // pion's log; default: discards
	Clock  Clock                 // default: the system's
}

// Engine owns the media sockets and all rooms and participants of a host.
type Engine struct {
	cfg         Config
	log         *slog.Logger
	pionLog     logging.LoggerFactory
	clock       Clock
	start       time.Time
	certificate webrtc.Certificate
	mux         *udp.Mux
	tcp         ice.TCPMux
	local       []netip.Addr // see localAddresses
	counters    counters

	// batch is for what is not answered to something just read. While it is
	// held, what goes into it leaves together in the end.
	batchMu sync.Mutex
	batch   *udp.Batch
	held    bool

	ids     atomic.Uint32
	numbers atomic.Uint64

	mu           sync.Mutex
	rooms        map[string]*Room
	participants map[string]*Participant
	attached     map[string][]*Participant // by the id of the room: see AttachSource
	calls        map[string]*unrest        // that any room is open of: see RoomOptions
	closed       bool

	ticks ticks

	// loops of rooms, and what ends participants after a fault; added to
	// under mu, while not closed.
	wg sync.WaitGroup
}

// NewEngine opens the sockets. Errors name the port that is taken.
func NewEngine(cfg Config, o Options) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("media: %w", err)
	}
	e := &Engine{
		cfg: cfg, log: o.Logger, pionLog: o.Pion, clock: o.Clock,
		rooms: make(map[string]*Room), participants: make(map[string]*Participant), attached: make(map[string][]*Participant),
		calls: make(map[string]*unrest),
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if e.pionLog == nil {
		e.pionLog = silent{}
	}
	if e.clock == nil {
		e.clock = systemClock{}
	}
	e.start = e.clock.Now()
	if err := e.open(); err != nil {
		return nil, err
	}
	e.tick()
	return e, nil
}

func (e *Engine) open() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("media: certificate: %w", err)
	}
	certificate, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return fmt.Errorf("media: certificate: %w", err)
	}
	e.certificate = *certificate
	advertise, err := e.cfg.publicIPs()
	if err != nil {
		return err
	}
	if e.mux, err = udp.Listen(udp.Config{Address: e.cfg.Address, Port: e.cfg.UDPPort, Advertise: advertise, Readers: e.cfg.Readers,
		DisableGSO: !e.cfg.GSO, DisableGRO: !e.cfg.GSO, Logger: e.log}); err != nil {
		return err
	}
	e.batch = e.mux.NewBatch()
	if e.local, err = e.localAddresses(); err != nil {
		return errors.Join(fmt.Errorf("media: the host's addresses can't be read: %w", err), e.mux.Close())
	}
	if e.cfg.TCPPort < 0 {
		return nil
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(e.cfg.Address, fmt.Sprint(e.cfg.TCPPort)))
	if err != nil {
		_ = e.mux.Close()
		return fmt.Errorf("media: the ICE/TCP port %d can't be opened: free it, or set media.tcp_port (-1 turns it off): %w", e.cfg.TCPPort, err)
	}
	e.tcp = ice.NewTCPMuxDefault(ice.TCPMuxParams{
		Listener: e.mux.TCPListener(listener), Logger: e.pionLog.NewLogger("tcpmux"),
		ReadBufferSize:       tcpReadBuffer, // no write buffer: see TCPListener
		FirstStunBindTimeout: tcpFirstCheck, AliveDurationForConnFromStun: tcpFirstCheck,
	})
	return nil
}

// Addresses are the UDP addresses that candidates carry.
func (e *Engine) Addresses() []netip.AddrPort { return e.mux.Addresses() }

// OpenRelay opens a pipe in memory into the media socket, for a TURN server:
// what is written to a media address arrives as if received from the pipe's
// own virtual address; nothing else can be reached through it (SE-1).
func (e *Engine) OpenRelay() (net.PacketConn, error) { return e.mux.OpenRelay() }

// batched sends what f writes, at once, or with all else while the batch is
// held.
func (e *Engine) batched(f func(out *udp.Batch)) {
	e.batchMu.Lock()
	defer e.batchMu.Unlock()
	if !e.held {
		e.batch.Begin()
		defer e.batch.End()
	}
	f(e.batch)
}

// hold keeps what is batched until f returns. It is for the tick, one at a
// time; f takes at most a few milliseconds.
func (e *Engine) hold(f func()) {
	e.batchMu.Lock()
	e.batch.Begin()
	e.held = true
	e.batchMu.Unlock()
	defer func() {
		e.batchMu.Lock()
		defer e.batchMu.Unlock()
		e.held = false
		e.batch.End()
	}()
	f()
}

// now is the time since the engine started.
func (e *Engine) now() time.Duration { return e.clock.Now().Sub(e.start) }

// wall is the time of day at now. It never steps: sender reports go by it
// (SE-20).
func (e *Engine) wall(now time.Duration) time.Time { return e.start.Add(now) }

func (e *Engine) nextID() uint32 { return e.ids.Add(1) }

func (e *Engine) random() uint32 { return mathrand.Uint32() }

// fault counts and logs a panic.
func (e *Engine) fault(what, key, id string, v any) {
	e.counters.panics.Add(1)
	e.log.Error(what, key, id, "err", fmt.Sprint(v), "stack", string(debug.Stack()))
}

// background runs f on a goroutine that Close waits for.
func (e *Engine) background(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed { // else Close does what is left to do
		e.wg.Go(f)
	}
}

// OpenRoom returns the room of this id, creating it if there is none.
func (e *Engine) OpenRoom(o RoomOptions) (*Room, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, ErrClosed
	}
	if r := e.rooms[o.ID]; r != nil {
		return r, nil
	}
	r := newRoom(e, o)
	e.rooms[o.ID] = r
	e.openedLocked(r)
	e.wg.Go(r.run)
	return r, nil
}

// Room returns the open room of this id, nil when there is none.
func (e *Engine) Room(id string) *Room {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rooms[id]
}

// AddParticipant creates a participant, parked.
func (e *Engine) AddParticipant(o ParticipantOptions) (*Participant, error) {
	p := newParticipant(e, o)
	e.mu.Lock()
	switch {
	case e.closed:
		e.mu.Unlock()
		return nil, ErrClosed
	case e.participants[o.ID] != nil:
		e.mu.Unlock()
		return nil, ErrDuplicate
	}
	e.participants[o.ID] = p
	e.mu.Unlock()
	p.notify(p.parkedEvent())
	return p, nil
}

// Participant returns the participant of this id, nil when there is none.
func (e *Engine) Participant(id string) *Participant {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.participants[id]
}

func (e *Engine) forgetParticipant(p *Participant) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.participants[p.id] == p {
		delete(e.participants, p.id)
	}
}

func (e *Engine) forgetRoom(r *Room) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.rooms[r.id] == r {
		delete(e.rooms, r.id)
		e.endedLocked(r)
	}
}

// Close ends every participant and room and closes the sockets.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	participants := make([]*Participant, 0, len(e.participants))
	for _, p := range e.participants {
		participants = append(participants, p)
	}
	rooms := make([]*Room, 0, len(e.rooms))
	for _, r := range e.rooms {
		rooms = append(rooms, r)
	}
	e.mu.Unlock()
	var wg sync.WaitGroup
	for _, p := range participants {
		wg.Go(func() { p.Close(CloseShutdown) })
	}
	wg.Wait()
	for _, r := range rooms {
		r.Close(CloseShutdown)
	}
	e.ticks.stop()
	e.wg.Wait()
	var errs []error
	if e.tcp != nil {
		errs = append(errs, e.tcp.Close())
	}
	e.batch.Close()
	errs = append(errs, e.mux.Close())
	return errors.Join(errs...)
}
