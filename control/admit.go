package control

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Admitted is a guest in a call, and who took them there.
type Admitted struct {
	Visit Visit
	Call  Call
	Join  Join // of the provider
}

// AdmitSpec says where to take a guest.
type AdmitSpec struct {
	// CallID is a call of the same area that goes on (R-IA-4); "" is the one
	// that the guest was put on hold from, if it goes on, else a new one.
	CallID string
	// Confirm joins a guest whom somebody sees already (R-IA-5).
	Confirm bool
}

// Admit takes a guest who waits, or is on hold, into a call with who admits
// them (R-IA-2). A guest whom somebody sees already is joined when that is
// confirmed (R-IA-5), else it is a *StateError with CodeAlreadySeen.
func (s *Service) Admit(ctx context.Context, who Staff, visitID string, spec AdmitSpec) (Admitted, error) {
	who, err := who.clean()
	if err != nil {
		return Admitted{}, err
	}
	var v *visitRecord
	var call *Call
	var seat string
	err = s.change(ctx, who.Actor, "admit a guest", func(c *change) (err error) {
		if v, err = c.visit(visitID); err != nil {
			return err
		}
		if v.GroupID != "" {
			return &StateError{CodeWrongState, "This person has come for a group: admit them there."}
		}
		if v.State == VisitInCall {
			if call, err = c.confirmed(v, spec); err != nil {
				return err
			}
			seat, err = c.joinStaff(call, who)
			return errors.Join(err, c.putCall(call), c.audit("visit.join", v.subject(), "call_id", call.ID))
		}
		if call, err = c.callFor(v, spec.CallID); err != nil {
			return err
		}
		if seat, err = c.joinStaff(call, who); err != nil {
			return err
		}
		return c.admit(v, call)
	})
	if err != nil {
		return Admitted{}, err
	}
	join, err := s.newSeatJoin(seat, call.OrganisationID, call.ID, who.Name, RoleModerator)
	if err != nil {
		return Admitted{}, err
	}
	visit, err := s.openVisit(*v)
	return Admitted{Visit: visit, Call: *call, Join: join}, err
}

// confirmed returns the call of a guest whom somebody sees.
func (c *change) confirmed(v *visitRecord, spec AdmitSpec) (*Call, error) {
	if spec.CallID != "" && spec.CallID != v.CallID {
		return nil, &StateError{CodeWrongState, "This person is in another call."}
	}
	call, err := c.call(v.CallID)
	if err != nil {
		return nil, err
	}
	if _, providers := call.present(); providers > 0 && !spec.Confirm {
		return nil, &StateError{CodeAlreadySeen, "Somebody is seeing this person already: confirm to join them."}
	}
	return call, nil
}

// callFor returns the call that a guest is to be taken into.
func (c *change) callFor(v *visitRecord, callID string) (*Call, error) {
	if callID != "" {
		call, err := c.call(callID)
		if err == nil && (call.AreaID != v.AreaID || call.Kind != Individual) {
			return nil, ErrNotFound
		}
		return call, err
	}
	if v.CallID != "" {
		call, err := c.call(v.CallID)
		if !errors.Is(err, ErrNotFound) {
			return call, err
		}
	}
	return c.startCall(Individual, v.OrganisationID, v.UnitID, v.AreaID, "")
}

// admit puts a guest into a call and stores both.
func (c *change) admit(v *visitRecord, call *Call) error {
	if err := c.take(v, call); err != nil {
		return err
	}
	return c.putCall(call)
}

// take is admit for a call that the caller stores, as several may come at
// once. A *StateError has changed nothing.
func (c *change) take(v *visitRecord, call *Call) error {
	if err := v.move(actAdmit, c.now); err != nil {
		return err
	}
	v.CallID = call.ID
	if err := c.join(call, Member{
		ParticipantID: v.ParticipantID, VisitID: v.ID, Person: v.RegistrationID, Role: RoleParticipant,
	}); err != nil {
		return err
	}
	if !v.LimitAt.IsZero() {
		if err := unschedule(c.Tx, v.LimitAt, DueVisitLimit, v.ID); err != nil {
			return err
		}
	}
	return errors.Join(c.putVisit(v), c.hook(v, "visit.admitted"),
		c.audit("visit.admit", v.subject(), "call_id", call.ID))
}

// act changes a guest's visit and returns it.
func (s *Service) act(ctx context.Context, actor Actor, what, visitID string, do func(c *change, v *visitRecord) error) (Visit, error) {
	var v *visitRecord
	err := s.change(ctx, actor, what, func(c *change) (err error) {
		if v, err = c.visit(visitID); err != nil {
			return err
		}
		return do(c, v)
	})
	if err != nil {
		return Visit{}, err
	}
	return s.openVisit(*v)
}

