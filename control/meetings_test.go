package control_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
)

func (f *clinic) newRoom() control.MeetingRoom {
	f.t.Helper()
	r, err := f.CreateMeetingRoom(f.t.Context(), staff(f.org), unitScope(f.unit.ID), "Team", nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

// R-MR-1, R-MR-2: six people; staff enter through the console, guests by the
// link without waiting; all meet in one call.
func TestMeetingRoom(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	room := f.newRoom()
	call, join, err := f.EnterMeetingRoom(t.Context(), f.dr, room.ID)
	if err != nil {
		t.Fatal(err)
	}
	f.connect(join)
	var guests []*guest
	for i := range 5 {
		g := f.enter(room.Link, fmt.Sprint("Guest ", i))
		f.connect(g.join)
		if f.where(g.pid()) != call.ID {
			t.Errorf("the guest is %s", f.where(g.pid()))
		}
		guests = append(guests, g)
	}
	_, err = f.tryEnter(room.Link, "Seventh", nil)
	refusedWith(t, err, control.CodeCallFull)
	_, _, err = f.EnterMeetingRoom(t.Context(), f.provider("Dr Late"), room.ID)
	refusedWith(t, err, control.CodeCallFull)
	if again, same, err := f.EnterMeetingRoom(t.Context(), f.dr, room.ID); err != nil || again.ID != call.ID || same.ParticipantID != join.ParticipantID {
		t.Errorf("who is in it already: %v", err)
	}
	f.left(join.ParticipantID, control.DepartedLeft)
	guests[0].want(control.VisitInCall, "") // no hold here: guests may be among themselves for a while
	for _, g := range guests {
		f.left(g.pid(), control.DepartedLeft)
	}
	if c, _ := f.Call(t.Context(), f.dr.Actor, call.ID); c.State != control.CallEnded || c.Peak != 6 {
		t.Errorf("%s, peak %d", c.State, c.Peak)
	}
	if again, _, err := f.EnterMeetingRoom(t.Context(), f.dr, room.ID); err != nil || again.ID == call.ID {
		t.Errorf("the next session: %v", err)
	}
}

// R-MR-4: a lock and a new link keep others out at once; guests alone for ten
// minutes are let go, whether staff left or never came.
func TestMeetingRoomAlone(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	room := f.newRoom()
	first := f.enter(room.Link, "First")
	f.connect(first.join)
	f.step(control.AloneTime - time.Millisecond)
	first.want(control.VisitInCall, "")
	f.step(time.Millisecond)
	first.want(control.VisitEnded, control.OutcomeCompleted)
	if f.where(first.pid()) != "gone" {
		t.Error("the guest is still there")
	}

	second := f.enter(room.Link, "Second")
	f.connect(second.join)
	f.step(9 * time.Minute)
	_, join, err := f.EnterMeetingRoom(t.Context(), f.dr, room.ID)
	if err != nil {
		t.Fatal(err)
	}
	f.connect(join)
	f.step(time.Hour)
	second.want(control.VisitInCall, "")
	f.left(join.ParticipantID, control.DepartedLeft)
	f.step(control.AloneTime - time.Millisecond)
	second.want(control.VisitInCall, "")
	locked := true
	if _, err := f.UpdateMeetingRoom(t.Context(), f.dr.Actor, room.ID, control.MeetingRoomPatch{Locked: &locked}); err != nil {
		t.Fatal(err)
	}
	_, err = f.tryEnter(room.Link, "Third", nil)
	refusedWith(t, err, control.CodeRoomLocked)
	locked = false
	if _, err := f.UpdateMeetingRoom(t.Context(), f.dr.Actor, room.ID, control.MeetingRoomPatch{Locked: &locked}); err != nil {
		t.Fatal(err)
	}
	fresh, err := f.ResetMeetingRoomLink(t.Context(), f.dr.Actor, room.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.tryEnter(room.Link, "Fourth", nil); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("by the old link: %v", err)
	}
	f.enter(fresh.Link, "Fifth")
	f.step(time.Millisecond)
	second.want(control.VisitEnded, control.OutcomeCompleted)
}
