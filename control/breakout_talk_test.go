package control_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/atriumrtc/atrium/control"
)

func help(t *testing.T, s *session, g *guest, asking bool) {
	t.Helper()
	if err := s.AskForHelp(t.Context(), g.actor, s.call, asking); err != nil {
		t.Fatal(err)
	}
}

// R-GC-4: a participant asks, the moderators are told, one comes.
func TestBreakoutHelp(t *testing.T) {
	s := newSession(t, 3)
	g := s.guests
	co := s.colleague(s.app("Dr Two"))
	s.plan(control.AssignManual, 2, []string{g[0].pid()}, []string{g[1].pid()})
	b := s.openAll()
	refusedWith(t, s.AskForHelp(t.Context(), g[2].actor, s.call, true), control.CodeWrongState)
	help(t, s, g[0], true)
	help(t, s, g[0], true) // told once
	help(t, s, g[1], true)
	told := s.told(control.NoticeHelp)
	if len(told) != 2 || !slices.Equal(told[0].To.ParticipantIDs, []string{s.host.ParticipantID, co.ParticipantID}) ||
		len(told[0].To.RoomIDs) != 0 || told[0].Notice.From != g[0].pid() || told[0].Notice.Room != b.Rooms[0].ID {
		t.Errorf("told %+v", told)
	}
	help(t, s, g[1], false)
	if b := s.breakouts(); len(b.Help) != 1 || b.Help[0].ParticipantID != g[0].pid() {
		t.Errorf("asking: %+v", b.Help)
	}
	s.move(co.ParticipantID, b.Rooms[0].ID)
	if b := s.breakouts(); len(b.Help) != 0 {
		t.Errorf("still asking when a moderator is there: %+v", b.Help)
	}
	help(t, s, g[1], true)
	s.left(g[1].pid(), control.DepartedLeft)
	if b := s.breakouts(); len(b.Help) != 0 || len(b.Places) != 2 {
		t.Errorf("somebody who left is still in it: %+v", b)
	}
}

// R-GC-4: text to everybody, kept nowhere (IC).
func TestBroadcastText(t *testing.T) {
	s := newSession(t, 2)
	b := s.plan(control.AssignRandom, 2)
	for _, text := range []string{"", " ", strings.Repeat("a", 1001), "a\x00b"} {
		var field *control.FieldError
		if err := s.BroadcastText(t.Context(), s.dr, s.call, text, nil); !errors.As(err, &field) || field.Field != "text" {
			t.Errorf("%.10q: %v", text, err)
		}
	}
	send := func(who control.Staff, from string, rooms ...string) {
		t.Helper()
		if err := s.BroadcastText(t.Context(), who, s.call, "Canary five minutes", nil); err != nil {
			t.Fatal(err)
		}
		told := s.told(control.NoticeBroadcast)
		if len(told) != 1 || !slices.Equal(told[0].To.RoomIDs, rooms) || told[0].Notice.From != from ||
			told[0].Notice.Text != "Canary five minutes" {
			t.Errorf("told %+v", told)
		}
	}
	send(s.dr, s.host.ParticipantID, s.call)
	s.openAll()
	send(s.dr, s.host.ParticipantID, s.call, b.Rooms[0].ID, b.Rooms[1].ID)
	send(s.app(""), "", s.call, b.Rooms[0].ID, b.Rooms[1].ID)
	once := &control.Once{Operation: "broadcast", Key: "k", Request: []byte("Canary five minutes")}
	for range 2 {
		if err := s.BroadcastText(t.Context(), s.dr, s.call, "Canary five minutes", once); err != nil {
			t.Fatal(err)
		}
	}
	if told := s.told(control.NoticeBroadcast); len(told) != 1 {
		t.Errorf("repeated, it is told %d times", len(told))
	}
	s.each("", func(record string) { t.Errorf("the text stands in %.40s", record) }, "Canary five")
}

