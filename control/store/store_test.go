package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"github.com/atriumrtc/atrium/control/store"
	"github.com/atriumrtc/atrium/control/store/storetest"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		os.Exit(child(path))
	}
	if dir := os.Getenv(childDisk); dir != "" {
		os.Exit(childOnDisk(dir))
	}
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, path string) *store.Bolt {
	t.Helper()
	b, err := store.Open(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t testing.TB) store.Store {
		return open(t, filepath.Join(t.TempDir(), "data"))
	})
}

func put(t testing.TB, s store.Store, key, value string) {
	t.Helper()
	err := s.Update(context.Background(), func(tx store.Tx) error { return tx.Put(key, []byte(value)) })
	if err != nil {
		t.Fatal(err)
	}
}

// records reads everything.
func records(s store.Store) ([]storetest.Record, error) {
	var out []storetest.Record
	err := s.View(context.Background(), func(tx store.Tx) (err error) {
		out, err = storetest.Collect(tx, "", "", 0)
		return err
	})
	return out, err
}

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	b := open(t, path)
	put(t, b, "a", "1")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := records(open(t, path))
	if err != nil || len(got) != 1 || got[0].Value != "1" {
		t.Errorf("after reopening: %v, %v", got, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("creation left something behind: %v, %v", entries, err)
	}
}

// A second process (here: a second Open, which flock treats alike) is told in
// one sentence.
func TestLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	open(t, path)
	_, err := store.Open(path, store.Options{LockTimeout: 50 * time.Millisecond})
	if !errors.Is(err, store.ErrLocked) {
		t.Fatalf("Open of an open file: %v", err)
	}
	if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "stop the other") {
		t.Errorf("the message doesn't say what to do: %v", err)
	}
}

func TestOpenBadPaths(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	foreign := filepath.Join(dir, "foreign.db")
	db, err := bbolt.Open(foreign, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte("theirs"))
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, path string
		want       error
		says       string
	}{
		{"empty", write("empty", "", 0o600), store.ErrCorrupt, "empty"},
		{"text", write("text", strings.Repeat("hello\n", 2000), 0o600), store.ErrForeign, "path of an Atrium data file"},
		{"short", write("short", "x", 0o600), store.ErrForeign, "path of an Atrium data file"},
		{"another program's bbolt", foreign, store.ErrForeign, "another program"},
		{"directory", dir, nil, "is a directory"},
		{"no directory", filepath.Join(dir, "none", "data"), nil, "directory must exist"},
		{"through a file", filepath.Join(foreign, "data"), nil, "not a directory"},
	} {
		before, _ := os.ReadFile(row.path)
		_, err := store.Open(row.path, store.Options{})
		if err == nil || row.want != nil && !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: error %q, want %v saying %q", row.name, err, row.want, row.says)
		}
		if after, _ := os.ReadFile(row.path); string(before) != string(after) {
			t.Errorf("%s: the file was altered", row.name)
		}
	}
}

// A full disk: writes fail with ErrFull, reads go on (SE-13).
func TestFull(t *testing.T) {
	b, err := store.Open(filepath.Join(t.TempDir(), "data"), store.Options{MaxSize: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	put(t, b, "first", "1")
	for i := 0; err == nil && i < 100; i++ {
		err = b.Update(context.Background(), func(tx store.Tx) error {
			return tx.Put(fmt.Sprint("big", i), make([]byte, 64<<10))
		})
	}
	if !errors.Is(err, store.ErrFull) {
		t.Fatalf("writing beyond the end: %v", err)
	}
	if got, err := records(b); err != nil || got[len(got)-1].Key != "first" {
		t.Errorf("reading when full: %d records, %v", len(got), err)
	}
}
