package control_test

import (
	"slices"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/controltest"
)

// endings are the warnings that were told to a room, by when they were, since
// a time.
func endings(told []controltest.Told, room string, start time.Time) (list []string) {
	for _, n := range told {
		if n.Notice.Code == control.NoticeEnding && slices.Contains(n.To.RoomIDs, room) {
			list = append(list, n.Notice.At.Sub(start).String())
		}
	}
	return list
}

// R-GC-3: a session ends for all 4:00:00 after its start, warned of 30, 10 and
// 1 minutes before, to the millisecond, whatever restarts come in between.
func TestGroupFourHours(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		f := newClinic(t, control.AreaSettings{})
		g := f.groupIn(control.GroupSpec{})
		started := f.starts(f.dr, g)
		start := f.clock()
		ann := f.asks(g, "Ann")
		f.admits(g, ann)
		waits := f.asks(g, "Waits")
		at := func(since time.Duration) {
			t.Helper()
			if restarts {
				f.setClock(start.Add(since - 90*time.Second))
				f.restart()
				for _, who := range []*guest{ann, waits} { // they come back, as they have 120 s to
					if join, err := f.VisitSeat(t.Context(), who.actor, who.id); err == nil {
						f.media.Disconnect(who.pid())
						f.connect(join)
					}
				}
			}
			f.setClock(start.Add(since))
			f.due()
		}
		var want []string
		for _, left := range []time.Duration{30 * time.Minute, 10 * time.Minute, time.Minute} {
			at(4*time.Hour - left - time.Millisecond)
			if got := endings(f.media.Told(), started.Call.ID, start); !slices.Equal(got, want) {
				t.Fatalf("restarts %t, just before %s are left: told %v; want %v", restarts, left, got, want)
			}
			want = append(want, "4h0m0s")
			at(4*time.Hour - left)
			if got := endings(f.media.Told(), started.Call.ID, start); !slices.Equal(got, want) {
				t.Fatalf("restarts %t, %s are left: told %v; want %v", restarts, left, got, want)
			}
		}
		at(4*time.Hour - time.Millisecond)
		ann.want(control.VisitInCall, "")
		at(4 * time.Hour)
		ann.want(control.VisitEnded, control.OutcomeCompleted)
		waits.want(control.VisitEnded, control.OutcomeRefused)
		if c := f.groupCall(started.Call.ID); c.State != control.CallEnded || !c.EndedAt.Equal(start.Add(4*time.Hour)) {
			t.Errorf("restarts %t: it %s at %s", restarts, c.State, c.EndedAt.Sub(start))
		}
		if f.where(ann.pid()) != "gone" || f.where(waits.pid()) != "gone" {
			t.Errorf("restarts %t: somebody is still there", restarts)
		}
		if got, _ := f.Group(t.Context(), f.dr.Actor, g.ID); got.State != control.GroupEnded {
			t.Errorf("restarts %t: the group is %s", restarts, got.State)
		}
	}
}

// R-GC-3: what was due while no server ran is done when one does: of several
// warnings the last, and the end.
func TestGroupTimeWithoutServer(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	g := f.groupIn(control.GroupSpec{})
	call := f.starts(f.dr, g).Call.ID
	start := f.clock()
	f.step(3*time.Hour + 55*time.Minute)
	f.restart()
	f.due()
	if got := endings(f.media.Told(), call, start); len(got) != 1 {
		t.Errorf("told %v", got)
	}
	f.setClock(start.Add(5 * time.Hour))
	f.restart()
	f.due()
	if got := endings(f.media.Told(), call, start); len(got) != 1 || f.groupCall(call).State != control.CallEnded {
		t.Errorf("told %v, the call is %s", got, f.groupCall(call).State)
	}
}

