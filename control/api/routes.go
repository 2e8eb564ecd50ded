package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// Groups of routes in the documentation.
const (
	tagRooms        = "Rooms"
	tagParticipants = "Participants"
	tagEntry        = "Entry"
)

// schemeKey names the security scheme of API keys.
const schemeKey = "apiKey"

// route is what a handler is registered with.
type route struct {
	method, path string
	id, tag      string
	summary      string
	description  string
	status       int   // of success
	public       bool  // needs no API key
	errors       []int // statuses beside those that every route may have
}

// register adds all routes and returns the description of the API.
func (s *Server) register() *huma.OpenAPI {
	h := s.newHuma()
	describe(h.OpenAPI())
	s.registerRooms(h)
	s.registerParticipants(h)
	add(s, h, route{
		method: http.MethodPost, path: "/entry", id: "enter", tag: tagEntry, status: http.StatusOK, public: true,
		summary: "Trade a link for a join token",
		description: "For the page behind a link, `/r#secret`: no API key. The person joins as a participant. " +
			"Unknown, deleted and malformed links are answered alike.",
		errors: []int{http.StatusBadRequest, http.StatusNotFound, http.StatusRequestEntityTooLarge,
			http.StatusUnsupportedMediaType, http.StatusTooManyRequests},
	}, s.enter)
	// huma registers its own form of errors, which rework leaves no trace of.
	schemas := h.OpenAPI().Components.Schemas.Map()
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	return h.OpenAPI()
}

func (s *Server) registerRooms(h huma.API) {
	add(s, h, route{
		method: http.MethodPost, path: "/rooms", id: "create-room", tag: tagRooms, status: http.StatusCreated,
		summary: "Create a room",
		description: "The answer holds the room's link: whoever has it can enter as a participant. " +
			"Capacity is at most 5 for `individual`, 61 for `group`, 6 for `meeting` and 2000 for `plain`.",
		errors: bodyErrors(http.StatusConflict),
	}, s.createRoom)
	add(s, h, route{
		method: http.MethodGet, path: "/rooms", id: "list-rooms", tag: tagRooms, status: http.StatusOK,
		summary:     "List rooms",
		description: "In order of creation. Follow `next_cursor` until there is none.",
		errors:      []int{http.StatusBadRequest},
	}, s.listRooms)
	add(s, h, route{
		method: http.MethodGet, path: "/rooms/{id}", id: "get-room", tag: tagRooms, status: http.StatusOK,
		summary: "Read a room", errors: []int{http.StatusNotFound},
	}, s.getRoom)
	add(s, h, route{
		method: http.MethodDelete, path: "/rooms/{id}", id: "delete-room", tag: tagRooms, status: http.StatusNoContent,
		summary:     "Delete a room",
		description: "Ends its call for everybody in it; its link and its tokens are dead.",
		errors:      []int{http.StatusNotFound, http.StatusInsufficientStorage},
	}, s.deleteRoom)
	add(s, h, route{
		method: http.MethodPost, path: "/rooms/{id}/tokens", id: "create-token", tag: tagRooms, status: http.StatusCreated,
		summary: "Create a join token",
		description: "For one person to join once, within five minutes. Give it to the browser SDK or to a client of the " +
			"signalling protocol; never put it into a URL.",
		errors: bodyErrors(http.StatusNotFound, http.StatusConflict),
	}, s.createToken)
}

func (s *Server) registerParticipants(h huma.API) {
	add(s, h, route{
		method: http.MethodGet, path: "/rooms/{id}/participants", id: "list-participants", tag: tagParticipants,
		status: http.StatusOK, summary: "List who is in a room",
		description: "In order of arrival. Those whose connection was lost are listed while their seat is kept.",
		errors:      []int{http.StatusNotFound},
	}, s.listParticipants)
	add(s, h, route{
		method: http.MethodPost, path: "/rooms/{id}/participants/{participant_id}/mute", id: "mute-participant",
		tag: tagParticipants, status: http.StatusNoContent, summary: "Mute a participant's source",
		description: "The server enforces it: nothing of the source is forwarded. `muted: false` takes that back; " +
			"it doesn't unmute what the person muted.",
		errors: bodyErrors(http.StatusNotFound),
	}, s.mute)
	add(s, h, route{
		method: http.MethodPost, path: "/rooms/{id}/participants/{participant_id}/remove", id: "remove-participant",
		tag: tagParticipants, status: http.StatusNoContent, summary: "Remove a participant",
		description: "Ends their connection. They can't come back with the same token.",
		errors:      []int{http.StatusNotFound},
	}, s.remove)
}

// bodyErrors are the statuses of routes that read a body and store something.
func bodyErrors(more ...int) []int {
	return append([]int{http.StatusBadRequest, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, http.StatusInsufficientStorage}, more...)
}

// describe fills in what stands above the routes.
func describe(o *huma.OpenAPI) {
	o.Info.Description = "Rooms, join tokens and moderation for apps that embed Atrium. " +
		"Errors are `application/problem+json` with a stable `code`. " +
		"A request that creates something takes an `Idempotency-Key`: repeating it within 24 hours returns the first answer."
	o.Servers = nil // the paths are complete
	o.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		schemeKey: {Type: "http", Scheme: "bearer", Description: "An API key: atk_…"},
	}
	o.Tags = []*huma.Tag{
		{Name: tagRooms, Description: "Places to meet, their links and join tokens."},
		{Name: tagParticipants, Description: "Who is in a room now, and moderation."},
		{Name: tagEntry, Description: "For the page that a person opens by a link."},
	}
}

// add registers a route with its documentation, its authentication and the
// translation of its errors.
func add[I, O any](s *Server, h huma.API, r route, handle func(context.Context, *I) (*O, error)) {
	op := huma.Operation{
		OperationID:   r.id,
		Method:        r.method,
		Path:          prefix + r.path,
		Tags:          []string{r.tag},
		Summary:       r.summary,
		Description:   r.description,
		DefaultStatus: r.status,
		MaxBodyBytes:  s.maxBody,
		Responses:     make(map[string]*huma.Response),
	}
	statuses := append([]int{http.StatusInternalServerError}, r.errors...)
	if !r.public {
		op.Security = []map[string][]string{{schemeKey: {}}}
		op.Middlewares = huma.Middlewares{s.authenticate}
		statuses = append(statuses, http.StatusUnauthorized, http.StatusTooManyRequests)
	}
	schema := h.OpenAPI().Components.Schemas.Schema(problemType, true, "Problem")
	for _, status := range statuses {
		op.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status),
			Content:     map[string]*huma.MediaType{ProblemType: {Schema: schema}},
		}
	}
	huma.Register(h, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.failed(ctx, r.id, err)
		}
		return out, nil
	})
}

// failed is the boundary where errors are logged, once.
func (s *Server) failed(ctx context.Context, operation string, err error) error {
	if errors.Is(err, context.Canceled) {
		return newProblem(http.StatusServiceUnavailable, CodeUnavailable, "The request was given up.")
	}
	problem := problemOf(err)
	if problem.Status >= http.StatusInternalServerError {
		s.log.ErrorContext(ctx, "a request failed", "operation", operation, "err", err)
	}
	return problem
}
