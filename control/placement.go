package control

import (
	"context"
	"errors"
	"sync"

	"github.com/atriumrtc/atrium/control/store"
)

// Where somebody belongs is read from the store, after the commit, and media is
// told of it; one at a time for each participant. So the last to tell has read
// the last state, whatever order commits are followed in.

// destination is where a participant belongs: in a room, parked (nil room), or
// nowhere any more.
type destination struct {
	room *MediaRoom
	gone bool
}

// placeTries bounds how often a participant is placed again where media still
// has somebody in the room who belongs elsewhere by now.
const placeTries = 3

// follow has media put participants where they belong. Errors are logged: what
// couldn't be done is done when the participant connects the next time.
func (s *Service) follow(ctx context.Context, participants ...moved) {
	for _, p := range participants {
		var err error
		for range placeTries {
			room := ""
			if room, err = s.place(ctx, p); !errors.Is(err, &StateError{Code: CodeCallFull}) {
				break
			}
			// Whoever makes room is on the way out: have them followed first.
			s.clearOut(ctx, room, p.id)
		}
		if err != nil {
			s.log.ErrorContext(ctx, "a participant could not be put where they belong", "participant_id", p.id, "err", err)
		}
	}
}

// place puts a participant where they belong, and says which room that is.
func (s *Service) place(ctx context.Context, p moved) (roomID string, err error) {
	defer s.placing.lock(p.id)()
	var to destination
	err = s.store.View(ctx, func(tx store.Tx) (err error) {
		to, err = s.destination(tx, p.id)
		return err
	})
	if err != nil {
		return "", err
	}
	switch {
	case !to.gone:
		err = s.media.Place(ctx, p.id, to.room)
	case p.removed:
		err = s.media.Remove(ctx, "", p.id)
	default:
		err = s.media.Dismiss(ctx, p.id)
	}
	if errors.Is(err, ErrNotFound) {
		err = nil // not connected: they are put there when they are
	}
	if to.room != nil {
		roomID = to.room.ID
	}
	return roomID, err
}

// clearOut follows everybody whom media has in a room, but one.
func (s *Service) clearOut(ctx context.Context, roomID, but string) {
	people, err := s.media.Participants(ctx, roomID)
	if err != nil {
		s.log.ErrorContext(ctx, "it could not be found who is in a room", "room_id", roomID, "err", err)
		return
	}
	for _, p := range people {
		if p.ID == but {
			continue
		}
		if _, err := s.place(ctx, moved{id: p.ID}); err != nil {
			s.log.ErrorContext(ctx, "a participant could not be put where they belong", "participant_id", p.ID, "err", err)
		}
	}
}

// destination reads where a participant belongs.
func (s *Service) destination(tx store.Tx, participantID string) (destination, error) {
	seat, err := get[seatRecord](tx, prefixParticipant+participantID)
	if errors.Is(err, ErrNotFound) {
		return destination{gone: true}, nil
	}
	if err != nil {
		return destination{}, err
	}
	callID := seat.CallID
	if seat.VisitID != "" {
		v, err := get[visitRecord](tx, prefixVisit+seat.VisitID)
		if err != nil {
			return destination{}, err
		}
		if v.State != VisitInCall {
			return destination{}, nil
		}
		callID = v.CallID
	}
	call, err := get[Call](tx, prefixCall+callID)
	if err != nil {
		return destination{}, err
	}
	room := call.room(nil)
	if m := call.member(participantID); m != nil {
		room.Silenced = m.Silenced
	}
	return destination{room: room}, nil
}

// keyedMutex is a mutex for each of many keys. The zero value is ready.
type keyedMutex struct {
	mu   sync.Mutex
	held map[string]*keyLock
}

type keyLock struct {
	mu    sync.Mutex
	users int // who have it or wait for it
}

// lock locks a key and returns what unlocks it.
func (k *keyedMutex) lock(key string) (unlock func()) {
	k.mu.Lock()
	if k.held == nil {
		k.held = make(map[string]*keyLock)
	}
	l := k.held[key]
	if l == nil {
		l = &keyLock{}
		k.held[key] = l
	}
	l.users++
	k.mu.Unlock()
	l.mu.Lock()
	return func() {
		l.mu.Unlock()
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(k.held, key)
		}
	}
}
