package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// Contact is where a link is to go: exactly one of them.
type Contact struct {
	Phone string `json:"phone,omitempty" doc:"By SMS." example:"+43 1 234 56 78"`
	Email string `json:"email,omitempty" doc:"By e-mail."`
	Copy  bool   `json:"copy,omitempty" doc:"Nowhere: the answer has it to copy."`
}

// Sending is the body of requests that send a link.
type Sending struct {
	To       Contact `json:"to"`
	Language string  `json:"language,omitempty" doc:"Of the message: en, de-AT. Absent: the organisation's."`
}

// Sent is how a link went.
type Sent struct {
	Channel   string     `json:"channel" enum:"sms,email,copy" doc:"copy also where nothing is configured that could send it."`
	Link      string     `json:"link,omitempty" doc:"When it is to be copied." example:"https://calls.example.org/e#q3mVY0wXbq1cF8Zk5nTjUw2e"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"When the link can no longer be used; absent: not for the time being."`
}

// sentOf is how a link that may also be shown went.
func sentOf(ctx context.Context, to Contact, sent bool, secret string) Sent {
	switch {
	case sent && to.Phone != "":
		return Sent{Channel: string(control.ChannelSMS)}
	case sent:
		return Sent{Channel: string(control.ChannelEmail)}
	}
	return Sent{Channel: string(control.ChannelCopy), Link: guestLink(originOf(ctx).base, secret)}
}

type sendingInput struct {
	ID string `path:"id"`
	OnceHeader
	Body Sending
}

// once makes the request repeatable on the thing that it names.
func (in *sendingInput) once(operation string) (*control.Once, error) {
	return in.OnceHeader.once(operation, struct {
		ID   string
		Body Sending
	}{in.ID, in.Body})
}

func (s *Server) registerSending(h huma.API) {
	add(s, h, route{
		method: http.MethodPost, path: "/areas/{id}/link/send", id: "send-area-link", tag: tagAppointments,
		status: http.StatusOK, permission: auth.LinksShare, target: on(control.ThingArea),
		summary: "Send the link of a waiting area", errors: bodyErrors(http.StatusConflict),
	}, s.sendAreaLink)
}

// send has the rules send the link of a thing, as by, and answers how it went.
func send[T any](ctx context.Context, in *sendingInput, operation string,
	by func(ctx context.Context, actor control.Actor, id string, to control.Contact, language string, once *control.Once) (thing T, sent bool, err error),
	link func(T) string) (*output[Sent], error) {
	once, err := in.once(operation)
	if err != nil {
		return nil, err
	}
	thing, sent, err := by(ctx, actorOf(ctx), in.ID, control.Contact(in.Body.To), in.Body.Language, once)
	return respond(thing, err, func(thing T) Sent { return sentOf(ctx, in.Body.To, sent, link(thing)) })
}

func (s *Server) sendAreaLink(ctx context.Context, in *sendingInput) (*output[Sent], error) {
	return send(ctx, in, "send_area_link", s.control.SendAreaLink, func(a control.Area) string { return a.Link })
}

func (s *Server) inviteToCall(ctx context.Context, in *sendingInput) (*output[Sent], error) {
	once, err := in.once("invite_to_call")
	if err != nil {
		return nil, err
	}
	invite, err := s.control.InviteToCall(ctx, actorOf(ctx), in.ID, control.Contact(in.Body.To), in.Body.Language, once)
	if err != nil {
		return nil, err
	}
	return &output[Sent]{Body: Sent{
		Channel: string(invite.Channel), Link: guestLink(originOf(ctx).base, invite.Link), ExpiresAt: &invite.ExpiresAt,
	}}, nil
}
