package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/api/client"
	"github.com/atriumrtc/atrium/control/auth"
)

// session is a group's call that goes on, and guests in it whom media knows.
func (c *clinic) session(guests int) (call string, host client.Token, people []guest) {
	c.t.Helper()
	ctx := c.t.Context()
	at := time.Now()
	g, err := c.app.CreateGroup(ctx, c.area.ID, client.GroupSpec{Title: "Group", StartsAt: &at, DurationMinutes: 60}, "")
	c.ok(err)
	started, err := c.app.StartGroup(ctx, g.ID, c.provider)
	c.ok(err)
	c.media.Connect(started.ParticipantID)
	for range guests {
		r, err := c.app.RegisterForGroup(ctx, g.ID, client.RegistrationSpec{Fields: map[string]string{"name": "Ann"}}, "")
		c.ok(err)
		person := c.enter(r.Link, "Ann")
		c.media.Connect(person.ParticipantID)
		people = append(people, person)
	}
	_, err = c.app.AdmitAllToGroup(ctx, g.ID)
	c.ok(err)
	return started.Call.ID, started.Token, people
}

// wantIn checks where media has somebody.
func (c *clinic) wantIn(what, participant, room string) {
	c.t.Helper()
	if got, _ := c.media.Where(participant); got != room {
		c.t.Errorf("%s: media has them in %q; want %q", what, got, room)
	}
}

