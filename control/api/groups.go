package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

func (s *Server) registerGroups(h huma.API) {
	of := func(kind control.ThingKind, r route) route {
		r.tag, r.target = tagGroups, on(kind)
		if r.permission == "" {
			r.permission = auth.GroupsModerate
		}
		return r
	}
	add(s, h, of(control.ThingArea, route{
		method: http.MethodGet, path: "/areas/{id}/groups", id: "list-groups", status: http.StatusOK, permission: auth.QueueRead,
		summary: "List group consultations",
		description: "In order of start, those that are over too. Their links are shown to who may moderate groups. " +
			"Follow `next_cursor` until there is none.",
		errors: []int{http.StatusBadRequest},
	}), s.listGroups)
	add(s, h, of(control.ThingArea, route{
		method: http.MethodPost, path: "/areas/{id}/groups", id: "create-group", status: http.StatusCreated,
		summary:     "Schedule a group consultation",
		description: "The answer has the link to register by: each who does so by `POST /entry` gets a link of their own.",
		errors:      bodyErrors(http.StatusConflict),
	}), s.createGroup)
	add(s, h, of(control.ThingGroup, route{
		method: http.MethodGet, path: "/groups/{id}", id: "get-group", status: http.StatusOK, summary: "Read a group consultation",
	}), s.getGroup)
	add(s, h, of(control.ThingGroup, route{
		method: http.MethodPatch, path: "/groups/{id}", id: "change-group", status: http.StatusOK,
		summary: "Change a group consultation",
		description: "What the body leaves out stays; so do the links. Of a live one the times stay, and only who moderates it " +
			"changes it (403 `not_moderator`).",
		errors: bodyErrors(http.StatusConflict),
	}), s.changeGroup)
	add(s, h, of(control.ThingGroup, route{
		method: http.MethodDelete, path: "/groups/{id}", id: "cancel-group", status: http.StatusNoContent,
		summary:     "Cancel a group consultation that is still to come",
		description: "All its links are dead, what is known of those who registered is erased, who waits is let go.",
		errors:      []int{http.StatusConflict, http.StatusInsufficientStorage},
	}), s.cancelGroup)
	add(s, h, of(control.ThingGroup, route{
		method: http.MethodPost, path: "/groups/{id}/send", id: "send-group", status: http.StatusOK,
		summary: "Send the link to register for a group by", errors: bodyErrors(http.StatusConflict),
	}), s.sendGroup)
	s.registerGroupSessions(h, of)
	s.registerRegistrations(h, of)
}

// registerGroupSessions adds what is done when a group meets.
func (s *Server) registerGroupSessions(h huma.API, of func(control.ThingKind, route) route) {
	add(s, h, of(control.ThingGroup, route{
		method: http.MethodPost, path: "/groups/{id}/start", id: "start-group", status: http.StatusOK,
		summary: "Start the session of a group",
		description: "It ends four hours from now; 30, 10 and 1 minutes before everybody in it is told. Who starts a group " +
			"without a host is its host. When it goes on already this is `join`. 403 `not_moderator` for who is neither " +
			"its host nor named beside them.",
		errors: bodyErrors(http.StatusConflict),
	}), s.startGroup)
	add(s, h, of(control.ThingGroup, route{
		method: http.MethodPost, path: "/groups/{id}/join", id: "join-group", status: http.StatusOK,
		summary: "Join the session of a group",
		description: "For staff; who has a seat gets a token for it again. The host's seat is kept, everybody else counts among the " +
			"participants: 409 `call_full`. 403 `not_moderator` when it is locked, or they were removed, for who doesn't moderate it.",
		errors: bodyErrors(http.StatusConflict),
	}), s.joinGroup)
	add(s, h, of(control.ThingGroup, route{
		method: http.MethodPost, path: "/groups/{id}/end", id: "end-group", status: http.StatusNoContent,
		summary: "End the session of a group for everybody", description: "403 `not_moderator` for who doesn't moderate it.",
		errors: []int{http.StatusConflict, http.StatusInsufficientStorage},
	}), s.endGroup)
	add(s, h, of(control.ThingGroup, route{
		method: http.MethodGet, path: "/groups/{id}/lobby", id: "get-group-lobby", status: http.StatusOK,
		summary:     "List who waits for a group",
		description: "In order of arrival. The event `group_lobby` of the area says when it is another list.",
	}), s.groupLobby)
	add(s, h, of(control.ThingGroup, route{
		method: http.MethodPost, path: "/groups/{id}/admit", id: "admit-to-group", status: http.StatusOK,
		summary: "Admit some who wait for a group",
		description: "Who can't be admitted keeps their place and is listed in `refused`. When nobody of them could be, the " +
			"answer is the error of the first: 409 `call_full`, `wrong_state`, or 404.",
		errors: bodyErrors(http.StatusConflict),
	}), s.admitToGroup)
	add(s, h, of(control.ThingGroup, route{
		method: http.MethodPost, path: "/groups/{id}/admit-all", id: "admit-all-to-group", status: http.StatusOK,
		summary:     "Admit everybody who waits for a group",
		description: "In order of arrival, as far as there are seats; the others keep their place and are listed in `refused`.",
		errors:      []int{http.StatusConflict, http.StatusInsufficientStorage},
	}), s.admitAllToGroup)
}

