package codec

import (
	"bytes"
	"errors"
	"testing"

	"github.com/pion/rtp"
)

// header is a fixed RTP header with the given first byte.
func header(first byte, rest ...byte) []byte {
	b := []byte{first, 0xE0, 0xFF, 0xFE, 0x01, 0x02, 0x03, 0x04, 0xA0, 0xB0, 0xC0, 0xD0}
	return append(b, rest...)
}

func TestParseRTP(t *testing.T) {
	tests := []struct {
		name       string
		in         []byte
		err        error
		start, end int
	}{
		{"empty", nil, ErrShort, 0, 0},
		{"eleven bytes", header(0x80)[:11], ErrShort, 0, 0},
		{"bare header", header(0x80), nil, 12, 12},
		{"payload", header(0x80, 1, 2, 3), nil, 12, 15},
		{"version 1", header(0x40), ErrVersion, 0, 0},
		{"two sources", header(0x82, make([]byte, 9)...), nil, 20, 21},
		{"sources cut off", header(0x82, make([]byte, 7)...), ErrShort, 0, 0},
		{"extension cut off", header(0x90, 0xBE, 0xDE, 0), ErrShort, 0, 0},
		{"extension values cut off", header(0x90, 0xBE, 0xDE, 0, 1, 0x10, 1, 0), ErrShort, 0, 0},
		{"extension", header(0x90, 0xBE, 0xDE, 0, 1, 0x10, 1, 0, 0, 9), nil, 20, 21},
		{"padding", header(0xA0, 1, 2, 0, 2), nil, 12, 14},
		{"all padding", header(0xA0, 0, 2), nil, 12, 12},
		{"padding of zero", header(0xA0, 1, 0), ErrPadding, 0, 0},
		{"padding too long", header(0xA0, 1, 3), ErrPadding, 0, 0},
		{"padding without payload", header(0xA0), ErrPadding, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h RTP
			if err := ParseRTP(tt.in, &h); !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			} else if err != nil {
				return
			}
			if h.HeaderLen != tt.start || h.PayloadEnd != tt.end {
				t.Errorf("payload %d to %d, want %d to %d", h.HeaderLen, h.PayloadEnd, tt.start, tt.end)
			}
			if !h.Marker || h.PayloadType != 0x60 || h.Sequence != 0xFFFE || h.Timestamp != 0x01020304 || h.SSRC != 0xA0B0C0D0 {
				t.Errorf("fields %+v", h)
			}
		})
	}
}

