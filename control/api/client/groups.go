package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Group is a group consultation: a session that people register for.
type Group struct {
	ID              string     `json:"id"`
	AreaID          string     `json:"area_id"`
	Title           string     `json:"title"`
	StartsAt        time.Time  `json:"starts_at"`
	DurationMinutes float64    `json:"duration_minutes"`
	Capacity        int        `json:"capacity"`     // participants beside the moderator
	Registration    string     `json:"registration"` // open, closed, by_invitation
	Names           string     `json:"names"`        // full, initials
	HostID          string     `json:"host_id"`      // account
	CoModeratorIDs  []string   `json:"co_moderator_ids"`
	State           string     `json:"state"` // scheduled, live, ended, cancelled
	CallID          string     `json:"call_id"`
	CreatedAt       time.Time  `json:"created_at"`
	EndedAt         *time.Time `json:"ended_at"`
	Link            string     `json:"link"` // to register by

	Registrations GroupCounts `json:"registrations"`
}

// GroupCounts is how many registered for a group, and how far they have come
// now.
type GroupCounts struct {
	Registered int `json:"registered"` // who weren't removed, those below too
	Waiting    int `json:"waiting"`    // in the lobby
	Admitted   int `json:"admitted"`   // in the session
}

// GroupSpec is what a group is made from; as a change, what is nil or zero
// stays.
type GroupSpec struct {
	Title           string     `json:"title,omitempty"`
	StartsAt        *time.Time `json:"starts_at,omitempty"`
	DurationMinutes int        `json:"duration_minutes,omitempty"`
	Capacity        int        `json:"capacity,omitempty"`
	Registration    string     `json:"registration,omitempty"`
	Names           string     `json:"names,omitempty"`
	HostID          *string    `json:"host_id,omitempty"`
	CoModeratorIDs  *[]string  `json:"co_moderator_ids,omitempty"`
}

// StartedGroup is a group that goes on, with a join token to its call.
type StartedGroup struct {
	Token
	Group Group `json:"group"`
	Call  Call  `json:"call"`
}

// GroupRegistration is somebody who registered for a group. Link is their
// personal one.
type GroupRegistration struct {
	ID        string            `json:"id"`
	GroupID   string            `json:"group_id"`
	State     string            `json:"state"` // registered, requested, admitted, removed, ended
	VisitID   string            `json:"visit_id"`
	Fields    map[string]string `json:"fields"`
	CreatedAt time.Time         `json:"created_at"`
	Link      string            `json:"link"`
}

// RegistrationSpec says whom staff registers.
type RegistrationSpec struct {
	Fields map[string]string `json:"fields,omitempty"` // what is known of them: name, phone, …
}

// GroupAdmissions is who of those who waited is in the call now.
type GroupAdmissions struct {
	Admitted []string       `json:"admitted"` // visits
	Refused  []RefusedVisit `json:"refused"`
}

// RefusedVisit is a visit that could not be admitted. It keeps its place.
type RefusedVisit struct {
	Visit string `json:"visit"`
	Code  string `json:"code"` // call_full, wrong_state, not_found
}

// CreateGroup schedules a group consultation. once is an idempotency key, or
// "".
func (c *Client) CreateGroup(ctx context.Context, areaID string, spec GroupSpec, once string) (Group, error) {
	return post[Group](ctx, c, areaPath(areaID, "/groups"), once, spec)
}

// ListGroups returns a page of at most limit groups (0: the server's default)
// that start in a period, in order, and the cursor of the next page, "" after
// the last.
func (c *Client) ListGroups(ctx context.Context, areaID string, from, until time.Time, cursor string, limit int) (list []Group, next string, err error) {
	query := url.Values{"from": {from.Format(time.RFC3339Nano)}, "until": {until.Format(time.RFC3339Nano)}}
	page, err := listPage[Group](ctx, c, areaPath(areaID, "/groups"), query, cursor, limit)
	return page.Items, page.NextCursor, err
}

// Group reads a group.
func (c *Client) Group(ctx context.Context, id string) (Group, error) {
	var out Group
	err := c.do(ctx, http.MethodGet, groupPath(id, ""), "", nil, &out)
	return out, err
}

// ChangeGroup changes a group that isn't over.
func (c *Client) ChangeGroup(ctx context.Context, id string, spec GroupSpec) (Group, error) {
	var out Group
	err := c.do(ctx, http.MethodPatch, groupPath(id, ""), "", spec, &out)
	return out, err
}

// CancelGroup ends a group that hasn't begun.
func (c *Client) CancelGroup(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, groupPath(id, ""), "", nil, nil)
}

// StartGroup begins a group's session, or returns to the one that goes on.
// provider is who comes in: needed with an API key, and with it only. The
// first who starts a group without a host is its host.
func (c *Client) StartGroup(ctx context.Context, id string, provider *Provider) (StartedGroup, error) {
	return post[StartedGroup](ctx, c, groupPath(id, "/start"), "", comeIn{provider})
}

// JoinGroup gives somebody of staff a seat, or their own again, in a group's
// session that goes on.
func (c *Client) JoinGroup(ctx context.Context, id string, provider *Provider) (StartedGroup, error) {
	return post[StartedGroup](ctx, c, groupPath(id, "/join"), "", comeIn{provider})
}

