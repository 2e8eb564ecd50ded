package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// Groups of routes in the documentation.
const (
	tagRooms        = "Rooms"
	tagParticipants = "Participants"
	tagEntry        = "Entry"
	tagOperator     = "Operator"
	tagSignIn       = "Signing in"
	tagOrganisation = "Organisation"
	tagUnits        = "Units"
	tagAreas        = "Waiting areas"
	tagMeetingRooms = "Meeting rooms"
	tagRoles        = "Roles"
	tagAccounts     = "Accounts"
	tagKeys         = "API keys"
	tagWebhooks     = "Webhooks"
	tagAudit        = "Audit log"
	tagVisits       = "Visits"
	tagCalls        = "Calls"
	tagBreakouts    = "Breakout rooms"
	tagConsultNow   = "Consult Now"
	tagAppointments = "Appointments"
	tagGroups       = "Group consultations"
	tagReports      = "Reports"
)

// Names of the security schemes.
const (
	schemeBearer  = "bearer"
	schemeSession = "session"
	schemeVisit   = "visit"
)

// route is what a handler is registered with.
type route struct {
	method, path string
	id, tag      string
	summary      string
	description  string
	status       int   // of success
	errors       []int // statuses beside those that every route may have

	// permission is the row of auth.Table that says who may (R-P-1); New
	// fails without a known one.
	permission auth.Permission
	target     target // what the permission is asked for
	// guest lets a guest too, where the target is their own visit.
	guest bool
	// paced says that others are told of what a guest does here: see pace.
	paced bool
	// meeting is a permission that does as well, where the target is the call
	// of a meeting room: nobody has visits.conduct on a unit's.
	meeting auth.Permission
	// group says that for the visits and calls of groups auth.GroupsModerate is
	// needed, in place of permission.
	group bool
	// past says that the target may be a unit that was deleted, for whoever has
	// the permission on it: its reports (R-T-5), and who may read them. For
	// everybody else it isn't there (R-T-4).
	past bool
}

// checkRoutes returns an error for a route that doesn't say who may use it
// (R-P-1, SE-6).
func (s *Server) checkRoutes() error {
	for _, r := range s.routes {
		name := r.method + " " + r.path
		switch {
		case !s.policy.Known(r.permission):
			return fmt.Errorf("route %s: %q is no permission of the table", name, r.permission)
		case r.target.param != "" && !strings.Contains(r.path, "{"+r.target.param+"}"):
			return fmt.Errorf("route %s: the path has no {%s}", name, r.target.param)
		case r.target.kind == "" && strings.Contains(r.path, "{") && r.permission != auth.Anyone:
			return fmt.Errorf("route %s: nothing says what the permission is asked for", name)
		case r.group && r.target.kind != control.ThingVisit && r.target.kind != control.ThingCall:
			return fmt.Errorf("route %s: only visits and calls may be a group's", name)
		case r.paced && r.permission != auth.OwnVisit:
			return fmt.Errorf("route %s: only guests are held back", name)
		case r.past && r.target.kind != control.ThingUnit:
			return fmt.Errorf("route %s: only a unit is of use when it was deleted", name)
		case r.guest && r.target.kind != control.ThingVisit,
			r.permission == auth.OwnVisit && r.target.kind != control.ThingVisit && r.target.kind != control.ThingCall:
			return fmt.Errorf("route %s: a guest has permissions on their visit and its call only", name)
		case r.meeting != "" && (r.target.kind != control.ThingCall || !s.policy.Known(r.meeting)):
			return fmt.Errorf("route %s: %q is no permission on the call of a meeting room", name, r.meeting)
		}
	}
	return nil
}

// register adds all routes and returns the description of the API.
func (s *Server) register() *huma.OpenAPI {
	h := s.newHuma()
	describe(h.OpenAPI())
	s.registerRooms(h)
	s.registerParticipants(h)
	s.registerNodes(h)
	s.registerOrganisations(h)
	s.registerGateways(h)
	s.registerUnits(h)
	s.registerAreas(h)
	s.registerMeetingRooms(h)
	s.registerGrants(h)
	s.registerAccounts(h)
	s.registerSessions(h)
	s.registerOwnAccount(h)
	s.registerAPIKeys(h)
	s.registerOrganisationKeys(h)
	s.registerWebhooks(h)
	s.registerAudit(h)
	s.registerEntry(h)
	s.registerGuests(h)
	s.registerQueue(h)
	s.registerVisits(h)
	s.registerCalls(h)
	s.registerBreakouts(h)
	s.registerConsultNow(h)
	s.registerAppointments(h)
	s.registerGroups(h)
	s.registerSending(h)
	s.registerReports(h)
	// huma registers its own form of errors, which rework leaves no trace of.
	schemas := h.OpenAPI().Components.Schemas.Map()
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	return h.OpenAPI()
}

