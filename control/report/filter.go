package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Type is a type of report.
type Type string

// Types.
const (
	Consultations Type = "consultations"
	Areas         Type = "areas"
	Groups        Type = "groups"
	ConsultNow    Type = "consult-now"
	MeetingRooms  Type = "meeting-rooms"
	Accounts      Type = "accounts"
	QualityOf     Type = "quality"
	Units         Type = "units"
)

// Types lists all, in order.
func Types() []Type {
	return []Type{Consultations, Areas, Groups, ConsultNow, MeetingRooms, Accounts, QualityOf, Units}
}

// Chart is a drawing.
type Chart string

// Charts.
const (
	ChartDays        Chart = "days"        // consultations per day
	ChartWaits       Chart = "waits"       // distribution of waiting times
	ChartConcurrency Chart = "concurrency" // calls at once
	ChartQuality     Chart = "quality"     // by weekday and hour
)

// Charts lists those of a type.
func (t Type) Charts() []Chart {
	switch t {
	case Consultations:
		return []Chart{ChartDays, ChartWaits, ChartConcurrency}
	case Areas:
		return []Chart{ChartDays, ChartWaits}
	case QualityOf:
		return []Chart{ChartQuality, ChartConcurrency}
	}
	return nil
}

// Format is how a report is written.
type Format string

// Formats.
const (
	JSON Format = "json"
	CSV  Format = "csv"
	XLSX Format = "xlsx"
)

const (
	longest      = 3660 * Day // of a period: ten years
	longestChart = 400 * Day
	defaultDays  = 30
	maxMinutes   = 7 * 24 * 60
	maxZone      = 64 // bytes of a zone's name
	maxInstant   = 40
	firstYear    = 2000
	lastYear     = 2199
)

// Query is a filter as it is written in an address; "" leaves a field out.
type Query struct {
	// From and To are dates (2026-03-01), of which the days of the zone are
	// meant, the last one included, or times (RFC 3339), of which the last one
	// isn't. Without To it is now, without From 30 days before.
	From, To   string
	TZ         string // IANA name; "": UTC
	MinMinutes string // whole minutes
	Area, Room string // ids
	Provider   string // id of an account
	Format     string // "": json
	Chart      string // "": none
}

// Filter is what a report is on.
type Filter struct {
	From, Until time.Time // in UTC, to the millisecond: from From on, before Until
	Zone        *time.Location
	// MinMinutes leaves out what was shorter: calls, and consultations by the
	// time in calls.
	MinMinutes           int
	Area, Room, Provider string
	Format               Format
	Chart                Chart
}

// FilterError says what of a Query is wrong.
type FilterError struct{ Field, Message string }

// Error implements error.
func (e *FilterError) Error() string { return e.Field + " " + e.Message }

func wrong(field, format string, args ...any) error {
	return &FilterError{Field: field, Message: fmt.Sprintf(format, args...)}
}

// Parse reads a query for a type; every error is a *FilterError.
func Parse(t Type, q Query, now time.Time) (Filter, error) {
	f := Filter{Area: q.Area, Room: q.Room, Provider: q.Provider, Zone: time.UTC}
	if !slices.Contains(Types(), t) {
		return f, wrong("type", "must be one of %s", join(Types()))
	}
	if err := f.readPeriod(q, now); err != nil {
		return f, err
	}
	if q.MinMinutes != "" {
		n, err := strconv.Atoi(q.MinMinutes)
		if err != nil || n < 0 || n > maxMinutes {
			return f, wrong("min_minutes", "must be a whole number of minutes, at most %d", maxMinutes)
		}
		f.MinMinutes = n
	}
	switch f.Format = Format(q.Format); f.Format {
	case "":
		f.Format = JSON
	case JSON, CSV, XLSX:
	default:
		return f, wrong("format", "must be json, csv or xlsx")
	}
	if f.Chart = Chart(q.Chart); f.Chart == "" {
		return f, nil
	}
	switch charts := t.Charts(); {
	case len(charts) == 0:
		return f, wrong("chart", "isn't there for this type")
	case !slices.Contains(charts, f.Chart):
		return f, wrong("chart", "must be one of %s", join(charts))
	case q.Format != "":
		return f, wrong("format", "is for tables; a chart is drawn as SVG")
	case f.Until.Sub(f.From) > longestChart:
		return f, wrong("from", "must be at most %d days before to, for a chart", longestChart/Day)
	}
	return f, nil
}

