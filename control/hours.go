package control

import (
	"fmt"
	"strings"
	"time"
)

const (
	maxIntervals = 12                  // of one day
	daysOfWeek   = 7                   //
	dayMinutes   = 24 * 60             //
	hoursHorizon = 31 * 24 * time.Hour // an opening is found within two weeks, unless a zone skips whole days
)

// Always says whether the hours are the zero value: open day and night.
func (h Hours) Always() bool {
	if h.TimeZone != "" {
		return false
	}
	for _, day := range h.Weekly {
		if len(day) > 0 {
			return false
		}
	}
	return true
}

// clean checks hours: a zone of the time zone database, and for every day
// intervals in order that don't overlap. What is open past midnight is two
// intervals: up to 24:00, and the next day from 00:00.
func (h Hours) clean() (Hours, error) {
	if h.Always() {
		return Hours{}, nil
	}
	if _, err := h.location(); err != nil {
		return Hours{}, &FieldError{Field: "settings.hours.time_zone",
			Message: "must be a name of the time zone database, such as Europe/Vienna"}
	}
	for day, intervals := range h.Weekly {
		field := fmt.Sprintf("settings.hours.weekly[%d]", day)
		if len(intervals) > maxIntervals {
			return Hours{}, &FieldError{Field: field, Message: fmt.Sprintf("must have at most %d intervals", maxIntervals)}
		}
		last := 0
		for _, i := range intervals {
			opens, closes, ok := i.minutes()
			switch {
			case !ok:
				return Hours{}, &FieldError{Field: field, Message: "opens and closes must be times such as 08:30; closes may be 24:00"}
			case opens >= closes:
				return Hours{}, &FieldError{Field: field, Message: "opens must come before closes; what goes past midnight is two intervals"}
			case opens < last:
				return Hours{}, &FieldError{Field: field, Message: "the intervals must stand in order and not overlap"}
			}
			last = closes
		}
	}
	return h, nil
}

func (h Hours) location() (*time.Location, error) {
	switch {
	case h.TimeZone == "" || strings.EqualFold(h.TimeZone, "local"): // Go's names for UTC and the host's zone
		return nil, fmt.Errorf("time zone %q has no name", h.TimeZone)
	case h.TimeZone == "UTC":
		return time.UTC, nil
	}
	return time.LoadLocation(h.TimeZone)
}

// minutes are the minutes after midnight that the interval opens and closes
// at.
func (i Interval) minutes() (opens, closes int, ok bool) {
	opens, ok1 := clockMinutes(i.Opens)
	closes, ok2 := clockMinutes(i.Closes)
	return opens, closes, ok1 && ok2 && opens < dayMinutes
}

// clockMinutes reads "15:04", and "24:00".
func clockMinutes(s string) (int, bool) {
	if s == "24:00" {
		return dayMinutes, true
	}
	if len(s) != len("15:04") {
		return 0, false
	}
	t, err := time.Parse("15:04", s)
	return t.Hour()*60 + t.Minute(), err == nil
}

// Open says whether it is open at a time: whether a clock on the wall of the
// area's zone shows a time within an interval (R-WA-2). Thus a clock that is
// put back passes an interval twice, and one that is put forward may skip it.
func (h Hours) Open(at time.Time) (bool, error) {
	if h.Always() {
		return true, nil
	}
	loc, err := h.location()
	if err != nil {
		return false, fmt.Errorf("opening hours: %w", err)
	}
	local := at.In(loc)
	second := local.Hour()*3600 + local.Minute()*60 + local.Second()
	for _, i := range h.Weekly[local.Weekday()] {
		if opens, closes, ok := i.minutes(); ok && second >= opens*60 && second < closes*60 {
			return true, nil
		}
	}
	return false, nil
}

// NextOpening returns the first moment from at on when it is open, in UTC: at
// itself when it is open then. The zero time when it never opens.
func (h Hours) NextOpening(at time.Time) (time.Time, error) {
	if open, err := h.Open(at); open || err != nil {
		return at.UTC(), err
	}
	loc, err := h.location()
	if err != nil {
		return time.Time{}, fmt.Errorf("opening hours: %w", err)
	}
	// From one change of the zone's offset to the next, wall time and time
	// pass alike. At a change the wall clock may jump into an interval.
	for from, horizon := at, at.Add(hoursHorizon); from.Before(horizon); {
		_, until := from.In(loc).ZoneBounds()
		if until.IsZero() || until.After(horizon) {
			until = horizon
		}
		if t, ok := h.openingWithin(from.In(loc), until); ok {
			return t.UTC(), nil
		}
		from = until
	}
	return time.Time{}, nil
}

// openingWithin returns the first moment in [from, until) when it is open; the
// zone's offset doesn't change meanwhile.
func (h Hours) openingWithin(from, until time.Time) (time.Time, bool) {
	_, offset := from.Zone()
	fixed := time.FixedZone("", offset)
	local := from.In(fixed)
	for day := range 2*daysOfWeek + 1 {
		midnight := time.Date(local.Year(), local.Month(), local.Day()+day, 0, 0, 0, 0, fixed)
		if !midnight.Before(until) {
			return time.Time{}, false
		}
		for _, i := range h.Weekly[midnight.Weekday()] {
			opens, closes, ok := i.minutes()
			if !ok || !midnight.Add(time.Duration(closes)*time.Minute).After(from) {
				continue
			}
			t := midnight.Add(time.Duration(opens) * time.Minute)
			if t.Before(from) {
				t = from
			}
			return t, t.Before(until)
		}
	}
	return time.Time{}, false
}
