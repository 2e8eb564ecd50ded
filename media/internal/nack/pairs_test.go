package nack

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestPairs(t *testing.T) {
	tests := []struct {
		name string
		nums []uint16
		want []NackPair
	}{
		{"none", nil, nil},
		{"one", []uint16{7}, []NackPair{{7, 0}}},
		{"neighbours", []uint16{7, 8, 10}, []NackPair{{7, 0b101}}},
		{"last of the mask", []uint16{7, 23}, []NackPair{{7, 1 << 15}}},
		{"beyond the mask", []uint16{7, 24}, []NackPair{{7, 0}, {24, 0}}},
		{"over the wrap", []uint16{65535, 0, 15, 16}, []NackPair{{65535, 1<<15 | 1}, {16, 0}}},
		{"twice", []uint16{7, 7}, []NackPair{{7, 0}}},
		{"out of order", []uint16{8, 7}, []NackPair{{8, 0}, {7, 0}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Pairs(tt.nums, nil); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			// What is in dst before stays, and isn't grown.
			if got := Pairs(tt.nums, []NackPair{{6, 0}}); got[0] != (NackPair{6, 0}) || !slices.Equal(got[1:], tt.want) {
				t.Errorf("appended: %v", got)
			}
		})
	}
}

// Reading the pairs back gives what was asked for, in order.
func TestPairsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint16().Draw(t, "first")
		var nums []uint16
		for range rapid.IntRange(1, 100).Draw(t, "count") {
			nums = append(nums, n)
			n += uint16(rapid.IntRange(1, 40).Draw(t, "step"))
		}
		var got []uint16
		for _, p := range Pairs(nums, nil) {
			got = append(got, p.PacketID)
			for i := range uint16(16) {
				if p.LostPackets&(1<<i) != 0 {
					got = append(got, p.PacketID+i+1)
				}
			}
		}
		if !slices.Equal(got, nums) {
			t.Fatalf("got %v, want %v", got, nums)
		}
	})
}