func TestExtension(t *testing.T) {
	one := func(b ...byte) []byte {
		return header(0x90, append([]byte{0xBE, 0xDE, 0, byte(len(b) / 4)}, b...)...)
	}
	two := func(low byte, b ...byte) []byte {
		return header(0x90, append([]byte{0x10, low, 0, byte(len(b) / 4)}, b...)...)
	}
	tests := []struct {
		name string
		in   []byte
		id   uint8
		want []byte
	}{
		{"no extension", header(0x80), 1, nil},
		{"one byte form", one(0x10, 7, 0x21, 8, 9, 0, 0, 0), 2, []byte{8, 9}},
		{"padding between", one(0, 0, 0x10, 7), 1, []byte{7}},
		{"other id", one(0x10, 7, 0, 0), 3, nil},
		{"id 0 is padding", one(0, 0, 0, 0), 0, nil},
		{"stops at id 15", one(0xF0, 0, 0x10, 7), 1, nil},
		{"15 is no id", one(0xF0, 7, 0, 0), 15, nil},
		{"stops at id 0 with a length", one(0x01, 1, 0x10, 7), 1, nil},
		{"cut off value", one(0x10, 7, 0, 0x21), 2, nil},
		{"before a cut off value", one(0x10, 7, 0, 0x21), 1, []byte{7}},
		{"two byte form", two(0, 1, 1, 7, 20, 2, 8, 9, 0), 20, []byte{8, 9}},
		{"two byte form with appbits", two(5, 1, 1, 7, 0), 1, []byte{7}},
		{"empty value is not absent", two(0, 1, 0, 0, 0), 1, []byte{}},
		{"two byte form cut off", two(0, 1, 1, 7, 2), 2, nil},
		{"two byte value cut off", two(0, 1, 9, 7, 2), 1, nil},
		{"other profile", header(0x90, 0x12, 0x34, 0, 1, 0x10, 7, 0, 0), 1, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h RTP
			if err := ParseRTP(tt.in, &h); err != nil {
				t.Fatal(err)
			}
			got := h.Extension(tt.id)
			if !bytes.Equal(got, tt.want) || (got == nil) != (tt.want == nil) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// A header reused for a packet without extensions must not show the last
// packet's.
func TestParseRTPReuse(t *testing.T) {
	var h RTP
	for _, b := range [][]byte{header(0x90, 0xBE, 0xDE, 0, 1, 0x10, 7, 0, 0), header(0x80)} {
		if err := ParseRTP(b, &h); err != nil {
			t.Fatal(err)
		}
	}
	if got := h.Extension(1); got != nil {
		t.Errorf("extension of the packet before: %v", got)
	}
}

func TestParseAudioLevel(t *testing.T) {
	tests := []struct {
		in        []byte
		level     uint8
		voice, ok bool
	}{
		{nil, 0, false, false},
		{[]byte{0x00}, 0, false, true},
		{[]byte{0x7F}, 127, false, true},
		{[]byte{0xA3}, 35, true, true},
		{[]byte{0xA3, 0xFF}, 35, true, true}, // two byte form, padded
	}
	for _, tt := range tests {
		level, voice, ok := ParseAudioLevel(tt.in)
		if level != tt.level || voice != tt.voice || ok != tt.ok {
			t.Errorf("%v: got %d %t %t", tt.in, level, voice, ok)
		}
	}
}

// FuzzParseRTP (SE-10) takes pion/rtp as the oracle: what both accept must
// read the same, and we refuse nothing of version 2 that it accepts. It is
// stricter on malformed extensions, which we skip.
func FuzzParseRTP(f *testing.F) {
	f.Add(header(0x80, 1, 2, 3))
	f.Add(header(0x90, 0xBE, 0xDE, 0, 1, 0x10, 7, 0, 0, 9))
	f.Add(header(0x91, 0, 0, 0, 0, 0x10, 0, 0, 2, 1, 1, 7, 20, 2, 8, 9, 0, 9))
	f.Add(header(0xA0, 1, 2, 0, 2))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h RTP
		err := ParseRTP(b, &h)
		if err == nil {
			if h.HeaderLen < rtpFixedLen || h.PayloadEnd < h.HeaderLen || h.PayloadEnd > len(b) {
				t.Fatalf("bounds %d to %d of %d", h.HeaderLen, h.PayloadEnd, len(b))
			}
			for id := range 256 {
				h.Extension(uint8(id))
			}
		}
		var p rtp.Packet
		if p.Unmarshal(b) != nil {
			return
		}
		if err != nil {
			if p.Version == 2 {
				t.Fatalf("refused what the oracle accepts: %v", err)
			}
			return
		}
		compareRTP(t, &h, &p, b)
	})
}

func compareRTP(t *testing.T, h *RTP, p *rtp.Packet, b []byte) {
	t.Helper()
	if h.Marker != p.Marker || h.PayloadType != p.PayloadType || h.Sequence != p.SequenceNumber ||
		h.Timestamp != p.Timestamp || h.SSRC != p.SSRC {
		t.Fatalf("fields %+v, oracle %+v", h, p.Header)
	}
	if !bytes.Equal(b[h.HeaderLen:h.PayloadEnd], p.Payload) {
		t.Fatalf("payload %x, oracle %x", b[h.HeaderLen:h.PayloadEnd], p.Payload)
	}
	if p.ExtensionProfile != profileOneByte && p.ExtensionProfile != profileTwoByte {
		return
	}
	for id := 1; id < 256; id++ {
		if got, want := h.Extension(uint8(id)), p.GetExtension(uint8(id)); !bytes.Equal(got, want) {
			t.Fatalf("extension %d: %x, oracle %x", id, got, want)
		}
	}
}

func TestParseRTPAllocs(t *testing.T) {
	good := header(0x90, 0xBE, 0xDE, 0, 2, 0x10, 7, 0x21, 8, 9, 0x30, 1, 0, 9)
	bad := header(0xA0)
	var h RTP
	if n := testing.AllocsPerRun(100, func() {
		if ParseRTP(good, &h) != nil || h.Extension(3) == nil || ParseRTP(bad, &h) == nil {
			t.Error("unexpected result")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkParseRTP(b *testing.B) {
	packet := header(0x90, append([]byte{0xBE, 0xDE, 0, 2, 0x10, 7, 0x21, 8, 9, 0x30, 1, 0}, make([]byte, 1100)...)...)
	var h RTP
	b.ReportAllocs()
	for b.Loop() {
		if ParseRTP(packet, &h) != nil || h.Extension(3) == nil {
			b.Fatal("unexpected result")
		}
	}
}
