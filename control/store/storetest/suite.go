package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atriumrtc/atrium/control/store"
)

// Run checks an engine. open returns an empty store that lives until the test
// ends.
func Run(t *testing.T, open func(testing.TB) store.Store) {
	for _, row := range []struct {
		name string
		test func(*testing.T, store.Store)
	}{
		{"Records", testRecords},
		{"Range", testRange},
		{"Limits", testLimits},
		{"Rollback", testRollback},
		{"OwnWrites", testOwnWrites},
		{"Isolation", testIsolation},
		{"Serialisable", testSerialisable},
		{"Copies", testCopies},
		{"EndedTx", testEndedTx},
		{"ReadOnly", testReadOnly},
		{"Context", testContext},
		{"Close", testClose},
		{"Company", testCompany},
		{"Goexit", testGoexit},
		{"Watch", testWatch},
		{"WatchNothing", testWatchNothing},
		{"WatchSlow", testWatchSlow},
		{"WatchLost", testWatchLost},
		{"WatchEnd", testWatchEnd},
		{"WatchClose", testWatchClose},
	} {
		t.Run(row.name, func(t *testing.T) { row.test(t, open(t)) })
	}
	t.Run("Oracle", func(t *testing.T) { testOracle(t, open) })
	t.Run("History", func(t *testing.T) { testHistory(t, open) })
	t.Run("WatchOracle", func(t *testing.T) { testWatchOracle(t, open) })
}

