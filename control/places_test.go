package control_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/atriumrtc/atrium/control"
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
			_, err := f.ResetAreaLink(ctx, a, area, nil)
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
			_, err := f.ResetMeetingRoomLink(ctx, a, room, nil)
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
			_, _, err := f.CreateAPIKey(ctx, a, control.KeySpec{Name: name, Scope: unitScope(unit), Permissions: []string{"x"}}, nil)
			return err
		},
	}
	for what, call := range calls {
		if err := call(t.Context(), staff(theirs), unit.ID, area.ID, room.ID); !errors.Is(err, control.ErrNotFound) {
			t.Errorf("%s, another organisation's: %v", what, err)
		}
		err := call(t.Context(), staff(ours), gone.ID, goneArea.ID, goneRoom.ID)
		if past := what == "roles"; past && err != nil || !past && !errors.Is(err, control.ErrNotFound) { // R-T-5: who may read its reports
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
