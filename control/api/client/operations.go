package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// APIKey lets an app act for an organisation or a unit.
type APIKey struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Scope       Scope    `json:"scope"`
	Permissions []string `json:"permissions"`
	// AllowedOrigins of web pages that may use it; none: the organisation's.
	AllowedOrigins []string  `json:"allowed_origins"`
	CreatedAt      time.Time `json:"created_at"`
	LastUsedAt     time.Time `json:"last_used_at"`
}

// NewAPIKey is a key that was created. Secret can't be had again.
type NewAPIKey struct {
	APIKey
	Secret string `json:"secret"`
}

// CreateAPIKey makes a key of one's own organisation, or of a unit of it. The
// permission "*" stands for all that a key can have.
func (c *Client) CreateAPIKey(ctx context.Context, unitID, name string, permissions ...string) (NewAPIKey, error) {
	in := struct {
		Name        string   `json:"name"`
		Permissions []string `json:"permissions"`
	}{name, permissions}
	return send[NewAPIKey](ctx, c, http.MethodPost, queried("/api-keys", unitID), "", in)
}

// queried is a path for what is a unit's; "" is the organisation's.
func queried(path, unitID string) string {
	if query := ofUnit(unitID, List{}.values()); len(query) > 0 {
		return path + "?" + query.Encode()
	}
	return path
}

// CreateOrganisationKey makes a key of an organisation, or of a unit of it: for
// the operator.
func (c *Client) CreateOrganisationKey(ctx context.Context, organisationID, unitID, name string, permissions ...string) (NewAPIKey, error) {
	in := struct {
		Name        string   `json:"name"`
		Permissions []string `json:"permissions"`
	}{name, permissions}
	return send[NewAPIKey](ctx, c, http.MethodPost, queried(at("organisations", organisationID, "api-keys"), unitID), "", in)
}

// OrganisationKeys lists the keys of an organisation, or of a unit of it: for
// the operator.
func (c *Client) OrganisationKeys(ctx context.Context, organisationID, unitID string, l List) (Page[APIKey], error) {
	return fetch[Page[APIKey]](ctx, c, at("organisations", organisationID, "api-keys"), ofUnit(unitID, l.values()))
}

// RevokeOrganisationKey ends a key of an organisation: for the operator.
func (c *Client) RevokeOrganisationKey(ctx context.Context, organisationID, keyID string) error {
	return c.do(ctx, http.MethodDelete, at("organisations", organisationID, "api-keys", keyID), "", nil, nil)
}

// APIKeys lists the keys of one's own organisation, or of a unit.
func (c *Client) APIKeys(ctx context.Context, unitID string, l List) (Page[APIKey], error) {
	return fetch[Page[APIKey]](ctx, c, "/api-keys", ofUnit(unitID, l.values()))
}

// RevokeAPIKey ends a key for good.
func (c *Client) RevokeAPIKey(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, at("api-keys", id), "", nil, nil)
}

// Webhook is an address that hears events.
type Webhook struct {
	ID        string    `json:"id"`
	UnitID    string    `json:"unit_id"` // "": of the whole organisation
	URL       string    `json:"url"`
	Events    []string  `json:"events"` // none: all
	CreatedAt time.Time `json:"created_at"`
}

// NewWebhook is a webhook that was created. Secret can't be had again.
type NewWebhook struct {
	Webhook
	Secret string `json:"secret"`
}

// CreateWebhook makes a webhook of one's own organisation, or of a unit of it.
func (c *Client) CreateWebhook(ctx context.Context, unitID, address string, events ...string) (NewWebhook, error) {
	in := struct {
		URL    string   `json:"url"`
		Events []string `json:"events,omitempty"`
	}{address, events}
	return send[NewWebhook](ctx, c, http.MethodPost, queried("/webhooks", unitID), "", in)
}

// Webhooks lists the webhooks of one's own organisation, or of a unit.
func (c *Client) Webhooks(ctx context.Context, unitID string) ([]Webhook, error) {
	page, err := fetch[Page[Webhook]](ctx, c, queried("/webhooks", unitID), nil)
	return page.Items, err
}

// Webhook reads a webhook.
func (c *Client) Webhook(ctx context.Context, id string) (Webhook, error) {
	return fetch[Webhook](ctx, c, at("webhooks", id), nil)
}

