package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atriumrtc/atrium/control/store"
)

// newData makes a data folder with a data file that holds a record.
func newData(t *testing.T) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	path = filepath.Join(dir, "atrium.db")
	data, err := store.Open(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := data.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	err = data.Update(context.Background(), func(tx store.Tx) error { return tx.Put("demo", bytes.Repeat([]byte("x"), 20_000)) })
	if err != nil {
		t.Fatal(err)
	}
	return dir, path
}

func TestStoreCheckAndBackup(t *testing.T) {
	dir, path := newData(t)
	backup := filepath.Join(dir, "monday.backup")
	empty := t.TempDir()
	for _, row := range []struct {
		name      string
		args      []string
		code      int
		out, errs string // parts
	}{
		{"store alone", []string{"store"}, 2, "", "atrium store check"},
		{"two files", []string{"store", "check", "a", "b"}, 2, "", "one file"},
		{"check a file", []string{"store", "check", path}, 0, path + ": sound: 1 records of 20004 bytes", ""},
		{"check the configured file", []string{"store", "check", "--data-dir", dir}, 0, path + ": sound", ""},
		{"check nothing", []string{"store", "check", path + "x"}, 1, "", path + "x: no such file"},
		{"check with a bad configuration", []string{"store", "check", "--config", path + "x"}, 78, "", "no such file"},
		{"backup alone", []string{"backup", "--data-dir", dir}, 2, "", "--out FILE"},
		{"backup", []string{"backup", "--data-dir", dir, "--out", backup}, 0, backup + ": sound: 1 records", ""},
		{"backup again", []string{"backup", "--data-dir", dir, "--out", backup}, 0, backup + ": sound: 1 records", ""},
		{"check the backup", []string{"store", "check", backup}, 0, backup + ": sound: 1 records", ""},
		{"backup onto the data file", []string{"backup", "--data-dir", dir, "--out", path}, 1, "", "another name"},
		{"backup of nothing", []string{"backup", "--data-dir", empty, "--out", backup}, 1, "", "--data-dir"},
	} {
		code, out, errs := invoke(row.args...)
		if code != row.code || !strings.Contains(out, row.out) || !strings.Contains(errs, row.errs) {
			t.Errorf("%s: exit code %d, want %d\nstdout %q, want %q\nstderr %q, want %q", row.name, code, row.code, out, row.out, errs, row.errs)
		}
	}
	if entries, err := os.ReadDir(empty); err != nil || len(entries) != 0 {
		t.Errorf("a backup of nothing made %v, %v", entries, err)
	}
}

// R-SE-13: a corrupt file is refused by every command, which names the backup
// and leaves the file as it is.
func TestCorruptDataFile(t *testing.T) {
	dir, path := newData(t)
	backup := filepath.Join(dir, "monday.backup")
	if code, _, errs := invoke("backup", "--data-dir", dir, "--out", backup); code != 0 {
		t.Fatal(errs)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data = bytes.Replace(data, []byte("xxxxxxxx"), []byte("xxxyxxxx"), 1)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"store", "check", path},
		{"backup", "--data-dir", dir, "--out", filepath.Join(dir, "tuesday.backup")},
		{"admin", "create-organisation", "--data-dir", dir, "Clinic"},
	} {
		code, out, errs := invoke(args...)
		if code != exitFailure || out != "" || !strings.Contains(errs, path) || !strings.Contains(errs, backup) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: exit code %d, stdout %q, stderr %q", args, code, out, errs)
		}
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, data) {
		t.Errorf("the corrupt file was altered: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "tuesday.backup")); err == nil {
		t.Error("a corrupt file was backed up")
	}
	if err := os.Rename(backup, path); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := invoke("store", "check", "--data-dir", dir); code != 0 || !strings.Contains(out, "1 records") {
		t.Errorf("the restored backup: exit code %d, %q, %q", code, out, errs)
	}
}
