package client

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/signal/message"
)

// State is what the client knows, at one moment. Its slices and maps are never
// changed afterwards; don't change them either.
type State struct {
	Self message.Self
	// Room is where the client is, with its participants and controls as they
	// are now.
	Room message.Room
	// Map is the last map of the present room.
	Map message.Map
	// Speakers are those who speak, loudest first.
	Speakers []message.Speaker
	// Layers are the encodings that are needed of each own source. A source
	// that the server hasn't mentioned is sent whole.
	Layers map[string][]string
	// Quality is the last known quality of each participant.
	Quality map[string]message.Connection
	// Chats are the last 100 texts.
	Chats []message.Chat
	// Notices and Errors are the last of each code.
	Notices map[string]message.Notice
	Errors  map[string]message.Error
	// Transport is the state of the PeerConnection.
	Transport webrtc.PeerConnectionState
	// Signalling says that the WebSocket is up.
	Signalling bool
	// Bye is the server's last message.
	Bye *message.Bye
	// Receiving are the slots in which media has come of whom the map names.
	Receiving []Receiving
}

// Receiving is a slot that shows what the map says.
type Receiving struct {
	Mid, Participant, Source string
	// At is when its first packet came, for video the first of a key frame.
	At time.Time
	// After is how long after the map that was; 0: media was there first.
	After time.Duration
}

// maxChats is how many texts a State keeps.
const maxChats = 100

// Participant finds somebody in the room.
func (s State) Participant(id string) (message.Participant, bool) {
	i := slices.IndexFunc(s.Room.Participants, func(p message.Participant) bool { return p.ID == id })
	if i < 0 {
		return message.Participant{}, false
	}
	return s.Room.Participants[i], true
}

// Receives says whether media of a participant's source arrives in some slot.
func (s State) Receives(participant, source string) bool {
	return slices.ContainsFunc(s.Receiving, func(r Receiving) bool {
		return r.Participant == participant && r.Source == source
	})
}

// State is what the client knows now.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Self is who the client is.
func (c *Client) Self() message.Self { return c.State().Self }

// ID is the client's participant id.
func (c *Client) ID() string { return c.Self().ID }

// Room is where the client is, with its participants as they are now.
func (c *Client) Room() message.Room { return c.State().Room }

// Participants are those in the room, this client included.
func (c *Client) Participants() []message.Participant { return c.State().Room.Participants }

// Map is the last map of the room.
func (c *Client) Map() message.Map { return c.State().Map }

// Policy is what the server lets the client do.
func (c *Client) Policy() message.Policy {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.policy
}

// ResumeSecret returns to the seat, once.
func (c *Client) ResumeSecret() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.resume
}

// WaitFor returns nil once ok says true of the state, which it is asked at each
// change. Otherwise the context's error, or the client's when it ends first.
func (c *Client) WaitFor(ctx context.Context, ok func(State) bool) error {
	for {
		c.mu.Lock()
		state, changed := c.state, c.changed
		c.mu.Unlock()
		if ok(state) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-c.done:
			// The last change and the end may come together.
			if ok(c.State()) {
				return nil
			}
			return c.Err()
		}
	}
}

// change edits the state and wakes those who wait.
func (c *Client) change(edit func(*State)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	edit(&c.state)
	close(c.changed)
	c.changed = make(chan struct{})
}

// merge applies what changed to the participants of a room.
func merge(old []message.Participant, m message.Participants) []message.Participant {
	merged := make([]message.Participant, 0, len(old)+len(m.Joined))
	put := func(p message.Participant) {
		i := slices.IndexFunc(merged, func(q message.Participant) bool { return q.ID == p.ID })
		if i >= 0 {
			merged[i] = p
			return
		}
		merged = append(merged, p)
	}
	for _, p := range old {
		if !slices.Contains(m.Left, p.ID) {
			merged = append(merged, p)
		}
	}
	for _, p := range m.Joined {
		put(p)
	}
	for _, p := range m.Changed {
		put(p)
	}
	return merged
}

// with is a copy of m in which k has the value v.
func with[K comparable, V any](m map[K]V, k K, v V) map[K]V {
	n := maps.Clone(m)
	if n == nil {
		n = map[K]V{}
	}
	n[k] = v
	return n
}
