package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// AppointmentPatch is what to change of an appointment; nil leaves it.
type AppointmentPatch struct {
	StartsAt   *time.Time
	Duration   *time.Duration
	ProviderID *string            // "": nobody's
	Details    *map[string]string // in place of all that was known
}

// UpdateAppointment changes an appointment that nobody has come to yet. Its
// link stays.
func (s *Service) UpdateAppointment(ctx context.Context, actor Actor, id string, p AppointmentPatch) (Appointment, error) {
	return s.actAppointment(ctx, actor, "change an appointment", id, func(c *change, r *appointmentRecord) error {
		if r.State != AppointmentBooked {
			return &StateError{CodeWrongState, "Only an appointment that is still to come can be changed."}
		}
		now, err := s.openAppointment(*r)
		if err != nil {
			return err
		}
		spec := AppointmentSpec{StartsAt: now.StartsAt, Duration: now.Duration, ProviderID: now.ProviderID, Details: now.Details}
		if p.StartsAt != nil {
			spec.StartsAt = *p.StartsAt
		}
		if p.Duration != nil {
			spec.Duration = *p.Duration
		}
		if p.ProviderID != nil {
			spec.ProviderID = *p.ProviderID
		}
		if p.Details != nil {
			spec.Details = *p.Details
		}
		if spec, err = spec.clean(c.now); err != nil {
			return err
		}
		return errors.Join(c.setAppointment(r, spec), c.audit("appointment.update", r.subject()))
	})
}

// Appointments lists an area's appointments that start in a period, in order
// of start. Query.After is the Next of the page before, and no id.
func (s *Service) Appointments(ctx context.Context, actor Actor, areaID string, from, until time.Time, q Query) (Page[Appointment], error) {
	prefix := prefixAppointments + areaID + "/"
	after := prefix + timeKey(from)
	if q.After != "" {
		at, id, ok := strings.Cut(q.After, "/")
		if _, err := parseTimeKey(at); err != nil || !ok || !validID(id) {
			return Page[Appointment]{}, &FieldError{Field: "cursor", Message: "must be the next_cursor of an earlier page"}
		}
		after = max(after, prefix+q.After)
	}
	var records []appointmentRecord
	var next string
	err := s.store.View(ctx, func(tx store.Tx) error {
		records, next = nil, ""
		a, err := liveArea(tx, areaID)
		if err != nil {
			return err
		}
		if err := actor.reach(a.OrganisationID); err != nil {
			return err
		}
		last := ""
		return tx.Range(prefix, after, func(key string, _ []byte) error {
			entry := strings.TrimPrefix(key, prefix)
			at, id, _ := strings.Cut(entry, "/")
			switch {
			case at >= timeKey(until):
				return store.ErrStop
			case len(records) == q.size():
				next = last
				return store.ErrStop
			}
			r, err := get[appointmentRecord](tx, prefixAppointment+id)
			records, last = append(records, r), entry
			return err
		})
	})
	if err != nil {
		return Page[Appointment]{}, fmt.Errorf("list appointments: %w", err)
	}
	page := Page[Appointment]{Next: next}
	for _, r := range records {
		a, err := s.openAppointment(r)
		if err != nil {
			return Page[Appointment]{}, err
		}
		page.Items = append(page.Items, a)
	}
	return page, nil
}
