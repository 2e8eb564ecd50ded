package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

func (s *Server) registerBreakouts(h huma.API) {
	of := func(r route) route {
		r.tag, r.target = tagBreakouts, on(control.ThingCall)
		if r.permission == "" {
			r.permission = auth.GroupsModerate
		}
		if r.status == 0 {
			r.status = http.StatusOK
		}
		return r
	}
	s.registerBreakoutPlan(h, of)
	add(s, h, of(route{
		method: http.MethodPost, path: "/calls/{id}/breakouts/broadcast", id: "broadcast", status: http.StatusNoContent,
		summary: "Write or speak to all rooms of a call",
		description: "`text` is shown in every room and kept nowhere. `voice: true` has what you say heard in every room " +
			"while the breakout rooms are open, wherever you are; one speaks to all at a time, and who begins takes over.",
		errors: bodyErrors(http.StatusConflict),
	}), s.broadcast)
	add(s, h, of(route{
		method: http.MethodPost, path: "/calls/{id}/participants/{participant_id}/move", id: "move-participant",
		status: http.StatusNoContent, summary: "Move somebody into a breakout room, or back",
		description: "At any time while they are open. A moderator visits a room by moving themselves. It answers when media " +
			"has them there: nothing is negotiated anew. 404 for a room that isn't one of the call's.",
		errors: bodyErrors(http.StatusConflict),
	}), s.moveParticipant)
	add(s, h, of(route{
		method: http.MethodPost, path: "/calls/{id}/breakouts/move", id: "move-participants",
		summary: "Move several people at once",
		description: "At any time while the rooms are open. All leave and arrive together, and all are moved or none; who has " +
			"left the call meanwhile is left out. It answers when media has them there.",
		errors: bodyErrors(http.StatusConflict),
	}), s.moveParticipants)
	add(s, h, of(route{
		method: http.MethodPost, path: "/calls/{id}/breakouts/choose", id: "choose-breakout", status: http.StatusNoContent,
		permission: auth.OwnVisit, paced: true, summary: "Go into a breakout room of one's own choice, or back",
		description: "For guests, where the rooms are assigned by choice: `room` of the signalling protocol lists them. " +
			"409 `wrong_state` when there is nothing to choose from.",
		errors: bodyErrors(http.StatusConflict),
	}), s.chooseBreakout)
	add(s, h, of(route{
		method: http.MethodPost, path: "/calls/{id}/breakouts/help", id: "ask-for-help", status: http.StatusNoContent,
		permission: auth.OwnVisit, paced: true, summary: "Ask the moderators into one's own breakout room",
		description: "For guests. It is answered when a moderator comes into the room; asking again before does nothing.",
		errors:      bodyErrors(http.StatusConflict),
	}), s.askForHelp)
}

func (s *Server) registerBreakoutPlan(h huma.API, of func(route) route) {
	add(s, h, of(route{
		method: http.MethodGet, path: "/calls/{id}/breakouts", id: "get-breakouts",
		summary: "Read the breakout rooms of a call", description: "None are planned at first; `call` events of the area tell that something of them changed. 409 for a call " +
			"that isn't a group's.",
		errors: []int{http.StatusConflict},
	}), s.getBreakouts)
	add(s, h, of(route{
		method: http.MethodPut, path: "/calls/{id}/breakouts", id: "plan-breakouts",
		summary: "Plan the breakout rooms of a call",
		description: "The whole plan: a room with an `id` stays, perhaps with another name, one without is new, one that isn't " +
			"named goes. While they are open, who is in a room that goes comes back to the main room, and nobody else is " +
			"moved; the end is the one of the new plan.",
		errors: bodyErrors(http.StatusConflict),
	}), s.planBreakouts)
	add(s, h, of(route{
		method: http.MethodPost, path: "/calls/{id}/breakouts/open", id: "open-breakouts",
		summary: "Open the breakout rooms",
		description: "Sends people where they are planned (`manual`), evenly at random, moderators excepted (`random`), or " +
			"lets them choose (`choose`). It answers when media has moved everybody. 409 `wrong_state` without a plan.",
		errors: []int{http.StatusConflict, http.StatusInsufficientStorage},
	}), s.openBreakouts)
	add(s, h, of(route{
		method: http.MethodPost, path: "/calls/{id}/breakouts/close", id: "close-breakouts",
		summary: "Close the breakout rooms",
		description: "In a minute, with warnings at 60 and 10 seconds, unless `in_seconds` says otherwise; never later than " +
			"they would have closed. The server takes everybody back, whoever is connected.",
		errors: bodyErrors(http.StatusConflict),
	}), s.closeBreakouts)
}

