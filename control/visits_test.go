package control_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
)

// R-IA-2, R-WA-8: a guest waits parked and alone; admit puts guest and provider
// into one room, hold parks the guest, resume brings them back, end lets both
// go.
func TestConsultation(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	ann := f.arrive("Ann")
	ann.want(control.VisitWaiting, "")
	if f.where(ann.pid()) != "parked" {
		t.Errorf("waiting, Ann is %s", f.where(ann.pid()))
	}
	f.step(time.Minute)
	a := f.admit(f.dr, ann, control.AdmitSpec{})
	dr := a.Join.ParticipantID
	if f.where(ann.pid()) != a.Call.ID || f.where(dr) != a.Call.ID {
		t.Errorf("admitted, Ann is %s and the provider %s", f.where(ann.pid()), f.where(dr))
	}
	if v := ann.visit(); v.Waited != time.Minute || v.SeenAt.IsZero() {
		t.Errorf("waited %s, seen at %s", v.Waited, v.SeenAt)
	}
	if _, err := f.Hold(t.Context(), f.dr.Actor, ann.id); err != nil {
		t.Fatal(err)
	}
	if f.where(ann.pid()) != "parked" {
		t.Error("on hold, Ann is in a room (R-IA-5)")
	}
	f.step(time.Second)
	again, err := f.Resume(t.Context(), f.dr, ann.id)
	if err != nil || again.Call.ID != a.Call.ID || again.Join.ParticipantID != dr || f.where(ann.pid()) != a.Call.ID {
		t.Errorf("resumed into %s as %s, %v", again.Call.ID, again.Join.ParticipantID, err)
	}
	if err := f.EndCall(t.Context(), f.dr.Actor, a.Call.ID); err != nil {
		t.Fatal(err)
	}
	ann.want(control.VisitEnded, control.OutcomeCompleted)
	if f.where(ann.pid()) != "gone" || f.where(dr) != "gone" || f.alive(a.Join) {
		t.Error("after the end somebody is there, or could come back")
	}
	if v := ann.visit(); v.Held != time.Second {
		t.Errorf("held %s", v.Held)
	}
	want := []string{"visit.arrived", "visit.admitted", "visit.held", "visit.admitted", "visit.ended"}
	if got := f.events("visit."); !slices.Equal(got, want) {
		t.Errorf("webhooks %v", got)
	}
	if got := f.events("call."); !slices.Equal(got, []string{"call.started", "call.ended"}) {
		t.Errorf("webhooks %v", got)
	}
	f.wantQueue()
}

