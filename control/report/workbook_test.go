package report

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

// temporary has temporary files made in a directory of the test's, and returns
// how many there are.
func temporary(t *testing.T) func() int {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	return func() int {
		t.Helper()
		files, err := os.ReadDir(dir)
		must(t, err)
		return len(files)
	}
}

func openBook(t *testing.T, data []byte) *excelize.File {
	t.Helper()
	book, err := excelize.OpenReader(bytes.NewReader(data))
	must(t, err)
	t.Cleanup(func() { must(t, book.Close()) })
	return book
}

// raw is what a cell holds, not as it is shown.
func raw(t *testing.T, book *excelize.File, sheet, cell string) (string, excelize.CellType) {
	t.Helper()
	v, err := book.GetCellValue(sheet, cell, excelize.Options{RawCellValue: true})
	must(t, err)
	kind, err := book.GetCellType(sheet, cell)
	must(t, err)
	return v, kind
}

// R-RP: in a workbook text is text, whatever it begins with; numbers are
// numbers, times those of the report's zone; totals stand in a second sheet.
func TestWorkbook(t *testing.T) {
	left := temporary(t)
	var b bytes.Buffer
	w := NewWriter(XLSX, &b)
	must(t, w.Begin(Head{Type: Areas, UnitID: "u", Filter: someFilter(t, Areas, "xlsx"),
		Columns: []Column{{Name: "text"}, {Name: "n"}, {Name: "at"}, {Name: "yes"}, {Name: "list"}, {Name: "count"}}}))
	at := time.Date(2026, 3, 29, 0, 30, 7, 999e6, time.UTC) // half past one in Vienna
	texts := append([]string{"_x0041_", " blanks ", "12", "TRUE", "<&>", "\x01"}, dangerous...)
	for _, text := range texts {
		must(t, w.Row(Row{text, 12.345, at, true, []string{"=a", "b"}, int64(7)}))
	}
	must(t, w.Row(Row{nil, nil, time.Time{}, false, []string(nil), 0}))
	must(t, w.End(Totals{{"sum", 86.4}, {"none", nil}}))
	must(t, w.Close())
	if n := left(); n != 0 {
		t.Errorf("%d temporary files are left", n)
	}
	book := openBook(t, b.Bytes())
	rows, err := book.GetRows(rowSheet)
	must(t, err)
	if len(rows) != len(texts)+2 || len(rows[0]) != 6 || rows[0][0] != "text" || rows[0][5] != "count" {
		t.Fatalf("%d rows, headings %q", len(rows), rows[0])
	}
	for i, text := range texts {
		line := strconv.Itoa(i + 2)
		formula, err := book.GetCellFormula(rowSheet, "A"+line)
		must(t, err)
		got, kind := raw(t, book, rowSheet, "A"+line)
		if text == "\x01" { // which XML can't say
			text = "\uFFFD"
		}
		if formula != "" || got != text || kind != excelize.CellTypeInlineString && kind != excelize.CellTypeSharedString {
			t.Errorf("%q is %q of type %d, formula %q", text, got, kind, formula)
		}
		if list, kind := raw(t, book, rowSheet, "E"+line); list != "=a b" || kind != excelize.CellTypeInlineString && kind != excelize.CellTypeSharedString {
			t.Errorf("a list is %q of type %d", list, kind)
		}
		for cell, want := range map[string]string{"B": "12.345", "F": "7"} {
			if got, kind := raw(t, book, rowSheet, cell+line); got != want || kind != excelize.CellTypeNumber && kind != excelize.CellTypeUnset {
				t.Errorf("a number is %q of type %d", got, kind)
			}
		}
		days, kind := raw(t, book, rowSheet, "C"+line)
		v, err := strconv.ParseFloat(days, 64)
		must(t, err)
		if when, err := excelize.ExcelDateToTime(v, false); err != nil || !when.Equal(time.Date(2026, 3, 29, 1, 30, 7, 0, time.UTC)) || kind == excelize.CellTypeInlineString {
			t.Errorf("a time is %s of type %d (%s), %v", days, kind, when, err)
		}
		if shown := rows[i+1][2]; shown != "2026-03-29 01:30:07" {
			t.Errorf("a time is shown as %q", shown)
		}
		if yes, kind := raw(t, book, rowSheet, "D"+line); kind != excelize.CellTypeBool || yes != "1" && yes != "TRUE" {
			t.Errorf("yes is %q of type %d", yes, kind)
		}
	}
	if got, _ := raw(t, book, rowSheet, "C"+strconv.Itoa(len(texts)+2)); got != "" {
		t.Errorf("no time is %q", got)
	}
	totals, err := book.GetRows(totalSheet)
	must(t, err)
	for i, want := range [][2]string{{"type", "areas"}, {"unit_id", "u"}, {"from", "2026-03-29 00:00:00"}, {"to", "2026-03-30 00:00:00"},
		{"tz", "Europe/Vienna"}, {"sum", "86.4"}} {
		if len(totals) <= i || len(totals[i]) != 2 || totals[i][0] != want[0] || totals[i][1] != want[1] {
			t.Errorf("totals %q; want %q in line %d", totals, want, i+1)
		}
	}
}

// What is more than a sheet holds is refused before a byte is written.
func TestWorkbookIsFull(t *testing.T) {
	left := temporary(t)
	var b bytes.Buffer
	w := NewWriter(XLSX, &b).(*bookWriter)
	if w.most != 1<<20-1 {
		t.Errorf("a sheet holds %d rows", w.most)
	}
	w.most = 3
	must(t, w.Begin(Head{Type: Areas, Filter: someFilter(t, Areas, "xlsx"), Columns: []Column{{Name: "n"}}}))
	for range 3 {
		must(t, w.Row(Row{1}))
	}
	var full *FilterError
	if err := w.Row(Row{1}); !errors.As(err, &full) || full.Field != "format" {
		t.Errorf("one too many: %v", err)
	}
	must(t, w.Close())
	if b.Len() != 0 || left() != 0 {
		t.Errorf("%d bytes were written, %d temporary files are left", b.Len(), left())
	}
}

// What is long is kept on disk meanwhile, in a file that has no name: nothing
// of it is left even when nobody closes it.
func TestWorkbookLeavesNothing(t *testing.T) {
	left := temporary(t)
	var b bytes.Buffer
	w := NewWriter(XLSX, &b)
	const rows = 2200
	columns := make([]Column, 20)
	row := make(Row, len(columns))
	for i := range row {
		columns[i].Name = "c" + strconv.Itoa(i)
		row[i] = strings.Repeat("a text ", 80)
	}
	must(t, w.Begin(Head{Type: Areas, Filter: someFilter(t, Areas, "xlsx"), Columns: columns}))
	if left() != 1 {
		t.Error("it wants no directory")
	}
	for range rows {
		must(t, w.Row(row))
	}
	if n := left(); n != 0 || b.Len() != 0 {
		t.Errorf("%d temporary files have a name, %d bytes were written", n, b.Len())
	}
	must(t, w.End(nil))
	must(t, w.Close())
	archive, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	must(t, err)
	sheet, err := archive.Open("xl/worksheets/sheet1.xml")
	must(t, err)
	text, err := io.ReadAll(sheet)
	must(t, err)
	if n := bytes.Count(text, []byte("<row ")); n != rows+1 {
		t.Errorf("%d lines of %d rows", n, rows)
	}
}
