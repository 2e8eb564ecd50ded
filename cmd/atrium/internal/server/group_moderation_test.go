package server

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/message"
)

// inSlot says whether a source of somebody comes in a slot.
func inSlot(st client.State, id, source string) bool {
	return slices.ContainsFunc(st.Map.Slots, func(s message.Slot) bool {
		return s.Participant == id && s.Source == source && s.State == message.SlotLive
	})
}

// TestGroupModeration: through a whole server, nobody but staff learns more of
// a name than its initials; who is muted isn't heard, after a restart or coming
// back by their link neither, until a moderator takes it back, or asks them to
// unmute, and they do; who was removed comes back neither by link, nor by token,
// nor by session (R-GC-5).
func TestGroupModeration(t *testing.T) {
	o := Options{Config: testConfig(t)}
	c := newClinic(t, o)
	ctx := t.Context()
	g, err := c.Control().CreateGroup(ctx, c.dr.Actor, c.area.ID,
		control.GroupSpec{Title: "Group", StartsAt: time.Now().Add(time.Hour), Names: control.NamesInitials}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var links []string
	var entered []control.Entered
	for _, name := range []string{"Ann Lee", "Bob Lee"} {
		r, err := c.Control().RegisterForGroup(ctx, c.dr.Actor, g.ID, map[string]string{"name": name}, nil)
		if err != nil {
			t.Fatal(err)
		}
		links, entered = append(links, r.Link), append(entered, c.byLink(r.Link))
	}
	ann, bob := c.connect(entered[0].Join), c.connect(entered[1].Join)
	started, err := c.Control().StartGroup(ctx, c.dr, g.ID)
	if err != nil {
		t.Fatal(err)
	}
	call := started.Call.ID
	if done, err := c.Control().AdmitAllToGroup(ctx, c.dr.Actor, g.ID); err != nil || len(done.Admitted) != 2 {
		t.Fatalf("admitted %+v, %v", done, err)
	}
	sees(t, bob, ann)
	if p, _ := bob.State().Participant(ann.ID()); p.Name != "A. L." || ann.Self().Name != "A. L." {
		t.Errorf("Ann is shown as %q, and to herself as %q", p.Name, ann.Self().Name)
	}
	mute := func(source string, muted bool) {
		t.Helper()
		if err := c.Control().MuteMember(ctx, c.dr.Actor, call, ann.ID(), source, muted); err != nil {
			t.Fatal(err)
		}
	}
	wants := func(receives ...string) func(client.State) bool { // and what else Ann has is silenced
		return func(st client.State) bool {
			for _, source := range []string{message.SourceMicrophone, message.SourceCamera} {
				silent := slices.Contains(silenced(st, ann.ID()), source)
				if slices.Contains(receives, source) == silent || !silent && !st.Receives(ann.ID(), source) || silent && inSlot(st, ann.ID(), source) {
					return false
				}
			}
			return true
		}
	}
	mute(message.SourceMicrophone, true)
	until(t, "Ann muted", bob, wants(message.SourceCamera))
	mute(message.SourceCamera, true)
	until(t, "Ann's video stopped too", bob, wants())

	if err := c.Server.Close(); err != nil {
		t.Fatal(err)
	}
	<-ann.Done()
	<-bob.Done()
	c.Server = start(t, o)
	seats := make([]control.Join, 2)
	for i, e := range entered {
		guest := control.Actor{Kind: control.ActorGuest, ID: e.Visit.ID, OrganisationID: c.dr.Actor.OrganisationID}
		if seats[i], err = c.Control().VisitSeat(ctx, guest, e.Visit.ID); err != nil {
			t.Fatal(err)
		}
	}
	bob = c.connect(seats[1])
	ann = c.connect(seats[0])
	until(t, "Ann silent after a restart", bob, wants())
	leaving := control.Actor{Kind: control.ActorGuest, ID: entered[0].Visit.ID, OrganisationID: c.dr.Actor.OrganisationID}
	if err := c.Control().LeaveVisit(ctx, leaving, leaving.ID); err != nil {
		t.Fatal(err)
	}
	<-ann.Done()
	entered[0] = c.byLink(links[0])
	ann = c.connect(entered[0].Join)
	if done, err := c.Control().AdmitAllToGroup(ctx, c.dr.Actor, g.ID); err != nil || len(done.Admitted) != 1 {
		t.Fatalf("admitted %+v, %v", done, err)
	}
	until(t, "Ann silent, back by her link", bob, wants())
	mute(message.SourceCamera, false)
	mayUnmute(t, bob, ann, message.SourceCamera)
	until(t, "Ann's video again", bob, wants(message.SourceCamera))
	if bob.State().Receives(ann.ID(), message.SourceMicrophone) {
		t.Error("after the restart Bob heard Ann, who was muted")
	}
	if err := c.Control().AskToUnmute(ctx, c.dr.Actor, call, ann.ID(), message.SourceMicrophone); err != nil {
		t.Fatal(err)
	}
	mayUnmute(t, bob, ann, message.SourceMicrophone)
	until(t, "Ann's voice again", bob, wants(message.SourceCamera, message.SourceMicrophone))

	guest := control.Actor{Kind: control.ActorGuest, ID: entered[0].Visit.ID, OrganisationID: c.dr.Actor.OrganisationID}
	unused, err := c.Control().VisitSeat(ctx, guest, guest.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Control().RemoveMember(ctx, c.dr.Actor, call, ann.ID()); err != nil {
		t.Fatal(err)
	}
	<-ann.Done()
	if bye := ann.State().Bye; bye == nil || bye.Code != message.CodeRemoved {
		t.Errorf("bye %+v", bye)
	}
	if bye := dial(t, c.Server, c.token(unused)).expect("bye"); bye["code"] != message.CodeRoomClosed {
		t.Errorf("an unused token: %v", bye)
	}
	if err := ann.Resume(ctx); err == nil {
		t.Error("the resume secret of who was removed lets them in")
	}
	digest, _ := auth.LinkDigest(links[0])
	token, _ := auth.VisitTokenDigest(entered[0].VisitToken)
	if _, err := c.Control().EnterByLink(ctx, digest, control.EntrySpec{VisitToken: &token}); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("the link and the session of who was removed: %v", err)
	}
	in(t, bob, call, 1)
}
