package control_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
)

// R-GC-5: where only initials are shown, nobody's name leaves the server but
// to staff.
func TestGroupInitials(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	g := f.groupIn(control.GroupSpec{Names: control.NamesInitials})
	for name, want := range map[string]string{
		"Ana Maria Kovač": "A. M. K.", "zoë": "Z.", "Jean-Luc Picard": "J. L. P.", "李 小龙": "李. 小.", "☺ Smile": "S.", "☺": "?",
		"a b c d": "A. B. C.",
	} {
		who := f.asks(g, name)
		if who.join.Name != want {
			t.Errorf("%q is shown as %q; want %q", name, who.join.Name, want)
		}
		if join, err := f.VisitSeat(t.Context(), who.actor, who.id); err != nil || join.Name != want {
			t.Errorf("coming back, as %q, %v", join.Name, err)
		}
		if who.visit().Details["name"] != name {
			t.Error("staff don't see the name")
		}
	}
	full := control.NamesFull
	_, err := f.UpdateGroup(t.Context(), f.dr.Actor, g.ID, control.GroupPatch{Names: &full})
	refusedWith(t, err, control.CodeWrongState)
}

// R-PV-1, R-T-4: a group that is cancelled, or that nobody starts in time, is
// gone with its links and with what was known of those who registered.
func TestGroupCancelled(t *testing.T) {
	for _, how := range []string{"cancelled", "never started", "its area deleted"} {
		f := newClinic(t, control.AreaSettings{})
		keys := f.vault.Keys()
		g := f.groupIn(control.GroupSpec{})
		waiting := f.asks(g, "Ann")
		away := f.registers(g, "Bob")
		switch how {
		case "cancelled":
			if err := f.CancelGroup(t.Context(), f.dr.Actor, g.ID); err != nil {
				t.Fatal(err)
			}
			f.step(59 * time.Second)
		case "never started":
			f.step(time.Hour + g.Duration + 24*time.Hour)
			if got, _ := f.Group(t.Context(), f.dr.Actor, g.ID); got.State != control.GroupScheduled {
				t.Errorf("in its last moment it is %s", got.State)
			}
			f.step(time.Millisecond)
			f.step(59 * time.Second)
		default:
			if err := f.DeleteArea(t.Context(), staff(f.org), f.area.ID); err != nil {
				t.Fatal(err)
			}
			f.step(0)
			f.step(59 * time.Second)
		}
		if v := waiting.visit(); v.State != control.VisitEnded {
			t.Errorf("%s: who waited is %s", how, v.State)
		}
		for _, link := range []string{g.Link, away} {
			if _, err := f.tryRegister(link, "Late"); !errors.Is(err, control.ErrNotFound) {
				t.Errorf("%s: a link leads to %v", how, err)
			}
		}
		if n := f.vault.Keys(); n != keys {
			t.Errorf("%s: %d keys are left", how, n-keys)
		}
		if got, _ := f.Group(t.Context(), f.dr.Actor, g.ID); got.State != control.GroupCancelled {
			t.Errorf("%s: it is %s", how, got.State)
		}
		_, err := f.StartGroup(t.Context(), f.dr, g.ID)
		refusedWith(t, err, control.CodeWrongState)
		audited := 0
		f.each("audit/", func(string) { audited++ }, `"action":"group.cancel"`)
		if audited != 1 {
			t.Errorf("%s: it is audited %d times", how, audited)
		}
	}
}

