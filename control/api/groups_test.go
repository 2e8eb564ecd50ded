package api

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/api/client"
	"github.com/atriumrtc/atrium/control/auth"
)

// group schedules one by the app's key.
func (c *clinic) group(spec client.GroupSpec) client.Group {
	c.t.Helper()
	at := time.Now().Add(time.Hour)
	if spec.Title, spec.StartsAt = "Coping", &at; spec.Capacity == 0 {
		spec.Capacity = 2
	}
	g, err := c.app.CreateGroup(c.t.Context(), c.area.ID, spec, "")
	c.ok(err)
	return g
}

// asks registers somebody and requests access for them.
func (c *clinic) asks(g client.Group, name string) guest {
	c.t.Helper()
	anybody := c.client("")
	r, err := anybody.Register(c.t.Context(), client.EntrySpec{Link: g.Link, Fields: map[string]string{"name": name}, Consent: true})
	c.ok(err)
	if r.Registration.GroupID != g.ID || r.Link == "" {
		c.t.Errorf("registered %+v", r)
	}
	a, err := anybody.Enter(c.t.Context(), client.EntrySpec{Link: r.Link})
	c.ok(err)
	return c.guest(a)
}

// R-GC-1, R-GC-2, R-GC-5: registration → link → request → admit over HTTP, and
// what a moderator decides; the area's stream tells who may see it.
func TestGroupOverHTTP(t *testing.T) {
	c := newClinic(t, control.AreaSettings{Terms: "Be kind."}, nil)
	ctx := t.Context()
	events := c.follow(func(ctx context.Context) (*client.Stream, error) { return c.app.WatchArea(ctx, c.area.ID, "") })
	if e := events.next(); e.Name != "queue" {
		t.Errorf("at first %s", e.Name)
	}
	g := c.group(client.GroupSpec{})
	var told client.Group
	if e := events.next(); e.Name != "group" || e.Decode(&told) != nil || told.ID != g.ID || told.Link != "" {
		t.Errorf("scheduled: %s %s", e.Name, e.Data)
	}
	lobby, err := c.client("").Look(ctx, g.Link)
	if err != nil || lobby.Kind != "registration" || lobby.Name != "Coping" || !lobby.Open || lobby.StartsAt == nil {
		t.Errorf("looked at %+v, %v", lobby, err)
	}
	ann := c.asks(g, "Ann")
	if ann.visit.Kind != "group" || ann.visit.State != "waiting" || ann.visit.Position != 0 {
		t.Errorf("entered %+v", ann.visit)
	}
	for { // registered, requested
		e := events.next()
		if e.Name == "group_lobby" {
			var changed struct {
				GroupID string `json:"group_id"`
			}
			if e.Decode(&changed) != nil || changed.GroupID != g.ID {
				t.Errorf("told %s", e.Data)
			}
			break
		}
		if e.Name != "group" {
			t.Fatalf("told %s %s", e.Name, e.Data)
		}
	}
	own := c.follow(func(ctx context.Context) (*client.Stream, error) { return ann.WatchVisit(ctx, ann.visit.ID) })
	if v := own.visit(); v.State != "waiting" {
		t.Errorf("at first %+v", v)
	}
	bob, late := c.asks(g, "Bob"), c.asks(g, "Late")
	waiting, err := c.app.GroupLobby(ctx, g.ID)
	if err != nil || len(waiting) != 3 || waiting[0].Fields["name"] != "Ann" || waiting[0].GroupID != g.ID {
		t.Errorf("in the lobby %+v, %v", waiting, err)
	}
	_, err = c.app.AdmitToGroup(ctx, g.ID, ann.visit.ID)
	refused(t, "admitting to what isn't live", err, 409, control.CodeWrongState)
	started, err := c.app.StartGroup(ctx, g.ID, c.provider)
	c.ok(err)
	claims, err := c.tokens.Verify(started.Token.Token)
	if err != nil || claims.Role != "moderator" || started.Group.State != "live" || started.Call.Kind != "group" ||
		started.Call.EndsAt == nil || !started.Call.Members[0].Host {
		t.Errorf("started %+v with %+v, %v", started, claims, err)
	}
	done, err := c.app.AdmitAllToGroup(ctx, g.ID)
	if err != nil || !slices.Equal(done.Admitted, []string{ann.visit.ID, bob.visit.ID}) ||
		!slices.Equal(done.Refused, []client.RefusedVisit{{Visit: late.visit.ID, Code: "call_full"}}) {
		t.Errorf("admitted %+v, %v", done, err)
	}
	_, err = c.app.AdmitToGroup(ctx, g.ID, late.visit.ID)
	refused(t, "one too many", err, 409, control.CodeCallFull)
	if v := own.visit(); v.State != "in_call" {
		t.Errorf("admitted: %+v", v)
	}
	counted, err := c.app.Group(ctx, g.ID)
	if want := (client.GroupCounts{Registered: 3, Waiting: 1, Admitted: 2}); err != nil || counted.Registrations != want {
		t.Errorf("counted %+v, %v", counted.Registrations, err)
	}
	c.moderated(started, ann, bob)
	c.ok(c.app.EndGroup(ctx, g.ID))
	if v := own.visit(); v.State != "ended" {
		t.Errorf("ended: %+v", v)
	}
	if g, err = c.app.Group(ctx, g.ID); err != nil || g.State != "ended" || g.Link != "" {
		t.Errorf("ended %+v, %v", g, err)
	}
	list, _, err := c.app.ListGroups(ctx, c.area.ID, time.Now(), time.Now().Add(2*time.Hour), "", 0)
	if err != nil || len(list) != 1 || list[0].ID != g.ID {
		t.Errorf("listed %+v, %v", list, err)
	}
	if c.media.Arranged(started.Call.ID).Controls.Spotlight != ann.ParticipantID {
		t.Error("nobody was in the spotlight")
	}
}

