package control_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
)

// copied makes a Consult Now link to copy.
func (f *clinic) copied() control.Consultation {
	f.t.Helper()
	c, err := f.ConsultNow(f.t.Context(), f.dr, f.area.ID, control.Contact{Copy: true}, "", nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

func (f *clinic) consult(id string) control.ConsultNow {
	f.t.Helper()
	c, err := f.ReadConsult(f.t.Context(), f.dr.Actor, id)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// R-CN-1, R-CN-4: the winner goes straight to the waiting provider; the link is
// used up; only the winner's visit token comes back in.
func TestConsultNow(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	c := f.copied()
	f.connect(c.Join)
	for range 3 { // looking consumes nothing
		lobby, err := f.Look(t.Context(), linkDigest(t, c.Consult.Link))
		if err != nil || lobby.Kind != control.LinkConsultNow {
			t.Fatalf("%+v, %v", lobby, err)
		}
	}
	if got := f.consult(c.Consult.ID).State; got != control.ConsultOpened { // R-CN-5
		t.Errorf("looked at, it is %s", got)
	}
	ann := f.enter(c.Consult.Link, "Ann")
	f.connect(ann.join)
	if f.where(ann.pid()) != c.Call.ID || f.where(c.Join.ParticipantID) != c.Call.ID {
		t.Errorf("Ann is %s", f.where(ann.pid()))
	}
	for range 2 {
		if _, err := f.tryEnter(c.Consult.Link, "Eve", nil); !errors.Is(err, control.ErrNotFound) {
			t.Errorf("used twice: %v", err)
		}
		f.restart() // SE-12: neither after a crash
		if back, err := f.tryEnter(c.Consult.Link, "Ann", ann); err != nil || back.id != ann.id || back.pid() != ann.pid() {
			t.Errorf("the winner: %v", err)
		}
	}
	eve := f.arrive("Eve")
	if _, err := f.tryEnter(c.Consult.Link, "Eve", eve); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("with another's visit token: %v", err)
	}
	_, err := f.RevokeConsult(t.Context(), f.dr.Actor, c.Consult.ID)
	refusedWith(t, err, control.CodeWrongState)
	_, err = f.ExtendConsult(t.Context(), f.dr.Actor, c.Consult.ID)
	refusedWith(t, err, control.CodeWrongState)
	want := []string{"consult_now.sent", "consult_now.opened", "consult_now.entered"}
	if got := f.events("consult_now."); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("webhooks %v", got)
	}
}

// R-CN-3: only the invited come in: who comes by the area's own link is in the
// queue and in nobody's call, a secret that nobody was sent leads nowhere, and
// another organisation sees nothing.
func TestConsultOnlyTheInvited(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	c := f.copied()
	f.connect(c.Join)
	eve := f.arrive("Eve")
	eve.want(control.VisitWaiting, "")
	if at := f.where(eve.pid()); at == c.Call.ID {
		t.Error("the area's link led into the call of an invited guest")
	}
	f.wantQueue("Eve waiting")
	guess, _ := f.keys.NewLink()
	_, unknown := f.tryEnter(guess, "Eve", nil)
	if !errors.Is(unknown, control.ErrNotFound) {
		t.Errorf("a guess: %v", unknown)
	}
	other, _, err := f.CreateOrganisation(t.Context(), "Others")
	if err != nil {
		t.Fatal(err)
	}
	stranger := control.Actor{Kind: control.ActorAccount, ID: "x", OrganisationID: other.ID}
	if _, err := f.ReadConsult(t.Context(), stranger, c.Consult.ID); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("another organisation reads it: %v", err)
	}
	if _, err := f.ExtendConsult(t.Context(), stranger, c.Consult.ID); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("another organisation extends it: %v", err)
	}
	if _, err := f.RevokeConsult(t.Context(), f.dr.Actor, c.Consult.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := f.tryEnter(c.Consult.Link, "Eve", nil); err == nil || err.Error() != unknown.Error() {
		t.Errorf("revoked: %v; never there: %v", err, unknown)
	}
}

