package signal

import (
	"context"
	"fmt"
	"slices"
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

// R-GC-5: what is for the moderators reaches them and its writer; who is in
// charge counts as one (R-GC-6).
func TestChatToModerators(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join(t, "a", "r")
	b, _ := w.join(t, "b", "r")
	elsewhere := w.joinModerator(t, "elsewhere", "s")
	a.send(&message.SendChat{To: message.ToModerators, Text: "nobody"})
	a.wantError(message.CodeNotAllowed)
	w.server.Arrange(Arrangement{Room: "r", InCharge: "elsewhere"}) // not in this room
	a.send(&message.SendChat{To: message.ToModerators, Text: "nobody"})
	a.wantError(message.CodeNotAllowed)
	m := w.joinModerator(t, "m", "r")
	hear := func(text string, by ...*peer) {
		t.Helper()
		for _, p := range by {
			if got := want[*message.Chat](p); got.Text != text || got.To != message.ToModerators {
				t.Errorf("got %+v", got)
			}
		}
		for _, m := range append(append(a.rest(), b.rest()...), append(elsewhere.rest(), m.rest()...)...) {
			if chat, ok := m.(*message.Chat); ok {
				t.Errorf("somebody got %+v", chat)
			}
		}
	}
	a.send(&message.SendChat{To: message.ToModerators, Text: "one"})
	hear("one", a, m)
	w.server.Arrange(Arrangement{Room: "r", InCharge: "b"})
	a.send(&message.SendChat{To: message.ToModerators, Text: "two"})
	hear("two", a, m, b)
	m.send(&message.SendChat{To: message.ToModerators, Text: "three"})
	hear("three", m, b)
}

// R-GC-5: with chat off, moderators write to anybody and everybody to them.
func TestChatOff(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join(t, "a", "r")
	b, _ := w.join(t, "b", "r")
	m := w.joinModerator(t, "m", "r")
	w.server.Arrange(Arrangement{Room: "r", ChatOff: true})
	for _, to := range []string{"", "b", "nobody"} {
		a.send(&message.SendChat{To: to, Text: "x"})
		a.wantError(message.CodeNotAllowed)
	}
	for _, to := range []string{"m", message.ToModerators} {
		a.send(&message.SendChat{To: to, Text: "help"})
		for _, p := range []*peer{a, m} {
			if got := want[*message.Chat](p); got.Text != "help" {
				t.Errorf("got %+v", got)
			}
		}
	}
	for _, to := range []string{"", "b"} {
		m.send(&message.SendChat{To: to, Text: "from me"})
		if got := want[*message.Chat](b); got.Text != "from me" {
			t.Errorf("got %+v", got)
		}
	}
	w.server.Arrange(Arrangement{Room: "r"})
	a.send(&message.SendChat{Text: "again"})
	if got := want[*message.Chat](b); got.Text != "again" {
		t.Errorf("got %+v", got)
	}
}

func TestChatIsLimited(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join(t, "a", "r")
	if n := a.untilLimited(&message.SendChat{Text: "x"}); n < chatsAtOnce {
		t.Errorf("limited after %d chats, want %d at once", n, chatsAtOnce)
	}
}

// Isolation of what is said (R-GC-7): whoever moves where, everybody who gets a
// text, a notice or controls was last told to be in the room where it was said;
// everybody there who the engine knows there gets the texts, everybody who was
// told so the notices, once; and knows in the end what is arranged there.
func TestHubIsolation(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHalls(rt)
		for step := range rapid.IntRange(1, 60).Draw(rt, "steps") {
			i := rapid.IntRange(0, len(h.sessions)-1).Draw(rt, "who")
			p := h.engine.participants[fmt.Sprint(i)]
			switch rapid.IntRange(0, 6).Draw(rt, "op") {
			case 0, 1:
				p.moveTo(h.room("to"))
			case 2: // the engine has moved somebody, but not told yet
				p.room = h.room("to")
			case 3:
				h.arrange(rapid.IntRange(1, 3).Draw(rt, "name"))
			case 4:
				h.tell(fmt.Sprint("notice ", step), i)
			default:
				h.say(fmt.Sprint("text ", step), i)
			}
		}
		for i := range h.sessions {
			h.read(i)
		}
		for text, n := range h.owed {
			if n != 0 {
				rt.Errorf("%s was not heard by %d", text, n)
			}
		}
	})
}

