package client

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/signal/message"
)

// call calls a handler that may be nil.
func call[M any](handler func(M), m M) {
	if handler != nil {
		handler(m)
	}
}

// dispatch takes a message in: the state first, then the handler.
func (c *Client) dispatch(m message.ServerMessage) {
	h := &c.o.Handlers
	switch m := m.(type) {
	case *message.Welcome:
		c.onWelcome(m)
	case *message.Answer:
		if !c.settle(reply{answer: m}) {
			c.log.Debug("an answer to no offer")
		}
	case *message.Room:
		c.onRoom(m)
		call(h.Room, *m)
	case *message.Controls:
		c.onControls(m)
		call(h.Controls, *m)
	case *message.Participants:
		c.change(func(s *State) { s.Room.Participants = merge(s.Room.Participants, *m) })
		call(h.Participants, *m)
	case *message.Map:
		if c.onMap(m) {
			call(h.Map, *m)
		}
	case *message.Layers:
		c.change(func(s *State) { s.Layers = with(s.Layers, m.Source, m.RIDs) })
		c.peerNow().setLayers(m.Source, m.RIDs)
		call(h.Layers, *m)
	case *message.Speakers:
		c.change(func(s *State) { s.Speakers = m.Speakers })
		call(h.Speakers, *m)
	case *message.Quality:
		c.change(func(s *State) {
			// One copy, however many: a room of a thousand is told of often.
			all := maps.Clone(s.Quality)
			if all == nil {
				all = make(map[string]message.Connection, len(m.Participants))
			}
			for _, q := range m.Participants {
				all[q.Participant] = q
			}
			s.Quality = all
		})
		call(h.Quality, *m)
	case *message.Chat:
		c.change(func(s *State) { s.Chats = last(maxChats, s.Chats, *m) })
		call(h.Chat, *m)
	case *message.Transport:
		call(h.Transport, *m)
	case *message.Notice:
		c.change(func(s *State) { s.Notices = with(s.Notices, m.Code, *m) })
		call(h.Notice, *m)
	case *message.Error:
		c.onError(m)
		call(h.Error, *m)
	case *message.Bye:
		c.onBye(m)
		call(h.Bye, *m)
	}
}

// last appends to a copy of list, of which it keeps the last most entries.
func last[T any](most int, list []T, v T) []T {
	list = append(slices.Clone(list), v)
	return list[max(0, len(list)-most):]
}

func (c *Client) onWelcome(m *message.Welcome) {
	c.mu.Lock()
	c.policy, c.resume = m.Policy, m.Resume
	c.mu.Unlock()
	c.change(func(s *State) { s.Self = m.Participant })
	c.settle(reply{welcome: m})
}

// onRoom takes a move in. The map of the room before is void; until the new one
// comes, nobody's media is expected.
func (c *Client) onRoom(m *message.Room) {
	moved := c.Map().Epoch != m.Epoch
	if moved {
		now := time.Now()
		c.receiver.expect(nil, now)
		c.moved(m, now)
	}
	c.change(func(s *State) {
		s.Room = *m
		if moved {
			s.Map = message.Map{Epoch: m.Epoch}
			s.Receiving, s.Speakers = nil, nil
		}
	})
}

// onControls takes in what is arranged anew for the room.
func (c *Client) onControls(m *message.Controls) {
	c.change(func(s *State) {
		if m.Room != s.Room.ID {
			return
		}
		s.Room.Name, s.Room.EndsAt, s.Room.Call = m.Name, m.EndsAt, m.Call
		s.Room.Controls, s.Room.Breakouts = m.Controls, m.Breakouts
		s.Room.BreakoutsOpen, s.Room.BreakoutsEndAt = m.BreakoutsOpen, m.BreakoutsEndAt
	})
}

// onMap takes a map in, unless it is one of another stay.
func (c *Client) onMap(m *message.Map) bool {
	if m.Epoch != c.Room().Epoch {
		return false
	}
	now := time.Now()
	c.change(func(s *State) {
		// In here, so that what opens a slot from now on finds the map: see opened.
		open := c.receiver.expect(m.Slots, now)
		silence := c.receiver.pause()
		s.Map = *m
		// Kept: what shows the same as before. New: what was there before us.
		receiving := slices.DeleteFunc(slices.Clone(s.Receiving), func(r Receiving) bool {
			return !slices.ContainsFunc(m.Slots, func(slot message.Slot) bool {
				return slot.Mid == r.Mid && slot.Participant == r.Participant && slot.Source == r.Source
			})
		})
		for _, slot := range open {
			r := Receiving{Mid: slot.Mid, Participant: slot.Participant, Source: slot.Source, At: now}
			receiving = receive(receiving, r)
			c.arrivedLocked(r, silence)
		}
		s.Receiving = receiving
	})
	return true
}

// receive adds r to list, unless its slot is there with the same source.
func receive(list []Receiving, r Receiving) []Receiving {
	if slices.ContainsFunc(list, func(q Receiving) bool {
		return q.Mid == r.Mid && q.Participant == r.Participant && q.Source == r.Source
	}) {
		return list
	}
	list = slices.DeleteFunc(slices.Clone(list), func(q Receiving) bool { return q.Mid == r.Mid })
	return append(list, r)
}

// opened is called when the first media of whom the map names comes in a slot.
func (c *Client) opened(r Receiving) {
	silence := c.receiver.pause()
	c.change(func(s *State) {
		// The map may have changed in between.
		if slices.ContainsFunc(s.Map.Slots, func(slot message.Slot) bool {
			return slot.Mid == r.Mid && slot.Participant == r.Participant && slot.Source == r.Source
		}) {
			s.Receiving = receive(s.Receiving, r)
			c.arrivedLocked(r, silence)
		}
	})
}

func (c *Client) onError(m *message.Error) {
	c.change(func(s *State) { s.Errors = with(s.Errors, m.Code, *m) })
	// Errors name no request. These can only be about an offer; the others are
	// when nothing but a join or an offer can have been sent.
	if strings.HasPrefix(m.Code, "offer_") || m.Code == message.CodeInternal || m.Code == message.CodeBadMessage {
		c.settle(reply{err: &RefusedError{Code: m.Code, Reason: m.Message}})
	}
}

// onBye notes the last message. The client ends when the server closes: see
// read.
func (c *Client) onBye(m *message.Bye) {
	c.change(func(s *State) { s.Bye = m })
	c.settle(reply{err: &ByeError{Code: m.Code, Reason: m.Reason, Retry: m.Retry}})
}

// peerNow is the PeerConnection; nil, on which all methods work, before there
// is one.
func (c *Client) peerNow() *peer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peer
}
