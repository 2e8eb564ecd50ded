package cache

import (
	"bytes"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func fill(n int, b byte) []byte { return bytes.Repeat([]byte{b}, n) }

func TestRing(t *testing.T) {
	type put struct {
		seq   uint16
		epoch uint64
		size  int
	}
	tests := []struct {
		name  string
		puts  []put
		seq   uint16
		epoch uint64
		size  int // 0: not there
	}{
		{"empty", nil, 0, 0, 0},
		{"there", []put{{7, 1, 100}}, 7, 1, 100},
		{"other number of the slot", []put{{7, 1, 100}}, 15, 1, 0},
		{"another epoch", []put{{7, 1, 100}}, 7, 2, 0},
		{"overwritten", []put{{7, 1, 100}, {15, 1, 50}}, 7, 1, 0},
		{"overwriting, over the wrap", []put{{65535, 1, 100}, {7, 1, 50}}, 7, 1, 50},
		{"again, shorter", []put{{7, 1, 1000}, {7, 2, 50}}, 7, 2, 50},
		{"again, longer", []put{{7, 1, 50}, {7, 2, 1400}}, 7, 2, 1400},
		{"largest", []put{{7, 1, MaxPacket}}, 7, 1, MaxPacket},
		{"too large", []put{{7, 1, MaxPacket + 1}}, 7, 1, 0},
		{"too large in place of another", []put{{7, 1, 50}, {7, 1, MaxPacket + 1}}, 7, 1, 0},
		{"nothing", []put{{7, 1, 0}}, 7, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := New(8)
			for i, p := range tt.puts {
				r.Put(p.seq, p.epoch, fill(p.size, byte(i)))
			}
			got, ok := r.Get(tt.seq, tt.epoch, make([]byte, 3, MaxPacket))
			if ok != (tt.size > 0) {
				t.Fatalf("ok %t", ok)
			}
			if want := fill(tt.size, byte(len(tt.puts)-1)); ok && !bytes.Equal(got, want) {
				t.Errorf("got %d × %d, want %d × %d", len(got), got[0], len(want), want[0])
			}
		})
	}
}

func TestRingSize(t *testing.T) {
	tests := []struct{ size, want int }{{-1, 1}, {0, 1}, {1, 1}, {2, 2}, {3, 4}, {512, 512}, {513, 1024}, {1 << 20, 1 << 15}}
	for _, tt := range tests {
		r := New(tt.size)
		for i := range tt.want + 1 {
			r.Put(uint16(i), 1, []byte{1})
		}
		_, first := r.Get(0, 1, nil)
		_, second := r.Get(1, 1, nil)
		if first || !second {
			t.Errorf("size %d isn't %d", tt.size, tt.want)
		}
	}
}

// The ring keeps a copy, and hands out one.
func TestRingCopies(t *testing.T) {
	r := New(8)
	packet := []byte{1, 2, 3}
	r.Put(1, 1, packet)
	packet[0] = 9
	got, _ := r.Get(1, 1, nil)
	got[1] = 9
	if again, _ := r.Get(1, 1, nil); !bytes.Equal(again, []byte{1, 2, 3}) {
		t.Errorf("got %v", again)
	}
}

func TestRingClear(t *testing.T) {
	r := New(8)
	r.Clear()
	r.Put(1, 1, []byte{1})
	r.Clear()
	if _, ok := r.Get(1, 1, nil); ok {
		t.Error("remembered after Clear")
	}
	r.Put(1, 1, []byte{2})
	if got, ok := r.Get(1, 1, nil); !ok || got[0] != 2 {
		t.Error("not usable after Clear")
	}
}

func TestRingOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 16
		type filed struct {
			seq   uint16
			epoch uint64
			data  []byte
		}
		r, model := New(size), map[uint16]filed{}
		for range rapid.IntRange(1, 100).Draw(t, "calls") {
			seq := rapid.Uint16Range(65500, 65535).Draw(t, "seq") + rapid.Uint16Range(0, 60).Draw(t, "more")
			epoch := rapid.Uint64Range(0, 2).Draw(t, "epoch")
			switch rapid.IntRange(0, 9).Draw(t, "call") {
			case 0:
				r.Clear()
				clear(model)
			case 1, 2, 3, 4, 5:
				data := rapid.SliceOfN(rapid.Byte(), 1, 600).Draw(t, "data")
				r.Put(seq, epoch, data)
				model[seq%size] = filed{seq, epoch, bytes.Clone(data)}
			default:
				got, ok := r.Get(seq, epoch, nil)
				want, known := model[seq%size]
				known = known && want.seq == seq && want.epoch == epoch
				if ok != known || ok && !bytes.Equal(got, want.data) {
					t.Fatalf("get %d of %d: %t, want %t", seq, epoch, ok, known)
				}
			}
		}
	})
}

// A reader never sees half a packet, or one of another epoch.
func TestRingConcurrent(t *testing.T) {
	r := New(4)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			dst := make([]byte, 0, MaxPacket)
			for i := range 2000 {
				epoch := uint64(i % 7)
				got, ok := r.Get(uint16(i%4), epoch, dst)
				if ok && !bytes.Equal(got, fill(len(got), byte(epoch))) {
					t.Error("a packet was torn")
					return
				}
			}
		})
	}
	for i := range 2000 {
		epoch := uint64(i % 7)
		r.Put(uint16(i%4), epoch, fill(1+i%1400, byte(epoch)))
	}
	wg.Wait()
}

func TestRingAllocs(t *testing.T) {
	r, packet, dst := New(64), make([]byte, 1200), make([]byte, 0, MaxPacket)
	seq := uint16(0)
	for range 64 {
		r.Put(seq, 1, packet)
		seq++
	}
	if n := testing.AllocsPerRun(200, func() {
		r.Put(seq, 1, packet)
		if _, ok := r.Get(seq, 1, dst); !ok {
			t.Error("not there")
		}
		seq++
	}); n != 0 {
		t.Errorf("%v allocations (PF-8)", n)
	}
}

func BenchmarkRingPut(b *testing.B) {
	r, packet := New(512), make([]byte, 1200)
	seq := uint16(0)
	b.ReportAllocs()
	b.SetBytes(int64(len(packet)))
	for b.Loop() {
		r.Put(seq, 1, packet)
		seq++
	}
}
