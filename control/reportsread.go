package control

import (
	"context"
	"encoding"
	"fmt"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/report"
	"github.com/atriumrtc/atrium/control/store"
)

// maxWorkbooks is how many are made at a time, as each may keep a gigabyte on
// disk for a moment; others wait.
const maxWorkbooks = 2

// reportBatch is how many records one transaction of a report reads: who takes
// a report slowly holds none.
const reportBatch = 500

// rowOf is how a stored row R is read.
type rowOf[R any] interface {
	*R
	encoding.BinaryUnmarshaler
}

// eachRow visits the rows of a unit that ended in a period, in that order,
// outside of any transaction: rows are never changed.
func eachRow[R any, P rowOf[R]](ctx context.Context, s *Service, unitID string, kind reportKind, from, until time.Time, visit func(R) error) error {
	prefix := reportPrefix(unitID, kind)
	after, end := prefix+timeKey(from), prefix+timeKey(until)
	batch := make([]R, 0, reportBatch)
	for {
		var err error
		if batch, after, err = readBatch[R, P](ctx, s, batch, prefix, after, end); err != nil {
			return err
		}
		for _, r := range batch {
			if err := visit(r); err != nil {
				return err
			}
		}
		if len(batch) < reportBatch {
			return nil
		}
	}
}

// readBatch reads rows of a prefix after a key and before another, over those
// of the batch before. last is the key of the last one.
func readBatch[R any, P rowOf[R]](ctx context.Context, s *Service, into []R, prefix, after, end string) (batch []R, last string, err error) {
	err = s.store.View(ctx, func(tx store.Tx) error {
		batch, last = into[:0], after
		return tx.Range(prefix, after, func(key string, value []byte) error {
			if len(batch) == reportBatch || key >= end {
				return store.ErrStop
			}
			batch, last = append(batch, *new(R)), key
			if err := P(&batch[len(batch)-1]).UnmarshalBinary(value); err != nil {
				return fmt.Errorf("%w: %s: %w", store.ErrCorrupt, key, err)
			}
			return nil
		})
	})
	return batch, last, err
}

// counted says how rows R are added up to totals T.
type counted[R, T any] struct {
	kind  reportKind
	wants func(report.Filter, R) bool
	at    func(R) (ended time.Time, place, class string)
	add   func(*T, R)
}

func countedVisits() counted[report.VisitBrief, report.VisitTotals] {
	return counted[report.VisitBrief, report.VisitTotals]{
		kind:  reportVisits,
		wants: func(f report.Filter, r report.VisitBrief) bool { return f.Visit(r.VisitRow) },
		at: func(r report.VisitBrief) (time.Time, string, string) {
			if r.Type == report.VisitGroup {
				return r.Ended, r.AreaID, classLobby
			}
			return r.Ended, r.AreaID, classQueue
		},
		add: func(t *report.VisitTotals, r report.VisitBrief) { t.Add(r.VisitRow) },
	}
}

func countedCalls() counted[report.CallRow, report.CallTotals] {
	return counted[report.CallRow, report.CallTotals]{
		kind: reportCalls, wants: report.Filter.Call,
		at: func(r report.CallRow) (time.Time, string, string) {
			if r.RoomID != "" {
				return r.Ended, r.RoomID, r.Type
			}
			return r.Ended, r.AreaID, r.Type
		},
		add: (*report.CallTotals).Add,
	}
}

func countedConsults() counted[report.ConsultRow, report.ConsultTotals] {
	return counted[report.ConsultRow, report.ConsultTotals]{
		kind: reportConsults, wants: report.Filter.Consult,
		at:  func(r report.ConsultRow) (time.Time, string, string) { return r.Ended, r.AreaID, "" },
		add: (*report.ConsultTotals).Add,
	}
}

// reading is a report that is being read.
type reading struct {
	*Service
	unit   Unit
	filter report.Filter
	places *unitPlaces
}