// BreakoutRoom is a room for small-group work.
type BreakoutRoom struct {
	ID           string   `json:"id" format:"uuid" doc:"The room's id in the signalling protocol too."`
	Name         string   `json:"name"`
	Participants []string `json:"participants" nullable:"false" doc:"Who belongs there; while they aren't open, who is planned to."`
}

// Breakouts are the breakout rooms of a call.
type Breakouts struct {
	CallID          string         `json:"call_id" format:"uuid"`
	State           string         `json:"state" enum:"planned,open"`
	Assign          string         `json:"assign" enum:"manual,random,choose"`
	Rooms           []BreakoutRoom `json:"rooms" nullable:"false"`
	EndsAt          *time.Time     `json:"ends_at,omitempty" doc:"When they close by themselves. Absent: when somebody closes them."`
	DurationSeconds int            `json:"duration_seconds,omitempty" doc:"How long they will be open, before they are opened."`
	Help            []HelpRequest  `json:"help" nullable:"false" doc:"Who waits for a moderator, the longest first."`
	Speaker         string         `json:"speaker,omitempty" format:"uuid" doc:"The participant whose voice all rooms hear."`
	Moves           int            `json:"moves" doc:"How often somebody was put into another room. The return at the end isn't counted."`
}

// HelpRequest is a guest's call for the moderator.
type HelpRequest struct {
	ParticipantID string    `json:"participant_id" format:"uuid"`
	RoomID        string    `json:"room_id" format:"uuid"`
	At            time.Time `json:"at"`
}

func breakoutsOf(b control.Breakouts) Breakouts {
	shown := Breakouts{
		CallID: b.CallID, State: string(b.State), Assign: string(b.Assign), Rooms: make([]BreakoutRoom, 0, len(b.Rooms)),
		EndsAt: moment(b.EndsAt), Help: make([]HelpRequest, 0, len(b.Help)), Speaker: b.Speaker, Moves: b.Moves,
	}
	in := b.Places
	if b.State != control.BreakoutsOpen {
		in = b.Plan
		shown.DurationSeconds = int(b.Duration / time.Second)
	}
	for _, r := range b.Rooms {
		room := BreakoutRoom{ID: r.ID, Name: r.Name, Participants: []string{}}
		for _, id := range slices.Sorted(maps.Keys(in)) {
			if in[id] == r.ID {
				room.Participants = append(room.Participants, id)
			}
		}
		shown.Rooms = append(shown.Rooms, room)
	}
	for _, h := range b.Help {
		shown.Help = append(shown.Help, HelpRequest(h))
	}
	return shown
}

func breakoutsAnswer(b control.Breakouts, err error) (*output[Breakouts], error) {
	return respond(b, err, breakoutsOf)
}

func (s *Server) getBreakouts(ctx context.Context, in *CallPath) (*output[Breakouts], error) {
	return breakoutsAnswer(s.control.Breakouts(ctx, actorOf(ctx), in.ID))
}

type planBreakoutsInput struct {
	CallPath
	Body PlanBreakouts
}

// PlanBreakouts is the body of PUT /calls/{id}/breakouts.
type PlanBreakouts struct {
	Rooms           []PlannedRoom `json:"rooms" nullable:"false" minItems:"1" maxItems:"30"`
	Assign          string        `json:"assign,omitempty" enum:"manual,random,choose" doc:"How people come into them; manual, if absent."`
	EndsAt          *time.Time    `json:"ends_at,omitempty" doc:"When they close by themselves."`
	DurationSeconds int           `json:"duration_seconds,omitempty" minimum:"0" maximum:"14400" doc:"How long they are open, instead of ends_at: from opening, or from now when they are open."`
}

// PlannedRoom is a room of a plan.
type PlannedRoom struct {
	ID           string   `json:"id,omitempty" doc:"Of a room that there is; absent: a new one."`
	Name         string   `json:"name,omitempty" doc:"1 to 80 characters; absent: by its number." example:"Blue"`
	Participants []string `json:"participants,omitempty" nullable:"false" doc:"Who goes there when they are opened, of manual."`
}

func (s *Server) planBreakouts(ctx context.Context, in *planBreakoutsInput) (*output[Breakouts], error) {
	plan := control.BreakoutPlan{
		Assign: control.BreakoutAssign(in.Body.Assign), Duration: time.Duration(in.Body.DurationSeconds) * time.Second,
	}
	if in.Body.EndsAt != nil {
		plan.EndsAt = *in.Body.EndsAt
	}
	for _, r := range in.Body.Rooms {
		plan.Rooms = append(plan.Rooms, control.PlannedRoom(r))
	}
	return breakoutsAnswer(s.control.PlanBreakouts(ctx, actorOf(ctx), in.ID, plan))
}

