package bench

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func validBreakout() Breakout {
	return Breakout{URL: "http://127.0.0.1:8080", Participants: 12, Rooms: 4, Moves: 5, Admits: 3, Ramp: 30, Pause: time.Second}
}

func fakeBreakout(f *fakeGroup, s Breakout) (*breakoutRun, *silent) {
	progress := &silent{}
	return &breakoutRun{scenario: s, api: f, attender: f, progress: progress, version: "test"}, progress
}

// near compares a figure in seconds with a time.
func near(x *float64, d time.Duration) bool {
	return x != nil && *x > d.Seconds()-1e-6 && *x < d.Seconds()+1e-6
}

// A run takes everybody through the group and its breakouts, measures each move,
// and leaves nothing behind (R-GC-2, R-GC-4, PF-4, PF-5).
func TestBreakoutRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeGroup{}
		r, _ := fakeBreakout(f, validBreakout())
		result, err := r.do(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		j := result.Joins
		if j.Registered != 12 || j.Waiting != 12 || j.Admitted != 12 || j.Together != 12 || j.Failed+j.Dropped != 0 || !result.Complete() {
			t.Errorf("joins %+v", j)
		}
		if result.SDP != 0 || result.Stray != 0 {
			t.Errorf("sdp %d, stray %d", result.SDP, result.Stray)
		}
		var kinds []string
		for _, m := range result.Moves {
			kinds = append(kinds, m.Kind)
			if m.AudioGap.Count != 12 || !near(m.AudioGap.P95, fakeGap) || !near(m.FirstVideo.P50, fakeRequest+fakeSeen) ||
				!near(m.Told.P50, fakeRequest+fakeTold) || !near(&m.RequestSeconds, fakeRequest) {
				t.Errorf("%s: %+v", m.Kind, m)
			}
		}
		if want := []string{"open", "move", "move", "move", "move", "move", "close"}; !slices.Equal(kinds, want) {
			t.Errorf("moves %q", kinds)
		}
		if result.AudioGap.Count != 6*12 || !near(result.SteadyGap.Max, fakeSteady) || !near(result.FirstAudio.P95, fakeRequest+fakeHeard) {
			t.Errorf("gaps %+v, steady %+v, first sound %+v", result.AudioGap, result.SteadyGap, result.FirstAudio)
		}
		if c := result.Closing; c.AudioGap.Count != 12 || !near(c.FirstVideo.Max, fakeRequest+fakeSeen) {
			t.Errorf("closing %+v", c)
		}
		if a := result.Admit; a.Request.Count != 3 || !near(a.Request.P50, fakeRequest) || !near(a.Hear.P95, fakeHeard) || !near(a.SeeSent.P95, fakeRequest+fakeSeen) {
			t.Errorf("admitted one by one: %+v", a)
		}
		s := result.Storm
		if s.Admitted != 12 || !near(s.See.Max, fakeRequest+fakeSeen) || !near(s.LinksSeconds, 11*time.Second/30) {
			t.Errorf("storm %+v", s)
		}
		if f.removed != 1 || f.left != 12+1+2 {
			t.Errorf("removed %d times, %d left", f.removed, f.left)
		}
		if result.Loss == nil || *result.Loss < 0.009 || *result.Loss > 0.011 {
			t.Errorf("loss %v, want 1%%", result.Loss)
		}
		var out bytes.Buffer
		if err := result.Report(&out, false); err != nil || !strings.Contains(out.String(), "move 5") || !strings.Contains(out.String(), "a group of 12") {
			t.Errorf("%v\n%s", err, &out)
		}
	})
}

// Singly, people are moved by a request for each; else by one for all.
func TestBreakoutSingly(t *testing.T) {
	for _, singly := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeGroup{}
			s := validBreakout()
			s.Singly, s.Moves, s.Admits = singly, 2, 0
			r, _ := fakeBreakout(f, s)
			if _, err := r.do(t.Context()); err != nil {
				t.Fatal(err)
			}
			if want := map[bool][2]int{true: {24, 0}, false: {0, 2}}[singly]; f.moves != want[0] || f.movesOfAll != want[1] {
				t.Errorf("singly %v: %d moves of one, %d of all", singly, f.moves, f.movesOfAll)
			}
			for id, p := range f.people {
				if p.warned || f.unwarned > 0 {
					t.Errorf("singly %v: %s expects a move in the end: %v; %d were moved unawares", singly, id, p.warned, f.unwarned)
				}
			}
		})
	}
	s := validBreakout()
	s.Singly, s.Together = true, true
	if err := s.Validate(); !errors.Is(err, ErrScenario) {
		t.Errorf("singly and together: %v", err)
	}
}

// Together, people are moved by closing and opening the rooms.
func TestBreakoutTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeGroup{}
		s := validBreakout()
		s.Together, s.Moves, s.Admits = true, 2, 0
		r, _ := fakeBreakout(f, s)
		result, err := r.do(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, m := range result.Moves {
			kinds = append(kinds, m.Kind)
		}
		if want := []string{"open", "close", "open", "close", "open", "close"}; !slices.Equal(kinds, want) {
			t.Errorf("moves %q", kinds)
		}
		if len(f.plans) != 3 || slices.Equal(f.plans[0][0], f.plans[1][0]) || result.AudioGap.Count != 36 || result.Closing.Told.Count != 36 || f.moves != 0 {
			t.Errorf("plans %q, %d gaps, %d closings, %d moves by hand", f.plans, result.AudioGap.Count, result.Closing.Told.Count, f.moves)
		}
	})
}