// eachTotal visits what rows come to: added up, or by quarters and days,
// whichever takes less (report.Cover). fine leaves out days and goes row by row;
// at is then within the quarter or is the row's own end. Only places that the
// filter means are visited.
func eachTotal[R, T any, P rowOf[R]](ctx context.Context, r *reading, k counted[R, T], fine bool, visit func(at time.Time, place, class string, t T) error) error {
	f := r.filter
	spans := report.Cover(f.From, f.Until, fine)
	if f.Rows() || fine && !report.OnQuarters(f.From, f.Until, f.Zone) {
		spans = []report.Span{{From: f.From, Until: f.Until}}
	}
	for _, span := range spans {
		var err error
		switch {
		case span.Step > 0:
			err = eachStored(ctx, r, k.kind, span, visit)
		case fine:
			err = eachWanted[R, T, P](ctx, r, k, span, func(row R) error {
				var t T
				k.add(&t, row)
				at, place, class := k.at(row)
				return visit(at, place, class, t)
			})
		default:
			err = eachSum[R, T, P](ctx, r, k, span, visit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// eachWanted visits the rows of a span that the filter is for.
func eachWanted[R, T any, P rowOf[R]](ctx context.Context, r *reading, k counted[R, T], span report.Span, visit func(R) error) error {
	return eachRow[R, P](ctx, r.Service, r.unit.ID, k.kind, span.From, span.Until, func(row R) error {
		if !k.wants(r.filter, row) {
			return nil
		}
		return visit(row)
	})
}

// eachSum visits what the rows of a span come to, once for each place and
// class; at is the span's beginning.
func eachSum[R, T any, P rowOf[R]](ctx context.Context, r *reading, k counted[R, T], span report.Span, visit func(at time.Time, place, class string, t T) error) error {
	type key struct{ place, class string }
	sums := make(map[key]*T)
	err := eachWanted[R, T, P](ctx, r, k, span, func(row R) error {
		_, place, class := k.at(row)
		at := key{place, class}
		if sums[at] == nil {
			sums[at] = new(T)
		}
		k.add(sums[at], row)
		return nil
	})
	for at, t := range sums {
		if err == nil {
			err = visit(span.From, at.place, at.class, *t)
		}
	}
	return err
}

// eachStored visits stored totals of a span.
func eachStored[T any](ctx context.Context, r *reading, kind reportKind, span report.Span, visit func(at time.Time, place, class string, t T) error) error {
	prefix := totalPrefix(r.unit.ID, kind, span.Step)
	after, end := prefix+timeKey(span.From), prefix+timeKey(span.Until)
	for n := reportBatch; n == reportBatch; {
		err := r.store.View(ctx, func(tx store.Tx) error {
			n = 0
			return tx.Range(prefix, after, func(key string, value []byte) error {
				if n == reportBatch || key >= end {
					return store.ErrStop
				}
				n, after = n+1, key
				at, place, class, err := parseTotalKey(strings.TrimPrefix(key, prefix))
				if err != nil || !r.places.wanted(r.filter, place) {
					return err
				}
				t, err := decode[T](value)
				if err != nil {
					return err
				}
				return visit(at, place, class, t)
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func parseTotalKey(rest string) (at time.Time, place, class string, err error) {
	ms, rest, _ := strings.Cut(rest, "/")
	place, class, ok := strings.Cut(rest, "/")
	at, err = parseTimeKey(ms)
	if err != nil || !ok {
		err = fmt.Errorf("%w: the key of a total can't be read", store.ErrCorrupt)
	}
	return at, place, class, err
}

// unitPlaces are a unit's areas and meeting rooms, deleted ones too (R-T-5), in
// order of creation.
type unitPlaces struct {
	areas []areaRecord
	rooms []meetingRoomRecord
	byID  map[string]spot
}

// spot is what a total stands at: an area, or a room that may be in one.
type spot struct{ name, area, room string }

func readPlaces(tx store.Tx, unitID string) (*unitPlaces, error) {
	p := &unitPlaces{byID: make(map[string]spot)}
	rooms := func(parent string) error {
		return children(tx, parent, childMeetingRoom, "", func(id string) error {
			r, err := get[meetingRoomRecord](tx, prefixMeetingRoom+id)
			p.rooms = append(p.rooms, r)
			p.byID[id] = spot{name: r.Name, area: r.AreaID, room: id}
			return err
		})
	}
	err := children(tx, unitID, childArea, "", func(id string) error {
		a, err := get[areaRecord](tx, prefixArea+id)
		if err != nil {
			return err
		}
		p.areas = append(p.areas, a)
		p.byID[id] = spot{name: a.Name, area: id}
		return rooms(id)
	})
	if err == nil {
		err = rooms(unitID)
	}
	return p, err
}

// wanted says whether a filter means a place.
func (p *unitPlaces) wanted(f report.Filter, id string) bool {
	at := p.byID[id]
	return f.Place(at.area, at.room)
}

func (p *unitPlaces) name(id string) string { return p.byID[id].name }

// there says whether something was there in a period.
func there(f report.Filter, created, deleted time.Time) bool {
	return created.Before(f.Until) && (deleted.IsZero() || !deleted.Before(f.From))
}
