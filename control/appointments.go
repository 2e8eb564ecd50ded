package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

const (
	// appointmentGrace is how long after its end an appointment's link still
	// leads in: consultations run late.
	appointmentGrace = 24 * time.Hour
	maxAppointment   = 12 * time.Hour
	maxAhead         = 2 * 365 * 24 * time.Hour

	// DueAppointment is due when an appointment's link expires for good.
	DueAppointment DueKind = "appointment_over"
)

// appointmentRecord is an Appointment as it is stored: the guest's details
// only sealed, and the link too.
type appointmentRecord struct {
	Appointment
	LinkDigest    string `json:"link_digest"`
	Key           KeyRef `json:"key"`
	SealedDetails []byte `json:"sealed_details,omitempty"`
	SealedLink    []byte `json:"sealed_link,omitempty"`
	SealedSentTo  []byte `json:"sealed_sent_to,omitempty"` // []sentTo
}

func (r *appointmentRecord) subject() Subject {
	return Subject{Kind: "appointment", ID: r.ID, OrganisationID: r.OrganisationID, UnitID: r.UnitID}
}

func (r *appointmentRecord) purpose(what string) string { return "appointment/" + what + "/" + r.ID }

// over is when the link expires for good.
func (r *appointmentRecord) over() time.Time {
	return r.StartsAt.Add(r.Duration + appointmentGrace)
}

// enterable says whether the link still leads in.
func (r *appointmentRecord) enterable(now time.Time) error {
	if r.State != AppointmentBooked && r.State != AppointmentEntered || now.After(r.over()) {
		return ErrNotFound
	}
	return nil
}

func appointmentsKey(r *appointmentRecord) string {
	return prefixAppointments + r.AreaID + "/" + timeKey(r.StartsAt) + "/" + r.ID
}

// AppointmentSpec is what an appointment is made from.
type AppointmentSpec struct {
	StartsAt   time.Time
	Duration   time.Duration // 0: half an hour
	ProviderID string        // account; may be ""
	// Details are what is known of the guest, by FieldKey: name, reference.
	Details map[string]string
}

func (a AppointmentSpec) clean(now time.Time) (AppointmentSpec, error) {
	if a.Duration == 0 {
		a.Duration = 30 * time.Minute
	}
	if a.Duration < time.Minute || a.Duration > maxAppointment {
		return a, &FieldError{Field: "duration", Message: "must be one minute to twelve hours"}
	}
	a.StartsAt = a.StartsAt.UTC().Truncate(time.Millisecond)
	if a.StartsAt.Before(now.Add(-a.Duration)) || a.StartsAt.After(now.Add(maxAhead)) {
		return a, &FieldError{Field: "starts_at", Message: "must be in the two years to come"}
	}
	if a.ProviderID != "" && !validID(a.ProviderID) {
		return a, &FieldError{Field: "provider_id", Message: "must be an account of the organisation"}
	}
	var err error
	a.Details, err = cleanKnown(a.Details, now)
	return a, err
}

// Book makes an appointment with its personal link (R-IA-3, R-IA-3b). With
// once, a repetition returns the appointment of the first.
func (s *Service) Book(ctx context.Context, actor Actor, areaID string, spec AppointmentSpec, once *Once) (Appointment, error) {
	spec, err := spec.clean(s.clock())
	if err != nil {
		return Appointment{}, err
	}
	fresh, err := newID()
	if err != nil {
		return Appointment{}, err
	}
	secret, digest := s.secrets.NewLink()
	var id string
	err = s.withKey(ctx, func(ref KeyRef) error {
		return s.change(ctx, actor, "book an appointment", func(c *change) error {
			a, err := liveArea(c.Tx, areaID)
			if err != nil {
				return err
			}
			if err := c.actor.reach(a.OrganisationID); err != nil {
				return err
			}
			r := appointmentRecord{Key: ref, LinkDigest: hexDigest(digest), Appointment: Appointment{
				ID: fresh, OrganisationID: a.OrganisationID, UnitID: a.UnitID, AreaID: a.ID,
				State: AppointmentBooked, CreatedAt: c.now,
			}}
			// Only the id is kept for repetitions: details would outlive their
			// key there.
			id, err = repeatable(s, c.Tx, Caller{OrganisationID: a.OrganisationID}, once.by(actor), func() (string, error) {
				return fresh, c.book(&r, spec, secret)
			})
			return err
		})
	})
	if err != nil {
		return Appointment{}, err
	}
	return s.Appointment(ctx, actor, id)
}

