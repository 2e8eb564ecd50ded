package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// JoinLifetime is how long a Join can be used (SE-7).
const JoinLifetime = 5 * time.Minute

// CreateJoin gives one person the right to join a room of the caller's. With
// once, a repetition returns the first one's result.
func (s *Service) CreateJoin(ctx context.Context, c Caller, roomID string, spec JoinSpec, once *Once) (Join, error) {
	name, err := CleanName("name", spec.Name)
	if err != nil {
		return Join{}, err
	}
	if !spec.Role.Valid() {
		return Join{}, &FieldError{Field: "role", Message: "must be moderator, participant or viewer"}
	}
	admit := func(tx store.Tx) (Join, error) {
		room, err := s.room(tx, c.OrganisationID, roomID)
		if err != nil {
			return Join{}, err
		}
		return s.newJoin(room, name, spec.Role)
	}
	var join Join
	if once == nil { // nothing to remember: no write
		err = s.store.View(ctx, func(tx store.Tx) (err error) {
			join, err = admit(tx)
			return err
		})
	} else {
		err = s.store.Update(ctx, func(tx store.Tx) (err error) {
			// The name isn't kept: who repeats the request says it again (R-PV-1).
			join, err = repeatable(s, tx, c, once, func() (Join, error) {
				join, err := admit(tx)
				join.Name = ""
				return join, err
			})
			join.Name = name
			return err
		})
	}
	if err != nil {
		return Join{}, fmt.Errorf("let somebody join: %w", err)
	}
	return join, nil
}

// Enter trades a link, given by its digest, for the right to join its room as
// a participant. Unknown and dead links give ErrNotFound alike (SE-5). A
// room's link isn't used up by it.
func (s *Service) Enter(ctx context.Context, linkDigest [32]byte, name string) (Join, Room, error) {
	name, err := CleanName("fields.name", name)
	if err != nil {
		return Join{}, Room{}, err
	}
	var join Join
	var room Room
	err = s.store.View(ctx, func(tx store.Tx) error {
		l, err := link(tx, linkDigest)
		if err != nil {
			return err
		}
		if l.Kind != LinkRoom {
			return ErrNotFound
		}
		if room, err = s.room(tx, l.OrganisationID, l.TargetID); err != nil {
			return err
		}
		join, err = s.newJoin(room, name, RoleParticipant)
		return err
	})
	if err != nil {
		return Join{}, Room{}, fmt.Errorf("enter by a link: %w", err)
	}
	return join, room, nil
}

func (s *Service) newJoin(room Room, name string, role Role) (Join, error) {
	id, err := newID()
	participant, err2 := newID()
	if err := errors.Join(err, err2); err != nil {
		return Join{}, err
	}
	now := s.now().UTC().Truncate(time.Second) // as tokens count
	return Join{
		ID:             id,
		ParticipantID:  participant,
		OrganisationID: room.OrganisationID,
		RoomID:         room.ID,
		Name:           name,
		Role:           role,
		IssuedAt:       now,
		ExpiresAt:      now.Add(JoinLifetime),
	}, nil
}

// Participants lists who is in a room of the caller's.
func (s *Service) Participants(ctx context.Context, c Caller, roomID string) ([]Participant, error) {
	if _, err := s.Room(ctx, c, roomID); err != nil {
		return nil, err
	}
	list, err := s.media.Participants(ctx, roomID)
	if err != nil {
		return nil, fmt.Errorf("list participants: %w", err)
	}
	return list, nil
}

// Mute stops or resumes what a participant publishes from source, whatever
// they say themselves (R-GC-5).
func (s *Service) Mute(ctx context.Context, c Caller, roomID, participantID, source string, muted bool) error {
	if _, err := s.Room(ctx, c, roomID); err != nil {
		return err
	}
	if !validID(participantID) {
		return ErrNotFound
	}
	if err := s.media.Mute(ctx, roomID, participantID, source, muted); err != nil {
		return fmt.Errorf("mute a participant: %w", err)
	}
	return nil
}

// Remove ends a participant's stay. They can't come back with the same token.
func (s *Service) Remove(ctx context.Context, c Caller, roomID, participantID string) error {
	room, err := s.Room(ctx, c, roomID)
	if err != nil {
		return err
	}
	if !validID(participantID) {
		return ErrNotFound
	}
	if err := s.media.Remove(ctx, roomID, participantID); err != nil {
		return fmt.Errorf("remove a participant: %w", err)
	}
	// Only now is it known that there was such a participant. They are gone
	// also when that can't be recorded.
	err = s.store.Update(context.WithoutCancel(ctx), func(tx store.Tx) error {
		return audit(tx, s.clock(), c.Actor(), "room.remove", room.subject(), "participant", participantID)
	})
	if err != nil {
		return fmt.Errorf("record that a participant was removed: %w", err)
	}
	return nil
}