// R-IA-1: five people; the sixth is refused and told to wait.
func TestCallIsFull(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	call := ""
	for i := range 4 {
		call = f.admit(f.dr, f.arrive(fmt.Sprint("Guest ", i)), control.AdmitSpec{CallID: call}).Call.ID
	}
	sixth := f.arrive("Sixth")
	_, err := f.Admit(t.Context(), f.dr, sixth.id, control.AdmitSpec{CallID: call})
	refusedWith(t, err, control.CodeCallFull)
	var state *control.StateError
	if errors.As(err, &state) && !strings.Contains(state.Message, "Wait") {
		t.Errorf("told: %s", state.Message)
	}
	sixth.want(control.VisitWaiting, "")
	_, err = f.Admit(t.Context(), f.provider("Dr Late"), sixth.id, control.AdmitSpec{CallID: call})
	refusedWith(t, err, control.CodeCallFull)
	invite, err := f.InviteToCall(t.Context(), f.dr.Actor, call, control.Contact{Copy: true}, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.tryEnter(invite.Link, "Interpreter", nil)
	refusedWith(t, err, control.CodeCallFull)
	people, _ := f.media.Participants(t.Context(), call)
	if len(people) != 5 {
		t.Errorf("%d people in the call", len(people))
	}
	// Somebody leaves: the invitation wasn't used up by the refusal.
	q, _ := f.Queue(t.Context(), f.dr.Actor, f.area.ID)
	if _, err := f.RemoveVisit(t.Context(), f.dr.Actor, q.Visits[0].ID); err != nil {
		t.Fatal(err)
	}
	f.connect(f.enter(invite.Link, "Interpreter").join)
	if c, _ := f.Call(t.Context(), f.dr.Actor, call); c.Peak != 5 {
		t.Errorf("peak %d", c.Peak)
	}
}

// R-IA-2: what a guest is shown is the same whether or not others are there,
// but for their place where the area shows it; and of other visits they see
// nothing.
func TestGuestsDontLearnOfEachOther(t *testing.T) {
	for _, shown := range []bool{false, true} {
		f := newClinic(t, control.AreaSettings{ShowPosition: shown})
		ann := f.arrive("Ann")
		bob := f.arrive("Bob")
		view, err := f.GuestView(t.Context(), bob.actor, bob.id)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{false: 0, true: 2}[shown]; view.Position != want {
			t.Errorf("position %d; want %d", view.Position, want)
		}
		for what, err := range map[string]error{
			"read":  func() error { _, err := f.Visit(t.Context(), bob.actor, ann.id); return err }(),
			"view":  func() error { _, err := f.GuestView(t.Context(), bob.actor, ann.id); return err }(),
			"seat":  func() error { _, err := f.VisitSeat(t.Context(), bob.actor, ann.id); return err }(),
			"leave": f.LeaveVisit(t.Context(), bob.actor, ann.id),
			"check": func() error {
				_, err := f.CheckDevice(t.Context(), bob.actor, ann.id, control.DeviceCheck{})
				return err
			}(),
		} {
			if !errors.Is(err, control.ErrNotFound) {
				t.Errorf("%s of another guest: %v", what, err)
			}
		}
		ann.want(control.VisitWaiting, "")
	}
}

// R-IA-3b: the name always, other fields as configured, consent to the terms.
func TestEntryFields(t *testing.T) {
	f := newClinic(t, control.AreaSettings{Terms: "Be kind.", Fields: []control.EntryField{
		{Key: control.FieldName, Required: true}, {Key: control.FieldDateOfBirth, Required: true}, {Key: control.FieldPhone},
	}})
	good := map[string]string{"name": "Ann", "date_of_birth": "1980-12-31"}
	with := func(key, value string) map[string]string {
		m := map[string]string{}
		for k, v := range good {
			m[k] = v
		}
		m[key] = value
		return m
	}
	for _, row := range []struct {
		fields  map[string]string
		consent bool
		field   string
	}{
		{good, true, ""},
		{with("phone", "+43 1 234"), true, ""},
		{good, false, "consent"},
		{with("name", " "), true, "fields.name"},
		{with("name", "a\u202eb"), true, "fields.name"},
		{with("date_of_birth", "31.12.1980"), true, "fields.date_of_birth"},
		{with("date_of_birth", "2999-01-01"), true, "fields.date_of_birth"},
		{with("date_of_birth", ""), true, "fields.date_of_birth"},
		{with("phone", "call me"), true, "fields.phone"},
		{with("reference", "1"), true, "fields"},
		{nil, true, "fields.name"},
	} {
		e, err := f.EnterByLink(t.Context(), linkDigest(t, f.area.Link), control.EntrySpec{Fields: row.fields, Consent: row.consent})
		var wrong *control.FieldError
		if errors.As(err, &wrong); err == nil && row.field != "" || err != nil && (wrong == nil || wrong.Field != row.field) {
			t.Errorf("%v: %v; want %q", row.fields, err, row.field)
		}
		if err == nil && e.Visit.Details["date_of_birth"] != "1980-12-31" {
			t.Errorf("details %v", e.Visit.Details)
		}
	}
	lobby, err := f.Look(t.Context(), linkDigest(t, f.area.Link))
	if err != nil || lobby.Terms != "Be kind." || len(lobby.Fields) != 3 || lobby.Organisation != "Ours" || !lobby.Door.Open {
		t.Errorf("%+v, %v", lobby, err)
	}
}

// R-IA-4: a link into a call enters without waiting, once; a waiting guest is
// added to the present call; a lock keeps links out.
func TestInviteIntoCall(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	a := f.admit(f.dr, f.arrive("Ann"), control.AdmitSpec{})
	invite, err := f.InviteToCall(t.Context(), f.dr.Actor, a.Call.ID, control.Contact{Copy: true}, "", nil)
	if err != nil || invite.Link == "" {
		t.Fatalf("%+v, %v", invite, err)
	}
	if _, err := f.LockCall(t.Context(), f.dr.Actor, a.Call.ID, true); err != nil {
		t.Fatal(err)
	}
	_, err = f.tryEnter(invite.Link, "Interpreter", nil)
	refusedWith(t, err, control.CodeCallLocked)
	if _, err := f.LockCall(t.Context(), f.dr.Actor, a.Call.ID, false); err != nil {
		t.Fatal(err)
	}
	in := f.enter(invite.Link, "Interpreter")
	f.connect(in.join)
	if f.where(in.pid()) != a.Call.ID {
		t.Errorf("the interpreter is %s", f.where(in.pid()))
	}
	if _, err := f.tryEnter(invite.Link, "Another", nil); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("the link was used twice: %v", err)
	}
	if again, err := f.tryEnter(invite.Link, "x", in); err != nil || again.id != in.id {
		t.Errorf("with the cookie: %v", err)
	}
	bob := f.arrive("Bob")
	f.admit(f.dr, bob, control.AdmitSpec{CallID: a.Call.ID})
	if f.where(bob.pid()) != a.Call.ID {
		t.Error("Bob wasn't added to the call")
	}
	sent, err := f.InviteToCall(t.Context(), f.dr.Actor, a.Call.ID, control.Contact{Email: "i@example.org"}, "", nil)
	if err != nil || sent.Link != "" || sent.Channel != control.ChannelEmail {
		t.Errorf("%+v, %v", sent, err)
	}
}

