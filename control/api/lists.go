package api

import (
	"encoding/base64"
	"time"

	"github.com/atriumrtc/atrium/control"
)

// ListQuery asks for a page of a list.
type ListQuery struct {
	Cursor string `query:"cursor" maxLength:"64" doc:"next_cursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Most items of the answer."`
}

func (q ListQuery) query() control.Query { return pageAfter(q.Cursor, q.Limit) }

// pageAfter is what the rules are asked; they refuse a made-up cursor.
func pageAfter(cursor string, limit int) control.Query {
	after, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		after = []byte("?")
	}
	return control.Query{After: string(after), Limit: limit}
}

// defaultPeriod is what a list spans that names no end.
const defaultPeriod = 31 * 24 * time.Hour

// PeriodQuery asks for a page of a list of what starts in a period.
type PeriodQuery struct {
	From   time.Time `query:"from" doc:"Those that start then or later; absent: from a day ago."`
	Until  time.Time `query:"until" doc:"Those that start before; absent: 31 days after from."`
	Cursor string    `query:"cursor" maxLength:"128" doc:"next_cursor of the page before."`
	Limit  int       `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"Most items of the answer."`
}

// period is the time that is asked for: from its start on, before its end.
func (q PeriodQuery) period(now time.Time) (from, until time.Time) {
	from, until = q.From, q.Until
	if from.IsZero() {
		from = now.Add(-24 * time.Hour)
	}
	if until.IsZero() {
		until = from.Add(defaultPeriod)
	}
	return from, until
}

func (q PeriodQuery) query() control.Query { return pageAfter(q.Cursor, q.Limit) }

// List is a page of a list.
type List[T any] struct {
	Items      []T    `json:"items" nullable:"false"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Absent on the last page."`
}

type listOutput[T any] struct {
	Body List[T]
}

// listOf translates a page.
func listOf[From, To any](page control.Page[From], item func(From) To) *listOutput[To] {
	list := List[To]{Items: make([]To, 0, len(page.Items)), NextCursor: base64.RawURLEncoding.EncodeToString([]byte(page.Next))}
	for _, from := range page.Items {
		list.Items = append(list.Items, item(from))
	}
	return &listOutput[To]{Body: list}
}

// IDPath is a path with the id of a thing.
type IDPath struct {
	ID string `path:"id" doc:"The id."`
}

// output is an answer that is a T.
type output[T any] struct {
	Body T
}

// respond returns the answer of v, or the error.
func respond[From, To any](v From, err error, item func(From) To) (*output[To], error) {
	if err != nil {
		return nil, err
	}
	return &output[To]{Body: item(v)}, nil
}
