package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

const (
	// SeatTime is how long somebody who lost their connection keeps their
	// place (R-WA-1).
	SeatTime = 120 * time.Second
	// eraseDelay is when, after the end, what a guest typed is erased; with
	// the scheduler's own delay at most 60 s (R-PV-1).
	eraseDelay = 30 * time.Second

	// prefixVisitToken finds a visit by its token:
	// visit_token/<hexadecimal SHA-256> → id of the visit.
	prefixVisitToken = "visit_token/"
)

// Kinds of what is due for a visit, beside those of events.go.
const (
	DueVisitToken DueKind = "visit_token" // id: digest: a visit has ended, and its token too
)

// visitRecord is a Visit as it is stored. What a guest typed and was written
// stands in it only sealed, by a key of its own.
type visitRecord struct {
	Visit
	Token          string    `json:"token"` // hexadecimal SHA-256
	LinkDigest     string    `json:"link_digest,omitempty"`
	Key            KeyRef    `json:"key"`
	SealedDetails  []byte    `json:"sealed_details,omitempty"`
	SealedMessages []byte    `json:"sealed_messages,omitempty"`
	WaitingSince   time.Time `json:"waiting_since,omitzero"`
	LimitAt        time.Time `json:"limit_at,omitzero"`         // when the area's limit is over
	Stays          []stay    `json:"stays,omitempty"`           // in areas that were left
	RegistrationID string    `json:"registration_id,omitempty"` // for a group
	Initials       bool      `json:"initials,omitempty"`        // others see no more of the name
	Tally          tally     `json:"tally,omitzero"`            // of the present stay, for reports
}

// stay is the part of a visit in an area that it was transferred from.
type stay struct {
	AreaID  string    `json:"area_id"`
	UnitID  string    `json:"unit_id"`
	Outcome Outcome   `json:"outcome"`
	LeftAt  time.Time `json:"left_at"`
}

func (v *visitRecord) subject() Subject {
	return Subject{Kind: "visit", ID: v.ID, OrganisationID: v.OrganisationID, UnitID: v.UnitID}
}

// purpose binds what is sealed to the visit and its place in it.
func (v *visitRecord) purpose(what string) string { return "visit/" + what + "/" + v.ID }

// liveVisit reads a visit that goes on, or ErrNotFound.
func liveVisit(tx store.Tx, id string) (visitRecord, error) {
	if !validID(id) {
		return visitRecord{}, ErrNotFound
	}
	v, err := get[visitRecord](tx, prefixVisit+id)
	if err == nil && v.State == VisitEnded {
		err = ErrNotFound
	}
	return v, err
}

// openVisit returns the visit with what is sealed of it, as far as that isn't
// erased.
func (s *Service) openVisit(v visitRecord) (Visit, error) {
	details, _, err := openJSON[map[string]string](s, v.Key, v.SealedDetails, v.purpose("details"))
	if err != nil {
		return Visit{}, fmt.Errorf("open a visit's details: %w", err)
	}
	messages, _, err := openJSON[[]Message](s, v.Key, v.SealedMessages, v.purpose("messages"))
	if err != nil {
		return Visit{}, fmt.Errorf("open a visit's messages: %w", err)
	}
	v.Details, v.Messages = details, messages
	return v.Visit, nil
}

// guestName is what others see of a guest.
func (s *Service) guestName(v visitRecord) string {
	details, _, err := openJSON[map[string]string](s, v.Key, v.SealedDetails, v.purpose("details"))
	if err != nil {
		s.log.Warn("a visit's details can't be opened", "visit_id", v.ID, "err", err)
	}
	if v.Initials {
		return initials(details[string(FieldName)])
	}
	return details[string(FieldName)]
}

// Visit returns a visit, one that ended too, with its place in the queue.
func (s *Service) Visit(ctx context.Context, actor Actor, id string) (Visit, error) {
	var record visitRecord
	position := 0
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		if !validID(id) {
			return ErrNotFound
		}
		if record, err = get[visitRecord](tx, prefixVisit+id); err != nil {
			return err
		}
		if actor.Kind == ActorGuest && actor.ID != id {
			return ErrNotFound // R-IA-2
		}
		if err = actor.reach(record.OrganisationID); err != nil {
			return err
		}
		position, err = positionOf(tx, record)
		return err
	})
	if err != nil {
		return Visit{}, fmt.Errorf("read a visit: %w", err)
	}
	v, err := s.openVisit(record)
	v.Position = position
	return v, err
}

// VisitByToken says whose a visit token is, given by its digest: the guest of
// one visit, and nobody else (R-IA-2). ErrUnauthenticated when it is dead.
func (s *Service) VisitByToken(ctx context.Context, digest [32]byte) (Actor, error) {
	var actor Actor
	err := s.store.View(ctx, func(tx store.Tx) error {
		v, err := visitByToken(tx, hexDigest(digest))
		actor = Actor{Kind: ActorGuest, ID: v.ID, OrganisationID: v.OrganisationID}
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return Actor{}, ErrUnauthenticated
	}
	if err != nil {
		return Actor{}, fmt.Errorf("find a visit by its token: %w", err)
	}
	return actor, nil
}

func visitByToken(tx store.Tx, digest string) (visitRecord, error) {
	id, err := tx.Get(prefixVisitToken + digest)
	if errors.Is(err, store.ErrNotFound) {
		return visitRecord{}, ErrNotFound
	}
	if err != nil {
		return visitRecord{}, err
	}
	v, err := get[visitRecord](tx, prefixVisit+string(id))
	if err == nil && v.Token != digest {
		err = ErrNotFound
	}
	return v, err
}
