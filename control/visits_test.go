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

// Webhooks hear at an arrival already what somebody came for.
func TestArrivalTellsItsKind(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	room, consult := f.newRoom(), f.copied()
	f.enter(f.area.Link, "Ann")
	f.enter(room.Link, "Bob")
	f.enter(consult.Consult.Link, "Cat")
	var got []string
	for _, e := range f.told("visit.arrived") {
		got = append(got, fmt.Sprint(e.Data["kind"], " ", e.Data["meeting_room_id"], e.Data["consult_now_id"]))
	}
	want := []string{"area ", "meeting_room " + room.ID, "consult_now " + consult.Consult.ID}
	if !slices.Equal(got, want) {
		t.Errorf("told of %q, want %q", got, want)
	}
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
		if _, err := f.Message(t.Context(), f.dr, ann.id, fmt.Sprint("Canary ", i), nil); err != nil {
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
	_, err = f.Message(t.Context(), f.dr, ann.id, "too late", nil)
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
