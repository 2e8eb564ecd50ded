package server

import (
	"testing"
	"time"

	"github.com/atriumrtc/atrium/media"
)

// What media counts from the beginning becomes what was new in each sample,
// also when a transport begins anew; who has gone is forgotten.
func TestSampler(t *testing.T) {
	var s sampler
	freezes := func(n uint64) int {
		got := s.samples([]media.Connection{{Participant: "a", Score: media.QualityFair, Loss: 0.5, RTT: time.Second, Jitter: time.Millisecond, Freezes: n, Relayed: true}})
		if len(got) != 1 || got[0].ParticipantID != "a" || got[0].Score != 67 || got[0].Loss != 0.5 || got[0].RTT != time.Second || got[0].Jitter != time.Millisecond || !got[0].Relayed {
			t.Errorf("%+v", got)
		}
		return got[0].Freezes
	}
	for i, row := range [][2]int{{2, 2}, {2, 0}, {5, 3}, {1, 1}} {
		if got := freezes(uint64(row[0])); got != row[1] {
			t.Errorf("sample %d: %d freezes; want %d", i, got, row[1])
		}
	}
	if s.samples(nil); len(s.freezes) != 0 {
		t.Errorf("%v is remembered", s.freezes)
	}
	for score, want := range map[media.QualityScore]int{media.QualityGood: 100, media.QualityPoor: 33, media.QualityLost: 0} {
		if got := scoreOf(score); got != want {
			t.Errorf("%s is %d", score, got)
		}
	}
}
