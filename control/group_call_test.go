package control_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
)

// R-GC-1: sixty are admitted beside the moderator, whose seat is kept; the
// 61st is refused and keeps their place, however many are admitted at once.
func TestGroupIsFull(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	co := f.account("Dr Co")
	g := f.groupIn(control.GroupSpec{CoModeratorIDs: []string{co.Actor.ID}})
	crowd := f.crowd(g, 100)
	started := f.starts(co, g) // who counts among the sixty; the host comes last
	call := started.Call.ID
	var mu sync.Mutex
	var wg sync.WaitGroup
	admitted := 0
	for _, who := range crowd {
		wg.Go(func() {
			done, err := f.AdmitToGroup(t.Context(), f.dr.Actor, g.ID, []string{who.id})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				admitted += len(done.Admitted)
			} else {
				refusedWith(t, err, control.CodeCallFull)
			}
		})
	}
	wg.Wait()
	if people, _ := f.media.Participants(t.Context(), call); admitted != 59 || len(people) != 60 {
		t.Errorf("%d admitted, %d in the room", admitted, len(people))
	}
	if got := f.inLobby(g); len(got) != 41 {
		t.Errorf("%d keep their place", len(got))
	}
	_, err := f.JoinGroup(t.Context(), f.account("Dr Late"), g.ID)
	refusedWith(t, err, control.CodeCallFull)
	host := f.joins(f.dr, g)
	if people, _ := f.media.Participants(t.Context(), call); len(people) != 61 || f.where(host) != call {
		t.Errorf("with the host %d are in the room", len(people))
	}
	if c := f.groupCall(call); c.Peak != 61 {
		t.Errorf("peak %d", c.Peak)
	}
	for _, who := range crowd {
		if v := who.visit(); v.State == control.VisitWaiting && (v.Outcome != "" || f.where(who.pid()) != "parked") {
			t.Fatalf("who was refused is %s %q, %s", v.State, v.Outcome, f.where(who.pid()))
		}
	}
}

// R-GC-2: all who fit are admitted at once, in order of arrival, and it is said
// who didn't; a seat that becomes free goes to who waits for longest.
func TestAdmitAll(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	g := f.groupIn(control.GroupSpec{Capacity: 3})
	var crowd []*guest
	for i := range 5 {
		crowd = append(crowd, f.asks(g, fmt.Sprint(i)))
		f.step(time.Second)
	}
	started := f.starts(f.dr, g)
	done, err := f.AdmitAllToGroup(t.Context(), f.dr.Actor, g.ID)
	want := control.GroupAdmissions{
		Admitted: []string{crowd[0].id, crowd[1].id, crowd[2].id},
		Refused: []control.RefusedVisit{
			{VisitID: crowd[3].id, Code: control.CodeCallFull}, {VisitID: crowd[4].id, Code: control.CodeCallFull},
		},
	}
	if err != nil || !slices.Equal(done.Admitted, want.Admitted) || !slices.Equal(done.Refused, want.Refused) {
		t.Errorf("admitted %+v, %v", done, err)
	}
	f.left(crowd[1].pid(), control.DepartedLeft)
	if done, err = f.AdmitAllToGroup(t.Context(), f.dr.Actor, g.ID); err != nil || !slices.Equal(done.Admitted, []string{crowd[3].id}) {
		t.Errorf("then %+v, %v", done, err)
	}
	if f.where(crowd[3].pid()) != started.Call.ID || f.where(crowd[4].pid()) != "parked" {
		t.Errorf("they are %s and %s", f.where(crowd[3].pid()), f.where(crowd[4].pid()))
	}
	_, err = f.AdmitToGroup(t.Context(), f.dr.Actor, g.ID, []string{crowd[0].id})
	refusedWith(t, err, control.CodeWrongState)
	other := f.groupIn(control.GroupSpec{Title: "Other"})
	if _, err = f.AdmitToGroup(t.Context(), f.dr.Actor, g.ID, []string{f.asks(other, "X").id}); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("who waits for another group: %v", err)
	}
	if done, err = f.AdmitAllToGroup(t.Context(), f.dr.Actor, g.ID); err != nil || len(done.Admitted) != 0 || len(done.Refused) != 1 {
		t.Errorf("when nobody fits: %+v, %v", done, err)
	}
}