// Every move takes everybody elsewhere; the rooms are equally full, and with
// three or more those who were together meet others.
func TestBreakoutDeal(t *testing.T) {
	for _, s := range []Breakout{{Participants: 60, Rooms: 10}, {Participants: 60, Rooms: 30}, {Participants: 7, Rooms: 3}, {Participants: 5, Rooms: 2}} {
		for n := range 25 {
			was, is := s.deal(n), s.deal(n+1)
			full := make([]int, s.Rooms)
			for i := range is {
				full[is[i]]++
				if is[i] == was[i] {
					t.Fatalf("%+v: move %d leaves %d where they are", s, n+1, i)
				}
			}
			if slices.Min(full) < s.Participants/s.Rooms || slices.Max(full) > (s.Participants+s.Rooms-1)/s.Rooms {
				t.Fatalf("%+v: after move %d the rooms have %v", s, n+1, full)
			}
			if s.Rooms > 2 && is[0] == is[s.Rooms] && was[0] == was[s.Rooms] {
				t.Fatalf("%+v: move %d keeps those of a room together", s, n+1)
			}
		}
	}
}

// A packet of somebody in another room is a stray one (R-GC-7), and a claim that
// there is none fails.
func TestBreakoutStrays(t *testing.T) {
	for whom, want := range map[string]bool{"p3": true, "nobody": true, "": false} {
		synctest.Test(t, func(t *testing.T) {
			r, _ := fakeBreakout(&fakeGroup{hears: whom}, validBreakout())
			result, err := r.do(t.Context())
			if err != nil || (result.Stray > 0) != want {
				t.Fatalf("of %q %d stray: %v", whom, result.Stray, err)
			}
			claims, err := ParseAssertionsOf(result.Fields(), "sdp==0,stray==0,audio_gap_p95<60ms")
			if err != nil {
				t.Fatal(err)
			}
			if result.Judge(claims); result.Held() == want {
				t.Errorf("of %q: %+v", whom, result.Assertions)
			}
			// In the main room everybody hears everybody.
			if last := result.Moves[len(result.Moves)-1]; whom == "p3" && last.Stray != 0 {
				t.Errorf("%d stray after everybody has come back", last.Stray)
			}
		})
	}
}

// Who can't come in, or is cut off, is counted, and the others go on.
func TestBreakoutLosses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeGroup{
			refuse: func(index int) bool { return index == 2 },
			drops:  func(index int) bool { return index == 5 },
		}
		s := validBreakout()
		s.Singly = true
		r, _ := fakeBreakout(f, s)
		result, err := r.do(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		j := result.Joins
		if j.Registered != 12 || j.Waiting != 11 || j.Together != 11 || j.Failed != 1 || j.Dropped != 1 || result.Complete() {
			t.Errorf("joins %+v", j)
		}
		if want := []ErrorCount{{"join: the door is shut", 1}, {"open: cut off", 1}}; !slices.Equal(j.Errors, want) {
			t.Errorf("errors %+v", j.Errors)
		}
		if n := result.Moves[1].AudioGap.Count; n != 10 || f.moves != 5*10 {
			t.Errorf("%d gaps, %d moves; want 10 and 50", n, f.moves)
		}
		if f.removed != 1 || f.left != 11+1+2 {
			t.Errorf("removed %d times, %d left", f.removed, f.left)
		}
	})
}

// Interrupted or refused, a run deletes what it made.
func TestBreakoutEndsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeGroup{removeErr: errors.New("no")}
		r, progress := fakeBreakout(f, validBreakout())
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := r.do(ctx); !errors.Is(err, ErrInterrupted) {
			t.Errorf("%v, want ErrInterrupted", err)
		}
		if f.removed != 1 || f.left == 0 || len(progress.notes) != 1 {
			t.Errorf("removed %d times, %d left, notes %q", f.removed, f.left, progress.notes)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f := &fakeGroup{createErr: ErrKey}
		r, _ := fakeBreakout(f, validBreakout())
		if _, err := r.do(t.Context()); !errors.Is(err, ErrKey) || f.removed != 1 {
			t.Errorf("%v, want ErrKey; removed %d times", err, f.removed)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		f := &fakeGroup{refuse: func(int) bool { return true }}
		r, _ := fakeBreakout(f, validBreakout())
		if _, err := r.do(t.Context()); !errors.Is(err, ErrNobody) || !strings.Contains(err.Error(), "the door is shut") {
			t.Errorf("%v, want ErrNobody and why", err)
		}
	})
}

func TestBreakoutValidate(t *testing.T) {
	if err := validBreakout().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Breakout){
		"--url":          func(s *Breakout) { s.URL = "ftp://x" },
		"--participants": func(s *Breakout) { s.Participants = 61 },
		"--rooms":        func(s *Breakout) { s.Rooms = 7 },
		"--moves":        func(s *Breakout) { s.Moves = -1 },
		"--admits":       func(s *Breakout) { s.Admits = -1 },
		"--ramp":         func(s *Breakout) { s.Ramp = 0 },
		"--pause":        func(s *Breakout) { s.Pause = time.Hour },
	} {
		s := validBreakout()
		change(&s)
		if err := s.Validate(); !errors.Is(err, ErrScenario) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
