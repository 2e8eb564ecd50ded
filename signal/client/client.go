package client

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/signal/message"
)

// Client is one participant's connection. Its methods may be called from any
// goroutine. Make it with [Connect].
type Client struct {
	o       Options
	log     *slog.Logger
	address string // of the WebSocket
	began   time.Time

	ctx    context.Context // ends with the client
	cancel context.CancelFunc
	done   chan struct{} // closed by end
	reaped chan struct{} // closed when everything has been let go of
	ended  sync.Once
	work   sync.WaitGroup // goroutines of the client

	receiver *receiver // lives as long as the client

	negotiating sync.Mutex // serialises exchanges of SDP
	publishing  sync.Mutex // serialises Publish and Unpublish

	mu      sync.Mutex
	state   State
	moves   []Move
	changed chan struct{} // closed at each change of state
	policy  message.Policy
	resume  string
	session *session
	waiting chan reply // who waits for a welcome or an answer
	peer    *peer
	err     error
	times   Times
	answers int // SDP answers received
	sdp     int // SDP sent or received after the first answer
}

// reply is what a join or an offer is replied with.
type reply struct {
	welcome *message.Welcome
	answer  *message.Answer
	err     error
}

// Connect joins, offers once, waits until the transport is up, and publishes
// what the options say. ctx bounds all that, not the life of the client.
//
// Errors: ErrOptions, *ByeError, *RefusedError, ErrProtocol, the context's, and
// those of the network.
func Connect(ctx context.Context, o Options) (*Client, error) {
	address, err := endpoint(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Token == "" && o.Resume == "" {
		return nil, fmt.Errorf("%w: neither Token nor Resume is given", ErrOptions)
	}
	c := &Client{
		o: o, log: o.Logger, address: address, began: time.Now(),
		done: make(chan struct{}), reaped: make(chan struct{}), changed: make(chan struct{}),
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.receiver = newReceiver(c.opened, o.Light != nil)
	c.receiver.witness = o.Witness
	go c.reap()
	if err := c.connect(ctx); err != nil {
		c.end(err)
		<-c.reaped
		return nil, err
	}
	return c, nil
}

func (c *Client) connect(ctx context.Context) error {
	welcome, err := c.join(ctx, &message.Join{Token: c.o.Token, Resume: c.o.Resume})
	if err != nil {
		return err
	}
	p, err := newPeer(c, welcome)
	if err != nil {
		return fmt.Errorf("client: set up the PeerConnection: %w", err)
	}
	c.mu.Lock()
	c.peer = p
	c.mu.Unlock()
	if err := c.negotiate(ctx, p, false); err != nil {
		return err
	}
	if err := c.waitConnected(ctx); err != nil {
		return err
	}
	c.mark(func(t *Times) *time.Duration { return &t.Connected })
	for _, pub := range c.o.Publish {
		if err := c.Publish(pub); err != nil {
			return err
		}
	}
	return nil
}

// waitConnected waits for DTLS, or for a reason why there will be none.
func (c *Client) waitConnected(ctx context.Context) error {
	var last State
	err := c.WaitFor(ctx, func(s State) bool {
		last = s
		return s.Transport == webrtc.PeerConnectionStateConnected || !s.Signalling ||
			s.Transport == webrtc.PeerConnectionStateFailed || s.Transport == webrtc.PeerConnectionStateClosed
	})
	switch {
	case err != nil:
		return fmt.Errorf("client: wait for the transport (%v): %w", last.Transport, err)
	case last.Transport == webrtc.PeerConnectionStateConnected:
		c.peerNow().waitSRTP()
		return nil
	case !last.Signalling:
		return ErrDisconnected
	default:
		return fmt.Errorf("client: the transport is %v: check that the server's UDP port can be reached", last.Transport)
	}
}

// mark records when something first happened, since Connect was called.
func (c *Client) mark(field func(*Times) *time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := field(&c.times); *f == 0 {
		*f = time.Since(c.began)
	}
}

// Done is closed when the client has ended.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err says why the client ended: *ByeError, ErrClosed, or nil while it hasn't.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the client without leaving: the server keeps the seat for a while.
// It returns when everything is freed, and nil always.
func (c *Client) Close() error {
	c.end(ErrClosed)
	<-c.reaped
	return nil
}

// Leave gives the seat up, waits for the server's bye, and closes.
func (c *Client) Leave(ctx context.Context) error {
	if err := c.send(ctx, &message.Leave{}); err != nil {
		return err
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	<-c.reaped
	return nil
}

// end makes err the reason of the client's end, unless it has ended before.
func (c *Client) end(err error) {
	c.ended.Do(func() {
		c.mu.Lock()
		c.err = err
		c.mu.Unlock()
		close(c.done)
		c.cancel()
	})
}

// reap lets go of everything once the client has ended.
func (c *Client) reap() {
	<-c.done
	c.mu.Lock()
	s, p := c.session, c.peer
	c.mu.Unlock()
	if s != nil {
		s.close()
	}
	if p != nil {
		p.close()
	}
	c.work.Wait()
	close(c.reaped)
}