// R-IA-5: joining a guest whom somebody sees asks for a confirmation; when the
// last provider leaves, the others are put on hold and not cut off.
func TestLastProviderLeaves(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	ann := f.arrive("Ann")
	a := f.admit(f.dr, ann, control.AdmitSpec{})
	second := f.provider("Dr Second")
	_, err := f.Admit(t.Context(), second, ann.id, control.AdmitSpec{})
	refusedWith(t, err, control.CodeAlreadySeen)
	b := f.admit(second, ann, control.AdmitSpec{Confirm: true})
	if b.Call.ID != a.Call.ID {
		t.Error("joined another call")
	}
	f.left(a.Join.ParticipantID, control.DepartedLeft)
	ann.want(control.VisitInCall, "")
	f.left(b.Join.ParticipantID, control.DepartedExpired)
	ann.want(control.VisitOnHold, "")
	if f.where(ann.pid()) != "parked" {
		t.Errorf("Ann is %s", f.where(ann.pid()))
	}
	if c, _ := f.Call(t.Context(), f.dr.Actor, a.Call.ID); c.State != control.CallEnded {
		t.Error("a call of nobody goes on")
	}
	f.wantQueue("Ann on_hold")
	f.step(3 * time.Minute)
	again := f.admit(second, ann, control.AdmitSpec{})
	if f.where(ann.pid()) != again.Call.ID || ann.visit().Held != 3*time.Minute {
		t.Errorf("Ann is %s, held %s", f.where(ann.pid()), ann.visit().Held)
	}
}

// R-WA-1: order of arrival; who reconnects within 120 s keeps their place, and
// nobody stands in the queue twice.
func TestQueueKeepsPlaces(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	ann := f.arrive("Ann")
	f.step(time.Second)
	f.arrive("Bob")
	f.step(time.Second)
	f.drop(ann.pid())
	f.step(control.SeatTime - time.Millisecond)
	again, err := f.tryEnter(f.area.Link, "Ann", ann)
	if err != nil || again.id != ann.id {
		t.Fatalf("entering again: %v", err)
	}
	f.wantQueue("Ann waiting", "Bob waiting")
	if err := f.Present(t.Context(), ann.pid(), true); err != nil {
		t.Fatal(err)
	}
	f.step(time.Hour)
	f.wantQueue("Ann waiting", "Bob waiting")
	if other, err := f.tryEnter(f.newArea("Other", control.AreaSettings{}).Link, "Ann", ann); err != nil || other.id == ann.id {
		t.Errorf("another area's link gave the same visit: %v", err)
	}
}

