package api

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// target is the thing that a route's permission is asked for.
type target struct {
	kind control.ThingKind // "": none; the permission is the deployment's or one's own
	// param is the parameter of the path that holds the thing's id, "" for
	// the caller's own organisation.
	param string
	// unit says that the query parameter unit_id narrows it to a unit.
	unit bool
}

// thingWebhook is a webhook of the caller's organisation.
const thingWebhook control.ThingKind = "webhook"

// on is the thing whose id is {id} in the path.
func on(kind control.ThingKind) target { return target{kind: kind, param: "id"} }

// ownOrganisation is the caller's organisation.
func ownOrganisation() target { return target{kind: control.ThingOrganisation} }

// ownOrganisationOrUnit is the caller's organisation, or the unit of it that
// the query names.
func ownOrganisationOrUnit() target { return target{kind: control.ThingOrganisation, unit: true} }

// access is what a request was let through with.
type access struct {
	server    *Server
	route     route
	principal *principal
	actor     control.Actor
	chain     []control.Scope // of the thing, narrowest first; nil when there is none
	guest     bool            // the thing is the guest's own visit
}

// organisation returns the id of the organisation that the thing is of.
func (a *access) organisation() string {
	if len(a.chain) == 0 {
		return a.principal.organisation()
	}
	return a.chain[len(a.chain)-1].ID
}

// unit returns the id of the unit that the thing is of or is, "" for the
// organisation itself.
func (a *access) unit() string {
	for _, scope := range a.chain {
		if scope.Kind == control.ScopeUnit {
			return scope.ID
		}
	}
	return ""
}

// may says whether the caller has another permission on the same thing: what
// an answer shows may depend on it.
func (a *access) may(permission auth.Permission) bool {
	return a.mayOn(permission, a.chain)
}

// mayOn says whether the caller has a permission on what stands in these
// scopes.
func (a *access) mayOn(permission auth.Permission, chain []control.Scope) bool {
	if a.server == nil {
		return false
	}
	roles := a.principal.roles(permission, chain)
	return a.server.policy.Allows(permission, roles...)
}

// roles are those that count for a permission on what stands in the scopes of
// chain. A machine has its role only for permissions that it was made with.
func (p *principal) roles(permission auth.Permission, chain []control.Scope) []auth.Role {
	var roles []auth.Role
	if p.operator {
		roles = append(roles, auth.Operator)
	}
	if p.account != nil {
		roles = append(roles, auth.Staff)
	}
	for _, g := range p.grants {
		if slices.Contains(chain, g.Scope) {
			roles = append(roles, auth.Role(g.Role))
		}
	}
	if p.key != nil && slices.Contains(chain, p.key.Scope) &&
		(slices.Contains(p.key.Permissions, string(permission)) || slices.Contains(p.key.Permissions, control.AllPermissions)) {
		roles = append(roles, auth.Machine)
	}
	return roles
}

// authorise decides whether p may use the route on the thing that the request
// names: 404 when p has no role on the thing, nor on what it stands in or what
// stands in it (R-T-4); 403 when none of the roles has the permission
// (section 2 of the specification). A thing that the request doesn't name (the caller's
// own organisation) is no secret to the caller: 403.
func (s *Server) authorise(ctx context.Context, r route, p *principal, req *http.Request) (*access, *Problem) {
	a := &access{server: s, route: r, principal: p, actor: p.actor(r.permission == auth.OwnVisit)}
	if r.target.kind == "" {
		if s.policy.Allows(r.permission, p.roles(r.permission, nil)...) {
			return a, nil
		}
		return nil, forbidden()
	}
	kind, id, named := r.target.thing(p, req)
	if !named && id == "" {
		return nil, forbidden() // the operator has no organisation
	}
	own, err := s.own(ctx, r, p, kind, id)
	if err != nil {
		return nil, problemOf(s.failed(ctx, r.id, err))
	}
	if own {
		// Staff who happen to have a visit too act as its guest.
		a.guest, a.actor = true, *p.guest
		return a, nil
	}
	chain, err := s.chainOf(ctx, p, kind, id)
	if errors.Is(err, control.ErrNotFound) && r.past {
		// Nobody but who has the permission learns that it was ever there.
		if chain, err = s.control.PastUnitChain(ctx, id); err == nil && !a.mayOn(r.permission, chain) {
			err = control.ErrNotFound
		}
	}
	if errors.Is(err, control.ErrNotFound) {
		return nil, problemOf(control.ErrNotFound)
	}
	if err != nil {
		return nil, problemOf(s.failed(ctx, r.id, err))
	}
	a.chain = chain
	permission := r.permission
	if r.group {
		of, err := s.control.OfGroup(ctx, kind, id)
		if err != nil {
			return nil, problemOf(s.failed(ctx, r.id, err))
		}
		if of {
			permission = auth.GroupsModerate
		}
	}
	if a.may(permission) || r.meeting != "" && chain[0].Kind == control.ScopeRoom && a.may(r.meeting) {
		return a, nil
	}
	if !named {
		return nil, forbidden()
	}
	related, err := s.related(ctx, p, kind, chain)
	if err != nil {
		return nil, problemOf(s.failed(ctx, r.id, err))
	}
	if !related {
		return nil, problemOf(control.ErrNotFound)
	}
	return nil, forbidden()
}

