package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// Unit is an organisational unit.
type Unit struct {
	ID        string       `json:"id" format:"uuid"`
	Name      string       `json:"name" example:"Cardiology"`
	Slug      string       `json:"slug" doc:"For addresses: never changes." example:"cardiology"`
	Settings  UnitSettings `json:"settings"`
	CreatedAt time.Time    `json:"created_at"`
}

// UnitSettings are what a unit decides for itself.
type UnitSettings struct {
	Phone    string `json:"phone,omitempty" doc:"Of its front desk." example:"+43 1 234 56 78"`
	Language string `json:"language,omitempty" doc:"Of what is sent; without it the organisation's." example:"de-AT"`
}

func unitOf(u control.Unit) Unit {
	return Unit{ID: u.ID, Name: u.Name, Slug: u.Slug, Settings: UnitSettings(u.Settings), CreatedAt: u.CreatedAt}
}

// UnitSummary is a unit of a list.
type UnitSummary struct {
	Unit
	Areas        int `json:"areas" doc:"How many waiting areas it has."`
	MeetingRooms int `json:"meeting_rooms" doc:"How many meeting rooms it has, those of its areas too."`
}

// CreateUnit is the body of POST /organisations/{id}/units.
type CreateUnit struct {
	Name      string       `json:"name" doc:"1 to 80 characters; unique in the organisation." example:"Cardiology"`
	Settings  UnitSettings `json:"settings,omitempty"`
	Admins    []Invitee    `json:"admins,omitempty" nullable:"false" maxItems:"50" doc:"Its organisation administrators."`
	Reporters []Invitee    `json:"reporters,omitempty" nullable:"false" maxItems:"50" doc:"Its organisation reporters."`
}

type createUnitInput struct {
	IDPath
	OnceHeader
	Body CreateUnit
}

// NewUnit is a unit that was created.
type NewUnit struct {
	Unit      Unit        `json:"unit"`
	Appointed []Appointee `json:"appointed" nullable:"false" doc:"The admins, then the reporters, with the invitations of those who are new."`
}

type listBelowInput struct {
	IDPath
	ListQuery
}

// PatchUnit is the body of PATCH /units/{id}.
type PatchUnit struct {
	Name     *string       `json:"name,omitempty"`
	Settings *UnitSettings `json:"settings,omitempty" doc:"All of them: what is left out is as at first."`
}

type patchUnitInput struct {
	IDPath
	Body PatchUnit
}

func (s *Server) registerUnits(h huma.API) {
	add(s, h, route{
		method: http.MethodPost, path: "/organisations/{id}/units", id: "create-unit", tag: tagUnits, status: http.StatusCreated,
		permission: auth.UnitsManage, target: on(control.ThingOrganisation), errors: bodyErrors(http.StatusConflict),
		summary:     "Create a unit",
		description: "Assigns or invites its organisation administrators and reporters with it.",
	}, s.createUnit)
	add(s, h, route{
		method: http.MethodGet, path: "/organisations/{id}/units", id: "list-units", tag: tagUnits, status: http.StatusOK,
		permission: auth.UnitsList, target: on(control.ThingOrganisation), errors: []int{http.StatusBadRequest},
		summary: "List the units of an organisation", description: "In order of creation.",
	}, s.listUnits)
	add(s, h, route{
		method: http.MethodGet, path: "/units/{id}", id: "get-unit", tag: tagUnits, status: http.StatusOK,
		permission: auth.UnitsRead, target: on(control.ThingUnit), summary: "Read a unit",
	}, s.getUnit)
	add(s, h, route{
		method: http.MethodPatch, path: "/units/{id}", id: "update-unit", tag: tagUnits, status: http.StatusOK,
		permission: auth.UnitsConfigure, target: on(control.ThingUnit), errors: bodyErrors(http.StatusConflict),
		summary: "Change a unit", description: "What is left out stays.",
	}, s.updateUnit)
	add(s, h, route{
		method: http.MethodDelete, path: "/units/{id}", id: "delete-unit", tag: tagUnits, status: http.StatusNoContent,
		permission: auth.UnitsManage, target: on(control.ThingUnit), errors: []int{http.StatusInsufficientStorage},
		summary: "Delete a unit",
		description: "With its waiting areas and meeting rooms: their links are dead at once and who is inside is let go. " +
			"Its reports remain for its administrators and reporters, and for API keys of the organisation.",
	}, s.deleteUnit)
}

func (s *Server) createUnit(ctx context.Context, in *createUnitInput) (*output[NewUnit], error) {
	once, err := in.once("create_unit", struct {
		Organisation string
		Body         CreateUnit
	}{in.ID, in.Body})
	if err != nil {
		return nil, err
	}
	spec := control.UnitSpec{Name: in.Body.Name, Settings: control.UnitSettings(in.Body.Settings)}
	for _, i := range in.Body.Admins {
		spec.Admins = append(spec.Admins, i.invitee())
	}
	for _, i := range in.Body.Reporters {
		spec.Reporters = append(spec.Reporters, i.invitee())
	}
	made, err := s.control.CreateUnit(ctx, actorOf(ctx), in.ID, spec, once)
	return respond(made, err, func(m control.NewUnit) NewUnit {
		all := NewUnit{Unit: unitOf(m.Unit), Appointed: make([]Appointee, 0, len(m.Appointed))}
		for _, one := range m.Appointed {
			all.Appointed = append(all.Appointed, appointedOf(ctx, one))
		}
		return all
	})
}

func (s *Server) listUnits(ctx context.Context, in *listBelowInput) (*listOutput[UnitSummary], error) {
	page, err := s.control.Units(ctx, actorOf(ctx), in.ID, in.query())
	if err != nil {
		return nil, err
	}
	return listOf(page, func(u control.UnitSummary) UnitSummary {
		return UnitSummary{Unit: unitOf(u.Unit), Areas: u.Areas, MeetingRooms: u.MeetingRooms}
	}), nil
}

func (s *Server) getUnit(ctx context.Context, in *IDPath) (*output[Unit], error) {
	u, err := s.control.Unit(ctx, actorOf(ctx), in.ID)
	return respond(u, err, unitOf)
}

func (s *Server) updateUnit(ctx context.Context, in *patchUnitInput) (*output[Unit], error) {
	u, err := s.control.UpdateUnit(ctx, actorOf(ctx), in.ID, control.UnitPatch{
		Name: in.Body.Name, Settings: (*control.UnitSettings)(in.Body.Settings),
	})
	return respond(u, err, unitOf)
}

func (s *Server) deleteUnit(ctx context.Context, in *IDPath) (*struct{}, error) {
	return nil, s.control.DeleteUnit(ctx, actorOf(ctx), in.ID)
}