// R-WA-2: closed and suspended areas let nobody in; those inside are served.
func TestDoorIsClosed(t *testing.T) {
	var hours control.Hours
	hours.TimeZone = "Europe/Vienna"
	hours.Weekly[time.Monday] = []control.Interval{{Opens: "08:00", Closes: "14:00"}}
	f := newClinic(t, control.AreaSettings{Hours: hours}) // Monday, 13:00 there
	ann := f.arrive("Ann")
	f.step(time.Hour)
	_, err := f.tryEnter(f.area.Link, "Late", nil)
	refusedWith(t, err, control.CodeAreaClosed)
	lobby, err := f.Look(t.Context(), linkDigest(t, f.area.Link))
	if want := time.Date(2026, 3, 9, 7, 0, 0, 0, time.UTC); err != nil || lobby.Door.Open || !lobby.Door.OpensAt.Equal(want) {
		t.Errorf("%+v, %v", lobby.Door, err)
	}
	if _, err := f.SuspendArea(t.Context(), f.dr.Actor, f.area.ID, "Fire drill"); err != nil {
		t.Fatal(err)
	}
	_, err = f.tryEnter(f.area.Link, "Late", nil)
	refusedWith(t, err, control.CodeAreaSuspended)
	if again, err := f.tryEnter(f.area.Link, "Ann", ann); err != nil || again.id != ann.id {
		t.Errorf("somebody inside: %v", err)
	}
	f.admit(f.dr, ann, control.AdmitSpec{})
}

// R-WA-3, R-WA-6: messages and the result of the device check, and that a bad
// result keeps nobody out; what was typed is sealed.
func TestMessagesAndDeviceCheck(t *testing.T) {
	f := newClinic(t, control.AreaSettings{Welcome: "Hello", Phone: "+43 1 2", ShowPosition: true})
	ann := f.arrive("Ann Canary")
	if _, err := f.CheckDevice(t.Context(), ann.actor, ann.id, control.DeviceCheck{Relay: true, RTT: 300}); err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		if _, err := f.Message(t.Context(), f.dr, ann.id, fmt.Sprint("Canary ", i)); err != nil {
			t.Fatal(err)
		}
	}
	view, err := f.GuestView(t.Context(), ann.actor, ann.id)
	if err != nil || len(view.Messages) != 50 || view.Messages[49].Text != "Canary 59" || view.Messages[49].From != "Dr Who" ||
		view.Welcome != "Hello" || view.Phone != "+43 1 2" || view.Position != 1 {
		t.Errorf("%+v, %v", view, err)
	}
	if v := ann.visit(); v.Device == nil || !v.Device.Relay || v.Device.Camera || v.Device.At.IsZero() {
		t.Errorf("device check %+v", v.Device)
	}
	f.admit(f.dr, ann, control.AdmitSpec{})
	_, err = f.Message(t.Context(), f.dr, ann.id, "too late")
	refusedWith(t, err, control.CodeWrongState)
	f.wantNoCanary()
}

// wantNoCanary: nothing that a guest typed stands in the data file (R-PV-1).
func (f *clinic) wantNoCanary() {
	f.t.Helper()
	for _, key := range f.contents() {
		if strings.Contains(key, "Canary") {
			f.t.Errorf("in the open: %s", key)
		}
	}
}

// R-WA-4: transfer keeps the time of arrival.
func TestTransfer(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	first := f.area
	ann := f.arrive("Ann")
	f.step(time.Minute)
	f.area = f.newArea("Other", control.AreaSettings{})
	f.arrive("Bob")
	a := f.admit(f.dr, ann, control.AdmitSpec{})
	f.step(time.Minute)
	v, err := f.Transfer(t.Context(), f.dr.Actor, ann.id, f.area.ID)
	if err != nil || v.State != control.VisitWaiting || !v.ArrivedAt.Equal(ann.visit().ArrivedAt) {
		t.Fatalf("%+v, %v", v, err)
	}
	f.wantQueue("Ann waiting", "Bob waiting")
	if f.where(ann.pid()) != "parked" || f.where(a.Join.ParticipantID) != a.Call.ID {
		t.Error("the wrong one was moved")
	}
	if err := f.DeleteArea(t.Context(), f.dr.Actor, first.ID); err != nil {
		t.Fatal(err)
	}
	f.due()
	ann.want(control.VisitWaiting, "")
	if f.where(a.Join.ParticipantID) != "gone" {
		t.Error("the deleted area's call goes on")
	}
	if _, err := f.Transfer(t.Context(), f.dr.Actor, ann.id, first.ID); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("to a deleted area: %v", err)
	}
}

