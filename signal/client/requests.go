package client

import (
	"context"
	"fmt"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/signal/message"
)

// SetLayout says what the client shows: whole state. Until the first layout the
// server chooses.
func (c *Client) SetLayout(ctx context.Context, tiles []message.Tile) error {
	if tiles == nil {
		tiles = []message.Tile{} // null is no array
	}
	return c.send(ctx, &message.Layout{Tiles: tiles})
}

// Mute mutes or unmutes a source of one's own: the others are told, and nothing
// of it is sent meanwhile.
func (c *Client) Mute(ctx context.Context, source string, muted bool) error {
	c.peerNow().setMuted(source, muted)
	return c.send(ctx, &message.Mute{Source: source, Muted: muted})
}

// Chat sends a text to everybody in the room (to is ""), to one participant, or
// to the moderators (message.ToModerators).
func (c *Client) Chat(ctx context.Context, to, text string) error {
	return c.send(ctx, &message.SendChat{To: to, Text: text})
}

// Hand raises or lowers the hand.
func (c *Client) Hand(ctx context.Context, raised bool) error {
	return c.send(ctx, &message.Hand{Raised: raised})
}

// ICERestart exchanges new ICE credentials, which counts in SDPAfterFirst, and
// waits until the transport is up.
func (c *Client) ICERestart(ctx context.Context) error {
	p := c.peerNow()
	if p == nil {
		return ErrClosed
	}
	if err := c.negotiate(ctx, p, true); err != nil {
		return err
	}
	return c.waitConnected(ctx)
}

// SDPAfterFirst is the number of SDP messages sent or received after the first
// answer. Only an ICE restart needs any.
func (c *Client) SDPAfterFirst() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sdp
}

// negotiate makes an offer, sends it, and applies the answer.
func (c *Client) negotiate(ctx context.Context, p *peer, restart bool) error {
	c.negotiating.Lock()
	defer c.negotiating.Unlock()
	offer, err := p.offer(restart)
	if err != nil {
		return fmt.Errorf("client: make the offer: %w", err)
	}
	answer := c.await()
	c.countSDP()
	if err := c.send(ctx, &message.Offer{SDP: offer}); err != nil {
		return err
	}
	r, err := c.receive(ctx, answer)
	if err != nil {
		return err
	}
	if r.answer == nil {
		return fmt.Errorf("%w: no answer to the offer", ErrProtocol)
	}
	c.countSDP()
	c.mu.Lock()
	c.answers++
	if c.times.Answer == 0 {
		c.times.Answer = time.Since(c.began)
	}
	c.mu.Unlock()
	if err := p.answer(r.answer.SDP); err != nil {
		return fmt.Errorf("%w: its answer can't be applied: %w", ErrProtocol, err)
	}
	return nil
}

// countSDP counts an SDP message, if the first answer has come before it.
func (c *Client) countSDP() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answers > 0 {
		c.sdp++
	}
}

// onTransport follows the PeerConnection.
func (c *Client) onTransport(state webrtc.PeerConnectionState) {
	c.change(func(s *State) { s.Transport = state })
}
