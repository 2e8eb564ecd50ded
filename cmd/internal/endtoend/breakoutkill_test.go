package endtoend

import (
	"slices"
	"testing"
	"time"

	api "github.com/atriumrtc/atrium/control/api/client"
	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/message"
)

const (
	// breakoutTime is how long the breakouts are open: long enough for a kill and
	// a return within.
	breakoutTime = 15 * time.Second
	// backWithin is ten times what everybody may take to be back (R-GC-4).
	backWithin = 10 * time.Second
)

// The server is killed in mid-breakouts: everybody comes back to the breakout
// where they were, whom a moderator has muted is muted still, and the breakouts
// close when they were to (SE-12, R-GC-4, R-GC-5, R-GC-6).
func TestKilledInBreakouts(t *testing.T) {
	s := newConsultation(t)
	host := s.lead(byDefault)
	people := s.admitted(6)
	where := s.split(people, 2, breakoutTime)
	if err := s.app.MuteInCall(t.Context(), s.call, people[0].ID(), message.SourceMicrophone, true); err != nil {
		t.Fatal(err)
	}
	before, err := s.app.Breakouts(t.Context(), s.call)
	if err != nil || before.EndsAt == nil {
		t.Fatalf("%+v %v", before, err)
	}

	s.k.kill()
	for _, a := range append([]*attendee{host}, people...) {
		_ = a.Close() // of no use any more
	}
	took := s.k.start()
	s.reach()
	s.each(len(people), func(i int) error {
		a := people[i]
		token, err := newClient(t, s.k.url(), a.visitToken).ReturnToVisit(t.Context(), a.visit)
		if err != nil {
			return err
		}
		return s.sit(a, i, token, byDefault)
	})
	host = s.lead(byDefault)
	for i, a := range people {
		// Everybody of theirs but the muted voice.
		others := slices.DeleteFunc(slices.Clone(people), func(b *attendee) bool {
			return b == a || where[slices.Index(people, b)] != where[i]
		})
		for _, b := range others {
			a.receivesFrom(t, where[i], b, b != people[0])
		}
		if muted := people[0]; a != muted && a.State().Receives(muted.ID(), message.SourceMicrophone) {
			t.Errorf("%s hears %s, whom a moderator has muted", a.name, muted.name)
		}
	}
	after, err := s.app.Breakouts(t.Context(), s.call)
	if err != nil || after.EndsAt == nil || !after.EndsAt.Equal(*before.EndsAt) || after.State != "open" {
		t.Fatalf("after the kill %+v, before %+v; %v", after, before, err)
	}
	t.Logf("ready %v after it was started again; the breakouts go on until %v", took.Round(time.Millisecond), after.EndsAt.Format(time.TimeOnly))

	s.move(func() { s.closes(t, append(people, host), *after.EndsAt) }, s.call, ids(people)...)
	faultless(t, append(people, host)...)
}

// closes waits until everybody is back in the main room, which is soon after the
// deadline and not before.
func (s *consultation) closes(t *testing.T, all []*attendee, at time.Time) {
	t.Helper()
	var last time.Time
	for _, a := range all {
		a.receives(t, s.call, 1)
		moves := a.Moves()
		if back := moves[len(moves)-1]; back.Room == s.call && back.At.After(last) && len(moves) > 1 {
			last = back.At
		}
	}
	late := last.Sub(at)
	t.Logf("everybody is back %v after the deadline (R-GC-4: 1 s)", late.Round(time.Millisecond))
	if late < 0 || late > backWithin {
		t.Errorf("everybody is back %v after the deadline", late)
	}
	if b, err := s.app.Breakouts(t.Context(), s.call); err != nil || b.State != "planned" {
		t.Errorf("%+v %v", b, err)
	}
}

// receivesFrom waits until somebody in a room is seen by another, and heard.
func (a *attendee) receivesFrom(t *testing.T, room string, from *attendee, heard bool) {
	t.Helper()
	a.comesTo(t, "receives "+from.name, func(st client.State) bool {
		return st.Room.ID == room && st.Receives(from.ID(), message.SourceCamera) &&
			(!heard || st.Receives(from.ID(), message.SourceMicrophone))
	})
}

// Breakouts that somebody closes are closed after the warning that they give, and
// everybody is back (R-GC-4).
func TestBreakoutsClose(t *testing.T) {
	s := newConsultation(t)
	host := s.lead(byDefault)
	people := s.admitted(4)
	s.split(people, 2, 0)
	if err := s.app.BroadcastText(t.Context(), s.call, "Two minutes more"); err != nil {
		t.Fatal(err)
	}
	for _, a := range people {
		a.comesTo(t, "is told by the moderator", func(st client.State) bool {
			return st.Notices[message.NoticeBroadcast].Text == "Two minutes more"
		})
	}
	// One asks for help and is visited; another is fetched.
	helped, fetched := people[0], people[1]
	if err := newClient(t, s.k.url(), helped.visitToken).AskForHelp(t.Context(), s.call, true); err != nil {
		t.Fatal(err)
	}
	host.comesTo(t, "is asked for help", func(st client.State) bool {
		return st.Notices[message.NoticeHelp].From == helped.ID()
	})
	s.moveAll(func() {
		for who, room := range map[*attendee]string{host: helped.Room().ID, fetched: api.MainRoom} {
			if err := s.app.MoveParticipant(t.Context(), s.call, who.ID(), room); err != nil {
				t.Fatal(err)
			}
		}
	}, map[string]string{host.ID(): helped.Room().ID, fetched.ID(): s.call})
	host.receivesFrom(t, helped.Room().ID, helped, true)
	fetched.comesTo(t, "is in the main room", func(st client.State) bool { return st.Room.ID == s.call })

	from := time.Now()
	s.move(func() {
		if _, err := s.app.CloseBreakouts(t.Context(), s.call, 0); err != nil {
			t.Fatal(err)
		}
	}, s.call, ids(append(people, host))...)
	s.closes(t, append(people, host), from)
	faultless(t, append(people, host)...)
}