// R-GC-4: plan, open, move, choose, ask, broadcast and close over the API.
func TestBreakoutsOverHTTP(t *testing.T) {
	c := newClinic(t, control.AreaSettings{}, nil)
	ctx := t.Context()
	call, host, people := c.session(3)
	ann, ben, cem := people[0], people[1], people[2]

	b, err := c.app.Breakouts(ctx, call)
	if err != nil || b.CallID != call || b.State != "planned" || len(b.Rooms) != 0 || b.Help == nil {
		t.Errorf("at first %+v, %v", b, err)
	}
	_, err = c.app.OpenBreakouts(ctx, call)
	refused(t, "open without a plan", err, 409, control.CodeWrongState)
	_, err = c.app.PlanBreakouts(ctx, call, client.BreakoutPlan{Rooms: make([]client.BreakoutRoom, 31)})
	refused(t, "31 rooms", err, 400, CodeInvalid)
	b, err = c.app.PlanBreakouts(ctx, call, client.BreakoutPlan{
		Rooms:           []client.BreakoutRoom{{Name: "Blue", Participants: []string{ann.ParticipantID}}, {}},
		DurationSeconds: 600,
	})
	if err != nil || b.Rooms[0].Name != "Blue" || !slices.Equal(b.Rooms[0].Participants, []string{ann.ParticipantID}) ||
		b.Assign != "manual" || b.DurationSeconds != 600 || b.EndsAt != nil {
		t.Fatalf("planned %+v, %v", b, err)
	}
	blue, other := b.Rooms[0].ID, b.Rooms[1].ID
	b, err = c.app.OpenBreakouts(ctx, call)
	if err != nil || b.State != "open" || b.EndsAt == nil || b.DurationSeconds != 0 || b.Moves != 1 {
		t.Errorf("open %+v, %v", b, err)
	}
	c.wantIn("planned", ann.ParticipantID, blue)
	c.wantIn("not planned", ben.ParticipantID, call)

	c.ok(c.app.MoveParticipant(ctx, call, ben.ParticipantID, other))
	c.wantIn("moved", ben.ParticipantID, other)
	_, err = c.app.MoveParticipants(ctx, call, []client.Move{{ParticipantID: ben.ParticipantID, Room: uuid.NewString()}})
	refused(t, "several, into no room", err, 400, CodeInvalid)
	_, err = c.app.MoveParticipants(ctx, call, []client.Move{})
	refused(t, "nobody at all", err, 400, CodeInvalid)
	back, err := c.app.MoveParticipants(ctx, call, []client.Move{{ParticipantID: ben.ParticipantID, Room: client.MainRoom}})
	c.ok(err)
	there, err := c.app.MoveParticipants(ctx, call, []client.Move{{ParticipantID: ben.ParticipantID, Room: other}})
	c.ok(err)
	if there.Moves != back.Moves+1 {
		t.Errorf("%d moves, then %d", back.Moves, there.Moves)
	}
	refused(t, "into no room", c.app.MoveParticipant(ctx, call, ben.ParticipantID, uuid.NewString()), 404, CodeNotFound)
	refused(t, "nobody", c.app.MoveParticipant(ctx, call, uuid.NewString(), other), 404, CodeNotFound)
	refused(t, "to nothing", c.app.MoveParticipant(ctx, call, ben.ParticipantID, ""), 400, CodeInvalid)

	c.ok(ann.AskForHelp(ctx, call, true))
	b, err = c.app.Breakouts(ctx, call)
	if err != nil || len(b.Help) != 1 || b.Help[0].ParticipantID != ann.ParticipantID || b.Help[0].RoomID != blue {
		t.Errorf("somebody asked: %+v, %v", b, err)
	}
	c.ok(ann.AskForHelp(ctx, call, false))
	refused(t, "help in the main room", cem.AskForHelp(ctx, call, true), 409, control.CodeWrongState)
	refused(t, "a choice where there is none", cem.ChooseBreakout(ctx, call, blue), 409, control.CodeWrongState)

	c.media.TakeTold()
	for range 2 {
		c.ok(c.app.Once("text").BroadcastText(ctx, call, "Five minutes left."))
	}
	if told := c.media.TakeTold(); len(told) != 1 || told[0].Notice.Text != "Five minutes left." {
		t.Errorf("told %+v", told)
	}
	refused(t, "another text as the same", c.app.Once("text").BroadcastText(ctx, call, "Four."), 409, CodeOnceMismatch)
	refused(t, "the voice of nobody in particular", c.app.BroadcastVoice(ctx, call, true, nil), 400, CodeInvalid)
	c.ok(c.app.BroadcastVoice(ctx, call, true, c.provider))
	if got := c.media.Attached(host.ParticipantID); !slices.Equal(got, []string{blue, other}) {
		t.Errorf("heard in %v", got)
	}
	_, err = c.app.CloseBreakouts(ctx, call, 30)
	refused(t, "close in 30 s", err, 400, CodeInvalid)
	if b, err = c.app.CloseBreakouts(ctx, call, 60); err != nil || b.State != "open" || time.Until(*b.EndsAt) > time.Minute {
		t.Errorf("closing %+v, %v", b, err)
	}
	if b, err = c.app.CloseBreakouts(ctx, call, 0); err != nil || b.State != "planned" || b.DurationSeconds != 600 {
		t.Errorf("closed %+v, %v", b, err)
	}
	for _, g := range people {
		c.wantIn("closed", g.ParticipantID, call)
	}

	_, err = c.app.PlanBreakouts(ctx, call, client.BreakoutPlan{Rooms: []client.BreakoutRoom{{ID: blue}}, Assign: "choose"})
	c.ok(err)
	_, err = c.app.OpenBreakouts(ctx, call)
	c.ok(err)
	c.ok(cem.ChooseBreakout(ctx, call, blue))
	c.wantIn("chose", cem.ParticipantID, blue)
	c.ok(cem.ChooseBreakout(ctx, call, client.MainRoom))
	c.wantIn("chose to come back", cem.ParticipantID, call)
}