func update(t *testing.T, s store.Store, fn func(store.Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func view(t *testing.T, s store.Store, fn func(store.Tx) error) {
	t.Helper()
	if err := s.View(context.Background(), fn); err != nil {
		t.Fatalf("View: %v", err)
	}
}

// put writes keys, each with itself as value.
func put(t *testing.T, s store.Store, keys ...string) {
	t.Helper()
	update(t, s, func(tx store.Tx) error {
		for _, key := range keys {
			if err := tx.Put(key, []byte(key)); err != nil {
				return err
			}
		}
		return nil
	})
}

// wantKeys fails unless the store holds just these keys, in order.
func wantKeys(t *testing.T, s store.Store, want ...string) {
	t.Helper()
	var got []string
	view(t, s, func(tx store.Tx) error {
		records, err := Collect(tx, "", "", 0)
		for _, r := range records {
			got = append(got, r.Key)
		}
		return err
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func testRecords(t *testing.T, s store.Store) {
	view(t, s, func(tx store.Tx) error {
		if _, err := tx.Get("a"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Get of an unknown key: %v", err)
		}
		return nil
	})
	put(t, s, "b", "a")
	update(t, s, func(tx store.Tx) error {
		return errors.Join(tx.Put("empty", nil), tx.Put("a", []byte("new")), tx.Delete("never was"))
	})
	view(t, s, func(tx store.Tx) error {
		for key, want := range map[string]string{"a": "new", "b": "b", "empty": ""} {
			if got, err := tx.Get(key); err != nil || string(got) != want {
				t.Errorf("Get(%q) = %q, %v; want %q", key, got, err, want)
			}
		}
		return nil
	})
	update(t, s, func(tx store.Tx) error { return tx.Delete("a") })
	wantKeys(t, s, "b", "empty")
}

func testRange(t *testing.T, s store.Store) {
	put(t, s, "room/1", "room/2", "room/2/x", "room/3", "rooms", "roon", "a", "\xff", "\xff\xff")
	for _, row := range []struct {
		prefix, after string
		limit         int
		want          string
	}{
		{"room/", "", 0, "room/1 room/2 room/2/x room/3"},
		{"room/", "room/1", 0, "room/2 room/2/x room/3"},
		{"room/", "room/2", 2, "room/2/x room/3"},
		{"room/", "room/11", 1, "room/2"},
		{"room/", "room/3", 0, ""},
		{"room/", "zzz", 0, ""},
		{"room/", "a", 1, "room/1"},
		{"\xff", "", 0, "\xff \xff\xff"},
		{"\xff", "\xff", 0, "\xff\xff"},
		{"nothing", "", 0, ""},
		{"", "rooms", 1, "roon"},
	} {
		view(t, s, func(tx store.Tx) error {
			records, err := Collect(tx, row.prefix, row.after, row.limit)
			var keys []string
			for _, r := range records {
				keys = append(keys, r.Key)
			}
			if got := strings.Join(keys, " "); got != row.want {
				t.Errorf("Range(%q, %q), %d at most: %q, want %q", row.prefix, row.after, row.limit, got, row.want)
			}
			return err
		})
	}
	own := errors.New("own")
	err := s.View(context.Background(), func(tx store.Tx) error {
		return tx.Range("", "", func(string, []byte) error { return own })
	})
	if !errors.Is(err, own) {
		t.Errorf("Range returned %v in place of the visitor's error", err)
	}
}

func testLimits(t *testing.T, s store.Store) {
	longest := strings.Repeat("k", store.MaxKey)
	for _, row := range []struct {
		key   string
		value int
		want  error
	}{
		{"", 0, store.ErrLimit},
		{longest, store.MaxValue, nil},
		{longest + "k", 0, store.ErrLimit},
		{"v", store.MaxValue + 1, store.ErrLimit},
	} {
		err := s.Update(context.Background(), func(tx store.Tx) error {
			return tx.Put(row.key, make([]byte, row.value))
		})
		if !errors.Is(err, row.want) {
			t.Errorf("Put of %d bytes of key, %d of value: %v, want %v", len(row.key), row.value, err, row.want)
		}
	}
	view(t, s, func(tx store.Tx) error {
		if _, err := tx.Get(""); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Get of the empty key: %v", err)
		}
		if got, err := tx.Get(longest); err != nil || len(got) != store.MaxValue {
			t.Errorf("the longest record: %d bytes, %v", len(got), err)
		}
		return nil
	})
}

func testRollback(t *testing.T, s store.Store) {
	put(t, s, "a")
	own := errors.New("own")
	err := s.Update(context.Background(), func(tx store.Tx) error {
		if err := errors.Join(tx.Put("b", nil), tx.Delete("a")); err != nil {
			return err
		}
		return own
	})
	if !errors.Is(err, own) {
		t.Errorf("Update returned %v in place of its function's error", err)
	}
	wantKeys(t, s, "a")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("Update swallowed a panic")
			}
		}()
		_ = s.Update(context.Background(), func(tx store.Tx) error {
			_ = tx.Put("c", nil)
			panic("own")
		})
	}()
	wantKeys(t, s, "a")
	put(t, s, "d") // nothing is left locked
}

func testOwnWrites(t *testing.T, s store.Store) {
	put(t, s, "a", "b")
	update(t, s, func(tx store.Tx) error {
		if err := errors.Join(tx.Put("c", []byte("1")), tx.Delete("a")); err != nil {
			return err
		}
		got, err := Collect(tx, "", "", 0)
		if diff := cmp.Diff([]Record{{"b", "b"}, {"c", "1"}}, got); diff != "" {
			t.Errorf("a transaction doesn't see its own writes (-want +got):\n%s", diff)
		}
		if _, err := tx.Get("a"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Get of what was just deleted: %v", err)
		}
		return err
	})
}

// testIsolation: a View that began before an Update sees nothing of it.
func testIsolation(t *testing.T, s store.Store) {
	put(t, s, "a")
	began, written := make(chan struct{}), make(chan struct{})
	var after []Record
	var wg sync.WaitGroup
	wg.Go(func() {
		err := s.View(context.Background(), func(tx store.Tx) (err error) {
			if _, err := tx.Get("a"); err != nil {
				return err
			}
			close(began)
			<-written
			after, err = Collect(tx, "", "", 0)
			return err
		})
		if err != nil {
			t.Errorf("View: %v", err)
		}
	})
	<-began
	put(t, s, "b")
	close(written)
	wg.Wait()
	if diff := cmp.Diff([]Record{{"a", "a"}}, after); diff != "" {
		t.Errorf("a View changed while it ran (-want +got):\n%s", diff)
	}
}

// testSerialisable: concurrent read-modify-writes lose no increment, and
// readers never see the two counters differ.
func testSerialisable(t *testing.T, s store.Store) {
	const writers, rounds = 4, 25
	var wg sync.WaitGroup
	increment := func(tx store.Tx, key string) error {
		data, err := tx.Get(key)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		n, _ := strconv.Atoi(string(data))
		return tx.Put(key, []byte(strconv.Itoa(n+1)))
	}
	for range writers {
		wg.Go(func() {
			for range rounds {
				err := s.Update(context.Background(), func(tx store.Tx) error {
					return errors.Join(increment(tx, "x"), increment(tx, "y"))
				})
				if err != nil {
					t.Errorf("Update: %v", err)
				}
			}
		})
		wg.Go(func() {
			for range rounds {
				err := s.View(context.Background(), func(tx store.Tx) error {
					x, _ := tx.Get("x")
					y, _ := tx.Get("y")
					if !bytes.Equal(x, y) {
						return fmt.Errorf("half a transaction is visible: %s and %s", x, y)
					}
					return nil
				})
				if err != nil {
					t.Errorf("View: %v", err)
				}
			}
		})
	}
	wg.Wait()
	view(t, s, func(tx store.Tx) error {
		if got, _ := tx.Get("x"); string(got) != strconv.Itoa(writers*rounds) {
			t.Errorf("%d increments gave %s", writers*rounds, got)
		}
		return nil
	})
}

// testCopies: nobody's buffer is shared with the store.
func testCopies(t *testing.T, s store.Store) {
	value := []byte("value")
	var got []byte
	update(t, s, func(tx store.Tx) error {
		if err := tx.Put("a", value); err != nil {
			return err
		}
		value[0] = 'X'
		var err error
		got, err = tx.Get("a")
		return err
	})
	got[1] = 'X'
	view(t, s, func(tx store.Tx) error {
		again, err := tx.Get("a")
		if string(again) != "value" {
			t.Errorf("the stored value became %q", again)
		}
		return err
	})
}
