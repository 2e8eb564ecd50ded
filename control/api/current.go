package api

import (
	"context"
	"errors"
	"slices"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// CurrentSession is who is signed in and what their roles are for.
type CurrentSession struct {
	Account        Account `json:"account"`
	OrganisationID string  `json:"organisation_id" format:"uuid"`
	Organisation   string  `json:"organisation" doc:"Its name."`
	HasPassword    bool    `json:"has_password" doc:"false: who has signed in by links only may choose one without giving another."`
	Places         []Place `json:"places" nullable:"false" doc:"Those that the roles were granted on. A role on a unit is one on all that is in it: list that."`
}

// Place is something that somebody has roles on.
type Place struct {
	Scope
	Name        string   `json:"name"`
	UnitID      string   `json:"unit_id,omitempty" format:"uuid" doc:"That it stands in."`
	Unit        string   `json:"unit,omitempty" doc:"The unit's name."`
	Roles       []string `json:"roles" nullable:"false" doc:"Granted on it."`
	Permissions []string `json:"permissions" nullable:"false" doc:"On it, by all roles."`
}

func (s *Server) currentSession(ctx context.Context, _ *struct{}) (*output[CurrentSession], error) {
	a := accessOf(ctx)
	org, err := s.control.Organisation(ctx, a.actor, a.organisation())
	if err != nil {
		return nil, err
	}
	password, err := s.storedPassword(ctx, a.principal.account.ID)
	if err != nil {
		return nil, err
	}
	current := CurrentSession{
		Account: accountOf(*a.principal.account), OrganisationID: org.ID, Organisation: org.Name, HasPassword: password != "", Places: []Place{},
	}
	seen := make(map[control.Scope]int)
	for _, g := range a.principal.grants {
		if i, ok := seen[g.Scope]; ok {
			current.Places[i].Roles = append(current.Places[i].Roles, string(g.Role))
			continue
		}
		place, err := s.placeOf(ctx, a, g.Scope)
		if errors.Is(err, control.ErrNotFound) { // deleted; the role remains
			continue
		}
		if err != nil {
			return nil, err
		}
		place.Roles = []string{string(g.Role)}
		seen[g.Scope] = len(current.Places)
		current.Places = append(current.Places, place)
	}
	return &output[CurrentSession]{Body: current}, nil
}

// placeOf describes a scope to somebody who has a role on it.
func (s *Server) placeOf(ctx context.Context, a *access, scope control.Scope) (Place, error) {
	place := Place{Scope: scopeOf(scope), Permissions: []string{}}
	chain, err := s.control.ScopeChain(ctx, thingOf(scope.Kind), scope.ID)
	if err != nil {
		return place, err
	}
	for _, row := range auth.Table() {
		own := slices.Contains(row.Roles, auth.Staff) || slices.Contains(row.Roles, auth.Public)
		if !own && a.mayOn(row.Permission, chain) {
			place.Permissions = append(place.Permissions, string(row.Permission))
		}
	}
	if place.Name, err = s.nameOf(ctx, a.actor, scope); err != nil {
		return place, err
	}
	if i := slices.IndexFunc(chain, func(sc control.Scope) bool { return sc.Kind == control.ScopeUnit }); i >= 0 {
		unit := chain[i]
		place.UnitID = unit.ID
		if place.Unit, err = s.nameOf(ctx, a.actor, unit); err != nil {
			return place, err
		}
	}
	return place, nil
}

// nameOf is what a thing is called.
func (s *Server) nameOf(ctx context.Context, actor control.Actor, scope control.Scope) (string, error) {
	switch scope.Kind {
	case control.ScopeOrganisation:
		o, err := s.control.Organisation(ctx, actor, scope.ID)
		return o.Name, err
	case control.ScopeUnit:
		u, err := s.control.Unit(ctx, actor, scope.ID)
		return u.Name, err
	case control.ScopeArea:
		area, err := s.control.Area(ctx, actor, scope.ID)
		return area.Name, err
	}
	room, err := s.control.MeetingRoom(ctx, actor, scope.ID)
	return room.Name, err
}
