package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"
)

func someFilter(t *testing.T, kind Type, format string) Filter {
	t.Helper()
	f, err := Parse(kind, Query{From: "2026-03-29", To: "2026-03-29", TZ: "Europe/Vienna", Format: format}, now)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// dangerous is what spreadsheets would execute, or break a line with.
var dangerous = []string{"=1+1", "+43 1", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", `=HYPERLINK("http://x","y")`, `a "b", c`, "two\nlines"}

// R-RP: CSV is as of RFC 4180, and nothing in it is executed.
func TestCSV(t *testing.T) {
	var b bytes.Buffer
	f := someFilter(t, Areas, "csv")
	w := NewWriter(CSV, &b)
	must(t, w.Begin(Head{Type: Areas, UnitID: "u", Filter: f, Columns: []Column{{Name: "text"}, {Name: "n"}, {Name: "at"}, {Name: "yes"}, {Name: "list"}}}))
	at := time.Date(2026, 3, 29, 0, 30, 0, 0, time.UTC)
	for _, text := range dangerous {
		must(t, w.Row(Row{text, 12.345, at, true, []string{"a", "b"}}))
	}
	must(t, w.Row(Row{nil, int64(3), time.Time{}, false, []string(nil)}))
	must(t, w.End(Totals{{"n", 1}}))
	if lines := strings.Count(b.String(), "\r\n"); lines < len(dangerous)+2 {
		t.Errorf("%d lines end as RFC 4180 says", lines)
	}
	records, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(records) != len(dangerous)+2 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	if got := strings.Join(records[0], " "); got != "text n at yes list" {
		t.Errorf("headings %q", got)
	}
	for i, text := range dangerous {
		r := records[i+1]
		if strings.ContainsAny(r[0][:1], "=+-@\t\r\n＝") || !strings.Contains(strings.ReplaceAll(r[0], "\r", ""), strings.ReplaceAll(text, "\r", "")) {
			t.Errorf("%q is written as %q", text, r[0])
		}
		if r[1] != "12.345" || r[2] != "2026-03-29T01:30:00+01:00" || r[3] != "yes" || r[4] != "a b" {
			t.Errorf("%q", r)
		}
	}
	if last := records[len(records)-1]; strings.Join(last, "|") != "|3||no|" {
		t.Errorf("%q", last)
	}
}

func TestJSON(t *testing.T) {
	for _, n := range []int{0, 1, 3} {
		var b bytes.Buffer
		w := NewWriter(JSON, &b)
		must(t, w.Begin(Head{Type: Areas, UnitID: "u", Filter: someFilter(t, Areas, ""), Columns: []Column{{Name: "text"}, {Name: "at"}, {Name: "list"}}}))
		for range n {
			must(t, w.Row(Row{"a\"<\n", time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC), []string(nil)}))
		}
		must(t, w.End(Totals{{"a", 1.5}, {"b", nil}}))
		var got struct {
			Type, UnitID, From, To, TZ string
			Rows                       []map[string]any
			Totals                     map[string]any
		}
		if err := json.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatalf("%v:\n%s", err, &b)
		}
		if got.Type != "areas" || got.From != "2026-03-29T00:00:00+01:00" || got.To != "2026-03-30T00:00:00+02:00" || got.TZ != "Europe/Vienna" ||
			len(got.Rows) != n || got.Totals["a"] != 1.5 || got.Totals["b"] != nil {
			t.Errorf("%+v", got)
		}
		for _, r := range got.Rows {
			if r["text"] != "a\"<\n" || r["at"] != "2026-03-29T03:30:00+02:00" || len(r["list"].([]any)) != 0 {
				t.Errorf("%v", r)
			}
		}
	}
}

// Rows have as many cells as there are columns, and totals are named as the
// columns are that they sum up.
func TestColumns(t *testing.T) {
	n := Names{Unit: "U", Area: func(string) string { return "A" }, Room: func(string) string { return "R" }}
	for kind, row := range map[Type]Row{
		Consultations: VisitRow{}.Cells(n), Areas: VisitTotals{}.AreaCells("", "", now), Groups: GroupRow{}.Cells(n),
		ConsultNow: ConsultTotals{}.Cells("", ""), MeetingRooms: CallTotals{}.RoomCells("", "", "", now), Accounts: StaffTotals{}.Cells("", "", nil, now),
		QualityOf: CallRow{}.Cells(n), Units: UnitCells("", "", now, now, Places{}, Places{}, 0),
	} {
		columns := kind.Columns()
		if len(columns) == 0 || len(columns) != len(row) {
			t.Errorf("%s: %d columns, %d cells", kind, len(columns), len(row))
		}
		names := map[string]bool{}
		for _, c := range columns {
			if names[c.Name] || c.Name == "" {
				t.Errorf("%s: the column %q stands twice", kind, c.Name)
			}
			names[c.Name] = true
		}
	}
	for i, total := range (VisitTotals{}).Area() {
		if want := Areas.Columns()[3+i].Name; total.Name != want {
			t.Errorf("areas: %s stands in the column %s", total.Name, want)
		}
	}
	for i, total := range (ConsultTotals{}).Totals() {
		if want := ConsultNow.Columns()[2+i].Name; total.Name != want {
			t.Errorf("consult-now: %s stands in the column %s", total.Name, want)
		}
	}
}

// brokenWriter takes some bytes.
type brokenWriter struct{ left int }

func (b *brokenWriter) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

// What can't be written is an error, wherever it breaks off.
func TestBrokenWriter(t *testing.T) {
	for _, format := range []Format{JSON, CSV, XLSX} {
		for _, left := range []int{0, 150} {
			w := NewWriter(format, &brokenWriter{left})
			err := w.Begin(Head{Type: Units, Filter: someFilter(t, Units, ""), Columns: Units.Columns()})
			for n := 0; n < 20 && err == nil; n++ {
				err = w.Row(UnitCells("", "", now, now, Places{}, Places{}, 0))
			}
			if err == nil {
				err = w.End(nil)
			}
			must(t, w.Close())
			if err == nil {
				t.Errorf("%s: nothing broke", format)
			}
		}
	}
	if err := Waits(&brokenWriter{500}, someFilter(t, Areas, ""), VisitTotals{}); err == nil {
		t.Error("a drawing: nothing broke")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
