package control

import (
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
	room     *MediaRoom
	silenced []string   // what isn't forwarded of them there
	call     callRecord // that the room is of
	voice    []string   // the other rooms that hear them, of who speaks to all
	gone     bool
}

func (d *destination) roomID() string {
	if d.room == nil {
		return ""
	}
	return d.room.ID
}

const (
	// placeTries bounds how often a participant is placed again where media
	// still has somebody in the room who belongs elsewhere by now.
	placeTries = 3
)

// aloneWorkers is how many of those who aren't placed with others are followed at
// the same time. Most of them belong nowhere any more, and it isn't the cores that
// they need: to close a transport is to wait for the outside.
const aloneWorkers = 8

// follow has media put participants where they belong, all by one change: to
// send 60 people into breakouts, or back, is to have all of them leave and then
// all of them arrive (R-GC-4). Errors are logged: what couldn't be done is done
// when the participant connects the next time.
func (s *Service) follow(ctx context.Context, participants ...moved) {
	left := distinct(participants)
	if len(left) > 1 {
		left = s.placeTogether(ctx, left)
	}
	var alone []moved
	for _, p := range left {
		if p.voice { // one speaks to all at a time: in order, who did before first
			s.followOne(ctx, p)
		} else {
			alone = append(alone, p)
		}
	}
	forEach(aloneWorkers, alone, func(p moved) { s.followOne(ctx, p) })
}

// distinct has each participant once, in order.
func distinct(participants []moved) []moved {
	var once []moved
	for _, p := range participants {
		i := slices.IndexFunc(once, func(o moved) bool { return o.id == p.id })
		if i < 0 {
			once = append(once, p)
			continue
		}
		once[i].removed = once[i].removed || p.removed
		once[i].voice = once[i].voice || p.voice
	}
	return once
}

// forEach calls do with each of list, so many at the same time, and waits for
// all.
func forEach[T any](workers int, list []T, do func(T)) {
	var next atomic.Int64
	var running sync.WaitGroup
	for range min(workers, len(list)) {
		running.Go(func() {
			for i := next.Add(1); i <= int64(len(list)); i = next.Add(1) {
				do(list[i-1])
			}
		})
	}
	running.Wait()
}

// placeTogether places people, and returns whom it didn't: who belongs nowhere
// any more, whose voice is heard in other rooms, who found no seat.
func (s *Service) placeTogether(ctx context.Context, people []moved) (left []moved) {
	defer s.lockPlaces(people)()
	where, err := s.whereTo(ctx, people)
	if err != nil {
		s.log.ErrorContext(ctx, "it could not be read where participants belong", "err", err)
		return people
	}
	var placed []moved
	var placements []Placement
	var rooms []destination
	for i, p := range people {
		to := where[i]
		if to.gone || p.voice || to.voice != nil {
			left = append(left, p)
			continue
		}
		placed, placements = append(placed, p), append(placements, Placement{p.id, to.room, to.silenced})
		if to.room != nil && !slices.ContainsFunc(rooms, func(r destination) bool { return r.room.ID == to.room.ID }) {
			rooms = append(rooms, to)
		}
	}
	if len(placed) == 0 {
		return left
	}
	for i, err := range s.media.Place(ctx, placements...) {
		if err != nil && !errors.Is(err, ErrNotFound) { // not connected: they are put there when they are
			left = append(left, placed[i])
		}
	}
	if err := s.keepArranged(ctx, rooms...); err != nil {
		s.log.ErrorContext(ctx, "rooms could not be arranged", "err", err)
	}
	return left
}

// lockPlaces has nobody else place these people until unlock.
func (s *Service) lockPlaces(people []moved) (unlock func()) {
	ids := make([]string, len(people))
	for i, p := range people {
		ids[i] = p.id
	}
	slices.Sort(ids) // in one order everywhere: nobody waits for another
	unlocks := make([]func(), len(ids))
	for i, id := range ids {
		unlocks[i] = s.placing.lock(id)
	}
	return func() {
		for _, unlock := range unlocks {
			unlock()
		}
	}
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
	where, err := s.whereTo(ctx, []moved{p})
	if err != nil {
		return "", err
	}
	to := where[0]
	roomID = to.roomID()
	switch {
	case !to.gone:
		err = s.media.Place(ctx, Placement{p.id, to.room, to.silenced})[0]
	case p.removed:
		err = s.media.Remove(ctx, "", p.id)
	default:
		err = s.media.Dismiss(ctx, p.id)
	}
	if err == nil && !to.gone && (p.voice || to.voice != nil) {
		err = s.media.Attach(ctx, p.id, to.voice)
	}
	if err != nil && !errors.Is(err, ErrNotFound) { // not connected: they are put there when they are
		return roomID, err
	}
	if to.room == nil {
		return roomID, nil
	}
	return roomID, s.keepArranged(ctx, to)
}

// keepArranged has the calls arranged again into whose rooms somebody was placed,
// when what is set for them became another meanwhile: a room may have been opened
// with what was set before, after the others were told.
func (s *Service) keepArranged(ctx context.Context, placed ...destination) error {
	stale := make(map[string]bool) // by call
	err := s.store.View(ctx, func(tx store.Tx) error {
		clear(stale)
		for _, to := range placed {
			outdated, err := s.outdated(tx, to)
			if err != nil {
				return err
			}
			if outdated {
				stale[to.call.id] = true
			}
		}
		return nil
	})
	for callID := range stale {
		s.arrange(ctx, callID)
	}
	return err
}

// outdated says whether what is set for the room of a destination is something
// else by now.
func (s *Service) outdated(tx store.Tx, placed destination) (bool, error) {
	record, err := readCall(tx, placed.call.id)
	if err != nil || record.same(placed.call) {
		return false, err
	}
	call, b, err := s.openCall(record)
	if err != nil {
		return false, err
	}
	now := call.roomFor(&b, placed.room.ID, s.clock())
	return now != nil && !now.same(*placed.room), nil
}

// same says whether two descriptions of a room are one.
func (r *MediaRoom) same(o MediaRoom) bool {
	return r.Name == o.Name && r.EndsAt.Equal(o.EndsAt) &&
		r.Controls.ChatOff == o.Controls.ChatOff && r.Controls.Spotlight == o.Controls.Spotlight &&
		r.Controls.InCharge == o.Controls.InCharge && slices.Equal(r.Controls.Breakouts, o.Controls.Breakouts) &&
		r.Controls.BreakoutsOpen == o.Controls.BreakoutsOpen && r.Controls.BreakoutsEndAt.Equal(o.Controls.BreakoutsEndAt)
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

// whereTo is the destination of each, in a transaction of its own.
func (s *Service) whereTo(ctx context.Context, people []moved) ([]destination, error) {
	where := make([]destination, len(people))
	now := s.clock() // one for all: a room is described in one way
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		for i, p := range people {
			if where[i], err = s.destination(tx, p.id, now); err != nil {
				return err
			}
		}
		return nil
	})
	return where, err
}

// destination reads where a participant belongs.
func (s *Service) destination(tx store.Tx, participantID string, now time.Time) (destination, error) {
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
		to.silenced = m.Silenced
	}
	return to, nil
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
