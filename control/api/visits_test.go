package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/api/client"
)

// R-IA-2, R-WA-1, R-WA-3, R-IA-5: a guest enters, waits, is written to,
// admitted, held, resumed and let go, and follows all that; staff see it.
func TestVisitOverHTTP(t *testing.T) {
	c := newClinic(t, control.AreaSettings{Terms: "Be kind.", Welcome: "Welcome!"}, nil)
	ctx := t.Context()
	lobby, err := c.app.Look(ctx, c.area.Link)
	if err != nil || lobby.Kind != "area" || lobby.Organisation != "Ours" || lobby.Name != "Area" || lobby.Terms != "Be kind." ||
		!lobby.Open || len(lobby.Fields) != 1 || lobby.Fields[0] != (client.EntryField{Key: "name", Required: true}) {
		t.Errorf("looked at %+v, %v", lobby, err)
	}
	_, err = c.app.Entry(ctx, c.area.Link, "Ann")
	refused(t, "entry without consent", err, 400, CodeInvalid)
	a, err := c.client("").Enter(ctx, client.EntrySpec{Link: c.area.Link, Fields: map[string]string{"name": "Ann"}, Consent: true})
	c.ok(err)
	ann := c.guest(a)
	id := ann.visit.ID
	claims, err := c.tokens.Verify(ann.Token.Token)
	if err != nil || claims.Name != "Ann" || claims.ParticipantID != ann.ParticipantID || ann.SignalURL == "" {
		t.Errorf("token %+v, %v", claims, err)
	}
	events := c.follow(func(ctx context.Context) (*client.Stream, error) { return ann.WatchVisit(ctx, id) })
	if v := events.visit(); v.State != "waiting" || v.Welcome != "Welcome!" || v.Position != 0 {
		t.Errorf("at first %+v", v)
	}
	c.ok(ann.CheckDevice(ctx, id, client.DeviceCheck{Camera: true, RTT: 42}))
	q, err := c.app.Queue(ctx, c.area.ID)
	if err != nil || len(q.Visits) != 1 || q.Visits[0].Fields["name"] != "Ann" || q.Visits[0].Position != 1 ||
		q.Visits[0].Device == nil || q.Visits[0].Device.RTT != 42 || q.Visits[0].ParticipantID != ann.ParticipantID {
		t.Errorf("queue %+v, %v", q, err)
	}
	if _, err := c.app.MessageVisit(ctx, id, "Soon."); err != nil {
		t.Error(err)
	}
	if v := events.visit(); len(v.Messages) != 1 || v.Messages[0].Text != "Soon." {
		t.Errorf("after a message %+v", v)
	}
	_, err = c.app.AdmitVisit(ctx, id, client.AdmitSpec{})
	refused(t, "an API key that admits nobody in particular", err, 400, CodeInvalid)
	_, err = c.app.JoinVisit(ctx, id, client.AdmitSpec{Provider: c.provider})
	refused(t, "joining who waits", err, 409, control.CodeWrongState)
	admitted, err := c.app.AdmitVisit(ctx, id, client.AdmitSpec{Provider: c.provider})
	c.ok(err)
	claims, err = c.tokens.Verify(admitted.Token.Token)
	if err != nil || claims.Role != "moderator" || claims.Name != "Dr Who" || admitted.Call.Members[1].Name != "Ann" || admitted.Visit.State != "in_call" {
		t.Errorf("admitted %+v with %+v, %v", admitted, claims, err)
	}
	_, err = c.app.JoinVisit(ctx, id, client.AdmitSpec{Provider: &client.Provider{Name: "Dr No"}})
	refused(t, "joining whom somebody sees (R-IA-5)", err, 409, control.CodeAlreadySeen)
	if _, err := c.app.JoinVisit(ctx, id, client.AdmitSpec{Provider: &client.Provider{Name: "Dr No"}, Confirm: true}); err != nil {
		t.Error(err)
	}
	if v := events.visit(); v.State != "in_call" {
		t.Errorf("admitted: %+v", v)
	}
	again, err := c.app.ReturnToCall(ctx, admitted.Call.ID, c.provider)
	if err != nil || again.ParticipantID != admitted.ParticipantID {
		t.Errorf("returned to %+v, %v", again, err)
	}
	_, err = c.app.HoldVisit(ctx, id)
	c.ok(err)
	if v := events.visit(); v.State != "on_hold" {
		t.Errorf("held: %+v", v)
	}
	resumed, err := c.app.ResumeVisit(ctx, id, client.AdmitSpec{Provider: c.provider})
	if err != nil || resumed.Call.ID != admitted.Call.ID {
		t.Errorf("resumed %+v, %v", resumed, err)
	}
	if v := events.visit(); v.State != "in_call" {
		t.Errorf("resumed: %+v", v)
	}
	if token, err := ann.ReturnToVisit(ctx, id); err != nil || token.ParticipantID != ann.ParticipantID {
		t.Errorf("another token: %+v, %v", token, err)
	}
	if locked, err := c.app.LockCall(ctx, admitted.Call.ID, true); err != nil || !locked.Locked {
		t.Errorf("locked: %+v, %v", locked, err)
	}
	c.ok(c.app.EndCall(ctx, admitted.Call.ID))
	if v := events.visit(); v.State != "ended" || v.Outcome != "completed" {
		t.Errorf("ended: %+v", v)
	}
	if _, err := events.stream.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v", err)
	}
	if call, err := c.app.Call(ctx, admitted.Call.ID); err != nil || call.State != "ended" || call.Peak != 3 {
		t.Errorf("the call %+v, %v", call, err)
	}
}