// EndGroup ends a group's session for everybody.
func (c *Client) EndGroup(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodPost, groupPath(id, "/end"), "", nil, nil)
}

// SendGroup sends the link to register by. once is an idempotency key, or "".
func (c *Client) SendGroup(ctx context.Context, id string, to Sending, once string) (Sent, error) {
	return post[Sent](ctx, c, groupPath(id, "/send"), once, to)
}

// GroupLobby lists who waits for a group, in order of arrival.
func (c *Client) GroupLobby(ctx context.Context, id string) ([]Visit, error) {
	var list struct {
		Items []Visit `json:"items"`
	}
	err := c.do(ctx, http.MethodGet, groupPath(id, "/lobby"), "", nil, &list)
	return list.Items, err
}

// AdmitToGroup admits some who wait. When nobody could be, the error says why.
func (c *Client) AdmitToGroup(ctx context.Context, id string, visits ...string) (GroupAdmissions, error) {
	return post[GroupAdmissions](ctx, c, groupPath(id, "/admit"), "", map[string][]string{"visits": visits})
}

// AdmitAllToGroup admits everybody who waits, as far as there are seats.
func (c *Client) AdmitAllToGroup(ctx context.Context, id string) (GroupAdmissions, error) {
	return post[GroupAdmissions](ctx, c, groupPath(id, "/admit-all"), "", nil)
}

// Register registers oneself by a group's link; it needs no key. To Enter by
// the link in the answer is to request access.
func (c *Client) Register(ctx context.Context, spec EntrySpec) (Registered, error) {
	var out Registered
	err := c.do(ctx, http.MethodPost, "/entry", "", spec, &out)
	return out, err
}

// Registered is what somebody gets who registered: Link is their own way in.
type Registered struct {
	Registration struct {
		ID      string `json:"id"`
		GroupID string `json:"group_id"`
	} `json:"registration"`
	Link string `json:"link"`
}

// RegisterForGroup registers somebody, for staff. once is an idempotency key,
// or "".
func (c *Client) RegisterForGroup(ctx context.Context, groupID string, spec RegistrationSpec, once string) (GroupRegistration, error) {
	return post[GroupRegistration](ctx, c, groupPath(groupID, "/registrations"), once, spec)
}

// GroupRegistrations returns a page of who registered, in order.
func (c *Client) GroupRegistrations(ctx context.Context, groupID, cursor string, limit int) (list []GroupRegistration, next string, err error) {
	page, err := listPage[GroupRegistration](ctx, c, groupPath(groupID, "/registrations"), url.Values{}, cursor, limit)
	return page.Items, page.NextCursor, err
}

// RemoveRegistration takes somebody off: their link is dead, and their visit,
// if they are there, has ended.
func (c *Client) RemoveRegistration(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, registrationPath(id, ""), "", nil, nil)
}

// SendRegistration sends somebody their personal link. once is an idempotency
// key, or "".
func (c *Client) SendRegistration(ctx context.Context, id string, to Sending, once string) (Sent, error) {
	return post[Sent](ctx, c, registrationPath(id, "/send"), once, to)
}

// MuteAllInCall stops a source of everybody in a call but the caller's own.
func (c *Client) MuteAllInCall(ctx context.Context, callID, source string, exceptModerators bool) error {
	in := struct {
		Source           string `json:"source"`
		ExceptModerators bool   `json:"except_moderators"`
	}{source, exceptModerators}
	return c.do(ctx, http.MethodPost, callPath(callID, "/mute"), "", in, nil)
}

// AskInCall asks somebody in a call to unmute a source. Nobody is unmuted by
// it.
func (c *Client) AskInCall(ctx context.Context, callID, participantID, source string) error {
	return c.do(ctx, http.MethodPost, callPath(callID, "/participants/"+url.PathEscape(participantID)+"/ask"), "",
		map[string]string{"source": source}, nil)
}

// SpotlightInCall shows somebody large to everybody in a call, or ends that.
func (c *Client) SpotlightInCall(ctx context.Context, callID, participantID string, on bool) (Call, error) {
	return post[Call](ctx, c, callPath(callID, "/participants/"+url.PathEscape(participantID)+"/spotlight"), "",
		map[string]bool{"on": on})
}

// ChatInCall lets everybody in a call write to all, or only moderators.
func (c *Client) ChatInCall(ctx context.Context, callID string, on bool) (Call, error) {
	chat := "off"
	if on {
		chat = "on"
	}
	var out Call
	err := c.do(ctx, http.MethodPatch, callPath(callID, ""), "", map[string]string{"chat": chat}, &out)
	return out, err
}

func groupPath(id, action string) string { return "/groups/" + url.PathEscape(id) + action }

func registrationPath(id, action string) string {
	return "/registrations/" + url.PathEscape(id) + action
}

// page is a part of a list.
type page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor"`
}

// listPage reads a page of a list.
func listPage[T any](ctx context.Context, c *Client, path string, query url.Values, cursor string, limit int) (page[T], error) {
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	var out page[T]
	err := c.do(ctx, http.MethodGet, path+"?"+query.Encode(), "", nil, &out)
	return out, err
}
