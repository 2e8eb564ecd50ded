package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Visit is a guest's stay, as staff see it.
type Visit struct {
	ID            string            `json:"id"`
	Kind          string            `json:"kind"`
	State         string            `json:"state"` // waiting, in_call, on_hold, ended
	Outcome       string            `json:"outcome"`
	AreaID        string            `json:"area_id"`
	MeetingRoomID string            `json:"meeting_room_id"`
	AppointmentID string            `json:"appointment_id"`
	ConsultNowID  string            `json:"consult_now_id"`
	GroupID       string            `json:"group_id"`
	CallID        string            `json:"call_id"`
	ParticipantID string            `json:"participant_id"`
	Connected     bool              `json:"connected"`
	ArrivedAt     time.Time         `json:"arrived_at"`
	SeenAt        *time.Time        `json:"seen_at"`
	HoldSince     *time.Time        `json:"hold_since"`
	EndedAt       *time.Time        `json:"ended_at"`
	WaitedSeconds float64           `json:"waited_seconds"`
	HeldSeconds   float64           `json:"held_seconds"`
	Position      int               `json:"position"`
	Fields        map[string]string `json:"fields"`
	Messages      []Message         `json:"messages"`
	Device        *struct {
		DeviceCheck
		At time.Time `json:"at"`
	} `json:"device"`
}

// Call is people who see and hear each other. Kind is individual, meeting
// or group; State is live or ended.
type Call struct {
	ID            string     `json:"id"`
	AreaID        string     `json:"area_id"`
	MeetingRoomID string     `json:"meeting_room_id"`
	GroupID       string     `json:"group_id"`
	Kind          string     `json:"kind"`
	State         string     `json:"state"`
	Locked        bool       `json:"locked"`
	StartedAt     time.Time  `json:"started_at"`
	EndedAt       *time.Time `json:"ended_at"`
	Peak          int        `json:"peak"`
	EndsAt        *time.Time `json:"ends_at"`   // a group's
	InCharge      string     `json:"in_charge"` // participant who moderates a group now
	Controls      struct {
		Chat      string   `json:"chat"`      // on, off
		Spotlight string   `json:"spotlight"` // participant
		Silenced  []string `json:"silenced"`  // sources that guests who come for the first time are muted of
	} `json:"controls"`
	Members []Member `json:"members"`
}

// Member is somebody who is or was in a call.
type Member struct {
	ParticipantID string     `json:"participant_id"`
	VisitID       string     `json:"visit_id"`
	AccountID     string     `json:"account_id"`
	Name          string     `json:"name"`
	Role          string     `json:"role"`
	Provider      bool       `json:"provider"`
	Host          bool       `json:"host"`     // of a group
	Silenced      []string   `json:"silenced"` // sources that a moderator stopped
	JoinedAt      time.Time  `json:"joined_at"`
	LeftAt        *time.Time `json:"left_at"`
}

// Queue is who is in an area.
type Queue struct {
	Visits []Visit `json:"visits"`
	Calls  []Call  `json:"calls"`
}

// Provider is who comes into a call where an app with an API key asks for it;
// staff who are signed in leave it nil.
type Provider struct {
	Name string `json:"name"`
	Ref  string `json:"ref,omitempty"` // the app's own id of them
}

// AdmitSpec says who admits a guest, and to where.
type AdmitSpec struct {
	CallID   string    `json:"call_id,omitempty"` // a call that goes on; "": see the API
	Confirm  bool      `json:"confirm,omitempty"` // join whom somebody sees already
	Provider *Provider `json:"provider,omitempty"`
}

// Admitted is a guest in a call, with the join token of who took them there.
type Admitted struct {
	Token
	Visit Visit `json:"visit"`
	Call  Call  `json:"call"`
}

// InCall is a join token to a call.
type InCall struct {
	Token
	Call Call `json:"call"`
}

// Queue reads the queue of an area.
func (c *Client) Queue(ctx context.Context, areaID string) (Queue, error) {
	var q Queue
	err := c.do(ctx, http.MethodGet, areaPath(areaID, "/queue"), "", nil, &q)
	return q, err
}

// WatchArea follows an area from the event with the id lastEventID on; "" is
// from now. Its events: see the API.
func (c *Client) WatchArea(ctx context.Context, areaID, lastEventID string) (*Stream, error) {
	return c.open(ctx, areaPath(areaID, "/events"), lastEventID)
}

// Visit reads a visit, for staff.
func (c *Client) Visit(ctx context.Context, id string) (Visit, error) {
	var v Visit
	err := c.do(ctx, http.MethodGet, visitPath(id, ""), "", nil, &v)
	return v, err
}