// R-IA-2: two guests of an area never learn of each other. What one is sent
// while another comes, is written to, is seen and goes holds nothing of them,
// and, where the area doesn't show places, is not one event.
func TestGuestsDontLearnOfEachOther(t *testing.T) {
	for _, shown := range []bool{false, true} {
		t.Run(fmt.Sprintf("position shown %t", shown), func(t *testing.T) {
			c := newClinic(t, control.AreaSettings{ShowPosition: shown}, nil)
			ctx := t.Context()
			bea := c.enter(c.area.Link, "Bea Canary")
			ann := c.enter(c.area.Link, "Ann")
			events := c.follow(func(ctx context.Context) (*client.Stream, error) { return ann.WatchVisit(ctx, ann.visit.ID) })
			first := events.visit()
			answers := fmt.Sprintf("%+v %+v", ann.Admission, first)

			secrets := []string{"Canary", "Whisper", bea.visit.ID, bea.ParticipantID}
			_, err := c.app.MessageVisit(ctx, bea.visit.ID, "Whisper")
			c.ok(err)
			c.ok(bea.CheckDevice(ctx, bea.visit.ID, client.DeviceCheck{Camera: true}))
			admitted, err := c.app.AdmitVisit(ctx, bea.visit.ID, client.AdmitSpec{Provider: c.provider})
			c.ok(err)
			secrets = append(secrets, admitted.Call.ID, admitted.ParticipantID)
			c.ok(c.app.EndCall(ctx, admitted.Call.ID))
			cyd := c.enter(c.area.Link, "Cyd Canary")
			secrets = append(secrets, cyd.visit.ID)

			want := 1
			if shown {
				if v := events.visit(); first.Position != 2 || v.Position != 1 {
					t.Errorf("places %d, then %d", first.Position, v.Position)
				}
				want = 2
			}
			_, err = c.app.MessageVisit(ctx, ann.visit.ID, "For Ann.")
			c.ok(err)
			if v := events.visit(); len(v.Messages) != 1 {
				t.Errorf("not Ann's message: %+v", v)
			}
			if len(events.all) != want+1 {
				t.Errorf("others made events:\n%s", events)
			}
			own, err := ann.OwnVisit(ctx, ann.visit.ID)
			c.ok(err)
			token, err := ann.ReturnToVisit(ctx, ann.visit.ID)
			c.ok(err)
			claims, err := c.tokens.Verify(token.Token)
			c.ok(err)
			answers += events.String() + fmt.Sprintf("%+v %+v %+v", own, token, claims)
			for _, secret := range secrets {
				if strings.Contains(answers, secret) {
					t.Errorf("Ann was told %q", secret)
				}
			}
			// Each other's visits are to them as visits that never were.
			_, unknown := ann.OwnVisit(ctx, uuid.NewString())
			for _, id := range []string{cyd.visit.ID, bea.visit.ID} {
				_, err := ann.OwnVisit(ctx, id)
				if diff := cmp.Diff(fmt.Sprint(unknown), fmt.Sprint(err)); diff != "" {
					t.Errorf("another's visit (-unknown +theirs):\n%s", diff)
				}
				_, err = ann.ReturnToVisit(ctx, id)
				refused(t, "another's seat", err, 404, CodeNotFound)
				refused(t, "ending another's visit", ann.LeaveVisit(ctx, id), 404, CodeNotFound)
				_, err = ann.WatchVisit(ctx, id)
				refused(t, "another's events", err, 404, CodeNotFound)
			}
			_, err = ann.Queue(ctx, c.area.ID)
			refused(t, "a guest at the queue", err, 404, CodeNotFound)
		})
	}
}

