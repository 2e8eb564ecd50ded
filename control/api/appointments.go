package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

func (s *Server) registerAppointments(h huma.API) {
	of := func(kind control.ThingKind, r route) route {
		r.tag, r.target, r.permission = tagAppointments, on(kind), auth.AppointmentsManage
		return r
	}
	add(s, h, of(control.ThingArea, route{
		method: http.MethodGet, path: "/areas/{id}/appointments", id: "list-appointments", status: http.StatusOK,
		summary: "List appointments", description: "In order of start, those that were cancelled too. Follow `next_cursor` until there is none.",
		errors: []int{http.StatusBadRequest},
	}), s.listAppointments)
	add(s, h, of(control.ThingArea, route{
		method: http.MethodPost, path: "/areas/{id}/appointments", id: "book-appointment", status: http.StatusCreated,
		summary:     "Book an appointment",
		description: "The answer has its personal link. The link leads into the area's queue, also outside of its hours.",
		errors:      bodyErrors(http.StatusConflict),
	}), s.bookAppointment)
	add(s, h, of(control.ThingAppointment, route{
		method: http.MethodPatch, path: "/appointments/{id}", id: "change-appointment", status: http.StatusOK,
		summary: "Change an appointment", description: "One that is still to come. Its link stays. What the body leaves out stays.",
		errors: bodyErrors(http.StatusConflict),
	}), s.changeAppointment)
	add(s, h, of(control.ThingAppointment, route{
		method: http.MethodDelete, path: "/appointments/{id}", id: "cancel-appointment", status: http.StatusNoContent,
		summary: "Cancel an appointment", description: "Its link is dead, and what is known of the guest is erased.",
		errors: []int{http.StatusConflict, http.StatusInsufficientStorage},
	}), s.cancelAppointment)
	add(s, h, of(control.ThingAppointment, route{
		method: http.MethodPost, path: "/appointments/{id}/send", id: "send-appointment", status: http.StatusOK,
		summary: "Send the link of an appointment", errors: bodyErrors(http.StatusConflict),
	}), s.sendAppointment)
}

// Appointment is a visit that was agreed on.
type Appointment struct {
	ID              string            `json:"id" format:"uuid"`
	AreaID          string            `json:"area_id" format:"uuid"`
	ProviderID      string            `json:"provider_id,omitempty" format:"uuid" doc:"Whose appointment it is: an account."`
	StartsAt        time.Time         `json:"starts_at"`
	DurationMinutes float64           `json:"duration_minutes"`
	State           string            `json:"state" enum:"booked,entered,done,cancelled"`
	VisitID         string            `json:"visit_id,omitempty" format:"uuid" doc:"Once the guest has come."`
	Fields          map[string]string `json:"fields,omitempty" doc:"What is known of the guest, by key. Erased within 60 s of the end."`
	CreatedAt       time.Time         `json:"created_at"`
	Link            string            `json:"link,omitempty" doc:"The guest's: a secret. Absent when it is over."`
}

func appointmentOf(ctx context.Context, a control.Appointment) Appointment {
	return Appointment{
		ID: a.ID, AreaID: a.AreaID, ProviderID: a.ProviderID, StartsAt: a.StartsAt,
		DurationMinutes: a.Duration.Minutes(), State: string(a.State), VisitID: a.VisitID, Fields: a.Details,
		CreatedAt: a.CreatedAt, Link: guestLink(originOf(ctx).base, a.Link),
	}
}

func appointmentAnswer(ctx context.Context, a control.Appointment, err error) (*output[Appointment], error) {
	return respond(a, err, func(a control.Appointment) Appointment { return appointmentOf(ctx, a) })
}

type listAppointmentsInput struct {
	AreaPath
	PeriodQuery
}

func (s *Server) listAppointments(ctx context.Context, in *listAppointmentsInput) (*listOutput[Appointment], error) {
	from, until := in.period(s.now())
	page, err := s.control.Appointments(ctx, actorOf(ctx), in.ID, from, until, in.query())
	if err != nil {
		return nil, err
	}
	return listOf(page, func(a control.Appointment) Appointment { return appointmentOf(ctx, a) }), nil
}

