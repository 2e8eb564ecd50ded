package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// registerOrganisationKeys adds the routes by which the operator sees to an
// organisation's API keys: without them, one whose first key was lost and that
// has nobody who can sign in would be out of reach.
func (s *Server) registerOrganisationKeys(h huma.API) {
	of := func(r route) route {
		r.tag, r.permission, r.target = tagOperator, auth.OrganisationKeys, on(control.ThingOrganisation)
		return r
	}
	add(s, h, of(route{
		method: http.MethodPost, path: "/organisations/{id}/api-keys", id: "create-organisation-api-key", status: http.StatusCreated,
		errors: bodyErrors(http.StatusConflict), summary: "Create an API key of an organisation",
		description: "With the operator key. For all of it, or with `unit_id` for a unit of it. The audit log names the operator.",
	}), s.createOrganisationKey)
	add(s, h, of(route{
		method: http.MethodGet, path: "/organisations/{id}/api-keys", id: "list-organisation-api-keys", status: http.StatusOK,
		errors: []int{http.StatusBadRequest}, summary: "List the API keys of an organisation",
		description: "All of it, or with `unit_id` those of a unit.",
	}), s.listOrganisationKeys)
	add(s, h, of(route{
		method: http.MethodDelete, path: "/organisations/{id}/api-keys/{key_id}", id: "revoke-organisation-api-key", status: http.StatusNoContent,
		errors: []int{http.StatusInsufficientStorage}, summary: "Revoke an API key of an organisation",
	}), s.revokeOrganisationKey)
}

type createOrganisationKeyInput struct {
	IDPath
	UnitQuery
	OnceHeader
	Body CreateAPIKey
}

func (s *Server) createOrganisationKey(ctx context.Context, in *createOrganisationKeyInput) (*output[NewAPIKey], error) {
	a := accessOf(ctx)
	for i, p := range in.Body.Permissions {
		if p != control.AllPermissions && !s.policy.Grantable(auth.Permission(p)) {
			return nil, wrongField(permissionField(i), notGrantable)
		}
	}
	scope := a.chain[0]
	if in.UnitID != "" {
		if err := s.within(ctx, control.ThingUnit, in.UnitID, scope.ID); err != nil {
			return nil, err
		}
		scope = control.Scope{Kind: control.ScopeUnit, ID: in.UnitID}
	}
	once, err := in.once("create_api_key", struct {
		On   control.Scope
		Body CreateAPIKey
	}{scope, in.Body})
	if err != nil {
		return nil, err
	}
	key, secret, err := s.control.CreateAPIKey(ctx, a.actor, control.KeySpec{
		Name: in.Body.Name, Scope: scope, Permissions: in.Body.Permissions, AllowedOrigins: in.Body.AllowedOrigins,
	}, once)
	return respond(key, err, func(k control.APIKey) NewAPIKey { return NewAPIKey{apiKeyOf(k), secret} })
}

type listOrganisationKeysInput struct {
	IDPath
	UnitQuery
	ListQuery
}

func (s *Server) listOrganisationKeys(ctx context.Context, in *listOrganisationKeysInput) (*listOutput[APIKey], error) {
	page, err := s.control.APIKeys(ctx, actorOf(ctx), in.ID, in.UnitID, in.query())
	if err != nil {
		return nil, err
	}
	return listOf(page, apiKeyOf), nil
}

type organisationKeyPath struct {
	IDPath
	KeyID string `path:"key_id" doc:"The API key's id."`
}

func (s *Server) revokeOrganisationKey(ctx context.Context, in *organisationKeyPath) (*struct{}, error) {
	if err := s.within(ctx, control.ThingAPIKey, in.KeyID, in.ID); err != nil {
		return nil, err
	}
	return nil, s.control.RevokeAPIKey(ctx, actorOf(ctx), in.KeyID)
}

// within returns ErrNotFound for a thing that isn't of the organisation.
func (s *Server) within(ctx context.Context, kind control.ThingKind, id, organisationID string) error {
	chain, err := s.control.ScopeChain(ctx, kind, id)
	if err != nil {
		return err
	}
	if chain[len(chain)-1].ID != organisationID {
		return control.ErrNotFound
	}
	return nil
}