func join[T ~string](list []T) string {
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = string(w)
	}
	return strings.Join(words, ", ")
}

// readPeriod reads the zone and the period.
func (f *Filter) readPeriod(q Query, now time.Time) error {
	if q.TZ != "" {
		// "Local" would be the server's own, and a path isn't a name.
		zone, err := time.LoadLocation(q.TZ)
		if err != nil || len(q.TZ) > maxZone || q.TZ == "Local" {
			return wrong("tz", "must be a name of the time zone database, such as Europe/Vienna")
		}
		f.Zone = zone
	}
	until, err := f.moment("to", q.To, true)
	if err != nil {
		return err
	}
	if q.To == "" {
		until = now
	}
	from, err := f.moment("from", q.From, false)
	if err != nil {
		return err
	}
	if q.From == "" {
		y, m, d := until.Add(-time.Millisecond).In(f.Zone).Date()
		from = DayStart(y, m, d-defaultDays, f.Zone)
	}
	f.From, f.Until = from.UTC().Truncate(time.Millisecond), until.UTC().Truncate(time.Millisecond)
	switch {
	case !f.From.Before(f.Until):
		return wrong("to", "must be after from")
	case f.Until.Sub(f.From) > longest:
		return wrong("from", "must be at most %d days before to", longest/Day)
	}
	return nil
}

// moment reads a date or a time. Of a date that ends a period it is the
// beginning of the next day.
func (f *Filter) moment(field, text string, end bool) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	bad := wrong(field, "must be a date such as 2026-03-01 or a time such as 2026-03-01T08:00:00Z, of the years %d to %d", firstYear, lastYear)
	if len(text) > maxInstant {
		return time.Time{}, bad
	}
	var t time.Time
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		y, m, d := day.Date()
		if end {
			d++
		}
		t = DayStart(y, m, d, f.Zone)
	} else if t, err = time.Parse(time.RFC3339, text); err != nil {
		return time.Time{}, bad
	}
	if y := t.UTC().Year(); y < firstYear || y > lastYear {
		return time.Time{}, bad
	}
	return t, nil
}

// Rows says whether totals don't suffice, so that rows are to be read.
func (f Filter) Rows() bool { return f.MinMinutes > 0 || f.Provider != "" }

func (f Filter) least() int64 { return int64(f.MinMinutes) * time.Minute.Milliseconds() }

// Visit says whether a row is among those that the filter is for.
func (f Filter) Visit(r VisitRow) bool {
	return f.within(r.Ended) && f.Place(r.AreaID, "") && r.Talked >= f.least() &&
		(f.Provider == "" || slices.Contains(r.Providers, f.Provider))
}

// Call does the same for a call.
func (f Filter) Call(r CallRow) bool {
	return f.within(r.Ended) && f.Place(r.AreaID, r.RoomID) && r.lasted() >= f.least() &&
		(f.Provider == "" || slices.ContainsFunc(r.Staff, func(s StaffTime) bool { return s.AccountID == f.Provider }))
}

// Group does the same for a group.
func (f Filter) Group(r GroupRow) bool {
	return f.within(r.Ended) && f.Place(r.AreaID, "") && r.lasted() >= f.least() &&
		(f.Provider == "" || r.Host == f.Provider || slices.Contains(r.Moderators, f.Provider))
}

// Consult does the same for a link, which has no duration.
func (f Filter) Consult(r ConsultRow) bool {
	return f.within(r.Ended) && f.Place(r.AreaID, "") && (f.Provider == "" || r.Provider == f.Provider)
}

// Place says whether what stands in an area, and in a meeting room, is meant.
func (f Filter) Place(areaID, roomID string) bool {
	return (f.Area == "" || f.Area == areaID) && (f.Room == "" || f.Room == roomID)
}

func (f Filter) within(t time.Time) bool { return !t.Before(f.From) && t.Before(f.Until) }
