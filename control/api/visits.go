package api

import (
	"context"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

func (s *Server) registerVisits(h huma.API) {
	conduct := func(action, summary, description string) route {
		return route{
			method: http.MethodPost, path: "/visits/{id}/" + action, id: action + "-visit", tag: tagVisits, status: http.StatusOK,
			permission: auth.VisitsConduct, target: on(control.ThingVisit), summary: summary, description: description,
			errors: bodyErrors(http.StatusConflict),
		}
	}
	add(s, h, conduct("admit", "Admit a guest", "Takes a guest who waits, or is on hold, into a call with who admits "+
		"them: a new one, or one of the area that goes on. 409 `call_full` when no seat is left (5); 409 `already_seen` "+
		"when somebody sees them already: with `confirm` who asks joins them."), s.admitVisit)
	add(s, h, conduct("join", "Join a guest whom somebody sees", "409 `already_seen` without `confirm`; 409 `wrong_state` "+
		"for a guest who is in no call."), s.joinVisit)
	add(s, h, conduct("resume", "Take a guest on hold back", "Into the call that they were put on hold from, or a new one "+
		"when that has ended."), s.resumeVisit)
	ofGroups := func(r route) route {
		r.group = true
		return r
	}
	add(s, h, ofGroups(conduct("hold", "Put a guest on hold", "They see and hear nobody, are seen and heard by nobody, and keep "+
		"their place.")), s.holdVisit)
	add(s, h, ofGroups(conduct("deny", "Let a waiting guest go", "`reason`, if any, is shown to them. Who was denied access to a "+
		"group can request it again.")), s.denyVisit)
	add(s, h, ofGroups(conduct("message", "Write to a guest who waits or is on hold", "")), s.messageVisit)
	add(s, h, ofGroups(conduct("remove", "Remove a guest", "Their connection ends and their tokens are dead; their personal link to "+
		"a group too.")), s.removeVisit)
	transfer := conduct("transfer", "Send a guest to another area's queue", "They keep their time of arrival. Beside the "+
		"permission on the visit it takes `"+string(auth.TransferInto)+"` on the other area.")
	add(s, h, transfer, s.transferVisit)
}

// Visit is a guest's stay, as staff see it.
type Visit struct {
	ID            string            `json:"id" format:"uuid" doc:"Sorts by time of arrival."`
	Kind          string            `json:"kind" enum:"area,appointment,consult_now,meeting_room,invite,group"`
	State         string            `json:"state" enum:"waiting,in_call,on_hold,ended"`
	Outcome       string            `json:"outcome,omitempty" enum:"completed,abandoned,timed_out,refused,removed" doc:"Of a visit that has ended."`
	AreaID        string            `json:"area_id,omitempty" format:"uuid"`
	MeetingRoomID string            `json:"meeting_room_id,omitempty" format:"uuid"`
	AppointmentID string            `json:"appointment_id,omitempty" format:"uuid"`
	ConsultNowID  string            `json:"consult_now_id,omitempty" format:"uuid"`
	GroupID       string            `json:"group_id,omitempty" format:"uuid"`
	CallID        string            `json:"call_id,omitempty" format:"uuid" doc:"The call that they are in, or were put on hold from."`
	ParticipantID string            `json:"participant_id" format:"uuid" doc:"Theirs in calls."`
	Connected     bool              `json:"connected" doc:"false for at most 120 s: then the visit has ended."`
	ArrivedAt     time.Time         `json:"arrived_at"`
	SeenAt        *time.Time        `json:"seen_at,omitempty" doc:"When somebody first saw them."`
	HoldSince     *time.Time        `json:"hold_since,omitempty"`
	EndedAt       *time.Time        `json:"ended_at,omitempty"`
	WaitedSeconds float64           `json:"waited_seconds" doc:"Without the waiting that goes on."`
	HeldSeconds   float64           `json:"held_seconds" doc:"Without the hold that goes on."`
	Position      int               `json:"position,omitempty" doc:"Among those who wait, from 1. Events leave it out: those in front may move without one."`
	Fields        map[string]string `json:"fields,omitempty" doc:"What they typed, by key. Erased within 60 s of the end."`
	Messages      []Message         `json:"messages" nullable:"false" doc:"What staff wrote to them."`
	Device        *CheckedDevice    `json:"device,omitempty" doc:"What their own test found."`
}

// CheckedDevice is a DeviceCheck with its time.
type CheckedDevice struct {
	At time.Time `json:"at"`
	DeviceCheck
}

func visitOf(v control.Visit) Visit {
	shown := Visit{
		ID: v.ID, Kind: string(v.Kind), State: string(v.State), Outcome: string(v.Outcome),
		AreaID: v.AreaID, MeetingRoomID: v.MeetingRoomID, AppointmentID: v.AppointmentID, ConsultNowID: v.ConsultID,
		GroupID: v.GroupID, CallID: v.CallID, ParticipantID: v.ParticipantID, Connected: v.Connected,
		ArrivedAt: v.ArrivedAt, SeenAt: moment(v.SeenAt), HoldSince: moment(v.HoldSince), EndedAt: moment(v.EndedAt),
		WaitedSeconds: v.Waited.Seconds(), HeldSeconds: v.Held.Seconds(), Position: v.Position,
		Fields: v.Details, Messages: messagesOf(v.Messages),
	}
	if d := v.Device; d != nil {
		shown.Device = &CheckedDevice{At: d.At, DeviceCheck: DeviceCheck{
			Camera: d.Camera, Microphone: d.Microphone, Relay: d.Relay, RTT: d.RTT,
		}}
	}
	return shown
}

func visitAnswer(v control.Visit, err error) (*output[Visit], error) { return respond(v, err, visitOf) }

// Conductor is who comes into a call where an app with an API key asks for it.
type Conductor struct {
	Name string `json:"name" doc:"Shown to the others: 1 to 80 characters." example:"Dr Okafor"`
	Ref  string `json:"ref,omitempty" maxLength:"128" doc:"Your own id of them: who comes again with it gets their own seat back. Without it, who has the same name."`
}

// staffOf is who makes a request that takes somebody of staff into a call.
func staffOf(ctx context.Context, c *Conductor) (control.Staff, error) {
	who := control.Staff{Actor: actorOf(ctx)}
	p := accessOf(ctx).principal
	account := p.account
	switch {
	case who.Actor.Kind == control.ActorAccount && account != nil:
		if c != nil {
			return who, &control.FieldError{Field: "provider", Message: "must be left out: it is you"}
		}
		who.Name, who.Session = account.Name, hex.EncodeToString(p.session[:])
	case c == nil:
		return who, &control.FieldError{Field: "provider", Message: "must say who comes in, as you use an API key"}
	default:
		who.Name, who.Ref = c.Name, c.Ref
	}
	return who, nil
}

// writerOf is who makes a request that a guest may see the name of.
func writerOf(ctx context.Context, c *Conductor) (control.Staff, error) {
	if c == nil && actorOf(ctx).Kind != control.ActorAccount {
		return control.Staff{Actor: actorOf(ctx)}, nil
	}
	return staffOf(ctx, c)
}

// AdmitVisit is the body of POST /visits/{id}/admit, join and resume.
type AdmitVisit struct {
	CallID   string     `json:"call_id,omitempty" doc:"Admit: a call of the same area that goes on. Absent: the one that the guest was put on hold from, else a new one."`
	Confirm  bool       `json:"confirm,omitempty" doc:"Join a guest whom somebody sees already."`
	Provider *Conductor `json:"provider,omitempty" doc:"Who comes in: needed with an API key, and with it only."`
}

type admitInput struct {
	VisitPath
	Body *AdmitVisit
}

func (in *admitInput) body() AdmitVisit {
	if in.Body == nil {
		return AdmitVisit{}
	}
	return *in.Body
}

// Admitted is a guest in a call, with the join token of who took them there.
type Admitted struct {
	Token
	Visit Visit `json:"visit"`
	Call  Call  `json:"call"`
}

func (s *Server) admitVisit(ctx context.Context, in *admitInput) (*output[Admitted], error) {
	body := in.body()
	return s.admitTo(ctx, in.ID, body.Provider, control.AdmitSpec{CallID: body.CallID, Confirm: body.Confirm})
}

func (s *Server) admitTo(ctx context.Context, visitID string, provider *Conductor, spec control.AdmitSpec) (*output[Admitted], error) {
	who, err := staffOf(ctx, provider)
	if err != nil {
		return nil, err
	}
	admitted, err := s.control.Admit(ctx, who, visitID, spec)
	if err != nil {
		return nil, err
	}
	seat, err := s.inCall(ctx, admitted.Join, admitted.Call)
	if err != nil {
		return nil, err
	}
	return &output[Admitted]{Body: Admitted{Token: seat.Token, Visit: visitOf(admitted.Visit), Call: seat.Call}}, nil
}

// joinVisit is to admit a guest who is in a call.
func (s *Server) joinVisit(ctx context.Context, in *admitInput) (*output[Admitted], error) {
	return s.admitFrom(ctx, in, control.VisitInCall, "This person is in no call: admit them.")
}

// resumeVisit is to admit a guest who is on hold.
func (s *Server) resumeVisit(ctx context.Context, in *admitInput) (*output[Admitted], error) {
	return s.admitFrom(ctx, in, control.VisitOnHold, "This person isn't on hold.")
}

// admitFrom admits a guest who is in a state now. Should that change before
// the rules decide, they decide by what is then.
func (s *Server) admitFrom(ctx context.Context, in *admitInput, state control.VisitState, otherwise string) (*output[Admitted], error) {
	body := in.body()
	if body.CallID != "" {
		return nil, &control.FieldError{Field: "call_id", Message: "must be left out here"}
	}
	v, err := s.control.Visit(ctx, actorOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	if v.State != state {
		return nil, &control.StateError{Code: control.CodeWrongState, Message: otherwise}
	}
	return s.admitTo(ctx, in.ID, body.Provider, control.AdmitSpec{Confirm: body.Confirm})
}

func (s *Server) holdVisit(ctx context.Context, in *VisitPath) (*output[Visit], error) {
	return visitAnswer(s.control.Hold(ctx, actorOf(ctx), in.ID))
}

func (s *Server) removeVisit(ctx context.Context, in *VisitPath) (*output[Visit], error) {
	return visitAnswer(s.control.RemoveVisit(ctx, actorOf(ctx), in.ID))
}

type denyInput struct {
	VisitPath
	Body *DenyVisit
}

// DenyVisit is the body of POST /visits/{id}/deny.
type DenyVisit struct {
	Reason   string     `json:"reason,omitempty" doc:"Shown to the guest."`
	Provider *Conductor `json:"provider,omitempty" doc:"With an API key: whose name stands by the reason."`
}

func (s *Server) denyVisit(ctx context.Context, in *denyInput) (*output[Visit], error) {
	var body DenyVisit
	if in.Body != nil {
		body = *in.Body
	}
	who, err := writerOf(ctx, body.Provider)
	if err != nil {
		return nil, err
	}
	return visitAnswer(s.control.Deny(ctx, who, in.ID, body.Reason))
}

type messageInput struct {
	VisitPath
	OnceHeader
	Body MessageVisit
}

// MessageVisit is the body of POST /visits/{id}/message.
type MessageVisit struct {
	Text     string     `json:"text" doc:"1 to 1000 characters." example:"I am with you in five minutes."`
	Provider *Conductor `json:"provider,omitempty" doc:"With an API key: whose name stands by it."`
}

func (s *Server) messageVisit(ctx context.Context, in *messageInput) (*output[Visit], error) {
	who, err := writerOf(ctx, in.Body.Provider)
	if err != nil {
		return nil, err
	}
	once, err := in.once("message_visit", struct {
		ID   string
		Body MessageVisit
	}{in.ID, in.Body})
	if err != nil {
		return nil, err
	}
	return visitAnswer(s.control.Message(ctx, who, in.ID, in.Body.Text, once))
}

type transferInput struct {
	VisitPath
	Body TransferVisit
}

// TransferVisit is the body of POST /visits/{id}/transfer.
type TransferVisit struct {
	AreaID string `json:"area_id" doc:"Where to."`
}

func (s *Server) transferVisit(ctx context.Context, in *transferInput) (*output[Visit], error) {
	if err := s.need(ctx, auth.TransferInto, control.ThingArea, in.Body.AreaID); err != nil {
		return nil, err
	}
	return visitAnswer(s.control.Transfer(ctx, actorOf(ctx), in.ID, in.Body.AreaID))
}
