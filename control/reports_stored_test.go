package control_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/report"
	"github.com/atriumrtc/atrium/control/store"
)

// storedRows are the keys of all rows, and their values.
func (f *clinic) storedRows() (keys []string, values map[string][]byte) {
	f.t.Helper()
	values = make(map[string][]byte)
	err := f.store.View(f.t.Context(), func(tx store.Tx) error {
		return tx.Range("report/", "", func(key string, value []byte) error {
			keys, values[key] = append(keys, key), bytes.Clone(value)
			return nil
		})
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return keys, values
}

// putJSON writes a row as builds did that kept JSON.
func (f *clinic) putJSON(key string, value []byte) {
	f.t.Helper()
	kind := strings.Split(key, "/")[2]
	row, ok := map[string]encoding.BinaryUnmarshaler{
		"visit": new(report.VisitRow), "call": new(report.CallRow), "group": new(report.GroupRow), "consult": new(report.ConsultRow),
	}[kind]
	if !ok {
		f.t.Fatalf("a row of kind %q", kind)
	}
	err := row.UnmarshalBinary(value)
	if err == nil {
		value, err = json.Marshal(row)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	f.putRow(key, value)
}

func (f *clinic) putRow(key string, value []byte) {
	f.t.Helper()
	if err := f.store.Update(f.t.Context(), func(tx store.Tx) error { return tx.Put(key, value) }); err != nil {
		f.t.Fatal(err)
	}
}

// R-RP: rows that earlier builds kept as JSON say what they said, alone and
// among those that are kept since.
func TestRowsOfEarlierBuilds(t *testing.T) {
	e, _ := newEverything(t)
	everyReport := func() string {
		var all strings.Builder
		for _, kind := range report.Types() {
			queries := []report.Query{{}, {Format: "csv"}, {MinMinutes: "1"}, {Provider: e.doc.Actor.ID}}
			for _, chart := range kind.Charts() {
				queries = append(queries, report.Query{Chart: string(chart), MinMinutes: "1"})
			}
			for _, q := range queries {
				fmt.Fprintf(&all, "%s %+v\n%s\n", kind, q, e.reportOn(kind, q))
			}
		}
		return all.String()
	}
	want := everyReport()
	keys, values := e.storedRows()
	kinds := make(map[string]int)
	for i, key := range keys {
		if bytes.HasPrefix(values[key], []byte("{")) {
			t.Errorf("%s is kept as JSON", key)
		}
		kinds[strings.Split(key, "/")[2]]++
		if i%2 == 0 {
			e.putJSON(key, values[key])
		}
	}
	for _, kind := range []string{"visit", "call", "group", "consult"} {
		if kinds[kind] == 0 {
			t.Errorf("there is no row of kind %q", kind)
		}
	}
	if got := everyReport(); got != want {
		t.Errorf("half of the rows as JSON:\n%s; want\n%s", got, want)
	}
	for i, key := range keys {
		if i%2 == 1 {
			e.putJSON(key, values[key])
		}
	}
	if got := everyReport(); got != want {
		t.Errorf("all rows as JSON:\n%s; want\n%s", got, want)
	}
}

// A row that can't be read fails the report, which names it.
func TestRowThatCannotBeRead(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	g := f.arrive(canaryName)
	f.admit(f.dr, g, control.AdmitSpec{})
	f.left(g.pid(), control.DepartedLeft)
	f.step(time.Minute)
	filter, err := f.ReportFilter(report.Consultations, report.Query{})
	if err != nil {
		t.Fatal(err)
	}
	keys, values := f.storedRows()
	if len(keys) == 0 {
		t.Fatal("no rows")
	}
	for _, value := range [][]byte{{}, []byte("[]"), []byte(`{"id": 5}`), values[keys[0]][:20], append(values[keys[0]], 0)} {
		f.putRow(keys[0], value)
		err := f.Report(t.Context(), f.dr.Actor, f.unit.ID, report.Consultations, filter, io.Discard)
		if !errors.Is(err, store.ErrCorrupt) || !errors.Is(err, report.ErrRow) || !strings.Contains(err.Error(), keys[0]) {
			t.Errorf("%q: %v", value, err)
		}
	}
}
