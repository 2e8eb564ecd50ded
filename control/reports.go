package control

import (
	"encoding"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/atriumrtc/atrium/control/report"
	"github.com/atriumrtc/atrium/control/store"
)

// What has ended is kept as a row, and added to totals, in the transaction that
// ends it (R-RP): so that reports miss nothing and count nothing twice,
// whatever happens in between.
//
//	report/<unit>/<kind>/<ended ms>/<id>                          a row of package report, in CBOR (JSON of earlier builds)
//	report_total/<unit>/<kind>/<step>/<ms>/<place>/<class>        its totals
//
// step is q for a quarter of an hour and d for a day of UTC; place an area or a
// meeting room; class what else they are told apart by.
const (
	prefixReport      = "report/"
	prefixReportTotal = "report_total/"
)

// reportKind is what a row or a total is of.
type reportKind string

const (
	reportVisits   reportKind = "visit"
	reportCalls    reportKind = "call" // meeting rooms' sessions too; class: the call's kind
	reportGroups   reportKind = "group"
	reportConsults reportKind = "consult"
	reportBusy     reportKind = "busy"  // totals only: of calls
	reportStaff    reportKind = "staff" // totals only: of calls; class: account
)

// Classes of visits.
const (
	classQueue = "queue"
	classLobby = "lobby" // of groups
)

func reportPrefix(unitID string, kind reportKind) string {
	return prefixReport + unitID + "/" + string(kind) + "/"
}

// stepName is a step of totals in their keys.
func stepName(step time.Duration) string {
	if step == report.Day {
		return "d"
	}
	return "q"
}

func totalPrefix(unitID string, kind reportKind, step time.Duration) string {
	return prefixReportTotal + unitID + "/" + string(kind) + "/" + stepName(step) + "/"
}

// putRow stores a row. id tells apart what ended in the same millisecond.
func (c *change) putRow(unitID string, kind reportKind, ended time.Time, id string, row encoding.BinaryMarshaler) error {
	data, err := row.MarshalBinary()
	if err != nil {
		return fmt.Errorf("the row of a report: %w", err)
	}
	return c.Put(reportPrefix(unitID, kind)+timeKey(ended)+"/"+id, data)
}

// addTotals adds to the totals of a time, for each step.
func addTotals[T any, P interface {
	*T
	Merge(T)
}](tx store.Tx, unitID string, kind reportKind, at time.Time, place, class string, add T, steps ...time.Duration) error {
	for _, step := range steps {
		key := totalPrefix(unitID, kind, step) + timeKey(at.UTC().Truncate(step)) + "/" + place + "/" + class
		total, err := get[T](tx, key)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		P(&total).Merge(add)
		if err := put(tx, key, total); err != nil {
			return err
		}
	}
	return nil
}

// tally is what a report will say of a visit's stay in its present area.
type tally struct {
	Stay   int           `json:"stay,omitempty"`
	Since  time.Time     `json:"since,omitzero"` // zero: since the visit's arrival
	Joined time.Time     `json:"joined,omitzero"`
	CallAt time.Time     `json:"call_at,omitzero"` // since when it is in a call
	Waited time.Duration `json:"waited,omitempty"`
	Held   time.Duration `json:"held,omitempty"`
	Talked time.Duration `json:"talked,omitempty"`

	Peak      int      `json:"peak,omitempty"`
	Providers []string `json:"providers,omitempty"`
	// Quality of the calls before CallID, and of that one.
	Quality *report.Quality `json:"quality,omitempty"`
	CallID  string          `json:"call_id,omitempty"`
	Last    *report.Quality `json:"last,omitempty"`
}

// joined notes that a visit is in a call from now on.
func (t *tally) joined(now time.Time) {
	t.CallAt = now
	if t.Joined.IsZero() {
		t.Joined = now
	}
}

// left notes that it is in a call no more.
func (t *tally) left(now time.Time) {
	if !t.CallAt.IsZero() { // it began with a release that kept none
		t.Talked += max(0, now.Sub(t.CallAt))
	}
	t.CallAt = time.Time{}
}

// tallyCall notes what there is to say of the call that a visit is in and is
// about to leave: who saw them, and how the connection was.
func (c *change) tallyCall(v *visitRecord) error {
	if v.State != VisitInCall || !reported(v.Kind) {
		return nil
	}
	call, err := get[Call](c.Tx, prefixCall+v.CallID)
	if err != nil {
		return err
	}
	t := &v.Tally
	t.Peak = max(t.Peak, call.Peak)
	for _, m := range call.Members {
		if m.AccountID != "" && !slices.Contains(t.Providers, m.AccountID) && call.met(m, v.ParticipantID) {
			t.Providers = append(t.Providers, m.AccountID)
		}
	}
	people, err := c.callQuality(call.ID)
	if err != nil {
		return err
	}
	if t.CallID != call.ID && t.Last != nil {
		t.Quality, t.Last = merged(t.Quality, *t.Last), nil
	}
	t.CallID = call.ID
	if q, ok := people[v.ParticipantID]; ok {
		t.Last = &q
	}
	return nil
}

// met says whether a member was in the call at a time when a participant was.
func (c *Call) met(m Member, participantID string) bool {
	return slices.ContainsFunc(c.Members, func(o Member) bool {
		return o.ParticipantID == participantID &&
			(o.LeftAt.IsZero() || !m.JoinedAt.After(o.LeftAt)) && (m.LeftAt.IsZero() || !o.JoinedAt.After(m.LeftAt))
	})
}