// Group is a group consultation.
type Group struct {
	ID              string     `json:"id" format:"uuid"`
	AreaID          string     `json:"area_id" format:"uuid"`
	Title           string     `json:"title"`
	StartsAt        time.Time  `json:"starts_at" doc:"As planned."`
	DurationMinutes float64    `json:"duration_minutes" doc:"As planned; a session ends four hours after its start, unless somebody ends it."`
	Capacity        int        `json:"capacity" doc:"Most participants beside the moderator."`
	Registration    string     `json:"registration" enum:"open,closed,by_invitation" doc:"by_invitation: only whom staff register."`
	Names           string     `json:"names" enum:"full,initials" doc:"How participants are shown to each other."`
	HostID          string     `json:"host_id,omitempty" format:"uuid" doc:"Account of the moderator."`
	CoModeratorIDs  []string   `json:"co_moderator_ids" nullable:"false" doc:"Accounts who moderate it too."`
	State           string     `json:"state" enum:"scheduled,live,ended,cancelled"`
	CallID          string     `json:"call_id,omitempty" format:"uuid"`
	CreatedAt       time.Time  `json:"created_at"`
	EndedAt         *time.Time `json:"ended_at,omitempty"`
	Link            string     `json:"link,omitempty" doc:"To register by. Absent when it is over."`

	Registrations GroupCounts `json:"registrations"`
}

// GroupCounts is how many registered for a group, and how far they have come.
type GroupCounts struct {
	Registered int `json:"registered" doc:"Who weren't removed, those below too."`
	Waiting    int `json:"waiting" doc:"Who are in the lobby now: to be admitted, or on hold."`
	Admitted   int `json:"admitted" doc:"Who are in the session now."`
}

func (s *Server) groupOf(ctx context.Context, g control.GroupSession) Group {
	shown := Group{
		ID: g.ID, AreaID: g.AreaID, Title: g.Title, StartsAt: g.StartsAt, DurationMinutes: g.Duration.Minutes(),
		Capacity: g.Capacity, Registration: string(g.Registration), Names: string(g.Names),
		HostID: g.HostID, CoModeratorIDs: append([]string{}, g.CoModeratorIDs...), State: string(g.State), CallID: g.CallID,
		CreatedAt: g.CreatedAt, EndedAt: moment(g.EndedAt), Registrations: GroupCounts(g.Counts),
	}
	if accessOf(ctx).may(auth.GroupsModerate) {
		shown.Link = guestLink(originOf(ctx).base, g.Link)
	}
	return shown
}

func (s *Server) groupAnswer(ctx context.Context, g control.GroupSession, err error) (*output[Group], error) {
	return respond(g, err, func(g control.GroupSession) Group { return s.groupOf(ctx, g) })
}

type listGroupsInput struct {
	AreaPath
	PeriodQuery
}

func (s *Server) listGroups(ctx context.Context, in *listGroupsInput) (*listOutput[Group], error) {
	from, until := in.period(s.now())
	page, err := s.control.Groups(ctx, actorOf(ctx), in.ID, from, until, in.query())
	if err != nil {
		return nil, err
	}
	return listOf(page, func(g control.GroupSession) Group { return s.groupOf(ctx, g) }), nil
}