// moderated does what a moderator can, and removes bob.
func (c *clinic) moderated(started client.StartedGroup, ann, bob guest) {
	c.t.Helper()
	t, ctx, id := c.t, c.t.Context(), started.Call.ID
	c.media.Connect(ann.ParticipantID)
	c.ok(c.app.MuteInCall(ctx, id, ann.ParticipantID, "camera", true))
	c.ok(c.app.MuteAllInCall(ctx, id, "microphone", true))
	if got := c.media.Silenced(ann.ParticipantID); !slices.Equal(got, []string{"camera", "microphone"}) {
		t.Errorf("silenced %q", got)
	}
	c.ok(c.app.AskInCall(ctx, id, ann.ParticipantID, "microphone"))
	if told := c.media.Told(); len(told) != 1 || told[0].Notice.Text != "microphone" {
		t.Errorf("told %+v", told)
	}
	call, err := c.app.SpotlightInCall(ctx, id, ann.ParticipantID, true)
	if err != nil || call.Controls.Spotlight != ann.ParticipantID || call.Controls.Chat != "on" {
		t.Errorf("spotlight: %+v, %v", call.Controls, err)
	}
	call, err = c.app.ChatInCall(ctx, id, false)
	if err != nil || call.Controls.Chat != "off" || !slices.Equal(call.Members[1].Silenced, []string{"camera"}) ||
		!slices.Equal(call.Controls.Silenced, []string{"microphone"}) {
		t.Errorf("chat: %+v, %v", call, err)
	}
	c.ok(c.app.RemoveFromCall(ctx, id, bob.ParticipantID))
	_, err = bob.OwnVisit(ctx, bob.visit.ID)
	refused(t, "who was removed", err, http.StatusUnauthorized, CodeUnauthenticated)
	refused(t, "removing the host", c.app.RemoveFromCall(ctx, id, started.ParticipantID), 409, control.CodeWrongState)
}

