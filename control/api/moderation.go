package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// registerModeration adds what a moderator decides for a call (R-GC-5).
func (s *Server) registerModeration(h huma.API, of func(route) route) {
	moderate := func(r route) route {
		r.group, r.meeting = true, auth.RoomsModerate
		return of(r)
	}
	add(s, h, moderate(route{
		method: http.MethodPatch, path: "/calls/{id}", id: "change-call", status: http.StatusOK,
		summary:     "Switch the chat of a call on or off",
		description: "While it is off, participants can write to moderators only. It holds in breakouts too.",
		errors:      bodyErrors(),
	}), s.changeCall)
	add(s, h, moderate(route{
		method: http.MethodPost, path: "/calls/{id}/end", id: "end-call", status: http.StatusNoContent,
		summary: "End a call for everybody in it", errors: []int{http.StatusInsufficientStorage},
	}), s.endCall)
	add(s, h, moderate(route{
		method: http.MethodPost, path: "/calls/{id}/lock", id: "lock-call", status: http.StatusOK,
		summary: "Lock or unlock a call", description: "Into a locked call nobody comes by a link.", errors: bodyErrors(),
	}), s.lockCall)
	add(s, h, moderate(route{
		method: http.MethodPost, path: "/calls/{id}/mute", id: "mute-all-in-call", status: http.StatusNoContent,
		summary: "Mute a source of everybody in a call",
		description: "Of everybody in it but you, those who are away too, and of guests who come later for the first time. " +
			"`muted: false` takes it back; it unmutes nobody: they unmute themselves.",
		errors: bodyErrors(),
	}), s.muteAllInCall)
	add(s, h, moderate(route{
		method: http.MethodPost, path: "/calls/{id}/participants/{participant_id}/mute", id: "mute-in-call",
		status: http.StatusNoContent, summary: "Mute a source of somebody in a call",
		description: "The server enforces it: nothing of the source is forwarded, after they have left and come back neither. To " +
			"stop somebody's video is to mute their `camera`. `muted: false` takes that back; it doesn't unmute them: nothing is " +
			"forwarded until they unmute themselves.",
		errors: bodyErrors(),
	}), s.muteInCall)
	add(s, h, moderate(route{
		method: http.MethodPost, path: "/calls/{id}/participants/{participant_id}/ask", id: "ask-in-call",
		status: http.StatusNoContent, summary: "Ask somebody in a call to unmute",
		description: "They are shown it, and decide. What a moderator muted of them they can unmute from then on.", errors: bodyErrors(),
	}), s.askInCall)
	add(s, h, moderate(route{
		method: http.MethodPost, path: "/calls/{id}/participants/{participant_id}/spotlight", id: "spotlight-in-call",
		status: http.StatusOK, summary: "Show somebody large to everybody in a call", errors: bodyErrors(),
	}), s.spotlightInCall)
	add(s, h, moderate(route{
		method: http.MethodPost, path: "/calls/{id}/participants/{participant_id}/remove", id: "remove-from-call",
		status: http.StatusNoContent, summary: "Remove somebody from a call for good",
		description: "Their connection ends and their tokens are dead; a guest's visit has ended, and their personal link to a group " +
			"is dead. 409 `wrong_state` for the host of a group.",
		errors: []int{http.StatusConflict, http.StatusInsufficientStorage},
	}), s.removeFromCall)
}

// CallControls are what the moderator has set for everybody in a call.
type CallControls struct {
	Chat      string   `json:"chat" enum:"on,off" doc:"off: participants write to moderators only."`
	Spotlight string   `json:"spotlight,omitempty" doc:"Participant who is shown large."`
	Silenced  []string `json:"silenced,omitempty" doc:"Sources that all were muted of: guests who come for the first time are, too."`
}

func controlsOf(c control.CallControls) CallControls {
	shown := CallControls{Chat: "on", Spotlight: c.Spotlight, Silenced: c.Silenced}
	if c.ChatOff {
		shown.Chat = "off"
	}
	return shown
}

type changeCallInput struct {
	CallPath
	Body ChangeCall
}

// ChangeCall is the body of PATCH /calls/{id}.
type ChangeCall struct {
	Chat string `json:"chat" enum:"on,off" doc:"off: participants write to moderators only."`
}

func (s *Server) changeCall(ctx context.Context, in *changeCallInput) (*output[Call], error) {
	call, err := s.control.SetChat(ctx, actorOf(ctx), in.ID, in.Body.Chat == "on")
	return s.callAnswer(ctx, call, err)
}

func (s *Server) endCall(ctx context.Context, in *CallPath) (*struct{}, error) {
	return nil, s.control.EndCall(ctx, actorOf(ctx), in.ID)
}

type lockCallInput struct {
	CallPath
	Body LockCall
}

// LockCall is the body of POST /calls/{id}/lock.
type LockCall struct {
	Locked bool `json:"locked"`
}

func (s *Server) lockCall(ctx context.Context, in *lockCallInput) (*output[Call], error) {
	call, err := s.control.LockCall(ctx, actorOf(ctx), in.ID, in.Body.Locked)
	return s.callAnswer(ctx, call, err)
}

type muteAllInput struct {
	CallPath
	Body MuteAll
}

// MuteAll is the body of POST /calls/{id}/mute.
type MuteAll struct {
	Source           string `json:"source" enum:"microphone,camera,screen,screen_audio"`
	Muted            *bool  `json:"muted,omitempty" doc:"Absent: true."`
	ExceptModerators bool   `json:"except_moderators,omitempty" doc:"Leave staff as they are."`
}

func (s *Server) muteAllInCall(ctx context.Context, in *muteAllInput) (*struct{}, error) {
	muted := in.Body.Muted == nil || *in.Body.Muted
	return nil, s.control.MuteAll(ctx, actorOf(ctx), in.ID, in.Body.Source, muted, in.Body.ExceptModerators)
}

// CallParticipantPath is the path of somebody in a call.
type CallParticipantPath struct {
	CallPath
	ParticipantID string `path:"participant_id" doc:"The participant's id."`
}

type muteInCallInput struct {
	CallParticipantPath
	Body Mute
}

func (s *Server) muteInCall(ctx context.Context, in *muteInCallInput) (*struct{}, error) {
	return nil, s.control.MuteMember(ctx, actorOf(ctx), in.ID, in.ParticipantID, in.Body.Source, in.Body.Muted)
}

type askInCallInput struct {
	CallParticipantPath
	Body AskToUnmute
}

// AskToUnmute is the body of POST …/ask.
type AskToUnmute struct {
	Source string `json:"source" enum:"microphone,camera,screen,screen_audio"`
}

func (s *Server) askInCall(ctx context.Context, in *askInCallInput) (*struct{}, error) {
	return nil, s.control.AskToUnmute(ctx, actorOf(ctx), in.ID, in.ParticipantID, in.Body.Source)
}

type spotlightInput struct {
	CallParticipantPath
	Body Spotlight
}

// Spotlight is the body of POST …/spotlight.
type Spotlight struct {
	On bool `json:"on" doc:"false: nobody any more."`
}

func (s *Server) spotlightInCall(ctx context.Context, in *spotlightInput) (*output[Call], error) {
	call, err := s.control.Spotlight(ctx, actorOf(ctx), in.ID, in.ParticipantID, in.Body.On)
	return s.callAnswer(ctx, call, err)
}

func (s *Server) removeFromCall(ctx context.Context, in *CallParticipantPath) (*struct{}, error) {
	return nil, s.control.RemoveMember(ctx, actorOf(ctx), in.ID, in.ParticipantID)
}
