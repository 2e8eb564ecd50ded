package control_test

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/report"
	"github.com/atriumrtc/atrium/control/store"
)

const (
	benchRows  = 1_000_000
	benchBatch = 2000
	benchAreas = 20
)

// meter notes when the first byte came, how many did, and how large the heap
// became meanwhile.
type meter struct {
	start time.Time
	first time.Duration
	bytes int64
	heap  uint64
	next  int64
}

func (m *meter) Write(p []byte) (int, error) {
	if m.bytes == 0 {
		m.first = time.Since(m.start)
	}
	if m.bytes += int64(len(p)); m.bytes >= m.next {
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		m.heap = max(m.heap, s.HeapAlloc)
		m.next = m.bytes + 4<<20
	}
	return len(p), nil
}

// benched is a report that is measured.
type benched struct {
	name  string
	kind  report.Type
	query report.Query
}

func benchedReports(f *clinic) []benched {
	june := func(q report.Query) report.Query {
		q.From, q.To = "2026-06-01", "2026-06-30"
		return q
	}
	return []benched{
		{"month of consultations, csv", report.Consultations, june(report.Query{TZ: "Europe/Vienna", Format: "csv"})},
		{"month of consultations, json", report.Consultations, june(report.Query{TZ: "Europe/Vienna"})},
		{"year of consultations, csv", report.Consultations, report.Query{From: "2026-01-01", To: "2026-12-31", TZ: "Europe/Vienna", Format: "csv"}},
		{"year of areas, from totals", report.Areas, report.Query{From: "2026-01-01", To: "2026-12-31", TZ: "Asia/Kathmandu"}},
		{"year by days, drawn", report.Consultations, report.Query{From: "2026-01-01", To: "2026-12-31", TZ: "Asia/Kathmandu", Chart: "days"}},
		{"month of consultations, xlsx", report.Consultations, june(report.Query{TZ: "Europe/Vienna", Format: "xlsx"})},
		{"year of consultations, xlsx", report.Consultations, report.Query{From: "2026-01-01", To: "2026-12-31", TZ: "Europe/Vienna", Format: "xlsx"}},
		{"month of areas, from rows", report.Areas, june(report.Query{MinMinutes: "5"})},
		{"month of areas of a provider, from rows", report.Areas, june(report.Query{Provider: f.dr.Actor.ID})},
		{"month by days, drawn from rows", report.Consultations, june(report.Query{MinMinutes: "5", Chart: "days"})},
		{"month of waits, drawn from rows", report.Consultations, june(report.Query{MinMinutes: "5", Chart: "waits"})},
		{"month of accounts, from rows", report.Accounts, june(report.Query{MinMinutes: "5"})},
		{"month of rooms, from rows", report.MeetingRooms, june(report.Query{MinMinutes: "5"})},
		{"month of quality, csv", report.QualityOf, june(report.Query{Format: "csv"})},
		{"month of quality, drawn from rows", report.QualityOf, june(report.Query{MinMinutes: "5", Chart: "quality"})},
		{"month of calls at once, drawn from rows", report.QualityOf, june(report.Query{MinMinutes: "5", Chart: "concurrency"})},
	}
}