// A repeated request makes and sends nothing again.
func TestRepeatedCreators(t *testing.T) {
	c := newClinic(t, control.AreaSettings{}, nil)
	ctx := t.Context()
	start := time.Now().Add(time.Hour)
	phone := client.Sending{To: client.Contact{Phone: "+43 1 2"}}
	var seen []string
	for range 2 {
		consult, err := c.app.ConsultNow(ctx, c.area.ID, client.ConsultSpec{Sending: phone, Provider: c.provider}, "k")
		c.ok(err)
		booked, err := c.app.BookAppointment(ctx, c.area.ID, client.AppointmentSpec{StartsAt: &start, Fields: map[string]string{"name": "Ann"}}, "k")
		c.ok(err)
		invite, err := c.app.InviteToCall(ctx, consult.Call.ID, client.Sending{To: client.Contact{Copy: true}}, "k")
		c.ok(err)
		sent, err := c.app.SendAppointment(ctx, booked.ID, phone, "k")
		c.ok(err)
		area, err := c.app.SendAreaLink(ctx, c.area.ID, phone, "k")
		c.ok(err)
		resent, err := c.app.ResendConsultNow(ctx, consult.ConsultNow.ID, "", "k")
		c.ok(err)
		if sent.Channel != "sms" || sent.Link != "" || area.Channel != "sms" || resent.State != "sent" || !strings.Contains(invite.Link, "/e#") {
			t.Errorf("sent %+v, %+v, %+v, %+v", sent, area, resent, invite)
		}
		seen = append(seen, consult.ConsultNow.ID+consult.ParticipantID+booked.ID+booked.Link+invite.Link)
	}
	if open, err := c.app.OpenConsultNow(ctx, c.area.ID, client.List{}); err != nil || len(open.Items) != 1 || open.Items[0].Address == "" {
		t.Errorf("open links (R-CN-5): %+v, %v", open, err)
	}
	if seen[0] != seen[1] {
		t.Errorf("repeated: %s\nfirst: %s", seen[1], seen[0])
	}
	_, err := c.app.BookAppointment(ctx, c.area.ID, client.AppointmentSpec{StartsAt: &start}, "k")
	refused(t, "the key with another request", err, 409, CodeOnceMismatch)
	list, next, err := c.app.ListAppointments(ctx, c.area.ID, start.Add(-time.Minute), start.Add(time.Hour), "", 0)
	if err != nil || len(list) != 1 || next != "" || list[0].Fields["name"] != "Ann" || list[0].DurationMinutes != 30 {
		t.Errorf("appointments %+v, %q, %v", list, next, err)
	}
}

