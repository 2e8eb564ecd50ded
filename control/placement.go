package control

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// Where somebody belongs is read from the store, after the commit, and media is
// told of it; one at a time for each participant. So the last to tell has read
// the last state, whatever order commits are followed in.

// destination is where a participant belongs: in a room, parked (nil room), or
// nowhere any more.
type destination struct {
	room  *MediaRoom
	call  callRecord // that the room is of
	voice []string   // the other rooms that hear them, of who speaks to all
	gone  bool
}

const (
	// placeTries bounds how often a participant is placed again where media
	// still has somebody in the room who belongs elsewhere by now.
	placeTries = 3
	// placeWorkers is how many participants are placed at the same time: to
	// send 60 people into breakouts, or back, is one change (R-GC-4). A room of
	// media's computes its routes once for all who came while it was at it, so
	// that more at the same time are fewer computations: 45 people are back
	// from 5 rooms in about half the time that it takes with 8.
	placeWorkers = 64
)

// follow has media put participants where they belong. Errors are logged: what
// couldn't be done is done when the participant connects the next time.
func (s *Service) follow(ctx context.Context, participants ...moved) {
	if len(participants) == 1 {
		s.followOne(ctx, participants[0])
		return
	}
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(placeWorkers, len(participants)) {
		workers.Go(func() {
			for i := next.Add(1); i <= int64(len(participants)); i = next.Add(1) {
				s.followOne(ctx, participants[i-1])
			}
		})
	}
	workers.Wait()
}

func (s *Service) followOne(ctx context.Context, p moved) {
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

// place puts a participant where they belong, and says which room that is.
func (s *Service) place(ctx context.Context, p moved) (roomID string, err error) {
	defer s.placing.lock(p.id)()
	to, err := s.whereTo(ctx, p.id)
	if err != nil {
		return "", err
	}
	if to.room != nil {
		roomID = to.room.ID
	}
	switch {
	case !to.gone:
		err = s.media.Place(ctx, p.id, to.room)
	case p.removed:
		err = s.media.Remove(ctx, "", p.id)
	default:
		err = s.media.Dismiss(ctx, p.id)
	}
	if err == nil && !to.gone && (p.voice || to.voice != nil) {
		err = s.media.Attach(ctx, p.id, to.voice)
	}
	if errors.Is(err, ErrNotFound) {
		return roomID, nil // not connected: they are put there when they are
	}
	if err != nil {
		return roomID, err
	}
	return roomID, s.keepArranged(ctx, to)
}

// keepArranged has a room arranged again that somebody was placed into, when
// what is set for its call became another while they were: the room may have
// been opened with what was set before, after the others were told.
func (s *Service) keepArranged(ctx context.Context, placed destination) error {
	if placed.room == nil {
		return nil
	}
	stale := false
	err := s.store.View(ctx, func(tx store.Tx) error {
		record, err := readCall(tx, placed.call.id)
		if stale = false; err != nil || record.same(placed.call) {
			return err
		}
		call, b, err := s.openCall(record)
		if err != nil {
			return err
		}
		now := call.roomFor(&b, placed.room.ID, s.clock())
		stale = now != nil && !now.same(*placed.room)
		return nil
	})
	if stale {
		s.arrange(ctx, placed.call.id)
	}
	return err
}

// same says whether two descriptions of a room are one.
func (r *MediaRoom) same(o MediaRoom) bool {
	return r.Name == o.Name && r.EndsAt.Equal(o.EndsAt) &&
		r.Controls.ChatOff == o.Controls.ChatOff && r.Controls.Spotlight == o.Controls.Spotlight &&
		r.Controls.InCharge == o.Controls.InCharge && slices.Equal(r.Controls.Breakouts, o.Controls.Breakouts)
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

// whereTo is destination in a transaction of its own.
func (s *Service) whereTo(ctx context.Context, participantID string) (destination, error) {
	var to destination
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		to, err = s.destination(tx, participantID)
		return err
	})
	return to, err
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
	record, err := readCall(tx, callID)
	if err != nil {
		return destination{}, err
	}
	call, b, err := s.openCall(record)
	if err != nil {
		return destination{}, err
	}
	now := s.clock()
	to := destination{call: record, room: call.roomFor(&b, call.ID, now)}
	if b.open(now) {
		if room := call.roomFor(&b, b.Places[participantID], now); room != nil {
			to.room = room
		}
		if b.Speaker == participantID {
			to.voice = slices.DeleteFunc(b.roomIDs(), func(id string) bool { return id == to.room.ID })
		}
	}
	if m := call.member(participantID); m != nil {
		to.room.Silenced = m.Silenced
	}
	return to, nil
}

// callRecord is a call, and its breakouts, as they are stored.
type callRecord struct {
	id              string
	call, breakouts []byte
}

// readCall reads what is stored of a call and its breakouts.
func readCall(tx store.Tx, id string) (callRecord, error) {
	r := callRecord{id: id}
	var err error
	if r.call, err = tx.Get(prefixCall + id); errors.Is(err, store.ErrNotFound) {
		return r, ErrNotFound
	}
	if err != nil {
		return r, err
	}
	if r.breakouts, err = tx.Get(prefixBreakouts + id); errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return r, err
}

// same says whether nothing changed from one reading to another.
func (r callRecord) same(o callRecord) bool {
	return bytes.Equal(r.call, o.call) && bytes.Equal(r.breakouts, o.breakouts)
}

// openCall decodes what was read. Neither is to be changed: others see them
// too.
func (s *Service) openCall(r callRecord) (Call, Breakouts, error) {
	call, err := s.calls.decode(r.id, r.call)
	if err != nil || r.breakouts == nil {
		return call, Breakouts{}, err
	}
	b, err := s.splits.decode(r.id, r.breakouts)
	return call, b, err
}

// decoded keeps records as they were decoded last, by id: to place sixty people
// takes the same call sixty times, and to decode it, with all who are in it, was
// most of what that cost. It is good for exactly the bytes that it was made
// from. The zero value is ready.
type decoded[T any] struct {
	mu   sync.Mutex
	kept map[string]decodedRecord[T]
}

type decodedRecord[T any] struct {
	data  []byte
	value T
}

// maxDecoded is how many records are kept; which one goes is chance.
const maxDecoded = 64

func (d *decoded[T]) decode(id string, data []byte) (T, error) {
	d.mu.Lock()
	last, ok := d.kept[id]
	d.mu.Unlock()
	if ok && bytes.Equal(last.data, data) {
		return last.value, nil
	}
	value, err := decode[T](data)
	if err != nil {
		return value, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kept == nil {
		d.kept = make(map[string]decodedRecord[T])
	}
	for other := range d.kept {
		if len(d.kept) < maxDecoded {
			break
		}
		delete(d.kept, other)
	}
	d.kept[id] = decodedRecord[T]{data, value}
	return value, nil
}

// roomFor is one of the call's rooms as media knows it: the main one, or a
// breakout while they are open; nil for any other.
func (c *Call) roomFor(b *Breakouts, roomID string, now time.Time) *MediaRoom {
	if !b.open(now) {
		b = nil
	}
	if roomID == c.ID {
		return c.room(b)
	}
	if b == nil {
		return nil
	}
	for _, r := range b.Rooms {
		if r.ID == roomID {
			return c.breakoutRoom(b, r)
		}
	}
	return nil
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
