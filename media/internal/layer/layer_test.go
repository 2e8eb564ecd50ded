package layer

import (
	"testing"

	"pgregory.net/rapid"
)

func camera(active ...bool) []Encoding {
	e := []Encoding{{"q", 320, 180, false}, {"h", 640, 360, false}, {"f", 1280, 720, false}}
	for i, a := range active {
		e[i].Active = a
	}
	return e
}

func TestSelect(t *testing.T) {
	all := camera(true, true, true)
	unknown := []Encoding{{Active: true}, {Active: true}, {Active: true}}
	tests := []struct {
		name      string
		encodings []Encoding
		current   int
		w, h      int
		want      int
	}{
		{"none", nil, None, 320, 180, None},
		{"none active", camera(), 1, 320, 180, None},
		{"exact", all, None, 640, 360, 1},
		{"nothing wanted is the smallest", all, None, 0, 0, 0},
		{"90 % is enough", all, None, 355, 200, 0},
		{"less isn't", all, None, 357, 201, 1},
		{"beyond the largest", all, None, 1920, 1080, 2},
		{"by width without a height", all, None, 400, 0, 1},
		{"height decides", all, None, 2000, 180, 0},
		{"an inactive one is passed over", camera(true, false, true), None, 640, 360, 2},
		{"falls back to the largest below", camera(true, true, false), None, 1280, 720, 1},
		{"falls back to the only one", camera(true, false, false), None, 1280, 720, 0},
		{"the smallest isn't there", camera(false, false, true), None, 160, 90, 2},
		{"stays above while the smaller only nearly covers", all, 1, 350, 195, 1},
		{"goes down when the smaller covers", all, 1, 320, 180, 0},
		{"goes down two", all, 2, 320, 180, 0},
		{"goes down one", all, 2, 340, 190, 1},
		{"goes down past an inactive one", camera(true, false, true), 2, 320, 180, 0},
		{"goes up at once", all, 0, 360, 203, 1},
		{"stays below within 10 %", all, 0, 350, 195, 0},
		{"current went away", camera(true, true, false), 2, 350, 195, 0},
		{"current out of range", all, 7, 320, 180, 0},
		{"unknown sizes by order, quarter", unknown, None, 320, 180, 0},
		{"unknown sizes by order, half", unknown, None, 640, 360, 1},
		{"unknown sizes by order, full", unknown, None, 1280, 720, 2},
		{"unknown, two of them", unknown[:2], None, 640, 360, 0},
		{"unknown, one", unknown[:1], None, 1280, 720, 0},
		{"unknown, small screen by rid", []Encoding{{RID: "q", Active: true}, {RID: "f", Active: true}}, None, 640, 360, 1},
		{"half a size is unknown", []Encoding{{"q", 320, 0, true}, {"f", 0, 0, true}}, None, 320, 180, 0},
		{"portrait", []Encoding{{"q", 180, 320, true}, {"h", 360, 640, true}}, None, 320, 180, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Select(tt.encodings, tt.current, tt.w, tt.h); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

// What is selected is active whenever anything is, and stays selected while
// nothing changes, also for a size that wavers by 4 % to either side.
func TestSelectIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		encodings := camera(rapid.Bool().Draw(t, "q"), rapid.Bool().Draw(t, "h"), rapid.Bool().Draw(t, "f"))
		current := rapid.IntRange(-2, 4).Draw(t, "current")
		height := rapid.IntRange(100, 1200).Draw(t, "height")
		got := Select(encodings, current, 0, height)
		if got == None {
			for _, e := range encodings {
				if e.Active {
					t.Fatal("none, though one is active")
				}
			}
			return
		}
		if !encodings[got].Active {
			t.Fatalf("%d is not active", got)
		}
		if again := Select(encodings, got, 0, height); again != got {
			t.Fatalf("%d, then %d for the same", got, again)
		}
		switches := 0
		for i := range 20 {
			wavering := height * (100 + 4*(1-i%2*2)) / 100
			next := Select(encodings, got, 0, wavering)
			if next != got {
				switches++
			}
			got = next
		}
		if switches > 1 {
			t.Fatalf("%d switches at %d ± 4 %%", switches, height)
		}
	})
}

func TestTemporalLimit(t *testing.T) {
	tests := []struct {
		want, source int
		tid          uint8
	}{
		{0, 30, 2}, {-1, 30, 2}, {30, 30, 2}, {60, 30, 2},
		{15, 30, 1}, {16, 30, 1}, {17, 30, 2}, {10, 30, 1},
		{8, 30, 0}, {7, 30, 0}, {1, 30, 0}, {9, 30, 1},
		{15, 0, 1}, {15, -5, 1}, {15, 60, 0}, {15, 25, 2}, {15, 15, 2}, {15, 20, 2},
	}
	for _, tt := range tests {
		if got := TemporalLimit(tt.want, tt.source); got != tt.tid {
			t.Errorf("%d of %d fps: %d, want %d", tt.want, tt.source, got, tt.tid)
		}
	}
}

func TestSelectAllocs(t *testing.T) {
	encodings := camera(true, true, true)
	if n := testing.AllocsPerRun(100, func() {
		if Select(encodings, 2, 320, 180) != 0 || TemporalLimit(15, 30) != 1 {
			t.Error("unexpected result")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSelect(b *testing.B) {
	encodings := camera(true, true, true)
	b.ReportAllocs()
	for b.Loop() {
		Select(encodings, 2, 320, 180)
	}
}
