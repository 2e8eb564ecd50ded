package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// Room is a room as the API shows it.
type Room struct {
	ID        string    `json:"id" format:"uuid" doc:"Sorts by time of creation." example:"0192f0c1-7d3a-7b1e-9c55-1f2e3d4c5b6a"`
	Type      string    `json:"type" enum:"individual,group,meeting,plain"`
	Name      string    `json:"name" doc:"Shown to those in it; may be empty." example:"Intake"`
	Capacity  int       `json:"capacity" doc:"Most people at a time." example:"16"`
	Link      string    `json:"link" doc:"Whoever opens it can enter. Treat it as a secret." example:"https://calls.example.org/r#q3mVY0wXbq1cF8Zk5nTjUw2e"`
	CreatedAt time.Time `json:"created_at"`
}

func roomOf(ctx context.Context, r control.Room) Room {
	return Room{
		ID: r.ID, Type: string(r.Type), Name: r.Name, Capacity: r.Capacity,
		Link: roomLink(originOf(ctx).base, r.Link), CreatedAt: r.CreatedAt,
	}
}

// RoomPath is the path of a room. (Embedded inputs are exported, as huma
// passes over others.)
type RoomPath struct {
	ID string `path:"id" doc:"The room's id."`
}

// OnceHeader makes a request repeatable.
type OnceHeader struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" doc:"Any string of your choice: repeating the request with it within 24 hours returns the first answer and does nothing." example:"2b7f0c"`
}

// once returns what makes the request repeatable, nil when it isn't to be.
func (h OnceHeader) once(operation string, request any) (*control.Once, error) {
	if h.IdempotencyKey == "" {
		return nil, nil
	}
	data, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	return &control.Once{Operation: operation, Key: h.IdempotencyKey, Request: data}, nil
}

// onceInput is the path of a thing that something is made anew of.
type onceInput struct {
	IDPath
	OnceHeader
}

type createRoomInput struct {
	OnceHeader
	Body CreateRoom
}

// CreateRoom is the body of POST /rooms.
type CreateRoom struct {
	Type     string `json:"type" enum:"individual,group,meeting,plain" doc:"What the room is for."`
	Capacity int    `json:"capacity,omitempty" minimum:"2" maximum:"2000" doc:"Most people at a time; without it 5, 61, 6 or, for plain, 16." example:"16"`
	Name     string `json:"name,omitempty" doc:"At most 80 characters." example:"Intake"`
}

func roomAnswer(ctx context.Context, r control.Room, err error) (*output[Room], error) {
	return respond(r, err, func(r control.Room) Room { return roomOf(ctx, r) })
}

func (s *Server) createRoom(ctx context.Context, in *createRoomInput) (*output[Room], error) {
	once, err := in.once("create_room", in.Body)
	if err != nil {
		return nil, err
	}
	room, err := s.control.CreateRoom(ctx, callerOf(ctx), control.RoomSpec{
		Type: control.RoomType(in.Body.Type), Name: in.Body.Name, Capacity: in.Body.Capacity,
	}, once)
	return roomAnswer(ctx, room, err)
}

func (s *Server) listRooms(ctx context.Context, in *ListQuery) (*listOutput[Room], error) {
	q := in.query()
	page, err := s.control.Rooms(ctx, callerOf(ctx), q.After, q.Limit)
	if err != nil {
		return nil, err
	}
	return listOf(page, func(r control.Room) Room { return roomOf(ctx, r) }), nil
}

func (s *Server) getRoom(ctx context.Context, in *RoomPath) (*output[Room], error) {
	room, err := s.control.Room(ctx, callerOf(ctx), in.ID)
	return roomAnswer(ctx, room, err)
}

func (s *Server) deleteRoom(ctx context.Context, in *RoomPath) (*struct{}, error) {
	return nil, s.control.DeleteRoom(ctx, callerOf(ctx), in.ID)
}

type createTokenInput struct {
	RoomPath
	OnceHeader
	Body CreateToken
}

// CreateToken is the body of POST /rooms/{id}/tokens.
type CreateToken struct {
	Name string `json:"name" doc:"Shown to the others: 1 to 80 characters." example:"Maria"`
	Role string `json:"role" enum:"moderator,participant,viewer" doc:"A viewer publishes nothing."`
}

// Token lets one person join a room once.
type Token struct {
	Token         string    `json:"token" doc:"A secret: it belongs into the first message on the WebSocket, never into a URL."`
	ParticipantID string    `json:"participant_id" format:"uuid"`
	ExpiresAt     time.Time `json:"expires_at" doc:"Join before then."`
	SignalURL     string    `json:"signal_url" doc:"Where the WebSocket is." example:"wss://calls.example.org/api/v1/signal"`
}

func (s *Server) createToken(ctx context.Context, in *createTokenInput) (*output[Token], error) {
	once, err := in.once("create_token", struct {
		Room string
		Body CreateToken
	}{in.ID, in.Body})
	if err != nil {
		return nil, err
	}
	join, err := s.control.CreateJoin(ctx, callerOf(ctx), in.ID,
		control.JoinSpec{Name: in.Body.Name, Role: control.Role(in.Body.Role)}, once)
	return s.tokenAnswer(ctx, join, err)
}

func (s *Server) tokenAnswer(ctx context.Context, j control.Join, err error) (*output[Token], error) {
	if err != nil {
		return nil, err
	}
	token, err := s.tokenOf(ctx, j)
	if err != nil {
		return nil, err
	}
	return &output[Token]{Body: token}, nil
}

// tokenOf signs a join. The same join gives the same token, so that a
// repeated request needs no stored token.
func (s *Server) tokenOf(ctx context.Context, j control.Join) (Token, error) {
	token, err := s.tokens.Issue(auth.JoinClaims{
		ID: j.ID, ParticipantID: j.ParticipantID, OrganisationID: j.OrganisationID, RoomID: j.RoomID,
		Name: j.Name, Role: string(j.Role), IssuedAt: j.IssuedAt, ExpiresAt: j.ExpiresAt,
	})
	if err != nil {
		return Token{}, err
	}
	return Token{
		Token: token, ParticipantID: j.ParticipantID, ExpiresAt: j.ExpiresAt,
		SignalURL: signalURL(originOf(ctx).base),
	}, nil
}
