package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

func (s *Server) registerConsultNow(h huma.API) {
	add(s, h, route{
		method: http.MethodPost, path: "/areas/{id}/consult-now", id: "consult-now", tag: tagConsultNow,
		status: http.StatusCreated, permission: auth.VisitsConduct, target: on(control.ThingArea),
		summary: "Start a call at once by a single-use link",
		description: "The link is to be entered by within five minutes of the gateway taking the message, or of its " +
			"creation when it is to be copied. The answer has the join token of who asks: the guest comes straight " +
			"to them. (Repeated with the same Idempotency-Key after they have left the call, its `token` is empty.)",
		errors: bodyErrors(http.StatusConflict),
	}, s.consultNow)
	add(s, h, route{
		method: http.MethodGet, path: "/areas/{id}/consult-now", id: "list-consult-now", tag: tagConsultNow,
		status: http.StatusOK, permission: auth.VisitsConduct, target: on(control.ThingArea), errors: []int{http.StatusBadRequest},
		summary: "List the open Consult Now links of an area",
		description: "Those that may still let somebody in, or could if they were extended or sent again: neither used nor revoked, " +
			"and less than 24 h old. In order of creation.",
	}, s.listConsultNow)
	of := func(r route) route {
		r.tag, r.target, r.permission, r.status = tagConsultNow, on(control.ThingConsult), auth.VisitsConduct, http.StatusOK
		return r
	}
	add(s, h, of(route{
		method: http.MethodGet, path: "/consult-now/{id}", id: "get-consult-now", summary: "Read a Consult Now link",
		description: "How far it has come: sent, opened, entered; or failed, expired, revoked.",
	}), s.getConsultNow)
	add(s, h, of(route{
		method: http.MethodPost, path: "/consult-now/{id}/extend", id: "extend-consult-now", summary: "Give five minutes more",
		description: "Any number of times, also after it ran out, for up to 24 h, as long as it is neither used nor revoked.",
		errors:      []int{http.StatusConflict, http.StatusInsufficientStorage},
	}), s.extendConsultNow)
	add(s, h, of(route{
		method: http.MethodPost, path: "/consult-now/{id}/revoke", id: "revoke-consult-now", summary: "Revoke a link that nobody has used",
		errors: []int{http.StatusConflict, http.StatusInsufficientStorage},
	}), s.revokeConsultNow)
	add(s, h, of(route{
		method: http.MethodPost, path: "/consult-now/{id}/resend", id: "resend-consult-now", summary: "Send a link again",
		description: "To the same address. The clock isn't started anew.",
		errors:      bodyErrors(http.StatusConflict),
	}), s.resendConsultNow)
}

// ConsultNow is a single-use link into a call that waits.
type ConsultNow struct {
	ID           string     `json:"id" format:"uuid"`
	AreaID       string     `json:"area_id" format:"uuid"`
	CallID       string     `json:"call_id" format:"uuid"`
	VisitID      string     `json:"visit_id,omitempty" format:"uuid" doc:"Of the guest, once they have entered."`
	ProviderID   string     `json:"provider_id,omitempty" format:"uuid" doc:"The account that sent it."`
	State        string     `json:"state" enum:"sent,failed,opened,entered,expired,revoked"`
	Channel      string     `json:"channel" enum:"sms,email,copy" doc:"copy also where nothing is configured that could send it."`
	CreatedAt    time.Time  `json:"created_at"`
	HandedOverAt *time.Time `json:"handed_over_at,omitempty" doc:"When the gateway took the message; its creation when it is to be copied."`
	ExpiresAt    *time.Time `json:"expires_at,omitempty" doc:"Absent until it is handed over."`
	Extensions   int        `json:"extensions"`
	Address      string     `json:"address,omitempty" doc:"Where it was sent. Events leave it out; erased when the link is over."`
	Link         string     `json:"link,omitempty" doc:"When it is to be copied and still good. Events leave it out."`
}

