package stamp

import (
	"bytes"
	"testing"
)

func TestPutThenParse(t *testing.T) {
	want := Stamp{Publisher: ID("p1"), Source: 2, Layer: 1, Packet: 513, Frame: 1 << 31, Sent: 1_700_000_000_000_000_001}
	payload := bytes.Repeat([]byte{0xaa}, 100)
	if !Put(payload, want) {
		t.Fatal("Put refused 100 bytes")
	}
	var got Stamp
	if r := Parse(payload, &got); r != Intact || got != want {
		t.Fatalf("got %v %+v, want Intact %+v", r, got, want)
	}
	if !bytes.Equal(payload[:100-Size], bytes.Repeat([]byte{0xaa}, 100-Size)) {
		t.Error("Put wrote in front of the stamp")
	}
}

func TestParseOutcomes(t *testing.T) {
	exact := make([]byte, Size)
	if !Put(exact, Stamp{Publisher: 7}) {
		t.Fatal("Put refused exactly Size bytes")
	}
	if Put(make([]byte, Size-1), Stamp{}) {
		t.Error("Put took less than Size bytes")
	}
	for i := range exact {
		broken := bytes.Clone(exact)
		broken[i] ^= 0x10
		want := Damaged
		if i < 4 {
			want = None // no magic, no stamp
		}
		got := Stamp{Frame: 99}
		if r := Parse(broken, &got); r != want {
			t.Errorf("byte %d flipped: %v, want %v", i, r, want)
		}
		if got.Frame != 99 {
			t.Errorf("byte %d flipped: the stamp was touched", i)
		}
	}
	if r := Parse(exact[1:], new(Stamp)); r != None {
		t.Errorf("short payload: %v, want None", r)
	}
}

func TestIDTellsParticipantsApart(t *testing.T) {
	if ID("a") == ID("b") || ID("") == ID("a") {
		t.Error("equal numbers for different participants")
	}
}

// PF-8 for the generator: neither direction allocates.
func TestNoAllocations(t *testing.T) {
	payload := make([]byte, 1000)
	var s Stamp
	if n := testing.AllocsPerRun(100, func() { Put(payload, s); Parse(payload, &s) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// SE-10: whatever comes in, Parse doesn't panic, and an intact stamp is the
// one that Put writes.
func FuzzParse(f *testing.F) {
	valid := make([]byte, Size+8)
	Put(valid, Stamp{Publisher: 1, Sent: -1})
	f.Add(valid)
	f.Add(valid[:Size])
	f.Add([]byte("ATst"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		var s Stamp
		if Parse(payload, &s) != Intact {
			return
		}
		again := bytes.Clone(payload)
		Put(again, s)
		if !bytes.Equal(again, payload) {
			t.Fatalf("parsed %+v, but it is written differently", s)
		}
	})
}
