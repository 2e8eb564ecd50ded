package control

import (
	"context"
	"errors"
	"fmt"

	"github.com/atriumrtc/atrium/control/store"
)

// ThingKind is a kind of thing that permissions are asked for.
type ThingKind string

// Kinds of a thing. Each is an id's namespace.
const (
	ThingOrganisation ThingKind = "organisation"
	ThingUnit         ThingKind = "unit"
	ThingArea         ThingKind = "area"
	ThingMeetingRoom  ThingKind = "meeting_room"
	ThingAccount      ThingKind = "account"
	ThingAPIKey       ThingKind = "api_key"
	ThingVisit        ThingKind = "visit"
	ThingCall         ThingKind = "call"
	ThingAppointment  ThingKind = "appointment"
	ThingConsult      ThingKind = "consult_now"
	ThingGroup        ThingKind = "group"
	ThingRegistration ThingKind = "registration"
)

// placed is what every record of something in a place says of it.
type placed struct {
	OrganisationID string `json:"organisation_id"`
	UnitID         string `json:"unit_id"`
	AreaID         string `json:"area_id"`
	MeetingRoomID  string `json:"meeting_room_id"`
}

// ScopeChain returns the scopes that a thing stands in, the narrowest first
// and the organisation last: a role on any of them is a role on the thing.
// ErrNotFound when it, or what it stands in, is unknown or deleted (R-T-4).
func (s *Service) ScopeChain(ctx context.Context, kind ThingKind, id string) ([]Scope, error) {
	var chain []Scope
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		chain, err = scopeChain(tx, kind, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find what a thing stands in: %w", err)
	}
	return chain, nil
}

// PastUnitChain is ScopeChain of a unit, also when that was deleted: its
// reports remain (R-T-5).
func (s *Service) PastUnitChain(ctx context.Context, id string) ([]Scope, error) {
	var chain []Scope
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		chain, err = Scope{ScopeUnit, id}.pastChain(tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find what a unit stood in: %w", err)
	}
	return chain, nil
}

func scopeChain(tx store.Tx, kind ThingKind, id string) ([]Scope, error) {
	if !validID(id) {
		return nil, ErrNotFound
	}
	switch kind {
	case ThingOrganisation:
		_, err := organisation(tx, id)
		return []Scope{{ScopeOrganisation, id}}, err
	case ThingUnit:
		u, err := liveUnit(tx, id)
		return unitChain(u), err
	case ThingArea:
		a, err := liveArea(tx, id)
		return areaChain(a.Area), err
	case ThingMeetingRoom:
		r, err := liveMeetingRoom(tx, id)
		return roomChain(r.MeetingRoom), err
	case ThingAccount:
		a, err := get[placed](tx, prefixAccount+id)
		return []Scope{{ScopeOrganisation, a.OrganisationID}}, err
	case ThingAPIKey:
		k, err := keyByID(tx, id)
		if err != nil {
			return nil, err
		}
		return k.Scope.chain(tx)
	}
	prefix, ok := map[ThingKind]string{
		ThingVisit: prefixVisit, ThingCall: prefixCall,
		ThingAppointment: prefixAppointment, ThingConsult: prefixConsult,
		ThingGroup: prefixGroup, ThingRegistration: prefixRegistration,
	}[kind]
	if !ok {
		return nil, fmt.Errorf("%w: nothing is a %q", ErrNotFound, kind)
	}
	at, err := get[placed](tx, prefix+id)
	if err != nil {
		return nil, err
	}
	return at.chain(tx)
}

// OfGroup says whether a visit or a call is a group's. ErrNotFound is for
// ScopeChain to say.
func (s *Service) OfGroup(ctx context.Context, kind ThingKind, id string) (bool, error) {
	prefix := map[ThingKind]string{ThingVisit: prefixVisit, ThingCall: prefixCall}[kind]
	var of struct {
		GroupID string `json:"group_id"`
	}
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		of, err = get[struct {
			GroupID string `json:"group_id"`
		}](tx, prefix+id)
		return err
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return false, fmt.Errorf("see whether a thing is a group's: %w", err)
	}
	return of.GroupID != "", nil
}

func (p placed) chain(tx store.Tx) ([]Scope, error) {
	switch {
	case p.MeetingRoomID != "":
		return scopeChain(tx, ThingMeetingRoom, p.MeetingRoomID)
	case p.AreaID != "":
		return scopeChain(tx, ThingArea, p.AreaID)
	case p.UnitID != "":
		return scopeChain(tx, ThingUnit, p.UnitID)
	}
	return scopeChain(tx, ThingOrganisation, p.OrganisationID)
}

// chain returns the scope and those that it stands in.
func (sc Scope) chain(tx store.Tx) ([]Scope, error) {
	if sc.Kind == ScopeRoom {
		return scopeChain(tx, ThingMeetingRoom, sc.ID)
	}
	return scopeChain(tx, ThingKind(sc.Kind), sc.ID)
}

// pastChain is chain, of a unit also when that was deleted.
func (sc Scope) pastChain(tx store.Tx) ([]Scope, error) {
	if sc.Kind != ScopeUnit {
		return sc.chain(tx)
	}
	u, err := unit(tx, sc.ID)
	return unitChain(u), err
}

func unitChain(u Unit) []Scope {
	return []Scope{{ScopeUnit, u.ID}, {ScopeOrganisation, u.OrganisationID}}
}

func areaChain(a Area) []Scope {
	return []Scope{{ScopeArea, a.ID}, {ScopeUnit, a.UnitID}, {ScopeOrganisation, a.OrganisationID}}
}

func roomChain(r MeetingRoom) []Scope {
	chain := []Scope{{ScopeRoom, r.ID}}
	if r.AreaID != "" {
		chain = append(chain, Scope{ScopeArea, r.AreaID})
	}
	return append(chain, Scope{ScopeUnit, r.UnitID}, Scope{ScopeOrganisation, r.OrganisationID})
}

// reach returns ErrNotFound when an actor belongs to another organisation
// (R-T-4). What of its own they may do is the permission table's to say.
func (a Actor) reach(organisationID string) error {
	switch {
	case a.Kind == ActorOperator || a.Kind == ActorSystem:
		return nil
	case a.OrganisationID != "" && a.OrganisationID == organisationID:
		return nil
	}
	return ErrNotFound
}
