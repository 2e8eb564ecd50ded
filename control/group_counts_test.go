package control_test

import (
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/store"
)

// R-GC-2: a group says how many registered, how many of them wait and how many
// are in the session, whatever becomes of them; one from before that was kept
// too.
func TestGroupCounts(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	g := f.groupIn(control.GroupSpec{})
	other := f.groupIn(control.GroupSpec{Title: "Other"})
	f.asks(other, "Somebody else")
	want := func(when string, registered, waiting, admitted int) {
		t.Helper()
		counts := control.GroupCounts{Registered: registered, Waiting: waiting, Admitted: admitted}
		one, err := f.Group(t.Context(), f.dr.Actor, g.ID)
		if err != nil || one.Counts != counts {
			t.Errorf("%s: %+v, %v; want %+v", when, one.Counts, err, counts)
		}
		page, err := f.Groups(t.Context(), f.dr.Actor, f.area.ID, g.StartsAt, g.StartsAt.Add(time.Second), control.Query{})
		if err != nil || len(page.Items) != 2 || page.Items[0].Counts != counts {
			t.Errorf("%s, listed: %+v, %v", when, page.Items, err)
		}
	}
	want("new", 0, 0, 0)
	link := f.registers(g, "Ann")
	f.registers(g, "Registered")
	want("two have registered", 2, 0, 0)
	ann, bob, removed := f.enter(link, ""), f.asks(g, "Bob"), f.asks(g, "Removed")
	f.enter(link, "") // again
	want("three wait", 4, 3, 0)
	call := f.starts(f.dr, g).Call.ID
	f.admits(g, ann, bob, removed)
	want("all admitted", 4, 0, 3)
	if err := f.RemoveMember(t.Context(), f.dr.Actor, call, removed.pid()); err != nil {
		t.Fatal(err)
	}
	want("one removed", 3, 0, 2)
	if _, err := f.Hold(t.Context(), f.dr.Actor, bob.id); err != nil {
		t.Fatal(err)
	}
	want("one on hold", 3, 1, 1)
	f.restart()
	want("after a restart", 3, 1, 1)
	if n := len(f.inLobby(g)); n != 1 {
		t.Errorf("%d wait", n)
	}
	// As written before counts were kept.
	err := f.store.Update(t.Context(), func(tx store.Tx) error { return tx.Delete("group_counts/" + g.ID) })
	if err != nil {
		t.Fatal(err)
	}
	want("not kept", 3, 1, 1)
	if _, err := f.Deny(t.Context(), f.dr, bob.id, ""); err != nil {
		t.Fatal(err)
	}
	want("one denied", 3, 0, 1)
	f.registers(g, "Late")
	want("one more registers", 4, 0, 1)
	if err := f.EndGroup(t.Context(), f.dr.Actor, g.ID); err != nil {
		t.Fatal(err)
	}
	want("ended", 4, 0, 0)
}
