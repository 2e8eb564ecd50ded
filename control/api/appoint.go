package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// Invitee is somebody to appoint.
type Invitee struct {
	Email string `json:"email" maxLength:"254" doc:"Who has an account of this address is appointed; who has none is invited." example:"ana@example.org"`
	Name  string `json:"name,omitempty" doc:"They may change it." example:"Ana Kovač"`
	Copy  bool   `json:"copy,omitempty" doc:"true: send nothing, and return the invitation's link."`
}

func (i Invitee) invitee() control.Invitee {
	return control.Invitee{Email: i.Email, Name: i.Name, Copy: i.Copy}
}

// Invitation is a single-use link to an account.
type Invitation struct {
	Sent      bool      `json:"sent" doc:"By e-mail. When nothing is configured that could send it, it is to be copied."`
	Link      string    `json:"link,omitempty" doc:"Unless it was sent. A secret: hand it to that person only." example:"https://calls.example.org/i#q3mVY0wXbq1cF8Zk5nTjUw2e"`
	ExpiresAt time.Time `json:"expires_at"`
}

func invitationOf(ctx context.Context, in control.Invitation) Invitation {
	made := Invitation{Sent: in.Sent, ExpiresAt: in.ExpiresAt}
	if in.Link != "" {
		made.Link = originOf(ctx).base + control.PathAccount + in.Link
	}
	return made
}

// Scope is a thing that roles are granted on.
type Scope struct {
	Kind string `json:"kind" enum:"organisation,unit,area,room" doc:"room: a meeting room."`
	ID   string `json:"id" format:"uuid"`
}

func scopeOf(sc control.Scope) Scope { return Scope{Kind: string(sc.Kind), ID: sc.ID} }

// Grant is a role of somebody on something.
type Grant struct {
	ID        string    `json:"id" format:"uuid"`
	AccountID string    `json:"account_id" format:"uuid"`
	Role      string    `json:"role" enum:"system_admin,org_admin,org_reporter,area_admin,coordinator,provider,referrer,room_admin,room_member"`
	Scope     Scope     `json:"scope"`
	CreatedAt time.Time `json:"created_at"`
}

func grantOf(g control.Grant) Grant {
	return Grant{ID: g.ID, AccountID: g.AccountID, Role: string(g.Role), Scope: scopeOf(g.Scope), CreatedAt: g.CreatedAt}
}

// Appointee is who has a role.
type Appointee struct {
	Grant      Grant       `json:"grant"`
	Account    Account     `json:"account"`
	Invitation *Invitation `json:"invitation,omitempty" doc:"Of somebody who has not signed in yet."`
}

func appointedOf(ctx context.Context, a control.Appointed) Appointee {
	made := Appointee{Grant: grantOf(a.Grant), Account: accountOf(a.Account)}
	if a.Invitation != nil {
		in := invitationOf(ctx, *a.Invitation)
		made.Invitation = &in
	}
	return made
}

// Appoint is the body of POST …/grants and …/members.
type Appoint struct {
	Invitee
	Role string `json:"role" enum:"system_admin,org_admin,org_reporter,area_admin,coordinator,provider,referrer,room_admin,room_member" doc:"One that is for that kind of thing."`
}

type appointInput struct {
	IDPath
	OnceHeader
	Body Appoint
}

type listGrantsInput struct {
	IDPath
	ListQuery
}

// GrantPath is the path of a grant.
type GrantPath struct {
	IDPath
	GrantID string `path:"grant_id" doc:"The grant's id."`
}

