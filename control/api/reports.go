package api

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/report"
)

// reportBuffer is how much of a report is sent at once, in bytes. What fails
// before is answered as a problem.
const reportBuffer = 32 << 10

// reportInput asks for a report.
type reportInput struct {
	ID         string `path:"id" format:"uuid"`
	Type       string `path:"type" enum:"consultations,areas,groups,consult-now,meeting-rooms,accounts,quality,units"`
	From       string `query:"from" maxLength:"40" example:"2026-03-01" doc:"A date: from its beginning in tz; or a time (RFC 3339). Without it 30 days before to."`
	To         string `query:"to" maxLength:"40" example:"2026-03-31" doc:"A date: up to its end in tz; or a time, which doesn't count itself. Without it now."`
	TZ         string `query:"tz" maxLength:"64" example:"Europe/Vienna" doc:"IANA name of the time zone that days and times are of. UTC without it."`
	MinMinutes string `query:"min_minutes" maxLength:"8" doc:"Leave out calls, and consultations, with fewer minutes in calls."`
	Area       string `query:"area" maxLength:"64" doc:"Of this area only."`
	Room       string `query:"room" maxLength:"64" doc:"Of this meeting room only."`
	Provider   string `query:"provider" maxLength:"64" doc:"With this account only."`
	Format     string `query:"format" maxLength:"8" enum:"json,csv,xlsx" doc:"json if left out."`
	Chart      string `query:"chart" maxLength:"16" enum:"days,waits,concurrency,quality" doc:"A drawing (SVG) in place of the table: days, waits and concurrency of consultations; days and waits of areas; quality and concurrency of quality."`
}

func (s *Server) registerReports(h huma.API) {
	path := "/units/{id}/reports/{type}"
	add(s, h, route{
		method: http.MethodGet, path: path, id: "read-report", tag: tagReports, status: http.StatusOK,
		permission: auth.ReportsRead, target: on(control.ThingUnit), past: true, errors: []int{http.StatusBadRequest, http.StatusInsufficientStorage},
		summary:     "Read a report",
		description: reportDescription(),
	}, s.readReport)
	answer := answerOf(h, http.MethodGet, path, http.StatusOK)
	text := &huma.Schema{Type: huma.TypeString}
	answer.Content = map[string]*huma.MediaType{
		"application/json":      {Schema: reportSchema()},
		"text/csv":              {Schema: text},
		report.XLSX.MediaType(): {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		"image/svg+xml":         {Schema: text},
	}
}

// reportDescription lists the columns of each type.
func reportDescription() string {
	var b strings.Builder
	b.WriteString("A report on a unit in a period: what ended in it. It is sent as it is read, and never says who a guest is. " +
		"CSV is as of RFC 4180; cells that a spreadsheet would execute begin with an apostrophe. " +
		"XLSX is sent once the last row is there, and holds 1,048,575 rows at most (400 where there are more): the rows in its first sheet, " +
		"with times in tz, and in a second one what the report is on and its totals. " +
		"A unit that was deleted keeps its reports, for whoever may read them; everybody else finds nothing there. " +
		"That it was read is recorded in the audit log. The columns are, in every format:\n")
	for _, t := range report.Types() {
		b.WriteString("\n- `" + string(t) + "`: ")
		for i, c := range t.Columns() {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(c.Name)
			if c.Doc != "" {
				b.WriteString(" (" + c.Doc + ")")
			}
		}
	}
	return b.String()
}

func reportSchema() *huma.Schema {
	object := &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
	text := &huma.Schema{Type: huma.TypeString}
	return &huma.Schema{
		Type: huma.TypeObject, Required: []string{"type", "unit_id", "from", "to", "tz", "rows", "totals"},
		Properties: map[string]*huma.Schema{
			"type": text, "unit_id": text, "from": text, "to": text, "tz": text,
			"rows":   {Type: huma.TypeArray, Items: object, Description: "The columns of the type."},
			"totals": object,
		},
	}
}

// readReport streams a report. What fails before the first part of it is sent
// is a problem; later the connection is cut.
func (s *Server) readReport(ctx context.Context, in *reportInput) (*huma.StreamResponse, error) {
	t := report.Type(in.Type)
	f, err := s.control.ReportFilter(t, report.Query{
		From: in.From, To: in.To, TZ: in.TZ, MinMinutes: in.MinMinutes, Area: in.Area, Room: in.Room, Provider: in.Provider,
		Format: in.Format, Chart: in.Chart,
	})
	if err != nil {
		return nil, wrongFilter(err)
	}
	a := accessOf(ctx)
	return &huma.StreamResponse{Body: func(h huma.Context) {
		_, w := humago.Unwrap(h)
		out := &reportWriter{w: w, control: http.NewResponseController(w), stall: s.streams.stall, header: reportHeader(t, f)}
		// Until the first part is sent it may take as long as it takes: the
		// request ends when the reader goes.
		_ = out.control.SetWriteDeadline(time.Time{})
		buffer := bufio.NewWriterSize(out, reportBuffer)
		err := s.control.Report(ctx, a.actor, in.ID, t, f, buffer)
		if err == nil {
			err = buffer.Flush()
		}
		if err == nil {
			return
		}
		if !out.started {
			_ = out.control.SetWriteDeadline(time.Now().Add(out.stall))
			writeProblem(w, problemOf(s.failed(ctx, "read-report", wrongFilter(err))))
			return
		}
		if !errors.Is(err, errStalled) {
			_ = s.failed(ctx, "read-report", err)
		}
		panic(http.ErrAbortHandler) // the receiver must not take it for whole
	}}, nil
}

// wrongFilter says which part of the query is wrong, if that is what an error
// is.
func wrongFilter(err error) error {
	var wrong *report.FilterError
	if !errors.As(err, &wrong) {
		return err
	}
	field := ProblemField{Field: "query." + wrong.Field, Message: wrong.Message}
	return newProblem(http.StatusBadRequest, CodeInvalid, "Wrong in the request: "+field.Field+": "+field.Message+".", field)
}

func reportHeader(t report.Type, f report.Filter) http.Header {
	if f.Chart != "" {
		// A drawing opened by itself has dark pages too: its own sheet, no other.
		policy := "default-src 'none'; style-src " + report.StyleSource() + "; frame-ancestors 'none'"
		return http.Header{"Content-Type": {"image/svg+xml"}, "Content-Security-Policy": {policy}}
	}
	name := string(t) + "_" + f.From.In(f.Zone).Format(time.DateOnly) + "_" + f.Until.Add(-time.Millisecond).In(f.Zone).Format(time.DateOnly) + "." + string(f.Format)
	h := http.Header{"Content-Type": {f.Format.MediaType()}}
	if f.Format != report.JSON {
		h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	}
	return h
}

// reportWriter sends each part at once. Who takes nothing for too long is left
// (SE-9): the server's own deadline is for answers of one part.
type reportWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
	header  http.Header
	started bool
}

func (r *reportWriter) Write(b []byte) (int, error) {
	if !r.started {
		r.started = true
		for name, values := range r.header {
			r.w.Header()[name] = values
		}
		r.w.WriteHeader(http.StatusOK)
	}
	err := r.control.SetWriteDeadline(time.Now().Add(r.stall))
	n := 0
	if err == nil || errors.Is(err, http.ErrNotSupported) {
		n, err = r.w.Write(b)
	}
	if err == nil {
		if err = r.control.Flush(); errors.Is(err, http.ErrNotSupported) {
			err = nil
		}
	}
	if err != nil {
		return n, errors.Join(errStalled, err)
	}
	return n, nil
}