// own says whether a thing is p's as a guest, and the route is for its guest:
// their visit, or the call that they are in.
func (s *Server) own(ctx context.Context, r route, p *principal, kind control.ThingKind, id string) (bool, error) {
	switch {
	case p.guest == nil || !r.guest && r.permission != auth.OwnVisit:
		return false, nil
	case kind == control.ThingVisit:
		return p.guest.ID == id, nil
	case kind == control.ThingCall && r.permission == auth.OwnVisit:
		return s.control.GuestInCall(ctx, *p.guest, id)
	}
	return false, nil
}

// thing returns what a request asks for. named is false for what the caller
// belongs to anyhow.
func (t target) thing(p *principal, req *http.Request) (kind control.ThingKind, id string, named bool) {
	if t.param != "" {
		return t.kind, req.PathValue(t.param), true
	}
	if unit := req.URL.Query().Get("unit_id"); t.unit && unit != "" {
		return control.ThingUnit, unit, true
	}
	return t.kind, p.organisation(), false
}

// chainOf returns the scopes that a thing stands in.
func (s *Server) chainOf(ctx context.Context, p *principal, kind control.ThingKind, id string) ([]control.Scope, error) {
	if kind == thingWebhook {
		return s.webhookChain(ctx, p.organisation(), id)
	}
	return s.control.ScopeChain(ctx, kind, id)
}

// related says whether p has any role on the thing or on what it stands in,
// or, for what can have roles, on something in it.
func (s *Server) related(ctx context.Context, p *principal, kind control.ThingKind, chain []control.Scope) (bool, error) {
	var held []control.Scope
	for _, g := range p.grants {
		held = append(held, g.Scope)
	}
	if p.key != nil {
		held = append(held, p.key.Scope)
	}
	if slices.ContainsFunc(held, func(sc control.Scope) bool { return slices.Contains(chain, sc) }) {
		return true, nil
	}
	switch kind {
	case control.ThingOrganisation, control.ThingUnit, control.ThingArea, control.ThingMeetingRoom:
	default:
		return false, nil
	}
	for _, scope := range held {
		around, err := s.control.ScopeChain(ctx, thingOf(scope.Kind), scope.ID)
		if errors.Is(err, control.ErrNotFound) {
			continue // a role on what was deleted
		}
		if err != nil {
			return false, err
		}
		if slices.Contains(around, chain[0]) {
			return true, nil
		}
	}
	return false, nil
}

// seated takes somebody of staff out of a call again who lost what let them in
// while they came in: who loses it later is taken out by the rules (R-P-2).
func (s *Server) seated(ctx context.Context, participantID string) error {
	a := accessOf(ctx)
	p := *a.principal
	if p.account == nil {
		return nil
	}
	may, err := s.renew(ctx, &p)
	if err != nil {
		return err
	}
	if may && s.policy.Allows(a.route.permission, p.roles(a.route.permission, a.chain)...) {
		return nil
	}
	if err := s.control.Unseat(ctx, participantID); err != nil {
		return err
	}
	return forbidden()
}

// thingOf is the kind of thing that a scope is.
func thingOf(kind control.ScopeKind) control.ThingKind {
	if kind == control.ScopeRoom {
		return control.ThingMeetingRoom
	}
	return control.ThingKind(kind)
}

func forbidden() *Problem {
	return newProblem(http.StatusForbidden, CodeForbidden, "Your roles don't include this: ask an administrator.")
}
