package report

import "time"

// Steps that totals are kept for, from 1970 on in UTC.
const (
	Quarter = 15 * time.Minute
	Day     = 24 * time.Hour
)

// Span is a part of a period.
type Span struct {
	// Step is Quarter or Day for what is made of totals, 0 for what is made of
	// rows.
	Step        time.Duration
	From, Until time.Time // from From on, before Until
}

// Cover says what a period is made of, in order. fine leaves out days: for what
// is told by hours or by days of a time zone.
func Cover(from, until time.Time, fine bool) []Span {
	if !from.Before(until) {
		return nil
	}
	first, last := ceil(from, Quarter), until.Truncate(Quarter)
	if !first.Before(last) {
		return []Span{{0, from, until}}
	}
	spans := []Span{{0, from, first}}
	begin, end := ceil(first, Day), last.Truncate(Day)
	if fine || !begin.Before(end) {
		spans = append(spans, Span{Quarter, first, last})
	} else {
		spans = append(spans, Span{Quarter, first, begin}, Span{Day, begin, end}, Span{Quarter, end, last})
	}
	spans = append(spans, Span{0, last, until})
	kept := spans[:0]
	for _, s := range spans {
		if s.From.Before(s.Until) {
			kept = append(kept, s)
		}
	}
	return kept
}

// ceil is the first time from t on that is a multiple of step. (Truncate counts
// from year 1, of which 1970 is a multiple of a day.)
func ceil(t time.Time, step time.Duration) time.Time {
	if down := t.Truncate(step); !down.Equal(t) {
		return down.Add(step)
	}
	return t
}

// DayStart is the first moment at which clocks of a zone show that date, or
// where they skip it a later one.
func DayStart(year int, month time.Month, day int, zone *time.Location) time.Time {
	date := dateOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
	t := time.Date(year, month, day, 0, 0, 0, 0, zone)
	// Midnight may not exist, or exist twice: time.Date then gives one of
	// several. A zone that skips a day moves by one at most.
	for range 2 * int(Day/Quarter) {
		if dateOf(t.In(zone)) >= date {
			break
		}
		t = ceil(t.Add(time.Nanosecond), Quarter)
	}
	for range 2 * int(Day/Quarter) {
		before := t.Add(-time.Nanosecond).Truncate(Quarter)
		if dateOf(before.In(zone)) < date {
			break
		}
		t = before
	}
	return t
}

// dateOf is a date as a number that sorts.
func dateOf(t time.Time) int {
	y, m, d := t.Date()
	return y*10000 + int(m)*100 + d
}

// dates are the dates of a period in its zone, in order, of which it has at
// least a moment.
func dates(from, until time.Time, zone *time.Location) []time.Time {
	var list []time.Time
	y, m, d := from.In(zone).Date()
	last := dateOf(until.Add(-time.Nanosecond).In(zone))
	for day := time.Date(y, m, d, 0, 0, 0, 0, time.UTC); dateOf(day) <= last; day = day.AddDate(0, 0, 1) {
		list = append(list, day)
	}
	return list
}

// OnQuarters says whether all changes of the date in a zone come at a quarter
// of UTC, from a time until another: if not, what is told by days is to be made
// of rows.
func OnQuarters(from, until time.Time, zone *time.Location) bool {
	for _, day := range dates(from, until, zone) {
		y, m, d := day.Date()
		if start := DayStart(y, m, d, zone); !start.Equal(start.Truncate(Quarter)) {
			return false
		}
	}
	return true
}
