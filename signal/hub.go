package signal

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/signal/message"
)

// hub carries chat between the sessions of a room. Nothing is kept.
//
// It knows who is where from the same events, in the same order, as the
// clients: a session changes rooms and is told so in one step, and a text is
// queued for all of a room in one step. So no client gets a text between two
// rooms, and all of a room get texts in the same order.
type hub struct {
	now func() time.Time

	mu    sync.Mutex
	rooms map[string]map[*session]struct{}
}

// enter moves a session to a room ("" is none); tell queues the news. Nothing
// of media may be called in here: media calls us with its locks held.
func (h *hub) enter(c *session, room string, tell func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.removeLocked(c)
	if c.room = room; room != "" {
		if h.rooms[room] == nil {
			h.rooms[room] = make(map[*session]struct{})
		}
		h.rooms[room][c] = struct{}{}
	}
	tell()
}

// leave takes a session out for good.
func (h *hub) leave(c *session) { h.enter(c, "", func() {}) }

func (h *hub) removeLocked(c *session) {
	if c.room == "" {
		return
	}
	delete(h.rooms[c.room], c)
	if len(h.rooms[c.room]) == 0 {
		delete(h.rooms, c.room)
	}
}

// say delivers a text of c's to its room, or to one of it. Both what the
// engine knows and what the clients were told must have them in the same room:
// a move that has begun already ends the chat with the old room.
func (h *hub) say(c *session, m *message.SendChat) error {
	room, present := c.participant().peers()
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("signal: chat: %w", err)
	}
	st := c.seat.Load()
	from := st.admission.ParticipantID
	data, err := message.Encode(&message.Chat{
		ID: id.String(), From: from, Name: st.name,
		To: m.To, Text: m.Text, At: h.now().UTC().Truncate(time.Millisecond),
	})
	if err != nil {
		return fmt.Errorf("signal: chat: %w", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if room == "" || room != c.room {
		return &refusal{message.CodeNotAllowed, "there is nobody to chat with while waiting"}
	}
	var to []*session
	found := m.To == ""
	for other := range h.rooms[room] {
		id := other.participantID()
		if !slices.Contains(present, id) {
			continue
		}
		if m.To == "" || id == m.To || id == from {
			to = append(to, other)
		}
		found = found || id == m.To
	}
	if !found {
		return &refusal{message.CodeNotAllowed, "the addressee is not in this room, or not connected"}
	}
	for _, other := range to {
		other.push(chatted(data))
	}
	return nil
}
