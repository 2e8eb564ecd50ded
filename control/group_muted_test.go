package control_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/atriumrtc/atrium/control"
)

// R-GC-5: who was muted, or whose video was stopped, comes back so: after
// leaving, after being gone for too long, from hold, and however often the
// server was restarted in between; until they are asked to unmute, or it is
// taken back.
func TestMutedPeopleComeBackMuted(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	co := f.account("Dr Co")
	g := f.groupIn(control.GroupSpec{CoModeratorIDs: []string{co.Actor.ID}})
	call := f.starts(f.dr, g).Call.ID
	link := f.registers(g, "Ann")
	ann, bob := f.enter(link, ""), f.asks(g, "Bob")
	f.connect(ann.join)
	f.admits(g, ann, bob)
	for _, source := range []string{"microphone", "camera"} {
		if err := f.MuteMember(t.Context(), f.dr.Actor, call, ann.pid(), source, true); err != nil {
			t.Fatal(err)
		}
	}
	want := func(when string, sources ...string) {
		t.Helper()
		if got := f.media.Silenced(ann.pid()); f.where(ann.pid()) != call || !slices.Equal(got, sources) {
			t.Errorf("%s: %q are silenced; want %q", when, got, sources)
		}
		if got := f.media.Silenced(bob.pid()); len(got) > 0 {
			t.Errorf("%s: of somebody else %q are silenced", when, got)
		}
	}
	// back has her come by her link, from the lobby.
	back := func() {
		t.Helper()
		before := ann.pid()
		ann = f.enter(link, "")
		if f.connect(ann.join); ann.pid() == before {
			t.Error("they never left")
		}
		f.admits(g, ann)
	}
	kill := func() {
		f.media.DisconnectAll()
		f.restart()
		join, err := f.VisitSeat(t.Context(), bob.actor, bob.id)
		if err != nil {
			t.Fatal(err)
		}
		f.connect(join)
	}
	f.left(ann.pid(), control.DepartedLeft)
	back()
	want("left and back", "microphone", "camera")
	f.left(ann.pid(), control.DepartedExpired)
	kill()
	back()
	want("gone for too long, and a restart", "microphone", "camera")
	if err := f.LeaveVisit(t.Context(), ann.actor, ann.id); err != nil {
		t.Fatal(err)
	}
	ann = f.enter(link, "")
	kill() // while she waits
	f.connect(ann.join)
	f.admits(g, ann)
	want("a restart in the lobby", "microphone", "camera")
	if _, err := f.Hold(t.Context(), f.dr.Actor, ann.id); err != nil {
		t.Fatal(err)
	}
	f.admits(g, ann)
	want("on hold and back", "microphone", "camera")

	if err := f.AskToUnmute(t.Context(), f.dr.Actor, call, ann.pid(), "microphone"); err != nil {
		t.Fatal(err)
	}
	want("asked to unmute", "camera")
	f.left(ann.pid(), control.DepartedLeft)
	back()
	want("left after being asked", "camera")
	if err := f.MuteMember(t.Context(), f.dr.Actor, call, ann.pid(), "camera", false); err != nil {
		t.Fatal(err)
	}
	f.left(ann.pid(), control.DepartedLeft)
	back()
	want("taken back")
}

// R-GC-5: of staff too, those with an account and those of an app.
func TestMutedStaffComeBackMuted(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	co := f.account("Dr Co")
	g := f.groupIn(control.GroupSpec{CoModeratorIDs: []string{co.Actor.ID}})
	call := f.starts(f.dr, g).Call.ID
	for _, who := range []control.Staff{co, f.app("Dr App")} {
		before := f.joins(who, g)
		if err := f.MuteMember(t.Context(), f.dr.Actor, call, before, "microphone", true); err != nil {
			t.Fatal(err)
		}
		f.left(before, control.DepartedLeft)
		again := f.joins(who, g)
		if got := f.media.Silenced(again); again == before || !slices.Equal(got, []string{"microphone"}) {
			t.Errorf("%s: %q are silenced", who.Name, got)
		}
	}
	if got := f.media.Silenced(f.joins(f.app("Dr Other"), g)); len(got) > 0 {
		t.Errorf("of another of the same app %q are silenced", got)
	}
}

// R-GC-5: a colleague whom a moderator removed can't join again, unless they are
// named beside the host.
func TestRemovedColleague(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	colleague := f.account("Dr Colleague")
	g := f.groupIn(control.GroupSpec{})
	call := f.starts(f.dr, g).Call.ID
	f.left(f.joins(colleague, g), control.DepartedLeft)
	removed := f.joins(colleague, g) // who left comes again
	if err := f.RemoveMember(t.Context(), f.dr.Actor, call, removed); err != nil {
		t.Fatal(err)
	}
	for _, how := range []func(context.Context, control.Staff, string) (control.StartedGroup, error){f.JoinGroup, f.StartGroup} {
		if _, err := how(t.Context(), colleague, g.ID); !errors.Is(err, control.ErrNotModerator) || f.where(removed) != "gone" {
			t.Errorf("joining again: %v", err)
		}
	}
	if _, err := f.CallSeat(t.Context(), colleague, call); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("their seat: %v", err)
	}
	named := []string{colleague.Actor.ID}
	if _, err := f.UpdateGroup(t.Context(), f.dr.Actor, g.ID, control.GroupPatch{CoModeratorIDs: &named}); err != nil {
		t.Fatal(err)
	}
	f.joins(colleague, g)
}

// R-GC-5: when all are muted, those are who are away, and guests who come
// later; whom a moderator asked to unmute in between stays able to.
func TestMuteAllAndWhoComesLater(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	g := f.groupIn(control.GroupSpec{})
	call := f.starts(f.dr, g).Call.ID
	link := f.registers(g, "Away")
	away, ann := f.enter(link, ""), f.asks(g, "Ann")
	f.admits(g, away, ann)
	if err := f.LeaveVisit(t.Context(), away.actor, away.id); err != nil {
		t.Fatal(err)
	}
	all := func(muted bool) {
		t.Helper()
		if err := f.MuteAll(t.Context(), f.dr.Actor, call, "microphone", muted, true); err != nil {
			t.Fatal(err)
		}
	}
	want := func(who string, id string, sources ...string) {
		t.Helper()
		if got := f.media.Silenced(id); f.where(id) != call || !slices.Equal(got, sources) {
			t.Errorf("%s: %q are silenced; want %q", who, got, sources)
		}
	}
	all(true)
	f.media.DisconnectAll()
	f.restart()
	away = f.enter(link, "")
	f.connect(away.join)
	late := f.asks(g, "Late")
	f.admits(g, away, late)
	want("who was away", away.pid(), "microphone")
	want("who comes later", late.pid(), "microphone")
	colleague := f.joins(f.provider("Dr Late"), g)
	want("staff who come later", colleague)
	if got := f.groupCall(call).Controls.Silenced; !slices.Equal(got, []string{"microphone"}) {
		t.Errorf("the call has all muted of %q", got)
	}
	if err := f.AskToUnmute(t.Context(), f.dr.Actor, call, late.pid(), "microphone"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Hold(t.Context(), f.dr.Actor, late.id); err != nil {
		t.Fatal(err)
	}
	f.admits(g, late)
	want("who may speak, after hold", late.pid())

	if err := f.LeaveVisit(t.Context(), away.actor, away.id); err != nil {
		t.Fatal(err)
	}
	all(false)
	away = f.enter(link, "")
	f.connect(away.join)
	last := f.asks(g, "Last")
	f.admits(g, away, last)
	want("who was away, taken back", away.pid())
	want("who comes then", last.pid())
}
