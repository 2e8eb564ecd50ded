package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Contact is where a link is to go: exactly one of them. Copy is nowhere: the
// answer has it.
type Contact struct {
	Phone string `json:"phone,omitempty"`
	Email string `json:"email,omitempty"`
	Copy  bool   `json:"copy,omitempty"`
}

// Sending says where a link is to go.
type Sending struct {
	To       Contact `json:"to"`
	Language string  `json:"language,omitempty"` // of the message; "": the organisation's
}

// Sent is how a link went: Link is there when Channel is copy.
type Sent struct {
	Channel   string     `json:"channel"` // sms, email, copy
	Link      string     `json:"link"`
	ExpiresAt *time.Time `json:"expires_at"`
}

// ConsultSpec is what a Consult Now link is made from.
type ConsultSpec struct {
	Sending
	Provider *Provider `json:"provider,omitempty"`
}

// ConsultNow is a single-use link into a call that waits.
type ConsultNow struct {
	ID           string     `json:"id"`
	AreaID       string     `json:"area_id"`
	CallID       string     `json:"call_id"`
	VisitID      string     `json:"visit_id"`
	ProviderID   string     `json:"provider_id"`
	State        string     `json:"state"` // sent, failed, opened, entered, expired, revoked
	Channel      string     `json:"channel"`
	CreatedAt    time.Time  `json:"created_at"`
	HandedOverAt *time.Time `json:"handed_over_at"`
	ExpiresAt    *time.Time `json:"expires_at"`
	Extensions   int        `json:"extensions"`
	Address      string     `json:"address"`
	Link         string     `json:"link"`
}

// StartedConsult is a call that waits for its guest, with the join token of
// who started it.
type StartedConsult struct {
	Token
	ConsultNow ConsultNow `json:"consult_now"`
	Call       Call       `json:"call"`
}

// Appointment is a visit that was agreed on.
type Appointment struct {
	ID              string            `json:"id"`
	AreaID          string            `json:"area_id"`
	ProviderID      string            `json:"provider_id"`
	StartsAt        time.Time         `json:"starts_at"`
	DurationMinutes float64           `json:"duration_minutes"`
	State           string            `json:"state"` // booked, entered, done, cancelled
	VisitID         string            `json:"visit_id"`
	Fields          map[string]string `json:"fields"`
	CreatedAt       time.Time         `json:"created_at"`
	Link            string            `json:"link"`
}

// AppointmentSpec is what an appointment is made from; as a change, what is
// nil or 0 stays.
type AppointmentSpec struct {
	StartsAt        *time.Time        `json:"starts_at,omitempty"`
	DurationMinutes int               `json:"duration_minutes,omitempty"`
	ProviderID      *string           `json:"provider_id,omitempty"`
	Fields          map[string]string `json:"fields,omitempty"`
}

// ConsultNow starts a call at once by a single-use link. once is an
// idempotency key, or "".
func (c *Client) ConsultNow(ctx context.Context, areaID string, spec ConsultSpec, once string) (StartedConsult, error) {
	return post[StartedConsult](ctx, c, areaPath(areaID, "/consult-now"), once, spec)
}

// ReadConsultNow reads a Consult Now link.
func (c *Client) ReadConsultNow(ctx context.Context, id string) (ConsultNow, error) {
	var out ConsultNow
	err := c.do(ctx, http.MethodGet, consultPath(id, ""), "", nil, &out)
	return out, err
}

// OpenConsultNow lists the links of an area that may still let somebody in, or
// could if they were extended.
func (c *Client) OpenConsultNow(ctx context.Context, areaID string, l List) (Page[ConsultNow], error) {
	return fetch[Page[ConsultNow]](ctx, c, areaPath(areaID, "/consult-now"), l.values())
}

// ExtendConsultNow gives a link five minutes more.
func (c *Client) ExtendConsultNow(ctx context.Context, id string) (ConsultNow, error) {
	return post[ConsultNow](ctx, c, consultPath(id, "/extend"), "", nil)
}

// RevokeConsultNow ends a link that nobody has used.
func (c *Client) RevokeConsultNow(ctx context.Context, id string) (ConsultNow, error) {
	return post[ConsultNow](ctx, c, consultPath(id, "/revoke"), "", nil)
}

// ResendConsultNow sends a link again. once is an idempotency key, or "".
func (c *Client) ResendConsultNow(ctx context.Context, id, language, once string) (ConsultNow, error) {
	return post[ConsultNow](ctx, c, consultPath(id, "/resend"), once, map[string]string{"language": language})
}

// InviteToCall makes a single-use link into a call. once is an idempotency
// key, or "".
func (c *Client) InviteToCall(ctx context.Context, callID string, to Sending, once string) (Sent, error) {
	return post[Sent](ctx, c, callPath(callID, "/invite"), once, to)
}

// SendAreaLink sends the link of an area. once is an idempotency key, or "".
func (c *Client) SendAreaLink(ctx context.Context, areaID string, to Sending, once string) (Sent, error) {
	return post[Sent](ctx, c, areaPath(areaID, "/link/send"), once, to)
}

// BookAppointment makes an appointment. once is an idempotency key, or "".
func (c *Client) BookAppointment(ctx context.Context, areaID string, spec AppointmentSpec, once string) (Appointment, error) {
	return post[Appointment](ctx, c, areaPath(areaID, "/appointments"), once, spec)
}

// ListAppointments returns a page of at most limit appointments (0: the
// server's default) that start in a period, in order, and the cursor of the
// next page, "" after the last.
func (c *Client) ListAppointments(ctx context.Context, areaID string, from, until time.Time, cursor string, limit int) (list []Appointment, next string, err error) {
	query := url.Values{"from": {from.Format(time.RFC3339Nano)}, "until": {until.Format(time.RFC3339Nano)}}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	var page struct {
		Items      []Appointment `json:"items"`
		NextCursor string        `json:"next_cursor"`
	}
	err = c.do(ctx, http.MethodGet, areaPath(areaID, "/appointments?")+query.Encode(), "", nil, &page)
	return page.Items, page.NextCursor, err
}

// ChangeAppointment changes an appointment that is still to come.
func (c *Client) ChangeAppointment(ctx context.Context, id string, spec AppointmentSpec) (Appointment, error) {
	var out Appointment
	err := c.do(ctx, http.MethodPatch, appointmentPath(id, ""), "", spec, &out)
	return out, err
}

// CancelAppointment ends an appointment that nobody has come to.
func (c *Client) CancelAppointment(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, appointmentPath(id, ""), "", nil, nil)
}

// SendAppointment sends the link of an appointment. once is an idempotency
// key, or "".
func (c *Client) SendAppointment(ctx context.Context, id string, to Sending, once string) (Sent, error) {
	return post[Sent](ctx, c, appointmentPath(id, "/send"), once, to)
}

func consultPath(id, action string) string { return "/consult-now/" + url.PathEscape(id) + action }

func appointmentPath(id, action string) string { return "/appointments/" + url.PathEscape(id) + action }
