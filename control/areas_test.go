package control_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

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
	newArea, err := f.ResetAreaLink(t.Context(), operator, area.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	newRoom, err := f.ResetMeetingRoomLink(t.Context(), operator, room.ID, nil)
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
