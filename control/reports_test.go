package control_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/report"
	"github.com/atriumrtc/atrium/control/store"
)

// reportOn reads a report of the clinic's unit.
func (f *clinic) reportOn(t report.Type, q report.Query) []byte {
	f.t.Helper()
	filter, err := f.ReportFilter(t, q)
	if err != nil {
		f.t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Report(f.t.Context(), f.dr.Actor, f.unit.ID, t, filter, &b); err != nil {
		f.t.Fatal(err)
	}
	return b.Bytes()
}

// rows reads a report's rows.
func (f *clinic) rows(t report.Type, q report.Query) []map[string]any {
	f.t.Helper()
	var got struct {
		Rows []map[string]any `json:"rows"`
	}
	if err := json.Unmarshal(f.reportOn(t, q), &got); err != nil {
		f.t.Fatal(err)
	}
	return got.Rows
}

// R-T-3, R-T-4, R-PV-2: a report is on a unit; whoever reads it is recorded;
// another organisation's answers as if it weren't there. R-T-5: a deleted one
// keeps its reports.
func TestReportIsRecorded(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	f.reportOn(report.Areas, report.Query{Area: f.area.ID, MinMinutes: "5"})
	page, err := f.Audit(t.Context(), f.dr.Actor, f.org, control.AuditFilter{Action: "report.read"}, control.Query{})
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("%d records, %v", len(page.Items), err)
	}
	r := page.Items[0]
	if r.Actor.ID != f.dr.Actor.ID || r.UnitID != f.unit.ID || r.Subject.ID != f.unit.ID || r.Details["type"] != "areas" || r.Details["area"] != f.area.ID ||
		r.Details["min_minutes"] != "5" || r.Details["from"] == "" {
		t.Errorf("%+v", r)
	}
	filter, err := f.ReportFilter(report.Units, report.Query{})
	if err != nil {
		t.Fatal(err)
	}
	read := func(actor control.Actor, unit string, filter report.Filter) error {
		return f.Report(t.Context(), actor, unit, report.Units, filter, &bytes.Buffer{})
	}
	stranger := control.Actor{Kind: control.ActorAccount, ID: uuid.NewString(), OrganisationID: uuid.NewString()}
	for what, err := range map[string]error{
		"a foreign actor": read(stranger, f.unit.ID, filter), "no unit": read(f.dr.Actor, uuid.NewString(), filter), "no id": read(f.dr.Actor, "x/y", filter),
	} {
		if !errors.Is(err, control.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for field, change := range map[string]func(*report.Filter){
		"area":     func(f *report.Filter) { f.Area = uuid.NewString() },
		"room":     func(f *report.Filter) { f.Room = "x/y" },
		"provider": func(f *report.Filter) { f.Provider = "x/y" },
	} {
		bad := filter
		change(&bad)
		var wrong *report.FilterError
		if err := read(f.dr.Actor, f.unit.ID, bad); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if err := f.DeleteUnit(t.Context(), staff(f.org), f.unit.ID); err != nil {
		t.Fatal(err)
	}
	if err := read(stranger, f.unit.ID, filter); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("a deleted unit, by a foreign actor: %v", err)
	}
	f.step(time.Minute)
	if rows := f.rows(report.Units, report.Query{}); len(rows) != 1 || rows[0]["deleted"] != "2026-03-02T12:00:00Z" || rows[0]["areas_deleted"] != 1.0 {
		t.Errorf("a deleted unit: %v", rows)
	}
}

// R-T-5: what is deleted keeps its name and its place in reports of the time
// when it was there, and in no later ones.
func TestReportsKeepWhatIsDeleted(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	room := f.newRoom()
	g := f.arrive(canaryName)
	f.admit(f.dr, g, control.AdmitSpec{})
	f.step(10 * time.Minute)
	if err := f.DeleteArea(t.Context(), staff(f.org), f.area.ID); err != nil {
		t.Fatal(err)
	}
	f.due() // who was inside is let go
	f.step(24 * time.Hour)
	if err := f.DeleteMeetingRoom(t.Context(), staff(f.org), room.ID); err != nil {
		t.Fatal(err)
	}
	f.step(24 * time.Hour)
	first, last := report.Query{From: "2026-03-02", To: "2026-03-02"}, report.Query{From: "2026-03-04", To: "2026-03-04"}
	rows := f.rows(report.Areas, first)
	if len(rows) != 1 || rows[0]["area"] != "Area" || rows[0]["deleted"] != "2026-03-02T12:10:00Z" || rows[0]["arrivals"] != 1.0 || rows[0]["minutes"] != 10.0 {
		t.Errorf("%v", rows)
	}
	if rows := f.rows(report.Areas, last); len(rows) != 0 {
		t.Errorf("later: %v", rows)
	}
	if rows := f.rows(report.MeetingRooms, first); len(rows) != 1 || rows[0]["room"] != "Team" {
		t.Errorf("%v", rows)
	}
	if rows := f.rows(report.MeetingRooms, last); len(rows) != 0 {
		t.Errorf("later: %v", rows)
	}
	unit := f.rows(report.Units, report.Query{From: "2026-03-01", To: "2026-03-02"})[0]
	if fmt.Sprint(unit["areas"], unit["areas_created"], unit["areas_deleted"], unit["rooms"], unit["rooms_created"], unit["rooms_deleted"], unit["accounts_used"]) != "0 1 1 1 1 0 1" {
		t.Errorf("%v", unit)
	}
	consultation := f.rows(report.Consultations, first)[0]
	if consultation["area"] != "Area" || consultation["outcome"] != "completed" || consultation["duration_s"] != 600.0 || consultation["quality"] != nil || consultation["relay"] != nil {
		t.Errorf("%v", consultation)
	}
}

// R-RP: accounts with their roles in the unit, those without a call too; names
// of staff, not of guests.
func TestAccountsReport(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	made, err := f.Appoint(t.Context(), staff(f.org), control.Provider, control.Scope{Kind: control.ScopeArea, ID: f.area.ID},
		control.Invitee{Email: "doc@example.org", Copy: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Appoint(t.Context(), staff(f.org), control.OrgReporter, unitScope(f.unit.ID), control.Invitee{Email: "doc@example.org", Copy: true}, nil); err != nil {
		t.Fatal(err)
	}
	doc := control.Staff{Name: "Doc", Actor: control.Actor{Kind: control.ActorAccount, ID: made.Account.ID, OrganisationID: f.org}}
	before := f.rows(report.Accounts, report.Query{})
	if len(before) != 1 || before[0]["account_id"] != made.Account.ID || fmt.Sprint(before[0]["roles"]) != "[org_reporter provider]" || before[0]["calls"] != 0.0 {
		t.Errorf("%v", before)
	}
	g := f.arrive(canaryName)
	call := f.admit(doc, g, control.AdmitSpec{}).Call
	f.step(90 * time.Second)
	if err := f.EndCall(t.Context(), doc.Actor, call.ID); err != nil {
		t.Fatal(err)
	}
	f.step(time.Second)
	after := f.rows(report.Accounts, report.Query{})
	if len(after) != 1 || after[0]["calls"] != 1.0 || after[0]["minutes"] != 1.5 {
		t.Errorf("%v", after)
	}
	if rows := f.rows(report.Accounts, report.Query{Area: f.area.ID}); len(rows) != 1 || fmt.Sprint(rows[0]["roles"]) != "[provider]" || rows[0]["calls"] != 1.0 {
		t.Errorf("of the area: %v", rows)
	}
}

// An area's name can't become a formula in a spreadsheet.
func TestReportNeutralisesNames(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	f.newArea("=HYPERLINK(1)", control.AreaSettings{})
	f.step(time.Minute)
	records, err := csv.NewReader(bytes.NewReader(f.reportOn(report.Areas, report.Query{Format: "csv"}))).ReadAll()
	if err != nil || len(records) != 3 || records[2][0] != "'=HYPERLINK(1)" {
		t.Errorf("%q, %v", records, err)
	}
}

// R-RP, SE-12: quality is sampled, kept once a minute, and stands in the rows of
// the call and of its guest; a server that is killed loses a minute of it.
func TestQualityOfCalls(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	ann, bob := f.arrive(canaryName), f.arrive("Bob")
	admitted := f.admit(f.dr, ann, control.AdmitSpec{})
	f.admit(f.dr, bob, control.AdmitSpec{CallID: admitted.Call.ID})
	parked := f.arrive("Eve")
	sample := func(score int, freezes int) {
		t.Helper()
		good := report.Sample{RTT: 20 * time.Millisecond, Jitter: 4 * time.Millisecond, Score: 100}
		err := f.NoteQuality(t.Context(), []control.ConnectionSample{
			{ParticipantID: ann.pid(), Sample: report.Sample{Loss: 0.1, RTT: 60 * time.Millisecond, Jitter: 8 * time.Millisecond, Score: score, Freezes: freezes, Relayed: true}},
			{ParticipantID: bob.pid(), Sample: good}, {ParticipantID: admitted.Join.ParticipantID, Sample: good},
			{ParticipantID: parked.pid(), Sample: report.Sample{Score: 1}}, {ParticipantID: uuid.NewString(), Sample: report.Sample{}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	stored := func() (n int) {
		f.each("call_quality/", func(string) { n++ }, "")
		return n
	}
	sample(40, 1)
	f.step(10 * time.Second)
	sample(40, 0)
	if stored() != 0 {
		t.Error("it is stored at each sample")
	}
	f.step(time.Minute)
	sample(40, 1) // stored with those before
	if stored() != 1 {
		t.Errorf("%d records after a minute", stored())
	}
	f.step(time.Second)
	sample(0, 5) // lost
	f.restart()
	for _, g := range []*guest{ann, bob, parked} {
		f.media.Disconnect(g.pid())
		if err := f.Present(t.Context(), g.pid(), true); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Present(t.Context(), admitted.Join.ParticipantID, true); err != nil {
		t.Fatal(err)
	}
	sample(60, 2) // of another run
	if _, err := f.RemoveVisit(t.Context(), f.dr.Actor, bob.id); err != nil {
		t.Fatal(err)
	}
	f.step(time.Second)
	if err := f.EndCall(t.Context(), f.dr.Actor, admitted.Call.ID); err != nil {
		t.Fatal(err)
	}
	f.step(2 * time.Minute)
	sample(0, 0) // nobody is in a call
	if stored() != 0 {
		t.Errorf("%d records remain", stored())
	}
	rows := map[string]map[string]any{}
	for _, r := range f.rows(report.Consultations, report.Query{}) {
		rows[r["id"].(string)] = r
	}
	if r := rows[ann.id]; r["quality"] != 45.0 || r["relay"] != true || r["peak_participants"] != 3.0 {
		t.Errorf("Ann: %v", r)
	}
	if r := rows[bob.id]; r["quality"] != 100.0 || r["relay"] != false || r["outcome"] != "removed" {
		t.Errorf("Bob: %v", r)
	}
	call := f.rows(report.QualityOf, report.Query{})[0]
	// Four samples of each of three: Ann's loss of 10 %, mean over all.
	if fmt.Sprint(call["loss_percent"], call["rtt_ms"], call["jitter_ms"], call["freezes"], call["score"]) != "3.33 33.3 5.3 4 82" {
		t.Errorf("the call: %v", call)
	}
	svg := string(f.reportOn(report.QualityOf, report.Query{Chart: "quality"}))
	if !strings.Contains(svg, "1 calls, mean score 82") {
		t.Errorf("%s", svg)
	}
}

// Totals are kept beside the rows: a report of a year reads few of these.
func TestReportsReadTotals(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	for range 5 {
		g := f.arrive(canaryName)
		f.step(time.Minute)
		f.left(g.pid(), control.DepartedLeft)
		f.step(time.Minute)
	}
	f.step(48 * time.Hour)
	// Whoever took the rows away would only be noticed by what lists them.
	if err := f.dropRows(); err != nil {
		t.Fatal(err)
	}
	year := report.Query{From: "2025-06-01", To: "2026-05-31", TZ: "Asia/Kathmandu"}
	if rows := f.rows(report.Areas, year); len(rows) != 1 || rows[0]["arrivals"] != 5.0 || rows[0]["abandoned"] != 5.0 || rows[0]["wait_mean_s"] != 60.0 {
		t.Errorf("%v", rows)
	}
	if rows := f.rows(report.Consultations, year); len(rows) != 0 {
		t.Errorf("%v", rows)
	}
}

// R-RP: two calls at once are drawn so, also those that a filter leaves.
func TestConcurrencyChart(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	a, b := f.arrive(canaryName), f.arrive(canaryName)
	one, two := f.admit(f.dr, a, control.AdmitSpec{}).Call.ID, f.admit(f.provider("Dr Two"), b, control.AdmitSpec{}).Call.ID
	if one == two {
		t.Fatal("one call")
	}
	f.step(30 * time.Minute)
	for _, id := range []string{one, two} {
		if err := f.EndCall(t.Context(), f.dr.Actor, id); err != nil {
			t.Fatal(err)
		}
	}
	f.step(time.Minute)
	for want, q := range map[string]report.Query{
		"the busiest of all had 2.": {Chart: "concurrency"}, "the busiest of all had 1.": {Chart: "concurrency", Provider: f.dr.Actor.ID},
		"the busiest of all had 0.": {Chart: "concurrency", MinMinutes: "31"},
	} {
		if svg := string(f.reportOn(report.Consultations, q)); !strings.Contains(svg, want) {
			t.Errorf("%+v: %s", q, svg)
		}
	}
	if svg := string(f.reportOn(report.Areas, report.Query{Chart: "waits"})); !strings.Contains(svg, "2 visits: median 0 s") {
		t.Errorf("%s", svg)
	}
}

// dropRows deletes all rows, and leaves the totals.
func (f *clinic) dropRows() error {
	return f.store.Update(f.t.Context(), func(tx store.Tx) error {
		var keys []string
		err := tx.Range("report/", "", func(key string, _ []byte) error {
			keys = append(keys, key)
			return nil
		})
		for _, key := range keys {
			err = errors.Join(err, tx.Delete(key))
		}
		return err
	})
}