// R-GC-2, R-PV-1: staff register, send and take off.
func TestGroupRegistrationsOverHTTP(t *testing.T) {
	c := newClinic(t, control.AreaSettings{}, nil)
	ctx := t.Context()
	g := c.group(client.GroupSpec{Registration: "by_invitation"})
	_, err := c.client("").Register(ctx, client.EntrySpec{Link: g.Link, Fields: map[string]string{"name": "Ann"}})
	refused(t, "registering without an invitation", err, 409, control.CodeRegistrationClosed)
	spec := client.RegistrationSpec{Fields: map[string]string{"name": "Bob", "reference": "7"}}
	r, err := c.app.RegisterForGroup(ctx, g.ID, spec, "once")
	c.ok(err)
	if again, err := c.app.RegisterForGroup(ctx, g.ID, spec, "once"); err != nil || again.ID != r.ID || again.Link != r.Link {
		t.Errorf("repeated: %+v, %v", again, err)
	}
	_, err = c.app.RegisterForGroup(ctx, g.ID, client.RegistrationSpec{}, "once")
	refused(t, "another with the same key", err, 409, CodeOnceMismatch)
	sent, err := c.app.SendRegistration(ctx, r.ID, client.Sending{To: client.Contact{Email: "bob@example.org"}}, "")
	if err != nil || sent.Channel != "email" || sent.Link != "" {
		t.Errorf("sent %+v, %v", sent, err)
	}
	sent, err = c.app.SendGroup(ctx, g.ID, client.Sending{To: client.Contact{Copy: true}}, "")
	if err != nil || sent.Link != g.Link {
		t.Errorf("to copy: %+v, %v", sent, err)
	}
	list, next, err := c.app.GroupRegistrations(ctx, g.ID, "", 1)
	if err != nil || len(list) != 1 || next != "" || list[0].Fields["reference"] != "7" || list[0].State != "registered" {
		t.Errorf("registered %+v, %q, %v", list, next, err)
	}
	bob := c.enter(r.Link, "Robert")
	if waiting, err := c.app.GroupLobby(ctx, g.ID); err != nil || waiting[0].Fields["name"] != "Robert" {
		t.Errorf("in the lobby %+v, %v", waiting, err)
	}
	c.ok(c.app.RemoveRegistration(ctx, r.ID))
	_, err = bob.OwnVisit(ctx, bob.visit.ID)
	refused(t, "who was removed", err, http.StatusUnauthorized, CodeUnauthenticated)
	_, err = c.client("").Entry(ctx, r.Link, "Bob")
	refused(t, "a dead link", err, 404, CodeLinkUnknown)
	c.ok(c.app.CancelGroup(ctx, g.ID))
	_, err = c.client("").Look(ctx, g.Link)
	refused(t, "the link of a cancelled group", err, 404, CodeLinkUnknown)
}

// Section 2 of the specification: of two providers of an area the host moderates; who
// only sees the queue sees groups, but neither links nor lobbies.
func TestGroupRolesOverHTTP(t *testing.T) {
	c := newClinic(t, control.AreaSettings{}, nil)
	ctx := t.Context()
	_, session := c.staff("Host", control.RoleName(auth.Provider), c.scope())
	_, session2 := c.staff("Other", control.RoleName(auth.Provider), c.scope())
	_, session3 := c.staff("Desk", control.RoleName(auth.Coordinator), c.scope())
	host, other, desk := c.client(session), c.client(session2), c.client(session3)
	at := time.Now()
	g, err := host.CreateGroup(ctx, c.area.ID, client.GroupSpec{Title: "Coping", StartsAt: &at}, "")
	c.ok(err)
	_, err = other.StartGroup(ctx, g.ID, nil)
	refused(t, "another provider starting it", err, 403, CodeNotModerator)
	started, err := host.StartGroup(ctx, g.ID, nil)
	c.ok(err)
	_, err = other.AdmitAllToGroup(ctx, g.ID)
	refused(t, "another provider admitting", err, 403, CodeNotModerator)
	refused(t, "another provider ending", other.EndCall(ctx, started.Call.ID), 403, CodeNotModerator)
	joined, err := other.JoinGroup(ctx, g.ID, nil)
	if err != nil || joined.Call.Members[1].Host {
		t.Errorf("another provider joining: %+v, %v", joined, err)
	}
	_, err = desk.GroupLobby(ctx, g.ID)
	refused(t, "the desk reading the lobby", err, 403, CodeForbidden)
	list, _, err := desk.ListGroups(ctx, c.area.ID, at.Add(-time.Hour), at.Add(time.Hour), "", 0)
	if err != nil || len(list) != 1 || list[0].Link != "" || list[0].HostID != g.HostID {
		t.Errorf("the desk sees %+v, %v", list, err)
	}
	_, err = host.Group(ctx, uuid.NewString())
	refused(t, "an unknown group", err, 404, CodeNotFound)
	again, err := host.ReturnToCall(ctx, started.Call.ID, nil)
	if err != nil || again.ParticipantID != started.ParticipantID {
		t.Errorf("back as %+v, %v", again, err)
	}
}
