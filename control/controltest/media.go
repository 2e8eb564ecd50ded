package controltest

import (
	"context"
	"slices"
	"sync"

	"github.com/atriumrtc/atrium/control"
)

// Media is a control.Media that keeps who was placed where. The zero value is
// ready; nobody is connected.
type Media struct {
	mu       sync.Mutex
	where    map[string]string // of those connected: the room, "" when parked
	placed   map[string]control.MediaRoom
	arranged map[string]control.MediaRoom
	attached map[string][]string
	silenced map[string][]string
	told     []Told
}

// Told is a notice that was given, and to whom.
type Told struct {
	To     control.Audience
	Notice control.CallNotice
}

// Connect has a participant connect, parked.
func (m *Media) Connect(participantID string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.where == nil {
		m.where = make(map[string]string)
	}
	if _, ok := m.where[participantID]; !ok {
		m.where[participantID] = ""
	}
}

// Disconnect has a participant's transport end.
func (m *Media) Disconnect(participantID string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropLocked(participantID)
}

// DisconnectAll has all transports end, and all rooms, as when the process is
// killed.
func (m *Media) DisconnectAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.where, m.placed, m.attached, m.arranged, m.silenced = nil, nil, nil, nil, nil
}

func (m *Media) dropLocked(participantID string) {
	delete(m.where, participantID)
	delete(m.silenced, participantID)
	delete(m.placed, participantID)
	delete(m.attached, participantID)
}

// Where returns the room that a participant is in, "" when parked; connected
// is false when they aren't.
func (m *Media) Where(participantID string) (roomID string, connected bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	roomID, connected = m.where[participantID]
	return roomID, connected
}

// Place implements control.Media.
func (m *Media) Place(_ context.Context, people ...control.Placement) []error {
	m.mu.Lock()
	defer m.mu.Unlock()
	errs := make([]error, len(people))
	for i, p := range people {
		errs[i] = m.placeLocked(p)
	}
	return errs
}

func (m *Media) placeLocked(p control.Placement) error {
	participantID, room := p.ParticipantID, p.Room
	now, ok := m.where[participantID]
	switch {
	case !ok:
		return control.ErrNotFound
	case room == nil:
		m.where[participantID] = ""
		delete(m.placed, participantID)
		return nil
	case now != room.ID && m.countLocked(room.ID) >= room.Capacity:
		return &control.StateError{Code: control.CodeCallFull, Message: "The call is full; wait until somebody has left."}
	}
	m.where[participantID] = room.ID
	if m.silenced == nil {
		m.silenced = make(map[string][]string)
	}
	m.silenced[participantID] = slices.Clone(p.Silenced)
	if m.placed == nil {
		m.placed = make(map[string]control.MediaRoom)
	}
	m.placed[participantID] = *room
	m.arrangeLocked(*room) // it brings them along
	return nil
}

// Placed returns the room as it was described when somebody was placed there
// last; ok is false while they are in none.
func (m *Media) Placed(participantID string) (room control.MediaRoom, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	room, ok = m.placed[participantID]
	return room, ok
}

// Silenced returns the sources of somebody that aren't forwarded, as of where
// they were placed last.
func (m *Media) Silenced(participantID string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.silenced[participantID])
}

// Nobody is the answer of a media.Place that knows none of the people.
func Nobody(people []control.Placement) []error {
	errs := make([]error, len(people))
	for i := range errs {
		errs[i] = control.ErrNotFound
	}
	return errs
}

func (m *Media) countLocked(roomID string) int {
	n := 0
	for _, at := range m.where {
		if at == roomID {
			n++
		}
	}
	return n
}

// Dismiss implements control.Media.
func (m *Media) Dismiss(ctx context.Context, participantID string) error {
	return m.Remove(ctx, "", participantID)
}

// CloseRoom implements control.Media.
func (m *Media) CloseRoom(_ context.Context, roomID string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, at := range m.where {
		if at == roomID {
			m.dropLocked(id)
		}
	}
	return nil
}

// Participants implements control.Media.
func (m *Media) Participants(_ context.Context, roomID string) ([]control.Participant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []control.Participant
	for id, at := range m.where {
		if at == roomID {
			list = append(list, control.Participant{ID: id, Connected: true})
		}
	}
	return list, nil
}

// Mute implements control.Media.
func (m *Media) Mute(_ context.Context, roomID, participantID, _ string, _ bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at, ok := m.where[participantID]; !ok || at != roomID {
		return control.ErrNotFound
	}
	return nil
}

// Remove implements control.Media.
func (m *Media) Remove(_ context.Context, roomID, participantID string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at, ok := m.where[participantID]; !ok || roomID != "" && at != roomID {
		return control.ErrNotFound
	}
	m.dropLocked(participantID)
	return nil
}

// Arrange implements control.Media. It keeps the last arrangement of a room,
// open or not, and so does Place.
func (m *Media) Arrange(_ context.Context, room control.MediaRoom) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.arrangeLocked(room)
	return nil
}

func (m *Media) arrangeLocked(room control.MediaRoom) {
	if m.arranged == nil {
		m.arranged = make(map[string]control.MediaRoom)
	}
	m.arranged[room.ID] = room
}

// Arranged returns how a room was arranged last; a zero one when it wasn't.
func (m *Media) Arranged(roomID string) control.MediaRoom {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.arranged[roomID]
}

// Attach implements control.Media.
func (m *Media) Attach(_ context.Context, participantID string, roomIDs []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.where[participantID]; !ok {
		return control.ErrNotFound
	}
	if m.attached == nil {
		m.attached = make(map[string][]string)
	}
	m.attached[participantID] = slices.Clone(roomIDs)
	return nil
}

// Attached returns the rooms that somebody's voice is attached to.
func (m *Media) Attached(participantID string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.attached[participantID])
}

// Tell implements control.Media.
func (m *Media) Tell(_ context.Context, to control.Audience, n control.CallNotice) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told = append(m.told, Told{to, n})
	return nil
}

// Told returns the notices that were given, in order.
func (m *Media) Told() []Told {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.told)
}

// TakeTold returns the notices that were given since it was called last.
func (m *Media) TakeTold() []Told {
	m.mu.Lock()
	defer m.mu.Unlock()
	told := m.told
	m.told = nil
	return told
}
