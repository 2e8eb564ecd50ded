package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/atriumrtc/atrium/control/store"
)

// testOracle runs random transactions, some of which fail, on the engine and
// on a map, and compares everything they read and what is left.
func testOracle(t *testing.T, open func(testing.TB) store.Store) {
	s := open(t)
	oracle := NewOracle() // goes on between rapid's rounds, as the store does
	abort := errors.New("abort")
	rapid.Check(t, func(r *rapid.T) {
		steps := rapid.SliceOfN(stepGenerator(), 1, 20).Draw(r, "steps")
		fail := rapid.IntRange(0, 4).Draw(r, "fails") == 0
		draft := oracle.Clone()
		err := s.Update(context.Background(), func(tx store.Tx) error {
			for _, step := range steps {
				step.run(r, tx, draft)
			}
			if fail {
				return abort
			}
			return nil
		})
		switch {
		case fail && !errors.Is(err, abort):
			r.Fatalf("Update: %v, want its function's error", err)
		case !fail && err != nil:
			r.Fatalf("Update: %v", err)
		case !fail:
			oracle = draft
		}
		err = s.View(context.Background(), func(tx store.Tx) error {
			got, err := Collect(tx, "", "", 0)
			if diff := cmp.Diff(oracle.Range("", "", 0), got); diff != "" {
				r.Fatalf("the records differ (-want +got):\n%s", diff)
			}
			return err
		})
		if err != nil {
			r.Fatalf("View: %v", err)
		}
	})
}

// step is one operation of a random transaction.
type step struct {
	Kind       int // 0 get, 1 put, 2 delete, 3 range
	Key, Value string
	Limit      int
}

func stepGenerator() *rapid.Generator[step] {
	// Few letters, so that keys meet and are each other's prefixes.
	key := rapid.StringMatching(`[ab/]{1,4}`)
	return rapid.Custom(func(r *rapid.T) step {
		return step{
			Kind:  rapid.IntRange(0, 3).Draw(r, "kind"),
			Key:   key.Draw(r, "key"),
			Value: rapid.StringN(0, 40, 200).Draw(r, "value"),
			Limit: rapid.IntRange(0, 3).Draw(r, "limit"),
		}
	})
}

// run does the step on both and compares what they answer.
func (s step) run(r *rapid.T, tx store.Tx, oracle *Oracle) {
	switch s.Kind {
	case 0:
		got, err := tx.Get(s.Key)
		want, ok := oracle.Get(s.Key)
		if ok != (err == nil) || !ok && !errors.Is(err, store.ErrNotFound) || string(got) != want {
			r.Fatalf("Get(%q) = %q, %v; want %q, %v", s.Key, got, err, want, ok)
		}
	case 1:
		if err := tx.Put(s.Key, []byte(s.Value)); err != nil {
			r.Fatalf("Put(%q): %v", s.Key, err)
		}
		oracle.Put(s.Key, []byte(s.Value))
	case 2:
		if err := tx.Delete(s.Key); err != nil {
			r.Fatalf("Delete(%q): %v", s.Key, err)
		}
		oracle.Delete(s.Key)
	case 3:
		prefix := s.Key[:len(s.Key)/2]
		got, err := Collect(tx, prefix, s.Key, s.Limit)
		if diff := cmp.Diff(oracle.Range(prefix, s.Key, s.Limit), got); diff != "" || err != nil {
			r.Fatalf("Range(%q, %q), %v (-want +got):\n%s", prefix, s.Key, err, diff)
		}
	}
}
