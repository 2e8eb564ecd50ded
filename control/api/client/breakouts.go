package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// MainRoom names the room of a call that isn't a breakout, where a room is
// asked for.
const MainRoom = "main"

// BreakoutRoom is a room for small-group work. Participants are who belongs
// there, or, while the rooms aren't open, who is planned to.
type BreakoutRoom struct {
	ID           string   `json:"id,omitempty"` // "" in a plan: a new room
	Name         string   `json:"name,omitempty"`
	Participants []string `json:"participants,omitempty"`
}

// BreakoutPlan is what the breakout rooms of a call are to be. Assign is
// manual ("" too), random or choose; of EndsAt and DurationSeconds at most one
// is set.
type BreakoutPlan struct {
	Rooms           []BreakoutRoom `json:"rooms"`
	Assign          string         `json:"assign,omitempty"`
	EndsAt          *time.Time     `json:"ends_at,omitempty"`
	DurationSeconds int            `json:"duration_seconds,omitempty"`
}

// Breakouts are the breakout rooms of a call. State is planned or open.
type Breakouts struct {
	CallID          string         `json:"call_id"`
	State           string         `json:"state"`
	Assign          string         `json:"assign"`
	Rooms           []BreakoutRoom `json:"rooms"`
	EndsAt          *time.Time     `json:"ends_at"`
	DurationSeconds int            `json:"duration_seconds"`
	Help            []HelpRequest  `json:"help"`
	Speaker         string         `json:"speaker"`
	Moves           int            `json:"moves"`
}

// HelpRequest is a guest's call for the moderator.
type HelpRequest struct {
	ParticipantID string    `json:"participant_id"`
	RoomID        string    `json:"room_id"`
	At            time.Time `json:"at"`
}

// Breakouts reads the breakout rooms of a call.
func (c *Client) Breakouts(ctx context.Context, callID string) (Breakouts, error) {
	var b Breakouts
	err := c.do(ctx, http.MethodGet, callPath(callID, "/breakouts"), "", nil, &b)
	return b, err
}

// PlanBreakouts replaces the plan of a call's breakout rooms.
func (c *Client) PlanBreakouts(ctx context.Context, callID string, plan BreakoutPlan) (Breakouts, error) {
	var b Breakouts
	err := c.do(ctx, http.MethodPut, callPath(callID, "/breakouts"), "", plan, &b)
	return b, err
}

// OpenBreakouts sends people into their rooms; it returns when they are there.
func (c *Client) OpenBreakouts(ctx context.Context, callID string) (Breakouts, error) {
	return post[Breakouts](ctx, c, callPath(callID, "/breakouts/open"), "", nil)
}

// CloseBreakouts takes everybody back to the main room in 60, 10 or 0 seconds;
// with 0 it returns when they are there.
func (c *Client) CloseBreakouts(ctx context.Context, callID string, inSeconds int) (Breakouts, error) {
	return post[Breakouts](ctx, c, callPath(callID, "/breakouts/close"), "", map[string]int{"in_seconds": inSeconds})
}

// MoveParticipant puts somebody into a breakout room by its id, or back into
// the main room (MainRoom); it returns when they are there.
func (c *Client) MoveParticipant(ctx context.Context, callID, participantID, room string) error {
	path := callPath(callID, "/participants/"+url.PathEscape(participantID)+"/move")
	return c.do(ctx, http.MethodPost, path, "", map[string]string{"room": room}, nil)
}

// Move is somebody, and the breakout room that they are to be in, by its id, or
// MainRoom.
type Move struct {
	ParticipantID string `json:"participant_id"`
	Room          string `json:"room"`
}

// MoveParticipants moves several people at once, all or none; it returns when
// they are there. Who has left the call meanwhile is left out.
func (c *Client) MoveParticipants(ctx context.Context, callID string, moves []Move) (Breakouts, error) {
	return post[Breakouts](ctx, c, callPath(callID, "/breakouts/move"), "", map[string][]Move{"moves": moves})
}

// BroadcastText shows a text in all rooms of a call.
func (c *Client) BroadcastText(ctx context.Context, callID, text string) error {
	return c.do(ctx, http.MethodPost, callPath(callID, "/breakouts/broadcast"), "", map[string]string{"text": text}, nil)
}

// BroadcastVoice has one's own voice heard in all rooms of a call, or ends
// that. With an API key provider says who of those in the call it is.
func (c *Client) BroadcastVoice(ctx context.Context, callID string, on bool, provider *Provider) error {
	in := struct {
		Voice bool `json:"voice"`
		comeIn
	}{on, comeIn{provider}}
	return c.do(ctx, http.MethodPost, callPath(callID, "/breakouts/broadcast"), "", in, nil)
}

// ChooseBreakout is a guest's own choice of a breakout room, or MainRoom. c
// has their visit's token.
func (c *Client) ChooseBreakout(ctx context.Context, callID, room string) error {
	return c.do(ctx, http.MethodPost, callPath(callID, "/breakouts/choose"), "", map[string]string{"room": room}, nil)
}

// AskForHelp is a guest's call for the moderators into their breakout room, or
// takes it back. c has their visit's token.
func (c *Client) AskForHelp(ctx context.Context, callID string, asking bool) error {
	return c.do(ctx, http.MethodPost, callPath(callID, "/breakouts/help"), "", map[string]bool{"asking": asking}, nil)
}
