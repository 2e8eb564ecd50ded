package control

import (
	"context"
	"errors"
	"fmt"
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
	records, next, err := timed(ctx, s, actor, areaID, prefixAppointments, from, until, q, func(tx store.Tx, id string) (appointmentRecord, error) {
		return get[appointmentRecord](tx, prefixAppointment+id)
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
