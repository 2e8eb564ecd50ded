package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// seatRecord is whose a participant id is: a guest's visit, or somebody of
// staff in a call. It stands as long as they may connect: without it their
// tokens are dead.
type seatRecord struct {
	OrganisationID string    `json:"organisation_id"`
	VisitID        string    `json:"visit_id,omitempty"`
	CallID         string    `json:"call_id,omitempty"`  // of staff
	Identity       string    `json:"identity,omitempty"` // of staff: see Staff
	Session        string    `json:"session,omitempty"`  // of staff: see Staff
	Name           string    `json:"name,omitempty"`     // of staff
	Role           Role      `json:"role"`
	Connected      bool      `json:"connected"`
	GoneAt         time.Time `json:"gone_at,omitzero"` // since when nobody is connected
}

// putSeat makes a seat that nobody sits in yet: who doesn't come within
// SeatTime loses it.
func (c *change) putSeat(participantID string, seat seatRecord) error {
	seat.Connected, seat.GoneAt = false, c.now
	if account := seat.account(); account != "" {
		if err := c.Put(seatOfKey(account, participantID), nil); err != nil {
			return err
		}
	}
	return errors.Join(
		put(c.Tx, prefixParticipant+participantID, seat),
		schedule(c.Tx, c.now.Add(SeatTime), DueVisitGone, participantID))
}

// dropSeat ends a seat: nobody gets in with its tokens any more.
func (c *change) dropSeat(participantID string) error {
	seat, err := get[seatRecord](c.Tx, prefixParticipant+participantID)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	c.follows(participantID)
	if account := seat.account(); account != "" {
		if err := c.Delete(seatOfKey(account, participantID)); err != nil {
			return err
		}
	}
	if !seat.GoneAt.IsZero() {
		if err := unschedule(c.Tx, seat.GoneAt.Add(SeatTime), DueVisitGone, participantID); err != nil {
			return err
		}
	}
	return c.Delete(prefixParticipant + participantID)
}

// newSeatJoin makes the right to sit down in a seat.
func (s *Service) newSeatJoin(participantID, organisationID, at, name string, role Role) (Join, error) {
	id, err := newID()
	if err != nil {
		return Join{}, err
	}
	now := s.now().UTC().Truncate(time.Second) // as tokens count
	return Join{
		ID: id, ParticipantID: participantID, OrganisationID: organisationID, RoomID: at,
		Name: name, Role: role, IssuedAt: now, ExpiresAt: now.Add(JoinLifetime),
	}, nil
}

// Seating is what a join is good for now.
type Seating struct {
	// Room is the API's room to enter; nil for a seat that the rules place by
	// themselves (see TakeSeat).
	Room *Room
	// Group says that the seat is in a group, or in its lobby.
	Group bool
}

// Seating says whether a join is still good, using nothing up: ErrTokenUsed;
// ErrNotFound when its room, visit or call is over.
func (s *Service) Seating(ctx context.Context, j Join) (Seating, error) {
	var seating Seating
	err := s.store.View(ctx, func(tx store.Tx) error {
		if !validID(j.ID) || !validID(j.ParticipantID) {
			return ErrNotFound
		}
		seating = Seating{}
		seat, err := get[seatRecord](tx, prefixParticipant+j.ParticipantID)
		if errors.Is(err, ErrNotFound) {
			var room Room
			room, err = s.room(tx, j.OrganisationID, j.RoomID)
			seating.Room = &room
		} else if err == nil {
			seating.Group, err = seat.group(tx)
		}
		if err != nil {
			return err
		}
		if _, err := tx.Get(usedTokenKey(j.ID, j.ExpiresAt)); !errors.Is(err, store.ErrNotFound) {
			return errors.Join(ErrTokenUsed, err)
		}
		return nil
	})
	if err != nil {
		return Seating{}, fmt.Errorf("see what a join is good for: %w", err)
	}
	return seating, nil
}

// group says whether a seat is in a group, or in its lobby.
func (r *seatRecord) group(tx store.Tx) (bool, error) {
	callID := r.CallID
	if r.VisitID != "" {
		v, err := get[visitRecord](tx, prefixVisit+r.VisitID)
		if err != nil || v.GroupID != "" || v.CallID == "" {
			return v.GroupID != "", err
		}
		callID = v.CallID
	}
	call, err := get[Call](tx, prefixCall+callID)
	return call.Kind == Group, err
}

// TakeSeat uses a join up, durably, once its participant is there, and puts
// them where they belong. Errors as of Seating.
func (s *Service) TakeSeat(ctx context.Context, j Join) error {
	return s.change(ctx, System(), "take a seat", func(c *change) error {
		if !validID(j.ParticipantID) {
			return ErrNotFound
		}
		_, err := get[seatRecord](c.Tx, prefixParticipant+j.ParticipantID)
		switch {
		case err == nil:
			c.follows(j.ParticipantID)
		case !errors.Is(err, ErrNotFound):
			return err
		default:
			if _, err := s.room(c.Tx, j.OrganisationID, j.RoomID); err != nil {
				return err
			}
		}
		return s.useToken(c.Tx, j.ID, j.ExpiresAt)
	})
}