// book stores a new appointment.
func (c *change) book(r *appointmentRecord, spec AppointmentSpec, secret string) error {
	var err error
	if r.SealedLink, err = c.vault.Seal(r.Key, []byte(secret), r.purpose("link")); err != nil {
		return err
	}
	return errors.Join(
		keepKey(c.Tx, r.Key),
		put(c.Tx, prefixLink+r.LinkDigest, Link{Kind: LinkAppointment, OrganisationID: r.OrganisationID, TargetID: r.ID}),
		c.setAppointment(r, spec), c.audit("appointment.book", r.subject()))
}

// Appointment returns an appointment.
func (s *Service) Appointment(ctx context.Context, actor Actor, id string) (Appointment, error) {
	var r appointmentRecord
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		if !validID(id) {
			return ErrNotFound
		}
		if r, err = get[appointmentRecord](tx, prefixAppointment+id); err != nil {
			return err
		}
		return actor.reach(r.OrganisationID)
	})
	if err != nil {
		return Appointment{}, fmt.Errorf("read an appointment: %w", err)
	}
	return s.openAppointment(r)
}

// setAppointment stores what an appointment is made from.
func (c *change) setAppointment(r *appointmentRecord, spec AppointmentSpec) error {
	if spec.ProviderID != "" {
		account, err := get[accountRecord](c.Tx, prefixAccount+spec.ProviderID)
		if errors.Is(err, ErrNotFound) || err == nil && account.OrganisationID != r.OrganisationID {
			return &FieldError{Field: "provider_id", Message: "must be an account of the organisation"}
		}
		if err != nil {
			return err
		}
	}
	if !r.StartsAt.IsZero() {
		if err := errors.Join(c.Delete(appointmentsKey(r)), unschedule(c.Tx, r.over(), DueAppointment, r.ID)); err != nil {
			return err
		}
	}
	r.StartsAt, r.Duration, r.ProviderID = spec.StartsAt, spec.Duration, spec.ProviderID
	var err error
	if r.SealedDetails, err = c.sealJSON(r.Key, spec.Details, r.purpose("details")); err != nil {
		return err
	}
	return errors.Join(c.Put(appointmentsKey(r), nil), schedule(c.Tx, r.over(), DueAppointment, r.ID), c.putAppointment(r))
}

func (c *change) putAppointment(r *appointmentRecord) error {
	stored := *r
	stored.Details, stored.Link = nil, ""
	return put(c.Tx, prefixAppointment+r.ID, stored)
}

// openAppointment returns an appointment with what is sealed of it, as far as
// that isn't erased.
func (s *Service) openAppointment(r appointmentRecord) (Appointment, error) {
	details, _, err := openJSON[map[string]string](s, r.Key, r.SealedDetails, r.purpose("details"))
	if err != nil {
		return Appointment{}, err
	}
	r.Details = details
	if len(r.SealedLink) > 0 {
		secret, err := s.vault.Open(r.Key, r.SealedLink, r.purpose("link"))
		if err != nil && !errors.Is(err, ErrErased) {
			return Appointment{}, err
		}
		r.Link = string(secret)
	}
	return r.Appointment, nil
}

// actAppointment changes an appointment and returns it.
func (s *Service) actAppointment(ctx context.Context, actor Actor, what, id string, do func(c *change, r *appointmentRecord) error) (Appointment, error) {
	var r appointmentRecord
	err := s.change(ctx, actor, what, func(c *change) (err error) {
		if !validID(id) {
			return ErrNotFound
		}
		if r, err = get[appointmentRecord](c.Tx, prefixAppointment+id); err != nil {
			return err
		}
		if err := c.actor.reach(r.OrganisationID); err != nil {
			return err
		}
		return do(c, &r)
	})
	if err != nil {
		return Appointment{}, err
	}
	return s.openAppointment(r)
}

// CancelAppointment ends an appointment that nobody has come to: its link is
// dead, whoever it was sent to is told, and what was known of the guest is
// erased (R-PV-1).
func (s *Service) CancelAppointment(ctx context.Context, actor Actor, id string) error {
	_, err := s.actAppointment(ctx, actor, "cancel an appointment", id, func(c *change, r *appointmentRecord) error {
		if r.State != AppointmentBooked {
			return &StateError{CodeWrongState, "Only an appointment that is still to come can be cancelled."}
		}
		return errors.Join(c.tellCancelled(r), c.closeAppointment(r, AppointmentCancelled), c.audit("appointment.cancel", r.subject()))
	})
	return err
}

