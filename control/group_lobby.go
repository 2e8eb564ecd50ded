package control

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/atriumrtc/atrium/control/store"
)

// maxAdmit is how many visits one request may name.
const maxAdmit = 500

// GroupAdmissions is what came of admitting some who wait for a group.
type GroupAdmissions struct {
	Admitted []string // visits
	Refused  []RefusedVisit
}

// RefusedVisit is a visit that could not be admitted, and the code of why. It
// keeps its place.
type RefusedVisit struct {
	VisitID string
	Code    string
}

// CodeNotFound is the code of a RefusedVisit that doesn't wait for the group.
const CodeNotFound = "not_found"

// GroupLobby lists who waits for a group, in order of arrival. They learn
// nothing of each other (R-GC-2).
func (s *Service) GroupLobby(ctx context.Context, actor Actor, groupID string) ([]Visit, error) {
	var records []visitRecord
	err := s.store.View(ctx, func(tx store.Tx) error {
		_, err := readGroup(tx, actor, groupID)
		if err == nil {
			records, err = lobbyOf(tx, groupID)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read a group's lobby: %w", err)
	}
	list := make([]Visit, 0, len(records))
	for _, record := range records {
		v, err := s.openVisit(record)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

// AdmitToGroup takes some who wait into a group's session, in one transaction
// (R-GC-2). Who doesn't fit keeps their place (R-GC-1); when nobody could be
// admitted, the error is why the first wasn't.
func (s *Service) AdmitToGroup(ctx context.Context, actor Actor, groupID string, visits []string) (GroupAdmissions, error) {
	if len(visits) == 0 || len(visits) > maxAdmit {
		return GroupAdmissions{}, &FieldError{Field: "visits", Message: fmt.Sprintf("must be 1 to %d ids of visits", maxAdmit)}
	}
	var done GroupAdmissions
	err := s.change(ctx, actor, "admit to a group", func(c *change) (err error) {
		var waiting []visitRecord
		done = GroupAdmissions{}
		first := error(nil)
		for i, id := range visits {
			v, err := liveVisit(c.Tx, id)
			switch {
			case errors.Is(err, ErrNotFound) || err == nil && v.GroupID != groupID:
				done.refuse(id, CodeNotFound)
				first = errors.Join(first, ErrNotFound)
			case err != nil:
				return err
			case !slices.Contains(visits[:i], id):
				waiting = append(waiting, v)
			}
		}
		why, err := c.admitToGroup(groupID, waiting, &done)
		if err == nil && len(done.Admitted) == 0 {
			err = errors.Join(why, first)
		}
		return err
	})
	return done, err
}

// AdmitAllToGroup takes everybody who waits into a group's session, in order
// of arrival, as far as there are seats, in one transaction.
func (s *Service) AdmitAllToGroup(ctx context.Context, actor Actor, groupID string) (GroupAdmissions, error) {
	var done GroupAdmissions
	err := s.change(ctx, actor, "admit all to a group", func(c *change) error {
		done = GroupAdmissions{}
		if _, err := readGroup(c.Tx, actor, groupID); err != nil {
			return err
		}
		waiting, err := lobbyOf(c.Tx, groupID)
		if err != nil {
			return err
		}
		_, err = c.admitToGroup(groupID, waiting, &done)
		return err
	})
	return done, err
}

func (a *GroupAdmissions) refuse(visitID, code string) {
	a.Refused = append(a.Refused, RefusedVisit{visitID, code})
}

// admitToGroup admits visits of a group, and says why the first who wasn't
// was not.
func (c *change) admitToGroup(groupID string, visits []visitRecord, done *GroupAdmissions) (why, err error) {
	g, call, err := c.liveGroup(groupID)
	if err != nil {
		return nil, err
	}
	for i := range visits {
		v := &visits[i]
		err := c.take(v, call)
		var state *StateError
		switch {
		case errors.As(err, &state):
			done.refuse(v.ID, state.Code)
			if why == nil {
				why = err
			}
			continue
		case err != nil:
			return nil, err
		}
		done.Admitted = append(done.Admitted, v.ID)
		if err := c.admittedToGroup(g, v); err != nil {
			return nil, err
		}
	}
	return why, c.putCall(call)
}

// admittedToGroup notes with the registration of a visit that it was admitted.
func (c *change) admittedToGroup(g *groupRecord, v *visitRecord) error {
	r, err := get[registrationRecord](c.Tx, prefixRegistration+v.RegistrationID)
	if err != nil {
		return err
	}
	r.State = RegistrationAdmitted
	return errors.Join(c.putRegistration(&r),
		c.hookGroup(g, "group.admitted", "registration_id", r.ID, "visit_id", v.ID))
}

// backToLobby notes with the registration of a visit that is on hold that it
// waits to be admitted again; nothing for a visit of no group.
func (c *change) backToLobby(v *visitRecord) error {
	if v.GroupID == "" {
		return nil
	}
	r, err := get[registrationRecord](c.Tx, prefixRegistration+v.RegistrationID)
	if err != nil {
		return err
	}
	r.State = RegistrationRequested
	return c.putRegistration(&r)
}

// liveGroup reads a group that goes on, with its call, of somebody who
// moderates it.
func (c *change) liveGroup(id string) (*groupRecord, *Call, error) {
	g, err := readGroup(c.Tx, c.actor, id)
	if err != nil {
		return nil, nil, err
	}
	if err := c.mayRun(&g); err != nil {
		return nil, nil, err
	}
	if err := g.isLive(c.now); err != nil {
		return nil, nil, err
	}
	call, err := c.call(g.CallID)
	return &g, call, err
}
