package control_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/atriumrtc/atrium/control"
)

// A repeated request resets no link twice, invites nobody twice, founds no
// second organisation and makes no second key or message; an answer that holds
// a secret is given again.
func TestRepeatedLinksAndSecrets(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	ctx, by := t.Context(), staff(f.org)
	room, ann := f.newRoom(), f.arrive("Ann")
	pending, err := f.Appoint(ctx, by, control.Provider, areaScope(f.area.ID), control.Invitee{Email: "bo@example.org", Copy: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for what, do := range map[string]func(*control.Once) (string, error){
		"an area's link": func(o *control.Once) (string, error) {
			a, err := f.ResetAreaLink(ctx, by, f.area.ID, o)
			return a.Link, err
		},
		"a meeting room's link": func(o *control.Once) (string, error) {
			r, err := f.ResetMeetingRoomLink(ctx, by, room.ID, o)
			return r.Link, err
		},
		"another invitation": func(o *control.Once) (string, error) {
			in, err := f.Reinvite(ctx, by, pending.Account.ID, true, o)
			return in.Link, err
		},
		"an organisation": func(o *control.Once) (string, error) {
			made, err := f.FoundOrganisation(ctx, control.Actor{Kind: control.ActorOperator}, control.OrganisationSpec{
				Name: "Other", Admin: control.Invitee{Email: "root@example.org", Copy: true},
			}, o)
			if err != nil {
				return "", err
			}
			return made.Organisation.ID + made.Secret + made.Admin.Invitation.Link, nil
		},
		"an API key": func(o *control.Once) (string, error) {
			key, secret, err := f.CreateAPIKey(ctx, by, control.KeySpec{
				Name: "app", Scope: organisationScope(f.org), Permissions: []string{"x"},
			}, o)
			return key.ID + secret, err
		},
		"a message": func(o *control.Once) (string, error) {
			v, err := f.Message(ctx, f.dr, ann.id, "Soon.", o)
			return fmt.Sprint(len(v.Messages)), err
		},
	} {
		once := &control.Once{Operation: what, Key: "k", Request: []byte(what)}
		first, err := do(once)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		f.restart()
		if again, err := do(once); err != nil || again != first || first == "" {
			t.Errorf("%s: %q, %v; first %q", what, again, err, first)
		}
		if other, err := do(&control.Once{Operation: what, Key: "l", Request: []byte(what)}); err != nil || other == first {
			t.Errorf("%s, another request: %q, %v", what, other, err)
		}
		wrong := &control.Once{Operation: what, Key: "k", Request: []byte("another")}
		if _, err := do(wrong); !errors.Is(err, control.ErrOnceMismatch) {
			t.Errorf("%s, the key for another request: %v", what, err)
		}
	}
	for _, action := range []string{"area.link_reset", "meeting_room.link_reset", "api_key.create", "organisation.create"} {
		n, want := 0, 2
		f.each("audit/", func(string) { n++ }, `"`+action+`"`)
		if action == "organisation.create" {
			want = 3 // ours, too
		}
		if n != want {
			t.Errorf("%s was audited %d times, want %d", action, n, want)
		}
	}
	if found := f.guestLink(f.area.Link); found {
		t.Error("the first link still leads somewhere")
	}
}

// guestLink says whether a link leads somewhere.
func (f *clinic) guestLink(secret string) bool {
	_, err := f.Look(f.t.Context(), linkDigest(f.t, secret))
	return err == nil
}

// R-IA-3, R-PV-1: whoever an appointment's link was sent to is told, once, that
// it is cancelled; without a link, and the address is erased in time.
func TestCancelledIsTold(t *testing.T) {
	f := newClinic(t, control.AreaSettings{Hours: control.Hours{TimeZone: "Europe/Vienna"}})
	ctx := t.Context()
	booked, err := f.Book(ctx, f.dr.Actor, f.area.ID, control.AppointmentSpec{StartsAt: f.clock()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []control.Contact{{Email: "canary@example.org"}, {Phone: "+43 660 1"}, {Email: "canary@example.org"}, {Copy: true}} {
		if _, _, err := f.SendAppointment(ctx, f.dr.Actor, booked.ID, to, "de", nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.CancelAppointment(ctx, f.dr.Actor, booked.ID); err != nil {
		t.Fatal(err)
	}
	told := map[string]string{}
	f.each("test_outbox/", func(record string) {
		n := f.parseNotice(record)
		to, err := f.vault.Open(n.Key, n.To, control.PurposeAddress)
		if err != nil {
			t.Fatal(err)
		}
		told[string(to)] += fmt.Sprint(n.Kind, " ", n.Language, " ", n.Data["when"], " ", n.Data["organisation"], " ", len(n.SealedData))
	}, `"Template":"cancelled"`)
	want := "de 2026-03-02 13:00 CET Ours 0"
	if len(told) != 2 || told["canary@example.org"] != "email "+want || told["+43 660 1"] != "sms "+want {
		t.Errorf("told %q", told)
	}
	for _, record := range f.contents() {
		if strings.Contains(record, "canary@") {
			t.Errorf("the address stands in the open: %s", record)
		}
	}
	f.step(control.SeatTime / 2) // a minute
	if n := f.vault.Keys(); n != 0 {
		t.Errorf("%d keys remain", n)
	}

	quiet, err := f.Book(ctx, f.dr.Actor, f.area.ID, control.AppointmentSpec{StartsAt: f.clock()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.CancelAppointment(ctx, f.dr.Actor, quiet.ID); err != nil {
		t.Fatal(err)
	}
	n := 0
	f.each("test_outbox/", func(string) { n++ }, `"Template":"cancelled"`)
	if n != 2 {
		t.Errorf("of one that was sent to nobody %d are told", n-2)
	}
}

// parseNotice reads a record of the outbox.
func (f *clinic) parseNotice(record string) control.Notice {
	f.t.Helper()
	_, value, _ := strings.Cut(record, "=")
	var n control.Notice
	if err := json.Unmarshal([]byte(value), &n); err != nil {
		f.t.Fatal(err)
	}
	return n
}

// A repeated request sends nothing and makes nothing again, and what is kept to
// answer it holds neither address nor details (R-PV-1).
func TestRepeatedRequests(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	once := func(op string) *control.Once { return &control.Once{Operation: op, Key: "k", Request: []byte(op)} }
	for range 2 {
		if _, err := f.ConsultNow(t.Context(), f.dr, f.area.ID, control.Contact{Phone: "+43 660 1"}, "", once("consult")); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for range 2 {
		a, err := f.Book(t.Context(), f.dr.Actor, f.area.ID, control.AppointmentSpec{StartsAt: f.clock()}, once("book"))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, a.ID)
	}
	q, err := f.Queue(t.Context(), f.dr.Actor, f.area.ID)
	if err != nil || len(q.Calls) != 1 || ids[0] != ids[1] {
		t.Fatalf("%d calls, appointments %v, %v", len(q.Calls), ids, err)
	}
	links := map[string]bool{}
	for range 2 {
		in, err := f.InviteToCall(t.Context(), f.dr.Actor, q.Calls[0].ID, control.Contact{Copy: true}, "", once("invite"))
		if err != nil {
			t.Fatal(err)
		}
		links[in.Link] = true
	}
	if len(links) != 1 || f.vault.Keys() != 2 {
		t.Errorf("%d links, %d keys", len(links), f.vault.Keys())
	}
	for range 2 {
		to := control.Contact{Email: "guest@example.org"}
		if _, sent, err := f.SendAppointment(t.Context(), f.dr.Actor, ids[0], to, "", once("send")); err != nil || !sent {
			t.Fatal(sent, err)
		}
		if _, sent, err := f.SendAreaLink(t.Context(), f.dr.Actor, f.area.ID, to, "", once("area")); err != nil || !sent {
			t.Fatal(sent, err)
		}
	}
	mails := 0
	f.each("test_outbox/", func(string) { mails++ }, `"Kind":"email"`)
	if mails != 2 || f.vault.Keys() != 3 {
		t.Errorf("%d e-mails, %d keys", mails, f.vault.Keys())
	}
	sent := 0
	f.each("test_outbox/", func(string) { sent++ }, `"Kind":"sms"`)
	if sent != 1 {
		t.Errorf("%d messages", sent)
	}
}
