package codec

import (
	"bytes"
	"errors"
	"testing"

	"github.com/pion/rtp/codecs"
)

// keyFrame is the uncompressed header of a 640 × 360 key frame.
var keyFrame = []byte{0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x42, 0x68, 0xC1}

func with(b []byte, rest ...byte) []byte { return append(bytes.Clone(b), rest...) }

func TestParseVP8(t *testing.T) {
	tests := []struct {
		name string
		in   []byte
		want VP8
		err  error
	}{
		{"empty", nil, VP8{}, ErrShort},
		{"one byte", []byte{0x00}, VP8{Size: 1}, nil},
		{"start of an inter frame", []byte{0x10, 0x01}, VP8{Size: 1, FrameStart: true}, nil},
		{"start of partition 1", []byte{0x11, 0x00}, VP8{Size: 1}, nil},
		{"start without a body", []byte{0x10}, VP8{Size: 1, FrameStart: true}, nil},
		{"key frame", append([]byte{0x10}, keyFrame...),
			VP8{Size: 1, FrameStart: true, KeyFrame: true, Width: 640, Height: 360}, nil},
		{"key frame cut short", append([]byte{0x10}, keyFrame[:9]...), VP8{Size: 1, FrameStart: true, KeyFrame: true}, nil},
		{"key frame without a start code", with([]byte{0x10}, make([]byte, 10)...),
			VP8{Size: 1, FrameStart: true, KeyFrame: true}, nil},
		{"middle of a key frame", append([]byte{0x00}, keyFrame...), VP8{Size: 1}, nil},
		{"extension cut off", []byte{0x90}, VP8{}, ErrShort},
		{"empty extension", []byte{0x80, 0x00}, VP8{Size: 2}, nil},
		{"narrow picture id", []byte{0x80, 0x80, 0x7F}, VP8{Size: 3, HasPictureID: true, PictureID: 127}, nil},
		{"narrow picture id cut off", []byte{0x80, 0x80}, VP8{}, ErrShort},
		{"wide picture id", []byte{0x80, 0x80, 0xFF, 0xFE}, VP8{Size: 4, HasPictureID: true, Wide: true, PictureID: 0x7FFE}, nil},
		{"wide picture id cut off", []byte{0x80, 0x80, 0xFF}, VP8{}, ErrShort},
		{"tl0", []byte{0x80, 0x40, 0xFF}, VP8{Size: 3, HasTL0: true, TL0: 255}, nil},
		{"tl0 cut off", []byte{0x80, 0x40}, VP8{}, ErrShort},
		{"tid 2, sync", []byte{0x80, 0x20, 0xA0}, VP8{Size: 3, HasTID: true, TID: 2, Sync: true}, nil},
		{"tid cut off", []byte{0x80, 0x20}, VP8{}, ErrShort},
		{"key index only", []byte{0x80, 0x10, 0xFF}, VP8{Size: 3}, nil},
		{"key index cut off", []byte{0x80, 0x10}, VP8{}, ErrShort},
		{"as browsers send it", append([]byte{0x90, 0xE0, 0x80, 0x05, 0x09, 0x40}, 0x01),
			VP8{Size: 6, HasPictureID: true, Wide: true, PictureID: 5, HasTL0: true, TL0: 9, HasTID: true, TID: 1, FrameStart: true}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseVP8(tt.in)
			if !errors.Is(err, tt.err) || got != tt.want {
				t.Errorf("got %+v, %v; want %+v, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestVP8Rewrite(t *testing.T) {
	tests := []struct {
		name      string
		in        []byte
		pictureID uint16
		tl0       uint8
		want      []byte
	}{
		{"nothing to rewrite", []byte{0x10, 1}, 300, 9, []byte{0x10}},
		{"narrow", []byte{0x80, 0x80, 5, 1}, 300, 9, []byte{0x80, 0x80, 300 & 0x7F}},
		{"wide", []byte{0x80, 0x80, 0x80, 5, 1}, 0x7FFF, 9, []byte{0x80, 0x80, 0xFF, 0xFF}},
		{"wide, above 15 bits", []byte{0x80, 0x80, 0x80, 5, 1}, 0x8001, 9, []byte{0x80, 0x80, 0x80, 0x01}},
		{"tl0 only", []byte{0x80, 0x40, 5, 1}, 300, 9, []byte{0x80, 0x40, 9}},
		{"all", []byte{0x90, 0xF0, 0x80, 5, 6, 0x65, 1}, 300, 9, []byte{0x90, 0xF0, 0x81, 0x2C, 9, 0x65}},
		{"narrow, tl0 and tid", []byte{0x90, 0xE0, 5, 6, 0x60, 1}, 300, 9, []byte{0x90, 0xE0, 0x2C, 9, 0x60}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := ParseVP8(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			dst := make([]byte, 8)
			n := d.Rewrite(dst, tt.in, tt.pictureID, tt.tl0)
			if !bytes.Equal(dst[:n], tt.want) {
				t.Errorf("got %x, want %x", dst[:n], tt.want)
			}
			if n := d.Rewrite(dst[:d.Size-1], tt.in, 1, 1); n != 0 {
				t.Errorf("wrote %d bytes into too little room", n)
			}
			if n := d.Rewrite(dst, tt.in[:d.Size-1], 1, 1); n != 0 {
				t.Errorf("wrote %d bytes of too short a payload", n)
			}
		})
	}
}

// FuzzParseVP8 (SE-10) takes pion's depacketizer as the oracle, and checks
// that a rewritten descriptor reads as what was asked for.
func FuzzParseVP8(f *testing.F) {
	f.Add([]byte{0x10, 0x01}, uint16(1), uint8(2))
	f.Add([]byte{0x90, 0xF0, 0x80, 5, 6, 0x65, 1}, uint16(300), uint8(9))
	f.Add(append([]byte{0x10}, keyFrame...), uint16(0), uint8(0))
	f.Fuzz(func(t *testing.T, b []byte, pictureID uint16, tl0 uint8) {
		d, err := ParseVP8(b)
		var p codecs.VP8Packet
		if _, oracle := p.Unmarshal(b); oracle == nil {
			if err != nil {
				t.Fatalf("refused what the oracle accepts: %v", err)
			}
			compareVP8(t, d, &p)
		}
		if err != nil {
			return
		}
		dst := make([]byte, len(b))
		if n := d.Rewrite(dst, b, pictureID, tl0); n != d.Size {
			t.Fatalf("wrote %d of %d bytes", n, d.Size)
		}
		copy(dst[d.Size:], b[d.Size:])
		got, err := ParseVP8(dst)
		want := d
		if d.HasPictureID {
			want.PictureID = pictureID & maskNarrow
			if d.Wide {
				want.PictureID = pictureID & maskWide
			}
		}
		if d.HasTL0 {
			want.TL0 = tl0
		}
		if err != nil || got != want {
			t.Fatalf("rewritten %+v, %v; want %+v", got, err, want)
		}
		var w VP8Rewriter
		w.Map(d)
		w.DropFrame(d)
	})
}

func compareVP8(t *testing.T, d VP8, p *codecs.VP8Packet) {
	t.Helper()
	if d.HasPictureID != (p.I == 1) || d.HasTL0 != (p.L == 1) || d.HasTID != (p.T == 1) ||
		d.FrameStart != (p.S == 1 && p.PID == 0) {
		t.Fatalf("flags %+v, oracle %+v", d, p)
	}
	if d.PictureID != p.PictureID || d.TL0 != p.TL0PICIDX ||
		d.HasTID && (d.TID != p.TID || d.Sync != (p.Y == 1)) {
		t.Fatalf("values %+v, oracle %+v", d, p)
	}
}

func TestVP8Allocs(t *testing.T) {
	payload := append([]byte{0x90, 0xF0, 0x80, 5, 6, 0x65}, keyFrame...)
	dst := make([]byte, 8)
	var w VP8Rewriter
	if n := testing.AllocsPerRun(100, func() {
		d, err := ParseVP8(payload)
		id, tl0, ok := w.Map(d)
		if err != nil || !ok || d.Rewrite(dst, payload, id, tl0) != 6 {
			t.Error("unexpected result")
		}
		w.DropFrame(d)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkVP8(b *testing.B) {
	payload := append([]byte{0x90, 0xF0, 0x80, 5, 6, 0x65}, keyFrame...)
	dst := make([]byte, 8)
	var w VP8Rewriter
	b.ReportAllocs()
	for b.Loop() {
		d, _ := ParseVP8(payload)
		id, tl0, _ := w.Map(d)
		d.Rewrite(dst, payload, id, tl0)
	}
}
