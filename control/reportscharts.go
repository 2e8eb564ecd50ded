package control

import (
	"context"
	"io"
	"time"

	"github.com/atriumrtc/atrium/control/report"
)

// longCall is for how long after a drawing's period calls are looked for that
// went on in it, where rows are read.
const longCall = 24 * time.Hour

// draw writes the filter's drawing. What it holds doesn't grow with the rows.
func (r *reading) draw(ctx context.Context, t report.Type, w io.Writer) error {
	switch r.filter.Chart {
	case report.ChartDays:
		days := report.NewDayCounts(r.filter)
		if err := r.visits(ctx, t, true, days.Add); err != nil {
			return err
		}
		return days.Days(w)
	case report.ChartWaits:
		var all report.VisitTotals
		if err := r.visits(ctx, t, false, func(_ time.Time, v report.VisitTotals) { all.Merge(v) }); err != nil {
			return err
		}
		return report.Waits(w, r.filter, all)
	case report.ChartConcurrency:
		busy := report.NewBusyTimes(r.filter)
		if err := r.busy(ctx, busy); err != nil {
			return err
		}
		return busy.Concurrency(w)
	}
	heat := report.NewHeat(r.filter)
	err := eachTotal(ctx, r, countedCalls(), true, func(at time.Time, _, _ string, c report.CallTotals) error {
		heat.Add(at, c)
		return nil
	})
	if err != nil {
		return err
	}
	return heat.Draw(w)
}

// visits adds up those that a type of report is on.
func (r *reading) visits(ctx context.Context, t report.Type, fine bool, add func(time.Time, report.VisitTotals)) error {
	return eachTotal(ctx, r, countedVisits(), fine, func(at time.Time, _, class string, v report.VisitTotals) error {
		if t != report.Areas || class == classQueue {
			add(at, v)
		}
		return nil
	})
}

// busy adds up for how long calls went on in each quarter of an hour.
func (r *reading) busy(ctx context.Context, into *report.BusyTimes) error {
	f := r.filter
	if f.Rows() {
		all := f
		all.Until = f.Until.Add(longCall)
		return eachRow(ctx, r.Service, r.unit.ID, reportCalls, all.From, all.Until, func(row report.CallRow) error {
			if !all.Call(row) {
				return nil
			}
			return row.Busy(func(quarter time.Time, ms int64) error {
				into.Add(quarter, report.BusyTotals{Busy: ms})
				return nil
			})
		})
	}
	// The quarters that the period begins and ends in are shown whole.
	whole := report.Span{Step: report.Quarter, From: f.From.Truncate(report.Quarter), Until: f.Until.Add(report.Quarter - 1).Truncate(report.Quarter)}
	return eachStored(ctx, r, reportBusy, whole, func(at time.Time, _, _ string, b report.BusyTotals) error {
		into.Add(at, b)
		return nil
	})
}
