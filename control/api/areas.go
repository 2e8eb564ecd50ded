package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// CreateArea is the body of POST /units/{id}/areas.
type CreateArea struct {
	Name     string       `json:"name" doc:"1 to 80 characters; unique in the unit." example:"Dr Adler"`
	Settings AreaSettings `json:"settings,omitempty"`
}

type createAreaInput struct {
	IDPath
	OnceHeader
	Body CreateArea
}

// PatchArea is the body of PATCH /areas/{id}.
type PatchArea struct {
	Name     *string       `json:"name,omitempty"`
	Settings *AreaSettings `json:"settings,omitempty" doc:"All of them: what is left out is as at first."`
}

type patchAreaInput struct {
	IDPath
	Body PatchArea
}

// SuspendArea is the body of POST /areas/{id}/suspend.
type SuspendArea struct {
	Reason string `json:"reason,omitempty" doc:"Shown to guests: at most 80 characters." example:"Back at 2 pm"`
}

type suspendAreaInput struct {
	IDPath
	Body *SuspendArea // may be left out
}

func (s *Server) registerAreas(h huma.API) {
	area := on(control.ThingArea)
	add(s, h, route{
		method: http.MethodPost, path: "/units/{id}/areas", id: "create-area", tag: tagAreas, status: http.StatusCreated,
		permission: auth.PlacesCreate, target: on(control.ThingUnit), errors: bodyErrors(http.StatusConflict),
		summary: "Create a waiting area", description: "The answer holds its permanent link.",
	}, s.createArea)
	add(s, h, route{
		method: http.MethodGet, path: "/units/{id}/areas", id: "list-areas", tag: tagAreas, status: http.StatusOK,
		permission: auth.AreasRead, target: on(control.ThingUnit), errors: []int{http.StatusBadRequest},
		summary: "List the waiting areas of a unit", description: "In order of creation.",
	}, s.listAreas)
	add(s, h, route{
		method: http.MethodGet, path: "/areas/{id}", id: "get-area", tag: tagAreas, status: http.StatusOK,
		permission: auth.AreasRead, target: area, summary: "Read a waiting area",
	}, s.getArea)
	add(s, h, route{
		method: http.MethodPatch, path: "/areas/{id}", id: "update-area", tag: tagAreas, status: http.StatusOK,
		permission: auth.AreasEdit, target: area, errors: bodyErrors(http.StatusConflict),
		summary: "Change a waiting area", description: "What is left out stays. Those inside are served as they came.",
	}, s.updateArea)
	add(s, h, route{
		method: http.MethodDelete, path: "/areas/{id}", id: "delete-area", tag: tagAreas, status: http.StatusNoContent,
		permission: auth.AreasEdit, target: area, errors: []int{http.StatusInsufficientStorage},
		summary:     "Delete a waiting area",
		description: "With its meeting rooms: their links are dead at once and who is inside is let go. Reports keep it.",
	}, s.deleteArea)
	add(s, h, route{
		method: http.MethodPost, path: "/areas/{id}/suspend", id: "suspend-area", tag: tagAreas, status: http.StatusOK,
		permission: auth.AreasSuspend, target: area, errors: bodyErrors(),
		summary: "Close a waiting area for now", description: "Whatever its hours say. Those inside are still served.",
	}, s.suspendArea)
	add(s, h, route{
		method: http.MethodPost, path: "/areas/{id}/restore", id: "restore-area", tag: tagAreas, status: http.StatusOK,
		permission: auth.AreasSuspend, target: area, errors: []int{http.StatusInsufficientStorage},
		summary: "Open a suspended waiting area", description: "Its hours count again.",
	}, s.restoreArea)
	add(s, h, route{
		method: http.MethodPost, path: "/areas/{id}/link/reset", id: "reset-area-link", tag: tagAreas, status: http.StatusOK,
		permission: auth.LinksReset, target: area, errors: []int{http.StatusConflict, http.StatusInsufficientStorage},
		summary: "Give a waiting area a new link", description: "The old one is dead at once.",
	}, s.resetAreaLink)
}

func (s *Server) createArea(ctx context.Context, in *createAreaInput) (*output[Area], error) {
	once, err := in.once("create_area", struct {
		Unit string
		Body CreateArea
	}{in.ID, in.Body})
	if err != nil {
		return nil, err
	}
	made, err := s.control.CreateArea(ctx, actorOf(ctx), in.ID,
		control.AreaSpec{Name: in.Body.Name, Settings: in.Body.Settings.rules()}, once)
	return s.area(ctx, made, err)
}

// area is an answer of a waiting area.
func (s *Server) area(ctx context.Context, a control.Area, err error) (*output[Area], error) {
	return respond(a, err, func(a control.Area) Area { return s.areaOf(ctx, a) })
}

func (s *Server) listAreas(ctx context.Context, in *listBelowInput) (*listOutput[Area], error) {
	page, err := s.control.Areas(ctx, actorOf(ctx), in.ID, in.query())
	if err != nil {
		return nil, err
	}
	return listOf(page, func(a control.Area) Area { return s.areaOf(ctx, a) }), nil
}

func (s *Server) getArea(ctx context.Context, in *IDPath) (*output[Area], error) {
	a, err := s.control.Area(ctx, actorOf(ctx), in.ID)
	return s.area(ctx, a, err)
}

func (s *Server) updateArea(ctx context.Context, in *patchAreaInput) (*output[Area], error) {
	patch := control.AreaPatch{Name: in.Body.Name}
	if in.Body.Settings != nil {
		settings := in.Body.Settings.rules()
		patch.Settings = &settings
	}
	a, err := s.control.UpdateArea(ctx, actorOf(ctx), in.ID, patch)
	return s.area(ctx, a, err)
}

func (s *Server) deleteArea(ctx context.Context, in *IDPath) (*struct{}, error) {
	return nil, s.control.DeleteArea(ctx, actorOf(ctx), in.ID)
}

func (s *Server) suspendArea(ctx context.Context, in *suspendAreaInput) (*output[Area], error) {
	reason := ""
	if in.Body != nil {
		reason = in.Body.Reason
	}
	a, err := s.control.SuspendArea(ctx, actorOf(ctx), in.ID, reason)
	return s.area(ctx, a, err)
}

func (s *Server) restoreArea(ctx context.Context, in *IDPath) (*output[Area], error) {
	a, err := s.control.RestoreArea(ctx, actorOf(ctx), in.ID)
	return s.area(ctx, a, err)
}

func (s *Server) resetAreaLink(ctx context.Context, in *onceInput) (*output[Area], error) {
	once, err := in.once("reset_area_link", in.ID)
	if err != nil {
		return nil, err
	}
	a, err := s.control.ResetAreaLink(ctx, actorOf(ctx), in.ID, once)
	return s.area(ctx, a, err)
}