func TestGroupChanges(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	now := f.clock()
	for field, spec := range map[string]control.GroupSpec{
		"title": {StartsAt: now, Title: "\n"}, "starts_at": {Title: "x"}, "capacity": {Title: "x", StartsAt: now, Capacity: 61},
		"duration_minutes": {Title: "x", StartsAt: now, Duration: 4*time.Hour + 1}, "registration": {Title: "x", StartsAt: now, Registration: "maybe"},
		"names": {Title: "x", StartsAt: now, Names: "nick"}, "host_id": {Title: "x", StartsAt: now, HostID: uuid.NewString()},
		"co_moderator_ids": {Title: "x", StartsAt: now, CoModeratorIDs: []string{"?"}},
	} {
		var wrong *control.FieldError
		if _, err := f.CreateGroup(t.Context(), f.dr.Actor, f.area.ID, spec, nil); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	co := f.account("Dr Co")
	once := &control.Once{Operation: "create_group", Key: "k"}
	spec := control.GroupSpec{Title: "Second", StartsAt: now.Add(2 * time.Hour), CoModeratorIDs: []string{co.Actor.ID}}
	g, err := f.CreateGroup(t.Context(), f.dr.Actor, f.area.ID, spec, once)
	again, err2 := f.CreateGroup(t.Context(), f.dr.Actor, f.area.ID, spec, once)
	if err != nil || err2 != nil || again.ID != g.ID {
		t.Errorf("repeated: %s and %s, %v", g.ID, again.ID, errors.Join(err, err2))
	}
	first := f.groupIn(control.GroupSpec{Title: "First"})
	titles := func() (list []string) {
		page, err := f.Groups(t.Context(), f.dr.Actor, f.area.ID, now, now.Add(24*time.Hour), control.Query{})
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range page.Items {
			list = append(list, g.Title)
		}
		return list
	}
	if got := titles(); !slices.Equal(got, []string{"First", "Second"}) {
		t.Errorf("listed %q", got)
	}
	later, link := now.Add(3*time.Hour), first.Link
	first, err = f.UpdateGroup(t.Context(), f.provider("Dr Other").Actor, first.ID, control.GroupPatch{StartsAt: &later})
	if err != nil || first.Link != link || !slices.Equal(titles(), []string{"Second", "First"}) {
		t.Errorf("later: %+v, %v, %q", first, err, titles())
	}
	f.starts(co, g) // named beside the host
	_, err = f.UpdateGroup(t.Context(), f.dr.Actor, g.ID, control.GroupPatch{StartsAt: &later})
	refusedWith(t, err, control.CodeWrongState)
	refusedWith(t, f.CancelGroup(t.Context(), f.dr.Actor, g.ID), control.CodeWrongState)
	if _, err := f.UpdateGroup(t.Context(), f.provider("Dr Other").Actor, g.ID, control.GroupPatch{Title: &link}); !errors.Is(err, control.ErrNotModerator) {
		t.Errorf("a live one, by another: %v", err)
	}
}

// R-WA-1: whoever follows the area hears once that who waits for a group
// changed, however many are admitted, and nothing while they are in the call.
func TestGroupAreaEvents(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	g := f.groupIn(control.GroupSpec{})
	crowd := f.crowd(g, 5)
	f.starts(f.dr, g)
	last := uint64(0)
	news := func() (kinds []string) {
		t.Helper()
		events, err := f.AreaEvents(t.Context(), f.area.ID, last)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			kinds, last = append(kinds, string(e.Kind)), e.Seq
		}
		slices.Sort(kinds)
		return kinds
	}
	news()
	if _, err := f.AdmitAllToGroup(t.Context(), f.dr.Actor, g.ID); err != nil {
		t.Fatal(err)
	}
	if got := news(); !slices.Equal(got, []string{"call", "group", "group_lobby"}) {
		t.Errorf("all admitted: %q", got)
	}
	f.drop(crowd[0].pid())
	if got := news(); len(got) != 0 {
		t.Errorf("a connection lost in the call: %q", got)
	}
	f.left(crowd[0].pid(), control.DepartedLeft)
	if got := news(); !slices.Equal(got, []string{"call", "group"}) {
		t.Errorf("one left: %q", got)
	}
}

// R-PV-2: the audit log has who did what with a group, and nobody's name or
// secret.
func TestGroupAudited(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	g := f.groupIn(control.GroupSpec{})
	ann := f.asks(g, "Canarina")
	denied := f.asks(g, "Canarina")
	call := f.starts(f.dr, g).Call.ID
	f.admits(g, ann)
	title := "Other"
	_, err := f.UpdateGroup(t.Context(), f.dr.Actor, g.ID, control.GroupPatch{Title: &title})
	_, err2 := f.Deny(t.Context(), f.dr, denied.id, "")
	_, _, err3 := f.SendGroup(t.Context(), f.dr.Actor, g.ID, control.Contact{Email: "canarina@example.org"}, "", nil)
	r := f.registration(g, denied.id)
	_, _, err4 := f.SendRegistration(t.Context(), f.dr.Actor, r.ID, control.Contact{Copy: true}, "", nil)
	_, err5 := f.Spotlight(t.Context(), f.dr.Actor, call, ann.pid(), true)
	_, err6 := f.SetChat(t.Context(), f.dr.Actor, call, false)
	_, err7 := f.LockCall(t.Context(), f.dr.Actor, call, true)
	err = errors.Join(err, err2, err3, err4, err5, err6, err7,
		f.RemoveRegistration(t.Context(), f.dr.Actor, r.ID),
		f.MuteMember(t.Context(), f.dr.Actor, call, ann.pid(), "camera", true),
		f.MuteAll(t.Context(), f.dr.Actor, call, "camera", true, true),
		f.AskToUnmute(t.Context(), f.dr.Actor, call, ann.pid(), "microphone"),
		f.RemoveMember(t.Context(), f.dr.Actor, call, ann.pid()),
		f.EndGroup(t.Context(), f.dr.Actor, g.ID))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, record := range f.contents() {
		key, value, _ := strings.Cut(record, "=")
		if !strings.HasPrefix(key, "audit/") {
			continue
		}
		var a control.AuditRecord
		if err := json.Unmarshal([]byte(value), &a); err != nil {
			t.Fatal(err)
		}
		if kind := a.Subject.Kind; kind == "group" || kind == "registration" || kind == "visit" || kind == "call" {
			got = append(got, string(a.Action)+" "+string(a.Actor.Kind))
		}
	}
	want := []string{
		"group.create account", "group.register guest", "group.request guest", "group.register guest", "group.request guest",
		"group.start account", "visit.admit account", "group.update account", "visit.deny account", "group.send account",
		"registration.send account", "call.spotlight account", "call.chat account", "call.lock account", "group.unregister account",
		"call.mute account", "call.mute_all account", "call.ask account", "call.remove account", "group.end account",
	}
	if !slices.Equal(got, want) {
		t.Errorf("audited\n%q, want\n%q", got, want)
	}
	for _, record := range f.contents() {
		if strings.Contains(strings.ToLower(record), "canarina") || strings.Contains(record, g.Link) || strings.Contains(record, r.Link) {
			t.Errorf("a name, an address or a secret stands in %.80s", record)
		}
	}
}