// sentTo is where an appointment's link was sent.
type sentTo struct {
	Contact  Contact `json:"contact"`
	Language string  `json:"language,omitempty"`
}

// maxSentTo is how many addresses of an appointment are kept, the last.
const maxSentTo = 5

// rememberSent keeps where an appointment's link was sent, sealed like what
// else is known of the guest.
func (c *change) rememberSent(r *appointmentRecord, to Contact, language string) error {
	list, _, err := openJSON[[]sentTo](c.Service, r.Key, r.SealedSentTo, r.purpose("sent_to"))
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(s sentTo) bool { return s.Contact == to })
	list = append(list, sentTo{to, language})
	list = list[max(0, len(list)-maxSentTo):]
	if r.SealedSentTo, err = c.sealJSON(r.Key, list, r.purpose("sent_to")); err != nil {
		return err
	}
	return c.putAppointment(r)
}

// tellCancelled tells those who have the link of an appointment that it is
// cancelled. The address is erased soon after, so that a gateway that takes
// nothing for as long isn't tried again (R-PV-1).
func (c *change) tellCancelled(r *appointmentRecord) error {
	list, _, err := openJSON[[]sentTo](c.Service, r.Key, r.SealedSentTo, r.purpose("sent_to"))
	if err != nil || len(list) == 0 {
		return err
	}
	when, err := c.wallTime(r.AreaID, r.StartsAt)
	if err != nil {
		return err
	}
	for _, s := range list {
		_, err := c.send(r.subject(), r.Key, s.Contact, TemplateCancelled, "", s.Language, "when", when)
		if err != nil && !errors.Is(err, ErrNoGateway) {
			return err
		}
	}
	return nil
}

// closeAppointment ends an appointment for good.
func (c *change) closeAppointment(r *appointmentRecord, state AppointmentState) error {
	r.State = state
	return errors.Join(c.Delete(prefixLink+r.LinkDigest), eraseAt(c.Tx, c.now.Add(eraseDelay), r.Key),
		unschedule(c.Tx, r.over(), DueAppointment, r.ID), c.putAppointment(r))
}

// appointmentEntered notes that the guest has come.
func (c *change) appointmentEntered(r *appointmentRecord, visitID string) error {
	r.State, r.VisitID = AppointmentEntered, visitID
	return c.putAppointment(r)
}

// appointmentOver ends the appointment of a visit that ends.
func (c *change) appointmentOver(id string) error {
	r, err := get[appointmentRecord](c.Tx, prefixAppointment+id)
	if err != nil || r.State != AppointmentEntered {
		return err
	}
	return c.closeAppointment(&r, AppointmentDone)
}

// appointmentDue is due when an appointment's link expires for good. Who has
// come stays: the end of the visit closes it.
func (c *change) appointmentDue(id string) error {
	r, err := get[appointmentRecord](c.Tx, prefixAppointment+id)
	if err != nil || r.State != AppointmentBooked || c.now.Before(r.over()) {
		return err
	}
	return c.closeAppointment(&r, AppointmentCancelled)
}

// SendAppointment sends an appointment's link. The Appointment has the link to
// copy either way; sent is false when nothing is configured that could send
// it. With once, a repetition sends nothing.
func (s *Service) SendAppointment(ctx context.Context, actor Actor, id string, to Contact, language string, once *Once) (a Appointment, sent bool, err error) {
	to, channel, err := to.clean()
	if err != nil {
		return Appointment{}, false, err
	}
	if language, err = cleanLanguage("language", language); err != nil {
		return Appointment{}, false, err
	}
	a, err = s.actAppointment(ctx, actor, "send an appointment's link", id, func(c *change, r *appointmentRecord) error {
		if err := r.enterable(c.now); err != nil {
			return &StateError{CodeWrongState, "This appointment is over."}
		}
		sent, err = repeatable(s, c.Tx, Caller{OrganisationID: r.OrganisationID}, once.by(actor), func() (bool, error) {
			return c.sendAppointment(r, to, channel, language)
		})
		return err
	})
	return a, sent, err
}

func (c *change) sendAppointment(r *appointmentRecord, to Contact, channel Channel, language string) (sent bool, err error) {
	open, err := c.openAppointment(*r)
	if err != nil {
		return false, err
	}
	when, err := c.wallTime(r.AreaID, r.StartsAt)
	if err != nil {
		return false, err
	}
	sent, err = c.sendLink(r.subject(), r.Key, false, to, channel, TemplateAppointment, open.Link, language, "when", when)
	if err == nil && sent {
		err = c.rememberSent(r, to, language)
	}
	return sent, err
}
