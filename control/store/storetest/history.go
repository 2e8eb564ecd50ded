package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/atriumrtc/atrium/control/store"
)

// keyOrder counts the transactions that wrote: each reads it and adds one, so
// that it says in which serial order they took effect.
const keyOrder = "order"

// transaction is one of those that testHistory runs at once.
type transaction struct {
	steps []step
	fails bool // its function returns an error in the end
	reads bool // it is a View

	// What its last run saw.
	order   int // transactions before it
	answers []string
}

var errOwn = errors.New("own")

// testHistory runs random transactions concurrently, and then each again on a
// map, in the order in which they took effect: all that any of them read must
// be what the map answers there. Those that failed, and Views, must have seen
// a state in between.
func testHistory(t *testing.T, open func(testing.TB) store.Store) {
	s := open(t)
	rapid.Check(t, func(r *rapid.T) {
		before := stateOf(r, s)
		var all []*transaction
		workers := rapid.SliceOfN(rapid.SliceOfN(transactionGenerator(), 1, 4), 2, 8).Draw(r, "workers")
		var wg sync.WaitGroup
		errs := make([]error, len(workers))
		for i, list := range workers {
			all = append(all, list...)
			wg.Go(func() {
				for _, x := range list {
					errs[i] = errors.Join(errs[i], x.runOn(s))
				}
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			r.Fatalf("%v", err)
		}
		after := replay(r, before, all)
		if diff := cmp.Diff(after.Range("", "", 0), stateOf(r, s).Range("", "", 0)); diff != "" {
			r.Fatalf("what is left differs (-want +got):\n%s", diff)
		}
	})
}

// stateOf copies what a store holds.
func stateOf(r *rapid.T, s store.Store) *Oracle {
	copied := NewOracle()
	err := s.View(context.Background(), func(tx store.Tx) error {
		return tx.Range("", "", func(key string, value []byte) error { copied.Put(key, value); return nil })
	})
	if err != nil {
		r.Fatalf("View: %v", err)
	}
	return copied
}

// replay runs transactions on a map in their order, and returns the map after
// the last.
func replay(r *rapid.T, state *Oracle, all []*transaction) *Oracle {
	slices.SortStableFunc(all, func(a, b *transaction) int {
		if a.order != b.order {
			return a.order - b.order
		}
		return btoi(a.writes()) - btoi(b.writes()) // the writer ends the state that the others saw
	})
	for _, x := range all {
		draft := state.Clone()
		order, _ := draft.Get(keyOrder)
		if n, _ := strconv.Atoi(order); n != x.order {
			r.Fatalf("a transaction took effect after %d others, and there were %d", x.order, n)
		}
		if !x.reads {
			draft.Put(keyOrder, fmt.Append(nil, x.order+1))
		}
		var want []string
		for _, step := range x.steps {
			want = append(want, step.onOracle(draft, x.reads))
		}
		if diff := cmp.Diff(want, x.answers); diff != "" {
			r.Fatalf("transaction %d (reads %t, fails %t) saw what no serial order gives (-want +got):\n%s",
				x.order, x.reads, x.fails, diff)
		}
		if x.writes() {
			state = draft
		}
	}
	return state
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func transactionGenerator() *rapid.Generator[*transaction] {
	return rapid.Custom(func(r *rapid.T) *transaction {
		kind := rapid.IntRange(0, 5).Draw(r, "kind")
		return &transaction{
			steps: rapid.SliceOfN(stepGenerator(), 1, 6).Draw(r, "steps"),
			fails: kind == 0,
			reads: kind == 1,
		}
	})
}

// writes says whether the transaction takes effect.
func (x *transaction) writes() bool { return !x.fails && !x.reads }

// runOn runs the transaction on an engine. Its error is a fault of the engine.
func (x *transaction) runOn(s store.Store) error {
	run := s.Update
	if x.reads {
		run = s.View
	}
	err := run(context.Background(), func(tx store.Tx) error {
		x.answers = nil // it may run again
		data, err := tx.Get(keyOrder)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		x.order, _ = strconv.Atoi(string(data))
		if !x.reads {
			if err := tx.Put(keyOrder, fmt.Append(nil, x.order+1)); err != nil {
				return err
			}
		}
		for _, step := range x.steps {
			answer, err := step.onTx(tx, x.reads)
			if err != nil {
				return err
			}
			x.answers = append(x.answers, answer)
		}
		if x.fails {
			return errOwn
		}
		return nil
	})
	if x.fails && errors.Is(err, errOwn) {
		return nil
	}
	return err
}

// onTx does the step and returns what it read, "" if nothing. readOnly turns
// writes into reads.
func (s step) onTx(tx store.Tx, readOnly bool) (string, error) {
	switch {
	case s.Kind == 3:
		records, err := Collect(tx, s.Key[:len(s.Key)/2], s.Key, s.Limit)
		return fmt.Sprint(records), err
	case s.Kind == 0 || readOnly:
		value, err := tx.Get(s.Key)
		if errors.Is(err, store.ErrNotFound) {
			return "none", nil
		}
		return "value " + string(value), err
	case s.Kind == 1:
		return "", tx.Put(s.Key, []byte(s.Value))
	default:
		return "", tx.Delete(s.Key)
	}
}

// onOracle is onTx on a map.
func (s step) onOracle(o *Oracle, readOnly bool) string {
	switch {
	case s.Kind == 3:
		return fmt.Sprint(o.Range(s.Key[:len(s.Key)/2], s.Key, s.Limit))
	case s.Kind == 0 || readOnly:
		value, ok := o.Get(s.Key)
		if !ok {
			return "none"
		}
		return "value " + value
	case s.Kind == 1:
		o.Put(s.Key, []byte(s.Value))
	default:
		o.Delete(s.Key)
	}
	return ""
}

// testWatchOracle: whoever follows a watch, and reads what it reports, ends
// with a copy of what is there, whatever was written at once.
func testWatchOracle(t *testing.T, open func(testing.TB) store.Store) {
	s := open(t)
	round := 0
	rapid.Check(t, func(r *rapid.T) {
		round++
		prefix := fmt.Sprintf("%06d/", round)
		w, err := s.Watch(context.Background(), prefix)
		if err != nil {
			r.Fatalf("Watch: %v", err)
		}
		defer w.Close()
		type result struct {
			copied *Oracle
			err    error
		}
		followed := make(chan result, 1)
		go func() {
			copied, err := follow(context.Background(), s, w, prefix)
			followed <- result{copied, err}
		}()
		workers := rapid.SliceOfN(rapid.SliceOfN(stepGenerator(), 1, 12), 1, 6).Draw(r, "workers")
		var wg sync.WaitGroup
		errs := make([]error, len(workers)+1)
		for i, steps := range workers {
			wg.Go(func() { errs[i] = writeEach(s, prefix, steps) })
		}
		wg.Wait()
		errs[len(workers)] = s.Update(context.Background(), func(tx store.Tx) error { return tx.Put(prefix+"end", nil) })
		if err := errors.Join(errs...); err != nil {
			w.Close()
			<-followed
			r.Fatalf("Update: %v", err)
		}
		got := <-followed
		if got.err != nil {
			r.Fatalf("following: %v", got.err)
		}
		var want []Record
		err = s.View(context.Background(), func(tx store.Tx) (err error) {
			want, err = Collect(tx, prefix, "", 0)
			return err
		})
		if diff := cmp.Diff(want, got.copied.Range("", "", 0)); diff != "" || err != nil {
			r.Fatalf("the follower's copy differs, %v (-want +got):\n%s", err, diff)
		}
	})
}

// writeEach does each step in a transaction of its own, under prefix.
func writeEach(s store.Store, prefix string, steps []step) error {
	var errs []error
	for _, step := range steps {
		step.Key = prefix + step.Key
		errs = append(errs, s.Update(context.Background(), func(tx store.Tx) error {
			_, err := step.onTx(tx, false)
			return err
		}))
	}
	return errors.Join(errs...)
}