// AdmitVisit takes a guest into a call.
func (c *Client) AdmitVisit(ctx context.Context, id string, spec AdmitSpec) (Admitted, error) {
	return post[Admitted](ctx, c, visitPath(id, "/admit"), "", spec)
}

// JoinVisit joins a guest whom somebody sees already.
func (c *Client) JoinVisit(ctx context.Context, id string, spec AdmitSpec) (Admitted, error) {
	return post[Admitted](ctx, c, visitPath(id, "/join"), "", spec)
}

// ResumeVisit takes a guest on hold back into a call.
func (c *Client) ResumeVisit(ctx context.Context, id string, spec AdmitSpec) (Admitted, error) {
	return post[Admitted](ctx, c, visitPath(id, "/resume"), "", spec)
}

// HoldVisit puts a guest on hold.
func (c *Client) HoldVisit(ctx context.Context, id string) (Visit, error) {
	return post[Visit](ctx, c, visitPath(id, "/hold"), "", nil)
}

// DenyVisit lets a waiting guest go. reason, if any, is shown to them.
func (c *Client) DenyVisit(ctx context.Context, id, reason string) (Visit, error) {
	return post[Visit](ctx, c, visitPath(id, "/deny"), "", map[string]string{"reason": reason})
}

// MessageVisit writes to a guest who waits or is on hold.
func (c *Client) MessageVisit(ctx context.Context, id, text string) (Visit, error) {
	return post[Visit](ctx, c, visitPath(id, "/message"), "", map[string]string{"text": text})
}

// TransferVisit sends a guest to another area's queue.
func (c *Client) TransferVisit(ctx context.Context, id, areaID string) (Visit, error) {
	return post[Visit](ctx, c, visitPath(id, "/transfer"), "", map[string]string{"area_id": areaID})
}

// RemoveVisit ends a guest's visit at once.
func (c *Client) RemoveVisit(ctx context.Context, id string) (Visit, error) {
	return post[Visit](ctx, c, visitPath(id, "/remove"), "", nil)
}

// Call reads a call.
func (c *Client) Call(ctx context.Context, id string) (Call, error) {
	var call Call
	err := c.do(ctx, http.MethodGet, callPath(id, ""), "", nil, &call)
	return call, err
}

// ReturnToCall gives somebody of staff another join token for their own seat.
func (c *Client) ReturnToCall(ctx context.Context, id string, provider *Provider) (Token, error) {
	return post[Token](ctx, c, callPath(id, "/token"), "", comeIn{provider})
}

// EndCall ends a call for everybody in it.
func (c *Client) EndCall(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodPost, callPath(id, "/end"), "", nil, nil)
}

// LockCall locks or unlocks a call.
func (c *Client) LockCall(ctx context.Context, id string, locked bool) (Call, error) {
	return post[Call](ctx, c, callPath(id, "/lock"), "", map[string]bool{"locked": locked})
}

// MuteInCall stops the forwarding of somebody's source, or resumes it.
func (c *Client) MuteInCall(ctx context.Context, id, participantID, source string, muted bool) error {
	in := struct {
		Source string `json:"source"`
		Muted  bool   `json:"muted"`
	}{source, muted}
	return c.do(ctx, http.MethodPost, callPath(id, "/participants/"+url.PathEscape(participantID)+"/mute"), "", in, nil)
}

// RemoveFromCall takes somebody out of a call for good.
func (c *Client) RemoveFromCall(ctx context.Context, id, participantID string) error {
	return c.do(ctx, http.MethodPost, callPath(id, "/participants/"+url.PathEscape(participantID)+"/remove"), "", nil, nil)
}

// EnterMeetingRoom lets somebody of staff into a meeting room.
func (c *Client) EnterMeetingRoom(ctx context.Context, id string, provider *Provider) (InCall, error) {
	return post[InCall](ctx, c, "/meeting-rooms/"+url.PathEscape(id)+"/enter", "", comeIn{provider})
}

type comeIn struct {
	Provider *Provider `json:"provider,omitempty"`
}

func areaPath(id, action string) string { return "/areas/" + url.PathEscape(id) + action }

func callPath(id, action string) string { return "/calls/" + url.PathEscape(id) + action }

// post sends in and decodes the answer.
func post[T any](ctx context.Context, c *Client, path, once string, in any) (T, error) {
	var out T
	err := c.do(ctx, http.MethodPost, path, once, in, &out)
	return out, err
}
