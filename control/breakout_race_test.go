package control_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
)

// settled checks that media has everybody where the store says, and rooms as it
// says.
func (s *session) settled(what string) {
	s.t.Helper()
	b := s.breakouts()
	at := func(pid string) string {
		if room := b.Places[pid]; room != "" {
			return room
		}
		return s.call
	}
	for i, g := range s.guests {
		want := map[control.VisitState]string{
			control.VisitEnded: "gone", control.VisitOnHold: "parked", control.VisitInCall: at(g.pid()),
		}[g.visit().State]
		s.wantIn(fmt.Sprint(what, ": guest ", i), g.pid(), want)
	}
	s.wantIn(what+": the moderator", s.host.ParticipantID, at(s.host.ParticipantID))
	for _, r := range b.Rooms {
		room := s.media.Arranged(r.ID)
		if end := s.roomEnd(b.EndsAt); b.State == control.BreakoutsOpen && (room.Name != r.Name || !room.EndsAt.Equal(end)) {
			s.t.Errorf("%s: a room is arranged as %q until %v; want %q until %v", what, room.Name, room.EndsAt, r.Name, end)
		}
	}
	if voice := s.media.Attached(s.host.ParticipantID); (len(voice) > 0) != (b.Speaker != "") {
		s.t.Errorf("%s: the moderator is heard in %v, the speaker is %q", what, voice, b.Speaker)
	}
}

// fine fails for errors that no race explains.
func fine(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, control.ErrNotFound) && !errors.Is(err, &control.StateError{Code: control.CodeWrongState}) {
		t.Error(err)
	}
}

// R-GC-4, R-GC-7: moves while the rooms close and open, two moderators who move
// the same people, people who are removed and leave meanwhile: when everything
// is quiet, media has everybody where the store says, whatever order it was
// told in.
func TestBreakoutRaces(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	f.lazy = true
	f.restart()
	s := sessionIn(f, 8)
	ctx := context.Background()
	b := s.plan(control.AssignRandom, 3)
	rooms := []string{control.MainRoom}
	for _, r := range b.Rooms {
		rooms = append(rooms, r.ID)
	}
	for round := range 10 {
		_, err := s.OpenBreakouts(ctx, s.dr.Actor, s.call)
		fine(t, err)
		var wg sync.WaitGroup
		for range 2 { // two moderators
			wg.Go(func() {
				for range 12 {
					g := s.guests[rand.IntN(len(s.guests))]
					fine(t, s.MoveMember(ctx, s.dr.Actor, s.call, g.pid(), rooms[rand.IntN(len(rooms))]))
				}
			})
		}
		wg.Go(func() {
			fine(t, s.MoveMember(ctx, s.dr.Actor, s.call, s.host.ParticipantID, rooms[1+rand.IntN(3)]))
			fine(t, s.BroadcastVoice(ctx, s.dr, s.call, rand.IntN(2) == 0))
		})
		wg.Go(func() {
			for range 2 {
				_, err := s.CloseBreakouts(ctx, s.dr.Actor, s.call, 0)
				fine(t, err)
				_, err = s.OpenBreakouts(ctx, s.dr.Actor, s.call)
				fine(t, err)
			}
		})
		out := s.guests[round%len(s.guests)]
		wg.Go(func() {
			if round%2 == 0 {
				fine(t, s.RemoveMember(ctx, s.dr.Actor, s.call, out.pid()))
			} else {
				fine(t, s.LeaveVisit(ctx, out.actor, out.id))
			}
		})
		wg.Wait()
		s.settled(fmt.Sprint("round ", round))
		if t.Failed() {
			return
		}
	}
}

// busyMedia notes how many are placed by one call, and into which rooms.
type busyMedia struct {
	control.Media
	mu     sync.Mutex
	placed []map[string]int // people by room
}

func (m *busyMedia) Place(ctx context.Context, people ...control.Placement) []error {
	rooms := make(map[string]int)
	for _, p := range people {
		if p.Room != nil {
			rooms[p.Room.ID]++
		}
	}
	m.mu.Lock()
	m.placed = append(m.placed, rooms)
	m.mu.Unlock()
	return m.Media.Place(ctx, people...)
}

// R-GC-4: sixty people go into ten rooms, from there into others, and come back, by
// one change each.
func TestEverybodyAtOnce(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	media := &busyMedia{}
	f.wrap = func(m control.Media) control.Media {
		media.Media = m
		return media
	}
	f.restart()
	s := sessionIn(f, control.MaxGroupParticipants)
	s.plan(control.AssignRandom, 10)
	byOneChange := func(what string, want map[string]int, do func()) {
		t.Helper()
		media.placed = nil
		do()
		s.settled(what)
		if len(media.placed) != 1 || !maps.Equal(media.placed[0], want) {
			t.Errorf("%s: placed %v; want %v at once", what, media.placed, want)
		}
	}
	b := s.breakouts()
	sixEach := make(map[string]int)
	for _, r := range b.Rooms {
		sixEach[r.ID] = control.MaxGroupParticipants / len(b.Rooms)
	}
	byOneChange("opening", sixEach, func() { b = s.openAll() })
	byOneChange("moving", sixEach, func() {
		var moves []control.Move
		for id, from := range b.Places {
			i := slices.IndexFunc(b.Rooms, func(r control.BreakoutRoom) bool { return r.ID == from })
			moves = append(moves, control.Move{ParticipantID: id, Room: b.Rooms[(i+1)%len(b.Rooms)].ID})
		}
		if _, err := s.MoveMembers(t.Context(), s.dr.Actor, s.call, moves); err != nil {
			t.Fatal(err)
		}
	})
	byOneChange("closing", map[string]int{s.call: control.MaxGroupParticipants}, func() { s.closeIn(0) })
}

// slowMedia holds placements until it is told to go on, once.
type slowMedia struct {
	control.Media
	entered, proceed chan struct{}
	once             sync.Once
}

func (m *slowMedia) Place(ctx context.Context, people ...control.Placement) []error {
	if room := people[0].Room; room != nil && room.Kind == "breakout" {
		m.once.Do(func() {
			close(m.entered)
			<-m.proceed
		})
	}
	return m.Media.Place(ctx, people...)
}

// A room that is opened by a slow placement isn't left with what was set when
// the placement began: the last word is the store's.
func TestControlsOfASlowPlacement(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	media := &slowMedia{entered: make(chan struct{}), proceed: make(chan struct{})}
	f.wrap = func(m control.Media) control.Media {
		media.Media = m
		return media
	}
	f.restart()
	s := sessionIn(f, 1)
	s.plan(control.AssignManual, 1)
	b := s.openAll()
	moved := make(chan error)
	go func() {
		moved <- s.MoveMember(context.Background(), s.dr.Actor, s.call, s.guests[0].pid(), b.Rooms[0].ID)
	}()
	<-media.entered
	s.planned(control.BreakoutPlan{Rooms: []control.PlannedRoom{{ID: b.Rooms[0].ID, Name: "Blue"}}, Duration: time.Hour})
	close(media.proceed)
	if err := <-moved; err != nil {
		t.Fatal(err)
	}
	s.settled("after a slow placement")
}

// BenchmarkCloseBreakouts is how long it takes from closing ten breakouts until
// sixty people are back, where media takes no time: commits included.
func BenchmarkCloseBreakouts(b *testing.B) {
	s := newSession(b, control.MaxGroupParticipants)
	s.plan(control.AssignRandom, 10)
	for b.Loop() {
		b.StopTimer()
		s.openAll()
		b.StartTimer()
		s.closeIn(0)
	}
}
