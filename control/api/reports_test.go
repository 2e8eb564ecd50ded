package api

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/xuri/excelize/v2"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/api/client"
	"github.com/atriumrtc/atrium/control/report"
	"github.com/atriumrtc/atrium/control/store"
)

// consulted has somebody seen and let go.
func (c *clinic) consulted(name string) {
	c.t.Helper()
	g := c.enter(c.area.Link, name)
	admitted, err := c.app.AdmitVisit(c.t.Context(), g.visit.ID, client.AdmitSpec{Provider: c.provider})
	c.ok(err)
	c.ok(c.app.EndCall(c.t.Context(), admitted.Call.ID))
}

// R-T-3, R-RP: a report over HTTP, as JSON, as CSV and drawn.
func TestReports(t *testing.T) {
	c := newClinic(t, control.AreaSettings{}, nil)
	c.consulted("Zacharias Quirk")
	c.newArea("=1+1", control.AreaSettings{})
	for _, kind := range report.Types() {
		r, err := c.app.Report(t.Context(), c.unit, string(kind), client.ReportQuery{TZ: "Europe/Vienna"})
		if err != nil || r.Type != string(kind) || r.UnitID != c.unit || r.TZ != "Europe/Vienna" || !r.From.Before(r.To) {
			t.Errorf("%s: %+v, %v", kind, r, err)
		}
		for _, row := range r.Rows {
			if len(row) != len(kind.Columns()) {
				t.Errorf("%s: %v", kind, row)
			}
		}
		for _, chart := range kind.Charts() {
			var drawn bytes.Buffer
			c.ok(c.app.WriteChart(t.Context(), c.unit, string(kind), string(chart), client.ReportQuery{}, &drawn))
			if err := xml.Unmarshal(drawn.Bytes(), new(struct{})); err != nil || !strings.HasPrefix(drawn.String(), "<svg ") {
				t.Errorf("%s, %s: %v: %s", kind, chart, err, &drawn)
			}
		}
		var table bytes.Buffer
		c.ok(c.app.WriteReport(t.Context(), c.unit, string(kind), "csv", client.ReportQuery{}, &table))
		records, err := csv.NewReader(&table).ReadAll()
		if err != nil || len(records) != len(r.Rows)+1 {
			t.Errorf("%s: %d records of %d rows, %v", kind, len(records), len(r.Rows), err)
		}
		if strings.Contains(table.String(), "Zacharias") {
			t.Errorf("%s names a guest", kind)
		}
		var book bytes.Buffer
		c.ok(c.app.WriteReport(t.Context(), c.unit, string(kind), "xlsx", client.ReportQuery{}, &book))
		file, err := excelize.OpenReader(&book)
		c.ok(err)
		lines, err := file.GetRows(file.GetSheetName(0))
		if err != nil || len(lines) != len(records) || strings.Join(lines[0], " ") != strings.Join(records[0], " ") {
			t.Errorf("%s: %d lines of %d rows in a workbook, %v", kind, len(lines), len(r.Rows), err)
		}
		c.ok(file.Close())
	}
	r, err := c.app.Report(t.Context(), c.unit, "areas", client.ReportQuery{AreaID: c.area.ID})
	if err != nil || len(r.Rows) != 1 || string(r.Rows[0]["completed"]) != "1" || string(r.Totals["arrivals"]) != "1" {
		t.Errorf("%+v, %v", r, err)
	}
	page, err := c.service.Audit(t.Context(), control.System(), c.org, control.AuditFilter{Action: "report.read"}, control.Query{})
	if err != nil || len(page.Items) < 2*len(report.Types()) || page.Items[0].Actor.Kind != control.ActorAPIKey {
		t.Errorf("%d records of the audit log, %v", len(page.Items), err)
	}
}