// R-CN-2: five minutes to the millisecond, from creation when it is copied,
// from the hand-over when it is sent.
func TestConsultBoundary(t *testing.T) {
	for _, sent := range []bool{false, true} {
		for late, ok := range map[time.Duration]bool{0: true, time.Millisecond: false} {
			f := newClinic(t, control.AreaSettings{})
			link, id := "", ""
			if sent {
				link, id = f.sent()
				f.step(time.Hour) // the clock has not started
				if err := f.Delivered(t.Context(), f.noticeID(), f.clock(), nil); err != nil {
					t.Fatal(err)
				}
			} else {
				c := f.copied()
				link, id = c.Consult.Link, c.Consult.ID
			}
			f.step(control.ConsultTime + late)
			_, err := f.tryEnter(link, "Ann", nil)
			if ok != (err == nil) || !ok && !errors.Is(err, control.ErrNotFound) {
				t.Errorf("sent %t, %s late: %v", sent, late, err)
			}
			if want := map[bool]control.ConsultState{true: control.ConsultEntered, false: control.ConsultExpired}[ok]; f.consult(id).State != want {
				t.Errorf("sent %t, %s late: it is %s", sent, late, f.consult(id).State)
			}
		}
	}
}

// SE-20: a wall clock that is set back revives nothing, and what runs on takes
// its time.
func TestClockSetBack(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	c := f.copied().Consult
	ann := f.arrive("Ann")
	f.setClock(f.clock().Add(control.ConsultTime + time.Millisecond)) // nothing has marked it yet
	if _, err := f.Look(t.Context(), linkDigest(t, c.Link)); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("expired: %v", err)
	}
	f.setClock(f.clock().Add(-time.Hour))
	if _, err := f.tryEnter(c.Link, "Eve", nil); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("the clock was set back: %v", err)
	}
	f.due()
	if f.consult(c.ID).State != control.ConsultExpired {
		t.Error("not marked as expired")
	}
	f.restart()
	if _, err := f.tryEnter(c.Link, "Eve", nil); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("after a restart at the earlier time: %v", err)
	}
	ann.want(control.VisitWaiting, "")
}

// When the provider has left, the winner waits and keeps the right to come in;
// when everything is over, nothing of it can be read.
func TestConsultWithoutProvider(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	c := f.copied()
	f.connect(c.Join)
	f.left(c.Join.ParticipantID, control.DepartedLeft)
	ann := f.enter(c.Consult.Link, "Ann")
	f.connect(ann.join)
	f.wantQueue("Ann waiting")
	f.admit(f.dr, ann, control.AdmitSpec{})
	if err := f.LeaveVisit(t.Context(), ann.actor, ann.id); err != nil {
		t.Fatal(err)
	}
	f.step(time.Minute)
	if n := f.vault.Keys(); n != 0 || f.consult(c.Consult.ID).Address != "" {
		t.Errorf("%d keys remain", n)
	}
}

// SE-4, R-CN-4: of a hundred simultaneous entries exactly one wins, and media
// has exactly that one with the provider.
func TestConsultRace(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	for range raceLinks {
		c := f.copied()
		f.connect(c.Join)
		var won atomic.Int32
		var winner atomic.Pointer[guest]
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i := range 100 {
			wg.Go(func() {
				<-start
				g, err := f.tryEnter(c.Consult.Link, fmt.Sprint("Guest ", i), nil)
				switch {
				case err == nil:
					won.Add(1)
					winner.Store(g)
				case !errors.Is(err, control.ErrNotFound):
					t.Errorf("lost with %v", err)
				}
			})
		}
		close(start)
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d won", won.Load())
		}
		g := winner.Load()
		f.connect(g.join)
		people, _ := f.media.Participants(t.Context(), c.Call.ID)
		if len(people) != 2 || f.where(g.pid()) != c.Call.ID {
			t.Fatalf("%d people in the call", len(people))
		}
	}
	if n := f.vault.Keys(); n != 2*raceLinks {
		t.Errorf("%d keys; want two for each link: its own and its visit's", n)
	}
}
