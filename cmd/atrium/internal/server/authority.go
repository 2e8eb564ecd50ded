package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal"
)

// smallCall is the most people whom the small pool shows all at once: itself
// and one for each of its pairs.
const smallCall = 7

// authority answers signal from control: who holds a join may sit in the room
// of the API that it names, or in the seat of a visit or a call, as long as
// there is that.
type authority struct {
	tokens *auth.Tokens
	rules  *control.Service // set before anybody can connect
	log    *slog.Logger
}

// Admit implements signal.Authority.
func (a *authority) Admit(ctx context.Context, token string) (signal.Admission, error) {
	claims, err := a.tokens.Verify(token)
	switch {
	case errors.Is(err, auth.ErrExpired):
		return signal.Admission{}, signal.ErrTokenExpired
	case err != nil:
		return signal.Admission{}, signal.ErrBadToken
	}
	join := control.Join{
		ID: claims.ID, ParticipantID: claims.ParticipantID, OrganisationID: claims.OrganisationID,
		RoomID: claims.RoomID, IssuedAt: claims.IssuedAt, ExpiresAt: claims.ExpiresAt,
	}
	seating, err := a.rules.Seating(ctx, join)
	if err != nil {
		return signal.Admission{}, refused(err)
	}
	admission := signal.Admission{
		ParticipantID: claims.ParticipantID, TokenID: claims.ID, Name: claims.Name, Role: media.Role(claims.Role),
		Pool: media.SmallPool(), Claim: join,
	}
	if admission.Origins, err = a.rules.Origins(ctx, claims.OrganisationID); err != nil {
		return signal.Admission{}, refused(err)
	}
	if room := seating.Room; room != nil {
		admission.Room = &media.RoomOptions{ID: room.ID, Name: room.Name, Kind: string(room.Type), Capacity: room.Capacity}
	}
	if seating.Group || seating.Room != nil && seating.Room.Capacity > smallCall {
		admission.Pool = media.GroupPool()
	}
	return admission, nil
}

// refused says in signal's words why somebody doesn't sit down.
func refused(err error) error {
	switch {
	case errors.Is(err, control.ErrTokenUsed):
		return signal.ErrTokenUsed
	case errors.Is(err, control.ErrNotFound):
		return signal.ErrRoomClosed
	}
	return fmt.Errorf("seat a participant: %w", err)
}

// knowsOrigin says whether an organisation or an API key lists an origin (SE-8).
func (a *authority) knowsOrigin(ctx context.Context, origin string) (bool, error) {
	return a.rules.OriginAllowed(ctx, origin, "")
}

// Seat implements signal.Authority.
func (a *authority) Seat(ctx context.Context, admission signal.Admission) error {
	join, ok := admission.Claim.(control.Join)
	if !ok {
		return fmt.Errorf("an admission of another authority: %T", admission.Claim)
	}
	if err := a.rules.TakeSeat(ctx, join); err != nil {
		return refused(err)
	}
	return nil
}

// Present implements signal.Authority.
func (a *authority) Present(ctx context.Context, admission signal.Admission, connected bool) {
	var err error
	switch join, ok := admission.Claim.(control.Join); {
	case admission.Room == nil:
		err = a.rules.Present(ctx, admission.ParticipantID, connected)
	case connected && ok:
		err = a.rules.EnterRoom(ctx, join)
	}
	if err != nil {
		a.log.ErrorContext(ctx, "a presence could not be stored", "participant_id", admission.ParticipantID, "err", err)
	}
}

// Left implements signal.Authority.
func (a *authority) Left(ctx context.Context, admission signal.Admission, reason media.CloseReason) {
	if err := a.rules.Left(ctx, admission.ParticipantID, control.Departure(reason)); err != nil {
		a.log.ErrorContext(ctx, "a departure could not be stored", "participant_id", admission.ParticipantID, "err", err)
	}
}