type bookInput struct {
	ID string `path:"id" doc:"The area's id."`
	OnceHeader
	Body BookAppointment
}

// KnownFields is what is known of a guest before they come.
type KnownFields struct {
	Name        string `json:"name,omitempty"`
	Phone       string `json:"phone,omitempty"`
	DateOfBirth string `json:"date_of_birth,omitempty" doc:"YYYY-MM-DD."`
	Reference   string `json:"reference,omitempty"`
	Text        string `json:"text,omitempty"`
}

func (f *KnownFields) known() map[string]string {
	if f == nil {
		return nil
	}
	known := EntryFields(*f).typed()
	if f.Name == "" {
		delete(known, string(control.FieldName))
	}
	return known
}

// BookAppointment is the body of POST /areas/{id}/appointments.
type BookAppointment struct {
	StartsAt        time.Time    `json:"starts_at"`
	DurationMinutes int          `json:"duration_minutes,omitempty" minimum:"1" maximum:"720" doc:"Absent: 30."`
	ProviderID      string       `json:"provider_id,omitempty" doc:"Whose appointment it is: an account of the organisation."`
	Fields          *KnownFields `json:"fields,omitempty" doc:"What is known of the guest, as in POST /entry."`
}

func (s *Server) bookAppointment(ctx context.Context, in *bookInput) (*output[Appointment], error) {
	once, err := in.once("book_appointment", struct {
		ID   string
		Body BookAppointment
	}{in.ID, in.Body})
	if err != nil {
		return nil, err
	}
	a, err := s.control.Book(ctx, actorOf(ctx), in.ID, control.AppointmentSpec{
		StartsAt: in.Body.StartsAt, Duration: time.Duration(in.Body.DurationMinutes) * time.Minute,
		ProviderID: in.Body.ProviderID, Details: in.Body.Fields.known(),
	}, once)
	return appointmentAnswer(ctx, a, err)
}

// AppointmentPath is the path of an appointment.
type AppointmentPath struct {
	ID string `path:"id" doc:"The appointment's id."`
}

type changeAppointmentInput struct {
	AppointmentPath
	Body ChangeAppointment
}

// ChangeAppointment is the body of PATCH /appointments/{id}.
type ChangeAppointment struct {
	StartsAt        *time.Time   `json:"starts_at,omitempty"`
	DurationMinutes *int         `json:"duration_minutes,omitempty" minimum:"1" maximum:"720"`
	ProviderID      *string      `json:"provider_id,omitempty" doc:"An account of the organisation; empty: nobody's."`
	Fields          *KnownFields `json:"fields,omitempty" doc:"In place of all that was known of the guest."`
}

func (s *Server) changeAppointment(ctx context.Context, in *changeAppointmentInput) (*output[Appointment], error) {
	patch := control.AppointmentPatch{StartsAt: in.Body.StartsAt, ProviderID: in.Body.ProviderID}
	if minutes := in.Body.DurationMinutes; minutes != nil {
		duration := time.Duration(*minutes) * time.Minute
		patch.Duration = &duration
	}
	if in.Body.Fields != nil {
		known := in.Body.Fields.known()
		patch.Details = &known
	}
	a, err := s.control.UpdateAppointment(ctx, actorOf(ctx), in.ID, patch)
	return appointmentAnswer(ctx, a, err)
}

func (s *Server) cancelAppointment(ctx context.Context, in *AppointmentPath) (*struct{}, error) {
	return nil, s.control.CancelAppointment(ctx, actorOf(ctx), in.ID)
}

func (s *Server) sendAppointment(ctx context.Context, in *sendingInput) (*output[Sent], error) {
	return send(ctx, in, "send_appointment", s.control.SendAppointment, func(a control.Appointment) string { return a.Link })
}
