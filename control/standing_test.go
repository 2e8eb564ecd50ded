package control_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/store"
)

// rights is as much of the permission table as these tests need.
type rights struct{}

func (rights) MaySit(kind control.RoomType, roles []control.RoleName) bool {
	if kind == control.Meeting {
		return slices.Contains(roles, control.RoomMember) || slices.Contains(roles, control.RoomAdmin)
	}
	return slices.Contains(roles, control.Provider)
}

// hire makes an account with a role, which has accepted its invitation.
func (f *clinic) hire(name string, role control.RoleName, on control.Scope) (control.Staff, control.Grant) {
	f.t.Helper()
	in := control.Invitee{Email: uuid.NewString() + "@example.org", Copy: true}
	made, err := f.Appoint(f.t.Context(), staff(f.org), role, on, in, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	account, err := f.AcceptInvitation(f.t.Context(), linkDigest(f.t, made.Invitation.Link), name, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return control.Staff{
		Name: name, Session: "a session", Actor: control.Actor{Kind: control.ActorAccount, ID: account.ID, OrganisationID: f.org},
	}, made.Grant
}

func (f *clinic) grant(who control.Staff, role control.RoleName, on control.Scope) control.Grant {
	f.t.Helper()
	g, err := f.AddGrant(f.t.Context(), staff(f.org), who.Actor.ID, role, on)
	if err != nil {
		f.t.Fatal(err)
	}
	return g
}

func (f *clinic) demote(g control.Grant) {
	f.t.Helper()
	if err := f.RemoveGrant(f.t.Context(), staff(f.org), g.Scope, g.ID); err != nil {
		f.t.Fatal(err)
	}
}

// out fails unless somebody of staff is out of their call, for good.
func (f *clinic) out(why string, who control.Staff, in control.Admitted) {
	f.t.Helper()
	if at := f.where(in.Join.ParticipantID); at != "gone" || f.alive(in.Join) {
		f.t.Errorf("%s: they are %s, their token good: %t", why, at, f.alive(in.Join))
	}
	if _, err := f.CallSeat(f.t.Context(), who, in.Call.ID); !errors.Is(err, control.ErrNotFound) {
		f.t.Errorf("%s: another token: %v", why, err)
	}
	audited := 0
	f.each("audit/", func(string) { audited++ }, `"call.remove"`)
	if audited == 0 {
		f.t.Errorf("%s: nothing was audited", why)
	}
}

func (f *clinic) stays(why string, in control.Admitted) {
	f.t.Helper()
	if at := f.where(in.Join.ParticipantID); at != in.Call.ID {
		f.t.Errorf("%s: they are %s", why, at)
	}
}

// R-P-2: whoever loses the role that they sit in a call by is out of it with
// the commit, and R-IA-5: the guests are on hold. Another role of theirs keeps
// the seat if it is one to sit by; a role elsewhere doesn't count.
func TestLosingARoleEndsTheSeat(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	here, elsewhere := areaScope(f.area.ID), areaScope(f.newArea("Other", control.AreaSettings{}).ID)
	dr, provider := f.hire("Dr Own", control.Provider, here)
	coordinator, other := f.grant(dr, control.Coordinator, here), f.grant(dr, control.Provider, elsewhere)
	colleague, _ := f.hire("Dr Two", control.Provider, here)
	ann := f.arrive("Ann")
	in := f.admit(dr, ann, control.AdmitSpec{})
	f.demote(other)
	f.stays("without a role elsewhere", in)
	f.demote(coordinator)
	f.stays("without a role that isn't for conducting", in)

	with := f.admit(colleague, ann, control.AdmitSpec{Confirm: true})
	f.grant(dr, control.Coordinator, here)
	f.demote(provider)
	f.out("a role is left, and none to sit by", dr, in)
	f.stays("the colleague", with)
	ann.want(control.VisitInCall, "")

	f.outOfOffice(colleague)
	f.out("disabled", colleague, with)
	ann.want(control.VisitOnHold, "")
	if f.where(ann.pid()) != "parked" {
		t.Errorf("Ann is %s", f.where(ann.pid()))
	}
	seats := 0
	f.each("seat_of/", func(string) { seats++ }, "")
	if seats != 0 {
		t.Errorf("%d seats are remembered", seats)
	}
}

// outOfOffice disables an account.
func (f *clinic) outOfOffice(who control.Staff) {
	f.t.Helper()
	if _, err := f.DisableAccount(f.t.Context(), staff(f.org), who.Actor.ID, nil); err != nil {
		f.t.Fatal(err)
	}
}

// R-P-2: a meeting room's members sit by their role on the room.
func TestLosingARoleEndsTheMeeting(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	room := f.newRoom()
	who, member := f.hire("Mia", control.RoomMember, control.Scope{Kind: control.ScopeRoom, ID: room.ID})
	call, join, err := f.EnterMeetingRoom(t.Context(), who, room.ID)
	if err != nil {
		t.Fatal(err)
	}
	f.connect(join)
	f.demote(member)
	f.out("no member any more", who, control.Admitted{Call: call, Join: join})
}

// R-P-2: disabling an account and ending its sessions are one transaction: when
// that fails, nothing has happened.
func TestDisablingIsOneTransaction(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	dr, _ := f.hire("Dr Own", control.Provider, areaScope(f.area.ID))
	in := f.admit(dr, f.arrive("Ann"), control.AdmitSpec{})
	broken := errors.New("broken")
	_, err := f.DisableAccount(t.Context(), staff(f.org), dr.Actor.ID, func(store.Tx) error { return broken })
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	f.stays("when the sessions can't be ended", in)
	if a, err := f.Account(t.Context(), staff(f.org), dr.Actor.ID); err != nil || a.State != control.AccountActive {
		t.Errorf("the account is %s, %v", a.State, err)
	}
	ended := false
	_, err = f.DisableAccount(t.Context(), staff(f.org), dr.Actor.ID, func(store.Tx) error {
		ended = true
		return nil
	})
	if err != nil || !ended {
		t.Fatalf("sessions ended: %t, %v", ended, err)
	}
	f.out("disabled", dr, in)
}

// R-P-2: signing out takes somebody out of the calls that they entered, or came
// back to, with that session, and of no others.
func TestSignOutEndsTheSeat(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	dr, _ := f.hire("Dr Own", control.Provider, areaScope(f.area.ID))
	in := f.admit(dr, f.arrive("Ann"), control.AdmitSpec{})
	signOut := func(session string) {
		t.Helper()
		deleted := false
		err := f.SignOut(t.Context(), dr.Actor, session, func(store.Tx) error {
			deleted = true
			return nil
		})
		if err != nil || !deleted {
			t.Fatalf("session deleted: %t, %v", deleted, err)
		}
	}
	signOut("another session")
	f.stays("another session has ended", in)
	later := dr
	later.Session = "a later session"
	if _, err := f.CallSeat(t.Context(), later, in.Call.ID); err != nil {
		t.Fatal(err)
	}
	signOut(dr.Session)
	f.stays("the session of before has ended", in)
	change := control.OwnAccountPatch{Session: later.Session, Password: func(store.Tx) error { return nil }}
	if _, err := f.UpdateOwnAccount(t.Context(), dr.Actor, change); err != nil {
		t.Fatal(err)
	}
	f.stays("the password is changed by the same session", in)
	signOut(later.Session)
	f.out("signed out", dr, in)
	again := f.admit(dr, f.arrive("Bob"), control.AdmitSpec{})
	if _, err := f.UpdateOwnAccount(t.Context(), dr.Actor, change); err != nil {
		t.Fatal(err)
	}
	f.out("the password is changed by another session", dr, again)
	if err := f.SignOut(t.Context(), control.Actor{Kind: control.ActorAPIKey, ID: "key"}, "", nil); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("an API key signing out: %v", err)
	}
}
