package testkit

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control/api/client"
	"github.com/atriumrtc/atrium/control/notify/notifytest"
)

// Canary is what the guests of a Story type, and where links are sent.
func Canary() Canaries {
	return Canaries{
		"Canary Quillfeather", "+43 660 7418529630", "1931-03-17", "REF-zq7714", "lavender aubergine",
		"canary.quill@example.org", "violet envelope", "saffron umbrella",
	}
}

// fields are the canaries as the answers to what an area asks.
func fields() map[string]string {
	c := Canary()
	return map[string]string{"name": c[0], "phone": c[1], "date_of_birth": c[2], "reference": c[3], "text": c[4]}
}

// Story is guests of every kind at a server, told over its API. The fields are
// set by NewStory; all requests of guests and apps come from the local address
// From.
type Story struct {
	App  *client.Client // with a key of the organisation
	Area client.Area
	From string
	// Sent counts what the gateways took, and Heard collects what the webhook
	// was told.
	Sent  atomic.Int32
	Heard Buffer
	// Waiting, Seen and Meeting are seats of guests that Begin leaves, and
	// Seats those of providers, to connect to.
	Waiting, Seen, Meeting client.Admission
	Admitted               client.Admitted
	Seats                  []client.Token

	t           *testing.T
	url         string
	other       client.Area // to be transferred to
	room        client.MeetingRoom
	booked      []client.Appointment
	consults    []client.StartedConsult
	guests      []client.Admission
	transports  []*http.Transport
	group       client.StartedGroup
	provider    *client.Provider
	appointment client.Admission
}

// NewStory makes an organisation whose mail, texts and webhooks arrive here.
// operator makes requests as the operator of the server at url.
func NewStory(t *testing.T, url, from string, operator *client.Client) *Story {
	t.Helper()
	s := &Story{t: t, url: url, From: from, provider: &client.Provider{Name: "Dr Adler"}}
	t.Cleanup(func() {
		for _, transport := range s.transports {
			transport.CloseIdleConnections()
		}
	})
	ctx := t.Context()
	made, err := operator.CreateOrganisation(ctx, client.OrganisationSpec{
		Name: "Clinic", SystemAdmin: &client.Invitee{Email: "admin@clinic.example", Copy: true},
	})
	s.ok(err)
	session, err := s.Client("").AcceptInvitation(ctx, made.SystemAdmin.Invitation.Link, "Root", "seven quiet purple herons")
	s.ok(err)
	_, err = s.Client(session.Token).SetGateways(ctx, client.Gateways{
		SMTP: &client.SMTP{Host: "127.0.0.1", Port: s.mail(), Security: "none", From: "calls@clinic.example"},
		SMS:  &client.SMSGateway{Kind: "webhook", URL: s.sms()},
	})
	s.ok(err)
	s.App = s.Client(made.APIKey.Secret)
	_, err = s.App.CreateWebhook(ctx, "", s.hook())
	s.ok(err)
	unit, err := s.App.CreateUnit(ctx, made.Organisation.ID, client.UnitSpec{Name: "Unit"}, "")
	s.ok(err)
	asked := client.AreaSettings{Fields: []client.AskedField{
		{Key: "name", Required: true}, {Key: "phone"}, {Key: "date_of_birth"}, {Key: "reference"}, {Key: "text"},
	}}
	s.Area, err = s.App.CreateArea(ctx, unit.Unit.ID, client.AreaSpec{Name: "Area", Settings: asked}, "")
	s.ok(err)
	s.other, err = s.App.CreateArea(ctx, unit.Unit.ID, client.AreaSpec{Name: "Other", Settings: asked}, "")
	s.ok(err)
	s.room, err = s.App.CreateMeetingRoom(ctx, client.Scope{Kind: "unit", ID: unit.Unit.ID}, "Team", "")
	s.ok(err)
	return s
}

func (s *Story) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// Client is a client of the server, from the address From.
func (s *Story) Client(key string) *client.Client {
	s.t.Helper()
	transport := &http.Transport{DialContext: DialFrom(s.From)}
	s.transports = append(s.transports, transport)
	c, err := client.New(s.url, key, &http.Client{Transport: transport, Timeout: Patience})
	s.ok(err)
	return c
}