// DeleteWebhook deletes a webhook.
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, at("webhooks", id), "", nil, nil)
}

// ReplayWebhook sends again what a webhook was sent since a time, and returns
// how much that is.
func (c *Client) ReplayWebhook(ctx context.Context, id string, since time.Time) (int, error) {
	in := struct {
		Since time.Time `json:"since"`
	}{since}
	out, err := send[struct {
		Events int `json:"events"`
	}](ctx, c, http.MethodPost, at("webhooks", id, "replay"), "", in)
	return out.Events, err
}

// SMTP is a mail server. Security is starttls, tls or none; Password is never
// returned, and "" keeps the stored one.
type SMTP struct {
	Host     string `json:"host"`
	Port     int    `json:"port,omitempty"`
	Security string `json:"security"`
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
	From     string `json:"from"`
}

// SMSGateway takes text messages. Kind is webhook or twilio; Token is never
// returned, and "" keeps the stored one.
type SMSGateway struct {
	Kind    string `json:"kind"`
	URL     string `json:"url"`
	Account string `json:"account,omitempty"`
	Token   string `json:"token,omitempty"`
	From    string `json:"from,omitempty"`
}

// Gateways are what an organisation sends by. nil: it can't.
type Gateways struct {
	SMTP *SMTP       `json:"smtp,omitempty"`
	SMS  *SMSGateway `json:"sms,omitempty"`
}

// Gateways reads those of one's own organisation.
func (c *Client) Gateways(ctx context.Context) (Gateways, error) {
	return fetch[Gateways](ctx, c, "/organisation/gateways", nil)
}

// SetGateways sets all of them.
func (c *Client) SetGateways(ctx context.Context, g Gateways) (Gateways, error) {
	return send[Gateways](ctx, c, http.MethodPut, "/organisation/gateways", "", g)
}

// AuditRecord is one thing that somebody did.
type AuditRecord struct {
	Seq     uint64            `json:"seq"`
	At      time.Time         `json:"at"`
	UnitID  string            `json:"unit_id"`
	Actor   AuditParty        `json:"actor"`
	Action  string            `json:"action"`
	Subject AuditParty        `json:"subject"`
	Details map[string]string `json:"details"`
	Prev    []byte            `json:"prev"`
	Hash    []byte            `json:"hash"`
}

// AuditParty is who did something, or what it was done to.
type AuditParty struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// AuditFilter chooses records; what is zero chooses all. An Action that ends
// in a dot stands for all of a thing.
type AuditFilter struct {
	UnitID, Action, ActorID, SubjectID string
	From, To                           time.Time
}

// Audit reads the audit log of one's own organisation, the newest first.
func (c *Client) Audit(ctx context.Context, f AuditFilter, l List) (Page[AuditRecord], error) {
	query := ofUnit(f.UnitID, l.values())
	for name, value := range map[string]string{"action": f.Action, "actor_id": f.ActorID, "subject_id": f.SubjectID} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for name, value := range map[string]time.Time{"from": f.From, "to": f.To} {
		if !value.IsZero() {
			query.Set(name, value.Format(time.RFC3339Nano))
		}
	}
	return fetch[Page[AuditRecord]](ctx, c, "/audit", query)
}

// AuditHead is where an audit log ends, signed by the deployment (Ed25519).
type AuditHead struct {
	OrganisationID string    `json:"organisation_id"`
	Seq            uint64    `json:"seq"`
	At             time.Time `json:"at"`
	Hash           []byte    `json:"hash"`
	KeyID          string    `json:"key_id"`
	Key            []byte    `json:"key"`
	Signature      []byte    `json:"signature"`
}

// AuditHead reads the signed head of one's own organisation's audit log.
func (c *Client) AuditHead(ctx context.Context) (AuditHead, error) {
	return fetch[AuditHead](ctx, c, "/audit/head", nil)
}

// ExportAudit writes the audit log as JSON Lines. After an error what was
// written isn't whole.
func (c *Client) ExportAudit(ctx context.Context, w io.Writer) error {
	req, err := c.request(ctx, http.MethodGet, "/audit/export", nil)
	if err != nil {
		return err
	}
	resp, err := c.stream.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		return errors.Join(errorOf(resp, data), err)
	}
	if _, err := io.Copy(w, resp.Body); err != nil {
		return fmt.Errorf("read the audit log: %w", err)
	}
	return nil
}
