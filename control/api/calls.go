package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

func (s *Server) registerCalls(h huma.API) {
	of := func(r route) route {
		r.tag, r.target = tagCalls, on(control.ThingCall)
		if r.permission == "" {
			r.permission = auth.VisitsConduct
		}
		return r
	}
	add(s, h, of(route{
		method: http.MethodGet, path: "/calls/{id}", id: "get-call", status: http.StatusOK, permission: auth.QueueRead,
		meeting: auth.RoomsEnter,
		summary: "Read a call", description: "One that has ended too, without its guests' names.",
	}), s.getCall)
	add(s, h, of(route{
		method: http.MethodPost, path: "/calls/{id}/token", id: "return-to-call", status: http.StatusCreated,
		meeting: auth.RoomsEnter, group: true,
		summary:     "Get another join token for one's own seat in a call",
		description: "404 for who has no seat in it: admit or join a guest, join the group, or enter the meeting room.",
		errors:      bodyErrors(),
	}), s.returnToCall)
	add(s, h, of(route{
		method: http.MethodPost, path: "/calls/{id}/invite", id: "invite-to-call", status: http.StatusCreated,
		summary: "Invite somebody into a call",
		description: "Makes a single-use link, good for 12 h while the call goes on: who uses it enters without waiting. " +
			"It is sent, or there to copy in `link`.",
		errors: bodyErrors(http.StatusConflict),
	}), s.inviteToCall)
	s.registerModeration(h, of)
	add(s, h, route{
		method: http.MethodPost, path: "/meeting-rooms/{id}/enter", id: "enter-meeting-room", tag: tagCalls,
		status: http.StatusOK, permission: auth.RoomsEnter, target: on(control.ThingMeetingRoom),
		summary:     "Enter a meeting room",
		description: "For staff, without waiting; a locked room is open to them. 409 `call_full` when six are in it.",
		errors:      bodyErrors(http.StatusConflict),
	}, s.enterMeetingRoom)
}

// CallPath is the path of a call.
type CallPath struct {
	ID string `path:"id" doc:"The call's id."`
}

// Call is people who see and hear each other.
type Call struct {
	ID            string       `json:"id" format:"uuid"`
	AreaID        string       `json:"area_id,omitempty" format:"uuid"`
	MeetingRoomID string       `json:"meeting_room_id,omitempty" format:"uuid"`
	GroupID       string       `json:"group_id,omitempty" format:"uuid"`
	Kind          string       `json:"kind" enum:"individual,meeting,group"`
	State         string       `json:"state" enum:"live,ended"`
	Locked        bool         `json:"locked"`
	StartedAt     time.Time    `json:"started_at"`
	EndedAt       *time.Time   `json:"ended_at,omitempty"`
	Peak          int          `json:"peak" doc:"Most people at once."`
	EndsAt        *time.Time   `json:"ends_at,omitempty" doc:"When it ends for all: a group's."`
	InCharge      string       `json:"in_charge,omitempty" doc:"Participant who moderates a group now: its host, or, while they aren't there, somebody else of staff."`
	Controls      CallControls `json:"controls"`
	Members       []Member     `json:"members" nullable:"false" doc:"Who is in it, or was, in order of joining."`
}

// Member is somebody who is or was in a call.
type Member struct {
	ParticipantID string     `json:"participant_id" format:"uuid"`
	VisitID       string     `json:"visit_id,omitempty" format:"uuid" doc:"A guest's."`
	AccountID     string     `json:"account_id,omitempty" format:"uuid" doc:"Of staff."`
	Name          string     `json:"name,omitempty" doc:"A guest's only while they are in the call."`
	Role          string     `json:"role" enum:"moderator,participant"`
	Provider      bool       `json:"provider" doc:"When the last of them leaves, the guests are put on hold."`
	Host          bool       `json:"host,omitempty" doc:"Of a group: their seat is kept."`
	Silenced      []string   `json:"silenced,omitempty" doc:"Sources that a moderator stopped."`
	JoinedAt      time.Time  `json:"joined_at" doc:"When their seat was given to them."`
	LeftAt        *time.Time `json:"left_at,omitempty"`
}