// R-WA-7: gone for 120 s, or never connected, is abandoned; the area's limit
// times out; who was seen has been served.
func TestAbandoned(t *testing.T) {
	f := newClinic(t, control.AreaSettings{WaitLimit: 10 * time.Minute})
	never := f.enter(f.area.Link, "Never")
	gone := f.arrive("Gone")
	stays := f.arrive("Stays")
	seen := f.arrive("Seen")
	a := f.admit(f.dr, seen, control.AdmitSpec{})
	f.drop(gone.pid())
	f.drop(seen.pid())
	f.step(control.SeatTime - time.Millisecond)
	never.want(control.VisitWaiting, "")
	gone.want(control.VisitWaiting, "")
	f.step(time.Millisecond)
	never.want(control.VisitEnded, control.OutcomeAbandoned)
	gone.want(control.VisitEnded, control.OutcomeAbandoned)
	seen.want(control.VisitEnded, control.OutcomeCompleted)
	if f.alive(never.join) || f.where(gone.pid()) != "gone" {
		t.Error("who has abandoned can still come in")
	}
	stays.want(control.VisitWaiting, "")
	f.step(8 * time.Minute)
	stays.want(control.VisitEnded, control.OutcomeTimedOut)
	if c, _ := f.Call(t.Context(), f.dr.Actor, a.Call.ID); c.State != control.CallLive {
		t.Error("the provider's call has ended with its guest")
	}
	leaver := f.arrive("Leaver")
	f.left(leaver.pid(), control.DepartedLeft)
	leaver.want(control.VisitEnded, control.OutcomeAbandoned)
}

// A removed guest's connection ends and every token of theirs is dead; a denied
// one is told why.
func TestRemoveAndDeny(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	ann, bob := f.arrive("Ann"), f.arrive("Bob")
	f.admit(f.dr, ann, control.AdmitSpec{})
	fresh, err := f.VisitSeat(t.Context(), ann.actor, ann.id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.RemoveVisit(t.Context(), f.dr.Actor, ann.id); err != nil {
		t.Fatal(err)
	}
	ann.want(control.VisitEnded, control.OutcomeRemoved)
	if f.where(ann.pid()) != "gone" {
		t.Error("the transport goes on")
	}
	if err := f.tryConnect(fresh); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("with an unused token: %v", err)
	}
	if _, err := f.VisitByToken(t.Context(), ann.token); !errors.Is(err, control.ErrUnauthenticated) {
		t.Errorf("with the visit token: %v", err)
	}
	if _, err := f.Deny(t.Context(), f.dr, bob.id, "Please come on Monday."); err != nil {
		t.Fatal(err)
	}
	bob.want(control.VisitEnded, control.OutcomeRefused)
	view, err := f.GuestView(t.Context(), bob.actor, bob.id)
	if err != nil || len(view.Messages) != 1 || view.Messages[0].Text != "Please come on Monday." {
		t.Errorf("%+v, %v", view, err)
	}
	_, err = f.Deny(t.Context(), f.dr, bob.id, "")
	if !errors.Is(err, control.ErrNotFound) {
		t.Errorf("denied twice: %v", err)
	}
}

// R-PV-1: what was typed can't be read any more 60 s after the end, and
// nothing of it ever stood in the file in the open.
func TestDetailsAreErased(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	ann := f.arrive("Ann Canary")
	if f.vault.Keys() != 1 {
		t.Fatalf("%d keys", f.vault.Keys())
	}
	f.left(ann.pid(), control.DepartedLeft)
	f.wantNoCanary()
	f.step(time.Minute)
	if v := ann.visit(); v.Details != nil || f.vault.Keys() != 0 {
		t.Errorf("after a minute: %v, %d keys", v.Details, f.vault.Keys())
	}
	if _, err := f.VisitByToken(t.Context(), ann.token); !errors.Is(err, control.ErrUnauthenticated) {
		t.Errorf("the token lives on: %v", err)
	}
	if _, err := f.tryEnter(f.area.Link, "\u202e", nil); err == nil || f.vault.Keys() != 0 {
		t.Errorf("a refused entry left %d keys", f.vault.Keys())
	}
}