// Present is told that somebody sits in their seat (again), or lost their
// connection: they keep their place for SeatTime (R-WA-1). It does nothing for
// participants of the API's rooms.
func (s *Service) Present(ctx context.Context, participantID string, connected bool) error {
	return s.change(ctx, System(), "note a presence", func(c *change) error {
		return c.present(participantID, connected)
	})
}

func (c *change) present(participantID string, connected bool) error {
	seat, err := c.seat(participantID)
	if err != nil || seat.ParticipantID == "" || seat.Connected == connected {
		return err
	}
	if !seat.GoneAt.IsZero() {
		if err := unschedule(c.Tx, seat.GoneAt.Add(SeatTime), DueVisitGone, participantID); err != nil {
			return err
		}
	}
	seat.Connected, seat.GoneAt = connected, time.Time{}
	if !connected {
		seat.GoneAt = c.now
		if err := schedule(c.Tx, c.now.Add(SeatTime), DueVisitGone, participantID); err != nil {
			return err
		}
	}
	if err := put(c.Tx, prefixParticipant+participantID, seat.seatRecord); err != nil {
		return err
	}
	if seat.VisitID == "" {
		return c.charge(seat.CallID)
	}
	v, err := liveVisit(c.Tx, seat.VisitID)
	if err != nil {
		return err
	}
	v.Connected = connected
	return c.putVisit(&v)
}

// seat reads a seat; a zero one when there is none.
func (c *change) seat(participantID string) (struct {
	seatRecord
	ParticipantID string
}, error) {
	var seat struct {
		seatRecord
		ParticipantID string
	}
	record, err := get[seatRecord](c.Tx, prefixParticipant+participantID)
	if errors.Is(err, ErrNotFound) {
		return seat, nil
	}
	seat.seatRecord, seat.ParticipantID = record, participantID
	return seat, err
}

// Departure is why a seat has gone.
type Departure string

// Departures. The values are those of media.CloseReason.
const (
	DepartedLeft     Departure = "left"         // by their own will
	DepartedRemoved  Departure = "removed"      // by somebody else
	DepartedExpired  Departure = "seat_expired" // gone for too long
	DepartedClosed   Departure = "room_closed"
	DepartedShutdown Departure = "shutdown" // this server stops
	DepartedInternal Departure = "internal" // a fault of ours
)

// Left is told that a seat of media's has gone for good. Who left by their own
// will or was gone for too long ends their visit, or leaves the call if they
// are staff; when the server stops, or failed them, they have SeatTime to come
// back. Who was in a room of the API is out of it, whatever the reason.
func (s *Service) Left(ctx context.Context, participantID string, why Departure) error {
	return s.change(ctx, System(), "note that somebody left", func(c *change) error {
		if left, err := c.leaveRoom(participantID); left || err != nil {
			return err
		}
		switch why {
		case DepartedShutdown:
			return nil // visits survive a restart: see Start
		case DepartedInternal:
			return c.present(participantID, false)
		}
		return c.depart(participantID, why)
	})
}

// depart ends what somebody had a seat for.
func (c *change) depart(participantID string, why Departure) error {
	seat, err := c.seat(participantID)
	if err != nil || seat.ParticipantID == "" {
		return err
	}
	if seat.VisitID == "" {
		if why == DepartedRemoved {
			c.sendAway(participantID)
		}
		return c.leaveStaff(seat.CallID, participantID)
	}
	v, err := liveVisit(c.Tx, seat.VisitID)
	if err != nil {
		return err
	}
	outcome := v.ending()
	if why == DepartedRemoved {
		outcome = OutcomeRemoved
	}
	return c.end(&v, outcome)
}

// gone is due SeatTime after somebody lost their connection, or was to come
// and didn't (R-WA-7).
func (c *change) gone(participantID string) error {
	seat, err := c.seat(participantID)
	if err != nil || seat.ParticipantID == "" || seat.Connected || c.now.Before(seat.GoneAt.Add(SeatTime)) {
		return err
	}
	return c.depart(participantID, DepartedExpired)
}

// everybodyGone notes at the start that nobody is connected: all have SeatTime
// to come back (SE-12).
func (s *Service) everybodyGone(ctx context.Context) error {
	var ids []string
	err := s.store.View(ctx, func(tx store.Tx) error {
		ids = nil
		return tx.Range(prefixParticipant, "", func(key string, _ []byte) error {
			ids = append(ids, key[len(prefixParticipant):])
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("find who was here: %w", err)
	}
	for len(ids) > 0 {
		batch := ids[:min(len(ids), startBatch)]
		ids = ids[len(batch):]
		err := s.change(ctx, System(), "note that nobody is connected yet", func(c *change) error {
			for _, id := range batch {
				if err := c.renew(id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// startBatch is how many seats one transaction of everybodyGone writes.
const startBatch = 200

// renew gives a seat its whole time again.
func (c *change) renew(participantID string) error {
	seat, err := c.seat(participantID)
	if err != nil || seat.ParticipantID == "" {
		return err
	}
	if seat.Connected {
		return c.present(participantID, false)
	}
	if err := unschedule(c.Tx, seat.GoneAt.Add(SeatTime), DueVisitGone, participantID); err != nil {
		return err
	}
	seat.GoneAt = c.now
	return errors.Join(
		put(c.Tx, prefixParticipant+participantID, seat.seatRecord),
		schedule(c.Tx, c.now.Add(SeatTime), DueVisitGone, participantID))
}
