package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// increment adds one to x and y, and appends a record.
func increment(s store.Store) error {
	return s.Update(context.Background(), func(tx store.Tx) error {
		data, err := tx.Get("x")
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		n, _ := strconv.Atoi(string(data))
		value := []byte(strconv.Itoa(n + 1))
		return errors.Join(tx.Put("x", value), tx.Put("y", value), tx.Put(fmt.Sprintf("log/%06d", n+1), make([]byte, 500)))
	})
}

// counted returns x, after checking that it fits y and the log.
func counted(t *testing.T, s store.Store) int {
	t.Helper()
	got, err := records(s)
	if err != nil {
		t.Fatal(err)
	}
	n := len(got) - 2
	if got[n].Value != strconv.Itoa(n) || got[n+1].Value != strconv.Itoa(n) {
		t.Errorf("%d records in the log, and the counters say %s and %s", n, got[n].Value, got[n+1].Value)
	}
	return n
}

// Backups are consistent and sound while writers go on, and hold what was
// acknowledged before they began.
func TestBackup(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "data"))
	if err := increment(b); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := increment(b); err != nil {
					t.Errorf("Update: %v", err)
					return
				}
			}
		})
	}
	path := filepath.Join(t.TempDir(), "atrium.backup")
	for range 10 {
		before := counted(t, b)
		report, err := b.BackupFile(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		after := counted(t, b)
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("mode %v, %v; want 0600", info.Mode(), err)
		}
		again, err := store.Check(path)
		if err != nil || again != report || report.Used != info.Size() {
			t.Errorf("Check: %+v, %v; BackupFile said %+v of %d bytes", again, err, report, info.Size())
		}
		restored := open(t, path)
		if n := counted(t, restored); n < before || n > after || report.Records != uint64(n+2) {
			t.Errorf("the backup holds %d of %d to %d, and says %d", n, before, after, report.Records-2)
		}
		if err := errors.Join(increment(restored), restored.Close()); err != nil {
			t.Errorf("writing to a restored backup: %v", err)
		}
	}
	stop()
	wg.Wait()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("more than the backup is left: %v, %v", entries, err)
	}
}

// A backup whose receiver has stalled delays no transaction, and holds the
// state it began with.
func TestBackupStalled(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "data"))
	for range 20 {
		if err := increment(b); err != nil {
			t.Fatal(err)
		}
	}
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- errors.Join(b.Backup(t.Context(), w), w.Close()) }()
	first := make([]byte, 1)
	if _, err := io.ReadFull(r, first); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if err := increment(b); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "backup")
	_, err := store.WriteBackup(path, func(w io.Writer) error {
		_, err := io.Copy(w, io.MultiReader(bytes.NewReader(first), r))
		return err
	})
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	if n := counted(t, open(t, path)); n != 20 {
		t.Errorf("the backup holds %d, want the 20 it began with", n)
	}
}

func TestBackupGivenUp(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "data"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Backup(ctx, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("Backup with an ended context: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.Backup(t.Context(), io.Discard); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Backup of a closed store: %v", err)
	}
}

// What is no whole, sound copy never stands under the backup's name, and
// leaves the older one there.
func TestWriteBackupRefuses(t *testing.T) {
	dir := t.TempDir()
	b := open(t, filepath.Join(dir, "data"))
	put(t, b, "a", "1")
	var whole bytes.Buffer
	if err := b.Backup(t.Context(), &whole); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "backup")
	copyOf := func(data []byte) func(io.Writer) error {
		return func(w io.Writer) error { _, err := w.Write(data); return err }
	}
	if _, err := store.WriteBackup(path, copyOf(whole.Bytes())); err != nil {
		t.Fatal(err)
	}
	own := errors.New("own")
	for _, row := range []struct {
		name, path string
		write      func(io.Writer) error
		want       error
		says       string
	}{
		{"cut short", path, copyOf(whole.Bytes()[:whole.Len()-1]), store.ErrCorrupt, "cut short"},
		{"nothing", path, copyOf(nil), store.ErrCorrupt, "empty"},
		{"the sender's error", path, func(io.Writer) error { return own }, own, path},
		{"a directory", dir, copyOf(whole.Bytes()), nil, "another name"},
		{"no directory", filepath.Join(dir, "none", "backup"), copyOf(whole.Bytes()), os.ErrNotExist, "directory must exist"},
	} {
		_, err := store.WriteBackup(row.path, row.write)
		if err == nil || row.want != nil && !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: error %q, want %v saying %q", row.name, err, row.want, row.says)
		}
	}
	if _, err := b.BackupFile(t.Context(), b.Path()); err == nil || !strings.Contains(err.Error(), "the data file itself") {
		t.Errorf("a backup in place of the data file: %v", err)
	}
	if data, err := os.ReadFile(path); err != nil || !bytes.Equal(data, whole.Bytes()) {
		t.Errorf("the older backup was not kept: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("drafts are left: %v, %v", entries, err)
	}
}

// Check reads without writing, and not while a server has the file.
func TestCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	b := open(t, path)
	put(t, b, "a", "12345")
	if _, err := store.Check(path); !errors.Is(err, store.ErrLocked) {
		t.Errorf("Check of an open file: %v", err)
	}
	if err := errors.Join(b.Close(), os.Chmod(path, 0o400)); err != nil {
		t.Fatal(err)
	}
	report, err := store.Check(path)
	if err != nil || report.Records != 1 || report.Bytes != 6 || report.Used < report.Free || report.Version == 0 {
		t.Errorf("Check: %+v, %v", report, err)
	}
	for _, missing := range []string{path + "x", filepath.Dir(path)} {
		if _, err := store.Check(missing); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("Check of %s: %v", missing, err)
		}
	}
	if _, err := os.Stat(path + "x"); err == nil {
		t.Error("Check created a file")
	}
}

// R-SE-13: who refuses a corrupt file says which backup to use, or how one is
// made.
func TestCorruptNamesBackup(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "data")
	data, _ := sound(t)
	data[len(data)/2] ^= 0xff
	clear(data[2*os.Getpagesize() : 4*os.Getpagesize()])
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(path, store.Options{})
	if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), "`atrium backup`") {
		t.Errorf("without a backup: %v", err)
	}
	now := time.Now()
	for i, name := range []string{"data.backup", "data-2.backup", ".data-3.backup", "other"} {
		file := filepath.Join(dir, name)
		at := now.Add(time.Duration(i) * time.Minute)
		if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Chtimes(file, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "zz.backup"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, opened := store.Open(path, store.Options{})
	_, checked := store.Check(path)
	for _, err := range []error{opened, checked} {
		if want := "atrium store check " + filepath.Join(dir, "data-2.backup"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
