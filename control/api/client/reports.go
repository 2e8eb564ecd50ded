package client

import (
	"context"
	"encoding/json"
	"io"
	"net/url"
	"strconv"
	"time"
)

// ReportQuery is what a report is on; the zero value of a field leaves it out.
type ReportQuery struct {
	From, To   string // dates, or times as of RFC 3339
	TZ         string // IANA name; "": UTC
	MinMinutes int
	AreaID     string
	RoomID     string // a meeting room
	ProviderID string // an account
}

func (q ReportQuery) values(format, chart string) url.Values {
	query := url.Values{}
	minutes := ""
	if q.MinMinutes > 0 {
		minutes = strconv.Itoa(q.MinMinutes)
	}
	for name, value := range map[string]string{
		"from": q.From, "to": q.To, "tz": q.TZ, "min_minutes": minutes, "area": q.AreaID, "room": q.RoomID,
		"provider": q.ProviderID, "format": format, "chart": chart,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

// Report is a report that is held as a whole: the columns of a row, and the
// totals, by name.
type Report struct {
	Type   string                       `json:"type"`
	UnitID string                       `json:"unit_id"`
	From   time.Time                    `json:"from"`
	To     time.Time                    `json:"to"`
	TZ     string                       `json:"tz"`
	Rows   []map[string]json.RawMessage `json:"rows"`
	Totals map[string]json.RawMessage   `json:"totals"`
}

// Report reads a report on a unit: consultations, areas, groups, consult-now,
// meeting-rooms, accounts, quality or units. What is long (8 MB and more) is
// for WriteReport.
func (c *Client) Report(ctx context.Context, unitID, kind string, q ReportQuery) (Report, error) {
	return fetch[Report](ctx, c, at("units", unitID, "reports", kind), q.values("json", ""))
}

// WriteReport writes a report on a unit as csv, json or xlsx. After an error what
// was written isn't whole.
func (c *Client) WriteReport(ctx context.Context, unitID, kind, format string, q ReportQuery, w io.Writer) error {
	return c.Stream(ctx, at("units", unitID, "reports", kind)+"?"+q.values(format, "").Encode(), w)
}

// WriteChart writes a drawing of a report, as SVG: days, waits, concurrency or
// quality.
func (c *Client) WriteChart(ctx context.Context, unitID, kind, chart string, q ReportQuery, w io.Writer) error {
	return c.Stream(ctx, at("units", unitID, "reports", kind)+"?"+q.values("", chart).Encode(), w)
}