func merged(q *report.Quality, o report.Quality) *report.Quality {
	if q != nil {
		o.Merge(*q)
	}
	return &o
}

// reported says whether visits of a kind are consultations: who is invited into
// a call counts among its people, a meeting room's guests in its session.
func reported(kind VisitKind) bool { return kind != VisitInvite && kind != VisitMeetingRoom }

// reportVisit keeps that a visit's stay in its area is over.
func (c *change) reportVisit(v *visitRecord, outcome Outcome) error {
	if !reported(v.Kind) {
		return nil
	}
	t := v.Tally
	row := report.VisitRow{
		ID: v.ID, Stay: t.Stay, UnitID: v.UnitID, AreaID: v.AreaID, Type: string(v.Kind),
		Arrived: t.Since, Joined: t.Joined, Ended: c.now,
		Waited: t.Waited.Milliseconds(), Held: t.Held.Milliseconds(), Talked: t.Talked.Milliseconds(),
		Peak: t.Peak, Outcome: string(outcome), Providers: t.Providers, Quality: t.Quality,
	}
	if row.Arrived.IsZero() {
		row.Arrived = v.ArrivedAt
	}
	if t.Last != nil {
		row.Quality = merged(t.Quality, *t.Last)
	}
	id, class := v.ID, classQueue
	if row.Stay > 0 {
		id = fmt.Sprintf("%s.%d", v.ID, row.Stay)
	}
	if row.Type == report.VisitGroup {
		class = classLobby
	}
	var add report.VisitTotals
	add.Add(row)
	return errors.Join(c.putRow(v.UnitID, reportVisits, c.now, id, row),
		addTotals(c.Tx, v.UnitID, reportVisits, c.now, v.AreaID, class, add, report.Quarter, report.Day))
}

// reportTransfer keeps that a visit leaves its area for another one.
func (c *change) reportTransfer(v *visitRecord) error {
	err := c.reportVisit(v, OutcomeTransferred)
	v.Tally = tally{Stay: v.Tally.Stay + 1, Since: c.now}
	return err
}

// reportCall keeps that a call, or a meeting room's session, has ended, with
// the group consultation that it was.
func (c *change) reportCall(call *Call) error {
	row := report.CallRow{
		ID: call.ID, UnitID: call.UnitID, AreaID: call.AreaID, RoomID: call.MeetingRoomID, GroupID: call.GroupID,
		Type: string(call.Kind), Started: call.StartedAt, Ended: call.EndedAt, Peak: call.Peak,
		Guests: len(call.visits()), Staff: call.staff(),
	}
	people, err := c.callQuality(call.ID)
	if err != nil {
		return err
	}
	for _, q := range people {
		row.Quality = merged(row.Quality, q)
	}
	var add report.CallTotals
	add.Add(row)
	at, place := call.EndedAt, call.at()
	err = errors.Join(c.dropQuality(call.ID), c.putRow(call.UnitID, reportCalls, at, call.ID, row),
		addTotals(c.Tx, call.UnitID, reportCalls, at, place, row.Type, add, report.Quarter, report.Day),
		row.Busy(func(quarter time.Time, ms int64) error {
			return addTotals(c.Tx, call.UnitID, reportBusy, quarter, place, row.Type, report.BusyTotals{Busy: ms}, report.Quarter)
		}))
	for _, s := range row.Staff {
		var one report.StaffTotals
		one.Add(s)
		err = errors.Join(err, addTotals(c.Tx, call.UnitID, reportStaff, at, place, s.AccountID, one, report.Quarter, report.Day))
	}
	return err
}

// visits are the guests who were ever in the call.
func (c *Call) visits() []string {
	var list []string
	for _, m := range c.Members {
		if m.VisitID != "" && !slices.Contains(list, m.VisitID) {
			list = append(list, m.VisitID)
		}
	}
	return list
}

// staff are the accounts that were ever in the call, with their time.
func (c *Call) staff() []report.StaffTime {
	var list []report.StaffTime
	for _, m := range c.Members {
		if m.AccountID == "" {
			continue
		}
		i := slices.IndexFunc(list, func(s report.StaffTime) bool { return s.AccountID == m.AccountID })
		if i < 0 {
			i, list = len(list), append(list, report.StaffTime{AccountID: m.AccountID})
		}
		until := m.LeftAt
		if until.IsZero() {
			until = c.EndedAt
		}
		list[i].Talked += max(0, until.Sub(m.JoinedAt)).Milliseconds()
	}
	return list
}

// reportConsult keeps that a Consult Now link is over for good, once.
func (c *change) reportConsult(r *consultRecord) error {
	if r.Reported {
		return nil
	}
	r.Reported = true
	stored := *r
	stored.Address, stored.Link = "", ""
	row := report.ConsultRow{
		ID: r.ID, UnitID: r.UnitID, AreaID: r.AreaID, Provider: r.ProviderID, Channel: string(r.Channel),
		Created: r.CreatedAt, HandedOver: r.HandedOverAt, Ended: c.now, Extensions: r.Extensions, State: string(r.State),
	}
	var add report.ConsultTotals
	add.Add(row)
	return errors.Join(put(c.Tx, prefixConsult+r.ID, stored), c.putRow(r.UnitID, reportConsults, c.now, r.ID, row),
		addTotals(c.Tx, r.UnitID, reportConsults, c.now, r.AreaID, "", add, report.Quarter, report.Day))
}
