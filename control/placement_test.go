package control_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/atriumrtc/atrium/control"
)

// lazyMedia does what it is told after a while, so that what is told at once
// comes in any order.
type lazyMedia struct{ control.Media }

func (m lazyMedia) Place(ctx context.Context, people ...control.Placement) []error {
	time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
	return m.Media.Place(ctx, people...)
}

func (m lazyMedia) Dismiss(ctx context.Context, id string) error {
	time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
	return m.Media.Dismiss(ctx, id)
}

func (m lazyMedia) Remove(ctx context.Context, room, id string) error {
	time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
	return m.Media.Remove(ctx, room, id)
}

// Whatever order changes are followed in, media has everybody where the last
// change put them, also where somebody has to leave a full call first.
func TestPlacementFollowsTheLastChange(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	f.lazy = true
	f.restart()
	call := ""
	var guests []*guest
	for i := range 6 {
		g := f.arrive(fmt.Sprint("Guest ", i))
		guests = append(guests, g)
		if i == 0 {
			call = f.admit(f.dr, g, control.AdmitSpec{}).Call.ID
		}
	}
	for round := range 15 {
		var wg sync.WaitGroup
		for _, g := range guests {
			wg.Go(func() { // six want in, four fit
				for range 3 {
					_, err := f.Admit(context.Background(), f.dr, g.id, control.AdmitSpec{CallID: call})
					if err != nil && !errors.As(err, new(*control.StateError)) {
						t.Error(err)
					}
					if _, err := f.Hold(context.Background(), f.dr.Actor, g.id); err != nil && !errors.As(err, new(*control.StateError)) {
						t.Error(err)
					}
				}
				_, _ = f.Admit(context.Background(), f.dr, g.id, control.AdmitSpec{CallID: call}) // full for some
			})
		}
		wg.Wait()
		in := 0
		for _, g := range guests {
			v := g.visit()
			want := "parked"
			if v.State == control.VisitInCall {
				want = call
				in++
			}
			if got := f.where(g.pid()); got != want {
				t.Fatalf("round %d: a guest who is %s is %s", round, v.State, got)
			}
		}
		if in != 4 {
			t.Fatalf("%d guests are in the call", in)
		}
		for _, g := range guests {
			_, _ = f.Hold(context.Background(), f.dr.Actor, g.id) // those that are in it
		}
	}
}

// waitingMedia takes a while for whatever it is told, which is a sleep: of a test's
// clock.
type waitingMedia struct{ control.Media }

const slowness = 50 * time.Millisecond

func (m waitingMedia) Place(ctx context.Context, people ...control.Placement) []error {
	time.Sleep(slowness)
	return m.Media.Place(ctx, people...)
}

func (m waitingMedia) Dismiss(ctx context.Context, id string) error {
	time.Sleep(slowness)
	return m.Media.Dismiss(ctx, id)
}

// R-GC-4: everybody who belongs in a room is placed at once. Of those who belong
// nowhere aloneWorkers are dismissed at a time, however few cores there are, as they
// wait for the outside.
func TestPlacementInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newClinic(t, control.AreaSettings{})
		s := sessionIn(f, control.MaxGroupParticipants)
		f.wrap = func(m control.Media) control.Media { return waitingMedia{m} }
		f.restart()
		s.plan(control.AssignRandom, 10)
		rounds := func(what string, want int, do func()) {
			t.Helper()
			began := time.Now()
			do()
			if got := time.Since(began); got != time.Duration(want)*slowness {
				t.Errorf("%s takes %v; want %d times %v", what, got, want, slowness)
			}
		}
		rounds("opening breakouts", 1, func() { s.openAll() })
		rounds("closing them", 1, func() { s.closeIn(0) })
		people := len(s.guests) + 1
		rounds("the end", (people+7)/8, func() {
			if err := s.EndGroup(t.Context(), s.dr.Actor, s.group); err != nil {
				t.Fatal(err)
			}
		})
		s.wantAllIn("the end", "gone")
	})
}
