package control

import (
	"errors"
	"sync"
	"testing"
	"time"
)

// Every state of a visit × everything that can happen to it.
func TestVisitMachine(t *testing.T) {
	start := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	states := []VisitState{VisitWaiting, VisitInCall, VisitOnHold, VisitEnded}
	acts := []visitAct{actAdmit, actHold, actTransfer, actEnd}
	want := map[VisitState][]VisitState{ // in the order of acts; "": can't be
		VisitWaiting: {VisitInCall, "", VisitWaiting, VisitEnded},
		VisitInCall:  {"", VisitOnHold, VisitWaiting, VisitEnded},
		VisitOnHold:  {VisitInCall, "", VisitWaiting, VisitEnded},
		VisitEnded:   {"", "", "", ""},
	}
	for _, state := range states {
		for i, act := range acts {
			v := visitRecord{WaitingSince: start}
			v.State, v.HoldSince = state, start
			err := v.move(act, start.Add(time.Minute))
			next := want[state][i]
			switch {
			case next == "":
				if !errors.Is(err, &StateError{Code: CodeWrongState}) || v.State != state {
					t.Errorf("%s, %s: %v, %s", state, act, err, v.State)
				}
				continue
			case err != nil || v.State != next:
				t.Errorf("%s, %s: %v, %s; want %s", state, act, err, v.State, next)
			}
			if state == VisitWaiting && v.Waited != time.Minute || state == VisitOnHold && v.Held != time.Minute {
				t.Errorf("%s, %s: waited %s, held %s", state, act, v.Waited, v.Held)
			}
		}
	}
}

// Every state of a Consult Now link × every other one.
func TestConsultMachine(t *testing.T) {
	states := []ConsultState{ConsultSent, ConsultOpened, ConsultEntered, ConsultExpired, ConsultFailed, ConsultRevoked}
	can := map[ConsultState]string{ // in the order of states
		ConsultSent: ".xxxxx", ConsultOpened: "..xx.x", ConsultEntered: "......",
		ConsultExpired: "xx...x", ConsultFailed: "x....x", ConsultRevoked: "......",
	}
	for _, from := range states {
		for i, to := range states {
			r := consultRecord{}
			r.State = from
			err := r.may(to)
			if ok := can[from][i] == 'x'; ok != (err == nil) || !ok && !errors.Is(err, &StateError{Code: CodeWrongState}) {
				t.Errorf("%s to %s: %v", from, to, err)
			}
		}
	}
}

// SE-20: set back, the clock stands until time has caught up, and never goes
// backward; set forward, it follows.
func TestSteadyClock(t *testing.T) {
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) // no monotonic reading
	c := steadyClock{source: func() time.Time { return at }}
	for _, row := range []struct{ step, want time.Duration }{
		{0, 0}, {time.Minute, time.Minute}, {-time.Hour, time.Minute}, {time.Second, time.Minute + time.Second},
		{2 * time.Hour, time.Minute + 2*time.Hour + time.Second},
	} {
		at = at.Add(row.step)
		if got := c.now().Sub(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)); got != row.want {
			t.Errorf("after a step of %s: %s; want %s", row.step, got, row.want)
		}
	}
}

func TestKeyedMutex(t *testing.T) {
	var k keyedMutex
	var counts [2]int
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			key := []string{"a", "b"}[i%2]
			defer k.lock(key)()
			counts[i%2]++ // the race detector watches
		})
	}
	wg.Wait()
	if counts != [2]int{100, 100} || len(k.held) != 0 {
		t.Errorf("%v, %d locks remain", counts, len(k.held))
	}
}
