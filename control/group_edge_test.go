package control_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
)

// R-GC-5, R-WA-2: a lock and a suspension keep out who isn't there; who is comes
// back by their link from another browser, to where they are.
func TestBackIntoALockedGroup(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	g := f.groupIn(control.GroupSpec{})
	call := f.starts(f.dr, g).Call.ID
	in, waits, away := f.registers(g, "In"), f.registers(g, "Waits"), f.registers(g, "Away")
	ann, bob := f.enter(in, ""), f.enter(waits, "")
	f.connect(ann.join)
	f.connect(bob.join)
	f.admits(g, ann)
	lock := func(locked bool) {
		t.Helper()
		if _, err := f.LockCall(t.Context(), f.dr.Actor, call, locked); err != nil {
			t.Fatal(err)
		}
	}
	try := func(when, code string) {
		t.Helper()
		_, err := f.tryEnter(away, "", nil)
		refusedWith(t, err, code)
		for link, who := range map[string]*guest{in: ann, waits: bob} {
			again, err := f.tryEnter(link, "", nil)
			if err != nil {
				t.Fatalf("%s: %v", when, err)
			}
			if again.id != who.id || again.pid() != who.pid() {
				t.Errorf("%s: they are there twice", when)
			}
			f.connect(again.join)
		}
		if f.where(ann.pid()) != call || f.where(bob.pid()) != "parked" {
			t.Errorf("%s: they are %s and %s", when, f.where(ann.pid()), f.where(bob.pid()))
		}
	}
	lock(true)
	try("locked", control.CodeCallLocked)
	lock(false)
	if _, err := f.SuspendArea(t.Context(), staff(f.org), f.area.ID, ""); err != nil {
		t.Fatal(err)
	}
	try("suspended", control.CodeAreaSuspended)
}

// R-GC-1, R-GC-5: what is changed of a live group holds at once: its name, how
// many there may be; how names are shown stays.
func TestLiveGroupChanges(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	g := f.groupIn(control.GroupSpec{Capacity: 1})
	call := f.starts(f.dr, g).Call.ID
	crowd := []*guest{f.asks(g, "0"), f.asks(g, "1"), f.asks(g, "2")}
	f.admits(g, crowd[0])
	patch := func(p control.GroupPatch) error {
		_, err := f.UpdateGroup(t.Context(), f.dr.Actor, g.ID, p)
		return err
	}
	two, one, title := 2, 1, "Louder"
	if err := patch(control.GroupPatch{Capacity: &two, Title: &title}); err != nil {
		t.Fatal(err)
	}
	if got := f.media.Arranged(call).Name; got != title {
		t.Errorf("the room is called %q", got)
	}
	f.admits(g, crowd[1])
	if err := patch(control.GroupPatch{Capacity: &one}); err != nil {
		t.Fatal(err)
	}
	for _, who := range crowd[:2] {
		who.want(control.VisitInCall, "") // nobody has to go
	}
	f.left(crowd[0].pid(), control.DepartedLeft)
	_, err := f.AdmitToGroup(t.Context(), f.dr.Actor, g.ID, []string{crowd[2].id})
	refusedWith(t, err, control.CodeCallFull)
	initials, nobody := control.NamesInitials, ""
	refusedWith(t, patch(control.GroupPatch{Names: &initials}), control.CodeWrongState)
	var field *control.FieldError
	if err := patch(control.GroupPatch{HostID: &nobody}); !errors.As(err, &field) || field.Field != "host_id" {
		t.Errorf("without a host: %v", err)
	}
}

// Somebody who is named twice is admitted once, and nobody is in the way of the
// others.
func TestAdmitNamedTwice(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	g := f.groupIn(control.GroupSpec{})
	f.starts(f.dr, g)
	ann, stranger := f.asks(g, "Ann"), f.arrive("Stranger")
	unknown := uuid.NewString()
	done, err := f.AdmitToGroup(t.Context(), f.dr.Actor, g.ID, []string{unknown, ann.id, ann.id, stranger.id, "?"})
	want := []control.RefusedVisit{
		{VisitID: unknown, Code: control.CodeNotFound}, {VisitID: stranger.id, Code: control.CodeNotFound}, {VisitID: "?", Code: control.CodeNotFound},
	}
	if err != nil || !slices.Equal(done.Admitted, []string{ann.id}) || !slices.Equal(done.Refused, want) {
		t.Errorf("admitted %+v, %v", done, err)
	}
	var field *control.FieldError
	for _, n := range []int{0, 501} {
		if _, err := f.AdmitToGroup(t.Context(), f.dr.Actor, g.ID, make([]string, n)); !errors.As(err, &field) {
			t.Errorf("%d at once: %v", n, err)
		}
	}
	stranger.want(control.VisitWaiting, "")
}

// R-GC-6: a session whose last participant is put on hold goes on.
func TestHoldTheLastOfAGroup(t *testing.T) {
	s := newSession(t, 1)
	ann := s.guests[0]
	s.left(s.host.ParticipantID, control.DepartedLeft)
	key := s.app("").Actor
	if _, err := s.Hold(t.Context(), key, ann.id); err != nil {
		t.Fatal(err)
	}
	if c := s.groupCall(s.call); c.State != control.CallLive {
		t.Errorf("the call is %s", c.State)
	}
	if _, err := s.AdmitToGroup(t.Context(), key, s.group, []string{ann.id}); err != nil {
		t.Fatal(err)
	}
	s.wantIn("back", ann.pid(), s.call)
}