// R-GC-4: a moderator's voice is heard in all other rooms, wherever they go and
// whatever rooms there are; until they end it, another begins, the breakouts
// close or they leave.
func TestBroadcastVoice(t *testing.T) {
	s := newSession(t, 2)
	dr, two := s.host.ParticipantID, s.app("Dr Two")
	b := s.plan(control.AssignRandom, 2)
	r1, r2 := b.Rooms[0].ID, b.Rooms[1].ID
	voice := func(who control.Staff, on bool) error { return s.BroadcastVoice(t.Context(), who, s.call, on) }
	want := func(what, pid string, rooms ...string) {
		t.Helper()
		if got := s.media.Attached(pid); !slices.Equal(got, rooms) {
			t.Errorf("%s: heard in %v; want %v", what, got, rooms)
		}
	}
	refusedWith(t, voice(s.dr, true), control.CodeWrongState) // closed
	s.openAll()
	refusedWith(t, voice(two, true), control.CodeWrongState) // not in the call
	for range 2 {
		if err := voice(s.dr, true); err != nil {
			t.Fatal(err)
		}
		want("from the main room", dr, r1, r2)
	}
	s.move(dr, r1)
	want("from a breakout", dr, s.call, r2)
	b = s.planned(control.BreakoutPlan{Assign: control.AssignRandom, Rooms: []control.PlannedRoom{{ID: r1}, {}, {}}})
	want("with other rooms", dr, s.call, b.Rooms[1].ID, b.Rooms[2].ID)
	s.drop(dr)
	s.media.Disconnect(dr)
	again, err := s.CallSeat(t.Context(), s.dr, s.call)
	if err != nil {
		t.Fatal(err)
	}
	s.connect(again)
	s.wantIn("back after a lost connection", dr, r1)
	want("back after a lost connection", dr, s.call, b.Rooms[1].ID, b.Rooms[2].ID)

	co := s.colleague(two)
	if err := errors.Join(voice(two, false), voice(two, true)); err != nil { // off: not theirs to end
		t.Fatal(err)
	}
	want("another has begun", dr)
	want("another has begun", co.ParticipantID, r1, b.Rooms[1].ID, b.Rooms[2].ID)
	if err := voice(two, false); err != nil {
		t.Fatal(err)
	}
	want("ended", co.ParticipantID)
	if err := voice(s.dr, true); err != nil {
		t.Fatal(err)
	}
	s.closeIn(0)
	want("closed", dr)
	if b := s.breakouts(); b.Speaker != "" {
		t.Errorf("%q speaks when they are closed", b.Speaker)
	}
	s.openAll()
	if err := voice(two, true); err != nil {
		t.Fatal(err)
	}
	s.left(co.ParticipantID, control.DepartedLeft)
	if b := s.breakouts(); b.Speaker != "" {
		t.Errorf("%q speaks who has left", b.Speaker)
	}
}

// What a moderator set comes along into every room (R-GC-5).
func TestControlsComeAlong(t *testing.T) {
	s := newSession(t, 1)
	b := s.plan(control.AssignManual, 1, []string{s.guests[0].pid()})
	s.openAll()
	s.wantIn("opened", s.guests[0].pid(), b.Rooms[0].ID)
	room, ok := s.media.Placed(s.guests[0].pid())
	if !ok || room.Kind != "breakout" || room.Name != "R0" || room.Capacity != 61 || room.Controls.Call != s.call {
		t.Errorf("placed into %+v", room)
	}
}

// takeoverMedia ends a voice slowly, by a test's clock, and notes how many are
// heard at once.
type takeoverMedia struct {
	control.Media
	mu    sync.Mutex
	heard map[string]bool
	most  int
}

func (m *takeoverMedia) Attach(ctx context.Context, id string, rooms []string) error {
	if len(rooms) == 0 {
		time.Sleep(slowness)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if delete(m.heard, id); len(rooms) > 0 {
		m.heard[id] = true
	}
	m.most = max(m.most, len(m.heard))
	return m.Media.Attach(ctx, id, rooms)
}

// R-GC-4: one speaks to all at a time. Who takes over is heard when the other isn't
// any more.
func TestVoiceIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newClinic(t, control.AreaSettings{})
		media := &takeoverMedia{heard: make(map[string]bool)}
		f.wrap = func(m control.Media) control.Media {
			media.Media = m
			return media
		}
		f.restart()
		s := sessionIn(f, 2)
		two := s.app("Dr Two")
		co := s.colleague(two)
		s.plan(control.AssignRandom, 2)
		s.openAll()
		for range 3 {
			for who, id := range map[*control.Staff]string{&s.dr: s.host.ParticipantID, &two: co.ParticipantID} {
				if err := s.BroadcastVoice(t.Context(), *who, s.call, true); err != nil {
					t.Fatal(err)
				}
				if !media.heard[id] || len(media.heard) != 1 {
					t.Errorf("%v are heard; want %s", media.heard, id)
				}
			}
		}
		if media.most != 1 {
			t.Errorf("%d were heard at once", media.most)
		}
	})
}