// R-GC-5: who was removed can't return by link, token or session, whether they
// were in the call, waited, or weren't there; who was denied or left can.
func TestGroupRemoved(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	g := f.groupIn(control.GroupSpec{})
	started := f.starts(f.dr, g)
	for what, remove := range map[string]func(who *guest) error{
		"in the call": func(who *guest) error {
			f.admits(g, who)
			return f.RemoveMember(t.Context(), f.dr.Actor, started.Call.ID, who.pid())
		},
		"waiting": func(who *guest) error {
			_, err := f.RemoveVisit(t.Context(), f.dr.Actor, who.id)
			return err
		},
		"by the registration": func(who *guest) error {
			f.admits(g, who)
			return f.RemoveRegistration(t.Context(), f.dr.Actor, f.registration(g, who.id).ID)
		},
	} {
		link := f.registers(g, what)
		who := f.enter(link, "")
		f.connect(who.join)
		other, err := f.VisitSeat(t.Context(), who.actor, who.id) // a token not used yet
		if err != nil {
			t.Fatal(err)
		}
		if err := remove(who); err != nil {
			t.Fatal(err)
		}
		who.want(control.VisitEnded, control.OutcomeRemoved)
		if f.where(who.pid()) != "gone" {
			t.Errorf("%s: they are %s", what, f.where(who.pid()))
		}
		if _, err := f.tryEnter(link, "", nil); !errors.Is(err, control.ErrNotFound) {
			t.Errorf("%s: by the link: %v", what, err)
		}
		if _, err := f.tryEnter(link, "", who); !errors.Is(err, control.ErrNotFound) {
			t.Errorf("%s: by link and session: %v", what, err)
		}
		if _, err := f.VisitByToken(t.Context(), who.token); !errors.Is(err, control.ErrUnauthenticated) {
			t.Errorf("%s: by the session: %v", what, err)
		}
		if f.alive(other) || f.tryConnect(other) == nil {
			t.Errorf("%s: by a token", what)
		}
		if state := f.registration(g, who.id).State; state != control.RegistrationRemoved {
			t.Errorf("%s: registered as %s", what, state)
		}
	}
	refusedWith(t, f.RemoveMember(t.Context(), f.dr.Actor, started.Call.ID, started.Join.ParticipantID), control.CodeWrongState)
	link := f.registers(g, "Denied")
	who := f.enter(link, "")
	if _, err := f.Deny(t.Context(), f.dr, who.id, "In a minute."); err != nil {
		t.Fatal(err)
	}
	who.want(control.VisitEnded, control.OutcomeRefused)
	again := f.enter(link, "")
	f.connect(again.join)
	f.admits(g, again)
	f.left(again.pid(), control.DepartedLeft)
	if f.enter(link, "").id == again.id {
		t.Error("a visit that ended goes on")
	}
}