// R-IA-3: appointments are listed by pages, changed in part, and entered by
// their own link, also from another browser (R-WA-1).
func TestAppointmentsOverHTTP(t *testing.T) {
	c := newClinic(t, control.AreaSettings{}, nil)
	ctx := t.Context()
	start := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	var want, got []string
	for range 5 { // all at the same time
		a, err := c.app.BookAppointment(ctx, c.area.ID, client.AppointmentSpec{StartsAt: &start, Fields: map[string]string{"name": "Ann"}}, "")
		c.ok(err)
		want = append(want, a.ID)
	}
	for cursor := ""; ; {
		page, next, err := c.app.ListAppointments(ctx, c.area.ID, start, start.Add(time.Second), cursor, 2)
		c.ok(err)
		for _, a := range page {
			got = append(got, a.ID)
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	later := start.Add(time.Hour)
	a, err := c.app.ChangeAppointment(ctx, want[0], client.AppointmentSpec{StartsAt: &later, DurationMinutes: 45})
	if err != nil || !a.StartsAt.Equal(later) || a.DurationMinutes != 45 || a.Fields["name"] != "Ann" {
		t.Errorf("changed to %+v, %v", a, err)
	}
	one, other := c.enter(a.Link, "Ann"), c.enter(a.Link, "Ann")
	if one.visit.ID != other.visit.ID || one.VisitToken == other.VisitToken {
		t.Error("two visits of one appointment")
	}
	_, err = one.OwnVisit(ctx, one.visit.ID)
	refused(t, "the browser of before", err, 401, CodeUnauthenticated)
	refused(t, "cancelling what was come to", c.app.CancelAppointment(ctx, a.ID), 409, control.CodeWrongState)
}

// R-WA-4: a transfer takes the referrer's role there, and keeps the time of
// arrival. Who is signed in comes in as themselves.
func TestTransferOverHTTP(t *testing.T) {
	c := newClinic(t, control.AreaSettings{}, nil)
	ctx := t.Context()
	known, hidden := c.newArea("Known", control.AreaSettings{}), c.newArea("Hidden", control.AreaSettings{})
	account, session := c.staff("Dr Own", control.Provider, c.scope())
	own := c.client(session)
	_, err := c.service.AddGrant(ctx, control.System(), account.ID, control.Coordinator, control.Scope{Kind: control.ScopeArea, ID: known.ID})
	c.ok(err)
	ann := c.enter(c.area.Link, "Ann")
	_, err = own.TransferVisit(ctx, ann.visit.ID, hidden.ID)
	refused(t, "to an area without a role there", err, 404, CodeNotFound)
	_, err = own.TransferVisit(ctx, ann.visit.ID, known.ID)
	refused(t, "to an area as its coordinator", err, 403, CodeForbidden)
	_, err = c.service.AddGrant(ctx, control.System(), account.ID, control.Referrer, control.Scope{Kind: control.ScopeArea, ID: hidden.ID})
	c.ok(err)
	_, err = own.AdmitVisit(ctx, ann.visit.ID, client.AdmitSpec{Provider: c.provider})
	refused(t, "staff as somebody else", err, 400, CodeInvalid)
	admitted, err := own.AdmitVisit(ctx, ann.visit.ID, client.AdmitSpec{})
	if err != nil || admitted.Call.Members[0].AccountID != account.ID || admitted.Call.Members[0].Name != "Dr Own" {
		t.Errorf("admitted %+v, %v", admitted, err)
	}
	v, err := own.TransferVisit(ctx, ann.visit.ID, hidden.ID)
	if err != nil || v.AreaID != hidden.ID || v.State != "waiting" || !v.ArrivedAt.Equal(ann.visit.ArrivedAt) {
		t.Errorf("transferred %+v, %v", v, err)
	}
	_, err = own.AdmitVisit(ctx, ann.visit.ID, client.AdmitSpec{})
	refused(t, "who was transferred away", err, 403, CodeForbidden)
}

// R-WA-1, SE-8: in a page of ours the visit is a cookie that scripts can't
// read; a page of another origin gets none and isn't judged by it.
func TestVisitCookie(t *testing.T) {
	c := newClinic(t, control.AreaSettings{}, nil)
	enter := func(cookie string) (client.Admission, string) {
		f := &fixture{t: t, url: c.url}
		a := f.do("POST", "/api/v1/entry", "", `{"link":"`+c.area.Link+`","fields":{"name":"Ann"}}`, "Cookie", cookie)
		var got client.Admission
		c.ok(client.Event{Data: a.body}.Decode(&got))
		return got, a.header.Get("Set-Cookie")
	}
	first, set := enter("")
	for _, attribute := range []string{visitCookie + "=" + first.VisitToken, "HttpOnly", "Secure", "Path=/", "SameSite=Lax"} {
		if !strings.Contains(set, attribute) {
			t.Errorf("cookie %q without %s", set, attribute)
		}
	}
	again, set := enter(visitCookie + "=" + first.VisitToken)
	if again.Visit.ID != first.Visit.ID || again.VisitToken != "" || set != "" {
		t.Errorf("with the cookie: %+v, cookie %q", again, set)
	}
	f := &fixture{t: t, url: c.url}
	if a := f.do("POST", "/api/v1/visits/"+first.Visit.ID+"/leave", "", "", "Cookie", visitCookie+"="+first.VisitToken); a.status != 204 ||
		!strings.Contains(a.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("left: %d %s %s", a.status, a.header.Get("Set-Cookie"), a.body)
	}
	if other, _ := enter(visitCookie + "=" + first.VisitToken); other.Visit.ID == first.Visit.ID {
		t.Error("a visit that has ended was given back")
	}
}
