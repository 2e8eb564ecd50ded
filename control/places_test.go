package control_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/store"
)

var operator = control.Actor{Kind: control.ActorOperator}

// staff is somebody of an organisation.
func staff(organisationID string) control.Actor {
	return control.Actor{Kind: control.ActorAccount, ID: uuid.NewString(), OrganisationID: organisationID}
}

// found makes an organisation without an administrator and returns its id.
func (f *fixture) found(name string) string {
	f.t.Helper()
	org, _, err := f.CreateOrganisation(f.t.Context(), name)
	if err != nil {
		f.t.Fatal(err)
	}
	return org.ID
}

func (f *fixture) unit(organisationID, name string) control.Unit {
	f.t.Helper()
	made, err := f.CreateUnit(f.t.Context(), staff(organisationID), organisationID, control.UnitSpec{Name: name}, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return made.Unit
}

func (f *fixture) area(unit control.Unit, name string) control.Area {
	f.t.Helper()
	area, err := f.CreateArea(f.t.Context(), staff(unit.OrganisationID), unit.ID, control.AreaSpec{Name: name}, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return area
}

func (f *fixture) meetingRoom(organisationID string, parent control.Scope, name string) control.MeetingRoom {
	f.t.Helper()
	room, err := f.CreateMeetingRoom(f.t.Context(), staff(organisationID), parent, name, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return room
}

func unitScope(id string) control.Scope { return control.Scope{Kind: control.ScopeUnit, ID: id} }
func areaScope(id string) control.Scope { return control.Scope{Kind: control.ScopeArea, ID: id} }
func roomScope(id string) control.Scope { return control.Scope{Kind: control.ScopeRoom, ID: id} }
func organisationScope(id string) control.Scope {
	return control.Scope{Kind: control.ScopeOrganisation, ID: id}
}

// R-T-1: units hold areas and meeting rooms; a meeting room is its unit's or an
// area's.
func TestPlaces(t *testing.T) {
	f := newFixture(t)
	org := f.found("Ours")
	unit := f.unit(org, "  Cardiology ")
	area := f.area(unit, "Heart clinic")
	unitRoom := f.meetingRoom(org, unitScope(unit.ID), "Team")
	areaRoom := f.meetingRoom(org, areaScope(area.ID), "Team") // another parent: the name is free
	f.restart()

	for _, row := range []struct {
		kind control.ThingKind
		id   string
		want []control.Scope
	}{
		{control.ThingOrganisation, org, []control.Scope{organisationScope(org)}},
		{control.ThingUnit, unit.ID, []control.Scope{unitScope(unit.ID), organisationScope(org)}},
		{control.ThingArea, area.ID, []control.Scope{areaScope(area.ID), unitScope(unit.ID), organisationScope(org)}},
		{control.ThingMeetingRoom, unitRoom.ID, []control.Scope{roomScope(unitRoom.ID), unitScope(unit.ID), organisationScope(org)}},
		{control.ThingMeetingRoom, areaRoom.ID,
			[]control.Scope{roomScope(areaRoom.ID), areaScope(area.ID), unitScope(unit.ID), organisationScope(org)}},
	} {
		got, err := f.ScopeChain(t.Context(), row.kind, row.id)
		if err != nil || !cmp.Equal(got, row.want) {
			t.Errorf("%s: %v, %v; want %v", row.kind, got, err, row.want)
		}
	}
	got, err := f.Area(t.Context(), staff(org), area.ID)
	if err != nil || !cmp.Equal(got, area) || area.Slug != "heart-clinic" || unit.Name != "Cardiology" {
		t.Errorf("the area after a restart: %v %s", err, cmp.Diff(area, got))
	}
	if want := []control.EntryField{{Key: control.FieldName, Required: true}}; !cmp.Equal(area.Settings.Fields, want) {
		t.Errorf("entry fields %v: the name is always asked for (R-IA-3b)", area.Settings.Fields)
	}
	units, err := f.Units(t.Context(), staff(org), org, control.Query{})
	if err != nil || len(units.Items) != 1 || units.Items[0].Areas != 1 || units.Items[0].MeetingRooms != 2 {
		t.Errorf("units %+v, %v", units, err)
	}
	rooms, err := f.MeetingRooms(t.Context(), staff(org), areaScope(area.ID), control.Query{})
	if err != nil || len(rooms.Items) != 1 || !cmp.Equal(rooms.Items[0], areaRoom) {
		t.Errorf("the area's rooms: %+v, %v", rooms, err)
	}
}

// R-T-4: what is unknown, another organisation's, or deleted answers alike.
func TestUnknownForeignDeleted(t *testing.T) {
	f := newFixture(t)
	ours, theirs := f.found("Ours"), f.found("Theirs")
	unit := f.unit(ours, "Unit")
	area := f.area(unit, "Area")
	room := f.meetingRoom(ours, unitScope(unit.ID), "Room")
	gone := f.unit(ours, "Gone")
	goneArea, goneRoom := f.area(gone, "Area"), f.meetingRoom(ours, unitScope(gone.ID), "Room")
	if err := f.DeleteUnit(t.Context(), staff(ours), gone.ID); err != nil {
		t.Fatal(err)
	}
	name := "Name"
	calls := map[string]func(ctx context.Context, a control.Actor, unit, area, room string) error{
		"unit": func(ctx context.Context, a control.Actor, unit, _, _ string) error {
			_, err := f.Unit(ctx, a, unit)
			return err
		},
		"update unit": func(ctx context.Context, a control.Actor, unit, _, _ string) error {
			_, err := f.UpdateUnit(ctx, a, unit, control.UnitPatch{Name: &name})
			return err
		},
		"delete unit": func(ctx context.Context, a control.Actor, unit, _, _ string) error { return f.DeleteUnit(ctx, a, unit) },
		"create area": func(ctx context.Context, a control.Actor, unit, _, _ string) error {
			_, err := f.CreateArea(ctx, a, unit, control.AreaSpec{Name: name}, nil)
			return err
		},
		"areas": func(ctx context.Context, a control.Actor, unit, _, _ string) error {
			_, err := f.Areas(ctx, a, unit, control.Query{})
			return err
		},
		"area": func(ctx context.Context, a control.Actor, _, area, _ string) error {
			_, err := f.Area(ctx, a, area)
			return err
		},
		"update area": func(ctx context.Context, a control.Actor, _, area, _ string) error {
			_, err := f.UpdateArea(ctx, a, area, control.AreaPatch{Name: &name})
			return err
		},
		"suspend": func(ctx context.Context, a control.Actor, _, area, _ string) error {
			_, err := f.SuspendArea(ctx, a, area, "")
			return err
		},
		"restore": func(ctx context.Context, a control.Actor, _, area, _ string) error {
			_, err := f.RestoreArea(ctx, a, area)
			return err
		},
		"reset area": func(ctx context.Context, a control.Actor, _, area, _ string) error {
			_, err := f.ResetAreaLink(ctx, a, area)
			return err
		},
		"delete area": func(ctx context.Context, a control.Actor, _, area, _ string) error { return f.DeleteArea(ctx, a, area) },
		"create room": func(ctx context.Context, a control.Actor, _, area, _ string) error {
			_, err := f.CreateMeetingRoom(ctx, a, areaScope(area), name, nil)
			return err
		},
		"rooms": func(ctx context.Context, a control.Actor, unit, _, _ string) error {
			_, err := f.MeetingRooms(ctx, a, unitScope(unit), control.Query{})
			return err
		},
		"room": func(ctx context.Context, a control.Actor, _, _, room string) error {
			_, err := f.MeetingRoom(ctx, a, room)
			return err
		},
		"update room": func(ctx context.Context, a control.Actor, _, _, room string) error {
			_, err := f.UpdateMeetingRoom(ctx, a, room, control.MeetingRoomPatch{Name: &name})
			return err
		},
		"reset room": func(ctx context.Context, a control.Actor, _, _, room string) error {
			_, err := f.ResetMeetingRoomLink(ctx, a, room)
			return err
		},
		"delete room": func(ctx context.Context, a control.Actor, _, _, room string) error {
			return f.DeleteMeetingRoom(ctx, a, room)
		},
		"roles": func(ctx context.Context, a control.Actor, unit, _, _ string) error {
			_, err := f.GrantsOn(ctx, a, unitScope(unit), control.Query{})
			return err
		},
		"take a role": func(ctx context.Context, a control.Actor, unit, _, _ string) error {
			return f.RemoveGrant(ctx, a, unitScope(unit), uuid.NewString())
		},
		"appoint": func(ctx context.Context, a control.Actor, unit, _, _ string) error {
			_, err := f.Appoint(ctx, a, control.OrgAdmin, unitScope(unit), control.Invitee{Email: "a@example.org"}, nil)
			return err
		},
		"key": func(ctx context.Context, a control.Actor, unit, _, _ string) error {
			_, _, err := f.CreateAPIKey(ctx, a, control.KeySpec{Name: name, Scope: unitScope(unit), Permissions: []string{"x"}})
			return err
		},
	}
	for what, call := range calls {
		if err := call(t.Context(), staff(theirs), unit.ID, area.ID, room.ID); !errors.Is(err, control.ErrNotFound) {
			t.Errorf("%s, another organisation's: %v", what, err)
		}
		if err := call(t.Context(), staff(ours), gone.ID, goneArea.ID, goneRoom.ID); !errors.Is(err, control.ErrNotFound) {
			t.Errorf("%s, deleted: %v", what, err)
		}
		for _, id := range []string{uuid.NewString(), "", "x/../y", strings.Repeat("a", 4000)} {
			if err := call(t.Context(), staff(ours), id, id, id); !errors.Is(err, control.ErrNotFound) {
				t.Errorf("%s, unknown: %v", what, err)
			}
		}
	}
	for kind, id := range map[control.ThingKind]string{
		control.ThingUnit: gone.ID, control.ThingArea: goneArea.ID, control.ThingMeetingRoom: goneRoom.ID,
		control.ThingVisit: uuid.NewString(), control.ThingOrganisation: "x", "nonsense": unit.ID,
	} {
		if _, err := f.ScopeChain(t.Context(), kind, id); !errors.Is(err, control.ErrNotFound) {
			t.Errorf("the chain of a deleted %s: %v", kind, err)
		}
	}
}

// R-T-5: names are unique per parent, freed by deletion; slugs are stable and
// never given twice.
func TestNamesAndSlugs(t *testing.T) {
	f := newFixture(t)
	org := f.found("Ours")
	unit := f.unit(org, "Unit")
	area := f.area(unit, "Straße  Süd")
	for _, same := range []string{"STRASSE süd", "straße su\u0308d", "Straße\u00a0Süd", "Ｓtraße Süd"} {
		_, err := f.CreateArea(t.Context(), operator, unit.ID, control.AreaSpec{Name: same}, nil)
		if !errors.Is(err, &control.StateError{Code: control.CodeNameTaken}) {
			t.Errorf("%q beside %q: %v", same, area.Name, err)
		}
	}
	other := f.unit(org, "Other")
	if again := f.area(other, area.Name); again.Slug != area.Slug {
		t.Errorf("below another unit: slug %q", again.Slug)
	}
	renamed := "North"
	got, err := f.UpdateArea(t.Context(), operator, area.ID, control.AreaPatch{Name: &renamed})
	if err != nil || got.Slug != area.Slug || got.Link != area.Link {
		t.Errorf("renamed: %+v, %v", got, err)
	}
	second := f.area(unit, "Straße Süd") // the name is free, the slug isn't
	if second.Slug != area.Slug+"-2" {
		t.Errorf("slug %q, the first one's %q", second.Slug, area.Slug)
	}
	if err := f.DeleteArea(t.Context(), operator, second.ID); err != nil {
		t.Fatal(err)
	}
	if third := f.area(unit, "Straße Süd"); third.Slug != area.Slug+"-3" {
		t.Errorf("slug %q after a deletion", third.Slug)
	}
	same := strings.ToUpper(renamed)
	if _, err := f.UpdateArea(t.Context(), operator, area.ID, control.AreaPatch{Name: &same}); err != nil {
		t.Errorf("its own name in capitals: %v", err)
	}
	if nothing := f.area(unit, "漢字"); nothing.Slug != "area" {
		t.Errorf("slug %q", nothing.Slug)
	}
}

// R-T-5, against a simple model.
func TestUniqueNames(t *testing.T) {
	f := newFixture(t)
	names := []string{"a", "A", "b", " b", "c", "Ä", "a\u0308"}
	fold := map[string]string{"a": "a", "A": "a", "b": "b", " b": "b", "c": "c", "Ä": "ä", "a\u0308": "ä"}
	undo := errors.New("undo")
	rapid.Check(t, func(rt *rapid.T) {
		err := f.store.Update(t.Context(), func(tx store.Tx) error {
			holder := map[string]string{} // folded name → id
			called := map[string]string{} // id → name
			slugs := map[string]bool{}
			for range rapid.IntRange(1, 30).Draw(rt, "steps") {
				id := rapid.StringMatching("[xyz]").Draw(rt, "id")
				name := rapid.SampledFrom(names).Draw(rt, "name")
				old, has := called[id]
				if has { // rename, or delete
					if err := control.FreeName(tx, "parent", old); err != nil {
						return err
					}
					delete(holder, fold[old])
					delete(called, id)
					if rapid.Bool().Draw(rt, "delete") {
						continue
					}
				}
				free := holder[fold[name]] == ""
				err := control.TakeName(tx, "parent", name, id)
				if free != (err == nil) || err != nil && !errors.Is(err, &control.StateError{Code: control.CodeNameTaken}) {
					rt.Fatalf("%q for %s: %v, though free is %v", name, id, err, free)
				}
				if err != nil {
					continue
				}
				holder[fold[name]], called[id] = id, name
				slug, err := control.TakeSlug(tx, "parent", name, id)
				if err != nil || slugs[slug] {
					rt.Fatalf("the slug %q twice, or %v", slug, err)
				}
				slugs[slug] = true
			}
			return undo
		})
		if !errors.Is(err, undo) {
			rt.Fatal(err)
		}
	})
}

// R-T-5: what is soft-deleted is listed no more.
func TestDeleted(t *testing.T) {
	f := newFixture(t)
	org := f.found("Ours")
	unit := f.unit(org, "Unit")
	keep, drop := f.area(unit, "Keep"), f.area(unit, "Drop")
	if err := f.DeleteArea(t.Context(), operator, drop.ID); err != nil {
		t.Fatal(err)
	}
	page, err := f.Areas(t.Context(), operator, unit.ID, control.Query{})
	if err != nil || len(page.Items) != 1 || page.Items[0].ID != keep.ID {
		t.Errorf("areas %+v, %v", page, err)
	}
	if err := f.DeleteArea(t.Context(), operator, drop.ID); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("deleted again: %v", err)
	}
}

// Pages of lists, and what somebody has no role on left out (R-T-4).
func TestPages(t *testing.T) {
	f := newFixture(t)
	org := f.found("Ours")
	var all []string
	for i := range 7 {
		all = append(all, f.unit(org, fmt.Sprint("Unit ", i)).ID)
	}
	if err := f.DeleteUnit(t.Context(), operator, all[3]); err != nil {
		t.Fatal(err)
	}
	read := func(q control.Query) []string {
		t.Helper()
		var ids []string
		for {
			page, err := f.Units(t.Context(), operator, org, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range page.Items {
				ids = append(ids, u.ID)
			}
			if q.After = page.Next; page.Next == "" {
				return ids
			}
			if len(page.Items) != q.Limit {
				t.Errorf("a page of %d that isn't the last, want %d", len(page.Items), q.Limit)
			}
		}
	}
	for limit := 1; limit < 8; limit++ {
		if got := read(control.Query{Limit: limit}); !cmp.Equal(got, append(append([]string{}, all[:3]...), all[4:]...)) {
			t.Errorf("in pages of %d: %v", limit, got)
		}
	}
	if got := read(control.Query{Limit: 1, Only: []string{all[5], all[1], all[3]}}); !cmp.Equal(got, []string{all[1], all[5]}) {
		t.Errorf("some only: %v", got)
	}
	if got := read(control.Query{Limit: 1, Only: []string{}}); got != nil {
		t.Errorf("none: %v", got)
	}
	var field *control.FieldError
	if _, err := f.Units(t.Context(), operator, org, control.Query{After: "x"}); !errors.As(err, &field) {
		t.Errorf("a cursor of nobody's: %v", err)
	}
}

// R-WA-2: suspension overrides the hours; R-MR-4's reset for areas too.
func TestDoor(t *testing.T) {
	f := newFixture(t)
	unit := f.unit(f.found("Ours"), "Unit")
	settings := control.AreaSettings{Hours: weekdays("Europe/Vienna", control.Interval{Opens: "09:00", Closes: "17:00"})}
	area, err := f.CreateArea(t.Context(), operator, unit.ID, control.AreaSpec{Name: "Area", Settings: settings}, nil)
	if err != nil {
		t.Fatal(err)
	}
	sunday, monday := time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC), time.Date(2026, 3, 30, 7, 0, 0, 0, time.UTC)
	door := func(at time.Time) control.Door {
		t.Helper()
		d, err := area.Door(at)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if got := door(sunday); got != (control.Door{OpensAt: monday}) {
		t.Errorf("on Sunday: %+v", got)
	}
	if got := door(monday); got != (control.Door{Open: true}) {
		t.Errorf("on Monday: %+v", got)
	}
	if area, err = f.SuspendArea(t.Context(), operator, area.ID, "Ill"); err != nil || area.SuspendedReason != "Ill" {
		t.Fatalf("%+v, %v", area, err)
	}
	if got := door(monday); got != (control.Door{Suspended: true}) {
		t.Errorf("suspended: %+v", got)
	}
	if area, err = f.RestoreArea(t.Context(), operator, area.ID); err != nil {
		t.Fatal(err)
	}
	if got := door(monday); !got.Open {
		t.Errorf("restored: %+v", got)
	}
}

// R-MR-4, R-IA-3b: a link is new after a reset, and the old one is dead at
// once.
func TestResetLinks(t *testing.T) {
	f := newFixture(t)
	org := f.found("Ours")
	unit := f.unit(org, "Unit")
	area, room := f.area(unit, "Area"), f.meetingRoom(org, unitScope(unit.ID), "Room")
	before := f.links()
	newArea, err := f.ResetAreaLink(t.Context(), operator, area.ID)
	if err != nil {
		t.Fatal(err)
	}
	newRoom, err := f.ResetMeetingRoomLink(t.Context(), operator, room.ID)
	if err != nil {
		t.Fatal(err)
	}
	after := f.links()
	for _, old := range []string{area.Link, room.Link} {
		if !before[digestOf(t, old)] || after[digestOf(t, old)] {
			t.Error("the old link isn't dead")
		}
	}
	for _, fresh := range []string{newArea.Link, newRoom.Link} {
		if !after[digestOf(t, fresh)] {
			t.Error("the new link leads nowhere")
		}
	}
	locked := true
	if got, err := f.UpdateMeetingRoom(t.Context(), operator, room.ID, control.MeetingRoomPatch{Locked: &locked}); err != nil || !got.Locked {
		t.Errorf("locked: %+v, %v", got, err)
	}
	if err := f.DeleteUnit(t.Context(), operator, unit.ID); err != nil {
		t.Fatal(err)
	}
	if left := f.links(); len(left) != 0 {
		t.Errorf("%d links live on in a deleted unit", len(left))
	}
}

func digestOf(t *testing.T, link string) string {
	t.Helper()
	digest, ok := auth.LinkDigest(link)
	if !ok {
		t.Fatalf("a link of %d characters is none", len(link))
	}
	return fmt.Sprintf("%x", digest)
}

// Settings are checked, each with the field that breaks a rule.
func TestAreaSettings(t *testing.T) {
	f := newFixture(t)
	unit := f.unit(f.found("Ours"), "Unit")
	area := f.area(unit, "Area")
	for _, row := range []struct {
		settings control.AreaSettings
		field    string
	}{
		{control.AreaSettings{Fields: []control.EntryField{{Key: "religion"}}}, "settings.fields[0].key"},
		{control.AreaSettings{Fields: []control.EntryField{{Key: control.FieldPhone}, {Key: control.FieldPhone}}}, "settings.fields[1].key"},
		{control.AreaSettings{Fields: []control.EntryField{{Key: control.FieldText, Label: "\u202e"}}}, "settings.fields[0].label"},
		{control.AreaSettings{Terms: strings.Repeat("x", 4001)}, "settings.terms"},
		{control.AreaSettings{Welcome: "a\x00b"}, "settings.welcome"},
		{control.AreaSettings{Phone: "call me"}, "settings.phone"},
		{control.AreaSettings{WaitLimit: time.Second}, "settings.wait_limit"},
		{control.AreaSettings{Alerts: control.Alerts{Accounts: []string{uuid.NewString()}}}, "settings.alerts.accounts"},
		{control.AreaSettings{Alerts: control.Alerts{Accounts: []string{"x"}}}, "settings.alerts.accounts"},
	} {
		var field *control.FieldError
		_, err := f.UpdateArea(t.Context(), operator, area.ID, control.AreaPatch{Settings: &row.settings})
		if !errors.As(err, &field) || field.Field != row.field {
			t.Errorf("%+v: %v, want the field %s", row.settings, err, row.field)
		}
	}
	good := control.AreaSettings{
		Fields: []control.EntryField{{Key: control.FieldText, Label: "What is it about?"}, {Key: control.FieldName, Label: "First name"}},
		Terms:  "One\r\nTwo", Phone: "+43 1 234 (56)", WaitLimit: time.Hour, ShowPosition: true,
	}
	got, err := f.UpdateArea(t.Context(), operator, area.ID, control.AreaPatch{Settings: &good})
	if err != nil {
		t.Fatal(err)
	}
	want := good
	want.Terms = "One\nTwo"
	want.Fields = []control.EntryField{{Key: control.FieldName, Label: "First name", Required: true}, good.Fields[0]}
	if !cmp.Equal(got.Settings, want) {
		t.Error(cmp.Diff(want, got.Settings))
	}
}

// A repetition of what makes links gives the first one's result, and each
// actor's keys are their own.
func TestPlacesOnce(t *testing.T) {
	f := newFixture(t)
	org := f.found("Ours")
	unit := f.unit(org, "Unit")
	ana, bob := staff(org), staff(org)
	once := &control.Once{Operation: "create_area", Key: "k", Request: []byte("r")}
	first, err := f.CreateArea(t.Context(), ana, unit.ID, control.AreaSpec{Name: "A"}, once)
	if err != nil {
		t.Fatal(err)
	}
	again, err := f.CreateArea(t.Context(), ana, unit.ID, control.AreaSpec{Name: "A"}, once)
	if err != nil || !cmp.Equal(first, again) {
		t.Errorf("again: %v %s", err, cmp.Diff(first, again))
	}
	other, err := f.CreateArea(t.Context(), bob, unit.ID, control.AreaSpec{Name: "B"}, once)
	if err != nil || other.ID == first.ID {
		t.Errorf("somebody else with the same key: %+v, %v", other, err)
	}
}
