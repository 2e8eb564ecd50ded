package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// List asks for a page of a list: at most Limit items (0: the server's
// default) after the Cursor of an earlier page ("": from the first).
type List struct {
	Cursor string
	Limit  int
}

func (l List) values() url.Values {
	query := url.Values{}
	if l.Cursor != "" {
		query.Set("cursor", l.Cursor)
	}
	if l.Limit > 0 {
		query.Set("limit", strconv.Itoa(l.Limit))
	}
	return query
}

// Page is a part of a list. NextCursor is "" after the last.
type Page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor"`
}

// fetch reads what stands at a path.
func fetch[T any](ctx context.Context, c *Client, path string, query url.Values) (T, error) {
	var out T
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	err := c.do(ctx, http.MethodGet, path, "", nil, &out)
	return out, err
}

// send sends in (nil: no body) and reads the answer.
func send[T any](ctx context.Context, c *Client, method, path, once string, in any) (T, error) {
	var out T
	err := c.do(ctx, method, path, once, in, &out)
	return out, err
}

// at is a path with ids in it.
func at(parts ...string) string {
	path := ""
	for _, part := range parts {
		path += "/" + url.PathEscape(part)
	}
	return path
}

// ofUnit is the query of what is a unit's; "" is the organisation's.
func ofUnit(unitID string, query url.Values) url.Values {
	if unitID != "" {
		query.Set("unit_id", unitID)
	}
	return query
}

// OrganisationSettings are what an organisation decides for itself.
type OrganisationSettings struct {
	Language       string   `json:"language,omitempty"`
	AllowedOrigins []string `json:"allowed_origins,omitempty"`
}

// Organisation is a tenant.
type Organisation struct {
	ID        string               `json:"id"`
	Name      string               `json:"name"`
	Settings  OrganisationSettings `json:"settings"`
	CreatedAt time.Time            `json:"created_at"`
}

// OrganisationSpec is what an organisation is made from. Without SystemAdmin
// there are API keys only.
type OrganisationSpec struct {
	Name        string               `json:"name"`
	Settings    OrganisationSettings `json:"settings,omitzero"`
	SystemAdmin *Invitee             `json:"system_admin,omitempty"`
}

// NewOrganisation is an organisation that was created. The key's secret can't
// be had again.
type NewOrganisation struct {
	Organisation Organisation `json:"organisation"`
	APIKey       NewAPIKey    `json:"api_key"`
	SystemAdmin  *Appointee   `json:"system_admin"`
}

// OrganisationPatch is what to change; nil stays.
type OrganisationPatch struct {
	Name     *string               `json:"name,omitempty"`
	Settings *OrganisationSettings `json:"settings,omitempty"`
}

// CreateOrganisation needs the operator key.
func (c *Client) CreateOrganisation(ctx context.Context, spec OrganisationSpec) (NewOrganisation, error) {
	return send[NewOrganisation](ctx, c, http.MethodPost, "/organisations", "", spec)
}

// Organisations lists all; it needs the operator key.
func (c *Client) Organisations(ctx context.Context, l List) (Page[Organisation], error) {
	return fetch[Page[Organisation]](ctx, c, "/organisations", l.values())
}

// Organisation reads one's own.
func (c *Client) Organisation(ctx context.Context) (Organisation, error) {
	return fetch[Organisation](ctx, c, "/organisation", nil)
}

// UpdateOrganisation changes one's own.
func (c *Client) UpdateOrganisation(ctx context.Context, p OrganisationPatch) (Organisation, error) {
	return send[Organisation](ctx, c, http.MethodPatch, "/organisation", "", p)
}

// UnitSettings are what a unit decides for itself.
type UnitSettings struct {
	Phone    string `json:"phone,omitempty"`
	Language string `json:"language,omitempty"`
}

// Unit is an organisational unit. Areas and MeetingRooms are counted in lists
// only.
type Unit struct {
	ID           string       `json:"id"`
	Name         string       `json:"name"`
	Slug         string       `json:"slug"`
	Settings     UnitSettings `json:"settings"`
	CreatedAt    time.Time    `json:"created_at"`
	Areas        int          `json:"areas"`
	MeetingRooms int          `json:"meeting_rooms"`
}

// UnitSpec is what a unit is made from.
type UnitSpec struct {
	Name      string       `json:"name"`
	Settings  UnitSettings `json:"settings,omitzero"`
	Admins    []Invitee    `json:"admins,omitempty"`
	Reporters []Invitee    `json:"reporters,omitempty"`
}

// NewUnit is a unit that was created, with its admins, then its reporters.
type NewUnit struct {
	Unit      Unit        `json:"unit"`
	Appointed []Appointee `json:"appointed"`
}

// UnitPatch is what to change; nil stays.
type UnitPatch struct {
	Name     *string       `json:"name,omitempty"`
	Settings *UnitSettings `json:"settings,omitempty"`
}

// CreateUnit makes a unit. once is an idempotency key, or "".
func (c *Client) CreateUnit(ctx context.Context, organisationID string, spec UnitSpec, once string) (NewUnit, error) {
	return send[NewUnit](ctx, c, http.MethodPost, at("organisations", organisationID, "units"), once, spec)
}

// Units lists an organisation's units.
func (c *Client) Units(ctx context.Context, organisationID string, l List) (Page[Unit], error) {
	return fetch[Page[Unit]](ctx, c, at("organisations", organisationID, "units"), l.values())
}

// Unit reads a unit.
func (c *Client) Unit(ctx context.Context, id string) (Unit, error) {
	return fetch[Unit](ctx, c, at("units", id), nil)
}

// UpdateUnit changes a unit.
func (c *Client) UpdateUnit(ctx context.Context, id string, p UnitPatch) (Unit, error) {
	return send[Unit](ctx, c, http.MethodPatch, at("units", id), "", p)
}

// DeleteUnit deletes a unit with all that is in it.
func (c *Client) DeleteUnit(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, at("units", id), "", nil, nil)
}

// Node is one server of the deployment.
type Node struct {
	ID           string    `json:"id"`
	Version      string    `json:"version"`
	StartedAt    time.Time `json:"started_at"`
	Draining     bool      `json:"draining"`
	Rooms        int       `json:"rooms"`
	Participants int       `json:"participants"`
}

// Nodes lists the servers of the deployment; it needs the operator key.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	page, err := fetch[Page[Node]](ctx, c, "/nodes", nil)
	return page.Items, err
}