// Hold puts a guest on hold: they see and hear nobody, are seen and heard by
// nobody, and keep their place (R-IA-5).
func (s *Service) Hold(ctx context.Context, actor Actor, visitID string) (Visit, error) {
	return s.act(ctx, actor, "hold a guest", visitID, func(c *change, v *visitRecord) error {
		if err := c.mayConduct(v); err != nil {
			return err
		}
		if v.State != VisitInCall || v.AreaID == "" {
			return &StateError{CodeWrongState, wrongState(v.State)}
		}
		call, err := c.call(v.CallID)
		if err != nil {
			return err
		}
		m := call.member(v.ParticipantID)
		if m == nil {
			return fmt.Errorf("%w: a guest is in a call that doesn't know them", ErrNotFound)
		}
		if err := errors.Join(c.hold(call, m, v), c.backToLobby(v), c.audit("visit.hold", v.subject())); err != nil {
			return err
		}
		if all, _ := call.present(); all == 0 && call.GroupID == "" {
			return c.finishCall(call)
		}
		return c.putCall(call)
	})
}

// Resume takes a guest on hold back into their call, or, when that has ended,
// into a new one.
func (s *Service) Resume(ctx context.Context, who Staff, visitID string) (Admitted, error) {
	return s.Admit(ctx, who, visitID, AdmitSpec{})
}

// Deny lets a guest go who waits or is on hold. reason, if any, is shown to
// them.
func (s *Service) Deny(ctx context.Context, who Staff, visitID, reason string) (Visit, error) {
	text, err := cleanText("reason", reason)
	if err != nil {
		return Visit{}, err
	}
	return s.act(ctx, who.Actor, "deny a guest", visitID, func(c *change, v *visitRecord) error {
		if err := c.mayConduct(v); err != nil {
			return err
		}
		if v.State == VisitInCall {
			return &StateError{CodeWrongState, wrongState(v.State)}
		}
		if text != "" {
			if err := c.write(v, Message{At: c.now, From: who.Name, Text: text}); err != nil {
				return err
			}
		}
		return errors.Join(c.end(v, OutcomeRefused), c.audit("visit.deny", v.subject()))
	})
}

// RemoveVisit ends a guest's visit at once: their connection ends and their
// tokens are dead.
func (s *Service) RemoveVisit(ctx context.Context, actor Actor, visitID string) (Visit, error) {
	return s.act(ctx, actor, "remove a guest", visitID, func(c *change, v *visitRecord) error {
		if err := c.mayConduct(v); err != nil {
			return err
		}
		return errors.Join(c.end(v, OutcomeRemoved), c.audit("visit.remove", v.subject()))
	})
}

// Transfer sends a guest to the queue of another area of their organisation.
// The time of arrival is kept (R-WA-4).
func (s *Service) Transfer(ctx context.Context, actor Actor, visitID, areaID string) (Visit, error) {
	return s.act(ctx, actor, "transfer a guest", visitID, func(c *change, v *visitRecord) error {
		to, err := liveArea(c.Tx, areaID)
		switch {
		case err != nil:
			return err
		case to.OrganisationID != v.OrganisationID:
			return ErrNotFound
		case v.GroupID != "":
			return &StateError{CodeWrongState, "This person has come for a group: invite them to another one."}
		case to.ID == v.AreaID || v.AreaID == "":
			return &StateError{CodeWrongState, "This person is in that area, or in none."}
		case to.Suspended:
			return &StateError{CodeAreaSuspended, "That area takes nobody at the moment."}
		}
		if err := c.audit("visit.transfer", v.subject(), "from", v.AreaID, "to", to.ID); err != nil {
			return err
		}
		return c.transfer(v, to.Area)
	})
}

func (c *change) transfer(v *visitRecord, to Area) error {
	call, wasIn := v.CallID, v.State == VisitInCall
	if err := c.tallyCall(v); err != nil {
		return err
	}
	if err := v.move(actTransfer, c.now); err != nil {
		return err
	}
	err := errors.Join(c.reportTransfer(v), c.Delete(queueKey(v.AreaID, v.ArrivedAt, v.ID)), announce(c.Tx, c.now, v.AreaID, AreaVisitLeft, v.ID))
	if err != nil {
		return err
	}
	v.Stays = append(v.Stays, stay{AreaID: v.AreaID, UnitID: v.UnitID, Outcome: OutcomeTransferred, LeftAt: c.now})
	v.AreaID, v.UnitID, v.CallID = to.ID, to.UnitID, ""
	if err := c.limit(v, to); err != nil {
		return err
	}
	if err := errors.Join(c.putVisit(v), c.hook(v, "visit.transferred")); err != nil {
		return err
	}
	c.follows(v.ParticipantID)
	if !wasIn {
		return nil
	}
	return c.leaveCall(call, v.ParticipantID)
}

// limit schedules the end of a guest's waiting, as the area has it (R-WA-7).
func (c *change) limit(v *visitRecord, a Area) error {
	if !v.LimitAt.IsZero() {
		if err := unschedule(c.Tx, v.LimitAt, DueVisitLimit, v.ID); err != nil {
			return err
		}
	}
	if a.Settings.WaitLimit <= 0 {
		v.LimitAt = time.Time{}
		return nil
	}
	v.LimitAt = c.now.Add(a.Settings.WaitLimit)
	return schedule(c.Tx, v.LimitAt, DueVisitLimit, v.ID)
}

// limitOver is due when a guest has waited as long as their area lets them.
func (c *change) limitOver(visitID string) error {
	v, err := liveVisit(c.Tx, visitID)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil || v.State != VisitWaiting || v.LimitAt.IsZero() || c.now.Before(v.LimitAt) {
		return err
	}
	return c.end(&v, OutcomeTimedOut)
}
