package api

import (
	"testing"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/api/client"
)

// R-MR-4: who administers a meeting room locks its call, mutes, removes and
// ends; a member comes back to their seat and no more. The unit's
// administrator doesn't reach into calls of its areas by that.
func TestMeetingRoomModeration(t *testing.T) {
	c := newClinic(t, control.AreaSettings{}, nil)
	ctx := t.Context()
	room, err := c.service.CreateMeetingRoom(ctx, control.System(), control.Scope{Kind: control.ScopeUnit, ID: c.unit}, "Team", nil)
	c.ok(err)
	scope := control.Scope{Kind: control.ScopeRoom, ID: room.ID}
	signedIn := func(role control.RoleName, scope control.Scope) *client.Client {
		_, session := c.staff(string(role), role, scope)
		return c.client(session)
	}
	admin, member := signedIn(control.RoomAdmin, scope), signedIn(control.RoomMember, scope)
	head := signedIn(control.OrgAdmin, control.Scope{Kind: control.ScopeUnit, ID: c.unit})
	inside, err := member.EnterMeetingRoom(ctx, room.ID, nil)
	c.ok(err)
	guest := c.enter(room.Link, "Ann")
	call := inside.Call.ID

	if again, err := member.ReturnToCall(ctx, call, nil); err != nil || again.ParticipantID != inside.ParticipantID {
		t.Errorf("a member's own seat: %+v, %v", again, err)
	}
	if seen, err := member.Call(ctx, call); err != nil || len(seen.Members) != 2 {
		t.Errorf("a member sees %+v, %v", seen, err)
	}
	_, err = member.LockCall(ctx, call, true)
	refused(t, "a member locks", err, 403, CodeForbidden)
	refused(t, "a member removes", member.RemoveFromCall(ctx, call, guest.ParticipantID), 403, CodeForbidden)
	refused(t, "a member ends", member.EndCall(ctx, call), 403, CodeForbidden)

	locked, err := admin.LockCall(ctx, call, true)
	if err != nil || !locked.Locked {
		t.Errorf("locked %+v, %v", locked, err)
	}
	_, err = c.client("").Entry(ctx, room.Link, "Bea")
	refused(t, "a guest at a locked call", err, 409, control.CodeCallLocked)
	if back, err := guest.Entry(ctx, room.Link, "Ann"); err != nil || back.Visit.ID != guest.visit.ID {
		t.Errorf("who is in it already: %+v, %v", back, err)
	}
	if _, err := head.LockCall(ctx, call, false); err != nil {
		t.Errorf("the unit's administrator unlocks: %v", err)
	}
	bea := c.enter(room.Link, "Bea")
	refused(t, "a member mutes", member.MuteInCall(ctx, call, bea.ParticipantID, "microphone", true), 403, CodeForbidden)
	c.ok(admin.MuteInCall(ctx, call, bea.ParticipantID, "microphone", true))
	c.ok(admin.RemoveFromCall(ctx, call, bea.ParticipantID))
	if _, err := bea.OwnVisit(ctx, bea.visit.ID); err == nil {
		t.Error("who was removed still has a visit")
	}
	c.ok(admin.EndCall(ctx, call))
	if over, err := admin.Call(ctx, call); err != nil || over.State != "ended" {
		t.Errorf("ended: %+v, %v", over, err)
	}

	ann := c.enter(c.area.Link, "Ann")
	admitted, err := c.app.AdmitVisit(ctx, ann.visit.ID, client.AdmitSpec{Provider: c.provider})
	c.ok(err)
	_, err = head.LockCall(ctx, admitted.Call.ID, true)
	refused(t, "the unit's administrator in an area's call", err, 403, CodeForbidden)
}
