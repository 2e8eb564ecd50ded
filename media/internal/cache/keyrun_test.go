package cache

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// held returns the first bytes of the run's packets, nil when it is void.
func held(k *KeyRun, epoch uint64) []byte {
	got := []byte{}
	if !k.Each(epoch, func(packet []byte) { got = append(got, packet[0]) }) {
		return nil
	}
	return got
}

func TestKeyRun(t *testing.T) {
	type put struct {
		epoch uint64
		key   bool
		seq   uint16
	}
	tests := []struct {
		name  string
		puts  []put
		epoch uint64
		want  []byte // index of each put that is held
	}{
		{"void at first", nil, 0, nil},
		{"nothing before a key frame", []put{{1, false, 5}, {1, false, 6}}, 1, nil},
		{"key frame", []put{{1, false, 4}, {1, true, 5}}, 1, []byte{1}},
		{"and what follows", []put{{1, true, 65534}, {1, false, 65535}, {1, false, 0}}, 1, []byte{0, 1, 2}},
		{"the last key frame", []put{{1, true, 5}, {1, false, 6}, {1, true, 7}, {1, false, 8}}, 1, []byte{2, 3}},
		{"a hole voids", []put{{1, true, 5}, {1, false, 7}}, 1, nil},
		{"a hole voids until the next key frame", []put{{1, true, 5}, {1, false, 7}, {1, false, 8}, {1, true, 9}}, 1, []byte{3}},
		{"a hole before a key frame doesn't matter", []put{{1, true, 5}, {1, true, 9}, {1, false, 10}}, 1, []byte{1, 2}},
		{"duplicates are ignored", []put{{1, true, 5}, {1, false, 6}, {1, true, 5}, {1, false, 6}, {1, false, 7}}, 1, []byte{0, 1, 4}},
		{"a late packet voids", []put{{1, true, 5}, {1, false, 4}}, 1, nil},
		{"another epoch isn't shown", []put{{1, true, 5}}, 2, nil},
		{"another epoch voids", []put{{1, true, 5}, {2, false, 6}}, 1, nil},
		{"a key frame of another epoch", []put{{1, true, 5}, {2, true, 6}, {2, false, 7}}, 2, []byte{1, 2}},
		{"the same number in another epoch", []put{{1, true, 5}, {2, true, 5}}, 2, []byte{1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var k KeyRun
			for i, p := range tt.puts {
				k.Put(p.epoch, p.key, p.seq, []byte{byte(i)})
			}
			if got := held(&k, tt.epoch); !slices.Equal(got, tt.want) || (got == nil) != (tt.want == nil) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestKeyRunBounds(t *testing.T) {
	tests := []struct {
		name          string
		packets, size int
		want          bool
	}{
		{"most packets", 64, 100, true},
		{"too many packets", 65, 100, false},
		{"most bytes", 48, 2048, true},
		{"too many bytes", 49, 2048, false},
		{"one packet too big", 1, 96<<10 + 1, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var k KeyRun
			for i := range tt.packets {
				k.Put(1, i == 0, uint16(i), fill(tt.size, byte(i)))
			}
			if got := k.Each(1, func([]byte) {}); got != tt.want {
				t.Errorf("held %t, want %t", got, tt.want)
			}
			k.Put(1, true, uint16(tt.packets), []byte{1})
			if got := held(&k, 1); len(got) != 1 {
				t.Errorf("after the next key frame: %v", got)
			}
		})
	}
}

func TestKeyRunClear(t *testing.T) {
	var k KeyRun
	k.Put(1, true, 5, []byte{1})
	k.Clear()
	k.Put(1, false, 6, []byte{2})
	if got := held(&k, 1); got != nil {
		t.Errorf("after Clear: %v", got)
	}
}

// Padding in between takes its numbers without voiding the run.
func TestKeyRunPadding(t *testing.T) {
	var k KeyRun
	k.Put(1, true, 65534, []byte{0})
	k.Put(1, false, 65535, nil)
	k.Put(1, false, 0, nil)
	k.Put(1, false, 65535, nil) // duplicate
	k.Put(1, false, 1, []byte{1})
	var sizes []int
	k.Each(1, func(packet []byte) { sizes = append(sizes, len(packet)) })
	if !slices.Equal(sizes, []int{1, 0, 0, 1}) {
		t.Errorf("packets of %v bytes", sizes)
	}
	k.Put(1, false, 3, []byte{2})
	if got := held(&k, 1); got != nil {
		t.Errorf("after a hole: %v", got)
	}
}

// Whatever comes: a run begins with a key frame, and is contiguous.
func TestKeyRunInvariant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var k KeyRun
		seq := rapid.Uint16().Draw(t, "first")
		for range rapid.IntRange(1, 200).Draw(t, "packets") {
			seq += rapid.SampledFrom([]uint16{1, 1, 1, 1, 1, 1, 1, 1, 2, 0, 65535}).Draw(t, "step")
			key := rapid.IntRange(0, 9).Draw(t, "key") == 0
			epoch := uint64(rapid.IntRange(0, 30).Draw(t, "epoch") / 30)
			packet := []byte{byte(seq >> 8), byte(seq), byte(epoch), 0}
			if key {
				packet[3] = 1
			}
			k.Put(epoch, key, seq, packet)
			n, next := 0, uint16(0)
			k.Each(epoch, func(p []byte) {
				got := uint16(p[0])<<8 | uint16(p[1])
				if n == 0 && p[3] != 1 || n > 0 && got != next || p[2] != byte(epoch) {
					t.Fatalf("packet %d of the run is %v, want %d", n, p, next)
				}
				n, next = n+1, got+1
			})
			if n > maxRunPackets {
				t.Fatalf("%d packets", n)
			}
		}
	})
}

func TestKeyRunAllocs(t *testing.T) {
	var k KeyRun
	packet := make([]byte, 1000)
	seq, total := uint16(0), 0
	run := func() {
		for i := range maxRunPackets {
			k.Put(1, i == 0, seq, packet)
			seq++
		}
		k.Each(1, func(p []byte) { total += len(p) })
	}
	run()
	if n := testing.AllocsPerRun(20, run); n != 0 {
		t.Errorf("%v allocations (PF-8)", n)
	}
}

func BenchmarkKeyRunPut(b *testing.B) {
	var k KeyRun
	packet := make([]byte, 1000)
	seq := uint16(0)
	b.ReportAllocs()
	for b.Loop() {
		k.Put(1, seq%60 == 0, seq, packet)
		seq++
	}
}
