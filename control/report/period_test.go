package report

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// zones are those with whole, half and quarter hours, changes at midnight and
// of half an hour, a day that was skipped, and one that left UTC's quarters
// long ago.
var zones = []string{"UTC", "Europe/Vienna", "America/New_York", "Asia/Kathmandu", "Pacific/Chatham", "Australia/Lord_Howe",
	"America/Havana", "Asia/Beirut", "Pacific/Apia", "America/St_Johns", "Africa/Casablanca", "America/Santiago", "America/Asuncion",
	"Asia/Tehran", "Atlantic/Azores", "Pacific/Kiritimati", "Africa/Monrovia", "America/Sao_Paulo", "Asia/Amman", "Africa/Cairo"}

func zone(t *rapid.T) *time.Location {
	z, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func moment(t *rapid.T, name string) time.Time {
	// From 2012 on: before, some zones changed at a minute past midnight.
	return time.UnixMilli(rapid.Int64Range(1_325_376_000_000, 4_000_000_000_000).Draw(t, name)).UTC()
}

// A day begins at the first moment that shows its date.
func TestDayStart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z, at := zone(t), moment(t, "at")
		y, m, d := at.In(z).Date()
		start := DayStart(y, m, d, z)
		if dateOf(start.In(z)) != y*10000+int(m)*100+d {
			t.Fatalf("%d-%d-%d in %s begins at %s", y, m, d, z, start.In(z))
		}
		if before := start.Add(-time.Nanosecond).In(z); dateOf(before) >= dateOf(start.In(z)) {
			t.Fatalf("%d-%d-%d in %s begins at %s, but %s shows it too", y, m, d, z, start.In(z), before)
		}
		if start.After(at) || at.Sub(start) >= 26*time.Hour {
			t.Fatalf("%s is of the day that begins at %s", at.In(z), start.In(z))
		}
		if !OnQuarters(at, at.AddDate(0, 1, 0), z) {
			t.Fatalf("days of %s begin within a quarter of UTC", z)
		}
	})
	for _, row := range []struct {
		zone    string
		y, m, d int
		want    string
		hours   float64 // until the next day
	}{
		{"Europe/Vienna", 2026, 3, 29, "2026-03-28T23:00:00Z", 23},
		{"Europe/Vienna", 2026, 10, 25, "2026-10-24T22:00:00Z", 25},
		{"Asia/Beirut", 2026, 3, 29, "2026-03-28T22:00:00Z", 23},       // midnight doesn't exist
		{"America/Sao_Paulo", 2018, 11, 4, "2018-11-04T03:00:00Z", 23}, // neither
		{"America/Havana", 2026, 11, 1, "2026-11-01T04:00:00Z", 25},    // midnight exists twice
		{"Australia/Lord_Howe", 2026, 4, 5, "2026-04-04T13:00:00Z", 24.5},
		{"Pacific/Apia", 2011, 12, 30, "2011-12-30T10:00:00Z", 0}, // was skipped
		{"Asia/Kathmandu", 2026, 1, 1, "2025-12-31T18:15:00Z", 24},
	} {
		z, err := time.LoadLocation(row.zone)
		if err != nil {
			t.Fatal(err)
		}
		got, next := DayStart(row.y, time.Month(row.m), row.d, z), DayStart(row.y, time.Month(row.m), row.d+1, z)
		if s := got.UTC().Format(time.RFC3339); s != row.want || next.Sub(got).Hours() != row.hours {
			t.Errorf("%s %d-%d-%d begins at %s and has %g hours; want %s, %g", row.zone, row.y, row.m, row.d, s, next.Sub(got).Hours(), row.want, row.hours)
		}
	}
}

// Spans make up a period without a gap and without anything twice, and are
// aligned.
func TestCover(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := moment(t, "from")
		until := from.Add(time.Duration(rapid.Int64Range(-1000, 40_000_000_000).Draw(t, "length")) * time.Millisecond)
		if rapid.Bool().Draw(t, "aligned") {
			from, until = from.Truncate(Quarter), until.Truncate(Day)
		}
		fine := rapid.Bool().Draw(t, "fine")
		at := from
		rows := time.Duration(0)
		for _, s := range Cover(from, until, fine) {
			if !s.From.Equal(at) || !s.From.Before(s.Until) {
				t.Fatalf("a span from %s to %s after %s", s.From, s.Until, at)
			}
			at = s.Until
			switch {
			case s.Step == 0:
				rows += s.Until.Sub(s.From)
			case s.Step == Day && fine, s.From.UnixMilli()%s.Step.Milliseconds() != 0, s.Until.UnixMilli()%s.Step.Milliseconds() != 0:
				t.Fatalf("a span of %s from %s to %s", s.Step, s.From, s.Until)
			}
		}
		if from.Before(until) && !at.Equal(until) {
			t.Fatalf("the spans end at %s; want %s", at, until)
		}
		if rows >= 2*Quarter {
			t.Fatalf("rows of %s are read", rows)
		}
	})
}
