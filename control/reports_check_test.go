package control_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/atriumrtc/atrium/control/report"
)

// canaryName is what guests of reports are called: it must stand in none.
const canaryName = "Zacharias Quirk"

// asked is a report to read, and what it is on.
type asked struct {
	d           *clinicDay
	unit        string
	query       report.Query
	from, until time.Time
	zone        *time.Location
	least       time.Duration
}

// check reads every report for something drawn at random, and compares.
func (d *clinicDay) check() {
	a := &asked{d: d, unit: d.f.unit.ID}
	if rapid.IntRange(0, 3).Draw(d.t, "unit") == 0 {
		a.unit = d.areas[2].UnitID
	}
	a.draw()
	w := d.tell()
	a.consultations(w)
	a.areas(w)
	a.days(w)
	a.meetingRooms(w)
	a.accounts(w)
	a.groups(w)
	if a.query.Provider == "" { // events don't say who sent a link
		a.consults(w)
	}
}

func (a *asked) draw() {
	t := a.d.t
	a.query.TZ = rapid.SampledFrom([]string{"", "Europe/Vienna", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Asia/Beirut", "Pacific/Kiritimati"}).Draw(t, "zone")
	a.zone, _ = time.LoadLocation(a.query.TZ)
	now := a.d.f.clock()
	a.from = now.Add(-time.Duration(rapid.Int64Range(1, 200*3_600_000).Draw(t, "from")) * time.Millisecond)
	a.until = a.from.Add(time.Duration(rapid.Int64Range(1, 250*3_600_000).Draw(t, "until")) * time.Millisecond)
	if rapid.Bool().Draw(t, "dates") {
		y, m, day := a.from.In(a.zone).Date()
		days := rapid.IntRange(0, 6).Draw(t, "days")
		a.query.From, a.query.To = a.from.In(a.zone).Format(time.DateOnly), time.Date(y, m, day+days, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
		// The first moment of a date, found by looking.
		first := func(y int, m time.Month, day int) time.Time {
			date := time.Date(y, m, day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
			at := time.Date(y, m, day, 0, 0, 0, 0, time.UTC).Add(-20 * time.Hour)
			for at.In(a.zone).Format(time.DateOnly) < date {
				at = at.Add(time.Minute)
			}
			return at
		}
		a.from, a.until = first(y, m, day), first(y, m, day+days+1)
	} else {
		a.query.From, a.query.To = a.from.Format(time.RFC3339Nano), a.until.Format(time.RFC3339Nano)
	}
	if rapid.IntRange(0, 3).Draw(t, "filter") == 0 {
		n := rapid.SampledFrom([]int{1, 5, 45}).Draw(t, "minutes")
		a.query.MinMinutes, a.least = strconv.Itoa(n), time.Duration(n)*time.Minute
	}
	if rapid.IntRange(0, 3).Draw(t, "filter") == 0 {
		a.query.Provider = a.d.staff[rapid.IntRange(0, 1).Draw(t, "provider")].Actor.ID
	}
	if a.unit == a.d.f.unit.ID && rapid.IntRange(0, 3).Draw(t, "filter") == 0 {
		a.query.Area = a.d.areas[rapid.IntRange(0, 1).Draw(t, "area")].ID
	}
}

// read reads a report as JSON: rows, totals.
func (a *asked) read(t report.Type) (rows []map[string]any, totals map[string]any) {
	var got struct {
		Rows   []map[string]any `json:"rows"`
		Totals map[string]any   `json:"totals"`
	}
	data := a.write(t, a.query)
	if err := json.Unmarshal(data, &got); err != nil {
		a.d.t.Fatalf("%s: %v:\n%s", t, err, data)
	}
	return got.Rows, got.Totals
}

func (a *asked) write(t report.Type, q report.Query) []byte {
	ctx := context.Background()
	f, err := a.d.f.ReportFilter(t, q)
	if err != nil {
		a.d.t.Fatalf("%+v: %v", q, err)
	}
	if !f.From.Equal(a.from) || !f.Until.Equal(a.until) {
		a.d.t.Fatalf("%+v is from %s to %s; want %s to %s", q, f.From, f.Until, a.from, a.until)
	}
	var b bytes.Buffer
	if err := a.d.f.Report(ctx, a.d.f.dr.Actor, a.unit, t, f, &b); err != nil {
		a.d.t.Fatalf("%s: %v", t, err)
	}
	if strings.Contains(b.String(), canaryName) {
		a.d.t.Fatalf("%s names a guest", t)
	}
	return b.Bytes()
}

func (a *asked) meant(unit, area string, ended time.Time) bool {
	return unit == a.unit && (a.query.Area == "" || a.query.Area == area) && !ended.IsZero() && !ended.Before(a.from) && ended.Before(a.until)
}

// visits are those that the report is on.
func (a *asked) visits(w *told) []toldVisit {
	var list []toldVisit
	for _, v := range w.visits {
		if v.kind != "meeting_room" && v.kind != "invite" && a.meant(v.unit, v.area, v.ended) && v.talked >= a.least &&
			(a.query.Provider == "" || v.providers[a.query.Provider]) {
			list = append(list, v)
		}
	}
	return list
}

func (a *asked) same(what string, got, want any) {
	a.d.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		a.d.t.Fatalf("%s of %+v:\n%v; want\n%v", what, a.query, got, want)
	}
}

func (a *asked) stamp(t time.Time) string {
	if t.IsZero() {
		return "<nil>"
	}
	return t.In(a.zone).Format(time.RFC3339)
}

func (a *asked) consultations(w *told) {
	rows, totals := a.read(report.Consultations)
	var got, want []string
	for _, r := range rows {
		providers := fmt.Sprint(r["providers"])
		if list, ok := r["providers"].([]any); ok {
			names := make([]string, len(list))
			for i, n := range list {
				names[i] = n.(string)
			}
			slices.Sort(names)
			providers = fmt.Sprint(names)
		}
		got = append(got, fmt.Sprint(r["id"], r["area_id"], r["type"], r["arrived"], r["joined"], r["ended"], r["wait_s"], r["hold_s"],
			r["duration_s"], r["peak_participants"], r["outcome"], providers))
	}
	var waited, held, talked time.Duration
	seen := 0
	for _, v := range a.visits(w) {
		if !v.joined.IsZero() {
			seen++
		}
		waited, held, talked = waited+v.waited, held+v.held, talked+v.talked
		want = append(want, fmt.Sprint(v.id, v.area, v.kind, a.stamp(v.arrived), a.stamp(v.joined), a.stamp(v.ended), v.waited.Seconds(), v.held.Seconds(),
			v.talked.Seconds(), v.peak, v.outcome, slices.Sorted(maps.Keys(v.providers))))
	}
	slices.Sort(got)
	slices.Sort(want)
	a.same("consultations", strings.Join(got, "\n"), strings.Join(want, "\n"))
	a.same("totals of consultations",
		[]any{totals["consultations"], totals["seen"], totals["wait_s"], totals["hold_s"], totals["duration_s"]},
		[]any{len(want), seen, waited.Seconds(), held.Seconds(), talked.Seconds()})
}

func (a *asked) areas(w *told) {
	rows, totals := a.read(report.Areas)
	by := map[string][]toldVisit{}
	all := slices.DeleteFunc(a.visits(w), func(v toldVisit) bool { return v.kind == "group" }) // they wait elsewhere
	for _, v := range all {
		by[v.area] = append(by[v.area], v)
	}
	for _, r := range rows {
		id := r["area_id"].(string)
		a.area(r, by[id])
		delete(by, id)
	}
	if len(by) > 0 {
		a.d.t.Fatalf("areas of %+v: %d are missing", a.query, len(by))
	}
	a.area(totals, all)
}

func (a *asked) area(got map[string]any, visits []toldVisit) {
	a.d.t.Helper()
	count := map[string]int{}
	var waits []int64
	var waited, talked time.Duration
	for _, v := range visits {
		count[v.outcome]++
		if v.stay > 0 {
			count["in"]++
		}
		if !v.joined.IsZero() {
			count["seen"]++
		}
		waits = append(waits, v.waited.Milliseconds())
		waited, talked = waited+v.waited, talked+v.talked
	}
	a.same("an area", []any{got["arrivals"], got["seen"], got["completed"], got["abandoned"], got["timed_out"], got["refused"], got["removed"],
		got["transferred_in"], got["transferred_out"], got["minutes"]},
		[]any{len(visits), count["seen"], count["completed"], count["abandoned"], count["timed_out"], count["refused"], count["removed"],
			count["in"], count["transferred"], math.Round(talked.Minutes()*10) / 10})
	if len(visits) == 0 {
		a.same("waiting times of nobody", got["wait_mean_s"], nil)
		return
	}
	slices.Sort(waits)
	a.near("mean", got["wait_mean_s"], waited.Seconds()/float64(len(visits)), 0.001)
	for name, q := range map[string]float64{"wait_median_s": 0.5, "wait_p95_s": 0.95} {
		exact := float64(waits[max(int(math.Ceil(q*float64(len(waits)))), 1)-1]) / 1000
		a.near(name, got[name], exact, max(0.5, 0.016*exact))
	}
}

// near compares with the error that is stated.
func (a *asked) near(what string, got any, want, by float64) {
	a.d.t.Helper()
	if v, ok := got.(float64); !ok || math.Abs(v-want) > by+1e-9 {
		a.d.t.Fatalf("%s of %+v: %v; want %g", what, a.query, got, want)
	}
}

var bar = regexp.MustCompile(`<title>(\d{4}-\d\d-\d\d): (\d+) seen, (\d+) not seen</title>`)

// days compares the drawing, day by day.
func (a *asked) days(w *told) {
	q := a.query
	q.Chart = string(report.ChartDays)
	got, want := map[string][2]int{}, map[string][2]int{}
	for _, m := range bar.FindAllStringSubmatch(string(a.write(report.Consultations, q)), -1) {
		seen, _ := strconv.Atoi(m[2])
		unseen, _ := strconv.Atoi(m[3])
		got[m[1]] = [2]int{seen, unseen}
	}
	for _, v := range a.visits(w) {
		day := v.ended.In(a.zone).Format(time.DateOnly)
		n := want[day]
		if v.joined.IsZero() {
			n[1]++
		} else {
			n[0]++
		}
		want[day] = n
	}
	a.same("the days", got, want)
}

func (a *asked) calls(w *told) []*toldCall {
	var list []*toldCall
	for _, c := range w.calls {
		_, with := c.talked[a.query.Provider]
		if a.meant(c.unit, c.area, c.ended) && c.ended.Sub(c.started) >= a.least && (a.query.Provider == "" || with) {
			list = append(list, c)
		}
	}
	return list
}

func (a *asked) meetingRooms(w *told) {
	rows, totals := a.read(report.MeetingRooms)
	calls := a.calls(w)
	var sessions, guests, peak int
	var length time.Duration
	for _, c := range calls {
		if c.room != "" {
			sessions, guests, peak, length = sessions+1, guests+len(c.guests), max(peak, c.peak), length+c.ended.Sub(c.started)
		}
	}
	want := []any{sessions, math.Round(length.Minutes()*10) / 10, peak, guests}
	a.same("meeting rooms", []any{totals["sessions"], totals["minutes"], totals["peak"], totals["guests"]}, want)
	for _, r := range rows { // there is one room
		a.same("a meeting room", []any{r["sessions"], r["minutes"], r["peak"], r["guests"]}, want)
	}
	if sessions > 0 && len(rows) != 1 {
		a.d.t.Fatalf("%d meeting rooms", len(rows))
	}
	quality, totals := a.read(report.QualityOf)
	a.same("calls", []any{len(quality), totals["calls"]}, []any{len(calls), len(calls)})
	for _, c := range calls {
		i := slices.IndexFunc(quality, func(r map[string]any) bool { return r["id"] == c.id })
		if i < 0 {
			a.d.t.Fatalf("a call of %+v is missing", a.query)
		}
		r := quality[i]
		a.same("a call", []any{r["type"], r["started"], r["ended"], r["duration_s"], r["peak_participants"]},
			[]any{c.kind, a.stamp(c.started), a.stamp(c.ended), c.ended.Sub(c.started).Seconds(), c.peak})
	}
}

func (a *asked) accounts(w *told) {
	rows, totals := a.read(report.Accounts)
	count, talked := map[string]int{}, map[string]time.Duration{}
	all, sum := 0, time.Duration(0)
	for _, c := range a.calls(w) {
		for id, d := range c.talked {
			if a.query.Provider == "" || a.query.Provider == id {
				count[id]++
				talked[id] += d
				all, sum = all+1, sum+d
			}
		}
	}
	for _, r := range rows {
		id := r["account_id"].(string)
		a.same("an account", []any{r["calls"], r["minutes"]}, []any{count[id], math.Round(talked[id].Minutes()*10) / 10})
		delete(count, id)
	}
	if len(count) > 0 {
		a.d.t.Fatalf("accounts are missing: %v", count)
	}
	a.same("accounts", []any{totals["calls"], totals["minutes"]}, []any{all, math.Round(sum.Minutes()*10) / 10})
}

func (a *asked) groups(w *told) {
	rows, totals := a.read(report.Groups)
	var got, want []string
	registered := 0
	for _, r := range rows {
		got = append(got, fmt.Sprint(r["id"], r["started"], r["ended"], r["outcome"], r["registered"], r["requested"], r["admitted"], r["peak"],
			r["breakouts"], r["moves"], r["minutes"]))
	}
	for id, g := range w.groups {
		call := w.live[g.call]
		lasted := time.Duration(0)
		if call == nil {
			call = &toldCall{}
		} else {
			lasted = g.ended.Sub(call.started)
		}
		if !a.meant(g.unit, g.area, g.ended) || lasted < a.least || a.query.Provider != "" && a.query.Provider != a.d.f.dr.Actor.ID {
			continue // who plans a session is its host
		}
		registered += len(g.registered)
		want = append(want, fmt.Sprint(id, a.stamp(call.started), a.stamp(g.ended), g.state, len(g.registered), len(g.requested), len(call.guests), call.peak,
			call.rooms, call.moves, math.Round(lasted.Minutes()*10)/10))
	}
	slices.Sort(got)
	slices.Sort(want)
	a.same("groups", strings.Join(got, "\n"), strings.Join(want, "\n"))
	a.same("totals of groups", []any{totals["groups"], totals["registered"]}, []any{len(want), registered})
}

func (a *asked) consults(w *told) {
	_, totals := a.read(report.ConsultNow)
	count := map[string]int{}
	var waits []int64
	for _, l := range w.consults {
		if !a.meant(l.unit, l.area, l.ended) {
			continue
		}
		count["issued"]++
		count[l.state]++
		if l.extended {
			count["extended"]++
		}
		if l.state == "entered" {
			waits = append(waits, l.ended.Sub(l.created).Milliseconds())
		}
	}
	a.same("consult now", []any{totals["issued"], totals["extended"], totals["entered"], totals["expired"], totals["revoked"]},
		[]any{count["issued"], count["extended"], count["entered"], count["expired"], count["revoked"]})
	if len(waits) > 0 {
		slices.Sort(waits)
		exact := float64(waits[max(int(math.Ceil(0.5*float64(len(waits)))), 1)-1]) / 1000
		a.near("the median time to enter", totals["median_to_enter_s"], exact, max(0.5, 0.016*exact))
	}
}
