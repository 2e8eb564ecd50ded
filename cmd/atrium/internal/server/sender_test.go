package server

import (
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/notify"
	"github.com/atriumrtc/atrium/control/notify/notifytest"
	"github.com/atriumrtc/atrium/control/store"
)

// R-T-0, R-T-2: without a gateway the invitation's link is there to copy; with
// one it is sent, and it is the address of a page that this server has.
func TestInvitationIsSent(t *testing.T) {
	cfg := testConfig(t)
	cfg.HTTP.BaseURL = "https://calls.example.org/"
	cfg.Notify.PrivateTargets = true
	s := start(t, Options{Config: cfg})
	operator := control.Actor{Kind: control.ActorOperator}
	founded, err := s.Control().FoundOrganisation(t.Context(), operator, control.OrganisationSpec{
		Name: "Clinic", Admin: control.Invitee{Email: "admin@example.org"},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if founded.Admin.Invitation.Link == "" {
		t.Fatal("nothing is configured, and there is no link to copy")
	}
	box := notifytest.NewMailbox()
	port := box.Serve(t)
	err = s.data.store.Update(t.Context(), func(tx store.Tx) error {
		return s.data.outbox.SetGateways(tx, founded.Organisation.ID, notify.Gateways{
			SMTP: &notify.SMTP{Host: "127.0.0.1", Port: port, Security: notify.SMTPNone, From: "calls@example.org"},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	actor := control.Actor{Kind: control.ActorAccount, ID: founded.Admin.Account.ID, OrganisationID: founded.Organisation.ID}
	again, err := s.Control().Reinvite(t.Context(), actor, founded.Admin.Account.ID, false, nil)
	if err != nil || again.Link != "" {
		t.Fatalf("%+v, %v", again, err)
	}
	select {
	case letter := <-box.Letters:
		text := strings.ReplaceAll(strings.ReplaceAll(letter.Data, "=\r\n", ""), "=3D", "=")
		if letter.To != "admin@example.org" || !strings.Contains(text, "https://calls.example.org/i#") || !strings.Contains(text, "Clinic") {
			t.Errorf("%s: %s", letter.To, text)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("no letter came")
	}
}

// post is a server whose organisation sends e-mail to a mailbox of the test's.
func (c *clinic) post(t *testing.T) *notifytest.Mailbox {
	t.Helper()
	box := notifytest.NewMailbox()
	port := box.Serve(t)
	err := c.data.store.Update(t.Context(), func(tx store.Tx) error {
		return c.data.outbox.SetGateways(tx, c.dr.Actor.OrganisationID, notify.Gateways{
			SMTP: &notify.SMTP{Host: "127.0.0.1", Port: port, Security: notify.SMTPNone, From: "calls@example.org"},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// letter waits for one, its text without the transfer encoding.
func letter(t *testing.T, box *notifytest.Mailbox) (to, text string) {
	t.Helper()
	select {
	case l := <-box.Letters:
		_, body, _ := strings.Cut(l.Data, "\r\n\r\n")
		decoded, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body)))
		if err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(l.Data, "\r\n\r\n")
		return l.To, head + "\n" + string(decoded)
	case <-time.After(20 * time.Second):
		t.Fatal("no letter came")
	}
	return "", ""
}

// R-WA-5: those of the area who want one get an e-mail of an arrival, by a real
// SMTP conversation, that doesn't say who has come; who is disabled gets none.
func TestArrivalAlert(t *testing.T) {
	cfg := testConfig(t)
	cfg.Notify.PrivateTargets = true
	c := newClinic(t, Options{Config: cfg})
	ctx, rules := t.Context(), c.Control()
	box := c.post(t)
	var wanting []string
	for _, email := range []string{"dr.own@example.org", "dr.gone@example.org", "dr.two@example.org"} {
		made, err := rules.Appoint(ctx, c.dr.Actor, control.Provider, control.Scope{Kind: control.ScopeArea, ID: c.area.ID},
			control.Invitee{Email: email, Copy: true}, nil)
		if err != nil {
			t.Fatal(err)
		}
		digest, _ := auth.LinkDigest(made.Invitation.Link)
		if _, err := rules.AcceptInvitation(ctx, digest, "Dr Own", nil); err != nil {
			t.Fatal(err)
		}
		wanting = append(wanting, made.Account.ID)
	}
	if _, err := rules.DisableAccount(ctx, c.dr.Actor, wanting[1], nil); err != nil {
		t.Fatal(err)
	}
	settings := c.area.Settings
	settings.Alerts.Accounts = wanting
	if _, err := rules.UpdateArea(ctx, c.dr.Actor, c.area.ID, control.AreaPatch{Settings: &settings}); err != nil {
		t.Fatal(err)
	}
	entered := c.enter("Ann Canary")
	told := map[string]bool{}
	for range 2 {
		to, text := letter(t, box)
		told[to] = true
		if !strings.Contains(text, "waiting area Area of Test") || strings.Contains(text, "Canary") || strings.Contains(text, "/e#") {
			t.Errorf("%s: %s", to, text)
		}
	}
	if !told["dr.own@example.org"] || !told["dr.two@example.org"] {
		t.Errorf("told %v", told)
	}
	// Whoever enters again isn't another arrival; the next one is.
	guest := control.Actor{Kind: control.ActorGuest, ID: entered.Visit.ID, OrganisationID: c.dr.Actor.OrganisationID}
	if _, err := rules.VisitSeat(ctx, guest, entered.Visit.ID); err != nil {
		t.Fatal(err)
	}
	c.enter("Bob")
	for range 2 {
		if to, _ := letter(t, box); !told[to] {
			t.Errorf("told %s", to)
		}
	}
	if n := len(box.Letters); n != 0 {
		t.Errorf("%d letters too many", n)
	}
}

// R-IA-3: whoever has an appointment's link by e-mail hears, by a real SMTP
// conversation, that it is cancelled: when it was, by the clock on the area's
// wall, in their language, and without a link.
func TestCancelledAppointmentIsSent(t *testing.T) {
	cfg := testConfig(t)
	cfg.Notify.PrivateTargets, cfg.HTTP.BaseURL = true, "https://calls.example.org"
	c := newClinic(t, Options{Config: cfg})
	ctx, rules, box := t.Context(), c.Control(), c.post(t)
	booked, err := rules.Book(ctx, c.dr.Actor, c.area.ID, control.AppointmentSpec{
		StartsAt: time.Now().Add(time.Hour), Details: map[string]string{"name": "Ann Canary"},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, sent, err := rules.SendAppointment(ctx, c.dr.Actor, booked.ID, control.Contact{Email: "guest@example.org"}, "fr", nil); err != nil || !sent {
		t.Fatalf("sent %t, %v", sent, err)
	}
	when := booked.StartsAt.Format("2006-01-02 15:04")
	if to, text := letter(t, box); to != "guest@example.org" || !strings.Contains(text, "https://calls.example.org/e#") || !strings.Contains(text, when) {
		t.Errorf("%s: %s", to, text)
	}
	if err := rules.CancelAppointment(ctx, c.dr.Actor, booked.ID); err != nil {
		t.Fatal(err)
	}
	to, text := letter(t, box)
	if to != "guest@example.org" || !strings.Contains(text, "annul") || !strings.Contains(text, when) ||
		strings.Contains(text, "/e#") || strings.Contains(text, "Canary") {
		t.Errorf("%s: %s", to, text)
	}
}
