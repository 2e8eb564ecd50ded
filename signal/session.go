package signal

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal/message"
)

const (
	// maxJoinBytes bounds the first message, from somebody still unknown.
	maxJoinBytes = 16 << 10
	// maxDiscarded is how long a message may be to be answered with too_big; a
	// longer one ends the connection (close code 1009).
	maxDiscarded = 4 * message.MaxBytes

	// Offers cost milliseconds of CPU each, and an honest client makes one for
	// each change of its network. Chats cost one message for everybody in the
	// room.
	offersPerSecond, offersAtOnce = 0.5, 8
	chatsPerSecond, chatsAtOnce   = 2, 20
)

// session is one connection. Its reader runs on the goroutine of ServeHTTP,
// its writer on one of its own, and once it has joined a third pings. It is
// the media.Observer of its participant.
type session struct {
	server *Server
	cfg    *Config // in force when it began
	conn   *websocket.Conn
	// host that the client reached us by, without port; origin is the web
	// origin of the client's page where that isn't ours, else "".
	host, origin string
	started      time.Time

	ctx    context.Context // ends with the connection
	cancel context.CancelFunc
	out    *queue
	wg     sync.WaitGroup // writer, pinger

	// Owned by the reader.
	messages, offers, chats *rate.Limiter

	// seat is set by the reader before the session becomes an observer, and
	// taken away when the join fails after that.
	seat atomic.Pointer[seat]
	// phase leaves phasePending once, for one of the others.
	phase   atomic.Int32
	evicted atomic.Bool

	// Owned by the hub.
	room string
}

const (
	phasePending int32 = iota
	phaseJoined
	phaseDropped // before it could join
)

// decide ends the pending phase; false when it had ended before.
func (c *session) decide(phase int32) bool {
	return c.phase.CompareAndSwap(phasePending, phase)
}

func (c *session) hasJoined() bool { return c.phase.Load() == phaseJoined }

func (s *Server) newSession(conn *websocket.Conn, r *http.Request, origin string) *session {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]") // an IPv6 address without a port
	cfg := s.cfg.Load()
	c := &session{
		server: s, cfg: cfg, conn: conn, host: host, origin: origin, started: s.clock.Now(),
		out:      newQueue(cfg.QueueMessages, cfg.QueueBytes),
		messages: rate.NewLimiter(rate.Limit(cfg.MessageRate), cfg.MessageBurst),
		offers:   rate.NewLimiter(offersPerSecond, offersAtOnce),
		chats:    rate.NewLimiter(chatsPerSecond, chatsAtOnce),
	}
	// Not the request's context: it ends at moments of net/http's choosing
	// once the connection is taken over.
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	return c
}

// run serves the connection until it ends.
func (c *session) run() {
	c.wg.Go(c.write)
	c.read()
	// Where the reader said bye, the writer has still to deliver it; where the
	// connection was lost, it notices by the context.
	c.out.end(nothing(), false)
	c.wg.Wait()
	c.cancel()
	_ = c.conn.CloseNow() // an error says that it is closed
	c.server.hub.leave(c)
	if st := c.seat.Load(); st != nil {
		c.server.seats.release(st, c)
		st.participant.Detach(c)
		c.server.tell(st)
	}
}

// read joins and then handles messages, until the connection ends.
func (c *session) read() {
	defer c.contain("read")
	c.conn.SetReadLimit(maxJoinBytes)
	timer := c.server.clock.AfterFunc(c.cfg.JoinTimeout, func() {
		if c.decide(phaseDropped) {
			c.bye(message.CodeTimeout, "no join came in time", true)
		}
	})
	defer timer.Stop()
	data, err := c.next()
	if err != nil {
		c.lost(err)
		return
	}
	if err := c.handleFirst(data); err != nil {
		c.byeFor(err)
		return
	}
	timer.Stop()
	c.wg.Go(c.keepAlive)
	c.conn.SetReadLimit(maxDiscarded)
	for {
		data, err := c.next()
		if err != nil && !errors.As(err, new(*refusal)) {
			c.lost(err)
			return
		}
		if c.out.hasEnded() {
			return // a session that was told bye acts no more
		}
		if !c.messages.Allow() {
			c.bye(message.CodeRateLimited, "too many messages", true)
			return
		}
		if err == nil {
			c.server.seats.confirm(c.seat.Load(), c)
			err = c.handle(data)
		}
		if err != nil {
			c.refuse(err)
		}
	}
}

// next reads one message. A refusal says that the message can't be taken but
// the next one can be read.
func (c *session) next() ([]byte, error) {
	kind, r, err := c.conn.Reader(c.ctx)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, message.MaxBytes+1))
	if err != nil {
		return nil, err
	}
	c.server.metrics.in.Add(1)
	if len(data) > message.MaxBytes {
		if _, err := io.Copy(io.Discard, r); err != nil {
			return nil, err
		}
	}
	if kind != websocket.MessageText {
		return nil, &refusal{message.CodeBadMessage, "the message is not text"}
	}
	return data, nil
}

// lost ends the session of a connection that failed or that its client closed.
func (c *session) lost(err error) {
	if code := (&refusal{}); errors.As(err, &code) {
		c.bye(code.code, code.message, false)
		return
	}
	c.server.log.Debug("signalling ended", "participant_id", c.participantID(),
		"close_code", int(websocket.CloseStatus(err)))
	c.cancel()
}

