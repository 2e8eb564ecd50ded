package server

import (
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/message"
)

// byLink enters by a link as somebody who is known already.
func (c *clinic) byLink(link string) control.Entered {
	c.t.Helper()
	digest, ok := auth.LinkDigest(link)
	if !ok {
		c.t.Fatal("the link has another form")
	}
	e, err := c.Control().EnterByLink(c.t.Context(), digest, control.EntrySpec{})
	if err != nil {
		c.t.Fatal(err)
	}
	return e
}

// session is a group that goes on: a participant, and two who moderate.
type session struct {
	*clinic
	call           string
	guest          control.Actor // the participant's
	ann, host, two *client.Client
}

func (c *clinic) session() *session {
	c.t.Helper()
	rules, ctx := c.Control(), c.t.Context()
	g, err := rules.CreateGroup(ctx, c.dr.Actor, c.area.ID, control.GroupSpec{Title: "Group", StartsAt: time.Now().Add(time.Hour)}, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	registered, err := rules.RegisterForGroup(ctx, c.dr.Actor, g.ID, map[string]string{"name": "Ann"}, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	entered := c.byLink(registered.Link)
	s := &session{clinic: c, ann: c.connect(entered.Join)}
	s.guest = control.Actor{Kind: control.ActorGuest, ID: entered.Visit.ID, OrganisationID: c.dr.Actor.OrganisationID}
	in(c.t, s.ann, "", 0)
	started, err := rules.StartGroup(ctx, c.dr, g.ID)
	if err != nil {
		c.t.Fatal(err)
	}
	second, err := rules.JoinGroup(ctx, control.Staff{Actor: c.dr.Actor, Name: "Dr Two"}, g.ID)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := rules.AdmitToGroup(ctx, c.dr.Actor, g.ID, []string{entered.Visit.ID}); err != nil {
		c.t.Fatal(err)
	}
	s.call, s.host, s.two = started.Call.ID, c.connect(started.Join), c.connect(second.Join)
	in(c.t, s.ann, s.call, 3)
	return s
}

// TestGroup: through a whole server, who comes to a group has the lines of one
// from the lobby on, and nobody else (R-GC-1, PF-7); when the connection of the
// moderator is cut, the other one is in charge, until they return (R-GC-6).
func TestGroup(t *testing.T) {
	s := newClinic(t, Options{Config: testConfig(t)}).session()
	bob := s.connect(s.enter("Bob").Join)
	for _, row := range []struct {
		who   *client.Client
		lines int
	}{{s.ann, 37}, {s.host, 37}, {bob, 18}} {
		if lines := row.who.Policy().Lines; lines != row.lines {
			t.Errorf("%s has %d lines, want %d", row.who.Self().Name, lines, row.lines)
		}
	}
	inCharge := func(who *client.Client) {
		t.Helper()
		for _, p := range []*client.Client{s.ann, s.two} {
			until(t, who.Self().Name+" is in charge", p, func(st client.State) bool {
				return st.Room.Controls.InCharge == who.ID() && st.Room.Call == s.call && st.Room.EndsAt != nil
			})
		}
	}
	sees(t, s.ann, s.host)
	inCharge(s.host)
	cut := time.Now()
	s.host.Drop()
	inCharge(s.two)
	t.Logf("somebody else is in charge after %s", time.Since(cut).Round(time.Millisecond))
	sees(t, s.ann, s.host) // their media goes on
	if err := s.host.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	inCharge(s.host)
	if n := s.ann.SDPAfterFirst(); n != 0 {
		t.Errorf("%d offers or answers after the first", n)
	}
}

// TestBreakouts: through a whole server, breakout rooms are offered, chosen,
// spoken and written to, and closed, by the messages of PROTOCOL.md and without
// an offer (R-GC-4, R-GC-7).
func TestBreakouts(t *testing.T) {
	s := newClinic(t, Options{Config: testConfig(t)}).session()
	rules, ctx := s.Control(), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	planned, err := rules.PlanBreakouts(ctx, s.dr.Actor, s.call, control.BreakoutPlan{
		Assign: control.AssignChoose, Rooms: []control.PlannedRoom{{Name: "One"}, {Name: "Two"}}, Duration: time.Hour,
	})
	must(err)
	_, err = rules.OpenBreakouts(ctx, s.dr.Actor, s.call)
	must(err)
	until(t, "Ann may choose", s.ann, func(st client.State) bool {
		return len(st.Room.Breakouts) == 2 && st.Room.Breakouts[1].Name == "Two" && st.Room.ID == s.call
	})
	chosen := planned.Rooms[1].ID
	must(rules.ChooseBreakout(ctx, s.guest, s.call, chosen))
	until(t, "Ann is in the room", s.ann, func(st client.State) bool {
		return st.Room.ID == chosen && st.Room.Name == "Two" && st.Room.EndsAt != nil && st.Room.Call == s.call &&
			st.Room.Controls.InCharge == s.host.ID() && len(st.Room.Participants) == 1
	})
	must(rules.AskForHelp(ctx, s.guest, s.call, true))
	for _, p := range []*client.Client{s.host, s.two} {
		until(t, "a moderator is asked for", p, func(st client.State) bool {
			n := st.Notices[message.NoticeHelp]
			return n.From == s.ann.ID() && n.Room == chosen
		})
	}
	must(rules.BroadcastText(ctx, s.dr, s.call, "Ten minutes left", nil))
	until(t, "the text comes", s.ann, func(st client.State) bool {
		return st.Notices[message.NoticeBroadcast].Text == "Ten minutes left"
	})
	must(rules.BroadcastVoice(ctx, s.dr, s.call, true))
	until(t, "the voice comes", s.ann, func(st client.State) bool {
		return st.Receives(s.host.ID(), message.SourceMicrophone) && len(st.Room.Participants) == 1
	})
	must(rules.BroadcastVoice(ctx, s.dr, s.call, false))
	until(t, "the voice ends", s.ann, func(st client.State) bool { return len(st.Map.Slots) == 0 })
	_, err = rules.CloseBreakouts(ctx, s.dr.Actor, s.call, 0)
	must(err)
	in(t, s.ann, s.call, 3)
	sees(t, s.ann, s.host)
	until(t, "nothing is to be chosen", s.ann, func(st client.State) bool { return len(st.Room.Breakouts) == 0 })
	if n := s.ann.SDPAfterFirst(); n != 0 {
		t.Errorf("%d offers or answers after the first", n)
	}
}