func (s *Server) openBreakouts(ctx context.Context, in *CallPath) (*output[Breakouts], error) {
	return breakoutsAnswer(s.control.OpenBreakouts(ctx, actorOf(ctx), in.ID))
}

type closeBreakoutsInput struct {
	CallPath
	Body *CloseBreakouts
}

// CloseBreakouts is the body of POST /calls/{id}/breakouts/close.
type CloseBreakouts struct {
	InSeconds *int `json:"in_seconds,omitempty" doc:"0: at once, 10 or 60; 60, if absent."`
}

func (s *Server) closeBreakouts(ctx context.Context, in *closeBreakoutsInput) (*output[Breakouts], error) {
	wait := time.Minute
	if in.Body != nil && in.Body.InSeconds != nil {
		wait = time.Duration(*in.Body.InSeconds) * time.Second
	}
	return breakoutsAnswer(s.control.CloseBreakouts(ctx, actorOf(ctx), in.ID, wait))
}

type moveParticipantInput struct {
	CallParticipantPath
	Body MoveParticipant
}

// MoveParticipant is the body of requests that put somebody into a room.
type MoveParticipant struct {
	Room string `json:"room" minLength:"1" doc:"The id of one of the call's breakout rooms, or main."`
}

func (s *Server) moveParticipant(ctx context.Context, in *moveParticipantInput) (*struct{}, error) {
	return nil, s.control.MoveMember(ctx, actorOf(ctx), in.ID, in.ParticipantID, in.Body.Room)
}

type moveParticipantsInput struct {
	CallPath
	Body MoveParticipants
}

// MoveParticipants is the body of POST /calls/{id}/breakouts/move.
type MoveParticipants struct {
	Moves []ParticipantMove `json:"moves" nullable:"false" minItems:"1" maxItems:"61"`
}

// ParticipantMove is one of several people who are moved.
type ParticipantMove struct {
	ParticipantID string `json:"participant_id" format:"uuid"`
	Room          string `json:"room" minLength:"1" doc:"The id of one of the call's breakout rooms, or main."`
}

func (s *Server) moveParticipants(ctx context.Context, in *moveParticipantsInput) (*output[Breakouts], error) {
	moves := make([]control.Move, len(in.Body.Moves))
	for i, m := range in.Body.Moves {
		moves[i] = control.Move(m)
	}
	return breakoutsAnswer(s.control.MoveMembers(ctx, actorOf(ctx), in.ID, moves))
}

type chooseBreakoutInput struct {
	CallPath
	Body MoveParticipant
}

func (s *Server) chooseBreakout(ctx context.Context, in *chooseBreakoutInput) (*struct{}, error) {
	return nil, s.control.ChooseBreakout(ctx, actorOf(ctx), in.ID, in.Body.Room)
}

type askForHelpInput struct {
	CallPath
	Body *AskForHelp
}

// AskForHelp is the body of POST /calls/{id}/breakouts/help.
type AskForHelp struct {
	Asking *bool `json:"asking,omitempty" doc:"false takes it back; true, if absent."`
}

func (s *Server) askForHelp(ctx context.Context, in *askForHelpInput) (*struct{}, error) {
	asking := in.Body == nil || in.Body.Asking == nil || *in.Body.Asking
	return nil, s.control.AskForHelp(ctx, actorOf(ctx), in.ID, asking)
}

type broadcastInput struct {
	CallPath
	OnceHeader
	Body Broadcast
}

// Broadcast is the body of POST /calls/{id}/breakouts/broadcast: one of text
// and voice.
type Broadcast struct {
	Text     string     `json:"text,omitempty" doc:"1 to 1000 characters." example:"Five minutes left."`
	Voice    *bool      `json:"voice,omitempty"`
	Provider *Conductor `json:"provider,omitempty" doc:"With an API key: who of those in the call it is. Voice needs it."`
}

func (s *Server) broadcast(ctx context.Context, in *broadcastInput) (*struct{}, error) {
	if (in.Body.Text != "") == (in.Body.Voice != nil) {
		return nil, &control.FieldError{Field: "text", Message: "must be given, or voice, and not both"}
	}
	if in.Body.Voice != nil {
		who, err := staffOf(ctx, in.Body.Provider)
		if err != nil {
			return nil, err
		}
		return nil, s.control.BroadcastVoice(ctx, who, in.ID, *in.Body.Voice)
	}
	who, err := writerOf(ctx, in.Body.Provider)
	if err != nil {
		return nil, err
	}
	once, err := in.once("broadcast", struct {
		ID   string
		Body Broadcast
	}{in.ID, in.Body})
	if err != nil {
		return nil, err
	}
	return nil, s.control.BroadcastText(ctx, who, in.ID, in.Body.Text, once)
}