// R-GC-5: what a moderator muted stays so, whoever reconnects or restarts,
// until a moderator takes it back, or asks them to unmute.
func TestGroupMuted(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	co := f.account("Dr Co")
	g := f.groupIn(control.GroupSpec{CoModeratorIDs: []string{co.Actor.ID}})
	started := f.starts(f.dr, g)
	call, host := started.Call.ID, started.Join.ParticipantID
	beside := f.joins(co, g)
	ann, bob := f.asks(g, "Ann"), f.asks(g, "Bob")
	f.admits(g, ann, bob)
	want := func(when string, id string, sources ...string) {
		t.Helper()
		if got := f.media.Silenced(id); !slices.Equal(got, sources) {
			t.Errorf("%s: %q are silenced; want %q", when, got, sources)
		}
	}
	mute := func(id, source string, muted bool) {
		t.Helper()
		if err := f.MuteMember(t.Context(), f.dr.Actor, call, id, source, muted); err != nil {
			t.Fatal(err)
		}
	}
	mute(ann.pid(), "microphone", true)
	mute(ann.pid(), "camera", true)
	mute(ann.pid(), "camera", true)
	want("muted", ann.pid(), "microphone", "camera")
	mute(ann.pid(), "camera", false)
	want("the video again", ann.pid(), "microphone")

	f.left(ann.pid(), control.DepartedInternal)
	join, err := f.VisitSeat(t.Context(), ann.actor, ann.id)
	if err != nil {
		t.Fatal(err)
	}
	f.connect(join)
	want("reconnected", ann.pid(), "microphone")
	f.media.Disconnect(ann.pid())
	f.restart()
	if join, err = f.VisitSeat(t.Context(), ann.actor, ann.id); err != nil {
		t.Fatal(err)
	}
	f.connect(join)
	want("after a restart", ann.pid(), "microphone")

	if err := f.AskToUnmute(t.Context(), co.Actor, call, ann.pid(), "microphone"); err != nil {
		t.Fatal(err)
	}
	want("asked: they may, and aren't unmuted", ann.pid())
	told := f.media.Told()
	n := control.CallNotice{Code: control.NoticeAskUnmute, Text: "microphone", From: beside, At: f.clock()}
	if len(told) != 1 || told[0].Notice != n || !slices.Equal(told[0].To.ParticipantIDs, []string{ann.pid()}) || told[0].To.RoomIDs != nil {
		t.Errorf("told %+v", told)
	}
	mute(ann.pid(), "microphone", true)
	mute(ann.pid(), "microphone", false)
	want("taken back", ann.pid())

	if err := f.MuteAll(t.Context(), f.dr.Actor, call, "microphone", true, true); err != nil {
		t.Fatal(err)
	}
	want("all", ann.pid(), "microphone")
	want("all", bob.pid(), "microphone")
	want("but moderators", beside)
	late := f.asks(g, "Late")
	f.admits(g, late)
	want("who came later", late.pid(), "microphone")
	if err := f.MuteAll(t.Context(), f.dr.Actor, call, "microphone", true, false); err != nil {
		t.Fatal(err)
	}
	want("really all", beside, "microphone")
	want("but who asks", host)
	if err := f.MuteAll(t.Context(), f.dr.Actor, call, "microphone", false, false); err != nil {
		t.Fatal(err)
	}
	want("nobody any more", bob.pid())
	var field *control.FieldError
	if err := f.MuteMember(t.Context(), f.dr.Actor, call, bob.pid(), "mouth", true); !errors.As(err, &field) {
		t.Errorf("another source: %v", err)
	}
}

// R-GC-5: spotlight, chat and lock are what the rooms show at once, and after a
// restart; a locked session lets nobody request access, but its moderator
// admits who they like.
func TestGroupControls(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	g := f.groupIn(control.GroupSpec{})
	call := f.starts(f.dr, g).Call.ID
	ann, waits := f.asks(g, "Ann"), f.asks(g, "Waits")
	f.admits(g, ann)
	if _, err := f.Spotlight(t.Context(), f.dr.Actor, call, ann.pid(), true); err != nil {
		t.Fatal(err)
	}
	if _, err := f.SetChat(t.Context(), f.dr.Actor, call, false); err != nil {
		t.Fatal(err)
	}
	host := f.groupCall(call).InCharge
	want := control.MediaRoom{
		ID: call, Name: "Coping", Kind: "group", Capacity: 61, EndsAt: f.clock().Add(4 * time.Hour),
		Controls: control.RoomControls{ChatOff: true, Spotlight: ann.pid(), InCharge: host, Call: call},
	}
	if got := f.media.Arranged(call); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the room shows %+v; want %+v", got, want)
	}
	f.restart()
	if c := f.groupCall(call).Controls; !c.ChatOff || c.Spotlight != ann.pid() || len(c.Silenced) > 0 {
		t.Errorf("after a restart %+v", c)
	}
	f.left(ann.pid(), control.DepartedLeft)
	if got := f.media.Arranged(call).Controls.Spotlight; got != "" {
		t.Errorf("the spotlight is on somebody who has gone: %s", got)
	}
	if _, err := f.Spotlight(t.Context(), f.dr.Actor, call, ann.pid(), true); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("on who has gone: %v", err)
	}

	link := f.registers(g, "Late")
	if _, err := f.LockCall(t.Context(), f.dr.Actor, call, true); err != nil {
		t.Fatal(err)
	}
	_, err := f.tryEnter(link, "", nil)
	refusedWith(t, err, control.CodeCallLocked)
	if _, err := f.JoinGroup(t.Context(), f.provider("Dr Other"), g.ID); !errors.Is(err, control.ErrNotModerator) {
		t.Errorf("a colleague: %v", err)
	}
	f.admits(g, waits)
	if _, err := f.LockCall(t.Context(), f.dr.Actor, call, false); err != nil {
		t.Fatal(err)
	}
	f.enter(link, "")
}