type createGroupInput struct {
	ID string `path:"id" doc:"The area's id."`
	OnceHeader
	Body CreateGroup
}

// CreateGroup is the body of POST /areas/{id}/groups.
type CreateGroup struct {
	Title           string    `json:"title" doc:"Shown to who registers: 1 to 80 characters." example:"Coping with stress"`
	StartsAt        time.Time `json:"starts_at"`
	DurationMinutes int       `json:"duration_minutes,omitempty" minimum:"1" maximum:"240" doc:"Absent: 60."`
	Capacity        int       `json:"capacity,omitempty" minimum:"1" maximum:"60" doc:"Most participants beside the moderator. Absent: 60."`
	Registration    string    `json:"registration,omitempty" enum:"open,closed,by_invitation" doc:"Absent: open."`
	Names           string    `json:"names,omitempty" enum:"full,initials" doc:"How participants are shown to each other. Absent: full."`
	HostID          string    `json:"host_id,omitempty" doc:"Account of the moderator. Absent: you, or, with an API key, who starts it."`
	CoModeratorIDs  []string  `json:"co_moderator_ids,omitempty" maxItems:"20" doc:"Accounts who moderate it too."`
}

func (s *Server) createGroup(ctx context.Context, in *createGroupInput) (*output[Group], error) {
	once, err := in.once("create_group", struct {
		ID   string
		Body CreateGroup
	}{in.ID, in.Body})
	if err != nil {
		return nil, err
	}
	b := in.Body
	g, err := s.control.CreateGroup(ctx, actorOf(ctx), in.ID, control.GroupSpec{
		Title: b.Title, StartsAt: b.StartsAt, Duration: time.Duration(b.DurationMinutes) * time.Minute, Capacity: b.Capacity,
		Registration: control.Registration(b.Registration), Names: control.NameStyle(b.Names),
		HostID: b.HostID, CoModeratorIDs: b.CoModeratorIDs,
	}, once)
	return s.groupAnswer(ctx, g, err)
}

// GroupPath is the path of a group.
type GroupPath struct {
	ID string `path:"id" doc:"The group's id."`
}

func (s *Server) getGroup(ctx context.Context, in *GroupPath) (*output[Group], error) {
	g, err := s.control.Group(ctx, actorOf(ctx), in.ID)
	return s.groupAnswer(ctx, g, err)
}

type changeGroupInput struct {
	GroupPath
	Body ChangeGroup
}

// ChangeGroup is the body of PATCH /groups/{id}.
type ChangeGroup struct {
	Title           *string    `json:"title,omitempty"`
	StartsAt        *time.Time `json:"starts_at,omitempty"`
	DurationMinutes *int       `json:"duration_minutes,omitempty" minimum:"1" maximum:"240"`
	Capacity        *int       `json:"capacity,omitempty" minimum:"1" maximum:"60"`
	Registration    *string    `json:"registration,omitempty" enum:"open,closed,by_invitation"`
	Names           *string    `json:"names,omitempty" enum:"full,initials" doc:"As long as nobody has come."`
	HostID          *string    `json:"host_id,omitempty" doc:"An account of the organisation; empty: who starts it."`
	CoModeratorIDs  *[]string  `json:"co_moderator_ids,omitempty" maxItems:"20"`
}

func (s *Server) changeGroup(ctx context.Context, in *changeGroupInput) (*output[Group], error) {
	b := in.Body
	patch := control.GroupPatch{
		Title: b.Title, StartsAt: b.StartsAt, Capacity: b.Capacity, HostID: b.HostID, CoModeratorIDs: b.CoModeratorIDs,
		Registration: (*control.Registration)(b.Registration), Names: (*control.NameStyle)(b.Names),
	}
	if b.DurationMinutes != nil {
		duration := time.Duration(*b.DurationMinutes) * time.Minute
		patch.Duration = &duration
	}
	g, err := s.control.UpdateGroup(ctx, actorOf(ctx), in.ID, patch)
	return s.groupAnswer(ctx, g, err)
}

func (s *Server) cancelGroup(ctx context.Context, in *GroupPath) (*struct{}, error) {
	return nil, s.control.CancelGroup(ctx, actorOf(ctx), in.ID)
}