// write delivers what is queued, until the last message or the connection's
// end.
func (c *session) write() {
	defer c.contain("write")
	for {
		e, ok := c.out.pop()
		if !ok {
			select {
			case <-c.out.wake:
			case <-c.ctx.Done():
				return
			}
			continue
		}
		data, err := e.encode()
		if err != nil {
			c.server.log.Error("message can't be encoded", "participant_id", c.participantID(), "err", err)
			continue
		}
		if len(data) > 0 && !c.deliver(data) {
			return
		}
		if e.last {
			c.farewell()
			return
		}
	}
}

func (c *session) deliver(data []byte) bool {
	ctx, cancel := context.WithTimeout(c.ctx, c.cfg.WriteTimeout)
	defer cancel()
	if err := c.conn.Write(ctx, websocket.MessageText, data); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			c.countEviction()
		}
		c.cancel() // the reader need not wait for the network to notice
		return false
	}
	c.server.metrics.out.Add(1)
	return true
}

// farewell closes the connection after its last message. Those who joined get
// the closing handshake, so that the message surely arrives; strangers don't
// get to hold a socket open with it.
func (c *session) farewell() {
	if c.hasJoined() {
		_ = c.conn.Close(websocket.StatusNormalClosure, "") // fails when the client is gone
	}
	c.cancel()
}

// keepAlive pings until the connection ends or no answer comes. The first
// answer says that the welcome has arrived: see seats.confirm.
func (c *session) keepAlive() {
	defer c.contain("ping")
	interval, ping := c.cfg.PingInterval, c.ping
	if c.seat.Load().admission.Role == media.RoleModerator {
		interval, ping = min(interval, c.cfg.ModeratorPingInterval), c.watch
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := ping(); err != nil {
			c.cancel()
			return
		}
		c.server.seats.confirm(c.seat.Load(), c)
		select {
		case <-tick.C:
		case <-c.ctx.Done():
			return
		}
	}
}

// ping waits for the answer to a ping.
func (c *session) ping() error {
	ctx, cancel := context.WithTimeout(c.ctx, c.cfg.PingTimeout)
	defer cancel()
	return c.conn.Ping(ctx)
}

// watch is ping for somebody whose absence is told before the connection is
// given up. Loss alone hardly takes that long: TCP has sent a small packet four
// times by then.
func (c *session) watch() error {
	var mu sync.Mutex // the alarm may be under way when the answer comes
	over := false
	alarm := c.server.clock.AfterFunc(c.cfg.ModeratorAbsentAfter, func() {
		mu.Lock()
		defer mu.Unlock()
		if !over {
			c.silent(true)
		}
	})
	err := c.ping()
	alarm.Stop()
	mu.Lock()
	over = true
	mu.Unlock()
	if err == nil {
		c.silent(false)
	}
	return err
}

func (c *session) silent(silent bool) {
	st := c.seat.Load()
	c.server.seats.silence(st, c, silent)
	c.server.tell(st)
}

// Notify implements media.Observer.
func (c *session) Notify(ev media.Event) {
	defer c.contain("notify")
	switch ev := ev.(type) {
	case media.Closed:
		c.server.seatClosed(c, ev.Reason)
		return
	case media.RoomChanged:
		c.server.hub.enter(c, ev.Room, func(a *Arrangement) { c.push(roomEntry(ev, a)) })
		return
	case media.TransportChanged:
		if ev.State == media.TransportConnected {
			if took, first := c.server.seats.connected(c.seat.Load()); first {
				c.server.metrics.connected(took)
			}
		}
		c.server.seats.transport(c.seat.Load(), c, ev.State)
		c.server.tell(c.seat.Load())
	}
	if e, ok := entryOf(ev); ok {
		c.push(e)
	}
}

// send queues a message.
func (c *session) send(m message.ServerMessage) { c.push(said(m)) }

// push queues an entry, and evicts a client that reads too slowly.
func (c *session) push(e entry) {
	if c.out.push(e) {
		return
	}
	if c.end(message.CodeTooSlow, "messages are read more slowly than they come", true, true) {
		c.countEviction()
	}
}

// countEviction counts a slow reader once, whichever limit it exceeded first.
func (c *session) countEviction() {
	if c.evicted.CompareAndSwap(false, true) {
		c.server.metrics.evicted.Add(1)
	}
}

// bye ends the session after what is queued. Only the first bye counts.
func (c *session) bye(code, reason string, retry bool) { c.end(code, reason, retry, false) }

func (c *session) end(code, reason string, retry, clear bool) bool {
	m := &message.Bye{Code: code, Reason: reason, Retry: retry}
	if !c.out.end(said(m), clear) {
		return false
	}
	c.server.metrics.bye(code, c.hasJoined())
	return true
}

// contain ends the participant, and not the process, where a goroutine of the
// session panics (SE-10). It is to be deferred.
func (c *session) contain(where string) {
	fault := recover()
	if fault == nil {
		return
	}
	c.server.metrics.panics.Add(1)
	c.server.log.Error("session failed", "where", where, "participant_id", c.participantID(),
		"err", fault, "stack", string(debug.Stack()))
	c.bye(message.CodeInternal, "the server failed", true)
	if where == "write" || where == "ping" {
		c.cancel()
	}
	if p := c.server.seats.participantOf(c.seat.Load()); p != nil {
		// Not from within Notify: an observer must not call back.
		c.server.background(func() { p.Close(media.CloseInternal) })
	}
}

func (c *session) participantID() string {
	if st := c.seat.Load(); st != nil {
		return st.admission.ParticipantID
	}
	return ""
}

// participant is for handlers: they run after the join only.
func (c *session) participant() participant { return c.seat.Load().participant }
