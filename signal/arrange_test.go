package signal

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal/message"
)

// R-GC-5, R-GC-4: a room's controls, and when its call's breakouts close, come
// with the room, and to those in it when they change; nobody else is told.
func TestArrange(t *testing.T) {
	w := newWorld(t, nil)
	ends := time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.FixedZone("", 3600))
	a := Arrangement{
		Room: "r", Name: "Group", EndsAt: ends, Call: "call", ChatOff: true, Spotlight: "x", InCharge: "y",
		Breakouts: []message.Breakout{{ID: "b", Name: "B"}}, BreakoutsOpen: true, BreakoutsEndAt: ends,
	}
	utc := time.Date(2026, 1, 2, 2, 4, 5, 678_000_000, time.UTC)
	told := &message.Controls{
		Room: "r", Name: "Group", EndsAt: &utc, Call: "call",
		Controls:  message.Moderation{Chat: message.ChatOff, Spotlight: "x", InCharge: "y"},
		Breakouts: []message.Breakout{{ID: "b", Name: "B"}}, BreakoutsOpen: true, BreakoutsEndAt: &utc,
	}
	w.server.Arrange(a) // before the room is opened
	p, _ := w.join(t, "p", "r")
	got := want[*message.Room](p)
	for got.ID != "r" {
		got = want[*message.Room](p)
	}
	if diff := cmp.Diff(told, &message.Controls{
		Room: got.ID, Name: got.Name, EndsAt: got.EndsAt, Call: got.Call, Controls: got.Controls, Breakouts: got.Breakouts,
		BreakoutsOpen: got.BreakoutsOpen, BreakoutsEndAt: got.BreakoutsEndAt,
	}); diff != "" {
		t.Errorf("the room: %s", diff)
	}
	other, _ := w.join(t, "other", "s")
	parked, _ := w.join(t, "parked", "")
	w.server.Arrange(a) // nothing new
	a.Spotlight, told.Controls.Spotlight = "", ""
	a.Breakouts, told.Breakouts = nil, []message.Breakout{}
	a.BreakoutsEndAt, told.BreakoutsEndAt = time.Time{}, nil
	w.server.Arrange(a)
	if diff := cmp.Diff(told, want[*message.Controls](p)); diff != "" {
		t.Error(diff)
	}
	for _, m := range append(other.rest(), parked.rest()...) {
		switch m := m.(type) {
		case *message.Controls:
			t.Errorf("somebody elsewhere got %+v", m)
		case *message.Room:
			if m.Name != "" || m.Controls != (message.Moderation{Chat: message.ChatOn}) || m.Breakouts == nil || m.Call != "" {
				t.Errorf("where nothing is arranged: %+v", m)
			}
		}
	}
	// Who comes back is told what holds now.
	w.engine.get(t, "other").moveTo("r")
	if m := want[*message.Room](other); m.ID != "r" || m.Name != "Group" || m.Controls != told.Controls || !m.BreakoutsOpen {
		t.Errorf("got %+v", m)
	}
}

// R-GC-3, R-GC-4: notices reach the rooms and the people that they are for,
// wherever these are, once.
func TestTell(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join(t, "a", "r")
	b, _ := w.join(t, "b", "s")
	parked, _ := w.join(t, "parked", "")
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, row := range []struct {
		to   Audience
		want string // of a, b, parked
	}{
		{Audience{Rooms: []string{"r"}}, "100"},
		{Audience{Rooms: []string{"r", "s", "s", "t", ""}}, "110"},
		{Audience{Participants: []string{"parked", "nobody"}}, "001"},
		{Audience{Rooms: []string{"s"}, Participants: []string{"b", "b", "a"}}, "110"},
		{Audience{}, "000"},
	} {
		w.server.Tell(row.to, message.Notice{Code: message.NoticeHelp, Text: "x\u202e", From: "a", Room: "r", At: &at})
		got := ""
		for _, p := range []*peer{a, b, parked} {
			n := 0
			for _, m := range p.rest() {
				notice, ok := m.(*message.Notice)
				if !ok {
					continue
				}
				n++
				told := &message.Notice{Code: message.NoticeHelp, Message: notice.Message, Text: "x", From: "a", Room: "r", At: &at}
				if diff := cmp.Diff(told, notice); diff != "" || notice.Message == "" {
					t.Errorf("got %+v", notice)
				}
			}
			got += fmt.Sprint(n)
		}
		if got != row.want {
			t.Errorf("%+v: got %s, want %s", row.to, got, row.want)
		}
	}
	for code, text := range noticeMessages {
		if text == "" {
			t.Errorf("%s has no message", code)
		}
	}
}

// R-GC-4: a client is told the time that the ends go by, and can count down
// whatever its own clock says.
func TestWelcomeTellsTheTime(t *testing.T) {
	w := newWorld(t, nil)
	w.server.now = func() time.Time { return time.Date(2031, 1, 2, 3, 4, 5, 678_900_000, time.FixedZone("", 3600)) }
	if _, m := w.join(t, "p", "r"); !m.Now.Equal(time.Date(2031, 1, 2, 2, 4, 5, 678_000_000, time.UTC)) {
		t.Errorf("it is %v", m.Now)
	}
}

// SE-18: what was arranged for rooms that have ended is forgotten.
func TestArrangementsAreForgotten(t *testing.T) {
	w := newWorld(t, nil)
	p, _ := w.join(t, "p", "open")
	away, _ := w.join(t, "away", "kept")
	_ = away.conn.CloseNow()
	eventually(t, "detached", w.engine.get(t, "away").isDetached)
	now := time.Now()
	w.server.hub.now = func() time.Time { return now }
	w.server.Arrange(Arrangement{Room: "open", Name: "Open"})
	w.server.Arrange(Arrangement{Room: "kept", Name: "Kept"})
	for i := range 1000 {
		now = now.Add(time.Second)
		w.server.Arrange(Arrangement{Room: fmt.Sprint("room ", i)})
	}
	w.server.hub.mu.Lock()
	n, open, kept := len(w.server.hub.arranged), w.server.hub.arranged["open"], w.server.hub.arranged["kept"]
	w.server.hub.mu.Unlock()
	if n > 3*int(arrangedFor/time.Second) || open.Name != "Open" || kept.Name != "Kept" {
		t.Errorf("%d are kept; of rooms that are open %+v, %+v", n, open, kept)
	}
	p.sync()
}

// R-GC-5: hands have an order.
func TestHandsHaveAnOrder(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC)
	m := participantMessages([]media.ParticipantInfo{{ID: "a", Hand: true, HandAt: at}, {ID: "b"}})
	if m[0].HandAt == nil || !m[0].HandAt.Equal(at.Truncate(time.Millisecond)) || m[1].HandAt != nil {
		t.Errorf("got %+v", m)
	}
}
