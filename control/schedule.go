package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

const (
	// dueBatch is how much of what is due is read at once.
	dueBatch = 64
	// dueRetry is when to try again what could not be done, as on a full disk.
	dueRetry = 2 * time.Second
)

// dueHandlers do what is due, in the transaction that takes it off the list.
func dueHandlers() map[DueKind]func(c *change, id string) error {
	return map[DueKind]func(c *change, id string) error{
		DueVisitGone:    (*change).gone,
		DueVisitLimit:   (*change).limitOver,
		DueVisitToken:   func(c *change, digest string) error { return c.Delete(prefixVisitToken + digest) },
		DueConsult:      (*change).consultDue,
		DueMeetingAlone: (*change).letGo,
		DueGuestLink:    (*change).linkOver,
		DueAppointment:  (*change).appointmentDue,
		DuePlaceGone:    (*change).placeGone,
		DueGroupOver:    (*change).groupDue,
		DueGroupWarn:    (*change).groupWarn,
		DueGroupEnd:     (*change).groupEnd,
		DueTokens:       (*change).tokensDue,
		DueOnce:         (*change).onceDue,
		DueSessions:     (*change).sessionsDue,
		DueInvitation:   func(c *change, id string) error { return c.expireAccountLink(c.Tx, c.now, id) },
		DueLink:         func(c *change, id string) error { return c.expireAccountLink(c.Tx, c.now, id) },
		// A key is overwritten before: see doDue.
		DueSealErase: func(*change, string) error { return nil },

		DueBreakoutWarn:  (*change).breakoutWarn,
		DueBreakoutClose: (*change).breakoutClose,
	}
}

// Start makes a store that a server begins to serve agree with the world:
// nobody is connected yet, and keys that no record needs are erased. It is
// called once, before anything else.
func (s *Service) Start(ctx context.Context) error {
	if err := s.keepKeys(ctx); err != nil {
		return err
	}
	if err := s.planPurges(ctx); err != nil {
		// A full disk is no reason not to serve what can be served.
		s.log.WarnContext(ctx, "that expired records are cleared away could not be planned", "err", err)
	}
	return errors.Join(s.everybodyGone(ctx), s.roomsEmpty(ctx))
}

// Run does what is due, when it is due, until ctx ends; its error is then nil.
// One Run at a time. What was due while nothing ran is done at once: deadlines
// survive a restart.
func (s *Service) Run(ctx context.Context) error {
	watcher, err := s.store.Watch(ctx, prefixDue)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("watch what is due: %w", err)
	}
	defer watcher.Close()
	changed := make(chan error, 1)
	watching, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		notify(watching, watcher, changed)
	}()
	defer func() { stop(); <-done }()
	for {
		wait, err := s.DoDue(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			s.log.ErrorContext(ctx, "what is due could not be done", "err", err)
			wait = dueRetry
		}
		timer, stopTimer := s.timers.After(wait)
		select {
		case <-timer:
		case err := <-changed:
			if err != nil && ctx.Err() == nil {
				stopTimer()
				return fmt.Errorf("watch what is due: %w", err)
			}
		case <-ctx.Done():
		}
		stopTimer()
	}
}

// notify says that the list of what is due changed, until the watch ends.
func notify(ctx context.Context, w store.Watcher, changed chan<- error) {
	for {
		_, err := w.Next(ctx)
		if errors.Is(err, store.ErrLost) {
			err = nil
		}
		select {
		case changed <- err:
		default: // it is told already
		}
		if err != nil {
			return
		}
	}
}

// idle is how long to sleep when nothing is due.
const idle = time.Hour

// DoDue does what is due now, and says after how long something will be.
func (s *Service) DoDue(ctx context.Context) (wait time.Duration, err error) {
	var failed error
	after := ""
	for ctx.Err() == nil {
		keys, next, err := s.due(ctx, after)
		if err != nil {
			return 0, err
		}
		for _, key := range keys {
			if err := s.doDue(ctx, key); err != nil {
				failed = errors.Join(failed, err) // the others are done all the same
				after = key
			}
		}
		if len(keys) < dueBatch {
			return next, failed
		}
	}
	return 0, ctx.Err()
}

// due reads what is due now, and how long it takes until the next is.
func (s *Service) due(ctx context.Context, after string) (keys []string, next time.Duration, err error) {
	err = s.store.View(ctx, func(tx store.Tx) error {
		keys, next = nil, idle
		now := s.clock()
		return tx.Range(prefixDue, after, func(key string, _ []byte) error {
			at, _, _, err := parseDue(key)
			if err != nil {
				return err
			}
			if len(keys) == dueBatch {
				return store.ErrStop
			}
			if at.After(now) {
				next = min(idle, at.Sub(now))
				return store.ErrStop
			}
			keys = append(keys, key)
			return nil
		})
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read what is due: %w", err)
	}
	return keys, next, nil
}

// doDue does one thing and takes it off the list.
func (s *Service) doDue(ctx context.Context, key string) error {
	_, kind, id, err := parseDue(key)
	if err != nil {
		return err
	}
	if kind == DueSealErase {
		ref, err := parseErase(id)
		if err != nil {
			return err
		}
		if err := s.eraseKeys(ctx, ref); err != nil {
			return err
		}
	}
	handle := dueHandlers()[kind]
	if handle == nil {
		s.log.WarnContext(ctx, "something is due that this release doesn't know", "kind", string(kind))
		handle = func(*change, string) error { return nil }
	}
	err = s.change(ctx, System(), "do what is due: "+string(kind), func(c *change) error {
		if err := c.Delete(key); err != nil {
			return err
		}
		if err := handle(c, id); !errors.Is(err, ErrNotFound) {
			return err
		}
		return nil // what it was for has gone
	})
	if err != nil && kind == DueBreakoutClose {
		s.comeBack(ctx, id)
	}
	return err
}

// placeGone is due when an area or a meeting room was deleted: who is inside
// is let go.
func (c *change) placeGone(id string) error {
	calls, err := liveCalls(c.Tx, id)
	if err != nil {
		return err
	}
	for i := range calls {
		if err := c.endCall(&calls[i], OutcomeCompleted); err != nil {
			return err
		}
	}
	if err := c.groupsGone(id); err != nil {
		return err
	}
	var visits []string
	err = queued(c.Tx, id, func(visitID string, _ VisitState) error {
		visits = append(visits, visitID)
		return nil
	})
	if err != nil {
		return err
	}
	for _, visitID := range visits {
		v, err := liveVisit(c.Tx, visitID)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		outcome := v.ending()
		if outcome == OutcomeAbandoned {
			outcome = OutcomeRefused
		}
		if err := c.end(&v, outcome); err != nil {
			return err
		}
	}
	return nil
}