// mail, sms and hook are what listens to the server, on ports of their own.
func (s *Story) mail() int {
	box := notifytest.NewMailbox()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-box.Letters:
				s.Sent.Add(1)
			case <-ctx.Done():
				return
			}
		}
	}()
	s.t.Cleanup(func() { cancel(); <-done })
	return box.Serve(s.t)
}

func (s *Story) sms() string {
	return s.listen(func(w http.ResponseWriter, _ *http.Request) { s.Sent.Add(1) })
}

func (s *Story) hook() string {
	return s.listen(func(w http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil {
			_, _ = s.Heard.Write(append(body, '\n')) // never fails
		}
	})
}

func (s *Story) listen(f http.HandlerFunc) string {
	server := httptest.NewServer(f)
	s.t.Cleanup(server.Close)
	return server.URL
}

func (s *Story) enter(link string, typed map[string]string) client.Admission {
	s.t.Helper()
	a, err := s.Client("").Enter(s.t.Context(), client.EntrySpec{Link: link, Fields: typed, Consent: true})
	s.ok(err)
	s.guests = append(s.guests, a)
	return a
}

// messages is how many are sent by Begin and End.
const messages = 8

// Begin brings guests of every kind in, and leaves some of them there.
func (s *Story) Begin() {
	s.t.Helper()
	ctx, typed := s.t.Context(), fields()
	name := map[string]string{"name": typed["name"]}
	mail := client.Sending{To: client.Contact{Email: Canary()[5]}}
	text := client.Sending{To: client.Contact{Phone: Canary()[1]}}
	s.Waiting, s.Seen = s.enter(s.Area.Link, typed), s.enter(s.Area.Link, typed)
	for range 2 {
		_, err := s.App.Once("message").MessageVisit(ctx, s.Waiting.Visit.ID, Canary()[6])
		s.ok(err)
	}
	var err error
	s.Admitted, err = s.App.AdmitVisit(ctx, s.Seen.Visit.ID, client.AdmitSpec{Provider: s.provider})
	s.ok(err)
	s.Seats = append(s.Seats, s.Admitted.Token)
	_, err = s.App.InviteToCall(ctx, s.Admitted.Call.ID, mail, "invite")
	s.ok(err)
	invite, err := s.App.InviteToCall(ctx, s.Admitted.Call.ID, client.Sending{To: client.Contact{Copy: true}}, "")
	s.ok(err)
	s.enter(invite.Link, name)
	s.Meeting = s.enter(s.room.Link, name)

	soon := time.Now().Add(time.Hour)
	for _, sending := range []client.Sending{mail, text} {
		a, err := s.App.BookAppointment(ctx, s.Area.ID, client.AppointmentSpec{StartsAt: &soon, Fields: typed}, "book "+sending.To.Email)
		s.ok(err)
		_, err = s.App.SendAppointment(ctx, a.ID, sending, "send "+a.ID)
		s.ok(err)
		s.booked = append(s.booked, a)
	}
	s.appointment = s.enter(s.booked[0].Link, typed)
	for _, sending := range []client.Sending{mail, text} {
		c, err := s.App.ConsultNow(ctx, s.Area.ID, client.ConsultSpec{Sending: sending, Provider: s.provider}, "consult "+sending.To.Email)
		s.ok(err)
		s.consults = append(s.consults, c)
	}
	copied, err := s.App.ConsultNow(ctx, s.Area.ID, client.ConsultSpec{
		Sending: client.Sending{To: client.Contact{Copy: true}}, Provider: s.provider}, "")
	s.ok(err)
	s.enter(copied.ConsultNow.Link, typed)
	s.consults = append(s.consults, copied)
	_, err = s.App.SendAreaLink(ctx, s.Area.ID, mail, "area")
	s.ok(err)

	s.register()
	leaves, denied, removed, moved := s.enter(s.Area.Link, typed), s.enter(s.Area.Link, typed), s.enter(s.Area.Link, typed), s.enter(s.Area.Link, typed)
	s.ok(s.Client(leaves.VisitToken).LeaveVisit(ctx, leaves.Visit.ID))
	_, err = s.App.DenyVisit(ctx, denied.Visit.ID, Canary()[7])
	s.ok(err)
	_, err = s.App.RemoveVisit(ctx, removed.Visit.ID)
	s.ok(err)
	_, err = s.App.TransferVisit(ctx, moved.Visit.ID, s.other.ID)
	s.ok(err)
	s.refused()
	Until(s.t, "the gateways taking what was sent", func() bool { return s.Sent.Load() >= messages-1 }, s.Heard.String)
}