// registerGrants adds the routes of who has a role on what. Which roles can be
// granted on a kind of thing is of the rules; who may, of the table.
func (s *Server) registerGrants(h huma.API) {
	for _, on := range []struct {
		path, id, of string
		permission   auth.Permission
		target       target
	}{
		{"/organisation/grants", "organisation-grants", "the organisation", auth.AccountsManage, ownOrganisation()},
		{"/units/{id}/grants", "unit-grants", "a unit", auth.UnitAdminsAppoint, on(control.ThingUnit)},
		{"/areas/{id}/grants", "area-grants", "a waiting area", auth.AreasEdit, on(control.ThingArea)},
		{"/meeting-rooms/{id}/members", "meeting-room-members", "a meeting room", auth.RoomsEdit, on(control.ThingMeetingRoom)},
	} {
		// Who may read the reports of a unit that was deleted can be seen, and
		// that taken away.
		past := on.target.kind == control.ThingUnit
		list := route{
			method: http.MethodGet, path: on.path, id: "list-" + on.id, tag: tagRoles, status: http.StatusOK,
			permission: on.permission, target: on.target, past: past, errors: []int{http.StatusBadRequest},
			summary: "List who has a role on " + on.of, description: "In order of accounts. A page may have a few more items than asked for.",
		}
		appoint := route{
			method: http.MethodPost, path: on.path, id: "add-" + on.id, tag: tagRoles, status: http.StatusCreated,
			permission: on.permission, target: on.target, errors: bodyErrors(http.StatusConflict),
			summary: "Give somebody a role on " + on.of,
			description: "By e-mail address: whoever has no account in the organisation yet is invited by a single-use link, " +
				"good for 7 days, that is sent, or returned to be copied.",
		}
		remove := route{
			method: http.MethodDelete, path: on.path + "/{grant_id}", id: "remove-" + on.id, tag: tagRoles,
			status: http.StatusNoContent, permission: on.permission, target: on.target, past: past,
			errors:  []int{http.StatusNotFound, http.StatusConflict, http.StatusInsufficientStorage},
			summary: "Take a role on " + on.of + " away", description: "It counts from the next request on, and ends open streams and takes out of calls within a second.",
		}
		if on.target.param == "" {
			add(s, h, list, func(ctx context.Context, in *ListQuery) (*listOutput[Appointee], error) {
				return s.listGrants(ctx, &listGrantsInput{ListQuery: *in})
			})
			add(s, h, appoint, func(ctx context.Context, in *appointOwnInput) (*output[Appointee], error) {
				return s.appoint(ctx, &appointInput{OnceHeader: in.OnceHeader, Body: in.Body})
			})
			add(s, h, remove, func(ctx context.Context, in *OwnGrantPath) (*struct{}, error) {
				return s.removeGrant(ctx, &GrantPath{GrantID: in.GrantID})
			})
			continue
		}
		add(s, h, list, s.listGrants)
		add(s, h, appoint, s.appoint)
		add(s, h, remove, s.removeGrant)
	}
}

type appointOwnInput struct {
	OnceHeader
	Body Appoint
}

// OwnGrantPath is the path of a grant on the caller's organisation.
type OwnGrantPath struct {
	GrantID string `path:"grant_id" doc:"The grant's id."`
}

func (s *Server) listGrants(ctx context.Context, in *listGrantsInput) (*listOutput[Appointee], error) {
	a := accessOf(ctx)
	page, err := s.control.GrantsOn(ctx, a.actor, a.chain[0], in.query())
	if err != nil {
		return nil, err
	}
	return listOf(page, func(p control.Appointee) Appointee {
		return Appointee{Grant: grantOf(p.Grant), Account: accountOf(p.Account)}
	}), nil
}

func (s *Server) appoint(ctx context.Context, in *appointInput) (*output[Appointee], error) {
	a := accessOf(ctx)
	once, err := in.once("appoint", struct {
		On   control.Scope
		Body Appoint
	}{a.chain[0], in.Body})
	if err != nil {
		return nil, err
	}
	made, err := s.control.Appoint(ctx, a.actor, control.RoleName(in.Body.Role), a.chain[0], in.Body.invitee(), once)
	return respond(made, err, func(m control.Appointed) Appointee { return appointedOf(ctx, m) })
}

func (s *Server) removeGrant(ctx context.Context, in *GrantPath) (*struct{}, error) {
	a := accessOf(ctx)
	return nil, s.control.RemoveGrant(ctx, a.actor, a.chain[0], in.GrantID)
}
