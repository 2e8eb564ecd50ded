package control

import (
	"context"
	"time"

	"github.com/atriumrtc/atrium/control/report"
	"github.com/atriumrtc/atrium/control/store"
)

// What the scheduler calls, for tests.

// EraseKeys is eraseKeys.
func (s *Service) EraseKeys(ctx context.Context, refs ...KeyRef) error {
	return s.eraseKeys(ctx, refs...)
}

// KeepKeys is keepKeys.
func (s *Service) KeepKeys(ctx context.Context) error { return s.keepKeys(ctx) }

// ExpireAccountLink is expireAccountLink.
func (s *Service) ExpireAccountLink(tx store.Tx, now time.Time, digest string) error {
	return s.expireAccountLink(tx, now, digest)
}

// ParseDue is parseDue.
func ParseDue(key string) (at time.Time, kind DueKind, id string, err error) { return parseDue(key) }

// ParseErase is parseErase.
func ParseErase(id string) (KeyRef, error) { return parseErase(id) }

// WithKey is withKey, whose transaction keeps the key or fails.
func (s *Service) WithKey(ctx context.Context, fail error) (ref KeyRef, err error) {
	err = s.withKey(ctx, func(reserved KeyRef) error {
		ref = reserved
		return s.store.Update(ctx, func(tx store.Tx) error {
			if err := keepKey(tx, ref); err != nil {
				return err
			}
			return fail
		})
	})
	return ref, err
}

// SealAndOpen seals a value, and opens it by another key, purpose or neither.
func (s *Service) SealAndOpen(ref, by KeyRef, purpose, other string) (ok bool, err error) {
	sealed, err := s.sealJSON(ref, "a secret", purpose)
	if err != nil {
		return false, err
	}
	v, ok, err := openJSON[string](s, by, sealed, other)
	return ok && v == "a secret", err
}

// TakeName is takeName, of units.
func TakeName(tx store.Tx, parent, name, id string) error {
	return takeName(tx, parent, childUnit, name, id)
}

// FreeName is freeName, of units.
func FreeName(tx store.Tx, parent, name string) error { return freeName(tx, parent, childUnit, name) }

// TakeSlug is takeSlug, of units.
func TakeSlug(tx store.Tx, parent, name, id string) (string, error) {
	return takeSlug(tx, parent, childUnit, name, id)
}

// Evenly is evenly.
func Evenly(people []string, rooms []BreakoutRoom, seed [32]byte) map[string]string {
	return evenly(people, rooms, seed)
}

// PutVisitRow stores a row as the end of a visit does, without its totals.
func PutVisitRow(tx store.Tx, row report.VisitRow) error {
	c := &change{Tx: tx}
	return c.putRow(row.UnitID, reportVisits, row.Ended, row.ID, row)
}

// PutCallRow stores a row as the end of a call does, without its totals.
func PutCallRow(tx store.Tx, row report.CallRow) error {
	c := &change{Tx: tx}
	return c.putRow(row.UnitID, reportCalls, row.Ended, row.ID, row)
}

// AddVisitTotals adds to the totals of a quarter or a day.
func AddVisitTotals(tx store.Tx, unitID, areaID string, at time.Time, t report.VisitTotals, step time.Duration) error {
	return addTotals(tx, unitID, reportVisits, at, areaID, classQueue, t, step)
}