func (s *Server) endGroup(ctx context.Context, in *GroupPath) (*struct{}, error) {
	return nil, s.control.EndGroup(ctx, actorOf(ctx), in.ID)
}

type intoGroupInput struct {
	GroupPath
	Body *ComeIn
}

// StartedGroup is a group that goes on, with a join token to its call.
type StartedGroup struct {
	Token
	Group Group `json:"group"`
	Call  Call  `json:"call"`
}

func (s *Server) startGroup(ctx context.Context, in *intoGroupInput) (*output[StartedGroup], error) {
	return s.intoGroup(ctx, in, s.control.StartGroup)
}

func (s *Server) joinGroup(ctx context.Context, in *intoGroupInput) (*output[StartedGroup], error) {
	return s.intoGroup(ctx, in, s.control.JoinGroup)
}

func (s *Server) intoGroup(ctx context.Context, in *intoGroupInput,
	enter func(context.Context, control.Staff, string) (control.StartedGroup, error)) (*output[StartedGroup], error) {
	who, err := staffOf(ctx, in.Body.provider())
	if err != nil {
		return nil, err
	}
	started, err := enter(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	seat, err := s.inCall(ctx, started.Join, started.Call)
	if err != nil {
		return nil, err
	}
	return &output[StartedGroup]{Body: StartedGroup{Token: seat.Token, Group: s.groupOf(ctx, started.Group), Call: seat.Call}}, nil
}

func (s *Server) sendGroup(ctx context.Context, in *sendingInput) (*output[Sent], error) {
	return send(ctx, in, "send_group", s.control.SendGroup, func(g control.GroupSession) string { return g.Link })
}

// GroupLobby is who waits for a group. It has no pages: registrations are
// bounded.
type GroupLobby struct {
	Items []Visit `json:"items" nullable:"false"`
}

func (s *Server) groupLobby(ctx context.Context, in *GroupPath) (*output[GroupLobby], error) {
	visits, err := s.control.GroupLobby(ctx, actorOf(ctx), in.ID)
	return respond(visits, err, func(visits []control.Visit) GroupLobby {
		lobby := GroupLobby{Items: make([]Visit, 0, len(visits))}
		for _, v := range visits {
			lobby.Items = append(lobby.Items, visitOf(v))
		}
		return lobby
	})
}

type admitToGroupInput struct {
	GroupPath
	Body AdmitToGroup
}

// AdmitToGroup is the body of POST /groups/{id}/admit.
type AdmitToGroup struct {
	Visits []string `json:"visits" minItems:"1" maxItems:"500" nullable:"false" doc:"Ids of visits that wait for the group."`
}

// GroupAdmissions is who of those who waited is in the call now.
type GroupAdmissions struct {
	Admitted []string       `json:"admitted" nullable:"false" doc:"Ids of visits."`
	Refused  []RefusedVisit `json:"refused" nullable:"false" doc:"Who keeps their place."`
}

// RefusedVisit is a visit that could not be admitted.
type RefusedVisit struct {
	Visit string `json:"visit" doc:"Its id."`
	Code  string `json:"code" doc:"Why: call_full, wrong_state, not_found." example:"call_full"`
}

func admissionsOf(done control.GroupAdmissions, err error) (*output[GroupAdmissions], error) {
	return respond(done, err, func(done control.GroupAdmissions) GroupAdmissions {
		shown := GroupAdmissions{Admitted: append([]string{}, done.Admitted...), Refused: make([]RefusedVisit, 0, len(done.Refused))}
		for _, r := range done.Refused {
			shown.Refused = append(shown.Refused, RefusedVisit{Visit: r.VisitID, Code: r.Code})
		}
		return shown
	})
}

func (s *Server) admitToGroup(ctx context.Context, in *admitToGroupInput) (*output[GroupAdmissions], error) {
	return admissionsOf(s.control.AdmitToGroup(ctx, actorOf(ctx), in.ID, in.Body.Visits))
}

func (s *Server) admitAllToGroup(ctx context.Context, in *GroupPath) (*output[GroupAdmissions], error) {
	return admissionsOf(s.control.AdmitAllToGroup(ctx, actorOf(ctx), in.ID))
}
