package control_test

import (
	"errors"
	"fmt"
	"testing"
	"time"
	_ "time/tzdata" // hosts without the database

	"pgregory.net/rapid"

	"github.com/atriumrtc/atrium/control"
)

// weekdays are hours from Monday to Friday.
func weekdays(zone string, intervals ...control.Interval) control.Hours {
	h := control.Hours{TimeZone: zone}
	for d := time.Monday; d <= time.Friday; d++ {
		h.Weekly[d] = intervals
	}
	return h
}

func everyDay(zone string, intervals ...control.Interval) control.Hours {
	h := weekdays(zone, intervals...)
	h.Weekly[time.Sunday], h.Weekly[time.Saturday] = intervals, intervals
	return h
}

// R-WA-2: opening hours are those that a clock on the area's wall shows, also
// across a daylight-saving change.
func TestHours(t *testing.T) {
	office := control.Interval{Opens: "09:00", Closes: "17:00"}
	for _, row := range []struct {
		name  string
		hours control.Hours
		at    string // UTC
		opens string // UTC; "" for never
	}{
		{"always", control.Hours{}, "2026-03-01T03:00:00Z", "2026-03-01T03:00:00Z"},
		{"never", control.Hours{TimeZone: "UTC"}, "2026-03-01T03:00:00Z", ""},
		{"within", weekdays("Europe/Vienna", office), "2026-03-02T08:00:00Z", "2026-03-02T08:00:00Z"},
		{"just before", weekdays("Europe/Vienna", office), "2026-03-02T07:59:59.999Z", "2026-03-02T08:00:00Z"},
		{"the last moment", weekdays("Europe/Vienna", office), "2026-03-02T15:59:59.999Z", "2026-03-02T15:59:59.999Z"},
		{"closing time", weekdays("Europe/Vienna", office), "2026-03-02T16:00:00Z", "2026-03-03T08:00:00Z"},
		// Clocks go forward on 2026-03-29 at 01:00 UTC, back on 2026-10-25.
		{"over the weekend into summer time", weekdays("Europe/Vienna", office), "2026-03-27T16:00:00Z", "2026-03-30T07:00:00Z"},
		{"over the weekend into winter time", weekdays("Europe/Vienna", office), "2026-10-23T15:00:00Z", "2026-10-26T08:00:00Z"},
		{"opening within the hour that is skipped", everyDay("Europe/Vienna", control.Interval{Opens: "02:30", Closes: "04:00"}),
			"2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"},
		{"an interval that is skipped altogether", everyDay("Europe/Vienna", control.Interval{Opens: "02:15", Closes: "02:45"}),
			"2026-03-29T00:00:00Z", "2026-03-30T00:15:00Z"},
		{"an interval that comes twice", everyDay("Europe/Vienna", control.Interval{Opens: "02:15", Closes: "02:45"}),
			"2026-10-25T00:45:00Z", "2026-10-25T01:15:00Z"},
		{"midnight to midnight", everyDay("Europe/Vienna", control.Interval{Opens: "00:00", Closes: "24:00"}),
			"2026-10-25T00:45:00Z", "2026-10-25T00:45:00Z"},
		{"once a week, just over", control.Hours{TimeZone: "America/New_York", Weekly: [7][]control.Interval{time.Sunday: {office}}},
			"2026-10-25T21:00:00Z", "2026-11-01T14:00:00Z"},
		{"far from Greenwich", weekdays("Pacific/Kiritimati", office), "2026-03-01T18:00:00Z", "2026-03-01T19:00:00Z"},
		{"a day that was skipped", control.Hours{TimeZone: "Pacific/Apia", Weekly: [7][]control.Interval{time.Friday: {office}}},
			"2011-12-30T09:00:00Z", "2012-01-05T19:00:00Z"},
	} {
		at := parseTime(t, row.at)
		want := time.Time{}
		if row.opens != "" {
			want = parseTime(t, row.opens)
		}
		got, err := row.hours.NextOpening(at)
		if err != nil || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%s: opens at %v, %v; want %v", row.name, got, err, want)
		}
		open, err := row.hours.Open(at)
		if err != nil || open != got.Equal(at) {
			t.Errorf("%s: open: %v, %v", row.name, open, err)
		}
	}
}

