package client

import (
	"context"
	"net/http"
	"time"
)

// AskedField is one thing that guests are asked for: name, phone,
// date_of_birth, reference or text.
type AskedField struct {
	Key      string `json:"key"`
	Label    string `json:"label,omitempty"`
	Required bool   `json:"required,omitempty"`
}

// Interval is a part of a day: "09:00" up to but not including "17:30".
type Interval struct {
	Opens  string `json:"opens"`
	Closes string `json:"closes"`
}

// Hours are opening hours on the clock of a time zone (IANA).
type Hours struct {
	TimeZone  string     `json:"time_zone"`
	Monday    []Interval `json:"monday,omitempty"`
	Tuesday   []Interval `json:"tuesday,omitempty"`
	Wednesday []Interval `json:"wednesday,omitempty"`
	Thursday  []Interval `json:"thursday,omitempty"`
	Friday    []Interval `json:"friday,omitempty"`
	Saturday  []Interval `json:"saturday,omitempty"`
	Sunday    []Interval `json:"sunday,omitempty"`
}

// AreaSettings are what a waiting area decides for itself.
type AreaSettings struct {
	Fields           []AskedField `json:"fields,omitempty"`
	Terms            string       `json:"terms,omitempty"`
	Welcome          string       `json:"welcome,omitempty"`
	Phone            string       `json:"phone,omitempty"`
	ShowPosition     bool         `json:"show_position,omitempty"`
	Hours            *Hours       `json:"hours,omitempty"` // nil: always open
	WaitLimitSeconds int          `json:"wait_limit_seconds,omitempty"`
	AlertAccounts    []string     `json:"alert_accounts,omitempty"`
}

// Area is a waiting area. Link is "" for who may not share it.
type Area struct {
	ID              string       `json:"id"`
	UnitID          string       `json:"unit_id"`
	Name            string       `json:"name"`
	Slug            string       `json:"slug"`
	Settings        AreaSettings `json:"settings"`
	Open            bool         `json:"open"`
	OpensAt         time.Time    `json:"opens_at"` // zero: it is open, or never
	Suspended       bool         `json:"suspended"`
	SuspendedReason string       `json:"suspended_reason"`
	Link            string       `json:"link"`
	CreatedAt       time.Time    `json:"created_at"`
}

// AreaSpec is what a waiting area is made from.
type AreaSpec struct {
	Name     string       `json:"name"`
	Settings AreaSettings `json:"settings,omitzero"`
}

// AreaPatch is what to change; nil stays.
type AreaPatch struct {
	Name     *string       `json:"name,omitempty"`
	Settings *AreaSettings `json:"settings,omitempty"`
}

// CreateArea makes a waiting area. once is an idempotency key, or "".
func (c *Client) CreateArea(ctx context.Context, unitID string, spec AreaSpec, once string) (Area, error) {
	return send[Area](ctx, c, http.MethodPost, at("units", unitID, "areas"), once, spec)
}

// Areas lists a unit's waiting areas.
func (c *Client) Areas(ctx context.Context, unitID string, l List) (Page[Area], error) {
	return fetch[Page[Area]](ctx, c, at("units", unitID, "areas"), l.values())
}

// Area reads a waiting area.
func (c *Client) Area(ctx context.Context, id string) (Area, error) {
	return fetch[Area](ctx, c, at("areas", id), nil)
}

// UpdateArea changes a waiting area.
func (c *Client) UpdateArea(ctx context.Context, id string, p AreaPatch) (Area, error) {
	return send[Area](ctx, c, http.MethodPatch, at("areas", id), "", p)
}

// DeleteArea deletes a waiting area.
func (c *Client) DeleteArea(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, at("areas", id), "", nil, nil)
}

// SuspendArea closes a waiting area whatever its hours say; reason is shown to
// guests and may be "".
func (c *Client) SuspendArea(ctx context.Context, id, reason string) (Area, error) {
	in := struct {
		Reason string `json:"reason,omitempty"`
	}{reason}
	return send[Area](ctx, c, http.MethodPost, at("areas", id, "suspend"), "", in)
}

// RestoreArea has its hours count again.
func (c *Client) RestoreArea(ctx context.Context, id string) (Area, error) {
	return send[Area](ctx, c, http.MethodPost, at("areas", id, "restore"), "", nil)
}

// ResetAreaLink gives it a new link; the old one is dead at once.
func (c *Client) ResetAreaLink(ctx context.Context, id string) (Area, error) {
	return send[Area](ctx, c, http.MethodPost, at("areas", id, "link", "reset"), "", nil)
}

// MeetingRoom is a permanent room of a unit, or of a waiting area. Link is ""
// for who may not enter it.
type MeetingRoom struct {
	ID        string    `json:"id"`
	UnitID    string    `json:"unit_id"`
	AreaID    string    `json:"area_id"`
	Name      string    `json:"name"`
	Slug      string    `json:"slug"`
	Locked    bool      `json:"locked"`
	Link      string    `json:"link"`
	CreatedAt time.Time `json:"created_at"`
}

// MeetingRoomPatch is what to change; nil stays.
type MeetingRoomPatch struct {
	Name   *string `json:"name,omitempty"`
	Locked *bool   `json:"locked,omitempty"`
}

// below is the path of what stands in a unit or in a waiting area.
func below(s Scope, what string) string { return on(s) + "/" + what }

// CreateMeetingRoom makes a meeting room of a unit or a waiting area. once is
// an idempotency key, or "".
func (c *Client) CreateMeetingRoom(ctx context.Context, in Scope, name, once string) (MeetingRoom, error) {
	body := struct {
		Name string `json:"name"`
	}{name}
	return send[MeetingRoom](ctx, c, http.MethodPost, below(in, "meeting-rooms"), once, body)
}

// MeetingRooms lists those of a unit (without those of its areas) or of an
// area.
func (c *Client) MeetingRooms(ctx context.Context, in Scope, l List) (Page[MeetingRoom], error) {
	return fetch[Page[MeetingRoom]](ctx, c, below(in, "meeting-rooms"), l.values())
}

// MeetingRoom reads a meeting room.
func (c *Client) MeetingRoom(ctx context.Context, id string) (MeetingRoom, error) {
	return fetch[MeetingRoom](ctx, c, at("meeting-rooms", id), nil)
}

// UpdateMeetingRoom renames, locks or unlocks one.
func (c *Client) UpdateMeetingRoom(ctx context.Context, id string, p MeetingRoomPatch) (MeetingRoom, error) {
	return send[MeetingRoom](ctx, c, http.MethodPatch, at("meeting-rooms", id), "", p)
}

// DeleteMeetingRoom deletes one.
func (c *Client) DeleteMeetingRoom(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, at("meeting-rooms", id), "", nil, nil)
}

// ResetMeetingRoomLink gives it a new link; the old one is dead at once.
func (c *Client) ResetMeetingRoomLink(ctx context.Context, id string) (MeetingRoom, error) {
	return send[MeetingRoom](ctx, c, http.MethodPost, at("meeting-rooms", id, "link", "reset"), "", nil)
}