// R-GC-6: the host is in charge while they are there; else the co-moderator,
// else the other of staff who has been there for longest; else nobody, and the
// call runs on. Who comes back higher up has it again.
func TestGroupSuccession(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	co1, co2, colleague := f.account("Dr One"), f.account("Dr Two"), f.provider("Dr Guest")
	g := f.groupIn(control.GroupSpec{CoModeratorIDs: []string{co2.Actor.ID, co1.Actor.ID}})
	started, err := f.StartGroup(t.Context(), f.dr, g.ID)
	if err != nil {
		t.Fatal(err)
	}
	call, host := started.Call.ID, started.Join.ParticipantID
	ann := f.asks(g, "Ann")
	f.admits(g, ann)
	want := func(when, id string) {
		t.Helper()
		if c := f.groupCall(call); c.InCharge != id || f.media.Arranged(call).Controls.InCharge != id {
			t.Errorf("%s: %q is in charge, the room shows %q; want %q", when, c.InCharge, f.media.Arranged(call).Controls.InCharge, id)
		}
		ann.want(control.VisitInCall, "") // nobody else notices
		if f.where(ann.pid()) != call {
			t.Errorf("%s: Ann is %s", when, f.where(ann.pid()))
		}
	}
	want("nobody has come yet", "")
	third := f.joins(colleague, g)
	want("a colleague", third)
	f.connect(started.Join)
	want("the host", host)
	first, second := f.joins(co1, g), f.joins(co2, g)
	want("the others came", host)
	f.drop(host)
	want("the host's connection is lost", first)
	if err := f.MuteAll(t.Context(), co1.Actor, call, "microphone", true, true); err != nil {
		t.Error(err)
	}
	f.drop(first)
	want("the first's too", second)
	f.drop(second)
	want("all of theirs", third)
	if _, err := f.LockCall(t.Context(), colleague.Actor, call, true); err != nil {
		t.Errorf("who is in charge can't moderate: %v", err)
	}
	f.left(third, control.DepartedLeft)
	want("all of staff are away", "")
	if err := f.Present(t.Context(), second, true); err != nil {
		t.Fatal(err)
	}
	want("a co-moderator is back", second)
	if err := f.Present(t.Context(), host, true); err != nil {
		t.Fatal(err)
	}
	want("the host is back", host)
	f.drop(host)
	f.drop(second)
	f.step(121 * time.Second) // their seats are gone
	want("long after", "")
	again := f.joins(f.dr, g)
	if again == host {
		t.Error("the seat wasn't gone")
	}
	want("the host came anew", again)
}

// R-GC-6: a group's session goes on without staff, and without anybody; nobody
// is put on hold.
func TestGroupRunsOn(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	g := f.groupIn(control.GroupSpec{})
	started := f.starts(f.dr, g)
	ann := f.asks(g, "Ann")
	f.admits(g, ann)
	f.left(started.Join.ParticipantID, control.DepartedLeft)
	ann.want(control.VisitInCall, "")
	f.left(ann.pid(), control.DepartedLeft)
	if c := f.groupCall(started.Call.ID); c.State != control.CallLive {
		t.Errorf("the call is %s", c.State)
	}
	if again := f.starts(f.dr, g); again.Call.ID != started.Call.ID || !again.Call.EndsAt.Equal(started.Call.EndsAt) {
		t.Error("there is another call, or another end")
	}
	held := f.asks(g, "Bob")
	f.admits(g, held)
	if _, err := f.Hold(t.Context(), f.dr.Actor, held.id); err != nil {
		t.Fatal(err)
	}
	held.want(control.VisitOnHold, "")
	if f.where(held.pid()) != "parked" || !slices.Equal(f.inLobby(g), []string{"Bob"}) {
		t.Errorf("on hold they are %s, in the lobby %q", f.where(held.pid()), f.inLobby(g))
	}
	f.admits(g, held)
	if f.where(held.pid()) != started.Call.ID {
		t.Errorf("back, they are %s", f.where(held.pid()))
	}
}

// Of a group that an app schedules and starts, who starts it is the host.
func TestGroupOfAnApp(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	key := control.Actor{Kind: control.ActorAPIKey, ID: "key", OrganisationID: f.org}
	g, err := f.CreateGroup(t.Context(), key, f.area.ID, control.GroupSpec{Title: "App", StartsAt: f.clock(), Capacity: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	host := f.starts(control.Staff{Actor: key, Name: "Dr Host", Ref: "1"}, g)
	beside := f.joins(control.Staff{Actor: key, Name: "Dr Beside", Ref: "2"}, g)
	c := f.groupCall(host.Call.ID)
	if !c.Members[0].Host || c.Members[1].Host || c.InCharge != host.Join.ParticipantID {
		t.Errorf("members %+v, %s is in charge", c.Members, c.InCharge)
	}
	ann := f.asks(g, "Ann")
	_, err = f.AdmitToGroup(t.Context(), key, g.ID, []string{ann.id})
	refusedWith(t, err, control.CodeCallFull) // who is beside the host counts
	f.left(beside, control.DepartedLeft)
	if _, err := f.AdmitToGroup(t.Context(), key, g.ID, []string{ann.id}); err != nil {
		t.Error(err)
	}
}
