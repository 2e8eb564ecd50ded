package server

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/cmd/internal/testkit"
	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/client/source"
	"github.com/atriumrtc/atrium/signal/message"
)

// clinic is a server with a waiting area.
type clinic struct {
	*Server
	t      *testing.T
	tokens *auth.Tokens
	area   control.Area
	dr     control.Staff
}

func newClinic(t *testing.T, o Options) *clinic {
	t.Helper()
	s := start(t, o)
	c := &clinic{Server: s, t: t}
	ctx := t.Context()
	org, _, err := s.Control().CreateOrganisation(ctx, "Test")
	if err != nil {
		t.Fatal(err)
	}
	admin := control.Actor{Kind: control.ActorAPIKey, ID: org.ID, OrganisationID: org.ID}
	unit, err := s.Control().CreateUnit(ctx, admin, org.ID, control.UnitSpec{Name: "Unit"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.area, err = s.Control().CreateArea(ctx, admin, unit.Unit.ID, control.AreaSpec{Name: "Area"}, nil); err != nil {
		t.Fatal(err)
	}
	c.dr = control.Staff{Actor: admin, Name: "Dr Who"}
	c.useKeys(o)
	return c
}

// useKeys signs tokens as the server does.
func (c *clinic) useKeys(o Options) {
	c.t.Helper()
	keys, err := auth.LoadKeys(filepath.Join(o.Config.Data.Dir, keyFile))
	if err != nil {
		c.t.Fatal(err)
	}
	c.tokens = auth.NewTokens(keys, nil)
}

func (c *clinic) token(j control.Join) string {
	c.t.Helper()
	token, err := c.tokens.Issue(auth.JoinClaims{
		ID: j.ID, ParticipantID: j.ParticipantID, OrganisationID: j.OrganisationID, RoomID: j.RoomID,
		Name: j.Name, Role: string(j.Role), IssuedAt: j.IssuedAt, ExpiresAt: j.ExpiresAt,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return token
}

// connect joins with camera and microphone.
func (c *clinic) connect(j control.Join) *client.Client {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), testkit.Patience)
	defer cancel()
	video, err := source.NewTraceVideo(source.TraceConfig{Seed: uint64(len(j.Name))})
	if err != nil {
		c.t.Fatal(err)
	}
	p, err := client.Connect(ctx, client.Options{
		URL: urlOf(c.Server), Token: c.token(j), ICETransportPolicy: webrtc.ICETransportPolicyAll,
		Publish: []client.Publication{
			{Source: message.SourceMicrophone, Audio: source.NewSpeech(source.SpeechConfig{Pattern: source.Always})},
			{Source: message.SourceCamera, Video: video},
		},
	})
	if err != nil {
		c.t.Fatalf("%s: %v", j.Name, err)
	}
	c.t.Cleanup(func() { _ = p.Close() }) // may have ended already
	return p
}

func (c *clinic) enter(name string) control.Entered {
	c.t.Helper()
	digest, ok := auth.LinkDigest(c.area.Link)
	if !ok {
		c.t.Fatal("the area has no link")
	}
	e, err := c.Control().EnterByLink(c.t.Context(), digest, control.EntrySpec{Fields: map[string]string{"name": name}})
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}

// in waits until somebody is in a room, "" being parked, with so many.
func in(t *testing.T, c *client.Client, room string, people int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	err := c.WaitFor(ctx, func(st client.State) bool {
		return st.Room.ID == room && len(st.Room.Participants) == people
	})
	if err != nil {
		t.Fatalf("%s isn't in %q with %d: %v", c.Self().Name, room, people, err)
	}
}

// TestVisit: through a whole server a guest waits parked beside another one, is
// admitted, held, resumed and let go, without a new connection; the other
// learns of nothing (R-IA-2, R-IA-5, R-WA-8).
func TestVisit(t *testing.T) {
	o := Options{Config: testConfig(t)}
	c := newClinic(t, o)
	rules := c.Control()
	ctx := t.Context()
	entered, other := c.enter("Ann"), c.enter("Bob")
	ann, bob := c.connect(entered.Join), c.connect(other.Join)
	in(t, ann, "", 0)
	in(t, bob, "", 0)
	testkit.Until(t, "Ann counting as connected", func() bool {
		v, err := rules.Visit(ctx, c.dr.Actor, entered.Visit.ID)
		return err == nil && v.Connected
	}, nil)

	admitted, err := rules.Admit(ctx, c.dr, entered.Visit.ID, control.AdmitSpec{})
	if err != nil {
		t.Fatal(err)
	}
	dr := c.connect(admitted.Join)
	in(t, dr, admitted.Call.ID, 2)
	sees(t, dr, ann)
	sees(t, ann, dr)

	if _, err := rules.Hold(ctx, c.dr.Actor, entered.Visit.ID); err != nil {
		t.Fatal(err)
	}
	in(t, ann, "", 0)
	in(t, dr, admitted.Call.ID, 1)
	if _, err := rules.Resume(ctx, c.dr, entered.Visit.ID); err != nil {
		t.Fatal(err)
	}
	in(t, ann, admitted.Call.ID, 2)
	sees(t, dr, ann)
	sees(t, ann, dr)

	if err := rules.EndCall(ctx, c.dr.Actor, admitted.Call.ID); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*client.Client{ann, dr} {
		select {
		case <-p.Done():
		case <-ctx.Done():
			t.Fatal("the call has ended and somebody is still there")
		}
		if bye := p.State().Bye; bye == nil || bye.Code != message.CodeRoomClosed {
			t.Errorf("bye %+v", bye)
		}
	}
	if room := bob.State().Room; room.ID != "" || len(room.Participants) != 0 || len(bob.State().Map.Slots) != 0 {
		t.Errorf("Bob learned of others: %+v", bob.State())
	}
	if _, err := rules.VisitSeat(ctx, control.Actor{Kind: control.ActorGuest, ID: entered.Visit.ID, OrganisationID: c.dr.Actor.OrganisationID}, entered.Visit.ID); err == nil {
		t.Error("a visit that has ended gives another token")
	}
}

// TestVisitOverRestart: visits and calls survive the server; who comes back
// with a new token of the same participant is where they were, and who was
// removed isn't; used tokens stay dead (SE-7, SE-12).
func TestVisitOverRestart(t *testing.T) {
	o := Options{Config: testConfig(t)}
	c := newClinic(t, o)
	ctx := t.Context()
	entered := c.enter("Ann")
	old := c.connect(entered.Join)
	admitted, err := c.Control().Admit(ctx, c.dr, entered.Visit.ID, control.AdmitSpec{})
	if err != nil {
		t.Fatal(err)
	}
	in(t, c.connect(admitted.Join), admitted.Call.ID, 2)
	if err := c.Server.Close(); err != nil {
		t.Fatal(err)
	}
	<-old.Done()

	c.Server = start(t, o)
	guest := control.Actor{Kind: control.ActorGuest, ID: entered.Visit.ID, OrganisationID: c.dr.Actor.OrganisationID}
	seat, err := c.Control().VisitSeat(ctx, guest, entered.Visit.ID)
	if err != nil || seat.ParticipantID != entered.Join.ParticipantID {
		t.Fatalf("%+v, %v", seat, err)
	}
	staff, err := c.Control().CallSeat(ctx, c.dr, admitted.Call.ID)
	if err != nil {
		t.Fatal(err)
	}
	k := dial(t, c.Server, c.token(entered.Join))
	if bye := k.expect("bye"); bye["code"] != message.CodeBadToken {
		t.Errorf("the old token: %v", bye)
	}
	ann, dr := c.connect(seat), c.connect(staff)
	in(t, ann, admitted.Call.ID, 2)
	sees(t, dr, ann)
	sees(t, ann, dr)

	again, err := c.Control().VisitSeat(ctx, guest, entered.Visit.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Control().RemoveVisit(ctx, c.dr.Actor, entered.Visit.ID); err != nil {
		t.Fatal(err)
	}
	<-ann.Done()
	if bye := ann.State().Bye; bye == nil || bye.Code != message.CodeRemoved {
		t.Errorf("bye %+v", bye)
	}
	k = dial(t, c.Server, c.token(again))
	if bye := k.expect("bye"); bye["code"] != message.CodeRoomClosed {
		t.Errorf("an unused token of who was removed: %v", bye)
	}
	// The provider goes too: nothing is left of the call.
	if err := dr.Leave(ctx); err != nil {
		t.Error(err)
	}
	testkit.Until(t, "the call ending", func() bool {
		call, err := c.Control().Call(ctx, c.dr.Actor, admitted.Call.ID)
		return err == nil && call.State == control.CallEnded
	}, nil)
}
