package control_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/store"
)

// R-GC-1, R-GC-6: in a full session the host's part goes over to somebody who is
// in it, as that takes no seat more, and not to somebody who isn't: the kept seat
// would be one too many.
func TestHostOfAFullSession(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	co, third, away := f.account("Dr Co"), f.account("Dr Third"), f.account("Dr Away")
	g := f.groupIn(control.GroupSpec{Capacity: 3, CoModeratorIDs: []string{co.Actor.ID, third.Actor.ID}})
	call := f.starts(f.dr, g).Call.ID
	seats := map[string]string{co.Name: f.joins(co, g), third.Name: f.joins(third, g)}
	f.admits(g, f.asks(g, "Ann"))
	by := f.dr
	patch := func(p control.GroupPatch) error {
		_, err := f.UpdateGroup(t.Context(), by.Actor, g.ID, p)
		return err
	}
	refusedWith(t, patch(control.GroupPatch{HostID: &away.Actor.ID}), control.CodeCallFull)
	if c := f.groupCall(call); !c.Members[0].Host {
		t.Errorf("refused, and yet: %+v", c.Members)
	}
	few := 1 // fewer than there are: nobody else comes, and nobody has to go
	for i, to := range []control.Staff{co, third} {
		if i == 1 {
			if err := patch(control.GroupPatch{Capacity: &few}); err != nil {
				t.Fatal(err)
			}
		}
		if err := patch(control.GroupPatch{HostID: &to.Actor.ID}); err != nil {
			t.Fatalf("to %s: %v", to.Name, err)
		}
		c, hosts := f.groupCall(call), 0
		for _, m := range c.Members {
			if m.Host {
				hosts++
			}
		}
		if hosts != 1 || c.InCharge != seats[to.Name] {
			t.Errorf("%d hosts, %s is in charge; want %s", hosts, c.InCharge, seats[to.Name])
		}
		by = to
	}
}

// R-GC-6: who is in charge while the host is away moderates, but doesn't say who
// moderates: the host who returns has it again.
func TestWhoIsInChargeNamesNobody(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	colleague := f.account("Dr Guest")
	g := f.groupIn(control.GroupSpec{})
	started := f.starts(f.dr, g)
	seat := f.joins(colleague, g)
	f.drop(started.Join.ParticipantID)
	if c := f.groupCall(started.Call.ID); c.InCharge != seat {
		t.Fatalf("%q is in charge", c.InCharge)
	}
	title := "Still coping"
	if _, err := f.UpdateGroup(t.Context(), colleague.Actor, g.ID, control.GroupPatch{Title: &title}); err != nil {
		t.Errorf("who is in charge changes the title: %v", err)
	}
	for what, p := range map[string]control.GroupPatch{
		"the host":       {HostID: &colleague.Actor.ID},
		"the moderators": {CoModeratorIDs: &[]string{colleague.Actor.ID}},
	} {
		if _, err := f.UpdateGroup(t.Context(), colleague.Actor, g.ID, p); !errors.Is(err, control.ErrNotModerator) {
			t.Errorf("who is in charge changes %s: %v", what, err)
		}
	}
	if err := f.Present(t.Context(), started.Join.ParticipantID, true); err != nil {
		t.Fatal(err)
	}
	if c := f.groupCall(started.Call.ID); c.InCharge != started.Join.ParticipantID {
		t.Errorf("the host is back, %q is in charge", c.InCharge)
	}
}

// A group that begins late can be changed, as it can be started: of its times
// only another start must be one to come.
func TestLateGroupChanges(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	co := f.account("Dr Co")
	g := f.groupIn(control.GroupSpec{})
	f.step(3 * time.Hour) // it was to begin two hours ago, for one
	closed, past := control.RegistrationClosed, f.clock().Add(-90*time.Minute)
	for _, p := range []control.GroupPatch{
		{Registration: &closed}, {CoModeratorIDs: &[]string{co.Actor.ID}}, {StartsAt: &g.StartsAt},
	} {
		if _, err := f.UpdateGroup(t.Context(), f.dr.Actor, g.ID, p); err != nil {
			t.Error(err)
		}
	}
	var field *control.FieldError
	if _, err := f.UpdateGroup(t.Context(), f.dr.Actor, g.ID, control.GroupPatch{StartsAt: &past}); !errors.As(err, &field) || field.Field != "starts_at" {
		t.Errorf("to begin in the past: %v", err)
	}
	// R-PV-2: who is to moderate stands in the audit log.
	found := false
	f.each("audit/", func(r string) {
		found = found || strings.Contains(r, `"co_moderator_ids":"`+co.Actor.ID+`"`) && strings.Contains(r, `"changed":"co_moderator_ids"`)
	}, `"action":"group.update"`)
	if !found {
		t.Error("it isn't audited who is to moderate")
	}
	f.starts(co, g)
}

