package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/atriumrtc/atrium/signal/message"
)

const (
	// writeTimeout bounds a write when the caller's context doesn't.
	writeTimeout = 10 * time.Second
	// pingInterval and pingTimeout are how a dead connection is noticed.
	pingInterval = 15 * time.Second
	pingTimeout  = 10 * time.Second
	// byeTimeout is how long the server may take to close after its bye.
	byeTimeout = time.Second
)

// session is one WebSocket.
type session struct {
	conn *websocket.Conn
	http *http.Client // ours, to be closed with the session; nil when given
}

func (s *session) close() {
	// The reader fails then, which is all that is wanted.
	_ = s.conn.CloseNow()
	if s.http != nil {
		s.http.CloseIdleConnections()
	}
}

// dial opens a WebSocket.
func (c *Client) dial(ctx context.Context) (*session, error) {
	s := &session{}
	httpClient := c.o.HTTPClient
	if httpClient == nil {
		transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
		if c.o.InsecureTLS {
			transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // asked for
		}
		s.http = &http.Client{Transport: transport}
		httpClient = s.http
	}
	conn, response, err := websocket.Dial(ctx, c.address, &websocket.DialOptions{
		HTTPClient:   httpClient,
		Subprotocols: []string{message.Subprotocol},
	})
	if response != nil && response.Body != nil && err != nil {
		_ = response.Body.Close() // it says nothing that the status doesn't
	}
	if err != nil {
		return nil, fmt.Errorf("client: open the WebSocket: %w", err)
	}
	s.conn = conn
	if conn.Subprotocol() != message.Subprotocol {
		s.close()
		return nil, fmt.Errorf("%w: it speaks %q, not %s", ErrProtocol, conn.Subprotocol(), message.Subprotocol)
	}
	conn.SetReadLimit(message.MaxBytes)
	return s, nil
}

// join opens a WebSocket, takes a seat and waits for the welcome.
func (c *Client) join(ctx context.Context, join *message.Join) (*message.Welcome, error) {
	s, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	c.mark(func(t *Times) *time.Duration { return &t.WebSocket })
	answer := c.await()
	if !c.adopt(s) {
		s.close()
		return nil, ErrClosed
	}
	if err := c.send(ctx, join); err != nil {
		return nil, err
	}
	r, err := c.receive(ctx, answer)
	if err != nil {
		return nil, err
	}
	if r.welcome == nil {
		return nil, fmt.Errorf("%w: an answer where a welcome was due", ErrProtocol)
	}
	c.mark(func(t *Times) *time.Duration { return &t.Welcome })
	return r.welcome, nil
}

// adopt makes s the client's session and starts its goroutines, unless the
// client has ended.
func (c *Client) adopt(s *session) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return false
	}
	c.session = s
	c.state.Signalling = true
	c.work.Add(2)
	alive, lost := context.WithCancel(c.ctx)
	go func() {
		defer c.work.Done()
		defer lost()
		c.read(s)
	}()
	go func() {
		defer c.work.Done()
		s.keepAlive(alive)
	}()
	return true
}

// keepAlive closes a WebSocket whose other end is gone.
func (s *session) keepAlive(ctx context.Context) {
	tick := time.NewTicker(pingInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		ping, cancel := context.WithTimeout(ctx, pingTimeout)
		err := s.conn.Ping(ping)
		cancel()
		if err != nil {
			s.close()
			return
		}
	}
}

// read takes messages in until the WebSocket ends.
func (c *Client) read(s *session) {
	for {
		kind, data, err := s.conn.Read(c.ctx)
		if err != nil {
			c.lost(s, err)
			return
		}
		if kind != websocket.MessageText {
			c.lost(s, fmt.Errorf("%w: a binary message", ErrProtocol))
			return
		}
		if c.o.Light != nil && ofOthers(data) {
			continue
		}
		m, err := message.DecodeServer(data)
		if errors.Is(err, message.ErrUnknownType) {
			continue // of a later protocol
		}
		if err != nil {
			c.lost(s, fmt.Errorf("%w: %w", ErrProtocol, err))
			return
		}
		c.dispatch(m)
		if _, bye := m.(*message.Bye); bye {
			// The server closes now; reading on is what answers it.
			limit := time.AfterFunc(byeTimeout, s.close)
			defer limit.Stop()
		}
	}
}

