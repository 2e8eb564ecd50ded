package seq

import (
	"testing"

	"pgregory.net/rapid"
)

func TestDiff(t *testing.T) {
	tests := []struct {
		a, b uint16
		diff int
	}{
		{0, 0, 0},
		{1, 0, 1},
		{0, 1, -1},
		{0, 65535, 1},
		{65535, 0, -1},
		{3, 65533, 6},
		{32767, 0, 32767},
		{32768, 0, -32768},
		{0, 32768, -32768},
		{32769, 0, -32767},
	}
	for _, tt := range tests {
		if got := Diff(tt.a, tt.b); got != tt.diff {
			t.Errorf("Diff(%d, %d) = %d, want %d", tt.a, tt.b, got, tt.diff)
		}
		if got := Newer(tt.a, tt.b); got != (tt.diff > 0) {
			t.Errorf("Newer(%d, %d) = %t", tt.a, tt.b, got)
		}
	}
}

func TestUnwrapper(t *testing.T) {
	tests := []struct {
		name string
		in   []uint16
		want []uint64
	}{
		{"in order", []uint16{5, 6, 8}, []uint64{65541, 65542, 65544}},
		{"early reordering doesn't underflow", []uint16{0, 65535, 1}, []uint64{65536, 65535, 65537}},
		{"wrap", []uint16{65534, 65535, 0, 1}, []uint64{131070, 131071, 131072, 131073}},
		{"late over the wrap", []uint16{65534, 1, 65535, 0, 2}, []uint64{131070, 131073, 131071, 131072, 131074}},
		{"far jump", []uint16{0, 32767, 65534, 32765}, []uint64{65536, 98303, 131070, 163837}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var u Unwrapper
			for i, n := range tt.in {
				if got := u.Unwrap(n); got != tt.want[i] {
					t.Errorf("number %d: %d, want %d", i, got, tt.want[i])
				}
			}
		})
	}
}

func TestUnwrapperOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(0, 65535).Draw(t, "first") + 1<<16
		var u Unwrapper
		highest := u.Unwrap(uint16(n))
		if highest != n {
			t.Fatalf("first %d, want %d", highest, n)
		}
		for range 50 {
			want := highest + uint64(rapid.Int64Range(-32768, 32767).Draw(t, "distance"))
			if got := u.Unwrap(uint16(want)); got != want {
				t.Fatalf("got %d, want %d", got, want)
			}
			highest = max(highest, want)
		}
	})
}
