package report

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

func TestParse(t *testing.T) {
	for _, row := range []struct {
		name        string
		q           Query
		from, until string // RFC 3339
	}{
		{"nothing", Query{}, "2026-03-01T00:00:00Z", "2026-03-31T12:00:00Z"},
		{"dates, both included", Query{From: "2026-03-01", To: "2026-03-31"}, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"},
		{"days of a zone, over its change", Query{From: "2026-03-29", To: "2026-03-29", TZ: "Europe/Vienna"}, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		{"times", Query{From: "2026-03-01T08:00:00+01:00", To: "2026-03-01T08:00:00.5Z"}, "2026-03-01T07:00:00Z", "2026-03-01T08:00:00.5Z"},
		{"30 days before", Query{To: "2026-03-31", TZ: "America/New_York"}, "2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z"},
		{"a quarter", Query{From: "2026-01-01", To: "2026-01-01", TZ: "Asia/Kathmandu"}, "2025-12-31T18:15:00Z", "2026-01-01T18:15:00Z"},
	} {
		f, err := Parse(Consultations, row.q, now)
		if err != nil || f.From.Format(time.RFC3339Nano) != row.from || f.Until.Format(time.RFC3339Nano) != row.until || f.Format != JSON {
			t.Errorf("%s: %s to %s, %v", row.name, f.From.Format(time.RFC3339Nano), f.Until.Format(time.RFC3339Nano), err)
		}
	}
	f, err := Parse(Areas, Query{MinMinutes: "5", Area: "a", Room: "r", Provider: "p", Format: "csv"}, now)
	if err != nil || f.MinMinutes != 5 || f.Area != "a" || f.Room != "r" || f.Provider != "p" || f.Format != CSV || !f.Rows() {
		t.Errorf("%+v, %v", f, err)
	}
	if f, err := Parse(QualityOf, Query{Chart: "quality"}, now); err != nil || f.Chart != ChartQuality || f.Rows() {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for field, list := range map[string][]Query{
		"from": {{From: "yesterday"}, {From: "2026-02-30"}, {From: "1999-12-31"}, {From: "2026-03-01T08:00:00"}, {From: "2010-01-01", To: "2026-01-01"},
			{From: "2024-01-01", To: "2026-01-01", Chart: "days"}, {From: strings.Repeat("2", 50)}},
		"to":          {{To: "2300-01-01"}, {From: "2026-03-02", To: "2026-03-01"}, {From: "2026-04-01"}, {From: "2026-03-01T00:00:00Z", To: "2026-03-01T00:00:00Z"}},
		"tz":          {{TZ: "Local"}, {TZ: "Mars/Olympus"}, {TZ: "../../etc/passwd"}, {TZ: "/etc/localtime"}, {TZ: strings.Repeat("a", 70)}},
		"min_minutes": {{MinMinutes: "-1"}, {MinMinutes: "1.5"}, {MinMinutes: "999999"}, {MinMinutes: "x"}},
		"format":      {{Format: "XLSX"}, {Format: "pdf"}, {Format: "xlsx", Chart: "days"}, {Format: "csv", Chart: "days"}},
		"chart":       {{Chart: "pie"}, {Chart: "quality"}},
	} {
		for _, q := range list {
			_, err := Parse(Consultations, q, now)
			var wrong *FilterError
			if !errors.As(err, &wrong) || wrong.Field != field {
				t.Errorf("%+v: %v; want the field %s", q, err, field)
			}
		}
	}
	if _, err := Parse("salaries", Query{}, now); err == nil {
		t.Error("a made-up type")
	}
	if _, err := Parse(Groups, Query{Chart: "days"}, now); err == nil {
		t.Error("a chart of groups")
	}
}

// Whatever is asked for, it is refused by a *FilterError or is a period with a
// beginning, an end and a bounded length.
func FuzzParse(f *testing.F) {
	f.Add("consultations", "2026-03-01", "2026-03-31", "Europe/Vienna", "5", "csv", "")
	f.Add("areas", "2026-03-01T08:00:00Z", "", "Pacific/Apia", "", "", "waits")
	f.Add("quality", "", "2011-12-30", "Pacific/Apia", "0", "json", "")
	f.Add("units", "2000-01-01", "2009-12-31", "Africa/Monrovia", "", "xlsx", "quality")
	f.Fuzz(func(t *testing.T, kind, from, to, tz, minutes, format, chart string) {
		got, err := Parse(Type(kind), Query{From: from, To: to, TZ: tz, MinMinutes: minutes, Format: format, Chart: chart}, now)
		if err != nil {
			var wrong *FilterError
			if !errors.As(err, &wrong) || wrong.Field == "" || wrong.Message == "" {
				t.Fatalf("%v is no *FilterError", err)
			}
			return
		}
		length := got.Until.Sub(got.From)
		if length <= 0 || length > longest || got.Zone == nil || got.Zone == time.Local || got.MinMinutes < 0 ||
			!slices.Contains(Types(), Type(kind)) || got.From.Nanosecond()%1e6 != 0 || !slices.Contains([]Format{JSON, CSV, XLSX}, got.Format) {
			t.Fatalf("%+v", got)
		}
		if got.Chart != "" && (length > longestChart || !slices.Contains(Type(kind).Charts(), got.Chart)) {
			t.Fatalf("%+v", got)
		}
		if spans := Cover(got.From, got.Until, got.Chart != ""); len(spans) == 0 {
			t.Fatal("the period is made of nothing")
		}
	})
}