// SE-12, SE-7: visits and calls survive a restart; everybody has 120 s to come
// back with a new token of the same participant; old tokens stay dead.
func TestRestart(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	ann, bob := f.arrive("Ann"), f.arrive("Bob")
	a := f.admit(f.dr, ann, control.AdmitSpec{})
	for _, id := range []string{ann.pid(), bob.pid(), a.Join.ParticipantID} {
		f.left(id, control.DepartedShutdown)
	}
	f.step(time.Minute)
	f.restart()
	if ann.visit().Connected {
		t.Error("Ann counts as connected")
	}
	if err := f.tryConnect(ann.join); !errors.Is(err, control.ErrTokenUsed) {
		t.Errorf("an old token: %v", err)
	}
	f.step(control.SeatTime - time.Millisecond)
	join, err := f.VisitSeat(t.Context(), ann.actor, ann.id)
	if err != nil || join.ParticipantID != ann.pid() {
		t.Fatalf("%+v, %v", join, err)
	}
	f.connect(join)
	staff, err := f.CallSeat(t.Context(), f.dr, a.Call.ID)
	if err != nil || staff.ParticipantID != a.Join.ParticipantID {
		t.Fatalf("%+v, %v", staff, err)
	}
	f.connect(staff)
	if f.where(ann.pid()) != a.Call.ID || f.where(staff.ParticipantID) != a.Call.ID {
		t.Error("they are not where they were")
	}
	f.step(time.Millisecond)
	bob.want(control.VisitEnded, control.OutcomeAbandoned)
	ann.want(control.VisitInCall, "")
	if _, err := f.CallSeat(t.Context(), f.provider("Dr Other"), a.Call.ID); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("somebody who isn't in the call: %v", err)
	}
}

// R-IA-3, R-IA-3b: an appointment's personal link enters, gives the same visit
// to who comes again from elsewhere, and dies with the visit.
func TestAppointment(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	spec := control.AppointmentSpec{StartsAt: f.clock().Add(time.Hour), Details: map[string]string{"name": "Ann Canary"}}
	booked, err := f.Book(t.Context(), f.dr.Actor, f.area.ID, spec, nil)
	if err != nil || booked.Link == "" || booked.Duration != 30*time.Minute {
		t.Fatalf("%+v, %v", booked, err)
	}
	spec.StartsAt = spec.StartsAt.Add(time.Hour)
	if moved, err := f.UpdateAppointment(t.Context(), f.dr.Actor, booked.ID, spec); err != nil || moved.Link != booked.Link {
		t.Fatalf("%+v, %v", moved, err)
	}
	list, err := f.Appointments(t.Context(), f.dr.Actor, f.area.ID, f.clock(), f.clock().Add(24*time.Hour))
	if err != nil || len(list) != 1 || list[0].Details["name"] != "Ann Canary" {
		t.Errorf("%+v, %v", list, err)
	}
	if _, sent, err := f.SendAppointment(t.Context(), f.dr.Actor, booked.ID, control.Contact{Phone: "+43 1 2"}, "de"); err != nil || !sent {
		t.Errorf("sent %t, %v", sent, err)
	}
	f.wantNoCanary()
	ann := f.enter(booked.Link, "Ann")
	other := f.enter(booked.Link, "Ann")
	if other.id != ann.id || other.pid() != ann.pid() {
		t.Error("two visits of one appointment (R-WA-1)")
	}
	if _, err := f.VisitByToken(t.Context(), ann.token); !errors.Is(err, control.ErrUnauthenticated) {
		t.Errorf("the token of before: %v", err)
	}
	refusedWith(t, f.CancelAppointment(t.Context(), f.dr.Actor, booked.ID), control.CodeWrongState)
	if err := f.LeaveVisit(t.Context(), other.actor, other.id); err != nil {
		t.Fatal(err)
	}
	if _, err := f.tryEnter(booked.Link, "Ann", nil); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("after the visit: %v", err)
	}
	cancelled, err := f.Book(t.Context(), f.dr.Actor, f.area.ID, spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.CancelAppointment(t.Context(), f.dr.Actor, cancelled.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Look(t.Context(), linkDigest(t, cancelled.Link)); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("of a cancelled one: %v", err)
	}
	never, err := f.Book(t.Context(), f.dr.Actor, f.area.ID, spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.step(30 * time.Hour)
	if _, err := f.Look(t.Context(), linkDigest(t, never.Link)); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("a day later: %v", err)
	}
	f.step(time.Minute)
	if n := f.vault.Keys(); n != 0 {
		t.Errorf("%d keys remain", n)
	}
}

