package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// Organisation is a tenant.
type Organisation struct {
	ID        string               `json:"id" format:"uuid"`
	Name      string               `json:"name" example:"Clinic West"`
	Settings  OrganisationSettings `json:"settings"`
	CreatedAt time.Time            `json:"created_at"`
}

// OrganisationSettings are what an organisation decides for itself.
type OrganisationSettings struct {
	Language       string   `json:"language,omitempty" doc:"Of what is sent; without it the deployment's." example:"de-AT"`
	AllowedOrigins []string `json:"allowed_origins,omitempty" nullable:"false" doc:"Of web pages that may call the API and embed calls." example:"[\"https://app.example.org\"]"`
}

func organisationOf(o control.Organisation) Organisation {
	return Organisation{ID: o.ID, Name: o.Name, CreatedAt: o.CreatedAt, Settings: OrganisationSettings(o.Settings)}
}

// CreateOrganisation is the body of POST /organisations.
type CreateOrganisation struct {
	Name        string               `json:"name" doc:"1 to 80 characters." example:"Clinic West"`
	Settings    OrganisationSettings `json:"settings,omitempty"`
	SystemAdmin *Invitee             `json:"system_admin,omitempty" doc:"Its first system administrator. Without one there are API keys only."`
}

type createOrganisationInput struct {
	OnceHeader
	Body CreateOrganisation
}

// NewOrganisation is an organisation that was created.
type NewOrganisation struct {
	Organisation Organisation `json:"organisation"`
	APIKey       NewAPIKey    `json:"api_key" doc:"Its first: every permission in it."`
	SystemAdmin  *Appointee   `json:"system_admin,omitempty"`
}

// PatchOrganisation is the body of PATCH /organisation.
type PatchOrganisation struct {
	Name     *string               `json:"name,omitempty"`
	Settings *OrganisationSettings `json:"settings,omitempty" doc:"All of them: what is left out is as at first."`
}

type patchOrganisationInput struct {
	Body PatchOrganisation
}

func (s *Server) registerOrganisations(h huma.API) {
	add(s, h, route{
		method: http.MethodPost, path: "/organisations", id: "create-organisation", tag: tagOperator, status: http.StatusCreated,
		permission: auth.OrganisationsCreate, errors: bodyErrors(http.StatusConflict),
		summary: "Create an organisation",
		description: "With the operator key. The answer holds the organisation's first API key, which can't be shown again, " +
			"and the invitation of its system administrator.",
	}, s.createOrganisation)
	add(s, h, route{
		method: http.MethodGet, path: "/organisations", id: "list-organisations", tag: tagOperator, status: http.StatusOK,
		permission: auth.OrganisationsCreate, errors: []int{http.StatusBadRequest}, summary: "List the organisations",
	}, s.listOrganisations)
	add(s, h, route{
		method: http.MethodGet, path: "/organisation", id: "get-organisation", tag: tagOrganisation, status: http.StatusOK,
		permission: auth.UnitsList, target: ownOrganisation(), summary: "Read one's own organisation",
	}, s.getOrganisation)
	add(s, h, route{
		method: http.MethodPatch, path: "/organisation", id: "update-organisation", tag: tagOrganisation, status: http.StatusOK,
		permission: auth.OrganisationEdit, target: ownOrganisation(), errors: bodyErrors(),
		summary: "Change one's own organisation", description: "What is left out stays.",
	}, s.updateOrganisation)
}

func (s *Server) createOrganisation(ctx context.Context, in *createOrganisationInput) (*output[NewOrganisation], error) {
	spec := control.OrganisationSpec{Name: in.Body.Name, Settings: control.OrganisationSettings(in.Body.Settings)}
	if in.Body.SystemAdmin != nil {
		spec.Admin = in.Body.SystemAdmin.invitee()
	}
	once, err := in.once("create_organisation", in.Body)
	if err != nil {
		return nil, err
	}
	made, err := s.control.FoundOrganisation(ctx, actorOf(ctx), spec, once)
	return respond(made, err, func(m control.Founded) NewOrganisation {
		all := NewOrganisation{Organisation: organisationOf(m.Organisation), APIKey: NewAPIKey{apiKeyOf(m.APIKey), m.Secret}}
		if in.Body.SystemAdmin != nil {
			admin := appointedOf(ctx, m.Admin)
			all.SystemAdmin = &admin
		}
		return all
	})
}

func (s *Server) listOrganisations(ctx context.Context, in *ListQuery) (*listOutput[Organisation], error) {
	page, err := s.control.Organisations(ctx, in.query())
	if err != nil {
		return nil, err
	}
	return listOf(page, organisationOf), nil
}

func (s *Server) getOrganisation(ctx context.Context, _ *struct{}) (*output[Organisation], error) {
	a := accessOf(ctx)
	org, err := s.control.Organisation(ctx, a.actor, a.organisation())
	return respond(org, err, organisationOf)
}

func (s *Server) updateOrganisation(ctx context.Context, in *patchOrganisationInput) (*output[Organisation], error) {
	a := accessOf(ctx)
	org, err := s.control.UpdateOrganisation(ctx, a.actor, a.organisation(), control.OrganisationPatch{
		Name: in.Body.Name, Settings: (*control.OrganisationSettings)(in.Body.Settings),
	})
	return respond(org, err, organisationOf)
}
