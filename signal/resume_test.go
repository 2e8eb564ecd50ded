package signal

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal/message"
)

func (w *world) resume(t testing.TB, secret string) *peer {
	t.Helper()
	p := w.dial(t)
	p.send(&message.Join{Resume: secret})
	return p
}

// SE-14: a lost connection keeps the seat, and the secret returns to it.
func TestResume(t *testing.T) {
	w := newWorld(t, nil)
	p, first := w.join(t, "p", "r")
	fake := w.engine.get(t, "p")
	_ = p.conn.CloseNow()
	eventually(t, "detached", fake.isDetached)

	p = w.resume(t, first.Resume)
	second := want[*message.Welcome](p)
	if !second.Resumed || second.Room != "r" || second.Participant.ID != "p" || second.Policy.Lines != 18 || len(second.ICEServers) != 1 {
		t.Errorf("got %+v", second)
	}
	if second.Resume == first.Resume {
		t.Error("the secret was not rotated")
	}
	if r := want[*message.Room](p); r.ID != "r" || len(r.Participants) != 1 {
		t.Errorf("got %+v", r)
	}
	p.send(&message.Hand{Raised: true})
	eventually(t, "the participant is the same", func() bool { return fake.lastCall() == "hand true" })
	snap := w.server.Snapshot()
	if snap.Joins["ok"] != 1 || snap.Joins["resumed"] != 1 || snap.Seats != 1 {
		t.Errorf("got %+v", snap)
	}
	mustNotContain(t, w.log.String(), first.Resume, second.Resume)
}

// SE-7: which secrets return to a seat, and which don't; whoever sits there is
// not disturbed by those that don't.
func TestResumeRefused(t *testing.T) {
	for _, row := range []struct {
		name string
		// secret makes one of those that the owner has had, oldest first.
		secret func(had []string) string
		token  string
		code   string
	}{
		{"rotated", func(had []string) string { return had[0] }, "", "resume_unknown"},
		{"guessed", func(had []string) string { return "p." + strings.Repeat("A", 32) }, "", "resume_unknown"},
		{"of no random", func([]string) string { return "p." }, "", "resume_unknown"},
		{"of another seat", func(had []string) string { return "q" + had[1][1:] }, "", "resume_unknown"},
		{"of nobody", func(had []string) string { return "x" + had[1][1:] }, "", "resume_unknown"},
		{"with more behind it", func(had []string) string { return had[1] + "x" }, "", "resume_unknown"},
		{"the id only", func([]string) string { return "p" }, "", "resume_unknown"},
		{"rotated, with the token", func(had []string) string { return had[0] }, "t-p", "seat_taken"},
		{"the token alone", func([]string) string { return "" }, "t-p", "seat_taken"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.join(t, "q", "r")
			p, first := w.join(t, "p", "r")
			_ = p.conn.CloseNow()
			eventually(t, "detached", w.engine.get(t, "p").isDetached)
			p = w.resume(t, first.Resume)
			second := want[*message.Welcome](p)
			p.sync() // shows that the welcome has come: the first secret is dead

			thief := w.dial(t)
			thief.send(&message.Join{Resume: row.secret([]string{first.Resume, second.Resume}), Token: row.token})
			thief.wantBye(row.code, false)
			p.sync()
		})
	}
}

// The replay of a token for a seat that waits for its owner doesn't get it.
func TestTokenReplayForKeptSeat(t *testing.T) {
	w := newWorld(t, nil)
	p, _ := w.join(t, "p", "r")
	_ = p.conn.CloseNow()
	eventually(t, "detached", w.engine.get(t, "p").isDetached)
	thief := w.dial(t)
	thief.send(&message.Join{Token: "t-p"})
	thief.wantBye(message.CodeSeatTaken, false)
}

// A welcome that never arrived must not cost the seat: until the client has
// shown that it came, the secret before it still works, any number of times.
func TestResumeWhereTheWelcomeWasLost(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.PingInterval = time.Hour })
	p, first := w.join(t, "p", "r")
	_ = p.conn.CloseNow()
	eventually(t, "detached", w.engine.get(t, "p").isDetached)
	for range 3 {
		q := w.resume(t, first.Resume)
		eventually(t, "taken over", func() bool { return !w.engine.get(t, "p").isDetached() })
		_ = q.conn.CloseNow() // nothing was read, pings neither
		eventually(t, "detached", w.engine.get(t, "p").isDetached)
	}
	q := w.resume(t, first.Resume)
	next := want[*message.Welcome](q)
	q.sync()
	w.resume(t, first.Resume).wantBye(message.CodeResumeUnknown, false)
	q.sync()
	r := w.resume(t, next.Resume)
	want[*message.Welcome](r)
	q.wantBye(message.CodeReplaced, false)
}

