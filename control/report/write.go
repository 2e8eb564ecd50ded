package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Column is a column of a report.
type Column struct {
	Name string // snake_case: of JSON and of the CSV's first line
	Doc  string // with the unit
}

// Head is what a report begins with.
type Head struct {
	Type    Type
	UnitID  string
	Filter  Filter
	Columns []Column
}

// Row holds a value for each column: string, int, int64, float64, bool,
// time.Time, []string, or nil where there is none.
type Row []any

// Totals are what the rows of a report come to, in order.
type Totals []Total

// Total is one of them.
type Total struct {
	Name  string
	Value any // as of a Row
}

// Writer writes one report. Nothing is held in memory of rows that were
// written.
type Writer interface {
	// Begin writes what comes before the rows, once.
	Begin(h Head) error
	Row(r Row) error
	// End writes what comes after them.
	End(t Totals) error
	// Close lets go of what it keeps on disk, after End or in its place.
	Close() error
}

// NewWriter returns one that writes to w, which isn't closed or flushed. That
// of XLSX writes nothing before End.
func NewWriter(f Format, w io.Writer) Writer {
	switch f {
	case CSV:
		return &csvWriter{csv: csv.NewWriter(w)}
	case XLSX:
		return &bookWriter{w: w, most: mostRows}
	case JSON:
	}
	return &jsonWriter{w: w}
}

// MediaType is what answers in a format say they are.
func (f Format) MediaType() string {
	switch f {
	case CSV:
		return "text/csv; charset=utf-8; header=present"
	case XLSX:
		return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	case JSON:
	}
	return "application/json"
}

// csvWriter writes CSV (RFC 4180). Totals aren't written: whatever opens it
// adds up by itself.
type csvWriter struct {
	csv  *csv.Writer
	zone *time.Location
	line []string
}

func (c *csvWriter) Begin(h Head) error {
	c.csv.UseCRLF = true // RFC 4180, 2.1
	c.zone = h.Filter.Zone
	c.line = make([]string, len(h.Columns))
	for i, column := range h.Columns {
		c.line[i] = column.Name
	}
	return c.write()
}

func (c *csvWriter) write() error {
	if err := c.csv.Write(c.line); err != nil {
		return err
	}
	c.csv.Flush()
	return c.csv.Error()
}

func (c *csvWriter) Row(r Row) error {
	for i, v := range r {
		c.line[i] = cell(v, c.zone)
	}
	return c.write()
}

func (c *csvWriter) End(Totals) error { return nil }

func (c *csvWriter) Close() error { return nil }

// cell is a value as text. Times stand in the report's zone.
func cell(v any, zone *time.Location) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return neutral(v)
	case []string:
		return neutral(strings.Join(v, " "))
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.In(zone).Format(time.RFC3339)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		if v {
			return "yes"
		}
		return "no"
	}
	return fmt.Sprint(v)
}

// neutral keeps a spreadsheet from executing what somebody called an area: a
// cell that begins like a formula becomes text by an apostrophe before it, as
// spreadsheets have it themselves.
func neutral(s string) string {
	// The wide forms count where East Asian input is set up.
	if strings.IndexAny(s, "=+-@\t\r\n＝＋－＠") == 0 {
		return "'" + s
	}
	return s
}

// jsonWriter writes one object, the rows between its head and its totals.
type jsonWriter struct {
	w     io.Writer
	names [][]byte // `"name":`
	zone  *time.Location
	buf   []byte
	some  bool
}

func (j *jsonWriter) Begin(h Head) error {
	j.zone = h.Filter.Zone
	j.names = make([][]byte, len(h.Columns))
	for i, column := range h.Columns {
		j.names[i] = []byte(strconv.Quote(column.Name) + ":")
	}
	head, err := json.Marshal(struct {
		Type   Type   `json:"type"`
		UnitID string `json:"unit_id"`
		From   string `json:"from"`
		To     string `json:"to"`
		TZ     string `json:"tz"`
	}{h.Type, h.UnitID, h.Filter.From.In(j.zone).Format(time.RFC3339), h.Filter.Until.In(j.zone).Format(time.RFC3339), j.zone.String()})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(j.w, `%s,"rows":[`, head[:len(head)-1])
	return err
}

func (j *jsonWriter) Row(r Row) error {
	j.buf = j.buf[:0]
	if j.some {
		j.buf = append(j.buf, ',')
	}
	j.some = true
	j.buf = append(j.buf, '\n', '{')
	for i, v := range r {
		if i > 0 {
			j.buf = append(j.buf, ',')
		}
		j.buf = append(j.buf, j.names[i]...)
		if err := j.value(v); err != nil {
			return err
		}
	}
	j.buf = append(j.buf, '}')
	_, err := j.w.Write(j.buf)
	return err
}

// value appends a value.
func (j *jsonWriter) value(v any) error {
	if t, ok := v.(time.Time); ok {
		if v = any(nil); !t.IsZero() {
			v = t.In(j.zone).Format(time.RFC3339)
		}
	}
	if list, ok := v.([]string); ok && list == nil {
		v = []string{}
	}
	data, err := json.Marshal(v)
	j.buf = append(j.buf, data...)
	return err
}

func (j *jsonWriter) End(t Totals) error {
	j.buf = append(j.buf[:0], "\n],\"totals\":{"...)
	for i, total := range t {
		if i > 0 {
			j.buf = append(j.buf, ',')
		}
		j.buf = append(strconv.AppendQuote(j.buf, total.Name), ':')
		if err := j.value(total.Value); err != nil {
			return err
		}
	}
	_, err := j.w.Write(append(j.buf, "}}\n"...))
	return err
}

func (j *jsonWriter) Close() error { return nil }

// round rounds to a number of digits after the point.
func round(v float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(v*p) / p
}

// seconds are milliseconds in seconds: to the last of them, so that columns add
// up.
func seconds(ms int64) float64 { return float64(ms) / 1000 }

// minutes are milliseconds in minutes, to a tenth.
func minutes(ms int64) float64 { return round(float64(ms)/60000, 1) }