func consultOf(ctx context.Context, c control.ConsultNow) ConsultNow {
	return ConsultNow{
		ID: c.ID, AreaID: c.AreaID, CallID: c.CallID, VisitID: c.VisitID, ProviderID: c.ProviderID,
		State: string(c.State), Channel: string(c.Channel), CreatedAt: c.CreatedAt,
		HandedOverAt: moment(c.HandedOverAt), ExpiresAt: moment(c.ExpiresAt), Extensions: c.Extensions,
		Address: c.Address, Link: guestLink(originOf(ctx).base, c.Link),
	}
}

type consultNowInput struct {
	ID string `path:"id" doc:"The area's id."`
	OnceHeader
	Body StartConsultNow
}

// StartConsultNow is the body of POST /areas/{id}/consult-now.
type StartConsultNow struct {
	Sending
	Provider *Conductor `json:"provider,omitempty" doc:"Who waits for the guest: needed with an API key, and with it only."`
}

// StartedConsult is a call that waits for its guest, with the join token of
// who started it.
type StartedConsult struct {
	Token
	ConsultNow ConsultNow `json:"consult_now"`
	Call       Call       `json:"call"`
}

func (s *Server) consultNow(ctx context.Context, in *consultNowInput) (*output[StartedConsult], error) {
	once, err := in.once("consult_now", struct {
		ID   string
		Body StartConsultNow
	}{in.ID, in.Body})
	if err != nil {
		return nil, err
	}
	who, err := staffOf(ctx, in.Body.Provider)
	if err != nil {
		return nil, err
	}
	made, err := s.control.ConsultNow(ctx, who, in.ID, control.Contact(in.Body.To), in.Body.Language, once)
	if err != nil {
		return nil, err
	}
	seat, err := s.inCall(ctx, made.Join, made.Call)
	if err != nil {
		return nil, err
	}
	return &output[StartedConsult]{Body: StartedConsult{Token: seat.Token, ConsultNow: consultOf(ctx, made.Consult), Call: seat.Call}}, nil
}

// ConsultPath is the path of a Consult Now link.
type ConsultPath struct {
	ID string `path:"id" doc:"The Consult Now link's id."`
}

func consultAnswer(ctx context.Context, c control.ConsultNow, err error) (*output[ConsultNow], error) {
	return respond(c, err, func(c control.ConsultNow) ConsultNow { return consultOf(ctx, c) })
}

func (s *Server) listConsultNow(ctx context.Context, in *listBelowInput) (*listOutput[ConsultNow], error) {
	page, err := s.control.OpenConsults(ctx, actorOf(ctx), in.ID, in.query())
	if err != nil {
		return nil, err
	}
	return listOf(page, func(c control.ConsultNow) ConsultNow { return consultOf(ctx, c) }), nil
}

func (s *Server) getConsultNow(ctx context.Context, in *ConsultPath) (*output[ConsultNow], error) {
	c, err := s.control.ReadConsult(ctx, actorOf(ctx), in.ID)
	return consultAnswer(ctx, c, err)
}

func (s *Server) extendConsultNow(ctx context.Context, in *ConsultPath) (*output[ConsultNow], error) {
	c, err := s.control.ExtendConsult(ctx, actorOf(ctx), in.ID)
	return consultAnswer(ctx, c, err)
}

func (s *Server) revokeConsultNow(ctx context.Context, in *ConsultPath) (*output[ConsultNow], error) {
	c, err := s.control.RevokeConsult(ctx, actorOf(ctx), in.ID)
	return consultAnswer(ctx, c, err)
}

type resendInput struct {
	ConsultPath
	OnceHeader
	Body *ResendConsultNow
}

// ResendConsultNow is the body of POST /consult-now/{id}/resend.
type ResendConsultNow struct {
	Language string `json:"language,omitempty" doc:"Of the message; absent: the organisation's."`
}

func (s *Server) resendConsultNow(ctx context.Context, in *resendInput) (*output[ConsultNow], error) {
	var body ResendConsultNow
	if in.Body != nil {
		body = *in.Body
	}
	once, err := in.once("resend_consult_now", []string{in.ID, body.Language})
	if err != nil {
		return nil, err
	}
	c, err := s.control.ResendConsult(ctx, actorOf(ctx), in.ID, body.Language, once)
	return consultAnswer(ctx, c, err)
}
