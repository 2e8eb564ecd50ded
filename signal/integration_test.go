package signal_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal"
	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/client/source"
	"github.com/atriumrtc/atrium/signal/message"
)

// open admits everybody: the token is the participant's id.
type open struct {
	mu   sync.Mutex
	left map[string]media.CloseReason
	told chan struct{} // after each change of left
}

func (o *open) Admit(_ context.Context, token string) (signal.Admission, error) {
	return signal.Admission{
		ParticipantID: token, Name: token, Role: media.RoleParticipant, Pool: media.SmallPool(),
		Room: &media.RoomOptions{ID: "room", Name: "Room", Kind: "plain", Capacity: 5},
	}, nil
}

func (*open) Seat(context.Context, signal.Admission) error { return nil }

func (*open) Present(context.Context, signal.Admission, bool) {}

func (o *open) Left(_ context.Context, a signal.Admission, reason media.CloseReason) {
	o.mu.Lock()
	o.left[a.ParticipantID] = reason
	o.mu.Unlock()
	o.told <- struct{}{}
}

func (o *open) wantLeft(t *testing.T, id string, reason media.CloseReason) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		o.mu.Lock()
		got := o.left[id]
		o.mu.Unlock()
		if got == reason {
			return
		}
		select {
		case <-o.told:
		case <-deadline:
			t.Fatalf("%s left with %q, want %q", id, got, reason)
		}
	}
}

type site struct {
	engine    *media.Engine
	server    *signal.Server
	authority *open
	url       string
}

func newSite(t *testing.T, seat time.Duration) *site {
	t.Helper()
	cfg := media.DefaultConfig()
	cfg.Address, cfg.UDPPort, cfg.TCPPort, cfg.Seat = "127.0.0.1", 0, -1, seat
	engine, err := media.NewEngine(cfg, media.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{engine: engine, authority: &open{left: map[string]media.CloseReason{}, told: make(chan struct{}, 100)}}
	s.server = signal.New(signal.DefaultConfig(), signal.Options{Engine: engine, Authority: s.authority, Seat: seat})
	web := httptest.NewServer(s.server)
	s.url = web.URL + message.Path
	t.Cleanup(func() {
		s.server.Close()
		web.Close()
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *site) connect(t *testing.T, id string) *client.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, err := client.Connect(ctx, client.Options{
		URL: s.url, Token: id,
		Publish: []client.Publication{{Source: message.SourceMicrophone, Audio: source.NewSpeech(source.SpeechConfig{Pattern: source.Always})}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func waitFor(t *testing.T, c *client.Client, what string, f func(client.State) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := c.WaitFor(ctx, f); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// Two clients meet on the real engine: media flows, chat is said, one loses its
// connection and returns to its seat, a moderator's act reaches both.
func TestCall(t *testing.T) {
	s := newSite(t, time.Minute)
	a, b := s.connect(t, "ada"), s.connect(t, "bob")
	waitFor(t, a, "ada hears bob", func(st client.State) bool { return st.Receives("bob", message.SourceMicrophone) })
	waitFor(t, b, "bob hears ada", func(st client.State) bool { return st.Receives("ada", message.SourceMicrophone) })

	if err := a.Chat(t.Context(), "", "hello"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*client.Client{a, b} {
		waitFor(t, c, "the chat comes", func(st client.State) bool {
			return len(st.Chats) == 1 && st.Chats[0].Text == "hello" && st.Chats[0].From == "ada"
		})
	}
	if err := b.Hand(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	waitFor(t, a, "bob's hand", func(st client.State) bool { p, ok := st.Participant("bob"); return ok && p.Hand })

	b.Drop()
	waitFor(t, a, "bob is away", func(st client.State) bool { p, ok := st.Participant("bob"); return ok && !p.Connected })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := b.Resume(ctx); err != nil {
		t.Fatal(err)
	}
	waitFor(t, a, "bob is back, hand raised", func(st client.State) bool {
		p, ok := st.Participant("bob")
		return ok && p.Connected && p.Hand
	})
	waitFor(t, b, "bob hears ada again", func(st client.State) bool { return st.Receives("ada", message.SourceMicrophone) })

	s.engine.Participant("bob").Close(media.CloseRemoved)
	<-b.Done()
	if bye := (*client.ByeError)(nil); !errors.As(b.Err(), &bye) || bye.Code != message.CodeRemoved || bye.Retry {
		t.Errorf("got %v", b.Err())
	}
	s.authority.wantLeft(t, "bob", media.CloseRemoved)
	waitFor(t, a, "bob is gone", func(st client.State) bool { _, ok := st.Participant("bob"); return !ok })

	if n := a.SDPAfterFirst(); n != 0 {
		t.Errorf("%d SDP messages after the first answer", n)
	}
	if snap := s.server.Snapshot(); snap.Joins["ok"] != 2 || snap.Joins["resumed"] != 1 || snap.Seats != 1 || snap.Panics != 0 {
		t.Errorf("got %+v", snap)
	}
}

// A move tells the new room and the old people nothing of each other's chat.
func TestMoveIsToldInOrder(t *testing.T) {
	s := newSite(t, time.Minute)
	a, b := s.connect(t, "ada"), s.connect(t, "bob")
	waitFor(t, a, "they meet", func(st client.State) bool { return len(st.Room.Participants) == 2 })
	if err := s.engine.Move(t.Context(), s.engine.Participant("bob"), nil); err != nil {
		t.Fatal(err)
	}
	if err := a.Chat(t.Context(), "", "bob isn't here"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, a, "ada's own chat", func(st client.State) bool { return len(st.Chats) == 1 })
	waitFor(t, b, "parked", func(st client.State) bool { return st.Room.Kind == message.KindParked })
	room, err := s.engine.OpenRoom(media.RoomOptions{ID: "room"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.engine.Move(t.Context(), s.engine.Participant("bob"), room); err != nil {
		t.Fatal(err)
	}
	waitFor(t, b, "back", func(st client.State) bool { return st.Room.ID == "room" && len(st.Room.Participants) == 2 })
	if chats := b.State().Chats; len(chats) != 0 {
		t.Errorf("bob read %q", chats[0].Text)
	}
}

// A seat that nobody returns to expires: the authority is told, though no
// client is there to be.
func TestSeatExpires(t *testing.T) {
	s := newSite(t, time.Second)
	a := s.connect(t, "ada")
	secret := a.ResumeSecret()
	_ = a.Close()
	s.authority.wantLeft(t, "ada", media.CloseSeatExpired)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := client.Connect(ctx, client.Options{URL: s.url, Resume: secret})
	if bye := (*client.ByeError)(nil); !errors.As(err, &bye) || bye.Code != message.CodeResumeUnknown {
		t.Errorf("got %v", err)
		if c != nil {
			_ = c.Close()
		}
	}
}
