package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

const (
	// perTarget bounds deliveries to one endpoint or gateway at a time, so
	// that a slow one doesn't keep the others waiting.
	perTarget = 2
	// retryStore is when the store is tried again after it failed.
	retryStore = 5 * time.Second
)

// Clock makes the worker's timers.
type Clock interface {
	// After returns a channel that receives once when d has passed, unless
	// stop is called before.
	After(d time.Duration) (c <-chan time.Time, stop func())
}

// SenderOptions of NewSender. Store, Outbox, Reveal and Delivered are needed.
type SenderOptions struct {
	Store  store.Store
	Outbox *Outbox
	// Reveal opens the sealed parts of a message. An error that wraps
	// PermanentError gives the message up: what it is about was erased.
	Reveal func(ctx context.Context, m Message) (Revealed, error)
	// Delivered is told, at least once, that the gateway took an e-mail or an
	// SMS (err nil), or that it was given up. An error has it told again.
	Delivered func(ctx context.Context, m Message, at time.Time, err error) error
	Clock     Clock        // nil: real timers
	Logger    *slog.Logger // nil: no logs
}

// Sender delivers what the outbox holds.
type Sender struct {
	o    SenderOptions
	cfg  Config
	text texts
	http *http.Client

	deliveries sync.WaitGroup
	done       chan string       // ids of items, as their deliveries end
	busy       map[string]string // id → target; Run's own
	targets    map[string]int    // deliveries under way; Run's own
}

