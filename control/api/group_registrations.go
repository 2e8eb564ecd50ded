package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
)

func (s *Server) registerRegistrations(h huma.API, of func(control.ThingKind, route) route) {
	add(s, h, of(control.ThingGroup, route{
		method: http.MethodGet, path: "/groups/{id}/registrations", id: "list-registrations", status: http.StatusOK,
		summary: "List who registered for a group", description: "In order, removed ones too. Follow `next_cursor` until there is none.",
		errors: []int{http.StatusBadRequest},
	}), s.listRegistrations)
	add(s, h, of(control.ThingGroup, route{
		method: http.MethodPost, path: "/groups/{id}/registrations", id: "register-for-group", status: http.StatusCreated,
		summary:     "Register somebody for a group",
		description: "Whoever may register by themselves. The answer has their personal link.",
		errors:      bodyErrors(http.StatusConflict),
	}), s.registerForGroup)
	add(s, h, of(control.ThingRegistration, route{
		method: http.MethodDelete, path: "/registrations/{id}", id: "remove-registration", status: http.StatusNoContent,
		summary:     "Take somebody off a group",
		description: "Their link is dead, what is known of them is erased; if they are there, they are removed.",
		errors:      []int{http.StatusInsufficientStorage},
	}), s.removeRegistration)
	add(s, h, of(control.ThingRegistration, route{
		method: http.MethodPost, path: "/registrations/{id}/send", id: "send-registration", status: http.StatusOK,
		summary: "Send somebody their personal link to a group", errors: bodyErrors(http.StatusConflict),
	}), s.sendRegistration)
}

// GroupRegistration is somebody who registered for a group.
type GroupRegistration struct {
	ID        string            `json:"id" format:"uuid"`
	GroupID   string            `json:"group_id" format:"uuid"`
	State     string            `json:"state" enum:"registered,requested,admitted,removed,ended" doc:"requested: waits to be admitted. registered: isn't there, or no longer."`
	VisitID   string            `json:"visit_id,omitempty" format:"uuid" doc:"The last one."`
	Fields    map[string]string `json:"fields,omitempty" doc:"What is known of them, by key. Erased within 60 s of the end."`
	CreatedAt time.Time         `json:"created_at"`
	Link      string            `json:"link,omitempty" doc:"Theirs: a secret. Absent when it leads nowhere any more."`
}

func registrationOf(ctx context.Context, r control.GroupRegistration) GroupRegistration {
	return GroupRegistration{
		ID: r.ID, GroupID: r.GroupID, State: string(r.State), VisitID: r.VisitID, Fields: r.Details, CreatedAt: r.CreatedAt,
		Link: guestLink(originOf(ctx).base, r.Link),
	}
}

type listRegistrationsInput struct {
	GroupPath
	ListQuery
}

func (s *Server) listRegistrations(ctx context.Context, in *listRegistrationsInput) (*listOutput[GroupRegistration], error) {
	page, err := s.control.GroupRegistrations(ctx, actorOf(ctx), in.ID, in.query())
	if err != nil {
		return nil, err
	}
	return listOf(page, func(r control.GroupRegistration) GroupRegistration { return registrationOf(ctx, r) }), nil
}

type registerForGroupInput struct {
	ID string `path:"id" doc:"The group's id."`
	OnceHeader
	Body RegisterForGroup
}

// RegisterForGroup is the body of POST /groups/{id}/registrations.
type RegisterForGroup struct {
	Fields *KnownFields `json:"fields,omitempty" doc:"What is known of them, as in POST /entry. They needn't type it again."`
}

func (s *Server) registerForGroup(ctx context.Context, in *registerForGroupInput) (*output[GroupRegistration], error) {
	once, err := in.once("register_for_group", struct {
		ID   string
		Body RegisterForGroup
	}{in.ID, in.Body})
	if err != nil {
		return nil, err
	}
	r, err := s.control.RegisterForGroup(ctx, actorOf(ctx), in.ID, in.Body.Fields.known(), once)
	return respond(r, err, func(r control.GroupRegistration) GroupRegistration { return registrationOf(ctx, r) })
}

// RegistrationPath is the path of a registration.
type RegistrationPath struct {
	ID string `path:"id" doc:"The registration's id."`
}

func (s *Server) removeRegistration(ctx context.Context, in *RegistrationPath) (*struct{}, error) {
	return nil, s.control.RemoveRegistration(ctx, actorOf(ctx), in.ID)
}

func (s *Server) sendRegistration(ctx context.Context, in *sendingInput) (*output[Sent], error) {
	return send(ctx, in, "send_registration", s.control.SendRegistration, func(r control.GroupRegistration) string { return r.Link })
}

// Registered is what somebody gets who registered by a group's link: a link
// of their own, and nothing else yet.
type Registered struct {
	Registration RegisteredFor `json:"registration"`
	Link         string        `json:"link" doc:"Their own way in: to be kept. A secret." example:"https://calls.example.org/e#q3mVY0wXbq1cF8Zk5nTjUw2e"`
}

// RegisteredFor names a registration.
type RegisteredFor struct {
	ID      string `json:"id" format:"uuid"`
	GroupID string `json:"group_id" format:"uuid"`
}

func registeredOf(ctx context.Context, r *control.GroupRegistration) Registered {
	return Registered{Registration: RegisteredFor{ID: r.ID, GroupID: r.GroupID}, Link: guestLink(originOf(ctx).base, r.Link)}
}
