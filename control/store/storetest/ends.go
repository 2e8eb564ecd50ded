package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/atriumrtc/atrium/control/store"
)

func testEndedTx(t *testing.T, s store.Store) {
	var kept store.Tx
	update(t, s, func(tx store.Tx) error { kept = tx; return nil })
	_, err := kept.Get("a")
	errs := []error{
		err, kept.Put("a", nil), kept.Delete("a"),
		kept.Range("", "", func(string, []byte) error { return nil }),
	}
	for i, err := range errs {
		if !errors.Is(err, store.ErrTxDone) {
			t.Errorf("method %d of an ended Tx: %v", i, err)
		}
	}
}

func testReadOnly(t *testing.T, s store.Store) {
	put(t, s, "a")
	view(t, s, func(tx store.Tx) error {
		for i, err := range []error{tx.Put("b", nil), tx.Delete("a")} {
			if !errors.Is(err, store.ErrReadOnly) {
				t.Errorf("write %d inside View: %v", i, err)
			}
		}
		return nil
	})
	update(t, s, func(tx store.Tx) error {
		return tx.Range("", "", func(string, []byte) error {
			if err := tx.Put("b", nil); !errors.Is(err, store.ErrReadOnly) {
				t.Errorf("Put while ranging: %v", err)
			}
			return nil
		})
	})
	wantKeys(t, s, "a")
}

func testContext(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	err := s.Update(ctx, func(tx store.Tx) error {
		cancel() // nobody waits for the answer any more
		return tx.Put("a", nil)
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Update that was given up: %v", err)
	}
	wantKeys(t, s)
	never := func(store.Tx) error { t.Error("ran under an ended context"); return nil }
	if err := s.View(ctx, never); !errors.Is(err, context.Canceled) {
		t.Errorf("View: %v", err)
	}
	if err := s.Update(ctx, never); !errors.Is(err, context.Canceled) {
		t.Errorf("Update: %v", err)
	}
}

func testClose(t *testing.T, s store.Store) {
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	never := func(store.Tx) error { t.Error("ran on a closed store"); return nil }
	if err := s.View(context.Background(), never); !errors.Is(err, store.ErrClosed) {
		t.Errorf("View of a closed store: %v", err)
	}
	if err := s.Update(context.Background(), never); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Update of a closed store: %v", err)
	}
	if _, err := s.Watch(context.Background(), ""); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Watch of a closed store: %v", err)
	}
}
