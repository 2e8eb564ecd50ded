package control

import (
	"context"
	"errors"
	"fmt"

	"github.com/atriumrtc/atrium/control/store"
)

// Call returns a call, one that ended too. Names of guests stand in their
// visits.
func (s *Service) Call(ctx context.Context, actor Actor, id string) (Call, error) {
	var call Call
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		if !validID(id) {
			return ErrNotFound
		}
		if call, err = get[Call](tx, prefixCall+id); err != nil {
			return err
		}
		return actor.reach(call.OrganisationID)
	})
	if err != nil {
		return Call{}, fmt.Errorf("read a call: %w", err)
	}
	return call, nil
}

// CallSeat gives somebody of staff another join to the seat that they have in
// a call; ErrNotFound when they have none.
func (s *Service) CallSeat(ctx context.Context, who Staff, callID string) (Join, error) {
	who, err := who.clean()
	if err != nil {
		return Join{}, err
	}
	var join Join
	other := false // another session than they came with
	err = s.store.View(ctx, func(tx store.Tx) error {
		c := &change{Tx: tx, Service: s, actor: who.Actor}
		call, err := c.call(callID)
		if err != nil {
			return err
		}
		for _, m := range call.Members {
			if !m.LeftAt.IsZero() || m.VisitID != "" {
				continue
			}
			seat, err := c.seat(m.ParticipantID)
			if err != nil {
				return err
			}
			if seat.Identity == who.identity() {
				other = seat.Session != who.Session
				join, err = s.newSeatJoin(m.ParticipantID, call.OrganisationID, call.ID, seat.Name, seat.Role)
				return err
			}
		}
		return ErrNotFound
	})
	if err == nil && other {
		err = s.change(ctx, who.Actor, "change the session", func(c *change) error { return c.reseat(join.ParticipantID, who) })
	}
	if err != nil {
		return Join{}, fmt.Errorf("return to a call: %w", err)
	}
	return join, nil
}

// EndCall ends a call for everybody in it (R-IA-5).
func (s *Service) EndCall(ctx context.Context, actor Actor, id string) error {
	return s.change(ctx, actor, "end a call", func(c *change) error {
		call, err := c.moderatedCall(id)
		if err != nil {
			return err
		}
		if err := c.audit("call.end", call.subject()); err != nil {
			return err
		}
		return c.endCall(call, OutcomeCompleted)
	})
}

// endCall lets everybody in a call go.
func (c *change) endCall(call *Call, outcome Outcome) error {
	for i := range call.Members {
		m := &call.Members[i]
		if !m.LeftAt.IsZero() {
			continue
		}
		if err := c.takeOut(call, m); err != nil {
			return err
		}
		if m.VisitID == "" {
			if err := c.dropSeat(m.ParticipantID); err != nil {
				return err
			}
		}
	}
	// Stored before its visits end: they find themselves out of it.
	if err := c.finishCall(call); err != nil {
		return err
	}
	for _, m := range call.Members {
		if m.VisitID == "" || !m.LeftAt.Equal(c.now) {
			continue
		}
		v, err := liveVisit(c.Tx, m.VisitID)
		if errors.Is(err, ErrNotFound) || err == nil && (v.State != VisitInCall || v.CallID != call.ID) {
			continue // left in this same moment
		}
		if err != nil {
			return err
		}
		if err := c.end(&v, outcome); err != nil {
			return err
		}
	}
	return nil
}