// register has people register for a group consultation: one who comes and is
// admitted, one who waits, and one whom staff registers and who doesn't come.
func (s *Story) register() {
	s.t.Helper()
	ctx, soon := s.t.Context(), time.Now().Add(time.Hour)
	g, err := s.App.CreateGroup(ctx, s.Area.ID, client.GroupSpec{Title: "Group", StartsAt: &soon}, "")
	s.ok(err)
	come := func() {
		r, err := s.Client("").Register(ctx, client.EntrySpec{Link: g.Link, Fields: fields(), Consent: true})
		s.ok(err)
		s.enter(r.Link, nil)
	}
	come()
	s.group, err = s.App.StartGroup(ctx, g.ID, s.provider)
	s.ok(err)
	s.Seats = append(s.Seats, s.group.Token)
	in, err := s.App.AdmitAllToGroup(ctx, g.ID)
	if s.ok(err); len(in.Admitted) != 1 {
		s.t.Fatalf("admitted %+v", in)
	}
	come()
	late, err := s.App.RegisterForGroup(ctx, g.ID, client.RegistrationSpec{Fields: fields()}, "register")
	s.ok(err)
	_, err = s.App.SendRegistration(ctx, late.ID, client.Sending{To: client.Contact{Email: Canary()[5]}}, "send "+late.ID)
	s.ok(err)
}

// refused makes requests that fail, with what people typed in them.
func (s *Story) refused() {
	s.t.Helper()
	ctx, typed := s.t.Context(), fields()
	typed["date_of_birth"] = "not " + typed["date_of_birth"]
	for _, spec := range []client.EntrySpec{
		{Link: s.Area.Link, Fields: typed}, {Link: "unknown" + Canary()[3], Fields: fields()},
		{Link: s.Area.Link, Fields: map[string]string{"name": "", Canary()[4]: Canary()[4]}},
	} {
		var refused *client.Error
		if _, err := s.Client("").Enter(ctx, spec); !errors.As(err, &refused) {
			s.t.Errorf("a bad entry: %v", err)
		}
	}
}

// Live are the guests whose visits go on after Begin, as staff see them.
func (s *Story) Live() []client.Visit {
	s.t.Helper()
	var live []client.Visit
	for _, g := range s.guests {
		v, err := s.App.Visit(s.t.Context(), g.Visit.ID)
		s.ok(err)
		if v.State != "ended" {
			live = append(live, v)
		}
	}
	return live
}

// Visits are the ids of all visits.
func (s *Story) Visits() []string {
	var ids []string
	for _, g := range s.guests {
		ids = append(ids, g.Visit.ID)
	}
	return ids
}

// End ends whatever goes on, in every way, and waits until those are told who
// are.
func (s *Story) End() {
	s.t.Helper()
	ctx := s.t.Context()
	s.ok(s.App.CancelAppointment(ctx, s.booked[1].ID))
	for _, c := range s.consults[:2] {
		_, err := s.App.RevokeConsultNow(ctx, c.ConsultNow.ID)
		s.ok(err)
	}
	for _, c := range s.consults {
		s.ok(s.App.EndCall(ctx, c.Call.ID))
	}
	s.ok(s.App.EndCall(ctx, s.Admitted.Call.ID))
	s.ok(s.App.EndGroup(ctx, s.group.Group.ID))
	for _, v := range s.Live() {
		_, err := s.App.RemoveVisit(ctx, v.ID)
		s.ok(err)
	}
	Until(s.t, "the gateways taking everything", func() bool { return s.Sent.Load() >= messages }, s.Heard.String)
}
