package control

import (
	"context"
	"errors"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// Records that have expired are found so and left alone by whoever reads them.
// They are cleared away once an hour, and as fast as others of their kind are
// added; so none outlives its time for long on an idle server.

const (
	// purgeEvery is how often each kind of records is gone through.
	purgeEvery = time.Hour
	// purgeMost is how many records one transaction of that goes through.
	purgeMost = 256
)

// Expired clears away what has expired of records that others keep in the
// store: the sessions of staff.
type Expired interface {
	// Purge deletes those of the next most records after one (at first "")
	// that have expired, and returns the last it looked at, "" at the end.
	Purge(tx store.Tx, after string, most int) (next string, err error)
}

// nextPurge is on the hour, so that a restart plans the same one.
func nextPurge(now time.Time) time.Time { return now.Truncate(purgeEvery).Add(purgeEvery) }

// planPurges has expired records cleared away from now on. What is planned
// already isn't written again.
func (s *Service) planPurges(ctx context.Context) error {
	kinds := []DueKind{DueTokens, DueOnce, DueSessions}
	at := nextPurge(s.clock())
	var missing []DueKind
	err := s.store.View(ctx, func(tx store.Tx) error {
		missing = nil
		for _, kind := range kinds {
			_, err := tx.Get(dueKey(at, kind, ""))
			if errors.Is(err, store.ErrNotFound) {
				missing = append(missing, kind)
			} else if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || len(missing) == 0 {
		return err
	}
	return s.store.Update(ctx, func(tx store.Tx) error {
		for _, kind := range missing {
			if err := schedule(tx, at, kind, ""); err != nil {
				return err
			}
		}
		return nil
	})
}

// purged plans the next purge of a kind: at once when there is more, going on
// after a record.
func (c *change) purged(kind DueKind, after string, more bool) error {
	if more {
		return schedule(c.Tx, c.now, kind, after)
	}
	return schedule(c.Tx, nextPurge(c.now), kind, "")
}

// tokensDue forgets used join tokens that have expired.
func (c *change) tokensDue(string) error {
	n, err := purgeTokens(c.Tx, c.now.Add(-tokenGrace), purgeMost)
	return errors.Join(err, c.purged(DueTokens, "", n == purgeMost))
}

// onceDue forgets answers to repeated requests that have expired.
func (c *change) onceDue(string) error {
	n, err := purgeOnce(c.Tx, c.now, purgeMost)
	return errors.Join(err, c.purged(DueOnce, "", n == purgeMost))
}

// sessionsDue clears away sessions that have expired.
func (c *change) sessionsDue(after string) error {
	if c.expired == nil {
		return c.purged(DueSessions, "", false)
	}
	next, err := c.expired.Purge(c.Tx, after, purgeMost)
	return errors.Join(err, c.purged(DueSessions, next, next != ""))
}