// callOf is a call with the names of the guests who are in it.
func (s *Server) callOf(ctx context.Context, c control.Call) (Call, error) {
	call := Call{
		ID: c.ID, AreaID: c.AreaID, MeetingRoomID: c.MeetingRoomID, Kind: string(c.Kind), State: string(c.State),
		Locked: c.Locked, StartedAt: c.StartedAt, EndedAt: moment(c.EndedAt), Peak: c.Peak,
		GroupID: c.GroupID, EndsAt: moment(c.EndsAt), InCharge: c.InCharge, Controls: controlsOf(c.Controls),
		Members: make([]Member, 0, len(c.Members)),
	}
	for _, m := range c.Members {
		member := Member{
			ParticipantID: m.ParticipantID, VisitID: m.VisitID, AccountID: m.AccountID, Name: m.Name,
			Role: string(m.Role), Provider: m.Provider, Host: m.Host, Silenced: m.Silenced, JoinedAt: m.JoinedAt, LeftAt: moment(m.LeftAt),
		}
		if m.VisitID != "" && m.LeftAt.IsZero() {
			v, err := s.control.Visit(ctx, control.System(), m.VisitID)
			if err != nil && !errors.Is(err, control.ErrNotFound) {
				return Call{}, err
			}
			member.Name = v.Details[string(control.FieldName)]
		}
		call.Members = append(call.Members, member)
	}
	return call, nil
}

func (s *Server) callAnswer(ctx context.Context, c control.Call, err error) (*output[Call], error) {
	if err != nil {
		return nil, err
	}
	call, err := s.callOf(ctx, c)
	if err != nil {
		return nil, err
	}
	return &output[Call]{Body: call}, nil
}

func (s *Server) getCall(ctx context.Context, in *CallPath) (*output[Call], error) {
	call, err := s.control.Call(ctx, actorOf(ctx), in.ID)
	return s.callAnswer(ctx, call, err)
}

// ComeIn is the body of requests that let somebody of staff into a call.
type ComeIn struct {
	Provider *Conductor `json:"provider,omitempty" doc:"Who comes in: needed with an API key, and with it only."`
}

func (c *ComeIn) provider() *Conductor {
	if c == nil {
		return nil
	}
	return c.Provider
}

type returnToCallInput struct {
	CallPath
	Body *ComeIn
}

func (s *Server) returnToCall(ctx context.Context, in *returnToCallInput) (*output[Token], error) {
	who, err := staffOf(ctx, in.Body.provider())
	if err != nil {
		return nil, err
	}
	join, err := s.control.CallSeat(ctx, who, in.ID)
	return s.tokenAnswer(ctx, join, err)
}

type enterMeetingRoomInput struct {
	ID   string `path:"id" doc:"The meeting room's id."`
	Body *ComeIn
}

// InCall is a join token to a call.
type InCall struct {
	Token
	Call Call `json:"call"`
}

// inCall is the answer to who of staff has come into a call. With an empty join
// they have no seat in it any more, and get no token.
func (s *Server) inCall(ctx context.Context, j control.Join, c control.Call) (InCall, error) {
	var seat InCall
	var err error
	if j.ID != "" {
		if err = s.seated(ctx, j.ParticipantID); err != nil {
			return InCall{}, err
		}
		if seat.Token, err = s.tokenOf(ctx, j); err != nil {
			return InCall{}, err
		}
	}
	if seat.Call, err = s.callOf(ctx, c); err != nil {
		return InCall{}, err
	}
	return seat, nil
}

func (s *Server) enterMeetingRoom(ctx context.Context, in *enterMeetingRoomInput) (*output[InCall], error) {
	who, err := staffOf(ctx, in.Body.provider())
	if err != nil {
		return nil, err
	}
	call, join, err := s.control.EnterMeetingRoom(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	seat, err := s.inCall(ctx, join, call)
	return respond(seat, err, func(seat InCall) InCall { return seat })
}