// NewSender checks the options; the store stays the caller's to close.
func NewSender(cfg Config, o SenderOptions) (*Sender, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("notify.NewSender: %w", err)
	}
	if o.Store == nil || o.Outbox == nil || o.Reveal == nil || o.Delivered == nil {
		return nil, errors.New("notify.NewSender: Store, Outbox, Reveal and Delivered are needed")
	}
	if o.Clock == nil {
		o.Clock = realClock{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	text, err := loadTexts()
	if err != nil {
		return nil, err
	}
	return &Sender{
		o: o, cfg: cfg, text: text, http: newClient(cfg),
		done: make(chan string, cfg.Workers), busy: make(map[string]string), targets: make(map[string]int),
	}, nil
}

type realClock struct{}

func (realClock) After(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}

// Run delivers until ctx ends, and returns when no delivery is under way any
// more.
func (s *Sender) Run(ctx context.Context) error {
	defer s.http.CloseIdleConnections()
	watcher, err := s.o.Store.Watch(ctx, prefixDue)
	if err != nil && ctx.Err() != nil {
		return nil // ended before it began
	}
	if err != nil {
		return fmt.Errorf("notify: watch the outbox: %w", err)
	}
	defer watcher.Close()
	wake := make(chan struct{}, 1)
	var watching sync.WaitGroup
	watching.Go(func() { follow(ctx, watcher, wake) })
	defer watching.Wait()
	defer s.deliveries.Wait()
	for ctx.Err() == nil {
		next, err := s.dispatch(ctx)
		if err != nil && ctx.Err() == nil {
			s.o.Logger.ErrorContext(ctx, "the outbox can't be read", "err", err)
			next = retryStore
		}
		timer, stop := s.o.Clock.After(next)
		select {
		case <-ctx.Done():
		case <-wake:
		case <-timer:
		case id := <-s.done:
			s.finished(id)
		}
		stop()
	}
	return nil
}

// follow turns changes of the outbox into wake-ups.
func follow(ctx context.Context, watcher store.Watcher, wake chan<- struct{}) {
	for {
		if _, err := watcher.Next(ctx); err != nil && !errors.Is(err, store.ErrLost) {
			return
		}
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

func (s *Sender) finished(id string) {
	target := s.busy[id]
	delete(s.busy, id)
	if s.targets[target]--; s.targets[target] == 0 {
		delete(s.targets, target)
	}
}

// work is an item that is due.
type work struct {
	id   string
	item item
}

// dispatch starts what is due and may start now, and returns how long to wait
// for the next.
func (s *Sender) dispatch(ctx context.Context) (time.Duration, error) {
	var due []work
	next := time.Hour
	now := s.o.Outbox.clock()
	err := s.o.Store.View(ctx, func(tx store.Tx) error {
		due, next = nil, time.Hour
		taken := maps.Clone(s.targets)
		return tx.Range(prefixDue, "", func(key string, _ []byte) error {
			ms, id, _ := strings.Cut(strings.TrimPrefix(key, prefixDue), "/")
			at, err := parseTime(ms)
			if err != nil {
				return err
			}
			if at.After(now) {
				next = at.Sub(now)
				return store.ErrStop
			}
			if len(s.busy)+len(due) >= s.cfg.Workers {
				return store.ErrStop
			}
			if _, under := s.busy[id]; under {
				return nil
			}
			i, err := readItem(tx, id)
			if err != nil {
				return err
			}
			// Passed over, however many they are: what waits for a slow receiver
			// must not hide what is for others.
			if taken[i.target()] < perTarget {
				taken[i.target()]++
				due = append(due, work{id, i})
			}
			return nil
		})
	})
	if err != nil {
		return 0, err
	}
	for _, w := range due {
		target := w.item.target()
		s.busy[w.id] = target
		s.targets[target]++
		s.deliveries.Go(func() {
			s.deliver(ctx, w)
			select {
			case s.done <- w.id:
			case <-ctx.Done():
			}
		})
	}
	return next, nil
}

// deliver tries once and notes what came of it.
func (s *Sender) deliver(ctx context.Context, w work) {
	attempt, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	err := s.try(attempt, w.item)
	cancel()
	if ctx.Err() != nil {
		return // stopping: it is due still
	}
	if err := s.settle(ctx, w, err); err != nil && ctx.Err() == nil {
		s.o.Logger.ErrorContext(ctx, "the outcome of a message can't be stored: it will be sent again", "message_id", w.id, "err", err)
		timer, stop := s.o.Clock.After(retryStore)
		defer stop()
		select {
		case <-timer:
		case <-ctx.Done():
		}
	}
}

// settle notes the outcome of an attempt: over, or due again.
func (s *Sender) settle(ctx context.Context, w work, outcome error) error {
	i, m := w.item, w.item.Message
	now := s.o.Outbox.clock()
	i.Attempts++
	var permanent *PermanentError
	over := outcome == nil || errors.As(outcome, &permanent) || now.Sub(i.Since) >= m.Kind.lifetime()
	if over && m.Kind != Webhook {
		if err := s.o.Delivered(ctx, m, now, outcome); err != nil {
			return err
		}
	}
	if outcome != nil {
		s.o.Logger.WarnContext(ctx, "a message could not be delivered", "message_id", w.id, "kind", string(m.Kind),
			"attempt", i.Attempts, "given_up", over, "err", outcome)
	}
	return s.o.Store.Update(ctx, func(tx store.Tx) error {
		current, err := readItem(tx, w.id)
		if errors.Is(err, ErrNotFound) {
			return nil // cancelled meanwhile
		}
		if err != nil {
			return err
		}
		if err := tx.Delete(prefixDue + timeKey(current.Due) + "/" + w.id); err != nil {
			return err
		}
		if !over {
			i.Due = now.Add(jitter(m.Kind.pause(i.Attempts)))
			return writeItem(tx, w.id, i)
		}
		return finish(tx, w.id, i, now, outcome)
	})
}

// finish keeps a webhook for replay, and forgets the rest: it may hold what a
// guest's key seals.
func finish(tx store.Tx, id string, i item, now time.Time, outcome error) error {
	if i.Message.Kind != Webhook {
		return tx.Delete(prefixItem + id)
	}
	if err := purge(tx, now); err != nil {
		return err
	}
	i.DoneAt, i.Due = now, time.Time{}
	if outcome != nil {
		i.Failed = outcome.Error()
	}
	if err := tx.Put(prefixDone+timeKey(now)+"/"+id, []byte(i.Endpoint)); err != nil {
		return err
	}
	return putItem(tx, id, i)
}

// purge deletes some of what can't be replayed any more: more than is added.
func purge(tx store.Tx, now time.Time) error {
	var old []string
	err := tx.Range(prefixDone, "", func(key string, _ []byte) error {
		ms, _, _ := strings.Cut(strings.TrimPrefix(key, prefixDone), "/")
		at, err := parseTime(ms)
		if err != nil {
			return err
		}
		if now.Sub(at) < kept || len(old) == 4 {
			return store.ErrStop
		}
		old = append(old, key)
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range old {
		_, id, _ := strings.Cut(strings.TrimPrefix(key, prefixDone), "/")
		if err := errors.Join(tx.Delete(key), tx.Delete(prefixItem+id)); err != nil {
			return err
		}
	}
	return nil
}

// jitter spreads retries by a fifth either way.
func jitter(d time.Duration) time.Duration {
	return d*4/5 + time.Duration(rand.Int64N(int64(d)*2/5))
}