func parseTime(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestHoursAgainstTheClock walks minute by minute over a wall clock and
// compares (R-WA-2).
func TestHoursAgainstTheClock(t *testing.T) {
	zones := []string{"UTC", "Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham"}
	rapid.Check(t, func(t *rapid.T) {
		h := control.Hours{TimeZone: rapid.SampledFrom(zones).Draw(t, "zone")}
		for d := range h.Weekly {
			h.Weekly[d] = intervals(t)
		}
		loc, err := time.LoadLocation(h.TimeZone)
		if err != nil {
			t.Fatal(err)
		}
		// Around the changes of the clocks of both hemispheres, or anywhere.
		start := rapid.SampledFrom([]time.Time{
			time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 24, 0, 0, 0, 0, time.UTC),
			time.Date(2026, 3, 7, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 31, 0, 0, 0, 0, time.UTC),
			time.Date(2026, 4, 4, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 3, 0, 0, 0, 0, time.UTC),
		}).Draw(t, "around").Add(time.Duration(rapid.IntRange(0, 72*60).Draw(t, "minute")) * time.Minute)
		want := time.Time{}
		for m := range 31 * 24 * 60 {
			at := start.Add(time.Duration(m) * time.Minute)
			if onTheWall(h, at.In(loc)) {
				want = at
				break
			}
		}
		got, err := h.NextOpening(start)
		if err != nil || !got.Equal(want) {
			t.Fatalf("%+v at %v: opens %v, %v; the clock says %v", h, start, got, err, want)
		}
	})
}

// onTheWall compares what a clock shows as people would.
func onTheWall(h control.Hours, local time.Time) bool {
	shown := local.Format("15:04")
	for _, i := range h.Weekly[local.Weekday()] {
		if shown >= i.Opens && shown < i.Closes {
			return true
		}
	}
	return false
}

// intervals draws a day's.
func intervals(t *rapid.T) []control.Interval {
	var list []control.Interval
	last := 0
	for range rapid.IntRange(0, 2).Draw(t, "intervals") {
		opens := last + rapid.IntRange(0, 400).Draw(t, "pause")
		closes := opens + rapid.IntRange(1, 400).Draw(t, "length")
		if closes > 24*60 {
			break
		}
		clock := func(m int) string { return fmt.Sprintf("%02d:%02d", m/60, m%60) }
		list = append(list, control.Interval{Opens: clock(opens), Closes: clock(closes)})
		last = closes
	}
	return list
}

// R-WA-2: what can't be a week's hours is refused, with its field.
func TestBadHours(t *testing.T) {
	f := newFixture(t)
	unit := f.unit(f.found("Ours"), "Unit")
	day := func(intervals ...control.Interval) control.Hours {
		return control.Hours{TimeZone: "UTC", Weekly: [7][]control.Interval{1: intervals}}
	}
	for i, row := range []struct {
		hours control.Hours
		field string // "": accepted
	}{
		{day(control.Interval{Opens: "09:00", Closes: "12:00"}, control.Interval{Opens: "12:00", Closes: "24:00"}), ""},
		{day(control.Interval{Opens: "09:00", Closes: "12:00"}, control.Interval{Opens: "11:59", Closes: "13:00"}), "settings.hours.weekly[1]"},
		{day(control.Interval{Opens: "09:00", Closes: "09:00"}), "settings.hours.weekly[1]"},
		{day(control.Interval{Opens: "22:00", Closes: "06:00"}), "settings.hours.weekly[1]"},
		{day(control.Interval{Opens: "9:00", Closes: "12:00"}), "settings.hours.weekly[1]"},
		{day(control.Interval{Opens: "24:00", Closes: "24:00"}), "settings.hours.weekly[1]"},
		{day(control.Interval{Opens: "09:60", Closes: "12:00"}), "settings.hours.weekly[1]"},
		{day(make([]control.Interval, 13)...), "settings.hours.weekly[1]"},
		{control.Hours{TimeZone: "Local"}, "settings.hours.time_zone"},
		{control.Hours{TimeZone: "Europe/Atlantis"}, "settings.hours.time_zone"},
		{control.Hours{TimeZone: "../../etc/passwd"}, "settings.hours.time_zone"},
		{control.Hours{Weekly: [7][]control.Interval{{{Opens: "09:00", Closes: "12:00"}}}}, "settings.hours.time_zone"},
	} {
		_, err := f.CreateArea(t.Context(), operator, unit.ID,
			control.AreaSpec{Name: fmt.Sprint(i), Settings: control.AreaSettings{Hours: row.hours}}, nil)
		var field *control.FieldError
		if errors.As(err, &field) != (row.field != "") || field != nil && field.Field != row.field || field == nil && err != nil {
			t.Errorf("%+v: %v, want the field %q", row.hours, err, row.field)
		}
	}
}
