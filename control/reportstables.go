package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/report"
	"github.com/atriumrtc/atrium/control/store"
)

// ReportFilter reads a report's filter; every error is a *report.FilterError.
func (s *Service) ReportFilter(t report.Type, q report.Query) (report.Filter, error) {
	return report.Parse(t, q, s.clock())
}

// Report writes a report on a unit (R-T-3, R-RP), also on one that was deleted
// (R-T-5): the table in the filter's format, or its drawing as SVG. It holds a
// bounded part of it at a time. That it was read is recorded first (R-PV-2). An
// error may come when some of it is written.
func (s *Service) Report(ctx context.Context, actor Actor, unitID string, t report.Type, f report.Filter, w io.Writer) error {
	r := &reading{Service: s, filter: f}
	err := s.store.Update(ctx, func(tx store.Tx) (err error) {
		if r.unit, err = unit(tx, unitID); err != nil {
			return err
		}
		if err := actor.reach(r.unit.OrganisationID); err != nil {
			return err
		}
		if r.places, err = readPlaces(tx, unitID); err != nil {
			return err
		}
		if err := r.check(); err != nil {
			return err
		}
		return audit(tx, s.clock(), actor, "report.read", r.unit.subject(), r.details(t)...)
	})
	if err == nil && f.Chart != "" {
		err = r.draw(ctx, t, w)
	} else if err == nil {
		err = r.table(ctx, t, w)
	}
	if err != nil {
		return fmt.Errorf("report on a unit: %w", err)
	}
	return nil
}

// check sees to it that the filter's places are the unit's.
func (r *reading) check() error {
	f := r.filter
	if at := r.places.byID[f.Area]; f.Area != "" && at.area != f.Area {
		return &report.FilterError{Field: "area", Message: "must be the id of an area of the unit"}
	}
	if at := r.places.byID[f.Room]; f.Room != "" && at.room != f.Room {
		return &report.FilterError{Field: "room", Message: "must be the id of a meeting room of the unit"}
	}
	if f.Provider != "" && !validID(f.Provider) {
		return &report.FilterError{Field: "provider", Message: "must be the id of an account"}
	}
	return nil
}

// details are what the audit log says of a report.
func (r *reading) details(t report.Type) []string {
	f := r.filter
	list := []string{"type", string(t), "from", f.From.Format(time.RFC3339), "to", f.Until.Format(time.RFC3339)}
	for _, pair := range [][2]string{{"area", f.Area}, {"room", f.Room}, {"provider", f.Provider}, {"chart", string(f.Chart)}} {
		if pair[1] != "" {
			list = append(list, pair[:]...)
		}
	}
	if f.MinMinutes > 0 {
		list = append(list, "min_minutes", strconv.Itoa(f.MinMinutes))
	}
	return list
}

