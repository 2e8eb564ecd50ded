package signal

import (
	"context"
	"time"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal/message"
)

// offerTimeout bounds how long an offer may take to be answered.
const offerTimeout = 10 * time.Second

// handler acts on one type of message of a client that has joined.
type handler func(*session, message.ClientMessage) error

// on is a handler for messages of type P.
func on[P message.ClientMessage](f func(*session, P) error) handler {
	return func(c *session, m message.ClientMessage) error {
		p, ok := m.(P)
		if !ok {
			return &refusal{message.CodeBadMessage, "the message has an unexpected form"}
		}
		return f(c, p)
	}
}

// handlers is a table, never written to.
var handlers = map[string]handler{
	"join":      on(onJoin),
	"offer":     on(onOffer),
	"candidate": on(onCandidate),
	"publish":   on(onPublish),
	"layout":    on(onLayout),
	"mute":      on(onMute),
	"chat":      on(onChat),
	"hand":      on(onHand),
	"leave":     on(onLeave),
}

// handle acts on one message after the join.
func (c *session) handle(data []byte) error {
	m, err := message.DecodeClient(data)
	if err != nil {
		return err
	}
	return handlers[m.MessageType()](c, m)
}

func onJoin(*session, *message.Join) error {
	return &refusal{message.CodeBadMessage, "this connection has joined already"}
}

func onOffer(c *session, m *message.Offer) error {
	if !c.offers.Allow() {
		return &refusal{message.CodeRateLimited, "too many offers; wait some seconds"}
	}
	ctx, cancel := context.WithTimeout(c.ctx, offerTimeout)
	defer cancel()
	answer, err := c.participant().Offer(ctx, m.SDP)
	if err != nil {
		return err
	}
	c.send(&message.Answer{SDP: answer})
	return nil
}

func onCandidate(c *session, m *message.Candidate) error {
	if m.Candidate == "" {
		return nil // no more will come: nothing to do
	}
	if err := c.participant().AddCandidate(m.Candidate, m.Mid); err != nil {
		if _, ok := refusalOf(err); ok {
			return err
		}
		return &refusal{message.CodeBadMessage, "the candidate can't be used"}
	}
	return nil
}

func onPublish(c *session, m *message.Publish) error {
	return c.participant().Publish(m.Mid, media.SourceKind(m.Source), m.IsActive())
}

func onLayout(c *session, m *message.Layout) error {
	if m.Tiles == nil {
		return c.participant().SetLayout(nil)
	}
	tiles := make([]media.Tile, len(m.Tiles))
	for i, t := range m.Tiles {
		tiles[i] = media.Tile{
			Participant: t.Participant, Source: media.SourceKind(t.Source),
			Width: t.Width, Height: t.Height, Priority: t.Priority,
		}
	}
	return c.participant().SetLayout(tiles)
}

func onMute(c *session, m *message.Mute) error {
	return c.participant().SetMuted(media.SourceKind(m.Source), m.Muted)
}

func onHand(c *session, m *message.Hand) error {
	c.participant().SetHand(m.Raised)
	return nil
}

func onLeave(c *session, _ *message.Leave) error {
	c.participant().Close(media.CloseLeft) // the bye follows from its Closed event
	return nil
}

func onChat(c *session, m *message.SendChat) error {
	if !c.chats.Allow() {
		return &refusal{message.CodeRateLimited, "too many chat messages; wait some seconds"}
	}
	return c.server.hub.say(c, m)
}
