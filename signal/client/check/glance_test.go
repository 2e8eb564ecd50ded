package check

import (
	"testing"
	"time"
)

// What the headers show is judged without the content: numbers, timestamps,
// frames by their last packets.
func TestGlance(t *testing.T) {
	now := time.Now()
	rows := []struct {
		name    string
		video   bool
		headers []Header
		want    Counts
	}{
		{"two frames", true, []Header{
			{Sequence: 65535, Timestamp: 10, Size: 100}, {Sequence: 0, Timestamp: 10, Marker: true, Size: 50}, {Sequence: 1, Timestamp: 3010, Marker: true, Size: 1},
		}, Counts{Packets: 3, Bytes: 151, Frames: 2}},
		{"timestamp back", true, []Header{{Sequence: 1, Timestamp: 10}, {Sequence: 2, Timestamp: 9}}, Counts{Packets: 2, Timestamps: 1}},
		{"sound stands still", false, []Header{{Sequence: 1, Timestamp: 10}, {Sequence: 2, Timestamp: 10}}, Counts{Packets: 2, Timestamps: 1}},
		{"reordered", false, []Header{{Sequence: 1, Timestamp: 10}, {Sequence: 3, Timestamp: 30}, {Sequence: 2, Timestamp: 20}},
			Counts{Packets: 3, Reordered: 1}},
		{"duplicate", false, []Header{{Sequence: 1, Timestamp: 10}, {Sequence: 1, Timestamp: 10}}, Counts{Packets: 1, Duplicates: 1}},
	}
	for _, row := range rows {
		s := NewStream(row.video, 90000)
		for _, h := range row.headers {
			s.Glance(h, now)
		}
		s.Expire(now.Add(2 * GiveUp))
		if got := s.Counts(); got != row.want {
			t.Errorf("%s: %+v, want %+v", row.name, got, row.want)
		}
	}
}

// A gap is told at once, and its packet is lost if it doesn't come.
func TestGlanceLoss(t *testing.T) {
	now := time.Now()
	s := NewStream(true, 90000)
	s.Glance(Header{Sequence: 1, Timestamp: 1}, now)
	if out := s.Glance(Header{Sequence: 3, Timestamp: 2}, now); !out.New || !out.Gap {
		t.Errorf("%+v", out)
	}
	if missing := s.Missing(nil, now, time.Second); len(missing) != 1 || missing[0] != 2 {
		t.Errorf("missing %v", missing)
	}
	if lost := s.Expire(now.Add(GiveUp)); lost != 1 {
		t.Errorf("%d lost", lost)
	}
}

// Glancing allocates nothing.
func TestGlanceAllocations(t *testing.T) {
	s, now, number := NewStream(true, 90000), time.Now(), uint16(0)
	if n := testing.AllocsPerRun(1000, func() {
		number++
		s.Glance(Header{Sequence: number, Timestamp: uint32(number) * 3000}, now)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