// table writes a report as rows.
func (r *reading) table(ctx context.Context, t report.Type, w io.Writer) (err error) {
	if r.filter.Format == report.XLSX {
		select {
		case r.workbooks <- struct{}{}:
			defer func() { <-r.workbooks }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	write := map[report.Type]func(context.Context, report.Writer) (report.Totals, error){
		report.Consultations: r.consultations, report.Areas: r.areas, report.Groups: r.groups,
		report.ConsultNow: r.consults, report.MeetingRooms: r.meetingRooms, report.Accounts: r.accounts,
		report.QualityOf: r.qualities, report.Units: r.units,
	}[t]
	out := report.NewWriter(r.filter.Format, w)
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := out.Begin(report.Head{Type: t, UnitID: r.unit.ID, Filter: r.filter, Columns: t.Columns()}); err != nil {
		return err
	}
	totals, err := write(ctx, out)
	if err != nil {
		return err
	}
	return out.End(totals)
}

func (r *reading) names() report.Names {
	return report.Names{Unit: r.unit.Name, Area: r.places.name, Room: r.places.name}
}

func (r *reading) consultations(ctx context.Context, out report.Writer) (report.Totals, error) {
	var all report.VisitTotals
	names := r.names()
	err := eachRow(ctx, r.Service, r.unit.ID, reportVisits, r.filter.From, r.filter.Until, func(row report.VisitRow) error {
		if !r.filter.Visit(row) {
			return nil
		}
		all.Add(row)
		return out.Row(row.Cells(names))
	})
	return all.Consultations(), err
}

func (r *reading) areas(ctx context.Context, out report.Writer) (report.Totals, error) {
	var all report.VisitTotals
	by := make(map[string]*report.VisitTotals)
	err := eachTotal(ctx, r, countedVisits(), false, func(_ time.Time, place, class string, t report.VisitTotals) error {
		if class == classQueue {
			totalOf(by, place).Merge(t)
			all.Merge(t)
		}
		return nil
	})
	for _, a := range r.places.areas {
		if err != nil || !r.places.wanted(r.filter, a.ID) || by[a.ID] == nil && !there(r.filter, a.CreatedAt, a.DeletedAt) {
			continue
		}
		err = out.Row(totalOf(by, a.ID).AreaCells(a.Name, a.ID, a.DeletedAt))
	}
	return all.Area(), err
}

// totalOf is the total of a place, a new one where there is none.
func totalOf[T any](by map[string]*T, id string) *T {
	if by[id] == nil {
		by[id] = new(T)
	}
	return by[id]
}

func (r *reading) groups(ctx context.Context, out report.Writer) (report.Totals, error) {
	var all report.GroupTotals
	names := r.names()
	err := eachRow(ctx, r.Service, r.unit.ID, reportGroups, r.filter.From, r.filter.Until, func(row report.GroupRow) error {
		if !r.filter.Group(row) {
			return nil
		}
		all.Add(row)
		return out.Row(row.Cells(names))
	})
	return all.Totals(), err
}

func (r *reading) consults(ctx context.Context, out report.Writer) (report.Totals, error) {
	var all report.ConsultTotals
	by := make(map[string]*report.ConsultTotals)
	err := eachTotal(ctx, r, countedConsults(), false, func(_ time.Time, place, _ string, t report.ConsultTotals) error {
		totalOf(by, place).Merge(t)
		all.Merge(t)
		return nil
	})
	for _, a := range r.places.areas {
		if err != nil || !r.places.wanted(r.filter, a.ID) || by[a.ID] == nil && !there(r.filter, a.CreatedAt, a.DeletedAt) {
			continue
		}
		err = out.Row(totalOf(by, a.ID).Cells(a.Name, a.ID))
	}
	return all.Totals(), err
}

func (r *reading) meetingRooms(ctx context.Context, out report.Writer) (report.Totals, error) {
	var all report.CallTotals
	by := make(map[string]*report.CallTotals)
	err := eachTotal(ctx, r, countedCalls(), false, func(_ time.Time, place, class string, t report.CallTotals) error {
		if class == string(Meeting) {
			totalOf(by, place).Merge(t)
			all.Merge(t)
		}
		return nil
	})
	for _, room := range r.places.rooms {
		if err != nil || !r.places.wanted(r.filter, room.ID) || by[room.ID] == nil && !there(r.filter, room.CreatedAt, room.DeletedAt) {
			continue
		}
		err = out.Row(totalOf(by, room.ID).RoomCells(room.Name, room.ID, room.AreaID, room.DeletedAt))
	}
	return all.Rooms(), err
}

func (r *reading) qualities(ctx context.Context, out report.Writer) (report.Totals, error) {
	var all report.CallTotals
	var quality report.Quality
	names := r.names()
	err := eachRow(ctx, r.Service, r.unit.ID, reportCalls, r.filter.From, r.filter.Until, func(row report.CallRow) error {
		if !r.filter.Call(row) {
			return nil
		}
		all.Add(row)
		if row.Quality != nil {
			quality.Merge(*row.Quality)
		}
		return out.Row(row.Cells(names))
	})
	return all.Quality(quality), err
}

// staff adds up the calls of each account.
func (r *reading) staff(ctx context.Context) (map[string]*report.StaffTotals, error) {
	by := make(map[string]*report.StaffTotals)
	f := r.filter
	if f.MinMinutes > 0 {
		err := eachRow(ctx, r.Service, r.unit.ID, reportCalls, f.From, f.Until, func(row report.CallRow) error {
			if f.Call(row) {
				addStaff(by, f, row)
			}
			return nil
		})
		return by, err
	}
	for _, span := range report.Cover(f.From, f.Until, false) {
		var err error
		if span.Step == 0 {
			err = eachRow(ctx, r.Service, r.unit.ID, reportCalls, span.From, span.Until, func(row report.CallRow) error {
				if f.Call(row) {
					addStaff(by, f, row)
				}
				return nil
			})
		} else {
			err = eachStored(ctx, r, reportStaff, span, func(_ time.Time, _, account string, t report.StaffTotals) error {
				if f.Provider == "" || f.Provider == account {
					totalOf(by, account).Merge(t)
				}
				return nil
			})
		}
		if err != nil {
			return nil, err
		}
	}
	return by, nil
}

func addStaff(by map[string]*report.StaffTotals, f report.Filter, row report.CallRow) {
	for _, s := range row.Staff {
		if f.Provider == "" || f.Provider == s.AccountID {
			totalOf(by, s.AccountID).Add(s)
		}
	}
}

func (r *reading) accounts(ctx context.Context, out report.Writer) (report.Totals, error) {
	by, err := r.staff(ctx)
	if err != nil {
		return nil, err
	}
	var rows []report.Row
	var all report.StaffTotals
	err = r.store.View(ctx, func(tx store.Tx) error {
		rows, all = nil, report.StaffTotals{}
		roles, err := r.roles(tx)
		if err != nil {
			return err
		}
		for id := range by {
			roles[id] = append(roles[id], []string{}...) // who has no role any more, but had calls
		}
		for _, id := range sortedKeys(roles) {
			if r.filter.Provider != "" && r.filter.Provider != id {
				continue
			}
			account, err := readAccount(tx, id)
			if errors.Is(err, ErrNotFound) {
				account = accountRecord{ID: id}
			} else if err != nil {
				return err
			}
			name, err := r.staffName(account)
			if err != nil {
				return err
			}
			all.Merge(*totalOf(by, id))
			rows = append(rows, totalOf(by, id).Cells(id, name, roles[id], account.LastSignInAt))
		}
		return nil
	})
	for _, row := range rows {
		if err == nil {
			err = out.Row(row)
		}
	}
	return all.Totals(len(rows)), err
}

// staffName is how somebody of staff is called, "" when it isn't known yet.
func (r *reading) staffName(account accountRecord) (string, error) {
	if len(account.Sealed) == 0 {
		return "", nil
	}
	p, err := r.person(account)
	return p.Name, err
}

// roles are who has which roles on the unit, or on something in it that the
// filter means and that isn't deleted.
func (r *reading) roles(tx store.Tx) (map[string][]string, error) {
	var scopes []Scope
	f := r.filter
	if f.Area == "" && f.Room == "" {
		scopes = append(scopes, Scope{ScopeUnit, r.unit.ID})
	}
	for _, a := range r.places.areas {
		if a.DeletedAt.IsZero() && f.Place(a.ID, "") {
			scopes = append(scopes, Scope{ScopeArea, a.ID})
		}
	}
	for _, room := range r.places.rooms {
		if room.DeletedAt.IsZero() && f.Place(room.AreaID, room.ID) {
			scopes = append(scopes, Scope{ScopeRoom, room.ID})
		}
	}
	roles := make(map[string][]string)
	for _, scope := range scopes {
		prefix := prefixGrantOn + scope.ID + "/"
		err := tx.Range(prefix, "", func(key string, _ []byte) error {
			account, id, _ := strings.Cut(strings.TrimPrefix(key, prefix), "/")
			g, err := get[Grant](tx, grantKey(account, id))
			if err == nil && !slices.Contains(roles[account], string(g.Role)) {
				roles[account] = append(roles[account], string(g.Role))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return roles, nil
}

func sortedKeys[T any](m map[string]T) []string {
	list := make([]string, 0, len(m))
	for key := range m {
		list = append(list, key)
	}
	slices.Sort(list)
	return list
}

func (r *reading) units(ctx context.Context, out report.Writer) (report.Totals, error) {
	by, err := r.staff(ctx)
	if err != nil {
		return nil, err
	}
	var areas, rooms report.Places
	for _, a := range r.places.areas {
		areas.Add(r.filter, a.CreatedAt, a.DeletedAt)
	}
	for _, room := range r.places.rooms {
		rooms.Add(r.filter, room.CreatedAt, room.DeletedAt)
	}
	row := report.UnitCells(r.unit.Name, r.unit.ID, r.unit.CreatedAt, r.unit.DeletedAt, areas, rooms, len(by))
	return report.Totals{{Name: "accounts_used", Value: len(by)}}, out.Row(row)
}