func (s *Server) registerRooms(h huma.API) {
	add(s, h, route{
		method: http.MethodPost, path: "/rooms", id: "create-room", tag: tagRooms, status: http.StatusCreated,
		permission: auth.EmbeddedRooms, target: ownOrganisation(),
		summary: "Create a room",
		description: "The answer holds the room's link: whoever has it can enter as a participant. " +
			"Capacity is at most 5 for `individual`, 61 for `group`, 6 for `meeting` and 2000 for `plain`.",
		errors: bodyErrors(http.StatusConflict),
	}, s.createRoom)
	add(s, h, route{
		method: http.MethodGet, path: "/rooms", id: "list-rooms", tag: tagRooms, status: http.StatusOK,
		permission: auth.EmbeddedRooms, target: ownOrganisation(),
		summary:     "List rooms",
		description: "In order of creation. Follow `next_cursor` until there is none.",
		errors:      []int{http.StatusBadRequest},
	}, s.listRooms)
	add(s, h, route{
		method: http.MethodGet, path: "/rooms/{id}", id: "get-room", tag: tagRooms, status: http.StatusOK,
		permission: auth.EmbeddedRooms, target: ownOrganisation(),
		summary: "Read a room", errors: []int{http.StatusNotFound},
	}, s.getRoom)
	add(s, h, route{
		method: http.MethodDelete, path: "/rooms/{id}", id: "delete-room", tag: tagRooms, status: http.StatusNoContent,
		permission: auth.EmbeddedRooms, target: ownOrganisation(),
		summary:     "Delete a room",
		description: "Ends its call for everybody in it; its link and its tokens are dead.",
		errors:      []int{http.StatusNotFound, http.StatusInsufficientStorage},
	}, s.deleteRoom)
	add(s, h, route{
		method: http.MethodPost, path: "/rooms/{id}/tokens", id: "create-token", tag: tagRooms, status: http.StatusCreated,
		permission: auth.EmbeddedRooms, target: ownOrganisation(),
		summary: "Create a join token",
		description: "For one person to join once, within five minutes. Give it to the browser SDK or to a client of the " +
			"signalling protocol; never put it into a URL.",
		errors: bodyErrors(http.StatusNotFound, http.StatusConflict),
	}, s.createToken)
}

