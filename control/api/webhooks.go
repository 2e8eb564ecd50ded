package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/notify"
	"github.com/atriumrtc/atrium/control/store"
)

// Webhook is an address that hears an organisation's events, or a unit's.
type Webhook struct {
	ID        string    `json:"id" format:"uuid"`
	UnitID    string    `json:"unit_id,omitempty" format:"uuid" doc:"Absent: of the whole organisation."`
	URL       string    `json:"url" example:"https://app.example.org/hook"`
	Events    []string  `json:"events" nullable:"false" doc:"Types, or visit.* for a family; none: all."`
	CreatedAt time.Time `json:"created_at"`
}

func webhookOf(e notify.Endpoint) Webhook {
	return Webhook{ID: e.ID, UnitID: e.UnitID, URL: e.URL, Events: append([]string{}, e.Events...), CreatedAt: e.CreatedAt}
}

// NewWebhook is a webhook that was created.
type NewWebhook struct {
	Webhook
	Secret string `json:"secret" doc:"Verifies the signatures, by the Standard Webhooks. It can't be shown again." example:"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"`
}

// CreateWebhook is the body of POST /webhooks.
type CreateWebhook struct {
	URL    string   `json:"url" maxLength:"2000" example:"https://app.example.org/hook"`
	Events []string `json:"events,omitempty" nullable:"false" maxItems:"50" doc:"Types, or visit.* for a family; none: all." example:"[\"visit.*\"]"`
}

type createWebhookInput struct {
	UnitQuery
	OnceHeader
	Body CreateWebhook
}

// ReplayWebhook is the body of POST /webhooks/{id}/replay.
type ReplayWebhook struct {
	Since time.Time `json:"since" doc:"What it was sent since then, delivered or not, as far as it is kept: 72 hours."`
}

type replayWebhookInput struct {
	IDPath
	OnceHeader
	Body ReplayWebhook
}

// Replayed is how much is sent again.
type Replayed struct {
	Events int `json:"events"`
}

func (s *Server) registerWebhooks(h huma.API) {
	webhook := on(thingWebhook)
	add(s, h, route{
		method: http.MethodPost, path: "/webhooks", id: "create-webhook", tag: tagWebhooks, status: http.StatusCreated,
		permission: auth.WebhooksManage, target: ownOrganisationOrUnit(), errors: bodyErrors(http.StatusConflict),
		summary:     "Create a webhook",
		description: "For the organisation's events, or with `unit_id` for those of a unit. Requests are signed by the Standard Webhooks and retried for 24 hours.",
	}, s.createWebhook)
	add(s, h, route{
		method: http.MethodGet, path: "/webhooks", id: "list-webhooks", tag: tagWebhooks, status: http.StatusOK,
		permission: auth.WebhooksManage, target: ownOrganisationOrUnit(),
		summary: "List the webhooks", description: "All of the organisation, or with `unit_id` those of a unit. There are at most 50.",
	}, s.listWebhooks)
	add(s, h, route{
		method: http.MethodGet, path: "/webhooks/{id}", id: "get-webhook", tag: tagWebhooks, status: http.StatusOK,
		permission: auth.WebhooksManage, target: webhook, summary: "Read a webhook",
	}, s.getWebhook)
	add(s, h, route{
		method: http.MethodDelete, path: "/webhooks/{id}", id: "delete-webhook", tag: tagWebhooks, status: http.StatusNoContent,
		permission: auth.WebhooksManage, target: webhook, errors: []int{http.StatusInsufficientStorage},
		summary: "Delete a webhook", description: "What is on its way to it is given up.",
	}, s.deleteWebhook)
	add(s, h, route{
		method: http.MethodPost, path: "/webhooks/{id}/replay", id: "replay-webhook", tag: tagWebhooks, status: http.StatusOK,
		permission: auth.WebhooksManage, target: webhook, errors: bodyErrors(http.StatusConflict),
		summary: "Send a webhook's events again", description: "Under the ids that they had, so that a receiver knows those that it has.",
	}, s.replayWebhook)
}

