package control_test

import (
	"errors"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
)

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
	later := spec.StartsAt.Add(time.Hour)
	if moved, err := f.UpdateAppointment(t.Context(), f.dr.Actor, booked.ID, control.AppointmentPatch{StartsAt: &later}); err != nil ||
		moved.Link != booked.Link || !moved.StartsAt.Equal(later) || moved.Duration != booked.Duration {
		t.Fatalf("%+v, %v", moved, err)
	}
	list, err := f.Appointments(t.Context(), f.dr.Actor, f.area.ID, f.clock(), f.clock().Add(24*time.Hour), control.Query{})
	if err != nil || len(list.Items) != 1 || list.Items[0].Details["name"] != "Ann Canary" {
		t.Errorf("%+v, %v", list, err)
	}
	if _, sent, err := f.SendAppointment(t.Context(), f.dr.Actor, booked.ID, control.Contact{Phone: "+43 1 2"}, "de", nil); err != nil || !sent {
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
