package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal"
)

// smallCall is the most people whom the small pool shows all at once: itself
// and one for each of its pairs.
const smallCall = 7

// authority answers signal from control: who holds a join token may sit in the
// room that it names, as long as there is that room.
type authority struct {
	tokens *auth.Tokens
	rooms  *control.Service
}

// Admit implements signal.Authority.
func (a authority) Admit(ctx context.Context, token string) (signal.Admission, error) {
	claims, err := a.tokens.Verify(token)
	switch {
	case errors.Is(err, auth.ErrExpired):
		return signal.Admission{}, signal.ErrTokenExpired
	case err != nil:
		return signal.Admission{}, signal.ErrBadToken
	}
	room, err := a.rooms.RoomForJoin(ctx, claims.OrganisationID, claims.RoomID)
	if errors.Is(err, control.ErrNotFound) {
		return signal.Admission{}, signal.ErrRoomClosed
	}
	if err != nil {
		return signal.Admission{}, fmt.Errorf("look a room up for a join: %w", err)
	}
	pool := media.SmallPool()
	if room.Capacity > smallCall {
		pool = media.GroupPool()
	}
	return signal.Admission{
		ParticipantID: claims.ParticipantID,
		Name:          claims.Name,
		Role:          media.Role(claims.Role),
		Room: &media.RoomOptions{
			ID: room.ID, Name: room.Name, Kind: string(room.Type), Capacity: room.Capacity,
		},
		TokenID: claims.ID,
		Pool:    pool,
		Claim: control.Join{
			ID: claims.ID, ParticipantID: claims.ParticipantID, OrganisationID: claims.OrganisationID,
			RoomID: claims.RoomID, IssuedAt: claims.IssuedAt, ExpiresAt: claims.ExpiresAt,
		},
	}, nil
}

// Seat implements signal.Authority.
func (a authority) Seat(ctx context.Context, admission signal.Admission) error {
	join, ok := admission.Claim.(control.Join)
	if !ok {
		return fmt.Errorf("an admission of another authority: %T", admission.Claim)
	}
	err := a.rooms.UseToken(ctx, join)
	switch {
	case errors.Is(err, control.ErrTokenUsed):
		return signal.ErrTokenUsed
	case errors.Is(err, control.ErrNotFound):
		return signal.ErrRoomClosed
	}
	return err
}

// Present implements signal.Authority.
func (authority) Present(context.Context, signal.Admission, bool) {}

// Left implements signal.Authority. Rooms of the API keep no record of who was
// in them.
func (authority) Left(context.Context, signal.Admission, media.CloseReason) {}