// R-WA-1, R-WA-5: every change is an event of the area, numbered without gaps;
// those who want one get an e-mail of an arrival (none here: no account has one
// yet), and webhooks hear of it.
func TestAreaEvents(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	q, err := f.Queue(t.Context(), f.dr.Actor, f.area.ID)
	if err != nil {
		t.Fatal(err)
	}
	watcher, err := f.WatchArea(t.Context(), f.area.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Close()
	ann := f.arrive("Ann")
	if changes, err := watcher.Next(t.Context()); err != nil || len(changes) == 0 {
		t.Errorf("%v, %v", changes, err)
	}
	f.admit(f.dr, ann, control.AdmitSpec{})
	events, err := f.AreaEvents(t.Context(), f.area.ID, q.Seq)
	if err != nil || len(events) < 3 {
		t.Fatalf("%v, %v", events, err)
	}
	for i, e := range events {
		if e.Seq != q.Seq+uint64(i)+1 {
			t.Errorf("event %d has number %d", i, e.Seq)
		}
	}
	if events[0].Kind != control.AreaVisit || events[0].ID != ann.id {
		t.Errorf("%+v", events[0])
	}
	for range 600 {
		f.drop(ann.pid())
		if err := f.Present(t.Context(), ann.pid(), true); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.AreaEvents(t.Context(), f.area.ID, q.Seq); !errors.Is(err, control.ErrEventsLost) {
		t.Errorf("events of long ago: %v", err)
	}
	last, _ := f.Queue(t.Context(), f.dr.Actor, f.area.ID)
	if list, err := f.AreaEvents(t.Context(), f.area.ID, last.Seq-5); err != nil || len(list) != 5 {
		t.Errorf("%v, %v", list, err)
	}
}

// What was another organisation's answers as what isn't there (R-T-4).
func TestForeignVisits(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	ann := f.arrive("Ann")
	a := f.admit(f.dr, ann, control.AdmitSpec{})
	foreign := control.Staff{Name: "Eve", Actor: staff("0192f0c1-7d3a-7b1e-9c55-1f2e3d4c5b6a")}
	ctx := t.Context()
	for what, do := range map[string]func() error{
		"visit":  func() error { _, err := f.Visit(ctx, foreign.Actor, ann.id); return err },
		"admit":  func() error { _, err := f.Admit(ctx, foreign, ann.id, control.AdmitSpec{Confirm: true}); return err },
		"hold":   func() error { _, err := f.Hold(ctx, foreign.Actor, ann.id); return err },
		"remove": func() error { _, err := f.RemoveVisit(ctx, foreign.Actor, ann.id); return err },
		"queue":  func() error { _, err := f.Queue(ctx, foreign.Actor, f.area.ID); return err },
		"call":   func() error { _, err := f.Call(ctx, foreign.Actor, a.Call.ID); return err },
		"end":    func() error { return f.EndCall(ctx, foreign.Actor, a.Call.ID) },
		"invite": func() error {
			_, err := f.InviteToCall(ctx, foreign.Actor, a.Call.ID, control.Contact{Copy: true}, "", nil)
			return err
		},
		"consult": func() error {
			_, err := f.ConsultNow(ctx, foreign, f.area.ID, control.Contact{Copy: true}, "", nil)
			return err
		},
		"book": func() error {
			_, err := f.Book(ctx, foreign.Actor, f.area.ID, control.AppointmentSpec{StartsAt: f.clock()}, nil)
			return err
		},
	} {
		if err := do(); !errors.Is(err, control.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	ann.want(control.VisitInCall, "")
}
