package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// APIKey lets an app act for an organisation or a unit.
type APIKey struct {
	ID             string     `json:"id" format:"uuid"`
	Name           string     `json:"name" example:"Patient portal"`
	Scope          Scope      `json:"scope" doc:"An organisation or a unit."`
	Permissions    []string   `json:"permissions" nullable:"false" doc:"What it may do there. *: everything that a key can."`
	AllowedOrigins []string   `json:"allowed_origins,omitempty" nullable:"false" doc:"Of the web pages that may use it; none: those of the organisation."`
	CreatedAt      time.Time  `json:"created_at"`
	LastUsedAt     *time.Time `json:"last_used_at,omitempty" doc:"To the hour."`
}

func apiKeyOf(k control.APIKey) APIKey {
	return APIKey{
		ID: k.ID, Name: k.Name, Scope: scopeOf(k.Scope), Permissions: k.Permissions, AllowedOrigins: k.AllowedOrigins,
		CreatedAt: k.CreatedAt, LastUsedAt: moment(k.LastUsedAt),
	}
}

// NewAPIKey is an API key that was created.
type NewAPIKey struct {
	APIKey
	Secret string `json:"secret" doc:"To be sent as Authorization: Bearer atk_…. It can't be shown again."`
}

// CreateAPIKey is the body of POST /api-keys.
type CreateAPIKey struct {
	Name           string   `json:"name" doc:"1 to 80 characters." example:"Patient portal"`
	Permissions    []string `json:"permissions" nullable:"false" minItems:"1" maxItems:"100" doc:"Those of the routes that it is for; * for all." example:"[\"queue.read\",\"visits.conduct\"]"`
	AllowedOrigins []string `json:"allowed_origins,omitempty" nullable:"false" doc:"Of the web pages that may use it: a page that holds a key shows it to whoever opens it, so give it little. None: those of the organisation. People may use their visits and join tokens from these pages too." example:"[\"https://app.example.org\"]"`
}

// UnitQuery narrows a list of the organisation's.
type UnitQuery struct {
	UnitID string `query:"unit_id" doc:"Of this unit; without it of the whole organisation."`
}

type createAPIKeyInput struct {
	UnitQuery
	OnceHeader
	Body CreateAPIKey
}

type listOfUnitInput struct {
	UnitQuery
	ListQuery
}

func (s *Server) registerAPIKeys(h huma.API) {
	add(s, h, route{
		method: http.MethodPost, path: "/api-keys", id: "create-api-key", tag: tagKeys, status: http.StatusCreated,
		permission: auth.KeysManage, target: ownOrganisationOrUnit(), errors: bodyErrors(http.StatusConflict),
		summary: "Create an API key",
		description: "For the organisation, or with `unit_id` for a unit of it. With no permission that its maker lacks, unless " +
			"the maker could appoint somebody to a role that has it.",
	}, s.createAPIKey)
	add(s, h, route{
		method: http.MethodGet, path: "/api-keys", id: "list-api-keys", tag: tagKeys, status: http.StatusOK,
		permission: auth.KeysManage, target: ownOrganisationOrUnit(), errors: []int{http.StatusBadRequest},
		summary: "List the API keys", description: "All of the organisation, or with `unit_id` those of a unit.",
	}, s.listAPIKeys)
	add(s, h, route{
		method: http.MethodDelete, path: "/api-keys/{id}", id: "revoke-api-key", tag: tagKeys, status: http.StatusNoContent,
		permission: auth.KeysManage, target: on(control.ThingAPIKey), errors: []int{http.StatusInsufficientStorage},
		summary: "Revoke an API key", description: "For good, from the next request on.",
	}, s.revokeAPIKey)
}

func (s *Server) createAPIKey(ctx context.Context, in *createAPIKeyInput) (*output[NewAPIKey], error) {
	a := accessOf(ctx)
	for i, p := range in.Body.Permissions {
		if problem := s.maySign(a, i, auth.Permission(p)); problem != nil {
			return nil, problem
		}
	}
	once, err := in.once("create_api_key", struct {
		On   control.Scope
		Body CreateAPIKey
	}{a.chain[0], in.Body})
	if err != nil {
		return nil, err
	}
	key, secret, err := s.control.CreateAPIKey(ctx, a.actor, control.KeySpec{
		Name: in.Body.Name, Scope: a.chain[0], Permissions: in.Body.Permissions, AllowedOrigins: in.Body.AllowedOrigins,
	}, once)
	return respond(key, err, func(k control.APIKey) NewAPIKey { return NewAPIKey{apiKeyOf(k), secret} })
}

// maySign says whether the caller may make a key with the permission at i of
// the list: nobody gets further by a key than by appointing.
func (s *Server) maySign(a *access, i int, permission auth.Permission) *Problem {
	all := []auth.Permission{permission}
	if permission == control.AllPermissions {
		all = s.policy.GrantablePermissions()
	}
	field := permissionField(i)
	for _, p := range all {
		if !s.policy.Grantable(p) {
			return wrongField(field, notGrantable)
		}
		// Where only machines have it, managing keys is what it takes.
		if p != auth.EmbeddedRooms && !s.policy.Allows(p, s.reach(a)...) {
			if permission == control.AllPermissions {
				return wrongField(field, "holds "+string(p)+", which you may not give: list the others one by one")
			}
			return wrongField(field, "is one that you may not give")
		}
	}
	return nil
}

// notGrantable is said of what no API key can hold.
const notGrantable = "is no permission that an API key can have"

func permissionField(i int) string { return fmt.Sprintf("permissions[%d]", i) }

// reach are the roles on a thing that the caller has or could appoint somebody
// to, and these others.
func (s *Server) reach(a *access) []auth.Role {
	roles := a.principal.roles(auth.KeysManage, a.chain)
	for more := true; more; {
		more = false
		for _, row := range auth.Table() {
			for _, role := range row.Roles {
				permission, ok := auth.Appoints(role)
				if ok && !slices.Contains(roles, role) && s.policy.Allows(permission, roles...) {
					roles, more = append(roles, role), true
				}
			}
		}
	}
	return roles
}

func (s *Server) listAPIKeys(ctx context.Context, in *listOfUnitInput) (*listOutput[APIKey], error) {
	a := accessOf(ctx)
	page, err := s.control.APIKeys(ctx, a.actor, a.organisation(), a.unit(), in.query())
	if err != nil {
		return nil, err
	}
	return listOf(page, apiKeyOf), nil
}

func (s *Server) revokeAPIKey(ctx context.Context, in *IDPath) (*struct{}, error) {
	return nil, s.control.RevokeAPIKey(ctx, actorOf(ctx), in.ID)
}
