package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// queueKey stands for a visit in an area's queue: in order of arrival, those
// who arrived in the same millisecond in order of id. The value is the visit's
// state.
func queueKey(areaID string, arrived time.Time, visitID string) string {
	return prefixQueue + areaID + "/" + timeKey(arrived) + "/" + visitID
}

// queued visits the ids of those in an area, in order of arrival (R-WA-1):
// waiting, on hold and being seen.
func queued(tx store.Tx, areaID string, visit func(id string, state VisitState) error) error {
	prefix := prefixQueue + areaID + "/"
	return tx.Range(prefix, "", func(key string, value []byte) error {
		_, id, ok := strings.Cut(strings.TrimPrefix(key, prefix), "/")
		if !ok {
			return fmt.Errorf("%w: a place in a queue can't be read", store.ErrCorrupt)
		}
		return visit(id, VisitState(value))
	})
}

// positionOf is how many wait, up to and including this visit; 0 when it
// doesn't wait.
func positionOf(tx store.Tx, v visitRecord) (int, error) {
	if v.State != VisitWaiting || v.AreaID == "" || v.GroupID != "" {
		return 0, nil
	}
	n := 0
	err := queued(tx, v.AreaID, func(id string, state VisitState) error {
		if state == VisitWaiting {
			n++
		}
		if id == v.ID {
			return store.ErrStop
		}
		return nil
	})
	return n, err
}

// Queue is an area's queue at a moment.
type Queue struct {
	Visits []Visit // in order of arrival
	Calls  []Call  // that go on, in order of their start
	// Seq is the number of the last event that this shows: what comes after it
	// is news.
	Seq uint64
}

// Queue returns who is in an area, with what they typed: for those who may
// see it.
func (s *Service) Queue(ctx context.Context, actor Actor, areaID string) (Queue, error) {
	var records []visitRecord
	var q Queue
	err := s.store.View(ctx, func(tx store.Tx) error {
		records, q = nil, Queue{}
		a, err := liveArea(tx, areaID)
		if err != nil {
			return err
		}
		if err := actor.reach(a.OrganisationID); err != nil {
			return err
		}
		if q.Seq, err = areaSeq(tx, areaID); err != nil {
			return err
		}
		if q.Calls, err = liveCalls(tx, areaID); err != nil {
			return err
		}
		return queued(tx, areaID, func(id string, _ VisitState) error {
			v, err := get[visitRecord](tx, prefixVisit+id)
			records = append(records, v)
			return err
		})
	})
	if err != nil {
		return Queue{}, fmt.Errorf("read a queue: %w", err)
	}
	waiting := 0
	for _, record := range records {
		v, err := s.openVisit(record)
		if err != nil {
			return Queue{}, err
		}
		if v.State == VisitWaiting {
			waiting++
			v.Position = waiting
		}
		q.Visits = append(q.Visits, v)
	}
	return q, nil
}

// ErrEventsLost: events that were asked for aren't kept any more; read the
// whole queue.
var ErrEventsLost = errors.New("these events are no longer kept")

// AreaEvents returns an area's events after the one numbered after, at most
// MaxPage, in order. ErrEventsLost when some in between aren't kept any more.
func (s *Service) AreaEvents(ctx context.Context, areaID string, after uint64) ([]AreaEvent, error) {
	var list []AreaEvent
	err := s.store.View(ctx, func(tx store.Tx) error {
		list = nil
		if !validID(areaID) {
			return ErrNotFound
		}
		last, err := areaSeq(tx, areaID)
		if err != nil {
			return err
		}
		err = tx.Range(prefixAreaEvent+areaID+"/", areaEventKey(areaID, after), func(_ string, value []byte) error {
			if len(list) == MaxPage {
				return store.ErrStop
			}
			e, err := decode[AreaEvent](value)
			list = append(list, e)
			return err
		})
		if err != nil {
			return err
		}
		if after > last || after < last && (len(list) == 0 || list[0].Seq != after+1) {
			return ErrEventsLost
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read an area's events: %w", err)
	}
	return list, nil
}

// WatchArea reports that an area has new events. The Watcher is to be closed.
func (s *Service) WatchArea(ctx context.Context, areaID string) (store.Watcher, error) {
	if !validID(areaID) {
		return nil, ErrNotFound
	}
	return s.store.Watch(ctx, prefixAreaEvent+areaID+"/")
}

// WatchQueue reports that places in an area's queue changed: for guests who
// are shown theirs. The keys of the changes name others: they mustn't be
// passed on (R-IA-2).
func (s *Service) WatchQueue(ctx context.Context, areaID string) (store.Watcher, error) {
	if !validID(areaID) {
		return nil, ErrNotFound
	}
	return s.store.Watch(ctx, prefixQueue+areaID+"/")
}

// WatchVisit reports that a visit changed.
func (s *Service) WatchVisit(ctx context.Context, id string) (store.Watcher, error) {
	if !validID(id) {
		return nil, ErrNotFound
	}
	return s.store.Watch(ctx, prefixVisit+id)
}
