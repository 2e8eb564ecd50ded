package signal

import (
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal/message"
)

// hub carries chat, controls and notices to the sessions of a room. Of texts
// nothing is kept.
//
// It knows who is where from the same events, in the same order, as the
// clients: a session changes rooms and is told so in one step, and a text is
// queued for all of a room in one step. So no client gets a text between two
// rooms, all of a room get texts in the same order, and the last that a client
// is told of its room's controls is what holds.
type hub struct {
	now func() time.Time

	mu    sync.Mutex
	rooms map[string]map[*session]struct{}
	// arranged is what holds in rooms, by id, those too that have just ended
	// or are about to be opened; see candidates.
	arranged map[string]arranged
	tidied   int // how many remained when they were looked through last
}

type arranged struct {
	Arrangement
	at time.Time // when it was said last
}

const (
	// arrangedFor is how long an arrangement is kept at least.
	arrangedFor = time.Minute
	// arrangedFew isn't worth looking through.
	arrangedFew = 64
)

func newHub(now func() time.Time) *hub {
	return &hub{now: now, rooms: map[string]map[*session]struct{}{}, arranged: map[string]arranged{}}
}

// enter moves a session to a room ("" is none); tell queues the news, with
// what is arranged there (nil: nothing). Nothing of media may be called in
// here: media calls us with its locks held.
func (h *hub) enter(c *session, room string, tell func(*Arrangement)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.removeLocked(c)
	if c.room = room; room != "" {
		if h.rooms[room] == nil {
			h.rooms[room] = make(map[*session]struct{})
		}
		h.rooms[room][c] = struct{}{}
	}
	if a, ok := h.arranged[room]; ok {
		tell(&a.Arrangement)
	} else {
		tell(nil)
	}
}

// leave takes a session out for good.
func (h *hub) leave(c *session) { h.enter(c, "", func(*Arrangement) {}) }

func (h *hub) removeLocked(c *session) {
	if c.room == "" {
		return
	}
	delete(h.rooms[c.room], c)
	if len(h.rooms[c.room]) == 0 {
		delete(h.rooms, c.room)
	}
}

// arrange keeps an arrangement, and queues e for those in the room when it is
// news.
func (h *hub) arrange(a Arrangement, e entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before, known := h.arranged[a.Room]
	h.arranged[a.Room] = arranged{a, h.now()}
	if known && before.equal(&a) {
		return
	}
	for c := range h.rooms[a.Room] {
		c.push(e)
	}
}

// candidates are arrangements of old that nobody is there for: to be forgotten,
// unless the engine still has their rooms. They are looked for only when there
// are twice as many as last time.
func (h *hub) candidates() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.arranged) < max(arrangedFew, 2*h.tidied) {
		return nil
	}
	var ids []string
	for id := range h.arranged {
		if h.oldLocked(id) {
			ids = append(ids, id)
		}
	}
	h.tidied = len(h.arranged) - len(ids)
	return ids
}

func (h *hub) oldLocked(room string) bool {
	return len(h.rooms[room]) == 0 && h.now().Sub(h.arranged[room].at) >= arrangedFor
}

// forget drops the arrangements of rooms, unless they are new by now.
func (h *hub) forget(rooms []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range rooms {
		if h.oldLocked(id) {
			delete(h.arranged, id)
		}
	}
}

// tell queues e once for each session of some rooms, and for some others.
func (h *hub) tell(rooms []string, others []*session, e entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	told := make(map[*session]struct{})
	push := func(c *session) {
		if _, twice := told[c]; !twice {
			told[c] = struct{}{}
			c.push(e)
		}
	}
	for _, room := range rooms {
		for c := range h.rooms[room] {
			push(c)
		}
	}
	for _, c := range others {
		push(c)
	}
}

// say delivers a text of c's to its room, to one of it, or to its moderators.
// Both what the engine knows and what the clients were told must have them in
// the same room: a move that has begun already ends the chat with the old room.
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
	r := reader{to: m.To, roles: present, arranged: h.arranged[room].Arrangement}
	if err := r.allow(from); err != nil {
		return err
	}
	var to []*session
	found := m.To == ""
	for other := range h.rooms[room] {
		id := other.participantID()
		if _, there := present[id]; !there {
			continue
		}
		addressed := r.reads(id)
		found = found || addressed
		if addressed || id == from {
			to = append(to, other)
		}
	}
	if !found {
		return &refusal{message.CodeNotAllowed, "the addressee is not in this room, or not connected"}
	}
	for _, other := range to {
		other.push(encoded(topicChat, data))
	}
	return nil
}

// reader is whom a text is for.
type reader struct {
	to       string
	roles    map[string]media.Role // of those in the room
	arranged Arrangement
}

// reads says whether it is for a participant of the room.
func (r *reader) reads(id string) bool {
	switch r.to {
	case "", id:
		return true
	case message.ToModerators:
		return r.moderates(id)
	}
	return false
}

// moderates says whether a participant is a moderator of the room: by their
// role, or because they are in charge now (R-GC-6).
func (r *reader) moderates(id string) bool {
	return r.roles[id] == media.RoleModerator || (id != "" && id == r.arranged.InCharge)
}

// allow refuses what somebody may not write where chat is off (R-GC-5).
func (r *reader) allow(from string) error {
	if !r.arranged.ChatOff || r.moderates(from) || r.to == message.ToModerators || r.moderates(r.to) {
		return nil
	}
	return &refusal{message.CodeNotAllowed, "chat is off: only the moderators can be written to"}
}
