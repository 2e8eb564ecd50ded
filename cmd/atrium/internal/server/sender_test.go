package server

import (
	"strings"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
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
	})
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
	again, err := s.Control().Reinvite(t.Context(), actor, founded.Admin.Account.ID, false)
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