// ofOthers says whether a message is about how the others in the room are: each
// who comes or goes is told to all, which in a room of a thousand costs a
// generator more than the media. Messages begin with their type, as
// [message.Encode] writes them; another form is read like any.
func ofOthers(data []byte) bool {
	for _, kind := range [...]string{"participants", "quality", "speakers"} {
		if bytes.HasPrefix(data, []byte(`{"type":"`+kind+`"`)) {
			return true
		}
	}
	return false
}

// lost handles the end of a WebSocket.
func (c *Client) lost(s *session, err error) {
	s.close()
	c.mu.Lock()
	current, bye := c.session == s, c.state.Bye
	c.mu.Unlock()
	if !current {
		return
	}
	if bye != nil {
		c.end(&ByeError{Code: bye.Code, Reason: bye.Reason, Retry: bye.Retry})
	}
	c.change(func(st *State) { st.Signalling = false })
	c.settle(reply{err: fmt.Errorf("%w: %w", ErrDisconnected, err)})
	if bye == nil && c.ctx.Err() == nil {
		c.log.Debug("signalling lost", "err", err)
		call(c.o.Handlers.Disconnected, err)
	}
}

// send writes a message.
func (c *Client) send(ctx context.Context, m message.ClientMessage) error {
	c.mu.Lock()
	s, up, ended := c.session, c.state.Signalling, c.err
	c.mu.Unlock()
	if ended != nil {
		return ended
	}
	if s == nil || !up {
		return ErrDisconnected
	}
	data, err := message.Encode(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := s.conn.Write(ctx, websocket.MessageText, data); err != nil {
		return fmt.Errorf("client: send %s: %w", m.MessageType(), err)
	}
	return nil
}

// await makes the caller the one who gets the next welcome or answer.
func (c *Client) await() <-chan reply {
	ch := make(chan reply, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = ch
	return ch
}

// settle hands a reply to whoever waits for one, and says whether anybody did.
func (c *Client) settle(r reply) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		return false
	}
	c.waiting <- r
	c.waiting = nil
	return true
}

// receive waits for the reply.
func (c *Client) receive(ctx context.Context, ch <-chan reply) (reply, error) {
	select {
	case r := <-ch:
		return r, r.err
	case <-ctx.Done():
		return reply{}, fmt.Errorf("client: wait for the server's reply: %w", ctx.Err())
	case <-c.done:
		return reply{}, c.Err()
	}
}

// Drop closes the WebSocket without a goodbye, as a network does.
func (c *Client) Drop() {
	c.mu.Lock()
	s := c.session
	c.mu.Unlock()
	if s != nil {
		s.close()
	}
}

// Resume opens a new WebSocket and returns to the seat with the secret of the
// last welcome. Media that still flows is left alone; otherwise ICE restarts.
//
// Errors: *ByeError when the seat is gone (which ends the client), and those of
// the network, after which Resume can be tried again.
func (c *Client) Resume(ctx context.Context) error {
	c.Drop()
	// The reader of the old session must be done with the state.
	if err := c.WaitFor(ctx, func(s State) bool { return !s.Signalling }); err != nil {
		return err
	}
	welcome, err := c.join(ctx, &message.Join{Resume: c.ResumeSecret()})
	if err != nil {
		return err
	}
	if !welcome.Resumed {
		err := fmt.Errorf("%w: the seat wasn't resumed", ErrProtocol)
		c.end(err)
		return err
	}
	if c.peerNow().up() {
		return nil
	}
	return c.ICERestart(ctx)
}
