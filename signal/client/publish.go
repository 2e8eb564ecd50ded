package client

import (
	"context"
	"fmt"
	"slices"

	"github.com/atriumrtc/atrium/signal/message"
)

// Publish announces a source and sends it until Unpublish, its end, or the
// client's. Errors: ErrOptions, ErrNotAllowed, ErrPublished, those of send.
func (c *Client) Publish(pub Publication) error {
	s := c.peerNow().sender(pub.Source)
	if s == nil {
		return fmt.Errorf("%w: unknown source %q", ErrOptions, pub.Source)
	}
	if (pub.Video != nil) != s.video || (pub.Audio != nil) == s.video {
		return fmt.Errorf("%w: %s wants either Video or Audio, as its kind is", ErrOptions, pub.Source)
	}
	if s.video {
		for _, rid := range pub.Video.RIDs() {
			if s.encoding(rid) == nil {
				return fmt.Errorf("%w: %s has no encoding %q", ErrOptions, pub.Source, rid)
			}
		}
	}
	if !slices.Contains(c.Policy().Publish, pub.Source) {
		return fmt.Errorf("%w: %s", ErrNotAllowed, pub.Source)
	}
	c.publishing.Lock()
	defer c.publishing.Unlock()
	if s.published() {
		return fmt.Errorf("%w: %s", ErrPublished, pub.Source)
	}
	// Announced first, so that the server takes the first key frame.
	if err := c.announce(s, true); err != nil {
		return err
	}
	s.start(c, pub)
	if rids, known := c.State().Layers[pub.Source]; known {
		c.peerNow().setLayers(pub.Source, rids)
	}
	return nil
}

// Unpublish stops a source. Errors: ErrNotPublished, those of send.
func (c *Client) Unpublish(source string) error {
	s := c.peerNow().sender(source)
	c.publishing.Lock()
	defer c.publishing.Unlock()
	if s == nil || !s.stop() {
		return fmt.Errorf("%w: %s", ErrNotPublished, source)
	}
	return c.announce(s, false)
}

func (c *Client) announce(s *sender, active bool) error {
	s.mu.Lock()
	mid := s.mid
	s.mu.Unlock()
	m := &message.Publish{Mid: mid, Source: s.source}
	if !active {
		m.Active = &active
	}
	return c.send(context.Background(), m)
}
