package server

import (
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/signal/client"
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

// TestGroup: through a whole server, who comes to a group has the lines of one
// from the lobby on, and nobody else (R-GC-1, PF-7); when the connection of the
// moderator is cut, the other one is in charge, until they return (R-GC-6).
func TestGroup(t *testing.T) {
	c := newClinic(t, Options{Config: testConfig(t)})
	rules, ctx := c.Control(), t.Context()
	g, err := rules.CreateGroup(ctx, c.dr.Actor, c.area.ID, control.GroupSpec{Title: "Group", StartsAt: time.Now().Add(time.Hour)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	registered, err := rules.RegisterForGroup(ctx, c.dr.Actor, g.ID, map[string]string{"name": "Ann"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	entered := c.byLink(registered.Link)
	ann, guest := c.connect(entered.Join), c.connect(c.enter("Bob").Join)
	in(t, ann, "", 0)
	if lines := ann.Policy().Lines; lines != 37 {
		t.Errorf("who waits for a group has %d lines", lines)
	}
	if lines := guest.Policy().Lines; lines != 18 {
		t.Errorf("a guest of the area has %d lines", lines)
	}
	started, err := rules.StartGroup(ctx, c.dr, g.ID)
	if err != nil {
		t.Fatal(err)
	}
	second, err := rules.JoinGroup(ctx, control.Staff{Actor: c.dr.Actor, Name: "Dr Two"}, g.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rules.AdmitToGroup(ctx, c.dr.Actor, g.ID, []string{entered.Visit.ID}); err != nil {
		t.Fatal(err)
	}
	host, two := c.connect(started.Join), c.connect(second.Join)
	in(t, ann, started.Call.ID, 3)
	sees(t, ann, host)
	if lines := host.Policy().Lines; lines != 37 {
		t.Errorf("a moderator has %d lines", lines)
	}
	inCharge := func(who *client.Client) {
		t.Helper()
		for _, p := range []*client.Client{ann, two} {
			until(t, who.Self().Name+" is in charge", p, func(st client.State) bool {
				return st.Room.Controls.InCharge == who.ID() && st.Room.Call == started.Call.ID && st.Room.EndsAt != nil
			})
		}
	}
	inCharge(host)
	cut := time.Now()
	host.Drop()
	inCharge(two)
	t.Logf("somebody else is in charge after %s", time.Since(cut).Round(time.Millisecond))
	sees(t, ann, host) // their media goes on
	if err := host.Resume(ctx); err != nil {
		t.Fatal(err)
	}
	inCharge(host)
	if n := ann.SDPAfterFirst(); n != 0 {
		t.Errorf("%d offers or answers after the first", n)
	}
}
