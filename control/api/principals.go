package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/store"
)

// principal is who makes a request: what they showed, looked up. Roles are
// read anew for each request, so that one that was taken away is missing from
// the next (R-P-2).
type principal struct {
	operator bool
	key      *control.Caller  // of an API key
	account  *control.Account // of staff, active
	grants   []control.Grant  // of the account
	session  [32]byte         // digest, of staff
	guest    *control.Actor   // of somebody with a live visit
}

// organisation is whose principal it is, "" for the operator.
func (p *principal) organisation() string {
	switch {
	case p.key != nil:
		return p.key.OrganisationID
	case p.account != nil:
		return p.account.OrganisationID
	case p.guest != nil:
		return p.guest.OrganisationID
	}
	return ""
}

// actor is who the rules note as having done something. A browser may be
// signed in and have a visit; asGuest says which of them the route is for.
func (p *principal) actor(asGuest bool) control.Actor {
	switch {
	case p.operator:
		return control.Actor{Kind: control.ActorOperator}
	case p.key != nil:
		return p.key.Actor()
	case p.guest != nil && (asGuest || p.account == nil):
		return *p.guest
	case p.account != nil:
		return control.Actor{Kind: control.ActorAccount, ID: p.account.ID, OrganisationID: p.account.OrganisationID}
	}
	return control.Actor{}
}

// identify says who makes a request: by Authorization, else by the cookies of
// a page of ours (other pages' requests are not judged by cookies, SE-8).
// Nobody in particular is a problem; it counts as a failure when they showed
// something wrong.
func (s *Server) identify(ctx context.Context, r *http.Request) (*principal, *Problem) {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, secret, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return nil, unauthenticated("Send Authorization: Bearer atk_… (an API key) or ats_… (a session).")
		}
		p := &principal{}
		known, err := s.recognise(ctx, p, strings.TrimSpace(secret))
		if err != nil {
			return nil, problemOf(s.failed(ctx, "authenticate", err))
		}
		if !known {
			return nil, s.failure(ctx, unauthenticated("This API key, session or token is unknown, or has ended."))
		}
		return p, nil
	}
	return s.identifyByCookies(ctx, r)
}

func (s *Server) identifyByCookies(ctx context.Context, r *http.Request) (*principal, *Problem) {
	p := &principal{}
	known := false
	var shown []string
	for name, is := range map[string]func(string) ([32]byte, bool){
		sessionCookie: auth.SessionDigest, visitCookie: auth.VisitTokenDigest,
	} {
		token := ownCookie(r, name)
		if token == "" {
			continue
		}
		shown = append(shown, name)
		if _, ok := is(token); !ok {
			continue
		}
		ok, err := s.recognise(ctx, p, token)
		if err != nil {
			return nil, problemOf(s.failed(ctx, "authenticate", err))
		}
		known = known || ok
	}
	switch {
	case known:
		return p, nil
	case len(shown) > 0:
		problem := s.failure(ctx, unauthenticated("You are signed out: sign in again."))
		for _, name := range shown { // the page must not go on showing it with every request
			problem.header.Add("Set-Cookie", endCookie(name))
		}
		return nil, problem
	}
	return nil, unauthenticated("Sign in, or send Authorization: Bearer atk_… (an API key) or ats_… (a session).")
}

// recognise looks a token up, whatever kind it is, and completes p. It is
// false for one that is unknown or has ended.
func (s *Server) recognise(ctx context.Context, p *principal, token string) (bool, error) {
	if digest, ok := auth.APIKeyDigest(token); ok {
		caller, err := s.control.Authenticate(ctx, digest)
		if ok, err := found(err, control.ErrUnauthenticated); !ok || err != nil {
			return false, err
		}
		p.key = &caller
		return true, nil
	}
	if digest, ok := auth.SessionDigest(token); ok {
		return s.recogniseStaff(ctx, p, digest)
	}
	if digest, ok := auth.VisitTokenDigest(token); ok {
		guest, err := s.guests.VisitByToken(ctx, digest)
		if ok, err := found(err, control.ErrUnauthenticated); !ok || err != nil {
			return false, err
		}
		p.guest = &guest
		return true, nil
	}
	p.operator = s.operator.Is(token)
	return p.operator, nil
}

// found turns the error of what isn't there into false.
func found(err, missing error) (bool, error) {
	if errors.Is(err, missing) {
		return false, nil
	}
	return err == nil, err
}

