package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/notify"
	"github.com/atriumrtc/atrium/control/store"
)

// Gateways are what an organisation sends by.
type Gateways struct {
	SMTP *SMTP       `json:"smtp,omitempty" doc:"Absent: no e-mail is sent; links are copied."`
	SMS  *SMSGateway `json:"sms,omitempty" doc:"Absent: no text messages are sent; links are copied."`
}

// SMTP is a mail server that takes messages.
type SMTP struct {
	Host     string `json:"host" example:"mail.example.org"`
	Port     int    `json:"port,omitempty" minimum:"0" maximum:"65535" doc:"0: the usual one."`
	Security string `json:"security" enum:"starttls,tls,none" doc:"none: for a relay on the same host."`
	Username string `json:"username,omitempty" doc:"Without it, it isn't signed in to."`
	Password string `json:"password,omitempty" doc:"Never returned. Left out, the stored one stays for the same host and username."`
	From     string `json:"from" doc:"An address, with or without a name." example:"Clinic West <calls@example.org>"`
}

// SMSGateway is a service that takes text messages.
type SMSGateway struct {
	Kind    string `json:"kind" enum:"webhook,twilio" doc:"webhook: a POST of id, to, from and text as JSON, with the token as a bearer."`
	URL     string `json:"url" maxLength:"2000" example:"https://sms.example.org/send"`
	Account string `json:"account,omitempty" doc:"Of twilio."`
	Token   string `json:"token,omitempty" doc:"Never returned. Left out, the stored one stays for the same url."`
	From    string `json:"from,omitempty" doc:"A number or a name."`
}

func gatewaysOf(g notify.Gateways) Gateways {
	var made Gateways
	if m := g.SMTP; m != nil {
		made.SMTP = &SMTP{Host: m.Host, Port: m.Port, Security: string(m.Security), Username: m.Username, Password: m.Password, From: m.From}
	}
	if m := g.SMS; m != nil {
		made.SMS = &SMSGateway{Kind: string(m.Kind), URL: m.URL, Account: m.Account, Token: m.Token, From: m.From}
	}
	return made
}

func (g Gateways) gateways() notify.Gateways {
	var made notify.Gateways
	if m := g.SMTP; m != nil {
		made.SMTP = &notify.SMTP{Host: m.Host, Port: m.Port, Security: notify.SMTPSecurity(m.Security), Username: m.Username, Password: m.Password, From: m.From}
	}
	if m := g.SMS; m != nil {
		made.SMS = &notify.SMSGateway{Kind: notify.SMSKind(m.Kind), URL: m.URL, Account: m.Account, Token: m.Token, From: m.From}
	}
	return made
}

type gatewaysInput struct {
	Body Gateways
}

func (s *Server) registerGateways(h huma.API) {
	add(s, h, route{
		method: http.MethodGet, path: "/organisation/gateways", id: "get-gateways", tag: tagOrganisation, status: http.StatusOK,
		permission: auth.OrganisationEdit, target: ownOrganisation(),
		summary: "Read what one's own organisation sends by", description: "Without passwords and tokens.",
	}, s.getGateways)
	add(s, h, route{
		method: http.MethodPut, path: "/organisation/gateways", id: "set-gateways", tag: tagOrganisation, status: http.StatusOK,
		permission: auth.OrganisationEdit, target: ownOrganisation(), errors: bodyErrors(),
		summary: "Set the mail and SMS gateways of one's own organisation", description: "What is left out is no longer sent by.",
	}, s.setGateways)
}

func (s *Server) getGateways(ctx context.Context, _ *struct{}) (*output[Gateways], error) {
	var g notify.Gateways
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		g, err = s.outbox.Gateways(tx, accessOf(ctx).organisation())
		return err
	})
	return respond(g, err, gatewaysOf)
}

func (s *Server) setGateways(ctx context.Context, in *gatewaysInput) (*output[Gateways], error) {
	a := accessOf(ctx)
	var g notify.Gateways
	err := s.store.Update(ctx, func(tx store.Tx) (err error) {
		if err := s.outbox.SetGateways(tx, a.organisation(), in.Body.gateways()); err != nil {
			return err
		}
		if g, err = s.outbox.Gateways(tx, a.organisation()); err != nil {
			return err
		}
		return s.control.Record(tx, a.actor, "gateways.update",
			control.Subject{Kind: "organisation", ID: a.organisation(), OrganisationID: a.organisation()})
	})
	return respond(g, err, gatewaysOf)
}
