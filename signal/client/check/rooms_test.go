package check

import (
	"testing"
	"time"

	"github.com/atriumrtc/atrium/signal/client/stamp"
)

// A packet is a stray one when its publisher and its receiver can't have been
// together when it was sent (R-GC-7).
func TestRooms(t *testing.T) {
	r := NewRooms()
	judge := func(when string, sent time.Time, strays map[string]bool) {
		t.Helper()
		for pair, want := range strays {
			from, to := pair[:1], pair[1:]
			if got := r.Stray(stamp.ID(to), stamp.ID(from), sent); got != want {
				t.Errorf("%s: from %s to %s: stray %v, want %v", when, from, to, got, want)
			}
		}
	}
	judge("before anybody is in", time.Now(), map[string]bool{"ab": true})
	r.Moving(map[string]string{"a": "one", "b": "one", "c": "two", "d": "two"})
	judge("on the way in", time.Now(), map[string]bool{"ab": false, "ac": true})
	r.Moved()
	then := time.Now()
	judge("in", then, map[string]bool{"ab": false, "ba": false, "cd": false, "ac": true, "da": true, "ea": true, "ae": true})

	r.Moving(map[string]string{"b": "two", "c": "one", "d": ""})
	judge("on the move", time.Now(), map[string]bool{"ab": false, "ac": false, "bc": false, "bd": false, "cd": false, "ad": true})
	r.Moved()
	late := time.Now()
	for !late.After(then) {
		late = time.Now()
	}
	judge("moved, sent before", then, map[string]bool{"ab": false, "ac": false, "cd": false, "ad": true})
	judge("moved", late.Add(time.Millisecond), map[string]bool{"ab": true, "ac": false, "cd": true, "bc": true, "bd": true, "dd": true})
}