func (s *Server) recogniseStaff(ctx context.Context, p *principal, digest [32]byte) (bool, error) {
	var session auth.Session
	var stale bool
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		session, stale, err = s.sessions.Find(tx, digest)
		return err
	})
	if stale {
		// That its use can't be noted (a full disk) is no reason to refuse.
		if err := s.store.Update(ctx, func(tx store.Tx) error { return s.sessions.Touch(tx, digest) }); err != nil {
			s.log.WarnContext(ctx, "the use of a session could not be stored", "err", err)
		}
	}
	if ok, err := found(err, auth.ErrNoSession); !ok || err != nil {
		return false, err
	}
	account, err := s.control.Account(ctx, control.System(), session.AccountID)
	if ok, err := found(err, control.ErrNotFound); !ok || err != nil {
		return false, err
	}
	if account.State != control.AccountActive { // disabled: out at once
		return false, nil
	}
	if p.grants, err = s.control.Grants(ctx, account.ID); err != nil {
		return false, err
	}
	p.account, p.session = &account, digest
	return true, nil
}

func unauthenticated(detail string) *Problem {
	return newProblem(http.StatusUnauthorized, CodeUnauthenticated, detail).
		withHeader("WWW-Authenticate", `Bearer realm="Atrium"`)
}

// accessKey is where the middleware leaves the access in a context.
type accessKey struct{}

// accessOf returns what the request was let through with.
func accessOf(ctx context.Context) *access {
	a, _ := ctx.Value(accessKey{}).(*access)
	if a == nil {
		return &access{principal: &principal{}}
	}
	return a
}

// actorOf returns who makes the request.
func actorOf(ctx context.Context) control.Actor { return accessOf(ctx).actor }

// callerOf returns whose API key made the request; the zero Caller when it
// was none.
func callerOf(ctx context.Context) control.Caller {
	if key := accessOf(ctx).principal.key; key != nil {
		return *key
	}
	return control.Caller{}
}

// guardRoute is the middleware of a route: who asks, and whether they may.
func (s *Server) guardRoute(r route) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		req, w := humago.Unwrap(ctx)
		access, problem := s.admit(ctx.Context(), r, req)
		if problem != nil {
			writeProblem(w, problem)
			return
		}
		next(huma.WithValue(ctx, accessKey{}, access))
	}
}

// admit decides on one request of a route.
func (s *Server) admit(ctx context.Context, r route, req *http.Request) (*access, *Problem) {
	if r.permission == auth.Anyone {
		return &access{server: s, route: r, principal: &principal{}}, nil
	}
	p, problem := s.identify(ctx, req)
	if problem != nil {
		return nil, problem
	}
	if origin := originOf(ctx).foreign; origin != "" {
		listed, err := s.listed(ctx, p, origin)
		if err != nil {
			return nil, problemOf(s.failed(ctx, r.id, err))
		}
		if !listed {
			return nil, foreignOrigin()
		}
	}
	return s.authorise(ctx, r, p, req)
}

// listed says whether pages of a foreign origin may act for p (SE-8): an API
// key's own list comes before its organisation's.
func (s *Server) listed(ctx context.Context, p *principal, origin string) (bool, error) {
	switch {
	case p.operator:
		return false, nil // no page has the operator key
	case p.key != nil && len(p.key.AllowedOrigins) > 0:
		return slices.Contains(p.key.AllowedOrigins, origin), nil
	case p.key != nil:
		return s.control.OriginAllowed(ctx, origin, p.key.OrganisationID)
	}
	all, err := s.control.Origins(ctx, p.organisation())
	return slices.Contains(all, origin), err
}

// visitTokenOf returns the visit token that a request shows, of a route that
// needs none; "" when it shows none.
func visitTokenOf(ctx context.Context) string {
	r := originOf(ctx).request
	if r == nil {
		return ""
	}
	if header := r.Header.Get("Authorization"); header != "" {
		_, token, _ := strings.Cut(header, " ")
		if _, ok := auth.VisitTokenDigest(strings.TrimSpace(token)); ok {
			return strings.TrimSpace(token)
		}
		return ""
	}
	return ownCookie(r, visitCookie)
}

// need checks a permission on a second thing that a request is about: 404 and
// 403 as for the first.
func (s *Server) need(ctx context.Context, permission auth.Permission, kind control.ThingKind, id string) error {
	a := accessOf(ctx)
	chain, err := s.chainOf(ctx, a.principal, kind, id)
	if err != nil {
		return err
	}
	if a.mayOn(permission, chain) {
		return nil
	}
	related, err := s.related(ctx, a.principal, kind, chain)
	switch {
	case err != nil:
		return err
	case related:
		return forbidden()
	}
	return control.ErrNotFound
}
