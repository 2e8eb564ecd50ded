package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// RoomSpec is what a room is made from. Type is individual, group, meeting or
// plain; Capacity 0 is the type's default.
type RoomSpec struct {
	Type     string `json:"type"`
	Capacity int    `json:"capacity,omitempty"`
	Name     string `json:"name,omitempty"`
}

// Room is a place to meet. Link is a secret: whoever opens it can enter.
type Room struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"`
	Name      string    `json:"name"`
	Capacity  int       `json:"capacity"`
	Link      string    `json:"link"`
	CreatedAt time.Time `json:"created_at"`
}

// Token lets one person join a room once, before ExpiresAt.
type Token struct {
	Token         string    `json:"token"`
	ParticipantID string    `json:"participant_id"`
	ExpiresAt     time.Time `json:"expires_at"`
	SignalURL     string    `json:"signal_url"` // of the WebSocket
}

// Participant is somebody in a room. Role is moderator, participant or
// viewer.
type Participant struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Role      string   `json:"role"`
	Hand      bool     `json:"hand"`
	Connected bool     `json:"connected"`
	Sources   []Source `json:"sources"`
}

// Source is what a participant publishes: microphone, camera, screen or
// screen_audio.
type Source struct {
	Source        string `json:"source"`
	Muted         bool   `json:"muted"`
	MutedByServer bool   `json:"muted_by_server"`
}

// CreateRoom makes a room. once is an idempotency key, or "".
func (c *Client) CreateRoom(ctx context.Context, spec RoomSpec, once string) (Room, error) {
	var room Room
	err := c.do(ctx, http.MethodPost, "/rooms", once, spec, &room)
	return room, err
}

// Room reads a room.
func (c *Client) Room(ctx context.Context, id string) (Room, error) {
	var room Room
	err := c.do(ctx, http.MethodGet, "/rooms/"+url.PathEscape(id), "", nil, &room)
	return room, err
}

// DeleteRoom ends a room's call and deletes the room.
func (c *Client) DeleteRoom(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/rooms/"+url.PathEscape(id), "", nil, nil)
}

// ListRooms returns a page of at most limit rooms (0: the server's default)
// and the cursor of the next page, "" after the last. cursor is "" for the
// first page.
func (c *Client) ListRooms(ctx context.Context, cursor string, limit int) (rooms []Room, next string, err error) {
	query := url.Values{}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	if limit > 0 {
		query.Set("limit", strconv.Itoa(limit))
	}
	var list struct {
		Items      []Room `json:"items"`
		NextCursor string `json:"next_cursor"`
	}
	if err := c.do(ctx, http.MethodGet, "/rooms?"+query.Encode(), "", nil, &list); err != nil {
		return nil, "", err
	}
	return list.Items, list.NextCursor, nil
}

// CreateToken lets one person join a room. once is an idempotency key, or "".
func (c *Client) CreateToken(ctx context.Context, roomID, name, role, once string) (Token, error) {
	in := struct {
		Name string `json:"name"`
		Role string `json:"role"`
	}{name, role}
	var token Token
	err := c.do(ctx, http.MethodPost, "/rooms/"+url.PathEscape(roomID)+"/tokens", once, in, &token)
	return token, err
}

// Participants lists who is in a room, in order of arrival.
func (c *Client) Participants(ctx context.Context, roomID string) ([]Participant, error) {
	var list struct {
		Items []Participant `json:"items"`
	}
	err := c.do(ctx, http.MethodGet, "/rooms/"+url.PathEscape(roomID)+"/participants", "", nil, &list)
	return list.Items, err
}

// Mute stops the forwarding of a participant's source, or resumes it.
func (c *Client) Mute(ctx context.Context, roomID, participantID, source string, muted bool) error {
	in := struct {
		Source string `json:"source"`
		Muted  bool   `json:"muted"`
	}{source, muted}
	return c.do(ctx, http.MethodPost, participantPath(roomID, participantID)+"/mute", "", in, nil)
}

// Remove ends a participant's stay; their token is dead.
func (c *Client) Remove(ctx context.Context, roomID, participantID string) error {
	return c.do(ctx, http.MethodPost, participantPath(roomID, participantID)+"/remove", "", nil, nil)
}

func participantPath(roomID, participantID string) string {
	return "/rooms/" + url.PathEscape(roomID) + "/participants/" + url.PathEscape(participantID)
}
