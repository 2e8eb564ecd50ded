package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/atriumrtc/atrium/control/report"
	"github.com/atriumrtc/atrium/control/store"
)

// change is a transaction of the rules of visits and calls, with what follows
// from it once it is committed (persist before applying: SE-4, SE-12).
type change struct {
	store.Tx
	*Service
	now   time.Time
	actor Actor
	effects
	announced map[string]bool // see announceOnce
	// qualities are those that callQuality has read.
	qualities map[string]map[string]report.Quality
}

// moved is a participant whose place may be another one now. removed says that
// where it is nowhere any more, somebody sent them away; voice, that who hears
// them in other rooms may have changed.
type moved struct {
	id      string
	removed bool
	voice   bool
}

// change runs do in a transaction, then has media follow. do may run twice.
func (s *Service) change(ctx context.Context, actor Actor, what string, do func(c *change) error) error {
	var after effects
	err := s.store.Update(ctx, func(tx store.Tx) error {
		c := &change{Tx: tx, Service: s, now: s.clock(), actor: actor}
		err := do(c)
		after = c.effects
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	// The change stands, whatever becomes of who asked for it.
	s.carryOut(context.WithoutCancel(ctx), after)
	return nil
}

// follows notes that a participant's place may be another one.
func (c *change) follows(participantID string) {
	same := func(m moved) bool { return m.id == participantID }
	if !slices.ContainsFunc(c.moved, same) {
		c.moved = append(c.moved, moved{id: participantID})
	}
}

// sendAway notes that somebody is removed, and not only gone.
func (c *change) sendAway(participantID string) {
	c.follows(participantID)
	for i := range c.moved {
		c.moved[i].removed = c.moved[i].removed || c.moved[i].id == participantID
	}
}

// voices notes that the rooms that hear a participant's voice may be others.
func (c *change) voices(participantID string) {
	c.follows(participantID)
	for i := range c.moved {
		c.moved[i].voice = c.moved[i].voice || c.moved[i].id == participantID
	}
}

func (c *change) audit(action Action, on Subject, details ...string) error {
	return audit(c.Tx, c.now, c.actor, action, on, details...)
}

// visit reads a visit that goes on, of who asks.
func (c *change) visit(id string) (*visitRecord, error) {
	v, err := liveVisit(c.Tx, id)
	if err != nil {
		return nil, err
	}
	return &v, c.actor.reach(v.OrganisationID)
}

// putVisit stores a visit and tells its area of it.
func (c *change) putVisit(v *visitRecord) error {
	stored := *v
	stored.Details, stored.Messages, stored.Position = nil, nil, 0
	if err := put(c.Tx, prefixVisit+v.ID, stored); err != nil {
		return err
	}
	if v.GroupID != "" {
		return c.putInLobby(v)
	}
	if v.AreaID == "" {
		return nil
	}
	key, kind := queueKey(v.AreaID, v.ArrivedAt, v.ID), AreaVisit
	if v.State == VisitEnded {
		kind = AreaVisitLeft
		if err := c.Delete(key); err != nil {
			return err
		}
	} else if err := c.Put(key, []byte(v.State)); err != nil {
		return err
	}
	return announce(c.Tx, c.now, v.AreaID, kind, v.ID)
}

// putInLobby has a visit for a group stand in its lobby while it waits, and
// nowhere else: it is in no area's queue.
func (c *change) putInLobby(v *visitRecord) error {
	key := lobbyKey(v.GroupID, v.ArrivedAt, v.ID)
	if v.State == VisitWaiting || v.State == VisitOnHold {
		return errors.Join(c.Put(key, []byte(v.State)), c.announceOnce(v.AreaID, AreaGroupLobby, v.GroupID))
	}
	_, err := c.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return nil // what happens to them in the call is no news of the lobby
	}
	return errors.Join(err, c.Delete(key), c.announceOnce(v.AreaID, AreaGroupLobby, v.GroupID))
}

// announceOnce tells an area of something of which it is enough to tell once,
// however much of it changed.
func (c *change) announceOnce(areaID string, kind AreaEventKind, id string) error {
	key := string(kind) + "/" + id
	if c.announced[key] {
		return nil
	}
	if c.announced == nil {
		c.announced = make(map[string]bool)
	}
	c.announced[key] = true
	return announce(c.Tx, c.now, areaID, kind, id)
}

// hook tells webhooks of a visit.
func (c *change) hook(v *visitRecord, event string) error {
	data := map[string]string{"visit_id": v.ID, "kind": string(v.Kind), "state": string(v.State)}
	for key, value := range map[string]string{
		"area_id": v.AreaID, "meeting_room_id": v.MeetingRoomID, "call_id": v.CallID,
		"appointment_id": v.AppointmentID, "consult_now_id": v.ConsultID, "group_id": v.GroupID,
		"outcome": string(v.Outcome),
	} {
		if value != "" {
			data[key] = value
		}
	}
	return c.emit(c.Tx, c.now, v.subject(), event, data)
}

// end ends a visit: its seat is dead, its call goes on without it, what it
// typed will be erased.
func (c *change) end(v *visitRecord, outcome Outcome) error {
	if err := c.tallyCall(v); err != nil {
		return err
	}
	if err := v.move(actEnd, c.now); err != nil {
		return err
	}
	call := v.CallID
	v.Outcome, v.Connected = outcome, false
	if err := c.dropSeat(v.ParticipantID); err != nil {
		return err
	}
	if err := errors.Join(c.putVisit(v), eraseAt(c.Tx, c.now.Add(eraseDelay), v.Key)); err != nil {
		return err
	}
	if outcome == OutcomeRemoved {
		c.sendAway(v.ParticipantID) // it can't even read how it ended
		if err := c.Delete(prefixVisitToken + v.Token); err != nil {
			return err
		}
	} else if err := schedule(c.Tx, c.now.Add(eraseDelay), DueVisitToken, v.Token); err != nil {
		return err
	}
	if !v.LimitAt.IsZero() {
		if err := unschedule(c.Tx, v.LimitAt, DueVisitLimit, v.ID); err != nil {
			return err
		}
	}
	if err := errors.Join(c.ended(v), c.reportVisit(v, outcome)); err != nil {
		return err
	}
	if err := c.hook(v, "visit.ended"); err != nil {
		return err
	}
	return c.leaveCall(call, v.ParticipantID)
}

// ended settles what the visit came by.
func (c *change) ended(v *visitRecord) error {
	if v.AppointmentID != "" {
		if err := c.appointmentOver(v.AppointmentID); err != nil {
			return err
		}
	}
	if v.ConsultID != "" {
		return c.consultOver(v.ConsultID)
	}
	if v.GroupID != "" {
		return c.registrationLeft(v)
	}
	return nil
}
