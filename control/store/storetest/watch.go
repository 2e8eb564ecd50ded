package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/atriumrtc/atrium/control/store"
)

func watch(t *testing.T, s store.Store, prefix string) store.Watcher {
	t.Helper()
	w, err := s.Watch(context.Background(), prefix)
	if err != nil {
		t.Fatalf("Watch: %v", err)
	}
	t.Cleanup(w.Close)
	return w
}

// next returns the keys of the next changes, those that are gone with a minus,
// in order, with a bar between commits.
func next(t *testing.T, w store.Watcher) string {
	t.Helper()
	changes, err := w.Next(t.Context())
	if err != nil {
		t.Fatalf("Next: %v", err)
	}
	return spell(t, changes)
}

func spell(t *testing.T, changes []store.Change) string {
	t.Helper()
	var out []string
	for i, c := range changes {
		if i > 0 && c.Version < changes[i-1].Version {
			t.Errorf("commit %d is reported after commit %d", c.Version, changes[i-1].Version)
		}
		if i > 0 && c.Version > changes[i-1].Version {
			out = append(out, "|")
		}
		if c.Deleted {
			c.Key = "-" + c.Key
		}
		out = append(out, c.Key)
	}
	return strings.Join(out, " ")
}

func testWatch(t *testing.T, s store.Store) {
	put(t, s, "room/0")
	w, other, all := watch(t, s, "room/"), watch(t, s, "roof"), watch(t, s, "")
	put(t, s, "room/2", "room/1", "room", "roon")
	if got, want := next(t, w), "room/1 room/2"; got != want {
		t.Errorf("changes %q, want %q", got, want)
	}
	update(t, s, func(tx store.Tx) error { return errors.Join(tx.Delete("room/1"), tx.Put("room/2", nil)) })
	if got, want := next(t, w), "-room/1 room/2"; got != want {
		t.Errorf("changes %q, want %q", got, want)
	}
	put(t, s, "roof")
	if got, want := next(t, other), "roof"; got != want {
		t.Errorf("changes %q, want %q", got, want)
	}
	if got, want := next(t, all), "room roon | -room/1 room/2 | roof"; got != want {
		t.Errorf("changes under no prefix: %q, want %q", got, want)
	}
}

// testWatchNothing: what changes nothing isn't reported.
func testWatchNothing(t *testing.T, s store.Store) {
	put(t, s, "a", "b")
	w := watch(t, s, "")
	own := errors.New("own")
	if err := s.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(tx.Put("failed", nil), tx.Delete("b"), own)
	}); !errors.Is(err, own) {
		t.Errorf("Update: %v", err)
	}
	put(t, s, "a") // as it stands there
	update(t, s, func(tx store.Tx) error { return tx.Delete("never was") })
	update(t, s, func(tx store.Tx) error {
		return errors.Join(tx.Put("passing", nil), tx.Delete("passing"), tx.Delete("b"), tx.Put("b", []byte("b")))
	})
	view(t, s, func(tx store.Tx) error { _, err := tx.Get("a"); return err })
	put(t, s, "c")
	if got := next(t, w); got != "c" {
		t.Errorf("changes %q, want c alone", got)
	}
}

