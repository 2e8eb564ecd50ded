package signal

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal/message"
)

// SE-7: somebody who was admitted anew returns with another token of the same
// participant, to the seat that is kept; the secret and the tokens of before
// are dead.
func TestNewTokenTakesTheSeatOver(t *testing.T) {
	w := newWorld(t, nil)
	p, first := w.join(t, "p", "r")
	fake := w.engine.get(t, "p")
	again := w.dial(t)
	again.send(&message.Join{Token: w.authority.inviteAgain("p", "r", "t-2")})
	m := want[*message.Welcome](again)
	if !m.Resumed || m.Participant.ID != "p" || m.Room != "r" {
		t.Errorf("got %+v", m)
	}
	p.wantBye(message.CodeReplaced, false)
	if w.engine.get(t, "p") != fake {
		t.Error("it is another participant")
	}
	w.resume(t, first.Resume).wantBye(message.CodeResumeUnknown, false)
	for token, code := range map[string]string{"t-p": message.CodeBadToken, "t-2": message.CodeSeatTaken} {
		thief := w.dial(t)
		thief.send(&message.Join{Token: token})
		thief.wantBye(code, false)
	}
	again.sync()
	again.send(&message.Leave{})
	again.wantBye(message.CodeLeft, false)
	w.authority.wantLeft(t, "p left")
}

// A participant whose seat has gone comes back with a new token (and after a
// restart of the server, which remembers nothing), with an old one not.
func TestNewTokenAfterTheSeat(t *testing.T) {
	w := newWorld(t, nil)
	p, _ := w.join(t, "p", "r")
	p.send(&message.Leave{})
	p.wantBye(message.CodeLeft, false)
	w.authority.wantLeft(t, "p left")
	thief := w.dial(t)
	thief.send(&message.Join{Token: "t-p"})
	thief.wantBye(message.CodeBadToken, false)
	q := w.dial(t)
	q.send(&message.Join{Token: w.authority.inviteAgain("p", "r", "t-2")})
	if m := want[*message.Welcome](q); m.Resumed {
		t.Error("the seat that had gone was resumed")
	}
}

// A token is used up by a join that succeeds only, and before its client knows.
func TestTokenIsUsedInTheSeat(t *testing.T) {
	w := newWorld(t, nil)
	token := w.authority.invite("p", "r")
	var there bool
	w.authority.seated = func(a Admission) {
		there = w.engine.participants[a.ParticipantID] != nil
	}
	w.authority.used[token] = true
	p := w.dial(t)
	p.send(&message.Join{Token: token})
	p.wantBye(message.CodeBadToken, false)
	if !there {
		t.Error("the authority was asked before the participant was there")
	}
	if s := w.server.Snapshot(); s.Seats != 0 || len(w.engine.participants) != 0 {
		t.Errorf("%d seats and %d participants remain", s.Seats, len(w.engine.participants))
	}
}

// The authority hears that a seat is taken, empty, taken again and gone, in
// that order, by the signalling and by the transport.
func TestPresence(t *testing.T) {
	w := newWorld(t, nil)
	p, first := w.join(t, "p", "r")
	wantReports := func(want string) {
		t.Helper()
		eventually(t, "reported "+want, func() bool { return w.authority.reported() == want })
	}
	wantReports("p present")
	fake := w.engine.get(t, "p")
	_ = p.conn.CloseNow()
	wantReports("p present, p absent")
	p = w.resume(t, first.Resume)
	want[*message.Welcome](p)
	wantReports("p present, p absent, p present")
	fake.emit(media.TransportChanged{State: media.TransportFailed})
	wantReports("p present, p absent, p present, p absent")
	fake.emit(media.TransportChanged{State: media.TransportConnected})
	wantReports("p present, p absent, p present, p absent, p present")
	p.send(&message.Leave{})
	p.wantBye(message.CodeLeft, false)
	wantReports("p present, p absent, p present, p absent, p present, p left")
}

// R-GC-6: a moderator whose network has vanished is told to be absent long
// before the connection is given up, and present when they answer again;
// anybody else isn't watched like that.
func TestSilentModeratorIsAbsent(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.ModeratorPingInterval, c.ModeratorAbsentAfter = 10*time.Millisecond, 40*time.Millisecond
	})
	_, _ = w.join(t, "other", "r") // doesn't read: doesn't answer
	eventually(t, "the other is there", func() bool { return w.authority.reported() == "other present" })
	p := w.joinModerator(t, "m", "r")
	last := func(want string) { // a slow machine may make more of them
		t.Helper()
		eventually(t, "reported "+want, func() bool { return strings.HasSuffix(w.authority.reported(), want) })
	}
	last("m present, m absent")
	read, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			if _, _, err := p.conn.Read(read); err != nil {
				return
			}
		}
	}()
	last("m absent, m present")
	if w.engine.get(t, "m").isDetached() || w.server.Snapshot().Sessions != 2 {
		t.Error("the connection was given up")
	}
	stop()
	<-ended
	last("m present, m absent") // by the end of the connection
	if strings.Contains(w.authority.reported(), "other absent") {
		t.Error("a participant was watched")
	}
}

// Where the authority is slow, the end of a seat is told before the next
// beginning, and nobody sits down in between.
func TestReportsStayInOrder(t *testing.T) {
	w := newWorld(t, nil)
	p, _ := w.join(t, "p", "r")
	let := w.slowReports(t, "p present")
	w.engine.get(t, "p").Close(media.CloseLeft)
	p.wantBye(message.CodeLeft, false)
	q := w.dial(t)
	q.send(&message.Join{Token: w.authority.inviteAgain("p", "r", "t-2")})
	eventually(t, "the join waits", func() bool { return w.server.Snapshot().Pending == 1 })
	let()
	want[*message.Welcome](q)
	eventually(t, "all is reported", func() bool {
		return w.authority.reported() == "p present, p left, p present"
	})
}

// slowReports waits for what was reported, and then holds further reports
// until the function is called.
func (w *world) slowReports(t *testing.T, before string) func() {
	t.Helper()
	eventually(t, "reported "+before, func() bool { return w.authority.reported() == before })
	slow := make(chan struct{})
	w.authority.mu.Lock()
	w.authority.slow = slow
	w.authority.mu.Unlock()
	return func() { close(slow) }
}

// Close waits until the authority knows of the end of every seat.
func TestCloseReportsSeatsThatHaveJustGone(t *testing.T) {
	w := newWorld(t, nil)
	p, _ := w.join(t, "p", "r")
	let := w.slowReports(t, "p present")
	w.engine.get(t, "p").Close(media.CloseLeft)
	p.wantBye(message.CodeLeft, false)
	closed := make(chan struct{})
	go func() { w.server.Close(); close(closed) }()
	select {
	case <-closed:
		t.Error("it didn't wait")
	case <-time.After(10 * time.Millisecond):
	}
	let()
	select {
	case <-closed:
	case <-time.After(patience):
		t.Fatal("it doesn't end")
	}
	if got := w.authority.reported(); got != "p present, p left" {
		t.Errorf("reported: %s", got)
	}
}