// webhookChain returns the scopes of a webhook of an organisation.
func (s *Server) webhookChain(ctx context.Context, organisationID, id string) ([]control.Scope, error) {
	endpoint, err := s.endpoint(ctx, organisationID, id)
	if errors.Is(err, notify.ErrNotFound) {
		return nil, control.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	if endpoint.UnitID != "" {
		return s.control.ScopeChain(ctx, control.ThingUnit, endpoint.UnitID)
	}
	return s.control.ScopeChain(ctx, control.ThingOrganisation, organisationID)
}

func (s *Server) endpoint(ctx context.Context, organisationID, id string) (endpoint notify.Endpoint, err error) {
	err = s.store.View(ctx, func(tx store.Tx) (err error) {
		endpoint, err = s.outbox.Endpoint(tx, organisationID, id)
		return err
	})
	return endpoint, err
}

// webhookSubject is what the audit log says of a webhook.
func (a *access) webhookSubject(id string) control.Subject {
	return control.Subject{Kind: "webhook", ID: id, OrganisationID: a.organisation(), UnitID: a.unit()}
}

func (s *Server) createWebhook(ctx context.Context, in *createWebhookInput) (*output[NewWebhook], error) {
	a := accessOf(ctx)
	once, err := in.once("create_webhook", struct {
		Unit string
		Body CreateWebhook
	}{a.unit(), in.Body})
	if err != nil {
		return nil, err
	}
	secret := notify.NewSecret()
	var made NewWebhook
	err = s.store.Update(ctx, func(tx store.Tx) (err error) {
		made, err = control.Repeat(s.control, tx, a.actor, a.organisation(), once, func() (NewWebhook, error) {
			e, err := s.outbox.CreateEndpoint(tx, notify.Endpoint{
				OrganisationID: a.organisation(), UnitID: a.unit(), URL: in.Body.URL, Events: in.Body.Events,
			}, secret)
			if err != nil {
				return NewWebhook{}, err
			}
			return NewWebhook{webhookOf(e), secret}, s.control.Record(tx, a.actor, "webhook.create", a.webhookSubject(e.ID))
		})
		return err
	})
	return respond(made, err, func(w NewWebhook) NewWebhook { return w })
}

func (s *Server) listWebhooks(ctx context.Context, _ *UnitQuery) (*listOutput[Webhook], error) {
	a := accessOf(ctx)
	var page control.Page[notify.Endpoint]
	err := s.store.View(ctx, func(tx store.Tx) error {
		all, err := s.outbox.Endpoints(tx, a.organisation())
		page.Items = nil
		for _, e := range all {
			if a.unit() == "" || e.UnitID == a.unit() {
				page.Items = append(page.Items, e)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return listOf(page, webhookOf), nil
}

func (s *Server) getWebhook(ctx context.Context, in *IDPath) (*output[Webhook], error) {
	e, err := s.endpoint(ctx, accessOf(ctx).organisation(), in.ID)
	return respond(e, err, webhookOf)
}

func (s *Server) deleteWebhook(ctx context.Context, in *IDPath) (*struct{}, error) {
	a := accessOf(ctx)
	return nil, s.store.Update(ctx, func(tx store.Tx) error {
		if err := s.outbox.DeleteEndpoint(tx, a.organisation(), in.ID); err != nil {
			return err
		}
		return s.control.Record(tx, a.actor, "webhook.delete", a.webhookSubject(in.ID))
	})
}

func (s *Server) replayWebhook(ctx context.Context, in *replayWebhookInput) (*output[Replayed], error) {
	a := accessOf(ctx)
	once, err := in.once("replay_webhook", struct {
		ID   string
		Body ReplayWebhook
	}{in.ID, in.Body})
	if err != nil {
		return nil, err
	}
	var n int
	err = s.store.Update(ctx, func(tx store.Tx) (err error) {
		n, err = control.Repeat(s.control, tx, a.actor, a.organisation(), once, func() (int, error) {
			n, err := s.outbox.Replay(tx, a.organisation(), in.ID, in.Body.Since)
			if err != nil {
				return 0, err
			}
			return n, s.control.Record(tx, a.actor, "webhook.replay", a.webhookSubject(in.ID), "events", strconv.Itoa(n))
		})
		return err
	})
	return respond(n, err, func(n int) Replayed { return Replayed{Events: n} })
}
