package report

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"
)

const (
	// mostRows is how many a sheet holds beside its headings: 2^20 lines in
	// all, in Excel as in LibreOffice.
	mostRows = excelize.TotalRows - 1
	// moments is how a time is shown: the date that a sheet holds is a number
	// of days.
	moments = "yyyy-mm-dd hh:mm:ss"
	// unnameEvery is after how many rows it is looked whether they are on disk.
	unnameEvery = 1 << 10

	rowSheet, totalSheet = "rows", "totals"
)

// bookWriter writes a workbook of two sheets (XLSX, ECMA-376): the rows, and
// what the report is on with its totals. A sheet's XML has to be there as a
// whole before the first byte is written: beyond 16 MB the library keeps it in
// a temporary file, about 1.2 KB for each consultation. That has lost its name
// by the time that it is large, so that nothing is left of it, however the
// process ends.
type bookWriter struct {
	w    io.Writer
	book *excelize.File
	rows *excelize.StreamWriter
	dir  string // for the temporary file; "" once it has no name any more

	head    Head
	moment  int // style of times
	heading int // style of headings
	line    []any
	most, n int // rows that it may hold, that it holds
}

// Begin implements Writer.
func (b *bookWriter) Begin(h Head) error {
	var err error
	if b.dir, err = os.MkdirTemp("", "atrium-report-"); err != nil {
		return fmt.Errorf("keep the rows of a workbook (TMPDIR says where): %w", err)
	}
	b.head, b.line = h, make([]any, len(h.Columns))
	b.book = excelize.NewFile(excelize.Options{TmpDir: b.dir})
	// The library would put the whole archive together in memory.
	b.book.SetZipWriter(func(io.Writer) excelize.ZipWriter { return zip.NewWriter(b.w) })
	if err := b.styles(); err != nil {
		return err
	}
	if err := b.book.SetSheetName(b.book.GetSheetName(0), rowSheet); err != nil {
		return err
	}
	if b.rows, err = b.book.NewStreamWriter(rowSheet); err != nil {
		return err
	}
	if err := b.rows.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	if err := b.rows.SetColWidth(1, len(h.Columns), 20); err != nil {
		return err
	}
	for i, column := range h.Columns {
		b.line[i] = excelize.Cell{StyleID: b.heading, Value: column.Name}
	}
	return b.rows.SetRow("A1", b.line)
}

func (b *bookWriter) styles() error {
	shown := moments
	var err error
	if b.moment, err = b.book.NewStyle(&excelize.Style{CustomNumFmt: &shown}); err != nil {
		return err
	}
	b.heading, err = b.book.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return err
	}
	return b.book.SetDocProps(&excelize.DocProperties{Creator: "Atrium", Title: string(b.head.Type)})
}

// Row implements Writer; a *FilterError for one more than a sheet holds.
func (b *bookWriter) Row(r Row) error {
	if b.n == b.most {
		return wrong("format", "xlsx holds %d rows at most: ask for a shorter period, or for csv", b.most)
	}
	b.n++
	for i, v := range r {
		b.line[i] = b.cell(v)
	}
	at, err := excelize.CoordinatesToCellName(1, b.n+1)
	if err != nil {
		return err
	}
	if err := b.rows.SetRow(at, b.line); err != nil {
		return fmt.Errorf("keep the rows of a workbook: %w", err)
	}
	if b.n%unnameEvery == 0 {
		return b.unname()
	}
	return nil
}

// cell is a value as a cell: text stays text whatever it looks like, so that
// nothing is executed; a time is that of the report's zone, as sheets know none.
func (b *bookWriter) cell(v any) any {
	switch v := v.(type) {
	case string:
		if v == "" {
			return nil
		}
	case []string:
		return b.cell(strings.Join(v, " "))
	case time.Time:
		if v.IsZero() {
			return nil
		}
		return excelize.Cell{StyleID: b.moment, Value: v.In(b.head.Filter.Zone).Truncate(time.Second)}
	}
	return v
}

// unname takes its name from the file with the rows, once there is one.
func (b *bookWriter) unname() error {
	if b.dir == "" {
		return nil
	}
	files, err := os.ReadDir(b.dir)
	if err != nil || len(files) == 0 {
		return err
	}
	dir := b.dir
	b.dir = ""
	return os.RemoveAll(dir)
}

// End implements Writer.
func (b *bookWriter) End(t Totals) error {
	if err := b.rows.Flush(); err != nil {
		return fmt.Errorf("keep the rows of a workbook: %w", err)
	}
	if err := b.totals(t); err != nil {
		return err
	}
	return b.book.Write(b.w)
}

// totals writes the second sheet, of names and values.
func (b *bookWriter) totals(t Totals) error {
	if _, err := b.book.NewSheet(totalSheet); err != nil {
		return err
	}
	sheet, err := b.book.NewStreamWriter(totalSheet)
	if err != nil {
		return err
	}
	if err := sheet.SetColWidth(1, 2, 38); err != nil {
		return err
	}
	f := b.head.Filter
	about := Totals{{"type", string(b.head.Type)}, {"unit_id", b.head.UnitID}, {"from", f.From}, {"to", f.Until}, {"tz", f.Zone.String()}}
	for i, total := range append(about, t...) {
		at, err := excelize.CoordinatesToCellName(1, i+1)
		if err != nil {
			return err
		}
		if err := sheet.SetRow(at, []any{excelize.Cell{StyleID: b.heading, Value: total.Name}, b.cell(total.Value)}); err != nil {
			return err
		}
	}
	return sheet.Flush()
}

// Close implements Writer.
func (b *bookWriter) Close() error {
	var err error
	if b.book != nil {
		err = b.book.Close()
		b.book = nil
	}
	if b.dir != "" {
		if gone := os.RemoveAll(b.dir); err == nil {
			err = gone
		}
		b.dir = ""
	}
	return err
}
