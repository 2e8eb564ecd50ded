package vp8

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/rtp/codecs"
)

func TestDescriptorAgainstPion(t *testing.T) {
	rows := []Descriptor{
		{Start: true, PictureID: 0, TL0: 0, TID: 0},
		{Start: true, PictureID: 0x7fff, TL0: 255, TID: 2, Sync: true, NonRef: true},
		{Start: false, PictureID: 128, TL0: 7, TID: 1},
	}
	for _, row := range rows {
		frame := make([]byte, 20)
		PutKeyHeader(frame, 320, 180)
		packet := append(row.Append(nil), frame...)
		var oracle codecs.VP8Packet
		if _, err := oracle.Unmarshal(packet); err != nil {
			t.Fatalf("%+v: pion refuses it: %v", row, err)
		}
		if oracle.PictureID != row.PictureID || oracle.TL0PICIDX != row.TL0 || oracle.TID != row.TID ||
			(oracle.Y == 1) != row.Sync || (oracle.S == 1) != row.Start || (oracle.N == 1) != row.NonRef {
			t.Errorf("%+v: pion reads %+v", row, oracle)
		}
		var got Descriptor
		n, err := got.Parse(packet)
		want := row
		want.HasPictureID, want.HasTL0, want.HasTID, want.Key = true, true, true, row.Start
		if err != nil || n != DescriptorSize {
			t.Fatalf("%+v: %d, %v", row, n, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

func TestParseOtherForms(t *testing.T) {
	rows := []struct {
		name    string
		payload []byte
		size    int
		want    Descriptor
	}{
		{"no extension", []byte{0x10, 0x01}, 1, Descriptor{Start: true}},
		{"7 bit picture id", []byte{0x90, 0x80, 0x7f, 0x00}, 3, Descriptor{Start: true, PictureID: 0x7f, HasPictureID: true, Key: true}},
		{"later partition", []byte{0x12, 0x00}, 1, Descriptor{}},
		{"key index only", []byte{0x80, 0x10, 0xff, 0x00}, 3, Descriptor{}},
	}
	for _, row := range rows {
		var got Descriptor
		n, err := got.Parse(row.payload)
		if err != nil || n != row.size {
			t.Errorf("%s: %d, %v, want %d", row.name, n, err, row.size)
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", row.name, diff)
		}
	}
	for _, short := range [][]byte{nil, {0x10}, {0x90, 0x80}, {0x90, 0x80, 0x81}, {0x90, 0x40}, {0x90, 0x20}, {0x90, 0xe0, 0x80, 1, 2, 3}} {
		if _, err := new(Descriptor).Parse(short); err == nil {
			t.Errorf("% x: no error", short)
		}
	}
}

func TestCut(t *testing.T) {
	frame := make([]byte, 20_000)
	for i := range frame {
		frame[i] = byte(i * 7)
	}
	for _, size := range []int{1, 2, 1167, 1168, 1169, 2336, 2337, 10_001, 20_000} {
		count := Packets(size)
		var joined []byte
		last := 0
		for i := range count {
			part := Cut(frame[:size], i, count)
			if len(part) < last || (i > 0 && len(part) > last+1) || len(part) > MaxPayload-DescriptorSize || len(part) == 0 {
				t.Errorf("size %d: part %d of %d has %d bytes after one of %d", size, i, count, len(part), last)
			}
			last = len(part)
			joined = append(joined, part...)
		}
		if !bytes.Equal(joined, frame[:size]) {
			t.Errorf("size %d: the parts aren't the frame", size)
		}
	}
}

func TestKeyHeader(t *testing.T) {
	frame := make([]byte, 4000)
	PutKeyHeader(frame, 1280, 720)
	want := []byte{0x10 | 0, 0x7d, 0x00, 0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02}
	if !bytes.Equal(frame[:KeyHeaderSize], want) {
		t.Errorf("% x, want % x", frame[:KeyHeaderSize], want)
	}
	PutDeltaHeader(frame)
	if frame[0]&1 != 1 {
		t.Error("a delta frame looks like a key frame")
	}
}

// SE-10.
func FuzzParse(f *testing.F) {
	f.Add((&Descriptor{Start: true, PictureID: 300, TID: 2}).Append(nil))
	f.Add([]byte{0x90, 0xf0, 0x81})
	f.Fuzz(func(t *testing.T, payload []byte) {
		var d Descriptor
		if n, err := d.Parse(payload); err == nil && (n < 1 || n >= len(payload)) {
			t.Fatalf("a descriptor of %d of %d bytes", n, len(payload))
		}
	})
}