// BenchmarkReports: R-RP with a million rows of one unit in a year. The first
// byte that counts is that of the first rows, not of the heading.
func BenchmarkReports(b *testing.B) {
	f := newClinic(b, control.AreaSettings{})
	areas := []string{f.area.ID}
	for i := range benchAreas - 1 {
		areas = append(areas, f.newArea(fmt.Sprint("Area ", i), control.AreaSettings{}).ID)
	}
	f.setClock(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	if err := manyRows(f, areas); err != nil {
		b.Fatal(err)
	}
	for _, row := range benchedReports(f) {
		b.Run(row.name, func(b *testing.B) {
			filter, err := f.ReportFilter(row.kind, row.query)
			if err != nil {
				b.Fatal(err)
			}
			var last meter
			for b.Loop() {
				runtime.GC()
				var before runtime.MemStats
				runtime.ReadMemStats(&before)
				last = meter{start: time.Now()}
				if err := f.Report(b.Context(), f.dr.Actor, f.unit.ID, row.kind, filter, &firstRow{w: &last}); err != nil {
					b.Fatal(err)
				}
				last.heap -= min(last.heap, before.HeapAlloc)
			}
			b.ReportMetric(float64(last.first.Microseconds())/1000, "ms-to-first-row")
			b.ReportMetric(float64(last.heap)/(1<<20), "MB-heap-growth")
			b.ReportMetric(float64(last.bytes)/(1<<20), "MB")
		})
	}
}

// firstRow leaves out the first write: the head, which is there at once.
type firstRow struct {
	w    io.Writer
	head bool
}

func (f *firstRow) Write(p []byte) (int, error) {
	if !f.head {
		f.head = true
		return len(p), nil
	}
	return f.w.Write(p)
}

// manyRows writes them, evenly over working hours of the year's weekdays, those
// of June with a call each, and then their totals: in order, and not too many at
// once, which is what bbolt is quick at.
func manyRows(f *clinic, areas []string) error {
	r := rand.New(rand.NewPCG(1, 2))
	days := workdays()
	type place struct {
		area string
		step time.Duration
		at   int64
	}
	totals := make(map[place]*report.VisitTotals)
	perDay := benchRows / len(days)
	for done := 0; done < perDay*len(days); done += perDay {
		start := days[done/perDay].Add(8 * time.Hour)
		err := f.store.Update(f.t.Context(), func(tx store.Tx) error {
			for i := range perDay {
				row := benchRow(r, f, start.Add(10*time.Hour*time.Duration(i)/time.Duration(perDay)).Truncate(time.Millisecond), areas)
				if err := control.PutVisitRow(tx, row); err != nil {
					return err
				}
				if row.Ended.Month() == time.June {
					if err := control.PutCallRow(tx, callOf(row)); err != nil {
						return err
					}
				}
				for _, step := range []time.Duration{report.Quarter, report.Day} {
					at := place{row.AreaID, step, row.Ended.Truncate(step).UnixMilli()}
					if totals[at] == nil {
						totals[at] = &report.VisitTotals{}
					}
					totals[at].Add(row)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "\rrows written: %d of %d", done+perDay, benchRows)
	}
	keys := slices.SortedFunc(maps.Keys(totals), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.step, b.step), cmp.Compare(a.at, b.at), cmp.Compare(a.area, b.area))
	})
	for batch := range slices.Chunk(keys, benchBatch) {
		err := f.store.Update(f.t.Context(), func(tx store.Tx) error {
			for _, k := range batch {
				if err := control.AddVisitTotals(tx, f.unit.ID, k.area, time.UnixMilli(k.at), *totals[k], k.step); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "\nand %d totals\n", len(keys))
	return nil
}

// workdays are the weekdays of 2026, at midnight.
func workdays() (list []time.Time) {
	for at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() == 2026; at = at.AddDate(0, 0, 1) {
		if at.Weekday() != time.Saturday && at.Weekday() != time.Sunday {
			list = append(list, at)
		}
	}
	return list
}

func benchRow(r *rand.Rand, f *clinic, ended time.Time, areas []string) report.VisitRow {
	waited, talked := int64(r.ExpFloat64()*300_000), int64(r.ExpFloat64()*900_000)
	return report.VisitRow{
		ID: uuid.NewString(), UnitID: f.unit.ID, AreaID: areas[r.IntN(len(areas))], Type: "area", Ended: ended,
		Arrived: ended.Add(-time.Duration(waited+talked) * time.Millisecond), Joined: ended.Add(-time.Duration(talked) * time.Millisecond),
		Waited: waited, Talked: talked, Peak: 2, Outcome: report.OutcomeCompleted, Providers: []string{f.dr.Actor.ID},
		Quality: &report.Quality{Samples: 90, Loss: 1.25, RTT: 3600.5, RTTs: 90, Jitter: 400.25, Score: 8900},
	}
}

// callOf is the call of a visit.
func callOf(v report.VisitRow) report.CallRow {
	return report.CallRow{
		ID: uuid.NewString(), UnitID: v.UnitID, AreaID: v.AreaID, Type: "individual", Started: v.Joined, Ended: v.Ended, Peak: 2, Guests: 1,
		Staff: []report.StaffTime{{AccountID: v.Providers[0], Talked: v.Talked}}, Quality: v.Quality,
	}
}