// R-IA-2, R-GC-5: guests move nobody, ask in the call that they are in only,
// and not once they have left it; staff who don't moderate the group do
// nothing to it.
func TestBreakoutsAreModerated(t *testing.T) {
	c := newClinic(t, control.AreaSettings{}, nil)
	ctx := context.Background()
	call, _, people := c.session(2)
	otherCall, _, others := c.session(1)
	ann, ben, eve := people[0], people[1], others[0]
	for what, err := range map[string]error{
		"a guest of another call asks":    eve.AskForHelp(ctx, call, true),
		"a guest of another call chooses": eve.ChooseBreakout(ctx, call, client.MainRoom),
		"in an unknown call":              ann.ChooseBreakout(ctx, uuid.NewString(), client.MainRoom),
		"in another call":                 ann.AskForHelp(ctx, otherCall, true),
		"a guest moves somebody":          ann.MoveParticipant(ctx, call, ben.ParticipantID, client.MainRoom),
		"a guest writes to all":           ann.BroadcastText(ctx, call, "Hello"),
	} {
		refused(t, what, err, 404, CodeNotFound)
	}
	c.ok(ann.LeaveVisit(ctx, ann.visit.ID))
	refused(t, "a guest who has left", ann.ChooseBreakout(ctx, call, client.MainRoom), 404, CodeNotFound)
	// The host of this one is an app's provider; whoever else is signed in and
	// may moderate groups of the area doesn't moderate this.
	_, session := c.staff("Dr Else", control.RoleName("provider"), c.scope())
	_, err := c.client(session).OpenBreakouts(ctx, call)
	refused(t, "a provider who isn't its moderator", err, 403, "not_moderator")
	if _, err := c.client(session).Breakouts(ctx, call); err != nil {
		t.Errorf("reading it: %v", err)
	}
}

// SE-9, R-GC-4: a guest who asks, chooses or reports again and again doesn't
// flood the staff, nor the audit log; others do so as ever. Every route by which
// guests change something is here, those too that aren't held back.
func TestGuestsActWithinBounds(t *testing.T) {
	c := newClinic(t, control.AreaSettings{}, nil)
	ctx := t.Context()
	now := time.Now()
	c.server.pace.now = func() time.Time { return now }
	call, _, people := c.session(2)
	ann, ben := people[0], people[1]
	_, err := c.app.PlanBreakouts(ctx, call, client.BreakoutPlan{Rooms: make([]client.BreakoutRoom, 2), Assign: "random"})
	c.ok(err)
	open, err := c.app.OpenBreakouts(ctx, call)
	c.ok(err)
	_, err = c.app.PlanBreakouts(ctx, call, client.BreakoutPlan{Rooms: open.Rooms, Assign: "choose"})
	c.ok(err)
	rows := map[string]func(g guest, i int) error{ // by the route's id; nil: free
		"ask-for-help":    func(g guest, i int) error { return g.AskForHelp(ctx, call, i%2 == 0) },
		"choose-breakout": func(g guest, i int) error { return g.ChooseBreakout(ctx, call, open.Rooms[i%2].ID) },
		"check-device":    func(g guest, i int) error { return g.CheckDevice(ctx, g.visit.ID, client.DeviceCheck{RTT: i}) },
		"return-to-visit": nil,
		"leave-visit":     nil,
	}
	for _, r := range c.server.routes {
		act, known := rows[r.id]
		if r.permission != auth.OwnVisit || r.method == http.MethodGet {
			continue
		}
		if !known {
			t.Errorf("%s: is it to be held back?", r.id)
		}
		if r.paced != (act != nil) {
			t.Errorf("%s: held back: %v", r.id, r.paced)
		}
	}
	for id, act := range rows {
		if act == nil {
			continue
		}
		now = now.Add(time.Minute)
		for i := range paceBurst {
			c.ok(act(ann, i))
		}
		refused(t, id, act(ann, 0), 429, CodeRateLimited)
		for other, act := range rows {
			if act != nil {
				refused(t, id+", then "+other, act(ann, 0), 429, CodeRateLimited)
			}
		}
		c.ok(act(ben, 0))
		now = now.Add(time.Second)
		c.ok(act(ann, 0))
	}
	for range 2 * paceBurst {
		_, err := ann.ReturnToVisit(ctx, ann.visit.ID)
		c.ok(err)
	}
}

// SE-18: whom a bound was kept of is forgotten, once it holds nobody back.
func TestPaceForgets(t *testing.T) {
	now := time.Now()
	p := newPace(func() time.Time { return now })
	for i := range 10 * mostPaced {
		if !p.allow(fmt.Sprint(i)) {
			t.Fatal("a stranger is held back")
		}
		now = now.Add(10 * time.Millisecond)
	}
	if len(p.of) > mostPaced {
		t.Errorf("%d are remembered", len(p.of))
	}
}