func (s *Server) registerParticipants(h huma.API) {
	add(s, h, route{
		method: http.MethodGet, path: "/rooms/{id}/participants", id: "list-participants", tag: tagParticipants,
		permission: auth.EmbeddedRooms, target: ownOrganisation(), status: http.StatusOK, summary: "List who is in a room",
		description: "In order of arrival. Those whose connection was lost are listed while their seat is kept.",
		errors:      []int{http.StatusNotFound},
	}, s.listParticipants)
	add(s, h, route{
		method: http.MethodPost, path: "/rooms/{id}/participants/{participant_id}/mute", id: "mute-participant",
		tag: tagParticipants, permission: auth.EmbeddedRooms, target: ownOrganisation(),
		status: http.StatusNoContent, summary: "Mute a participant's source",
		description: "The server enforces it: nothing of the source is forwarded. `muted: false` takes that back; " +
			"it doesn't unmute what the person muted.",
		errors: bodyErrors(http.StatusNotFound),
	}, s.mute)
	add(s, h, route{
		method: http.MethodPost, path: "/rooms/{id}/participants/{participant_id}/remove", id: "remove-participant",
		tag: tagParticipants, permission: auth.EmbeddedRooms, target: ownOrganisation(),
		status: http.StatusNoContent, summary: "Remove a participant",
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
	o.Info.Description = "Organisations, units, waiting areas and meeting rooms, the people who work there, and rooms for apps that embed Atrium. " +
		"Every route needs a permission on the thing that it names: without any role on it the answer is 404, with a role that lacks the permission 403. " +
		"Errors are `application/problem+json` with a stable `code`. " +
		"A request that creates something takes an `Idempotency-Key`: repeating it within 24 hours returns the first answer."
	o.Servers = nil // the paths are complete
	o.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		schemeBearer: {Type: "http", Scheme: "bearer",
			Description: "An API key (atk_…), a session (ats_…), a visit (atv_…) or the operator key (ato_…)."},
		schemeSession: {Type: "apiKey", In: "cookie", Name: sessionCookie, Description: "Staff, in a page of this server."},
		schemeVisit:   {Type: "apiKey", In: "cookie", Name: visitCookie, Description: "A guest, in a page of this server."},
	}
	o.Tags = []*huma.Tag{
		{Name: tagRooms, Description: "Places to meet, their links and join tokens."},
		{Name: tagParticipants, Description: "Who is in a room now, and moderation."},
		{Name: tagSignIn, Description: "Invitations, sessions and sign-in links of staff."},
		{Name: tagOrganisation, Description: "One's own organisation and what it sends by."},
		{Name: tagUnits, Description: "The units that an organisation separates its activities into."},
		{Name: tagAreas, Description: "Waiting areas: their settings, hours and links."},
		{Name: tagMeetingRooms, Description: "Permanent rooms for internal use. Not for clinical use."},
		{Name: tagRoles, Description: "Who has which role on what."},
		{Name: tagAccounts, Description: "The people of an organisation."},
		{Name: tagKeys, Description: "For apps: scope and permissions."},
		{Name: tagWebhooks, Description: "Events, sent to apps."},
		{Name: tagAudit, Description: "Who did what: append-only and chained by hashes."},
		{Name: tagOperator, Description: "For whoever runs the deployment, with the operator key."},
		{Name: tagEntry, Description: "For the page that a person opens by a link."},
		{Name: tagVisits, Description: "Guests in waiting areas: their own requests, and those of staff."},
		{Name: tagCalls, Description: "Who is in a call, moderation, and meeting rooms."},
		{Name: tagBreakouts, Description: "Small-group work in group consultations."},
		{Name: tagConsultNow, Description: "Unscheduled calls by a single-use link."},
		{Name: tagAppointments, Description: "Visits that were agreed on, and links to send."},
		{Name: tagGroups, Description: "Sessions of up to 60 participants, who register, request access and are admitted."},
		{Name: tagReports, Description: "What a unit did in a period: tables and drawings, without names of guests."},
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
	s.routes = append(s.routes, r)
	statuses := append([]int{http.StatusInternalServerError, http.StatusForbidden}, r.errors...)
	if r.permission != auth.Anyone {
		op.Security = r.security()
		statuses = append(statuses, http.StatusUnauthorized, http.StatusTooManyRequests)
	}
	if r.target.param != "" || r.target.unit {
		statuses = append(statuses, http.StatusNotFound)
	}
	op.Middlewares = huma.Middlewares{s.guardRoute(r)}
	schema := h.OpenAPI().Components.Schemas.Schema(problemType, true, "Problem")
	for _, status := range statuses {
		op.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status),
			Content:     map[string]*huma.MediaType{ProblemType: {Schema: schema}},
		}
	}
	if r.permission != auth.Anyone {
		needs := "Permission: `" + string(r.permission) + "`"
		if r.meeting != "" {
			needs += ", in a meeting room also `" + string(r.meeting) + "`"
		}
		if r.group {
			needs += "; of a group's `" + string(auth.GroupsModerate) + "`, and 403 `not_moderator` for who doesn't moderate that group"
		}
		op.Description = strings.TrimSpace(op.Description + "\n\n" + needs + ".")
	}
	if r.paced {
		op.Description += " A guest may do this, and whatever else is told to others, ten times at once and once a second; else 429."
	}
	huma.Register(h, op, func(ctx context.Context, in *I) (*O, error) {
		if r.paced && !s.pace.allow(actorOf(ctx).ID) {
			return nil, tooOften()
		}
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.failed(ctx, r.id, err)
		}
		return out, nil
	})
}

// security lists what a request of the route may be made with.
func (r route) security() []map[string][]string {
	list := []map[string][]string{{schemeBearer: {}}}
	if r.permission != auth.OwnVisit {
		list = append(list, map[string][]string{schemeSession: {}})
	}
	if r.permission == auth.OwnVisit || r.guest {
		list = append(list, map[string][]string{schemeVisit: {}})
	}
	return list
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
