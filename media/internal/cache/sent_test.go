package cache

import "testing"

func TestSent(t *testing.T) {
	tests := []struct {
		name string
		make func() Sent
		size int
	}{
		{"zero value", func() Sent { return Sent{} }, 1024},
		{"power of two", func() Sent { return NewSent(64) }, 64},
		{"rounded up", func() Sent { return NewSent(65) }, 128},
		{"at least one", func() Sent { return NewSent(0) }, 1},
		{"at most half the range", func() Sent { return NewSent(1 << 20) }, 1 << 15},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.make()
			if _, ok := s.Get(0); ok {
				t.Fatal("number 0 is there before anything was put")
			}
			s.Clear()
			first := uint16(65530) // over the wrap
			for i := range tt.size + 1 {
				s.Put(first+uint16(i), Entry{In: uint16(i), Timestamp: uint32(i), PictureID: 3, TL0: 4, Source: 5})
			}
			if _, ok := s.Get(first); ok {
				t.Error("the oldest is still there")
			}
			for i := 1; i <= tt.size; i++ {
				want := Entry{In: uint16(i), Timestamp: uint32(i), PictureID: 3, TL0: 4, Source: 5}
				if got, ok := s.Get(first + uint16(i)); !ok || got != want {
					t.Fatalf("entry %d: %+v, %t", i, got, ok)
				}
			}
			s.Clear()
			if _, ok := s.Get(first + 1); ok {
				t.Error("remembered after Clear")
			}
		})
	}
}

// An entry is put again to note a resend.
func TestSentResent(t *testing.T) {
	var s Sent
	s.Put(9, Entry{In: 1})
	e, _ := s.Get(9)
	e.Resent, e.Tries = 5, e.Tries+1
	s.Put(9, e)
	if got, ok := s.Get(9); !ok || got.Resent != 5 || got.Tries != 1 || got.In != 1 {
		t.Errorf("got %+v, %t", got, ok)
	}
}

func TestSentAllocs(t *testing.T) {
	var s Sent
	s.Put(0, Entry{})
	out := uint16(0)
	if n := testing.AllocsPerRun(200, func() {
		s.Put(out, Entry{In: out})
		if _, ok := s.Get(out); !ok {
			t.Error("not there")
		}
		out++
	}); n != 0 {
		t.Errorf("%v allocations (PF-8)", n)
	}
}

func BenchmarkSentPut(b *testing.B) {
	var s Sent
	out := uint16(0)
	b.ReportAllocs()
	for b.Loop() {
		s.Put(out, Entry{In: out})
		out++
	}
}