// testWatchSlow: a reader that was away gets the last change of each key.
func testWatchSlow(t *testing.T, s store.Store) {
	w := watch(t, s, "")
	for i := range 5 {
		put(t, s, fmt.Sprint("only/", i))
		update(t, s, func(tx store.Tx) error { return tx.Put("often", fmt.Append(nil, i)) })
	}
	update(t, s, func(tx store.Tx) error { return tx.Delete("only/1") })
	if got, want := next(t, w), "only/0 | only/2 | only/3 | only/4 | often | -only/1"; got != want {
		t.Errorf("changes %q, want %q", got, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if changes, err := w.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Next with an ended context: %v, %v", changes, err)
	}
	put(t, s, "again")
	if got := next(t, w); got != "again" {
		t.Errorf("changes after a Next that was given up: %q", got)
	}
}

// testWatchLost: a reader that is too slow is told so, once, and then goes on.
func testWatchLost(t *testing.T, s store.Store) {
	w, narrow := watch(t, s, ""), watch(t, s, "key/00001")
	var keys []string
	for i := range store.MaxPending + 1 {
		keys = append(keys, fmt.Sprintf("key/%05d", i))
	}
	put(t, s, keys[:store.MaxPending]...)
	if got := len(strings.Fields(next(t, w))); got != store.MaxPending {
		t.Errorf("%d changes, want %d", got, store.MaxPending)
	}
	update(t, s, func(tx store.Tx) error {
		var errs []error
		for _, key := range keys {
			errs = append(errs, tx.Put(key, []byte("new")))
		}
		return errors.Join(errs...)
	})
	put(t, s, "unread")
	if changes, err := w.Next(t.Context()); !errors.Is(err, store.ErrLost) || len(changes) > 0 {
		t.Errorf("Next after %d changes: %d changes, %v", len(keys), len(changes), err)
	}
	put(t, s, "later")
	if got := next(t, w); got != "later" {
		t.Errorf("changes after ErrLost: %q", got)
	}
	if got := next(t, narrow); got != "key/00001" {
		t.Errorf("another's changes: %q", got)
	}
}

// testWatchEnd: a watch ends by Close or with its context.
func testWatchEnd(t *testing.T, s store.Store) {
	w := watch(t, s, "")
	put(t, s, "dropped")
	w.Close()
	w.Close()
	put(t, s, "a")
	if changes, err := w.Next(t.Context()); !errors.Is(err, store.ErrClosed) || len(changes) > 0 {
		t.Errorf("Next of a closed watcher: %v, %v", changes, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w, err := s.Watch(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "b")
	ended := make(chan error)
	go func() {
		_, first := w.Next(context.Background())
		_, second := w.Next(context.Background())
		ended <- errors.Join(first, second)
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Next after the watch's context ended: %v", err)
	}
	if _, err := s.Watch(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("Watch with an ended context: %v", err)
	}
}

// testWatchClose: what was committed is still handed over after the store was
// closed.
func testWatchClose(t *testing.T, s store.Store) {
	w := watch(t, s, "")
	idle := watch(t, s, "idle")
	ended := make(chan error)
	go func() {
		_, err := idle.Next(context.Background())
		ended <- err
	}()
	put(t, s, "a")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := next(t, w); got != "a" {
		t.Errorf("changes after Close: %q", got)
	}
	if changes, err := w.Next(t.Context()); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Next of a closed store: %v, %v", changes, err)
	}
	if err := <-ended; !errors.Is(err, store.ErrClosed) {
		t.Errorf("a Next that was waiting: %v", err)
	}
}

// follow keeps a copy of what stands under prefix, from its watch alone and
// with the reads it causes, until the key "end" appears. It checks the order.
func follow(ctx context.Context, s store.Store, w store.Watcher, prefix string) (*Oracle, error) {
	copied := NewOracle()
	var version uint64
	for {
		changes, err := w.Next(ctx)
		if err != nil {
			return nil, err
		}
		ended := false
		err = s.View(ctx, func(tx store.Tx) error {
			for _, c := range changes {
				if !strings.HasPrefix(c.Key, prefix) {
					return fmt.Errorf("%q was reported to the watch of %q", c.Key, prefix)
				}
				if c.Version < version {
					return fmt.Errorf("commit %d was reported after commit %d", c.Version, version)
				}
				version = c.Version
				ended = ended || c.Key == prefix+"end"
				value, err := tx.Get(c.Key)
				switch {
				case errors.Is(err, store.ErrNotFound):
					copied.Delete(c.Key)
				case err != nil:
					return err
				default:
					copied.Put(c.Key, value)
				}
			}
			return nil
		})
		if err != nil || ended {
			return copied, err
		}
	}
}
