package store

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestRecordChecksum(t *testing.T) {
	stored := encodeRecord("key", []byte("value"))
	if got, err := decodeRecord("key", stored); err != nil || string(got) != "value" {
		t.Fatalf("decoded %q, %v", got, err)
	}
	for _, row := range []struct {
		name, key string
		stored    []byte
	}{
		{"another key", "kez", stored},
		{"a shifted boundary", "keyv", append(bytes.Clone(stored[:4]), "alue"...)},
		{"cut", "key", stored[:len(stored)-1]},
		{"no checksum", "key", stored[:3]},
		{"nothing", "key", nil},
	} {
		if _, err := decodeRecord(row.key, row.stored); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

func TestSummary(t *testing.T) {
	var a, b summary
	one, two := encodeRecord("1", []byte("x")), encodeRecord("2", []byte("y"))
	a.add("1", one)
	a.add("2", two)
	b.add("2", two)
	b.add("1", one)
	if a != b {
		t.Error("the digest depends on the order")
	}
	got, err := decodeSummary(a.encode())
	if err != nil || got != a {
		t.Errorf("decoded %v, %v; want %v", got, err, a)
	}
	a.remove("1", one)
	a.remove("2", two)
	if a != (summary{}) {
		t.Errorf("after removing everything: %v", a)
	}
	if _, err := decodeSummary([]byte("short")); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a short summary: %v", err)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add("key", encodeRecord("key", []byte("value")))
	f.Add("", []byte{})
	f.Fuzz(func(t *testing.T, key string, stored []byte) {
		value, err := decodeRecord(key, stored)
		if err == nil && !bytes.Equal(encodeRecord(key, value), stored) {
			t.Errorf("decoding %x under %q isn't the reverse of encoding", stored, key)
		}
	})
}

// FuzzFile: verify reads anything without panicking or running away.
func FuzzFile(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte(strings.Repeat("\x00", 8192)))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := verify(bytes.NewReader(data), int64(len(data)))
		if err == nil && len(data) < 2*pageHeader {
			t.Error("a file without pages passed")
		}
	})
}

// FuzzPages goes past the checksums of the meta pages: whatever the trees of
// a file are, walking them ends.
func FuzzPages(f *testing.F) {
	f.Add([]byte(strings.Repeat("\x03\x00\x00\x00", 400)), uint64(2))
	f.Fuzz(func(t *testing.T, data []byte, root uint64) {
		const size = 512
		r := &pageReader{
			file:    bytes.NewReader(data),
			meta:    meta{pageSize: size, root: root, freelist: 3, pages: uint64(len(data) / size)},
			visited: make(map[uint64]bool),
		}
		items := 0
		err := r.walk(root, func(it item) error {
			if items++; items > len(data) {
				t.Fatal("more items than bytes")
			}
			return r.walkBucket(it, func(item) error { return nil })
		})
		if errors.Is(err, io.EOF) {
			t.Errorf("read beyond the file: %v", err)
		}
		_, _ = r.checkFreelist()
	})
}
