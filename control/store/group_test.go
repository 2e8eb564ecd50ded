package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"
)

func openNew(t *testing.T, o Options) *Bolt {
	t.Helper()
	b, err := Open(filepath.Join(t.TempDir(), "data"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// together runs Updates as members of one group, and returns their errors.
func together(b *Bolt, fns ...func(Tx) error) []error {
	errs := make([]error, len(fns))
	var wg sync.WaitGroup
	b.turn.Lock()
	for i, fn := range fns {
		wg.Go(func() { errs[i] = b.Update(context.Background(), fn) })
	}
	for b.queue.Load() < int64(len(fns)) {
		runtime.Gosched()
	}
	b.turn.Unlock()
	wg.Wait()
	return errs
}

func putter(key string, size int) func(Tx) error {
	return func(tx Tx) error { return tx.Put(key, make([]byte, size)) }
}

func has(t *testing.T, b *Bolt, key string) bool {
	t.Helper()
	err := b.View(context.Background(), func(tx Tx) error { _, err := tx.Get(key); return err })
	if err != nil && !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

// R-PF-10: Updates that queue are committed at once, and are seen at once.
func TestGroupShares(t *testing.T) {
	b := openNew(t, Options{})
	w, err := b.Watch(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var fns []func(Tx) error
	for i := range 50 {
		fns = append(fns, putter(fmt.Sprint(i), 10))
	}
	if err := errors.Join(together(b, fns...)...); err != nil {
		t.Fatal(err)
	}
	changes, err := w.Next(t.Context())
	if err != nil || len(changes) != len(fns) || changes[0].Version != changes[len(fns)-1].Version {
		t.Errorf("%d changes from version %d to %d, %v; want %d in one commit",
			len(changes), changes[0].Version, changes[len(changes)-1].Version, err, len(fns))
	}
}

// R-SE-13: an Update that doesn't fit takes nobody down with it.
func TestGroupFull(t *testing.T) {
	b := openNew(t, Options{MaxSize: 1 << 20})
	large := func(tx Tx) error {
		return errors.Join(putter("large1", 700<<10)(tx), putter("large2", 700<<10)(tx))
	}
	errs := together(b, putter("a", 10), large, putter("b", 10), func(tx Tx) error {
		if _, err := tx.Get("large1"); err == nil {
			return errors.New("it rested on what was never committed")
		}
		return nil
	})
	if errs[0] != nil || !errors.Is(errs[1], ErrFull) || errs[2] != nil || errs[3] != nil {
		t.Errorf("errors %v", errs)
	}
	if !has(t, b, "a") || !has(t, b, "b") || has(t, b, "large1") {
		t.Error("the wrong ones were committed")
	}
}

// What failed functions return is held back until what they saw is durable.
func TestGroupHoldsBackErrors(t *testing.T) {
	b := openNew(t, Options{})
	commits := 0
	b.write = func(tx *bbolt.Tx) error {
		if commits++; commits == 1 {
			return errors.Join(tx.Rollback(), errors.New("the disk hiccuped"))
		}
		return tx.Commit()
	}
	taken := errors.New("taken")
	take := func(tx Tx) error {
		if _, err := tx.Get("link"); err == nil {
			return taken
		}
		return tx.Put("link", nil)
	}
	for i, err := range together(b, take, take, take) {
		if err == nil || errors.Is(err, taken) {
			t.Errorf("Update %d, whose commit failed: %v", i, err)
		}
	}
	winners := 0
	for i, err := range together(b, take, take, take) {
		switch {
		case err == nil:
			winners++
		case !errors.Is(err, taken):
			t.Errorf("Update %d: %v", i, err)
		}
	}
	if winners != 1 || commits != 2 {
		t.Errorf("%d winners in %d commits; want 1 in the second", winners, commits)
	}
}

// A group is closed to more when it is large: nobody waits for ever more
// company.
func TestGroupBounds(t *testing.T) {
	b := openNew(t, Options{})
	commits := 0
	b.write = func(tx *bbolt.Tx) error { commits++; return tx.Commit() }
	var fns []func(Tx) error
	for i := range maxMembers + 1 {
		fns = append(fns, putter(fmt.Sprint(i), 10))
	}
	if err := errors.Join(together(b, fns...)...); err != nil || commits != 2 {
		t.Errorf("%d Updates in %d commits, %v; want 2", len(fns), commits, err)
	}
	commits, fns = 0, nil
	for i := range 2*maxGroupBytes/MaxValue + 1 {
		fns = append(fns, putter(fmt.Sprint("large", i), MaxValue))
	}
	if err := errors.Join(together(b, fns...)...); err != nil || commits != 3 {
		t.Errorf("%d large Updates in %d commits, %v; want 3", len(fns), commits, err)
	}
}

// Updates that write nothing cost no commit.
func TestGroupNothing(t *testing.T) {
	b := openNew(t, Options{})
	if errs := together(b, putter("a", 0)); errs[0] != nil {
		t.Fatal(errs)
	}
	b.write = func(tx *bbolt.Tx) error { t.Error("committed"); return tx.Commit() }
	own := errors.New("own")
	errs := together(b, func(Tx) error { return nil }, putter("a", 0), func(tx Tx) error {
		return errors.Join(tx.Delete("a"), own)
	})
	if !errors.Is(errors.Join(errs...), own) || !has(t, b, "a") {
		t.Errorf("errors %v", errs)
	}
}

// When nobody can say whether a commit will survive, the store says nothing
// more, until it is opened again.
func TestBroken(t *testing.T) {
	for _, row := range []struct {
		name  string
		write func(*bbolt.Tx) error
	}{
		{"the last fsync failed", func(tx *bbolt.Tx) error { return errors.Join(tx.Commit(), errors.New("input/output error")) }},
		{"bbolt panicked", func(*bbolt.Tx) error { panic("page 3 already freed") }},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := openNew(t, Options{})
			if errs := together(b, putter("before", 1)); errs[0] != nil {
				t.Fatal(errs)
			}
			b.write = row.write
			for i, err := range together(b, putter("a", 1), putter("b", 1)) {
				if !errors.Is(err, ErrBroken) {
					t.Errorf("Update %d: %v", i, err)
				}
			}
			never := func(Tx) error { t.Error("ran on a broken store"); return nil }
			if err := b.Update(t.Context(), never); !errors.Is(err, ErrBroken) {
				t.Errorf("a later Update: %v", err)
			}
			if err := b.View(t.Context(), never); !errors.Is(err, ErrBroken) {
				t.Errorf("a later View: %v", err)
			}
			if err := b.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			again, err := Open(b.Path(), Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = again.Close() }()
			if !has(t, again, "before") {
				t.Error("what was acknowledged is gone")
			}
		})
	}
}

// Every way in which the disk says that it is full is ErrFull: bbolt wraps
// some errors and quotes others.
func TestTranslateFull(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		cause := &os.PathError{Op: "truncate", Path: "data", Err: errno}
		for _, err := range []error{cause, fmt.Errorf("file resize error: %s", cause)} {
			if !errors.Is(translate(err), ErrFull) {
				t.Errorf("%v isn't ErrFull", err)
			}
		}
	}
	if err := translate(syscall.EIO); errors.Is(err, ErrFull) {
		t.Errorf("%v", err)
	}
}