// R-T-4: nobody of another organisation is named to moderate.
func TestModeratorsAreOfTheOrganisation(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	g := f.groupIn(control.GroupSpec{})
	theirs, _, err := f.CreateOrganisation(t.Context(), "Theirs")
	if err != nil {
		t.Fatal(err)
	}
	made, err := f.CreateUnit(t.Context(), staff(theirs.ID), theirs.ID, control.UnitSpec{Name: "Unit"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	appointed, err := f.Appoint(t.Context(), staff(theirs.ID), control.OrgAdmin, control.Scope{Kind: control.ScopeUnit, ID: made.Unit.ID},
		control.Invitee{Email: "ana@theirs.example", Copy: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	known, unknown := appointed.Account.ID, uuid.NewString()
	said := map[string]bool{}
	for _, id := range []string{known, unknown} {
		for name, p := range map[string]control.GroupPatch{"host_id": {HostID: &id}, "co_moderator_ids": {CoModeratorIDs: &[]string{id}}} {
			var field *control.FieldError
			_, err := f.UpdateGroup(t.Context(), f.dr.Actor, g.ID, p)
			if !errors.As(err, &field) || field.Field != name {
				t.Errorf("%s: %v", name, err)
				continue
			}
			said[field.Error()] = true
		}
	}
	if len(said) != 2 { // one for each field: whether there is such an account isn't told
		t.Errorf("told %v", said)
	}
}

// What is over isn't sent any more.
func TestSendWhatIsOver(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	g := f.groupIn(control.GroupSpec{})
	r, err := f.RegisterForGroup(t.Context(), f.dr.Actor, g.ID, map[string]string{"name": "Ann"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	send := func() error {
		_, _, err := f.SendRegistration(t.Context(), f.dr.Actor, r.ID, control.Contact{Email: "a@example.org"}, "", nil)
		return err
	}
	if err := send(); err != nil {
		t.Fatal(err)
	}
	if err := f.RemoveRegistration(t.Context(), f.dr.Actor, r.ID); err != nil {
		t.Fatal(err)
	}
	if err := f.RemoveRegistration(t.Context(), f.dr.Actor, r.ID); err != nil {
		t.Errorf("removed again: %v", err)
	}
	refusedWith(t, send(), control.CodeWrongState)
	if err := f.CancelGroup(t.Context(), f.dr.Actor, g.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err = f.SendGroup(t.Context(), f.dr.Actor, g.ID, control.Contact{Email: "a@example.org"}, "", nil)
	refusedWith(t, err, control.CodeWrongState)
	_, err = f.RegisterForGroup(t.Context(), f.dr.Actor, g.ID, nil, nil)
	refusedWith(t, err, control.CodeWrongState)
}

// R-P-2, R-GC-6: a moderator who loses their role is out of the session, of the
// breakout that they are in, and heard nowhere; nobody else notices.
func TestLosingARoleInAGroup(t *testing.T) {
	s := newSession(t, 2)
	co, provider := s.hire("Dr Co", control.Provider, areaScope(s.area.ID))
	if _, err := s.UpdateGroup(t.Context(), s.dr.Actor, s.group, control.GroupPatch{CoModeratorIDs: &[]string{co.Actor.ID}}); err != nil {
		t.Fatal(err)
	}
	seat := s.colleague(co)
	s.drop(s.host.ParticipantID)
	s.plan(control.AssignRandom, 2)
	b := s.openAll()
	s.move(seat.ParticipantID, b.Rooms[0].ID)
	if err := s.BroadcastVoice(t.Context(), co, s.call, true); err != nil {
		t.Fatal(err)
	}
	if c := s.groupCall(s.call); c.InCharge != seat.ParticipantID {
		t.Fatalf("%q is in charge", c.InCharge)
	}
	s.demote(provider)
	s.out("demoted", co, control.Admitted{Join: seat, Call: control.Call{ID: s.call}})
	now := s.breakouts()
	if c := s.groupCall(s.call); c.InCharge != "" || now.Speaker != "" || now.Places[seat.ParticipantID] != "" {
		t.Errorf("%q is in charge, the breakouts are %+v", c.InCharge, now)
	}
	for _, g := range s.guests {
		s.wantIn("a guest", g.pid(), b.Places[g.pid()])
	}
}

// R-GC-5, R-PV-1: who was removed may register anew while that is open, as a
// stranger, and waits like anybody; to keep them out altogether is to close
// registration, or to lock the session.
func TestGroupRemovedRegistersAnew(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	g := f.groupIn(control.GroupSpec{})
	call := f.starts(f.dr, g).Call.ID
	ann := f.asks(g, "Ann")
	f.admits(g, ann)
	if err := f.RemoveMember(t.Context(), f.dr.Actor, call, ann.pid()); err != nil {
		t.Fatal(err)
	}
	again := f.asks(g, "Ann")
	if f.where(again.pid()) != "parked" || !slices.Equal(f.inLobby(g), []string{"Ann"}) {
		t.Errorf("registered anew they are %s, the lobby %v", f.where(again.pid()), f.inLobby(g))
	}
	if _, err := f.RemoveVisit(t.Context(), f.dr.Actor, again.id); err != nil {
		t.Fatal(err)
	}
	link := f.registers(g, "Ann")
	if _, err := f.LockCall(t.Context(), f.dr.Actor, call, true); err != nil {
		t.Fatal(err)
	}
	_, err := f.tryEnter(link, "", nil)
	refusedWith(t, err, control.CodeCallLocked)
	closed := control.RegistrationClosed
	if _, err := f.UpdateGroup(t.Context(), f.dr.Actor, g.ID, control.GroupPatch{Registration: &closed}); err != nil {
		t.Fatal(err)
	}
	_, err = f.tryRegister(g.Link, "Ann")
	refusedWith(t, err, control.CodeRegistrationClosed)
}