// Reports say what they are; what is wrong in the query is named.
func TestReportAnswers(t *testing.T) {
	c := newClinic(t, control.AreaSettings{}, nil)
	_, key, err := c.service.CreateAPIKey(t.Context(), control.System(), control.KeySpec{
		Name: "reports", Scope: control.Scope{Kind: control.ScopeUnit, ID: c.unit}, Permissions: []string{"reports.read"},
	}, nil)
	c.ok(err)
	get := func(path string) (*http.Response, []byte) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+"/api/v1/units/"+c.unit+"/reports/"+path, nil)
		c.ok(err)
		req.Header.Set("Authorization", "Bearer "+key)
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		resp, err := (&http.Client{Transport: transport}).Do(req)
		c.ok(err)
		defer func() { _ = resp.Body.Close() }()
		var b bytes.Buffer
		_, err = b.ReadFrom(resp.Body)
		c.ok(err)
		return resp, b.Bytes()
	}
	for path, want := range map[string][2]string{
		"areas": {"application/json", ""},
		"areas?format=csv&from=2026-03-01&to=2026-03-31&tz=Asia/Kathmandu": {"text/csv; charset=utf-8; header=present", `attachment; filename="areas_2026-03-01_2026-03-31.csv"`},
		"quality?chart=quality": {"image/svg+xml", ""},
		"consult-now?format=xlsx&from=2026-03-01&to=2026-03-31": {
			"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", `attachment; filename="consult-now_2026-03-01_2026-03-31.xlsx"`},
	} {
		resp, body := get(path)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != want[0] || resp.Header.Get("Content-Disposition") != want[1] {
			t.Errorf("%s: %d %v: %s", path, resp.StatusCode, resp.Header, body)
		}
		if csp := resp.Header.Get("Content-Security-Policy"); want[0] == "image/svg+xml" && csp != "default-src 'none'; style-src "+report.StyleSource()+"; frame-ancestors 'none'" {
			t.Errorf("%s: the policy is %q", path, csp)
		}
	}
	for path, field := range map[string]string{
		"areas?format=xlsx&chart=days": "query.format", "areas?format=pdf": "query.format", "areas?tz=Local": "query.tz", "areas?from=x": "query.from",
		"areas?from=2026-03-02&to=2026-03-01": "query.to", "areas?min_minutes=-1": "query.min_minutes", "areas?chart=quality": "query.chart",
		"areas?chart=pie": "query.chart", "areas?area=" + c.unit: "query.area", "areas?room=x": "query.room", "areas?provider=x": "query.provider",
		"areas?limit=5": "query.limit", "salaries": "path.type",
	} {
		resp, body := get(path)
		var p Problem
		if err := json.Unmarshal(body, &p); err != nil || resp.StatusCode != http.StatusBadRequest || len(p.Errors) == 0 || p.Errors[0].Field != field {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
}

// R-T-4, R-T-5: a unit that was deleted keeps its reports, for its
// administrators and reporters and the organisation's keys, until that is taken
// away; everybody else is answered as for a unit that never was.
func TestReportsOfADeletedUnit(t *testing.T) {
	c := newClinic(t, control.AreaSettings{}, nil)
	c.consulted("Zacharias Quirk")
	unit := control.Scope{Kind: control.ScopeUnit, ID: c.unit}
	other, err := c.service.CreateUnit(t.Context(), control.System(), c.org, control.UnitSpec{Name: "Other"}, nil)
	c.ok(err)
	people := make(map[string]*client.Client)
	var reporter control.Account
	for name, who := range map[string]struct {
		role control.RoleName
		on   control.Scope
	}{
		"reporter": {control.OrgReporter, unit}, "admin": {control.OrgAdmin, unit}, "area": {control.AreaAdmin, c.scope()},
		"system": {control.SystemAdmin, control.Scope{Kind: control.ScopeOrganisation, ID: c.org}},
		"other":  {control.OrgReporter, control.Scope{Kind: control.ScopeUnit, ID: other.Unit.ID}},
	} {
		account, session := c.staff(name, who.role, who.on)
		people[name] = c.client(session)
		if name == "reporter" {
			reporter = account
		}
	}
	c.ok(c.service.DeleteUnit(t.Context(), control.System(), c.unit))
	for _, kind := range report.Types() {
		for _, name := range []string{"reporter", "admin"} {
			_, err := people[name].Report(t.Context(), c.unit, string(kind), client.ReportQuery{})
			c.ok(err)
		}
		_, err := c.app.Report(t.Context(), c.unit, string(kind), client.ReportQuery{})
		c.ok(err)
		for _, name := range []string{"area", "system", "other"} {
			_, never := people[name].Report(t.Context(), uuid.NewString(), string(kind), client.ReportQuery{})
			_, err := people[name].Report(t.Context(), c.unit, string(kind), client.ReportQuery{})
			refused(t, fmt.Sprint(name, " of ", kind), err, http.StatusNotFound, CodeNotFound)
			if fmt.Sprint(err) != fmt.Sprint(never) {
				t.Errorf("%s is told %v; of no unit %v", name, err, never)
			}
		}
	}
	read := func() (client.Report, error) {
		return people["reporter"].Report(t.Context(), c.unit, string(report.Units), client.ReportQuery{})
	}
	if r, err := read(); err != nil || len(r.Rows) != 1 || string(r.Rows[0]["unit"]) != `"Unit"` || string(r.Rows[0]["deleted"]) == "null" ||
		string(r.Rows[0]["areas_deleted"]) != "1" || string(r.Rows[0]["created"]) == "null" {
		t.Errorf("%s, %v", r.Rows, err)
	}
	past, err := people["reporter"].Report(t.Context(), c.unit, string(report.Areas), client.ReportQuery{})
	if err != nil || len(past.Rows) != 1 || string(past.Rows[0]["arrivals"]) != "1" || string(past.Rows[0]["deleted"]) == "null" {
		t.Errorf("%s, %v", past.Rows, err)
	}
	grants, err := c.service.Grants(t.Context(), reporter.ID)
	c.ok(err)
	refused(t, "by a reporter of another", people["other"].Do(t.Context(), http.MethodDelete, "/units/"+c.unit+"/grants/"+grants[0].ID, nil, nil),
		http.StatusNotFound, CodeNotFound)
	c.ok(people["system"].Do(t.Context(), http.MethodDelete, "/units/"+c.unit+"/grants/"+grants[0].ID, nil, nil))
	_, err = read()
	refused(t, "after the role was taken away", err, http.StatusNotFound, CodeNotFound)
}

// R-T-3, R-T-4, SE-6: a reporter of one unit reads its reports, and gets 404
// for another; an administrator of an area, of all units 403 for its own and
// 404 for another.
func TestReportersOfAnotherUnit(t *testing.T) {
	c := newClinic(t, control.AreaSettings{}, nil)
	other, err := c.service.CreateUnit(t.Context(), control.System(), c.org, control.UnitSpec{Name: "Other"}, nil)
	c.ok(err)
	unit := control.Scope{Kind: control.ScopeUnit, ID: c.unit}
	for role, want := range map[control.RoleName]int{control.OrgReporter: http.StatusOK, control.OrgAdmin: http.StatusOK, control.AreaAdmin: http.StatusForbidden} {
		scope := unit
		if role == control.AreaAdmin {
			scope = c.scope()
		}
		_, session := c.staff("Somebody", role, scope)
		staff := c.client(session)
		for _, kind := range report.Types() {
			_, err := staff.Report(t.Context(), c.unit, string(kind), client.ReportQuery{})
			if want == http.StatusOK {
				c.ok(err)
			} else {
				refused(t, fmt.Sprint(role, " of ", kind), err, want, CodeForbidden)
			}
			_, err = staff.Report(t.Context(), other.Unit.ID, string(kind), client.ReportQuery{})
			refused(t, fmt.Sprint(role, " elsewhere of ", kind), err, http.StatusNotFound, CodeNotFound)
		}
	}
}

// manyRows writes rows of consultations of March 2026, as those that ended.
func (c *clinic) manyRows(n int) {
	c.t.Helper()
	const batch = 5000
	start := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	for done := 0; done < n; done += batch {
		c.ok(c.store.Update(c.t.Context(), func(tx store.Tx) error {
			for i := done; i < min(done+batch, n); i++ {
				at := start.Add(time.Duration(i) * time.Second)
				data, err := report.VisitRow{
					ID: uuid.NewString(), UnitID: c.unit, AreaID: c.area.ID, Type: "area", Arrived: at.Add(-time.Hour), Joined: at.Add(-time.Minute),
					Ended: at, Waited: 59 * 60_000, Talked: 60_000, Peak: 2, Outcome: report.OutcomeCompleted,
				}.MarshalBinary()
				if err == nil {
					err = tx.Put(fmt.Sprintf("report/%s/visit/%015d/%s", c.unit, at.UnixMilli(), uuid.NewString()), data)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

// SE-9: a report of any length goes out while it is read; a reader who takes
// nothing is left, and doesn't take what came for the whole.
func TestReportReaderStalls(t *testing.T) {
	over := make(chan string, 8)
	c := newClinic(t, control.AreaSettings{}, func(_ *clinic, server *httptest.Server) {
		next := server.Config.Handler
		server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() { over <- r.URL.Path }()
			next.ServeHTTP(w, r)
		})
	})
	const rows = 40_000
	c.manyRows(rows)
	march := client.ReportQuery{From: "2026-03-01", To: "2026-03-31"}
	var table bytes.Buffer
	c.ok(c.app.WriteReport(t.Context(), c.unit, "consultations", "csv", march, &table))
	if lines := bytes.Count(table.Bytes(), []byte("\r\n")); lines != rows+1 {
		t.Fatalf("%d lines of %d rows", lines, rows)
	}
	<-over
	c.server.streams.stall = 300 * time.Millisecond
	reader, writer := io.Pipe()
	failed := make(chan error, 1)
	go func() { failed <- c.app.WriteReport(t.Context(), c.unit, "consultations", "csv", march, writer) }()
	if path := <-over; !strings.HasSuffix(path, "/reports/consultations") { // though nobody reads
		t.Errorf("%s returned", path)
	}
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	if err := <-failed; err == nil {
		t.Error("a report that was cut off looks whole")
	}
	_ = writer.Close()
}
