package control_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
)

// lazyMedia does what it is told after a while, so that what is told at once
// comes in any order.
type lazyMedia struct{ control.Media }

func (m lazyMedia) Place(ctx context.Context, room *control.MediaRoom, people ...control.Placement) []error {
	time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
	return m.Media.Place(ctx, room, people...)
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