// halls are people without connections, and what each of them is to hear.
type halls struct {
	rt       *rapid.T
	engine   *fakeEngine
	server   *Server
	sessions []*session
	arranged map[string]string   // name, by room
	saidIn   map[string][]string // rooms of a text, or those named for a notice
	saidTo   map[string]string   // participant, of a notice
	owed     map[string]int      // who is still to hear it
}

func newHalls(rt *rapid.T) *halls {
	h := &halls{
		rt: rt, engine: newFakeEngine(), sessions: make([]*session, 5),
		arranged: map[string]string{}, saidIn: map[string][]string{}, saidTo: map[string]string{}, owed: map[string]int{},
	}
	h.server = newServer(DefaultConfig(), Options{Authority: newFakeAuthority()}, h.engine)
	for i := range h.sessions {
		h.sessions[i] = sit(rt, h.server, fmt.Sprint(i))
	}
	return h
}

// room draws one of three, or none.
func (h *halls) room(label string) string { return roomName(rapid.IntRange(0, 3).Draw(h.rt, label)) }

func (h *halls) arrange(name int) {
	room := roomName(rapid.IntRange(1, 3).Draw(h.rt, "room"))
	h.arranged[room] = fmt.Sprint("name ", name)
	h.server.Arrange(Arrangement{Room: room, Name: h.arranged[room]})
}

// tell gives a notice to two rooms and one participant.
func (h *halls) tell(text string, to int) {
	rooms := []string{roomName(rapid.IntRange(1, 3).Draw(h.rt, "room")), roomName(rapid.IntRange(1, 3).Draw(h.rt, "room"))}
	h.saidIn[text], h.saidTo[text] = rooms, fmt.Sprint(to)
	for i, c := range h.sessions {
		if i == to || slices.Contains(rooms, c.room) {
			h.owed[text]++
		}
	}
	h.server.Tell(Audience{Rooms: rooms, Participants: []string{fmt.Sprint(to)}}, message.Notice{Code: message.NoticeBroadcast, Text: text})
}

func (h *halls) say(text string, from int) {
	c, p := h.sessions[from], h.engine.participants[fmt.Sprint(from)]
	err := h.server.hub.say(c, &message.SendChat{Text: text})
	if ok := p.room != "" && p.room == c.room; ok != (err == nil) {
		h.rt.Fatalf("in %q, told %q: %v", p.room, c.room, err)
	}
	h.saidIn[text] = []string{p.room}
	for j, other := range h.sessions {
		if at := h.engine.participants[fmt.Sprint(j)].room; err == nil && at == p.room && other.room == p.room {
			h.owed[text]++
		}
	}
}

// read judges all that one of them is told.
func (h *halls) read(i int) {
	c, room, name := h.sessions[i], "", ""
	for entry, ok := c.out.pop(); ok; entry, ok = c.out.pop() {
		data, err := entry.encode()
		if err != nil {
			h.rt.Fatal(err)
		}
		m, err := message.DecodeServer(data)
		if err != nil {
			h.rt.Fatal(err)
		}
		switch m := m.(type) {
		case *message.Room:
			room, name = m.ID, m.Name
		case *message.Controls:
			if name = m.Name; m.Room != room {
				h.rt.Errorf("%d, in room %q, got controls of %q", i, room, m.Room)
			}
		case *message.Chat:
			h.heard(i, room, m.Text)
		case *message.Notice:
			h.heard(i, room, m.Text)
		}
	}
	if name != h.arranged[room] {
		h.rt.Errorf("%d believes that in %q holds %q, it is %q", i, room, name, h.arranged[room])
	}
}

func (h *halls) heard(i int, room, text string) {
	if text == "" {
		return // of sit
	}
	h.owed[text]--
	if h.saidTo[text] != fmt.Sprint(i) && !slices.Contains(h.saidIn[text], room) {
		h.rt.Errorf("%d, in room %q, heard %s of rooms %q", i, room, text, h.saidIn[text])
	}
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
	if _, ok := s.seats.take(st, c); !ok {
		rt.Fatal("the seat has gone")
	}
	c.out.begin(said(&message.Notice{Code: "test"}))
	return c
}