// A pong alone shows that the welcome has come.
func TestPongEndsTheSecretBefore(t *testing.T) {
	w := newWorld(t, nil)
	p, first := w.join(t, "p", "r")
	_ = p.conn.CloseNow()
	q := w.resume(t, first.Resume)
	want[*message.Welcome](q)
	var wg sync.WaitGroup
	wg.Go(func() { // reads, and thereby answers pings, but says nothing
		for q.next() != nil {
		}
	})
	eventually(t, "the first secret is dead", func() bool {
		_, ok := w.server.seats.find(first.Resume)
		return !ok
	})
	_ = q.conn.CloseNow()
	wg.Wait()
}

// Two connections for one seat: the later has it, the earlier is told so and
// can't act for the participant any more.
func TestTakeOver(t *testing.T) {
	w := newWorld(t, nil)
	p, first := w.join(t, "p", "r")
	q := w.resume(t, first.Resume)
	if m := want[*message.Welcome](q); !m.Resumed {
		t.Error("not resumed")
	}
	p.send(&message.Hand{Raised: true}) // has not read yet that it is replaced
	p.wantBye(message.CodeReplaced, false)
	eventually(t, "one session", func() bool { return w.server.Snapshot().Sessions == 1 })
	fake := w.engine.get(t, "p")
	if fake.isDetached() {
		t.Error("the end of the replaced session has detached the new one")
	}
	if call := fake.lastCall(); call != "" {
		t.Errorf("the replaced session did %q", call)
	}
	q.sync()
}

// Of two that claim the seat before either is attached, the later only is.
func TestTakeOverBeforeAttach(t *testing.T) {
	w := newWorld(t, nil)
	_, first := w.join(t, "p", "r")
	st, ok := w.server.seats.find(first.Resume)
	if !ok {
		t.Fatal("no seat")
	}
	holder := func() *session {
		w.server.seats.mu.Lock()
		defer w.server.seats.mu.Unlock()
		return st.holder
	}
	st.attach.Lock()
	before := holder()
	q := w.resume(t, first.Resume)
	eventually(t, "claimed", func() bool { return holder() != before })
	before = holder()
	r := w.resume(t, first.Resume) // still good: no welcome has come
	eventually(t, "claimed again", func() bool { return holder() != before })
	st.attach.Unlock()
	want[*message.Welcome](r)
	q.wantBye(message.CodeReplaced, false)
	w.engine.mu.Lock()
	defer w.engine.mu.Unlock()
	if n := w.engine.participants["p"].attached; n != 1 {
		t.Errorf("%d were attached", n)
	}
}

// Many connections race for one seat: one of them has it in the end, it is the
// one that the engine tells, and all others are told to go.
func TestTakeOverRace(t *testing.T) {
	w := newWorld(t, nil)
	_, first := w.join(t, "p", "r")
	const racers = 8
	var wg sync.WaitGroup
	var told, gone atomic.Int32
	for range racers {
		p := w.dial(t)
		wg.Go(func() {
			p.send(&message.Join{Resume: first.Resume})
			for m := p.next(); m != nil; m = p.next() {
				if _, ok := m.(*message.Transport); ok {
					told.Add(1)
					return
				}
			}
			gone.Add(1) // replaced, or too late with a secret that is dead
		})
	}
	eventually(t, "all but one have gone", func() bool {
		return gone.Load() == racers-1 && w.server.Snapshot().Pending == 0
	})
	w.engine.get(t, "p").emit(media.TransportChanged{State: media.TransportFailed})
	wg.Wait()
	if told.Load() != 1 {
		t.Errorf("%d of them were told", told.Load())
	}
}

// Seats that have gone: the secret finds nothing, the token is used up.
func TestAfterTheSeat(t *testing.T) {
	w := newWorld(t, nil)
	p, first := w.join(t, "p", "r")
	_ = p.conn.CloseNow()
	fake := w.engine.get(t, "p")
	eventually(t, "detached", fake.isDetached)
	fake.Close(media.CloseSeatExpired)
	w.authority.wantLeft(t, "p seat_expired")
	w.resume(t, first.Resume).wantBye(message.CodeResumeUnknown, false)
	q := w.dial(t)
	q.send(&message.Join{Token: "t-p", Resume: first.Resume})
	q.wantBye(message.CodeBadToken, false)
}

// An unknown secret with a good token joins: a page whose seat has expired need
// not connect twice.
func TestTokenStandsInForALostSeat(t *testing.T) {
	w := newWorld(t, nil)
	p := w.dial(t)
	p.send(&message.Join{Token: w.authority.invite("p", "r"), Resume: "old.secret"})
	if m := want[*message.Welcome](p); m.Resumed {
		t.Error("resumed")
	}
}

// Secrets are not kept: only their hashes are.
func TestSecretIsHashed(t *testing.T) {
	s := &seats{now: time.Now, byID: map[string]*seat{}}
	st, _, err := s.reserve(t.Context(), Admission{ParticipantID: "p"})
	if err != nil {
		t.Fatal(err)
	}
	secret, _ := s.take(st, nil)
	if strings.Contains(secret, string(st.secret[:])) || string(st.secret[:]) == secret {
		t.Error("kept as it is")
	}
	if _, ok := s.find(secret); !ok {
		t.Error("not found")
	}
	if _, ok := s.find(secret[:len(secret)-1]); ok {
		t.Error("found by a part of it")
	}
}
