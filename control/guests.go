package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/atriumrtc/atrium/control/store"
)

const (
	maxMessages     = 50   // kept of one visit
	maxMessageRunes = 1000 // of one message
	maxRTT          = 60_000
)

// own checks that a guest speaks of their own visit (R-IA-2).
func own(actor Actor, visitID string) error {
	if actor.Kind == ActorGuest && actor.ID != visitID {
		return ErrNotFound
	}
	return nil
}

// VisitSeat gives a guest another join to their own seat: after a reload, or
// a restart of the server.
func (s *Service) VisitSeat(ctx context.Context, actor Actor, visitID string) (Join, error) {
	var v visitRecord
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		if err := own(actor, visitID); err != nil {
			return err
		}
		if v, err = liveVisit(tx, visitID); err != nil {
			return err
		}
		return actor.reach(v.OrganisationID)
	})
	if err != nil {
		return Join{}, fmt.Errorf("return to a visit: %w", err)
	}
	return s.visitJoin(v)
}

// LeaveVisit ends a guest's own visit.
func (s *Service) LeaveVisit(ctx context.Context, actor Actor, visitID string) error {
	_, err := s.act(ctx, actor, "leave", visitID, func(c *change, v *visitRecord) error {
		if err := own(actor, visitID); err != nil {
			return err
		}
		return c.end(v, v.ending())
	})
	return err
}

// CheckDevice stores what a guest's own test of their devices and network
// found. It never keeps anybody out (R-WA-6).
func (s *Service) CheckDevice(ctx context.Context, actor Actor, visitID string, check DeviceCheck) (Visit, error) {
	if check.RTT < 0 || check.RTT > maxRTT {
		return Visit{}, &FieldError{Field: "rtt_ms", Message: fmt.Sprintf("must be 0 to %d", maxRTT)}
	}
	return s.act(ctx, actor, "store a device check", visitID, func(c *change, v *visitRecord) error {
		if err := own(actor, visitID); err != nil {
			return err
		}
		check.At = c.now
		v.Device = &check
		return c.putVisit(v)
	})
}

// Message writes to a guest who waits or is on hold (R-WA-3). With once, a
// repetition writes nothing.
func (s *Service) Message(ctx context.Context, who Staff, visitID, text string, once *Once) (Visit, error) {
	text, err := cleanText("text", text)
	switch {
	case err != nil:
		return Visit{}, err
	case text == "":
		return Visit{}, &FieldError{Field: "text", Message: "must not be empty"}
	case utf8.RuneCountInString(text) > maxMessageRunes:
		return Visit{}, &FieldError{Field: "text", Message: fmt.Sprintf("must have at most %d characters", maxMessageRunes)}
	}
	return s.act(ctx, who.Actor, "write to a guest", visitID, func(c *change, v *visitRecord) error {
		if err := c.mayConduct(v); err != nil {
			return err
		}
		_, err := repeatable(s, c.Tx, Caller{OrganisationID: v.OrganisationID}, once.by(who.Actor), func() (bool, error) {
			if v.State == VisitInCall {
				return false, &StateError{CodeWrongState, wrongState(v.State)}
			}
			return true, errors.Join(c.write(v, Message{At: c.now, From: who.Name, Text: text}), c.putVisit(v))
		})
		return err
	})
}

// write adds a message to a visit, sealed; of many the oldest go.
func (c *change) write(v *visitRecord, m Message) error {
	messages, _, err := openJSON[[]Message](c.Service, v.Key, v.SealedMessages, v.purpose("messages"))
	if err != nil {
		return err
	}
	messages = append(messages, m)
	if over := len(messages) - maxMessages; over > 0 {
		messages = slices.Delete(messages, 0, over)
	}
	v.SealedMessages, err = c.sealJSON(v.Key, messages, v.purpose("messages"))
	return err
}

// GuestView is what a guest is shown of their visit: nothing of others but how
// many wait before them, where the area shows it (R-IA-2, R-WA-3).
type GuestView struct {
	State     VisitState
	Outcome   Outcome
	Kind      VisitKind
	Position  int // 0: not shown, or not waiting
	Messages  []Message
	Welcome   string
	Phone     string
	ArrivedAt time.Time
	AreaID    string // to watch; not to be shown
}

// GuestView returns what a guest is shown of their visit, after its end too
// until it is erased.
func (s *Service) GuestView(ctx context.Context, actor Actor, visitID string) (GuestView, error) {
	v, err := s.Visit(ctx, actor, visitID)
	if err != nil {
		return GuestView{}, err
	}
	view := GuestView{
		State: v.State, Outcome: v.Outcome, Kind: v.Kind, Messages: v.Messages, ArrivedAt: v.ArrivedAt, AreaID: v.AreaID,
	}
	if v.AreaID == "" {
		return view, nil
	}
	err = s.store.View(ctx, func(tx store.Tx) error {
		a, err := get[areaRecord](tx, prefixArea+v.AreaID)
		view.Welcome, view.Phone = a.Settings.Welcome, a.Settings.Phone
		if a.Settings.ShowPosition {
			view.Position = v.Position
		}
		return err
	})
	if v.GroupID != "" {
		view.AreaID = "" // they stand in no queue
	}
	if err != nil {
		return GuestView{}, fmt.Errorf("read a visit's area: %w", err)
	}
	return view, nil
}
