package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Admission is what a link was traded for: a seat in Room, if the link is an
// API room's, else in Visit.
type Admission struct {
	Token
	Room struct {
		ID   string `json:"id"`
		Name string `json:"name"`
		Type string `json:"type"`
	} `json:"room"`
	Visit *GuestVisit `json:"visit"`
	// VisitToken is the key of a Client for the guest's own requests; "" when
	// the one that Enter was called with still is.
	VisitToken string `json:"visit_token"`
}

// EntrySpec is what somebody enters with.
type EntrySpec struct {
	Link    string            `json:"link"`             // the secret or the whole address
	Fields  map[string]string `json:"fields,omitempty"` // name, phone, date_of_birth, reference, text
	Consent bool              `json:"consent,omitempty"`
}

// GuestVisit is what a guest is shown of their own visit.
type GuestVisit struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	State     string    `json:"state"`   // waiting, in_call, on_hold, ended
	Outcome   string    `json:"outcome"` // of an ended one
	ArrivedAt time.Time `json:"arrived_at"`
	Position  int       `json:"position"` // 0: not shown
	Messages  []Message `json:"messages"`
	Welcome   string    `json:"welcome"`
	Phone     string    `json:"phone"`
}

// Message is what somebody of staff wrote to a guest.
type Message struct {
	At   time.Time `json:"at"`
	From string    `json:"from"`
	Text string    `json:"text"`
}

// Lobby is what somebody with a link is shown before they enter.
type Lobby struct {
	Kind         string       `json:"kind"`
	Organisation string       `json:"organisation"`
	Name         string       `json:"name"`
	Fields       []EntryField `json:"fields"`
	Terms        string       `json:"terms"`
	Welcome      string       `json:"welcome"`
	Phone        string       `json:"phone"`
	Open         bool         `json:"open"`
	OpensAt      *time.Time   `json:"opens_at"`
	Suspended    bool         `json:"suspended"`
	Reason       string       `json:"reason"`
	StartsAt     *time.Time   `json:"starts_at"`
}

// EntryField is one thing that guests are asked for.
type EntryField struct {
	Key      string `json:"key"`
	Label    string `json:"label"`
	Required bool   `json:"required"`
}

// DeviceCheck is what a guest's own test found. RTT is in milliseconds.
type DeviceCheck struct {
	Camera     bool `json:"camera"`
	Microphone bool `json:"microphone"`
	Relay      bool `json:"relay"`
	RTT        int  `json:"rtt_ms,omitempty"`
}

// Entry trades a link (the secret or the whole address) for a join token. It
// needs no API key.
func (c *Client) Entry(ctx context.Context, link, name string) (Admission, error) {
	return c.Enter(ctx, EntrySpec{Link: link, Fields: map[string]string{"name": name}})
}

// Enter trades a link for a join token: the one request that uses a
// single-use link up. The visit of the visit token that is c's key, if it
// goes on and was begun by the same link, is given back.
func (c *Client) Enter(ctx context.Context, spec EntrySpec) (Admission, error) {
	var admission Admission
	err := c.do(ctx, http.MethodPost, "/entry", "", spec, &admission)
	return admission, err
}

// Look says what a link leads to. It uses nothing up.
func (c *Client) Look(ctx context.Context, link string) (Lobby, error) {
	var lobby Lobby
	err := c.do(ctx, http.MethodPost, "/entry/look", "", map[string]string{"link": link}, &lobby)
	return lobby, err
}

// OwnVisit reads a guest's own visit.
func (c *Client) OwnVisit(ctx context.Context, id string) (GuestVisit, error) {
	var v GuestVisit
	err := c.do(ctx, http.MethodGet, visitPath(id, ""), "", nil, &v)
	return v, err
}

// ReturnToVisit gives a guest another join token for their own visit.
func (c *Client) ReturnToVisit(ctx context.Context, id string) (Token, error) {
	var token Token
	err := c.do(ctx, http.MethodPost, visitPath(id, "/token"), "", nil, &token)
	return token, err
}

// LeaveVisit ends a guest's own visit.
func (c *Client) LeaveVisit(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodPost, visitPath(id, "/leave"), "", nil, nil)
}

// CheckDevice tells what a guest's own test found.
func (c *Client) CheckDevice(ctx context.Context, id string, check DeviceCheck) error {
	return c.do(ctx, http.MethodPost, visitPath(id, "/device"), "", check, nil)
}

// WatchVisit follows a guest's own visit: events named visit, with a
// GuestVisit. The stream ends with the visit.
func (c *Client) WatchVisit(ctx context.Context, id string) (*Stream, error) {
	return c.open(ctx, visitPath(id, "/events"), "")
}

func visitPath(id, action string) string { return "/visits/" + url.PathEscape(id) + action }