// What can't be done to a session that is over doesn't say to start it.
func TestGroupIsOver(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	g := f.groupIn(control.GroupSpec{})
	says := func(what string, err error, start bool) {
		t.Helper()
		var state *control.StateError
		if !errors.As(err, &state) || state.Code != control.CodeWrongState || strings.Contains(state.Message, "start it") != start {
			t.Errorf("%s: %v", what, err)
		}
	}
	all := func(when string, start bool) {
		t.Helper()
		says("end, "+when, f.EndGroup(t.Context(), f.dr.Actor, g.ID), start)
		_, err := f.JoinGroup(t.Context(), f.dr, g.ID)
		says("join, "+when, err, start)
		_, err = f.AdmitAllToGroup(t.Context(), f.dr.Actor, g.ID)
		says("admit, "+when, err, start)
	}
	all("before", true)
	f.starts(f.dr, g)
	if err := f.EndGroup(t.Context(), f.dr.Actor, g.ID); err != nil {
		t.Fatal(err)
	}
	all("after", false)
}

// A link to register by that got about fills no disk, and keeps nobody out whom
// staff register.
func TestTooManyRegister(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	g := f.groupIn(control.GroupSpec{})
	err := f.store.Update(t.Context(), func(tx store.Tx) error {
		for range 499 {
			if err := tx.Put("registration_in/"+g.ID+"/"+uuid.NewString(), nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f.registers(g, "The last")
	_, err = f.tryRegister(g.Link, "One too many")
	refusedWith(t, err, control.CodeRegistrationClosed)
	r, err := f.RegisterForGroup(t.Context(), f.dr.Actor, g.ID, map[string]string{"name": "Ann"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.connect(f.enter(r.Link, "").join)
}

// R-T-5: an area that is deleted, or its unit, ends a session that goes on in it,
// with its breakouts, its lobby and its links.
func TestPlaceOfALiveGroupDeleted(t *testing.T) {
	for what, remove := range map[string]func(f *clinic) error{
		"area": func(f *clinic) error { return f.DeleteArea(f.t.Context(), staff(f.org), f.area.ID) },
		"unit": func(f *clinic) error { return f.DeleteUnit(f.t.Context(), staff(f.org), f.unit.ID) },
	} {
		s := newSession(t, 3)
		keys := s.vault.Keys()
		g, err := s.Group(t.Context(), s.dr.Actor, s.group)
		if err != nil {
			t.Fatal(err)
		}
		waits, away := s.asks(g, "Waits"), s.registers(g, "Away")
		s.planned(control.BreakoutPlan{Assign: control.AssignRandom, Rooms: make([]control.PlannedRoom, 2), Duration: time.Hour})
		s.openAll()
		if err := remove(s.clinic); err != nil {
			t.Fatal(err)
		}
		s.step(0)
		s.wantAllIn(what, "gone")
		s.wantIn(what+": the moderator", s.host.ParticipantID, "gone")
		s.wantIn(what+": who waited", waits.pid(), "gone")
		for i, who := range append(s.guests, waits) {
			want := control.OutcomeCompleted
			if who == waits {
				want = control.OutcomeRefused
			}
			if v := who.visit(); v.State != control.VisitEnded || v.Outcome != want {
				t.Errorf("%s: guest %d is %s %q", what, i, v.State, v.Outcome)
			}
		}
		if _, err := s.tryEnter(away, "", nil); !errors.Is(err, control.ErrNotFound) {
			t.Errorf("%s: a link leads to %v", what, err)
		}
		s.step(59 * time.Second)
		for _, kind := range []string{"group_", "breakout_"} {
			for _, r := range s.contents() {
				if strings.HasPrefix(r, "due/") && strings.Contains(r, kind) {
					t.Errorf("%s: still due: %s", what, r)
				}
			}
		}
		// Those of the three guests, of their registrations too, are erased as well.
		if n := s.vault.Keys(); n != keys-6 {
			t.Errorf("%s: %d keys more than before anybody came", what, n-keys+6)
		}
		if c, err := s.Group(t.Context(), s.dr.Actor, s.group); err != nil || c.State != control.GroupEnded {
			t.Errorf("%s: the group is %s, %v", what, c.State, err)
		}
	}
}

// R-IC: nobody who has left stands in the spotlight, in a call of few either.
func TestSpotlightEndsWithWhoLeft(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	ann, bob := f.arrive("Ann"), f.arrive("Bob")
	call := f.admit(f.dr, ann, control.AdmitSpec{}).Call.ID
	f.admit(f.dr, bob, control.AdmitSpec{CallID: call})
	for i, leaves := range map[*guest]func() error{
		ann: func() error { return f.LeaveVisit(t.Context(), ann.actor, ann.id) },
		bob: func() error { _, err := f.Hold(t.Context(), f.dr.Actor, bob.id); return err },
	} {
		if _, err := f.Spotlight(t.Context(), f.dr.Actor, call, i.pid(), true); err != nil {
			t.Fatal(err)
		}
		if err := leaves(); err != nil {
			t.Fatal(err)
		}
		if c := f.groupCall(call); c.Controls.Spotlight != "" || f.media.Arranged(call).Controls.Spotlight != "" {
			t.Error(fmt.Sprint("somebody who left is in the spotlight: ", c.Controls))
		}
	}
}
