package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/atriumrtc/atrium/control/store"
	"github.com/atriumrtc/atrium/control/store/storetest"
)

// sound returns a data file's bytes and its records. It has branch pages,
// values longer than a page, and free pages.
func sound(t *testing.T) ([]byte, []storetest.Record) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data")
	b := open(t, path)
	for round := range 6 {
		err := b.Update(context.Background(), func(tx store.Tx) error {
			for i := range 150 {
				key := fmt.Sprintf("record/%03d/%d", i, round)
				if err := tx.Put(key, bytes.Repeat([]byte{byte(i)}, i*(1+i%7))); err != nil {
					return err
				}
				if err := tx.Delete(fmt.Sprintf("record/%03d/%d", i, round-2)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	want, err := records(b)
	if err := errors.Join(err, b.Close()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// The file ends with room to grow, of which no damage would be seen.
	used := len(bytes.TrimRight(data, "\x00"))
	return data[:(used+page-1)/page*page], want
}

const page = 4096 // a multiple of the page's size where that is smaller

// checkDamaged opens a damaged copy: it must be refused and left as it is, or
// hold just what was written.
func checkDamaged(t *testing.T, path, what string, data []byte, want []storetest.Record) (refused bool) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := store.Open(path, store.Options{})
	if err != nil {
		if !errors.Is(err, store.ErrCorrupt) && !errors.Is(err, store.ErrForeign) && !errors.Is(err, store.ErrSchema) {
			t.Errorf("%s: %v", what, err)
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the message has several lines: %q", what, err)
		}
		if after, _ := os.ReadFile(path); !bytes.Equal(after, data) {
			t.Errorf("%s: the refused file was altered", what)
		}
		return true
	}
	got, err := records(b)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%s: opened with %d records, %v; want %d", what, len(got), err, len(want))
	}
	// It must also take writes without harm: a damaged free list shows then.
	put(t, b, "later", strings.Repeat("x", 9000))
	if err := b.Close(); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	b, err = store.Open(path, store.Options{})
	if err != nil {
		t.Errorf("%s: reopened after a write: %v", what, err)
		return false
	}
	_ = b.Close()
	return false
}

// R-SE-13: no damage makes Open panic, rewrite the file, or lose a record
// unnoticed.
func TestDamagedFile(t *testing.T) {
	data, want := sound(t)
	path := filepath.Join(t.TempDir(), "data")
	if checkDamaged(t, path, "undamaged", data, want) {
		t.Fatal("a sound file was refused")
	}
	random := rand.New(rand.NewPCG(1, 2))
	rows := []struct {
		name   string
		rounds int
		damage func([]byte) []byte
	}{
		{"zeroed page", 40, func(d []byte) []byte {
			at := random.IntN(len(d)/page) * page
			clear(d[at : at+page])
			return d
		}},
		{"truncated", 40, func(d []byte) []byte { return d[:random.IntN(len(d))] }},
		{"flipped bit", 80, func(d []byte) []byte {
			d[random.IntN(len(d))] ^= 1 << random.IntN(8)
			return d
		}},
		{"flipped bit of a page header", 60, func(d []byte) []byte {
			at := random.IntN(len(d)/page)*page + random.IntN(48)
			d[at] ^= 1 << random.IntN(8)
			return d
		}},
		{"swapped pages", 20, func(d []byte) []byte {
			a, b := random.IntN(len(d)/page)*page, random.IntN(len(d)/page)*page
			for i := range page {
				d[a+i], d[b+i] = d[b+i], d[a+i]
			}
			return d
		}},
		{"random page", 20, func(d []byte) []byte {
			at := random.IntN(len(d)/page) * page
			for i := range page {
				d[at+i] = byte(random.Uint32())
			}
			return d
		}},
	}
	for _, row := range rows {
		refused := 0
		for i := range row.rounds {
			what := fmt.Sprintf("%s, round %d", row.name, i)
			if checkDamaged(t, path, what, row.damage(bytes.Clone(data)), want) {
				refused++
			}
		}
		// Damage to free pages and to the unused ends of pages harms nothing.
		if refused == 0 {
			t.Errorf("%s: none of %d was noticed", row.name, row.rounds)
		}
	}
}

// Every bit of both meta pages matters, or opening would go back a
// transaction in silence.
func TestDamagedMeta(t *testing.T) {
	data, want := sound(t)
	path := filepath.Join(t.TempDir(), "data")
	for _, base := range []int{0, os.Getpagesize()} {
		for offset := 16; offset < 16+64; offset++ {
			damaged := bytes.Clone(data)
			damaged[base+offset] ^= 0x10
			if !checkDamaged(t, path, fmt.Sprintf("meta byte %d", base+offset), damaged, want) {
				t.Errorf("a damaged meta page, byte %d, was not noticed", base+offset)
			}
		}
	}
}
