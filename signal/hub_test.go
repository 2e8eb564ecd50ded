package signal

import (
	"context"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal/message"
)

func TestChat(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join(t, "a", "r")
	b, _ := w.join(t, "b", "r")
	c, _ := w.join(t, "c", "r")
	other, _ := w.join(t, "other", "s")
	parked, _ := w.join(t, "parked", "")

	a.send(&message.SendChat{Text: "to all <b>"})
	first := want[*message.Chat](a)
	if first.From != "a" || first.Name != "Name of a" || first.To != "" || first.Text != "to all <b>" || first.ID == "" || first.At.IsZero() {
		t.Errorf("got %+v", first)
	}
	for _, p := range []*peer{b, c} {
		if got := want[*message.Chat](p); *got != *first {
			t.Errorf("got %+v, want %+v", got, first)
		}
	}

	b.send(&message.SendChat{To: "a", Text: "to you"})
	for _, p := range []*peer{a, b} {
		if got := want[*message.Chat](p); got.Text != "to you" || got.To != "a" || got.From != "b" {
			t.Errorf("got %+v", got)
		}
	}
	for _, to := range []string{"other", "parked", "nobody"} {
		b.send(&message.SendChat{To: to, Text: "x"})
		b.wantError(message.CodeNotAllowed)
	}
	parked.send(&message.SendChat{Text: "is anybody here?"})
	parked.wantError(message.CodeNotAllowed)

	for _, p := range []*peer{c, other, parked} { // got nothing of all that
		p.send(&message.Offer{SDP: "sync"})
		for {
			m := p.next()
			if chat, ok := m.(*message.Chat); ok {
				t.Errorf("got %+v", chat)
			}
			if _, ok := m.(*message.Answer); ok {
				break
			}
		}
	}
	mustNotContain(t, w.log.String(), "to all", "to you", "Name of")
}

func TestChatToSomebodyWhoIsAway(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join(t, "a", "r")
	b, _ := w.join(t, "b", "r")
	_ = b.conn.CloseNow()
	eventually(t, "detached", w.engine.get(t, "b").isDetached)
	a.send(&message.SendChat{To: "b", Text: "x"})
	a.wantError(message.CodeNotAllowed)
}

func TestChatIsLimited(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join(t, "a", "r")
	for range chatsAtOnce {
		a.send(&message.SendChat{Text: "x"})
		want[*message.Chat](a)
	}
	a.send(&message.SendChat{Text: "x"})
	a.wantError(message.CodeRateLimited)
}

// Isolation of chat (R-GC-7): whoever moves where, everybody who hears a text
// was last told to be in the room where it was said, and everybody there who
// the engine knows there hears it.
func TestChatIsolation(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const people, rooms = 5, 3
		e := newFakeEngine()
		s := newServer(DefaultConfig(), Options{Authority: newFakeAuthority()}, e)
		sessions := make([]*session, people)
		for i := range sessions {
			sessions[i] = sit(rt, s, fmt.Sprint(i))
		}
		saidIn, owed := map[string]string{}, map[string]int{}
		for step := range rapid.IntRange(1, 60).Draw(rt, "steps") {
			i := rapid.IntRange(0, people-1).Draw(rt, "who")
			p := e.participants[fmt.Sprint(i)]
			switch rapid.IntRange(0, 3).Draw(rt, "op") {
			case 0:
				p.moveTo(roomName(rapid.IntRange(0, rooms).Draw(rt, "to")))
			case 1: // the engine has moved somebody, but not told yet
				p.room = roomName(rapid.IntRange(0, rooms).Draw(rt, "to"))
			default:
				text, c := fmt.Sprint("text ", step), sessions[i]
				err := s.hub.say(c, &message.SendChat{Text: text})
				if ok := p.room != "" && p.room == c.room; ok != (err == nil) {
					rt.Fatalf("in %q, told %q: %v", p.room, c.room, err)
				}
				saidIn[text] = p.room
				for j, other := range sessions {
					if at := e.participants[fmt.Sprint(j)].room; err == nil && at == p.room && other.room == p.room {
						owed[text]++
					}
				}
			}
		}
		for i, c := range sessions {
			where := ""
			for entry, ok := c.out.pop(); ok; entry, ok = c.out.pop() {
				data, err := entry.encode()
				if err != nil {
					rt.Fatal(err)
				}
				m, err := message.DecodeServer(data)
				if err != nil {
					rt.Fatal(err)
				}
				switch m := m.(type) {
				case *message.Room:
					where = m.ID
				case *message.Chat:
					owed[m.Text]--
					if saidIn[m.Text] != where {
						rt.Errorf("%d, in room %q, heard %s of room %q", i, where, m.Text, saidIn[m.Text])
					}
				}
			}
		}
		for text, n := range owed {
			if n != 0 {
				rt.Errorf("%s was not heard by %d", text, n)
			}
		}
	})
}

func roomName(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint("room-", n)
}

// sit makes a session that has joined, without a connection.
func sit(rt *rapid.T, s *Server, id string) *session {
	st, _, err := s.seats.reserve(context.Background(), Admission{ParticipantID: id})
	if err != nil {
		rt.Fatal(err)
	}
	c := &session{server: s, out: newQueue(1<<20, 1<<40)}
	c.seat.Store(st)
	p, err := s.engine.add(media.ParticipantOptions{ID: id, Observer: c})
	if err != nil {
		rt.Fatal(err)
	}
	s.seats.seatParticipant(st, p)
	c.out.begin(said(&message.Notice{Code: "test"}))
	return c
}