// R-GC-5, section 2 of the specification: the host and those named beside them moderate,
// an app with a key too; others who have the permission don't.
func TestGroupAuthority(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	co, other := f.account("Dr Co"), f.provider("Dr Other")
	g := f.groupIn(control.GroupSpec{CoModeratorIDs: []string{co.Actor.ID}})
	if _, err := f.StartGroup(t.Context(), other, g.ID); !errors.Is(err, control.ErrNotModerator) {
		t.Errorf("started by another: %v", err)
	}
	call := f.starts(f.dr, g).Call.ID
	key := control.Actor{Kind: control.ActorAPIKey, ID: "key", OrganisationID: f.org}
	for who, want := range map[control.Actor]error{
		f.dr.Actor: nil, co.Actor: nil, key: nil, other.Actor: control.ErrNotModerator,
		{Kind: control.ActorAccount, ID: f.dr.Actor.ID, OrganisationID: "theirs"}: control.ErrNotFound,
	} {
		guest := f.asks(g, "Ann")
		waits := f.asks(g, "Waits")
		f.admits(g, guest)
		staff := control.Staff{Actor: who, Name: "Name"}
		for what, err := range map[string]error{
			"mute":      f.MuteMember(t.Context(), who, call, guest.pid(), "camera", true),
			"mute all":  f.MuteAll(t.Context(), who, call, "camera", true, true),
			"ask":       f.AskToUnmute(t.Context(), who, call, guest.pid(), "camera"),
			"lock":      func() error { _, err := f.LockCall(t.Context(), who, call, false); return err }(),
			"chat":      func() error { _, err := f.SetChat(t.Context(), who, call, true); return err }(),
			"spotlight": func() error { _, err := f.Spotlight(t.Context(), who, call, guest.pid(), true); return err }(),
			"message":   func() error { _, err := f.Message(t.Context(), staff, waits.id, "Hello", nil); return err }(),
			"admit all": func() error { _, err := f.AdmitAllToGroup(t.Context(), who, g.ID); return err }(),
			"hold":      func() error { _, err := f.Hold(t.Context(), who, guest.id); return err }(),
			"deny":      func() error { _, err := f.Deny(t.Context(), staff, guest.id, ""); return err }(),
			"remove":    func() error { _, err := f.RemoveVisit(t.Context(), who, waits.id); return err }(),
		} {
			// In any order: the state may be in the way of who is let through.
			through := err == nil || errors.Is(err, &control.StateError{Code: control.CodeWrongState}) || errors.Is(err, control.ErrNotFound)
			if want == nil && !through || want != nil && !errors.Is(err, want) {
				t.Errorf("%s by %s %s: %v; want %v", what, who.Kind, who.ID, err, want)
			}
		}
	}
	if err := f.EndCall(t.Context(), other.Actor, call); !errors.Is(err, control.ErrNotModerator) {
		t.Errorf("ended by another: %v", err)
	}
	if err := f.EndCall(t.Context(), co.Actor, call); err != nil {
		t.Error(err)
	}
	if got, _ := f.Group(t.Context(), f.dr.Actor, g.ID); got.State != control.GroupEnded {
		t.Errorf("its call has ended, the group is %s", got.State)
	}
}
