package client

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/signal/message"
)

func TestEndpoint(t *testing.T) {
	rows := []struct {
		url, want string
	}{
		{"http://localhost:8080", "ws://localhost:8080/api/v1/signal"},
		{"https://127.0.0.1:8443/", "wss://127.0.0.1:8443/api/v1/signal"},
		{"wss://[::1]/other", "wss://[::1]/other"},
		{"https://meet.example.org", "wss://meet.example.org/api/v1/signal"},
		{"ftp://x", ""}, {"localhost:8080", ""}, {"", ""}, {"http://%zz", ""},
	}
	for _, row := range rows {
		got, err := endpoint(row.url)
		if got != row.want || errors.Is(err, ErrOptions) != (row.want == "") {
			t.Errorf("%q: %q %v", row.url, got, err)
		}
	}
}

func TestConnectNeedsATokenOrASecret(t *testing.T) {
	if _, err := Connect(t.Context(), Options{URL: "http://localhost"}); !errors.Is(err, ErrOptions) {
		t.Error(err)
	}
}

// What the server sends becomes state and reaches the handlers, in order.
func TestMessages(t *testing.T) {
	ctx := testContext(t)
	f := newFakeServer(t, message.Pool{})
	var told []string // by the one goroutine that calls handlers
	tell := func(s string) { told = append(told, s) }
	c := f.mustConnect(ctx, func(o *Options) {
		o.Handlers = Handlers{
			Controls:     func(m message.Controls) { tell("controls " + m.Name) },
			Participants: func(m message.Participants) { tell("participants") },
			Speakers:     func(m message.Speakers) { tell("speakers") },
			Quality:      func(m message.Quality) { tell("quality") },
			Chat:         func(m message.Chat) { tell("chat " + m.Text) },
			Notice:       func(m message.Notice) { tell("notice " + m.Code) },
			Error:        func(m message.Error) { tell("error " + m.Code) },
			Transport:    func(m message.Transport) { tell("transport " + m.State) },
			Bye:          func(m message.Bye) { tell("bye " + m.Code) },
		}
	})
	f.send(&message.Participants{
		Joined: []message.Participant{{ID: "third"}}, Left: []string{"other"},
		Changed: []message.Participant{{ID: "me", Hand: true}},
	})
	f.send(&message.Controls{Room: "elsewhere", Name: "no"})
	f.send(&message.Controls{Room: c.Room().ID, Name: "N", Call: "c", Controls: message.Moderation{Chat: message.ChatOff}, BreakoutsOpen: true, BreakoutsEndAt: new(time.Time)})
	f.send(&message.Speakers{Speakers: []message.Speaker{{Participant: "third", Level: 0.5}}})
	f.send(&message.Quality{Participants: []message.Connection{{Participant: "me", Score: message.QualityPoor}}})
	f.send(&message.Chat{ID: "1", Text: "hello"})
	f.send(&message.Notice{Code: message.NoticeDraining})
	f.send(&message.Error{Code: message.CodeRateLimited})
	f.send(&message.Transport{State: message.TransportConnected})
	f.send(&message.Bye{Code: message.CodeRemoved, Reason: "by a moderator"})
	<-c.Done()
	var bye *ByeError
	if !errors.As(c.Err(), &bye) || bye.Code != message.CodeRemoved || bye.Retry {
		t.Errorf("ended with %v", c.Err())
	}
	if err := c.Close(); err != nil { // which also waits for the handlers
		t.Error(err)
	}
	want := []string{
		"participants", "controls no", "controls N", "speakers", "quality", "chat hello", "notice draining", "error rate_limited",
		"transport connected", "bye removed",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("handlers (-want +got)\n%s", diff)
	}
	s := c.State()
	if diff := cmp.Diff([]message.Participant{{ID: "me", Hand: true}, {ID: "third"}}, s.Room.Participants); diff != "" {
		t.Errorf("participants (-want +got)\n%s", diff)
	}
	if len(s.Chats) != 1 || s.Quality["me"].Score != message.QualityPoor || len(s.Speakers) != 1 ||
		s.Errors[message.CodeRateLimited].Code == "" || s.Notices[message.NoticeDraining].Code == "" {
		t.Errorf("state %+v", s)
	}
	if s.Room.Name != "N" || s.Room.Call != "c" || s.Room.Controls.Chat != message.ChatOff || s.Room.ID != "room" ||
		!s.Room.BreakoutsOpen || s.Room.BreakoutsEndAt == nil {
		t.Errorf("room %+v", s.Room)
	}
	if _, ok := s.Participant("third"); !ok {
		t.Error("the third isn't found")
	}
	if err := c.Chat(ctx, "", "late"); !errors.As(err, &bye) {
		t.Errorf("chat after the end: %v", err)
	}
}

// What is asked for reaches the server as the protocol has it.
func TestRequests(t *testing.T) {
	ctx := testContext(t)
	f := newFakeServer(t, message.Pool{})
	c := f.mustConnect(ctx, nil)
	for _, err := range []error{
		c.SetLayout(ctx, nil),
		c.SetLayout(ctx, []message.Tile{{Participant: "p", Source: message.SourceCamera, Width: 320, Height: 180}}),
		c.Mute(ctx, message.SourceMicrophone, true), c.Chat(ctx, "p", "psst"), c.Hand(ctx, true),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	want := []message.ClientMessage{
		&message.Layout{Tiles: []message.Tile{}},
		&message.Layout{Tiles: []message.Tile{{Participant: "p", Source: message.SourceCamera, Width: 320, Height: 180}}},
		&message.Mute{Source: message.SourceMicrophone, Muted: true},
		&message.SendChat{To: "p", Text: "psst"}, &message.Hand{Raised: true},
	}
	for _, w := range want {
		select {
		case got := <-f.inbox:
			if diff := cmp.Diff(w, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		case <-ctx.Done():
			t.Fatalf("%T didn't come", w)
		}
	}
	if err := c.Leave(ctx); err != nil {
		t.Error(err)
	}
	var bye *ByeError
	if !errors.As(c.Err(), &bye) || bye.Code != message.CodeLeft {
		t.Errorf("left with %v", c.Err())
	}
}

// A refusal while connecting is the error of Connect, and leaves nothing behind.
func TestConnectRefused(t *testing.T) {
	rows := map[string]struct {
		to    string // message type that is refused
		reply message.ServerMessage
		code  string
	}{
		"bye to the join":    {"join", &message.Bye{Code: message.CodeBadToken, Reason: "no"}, message.CodeBadToken},
		"bye to the offer":   {"offer", &message.Bye{Code: message.CodeRoomClosed, Retry: true}, message.CodeRoomClosed},
		"error to the offer": {"offer", &message.Error{Code: message.CodeOfferLines, Message: "37"}, message.CodeOfferLines},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			f := newFakeServer(t, message.Pool{})
			f.reply = func(m message.ClientMessage) message.ServerMessage {
				if m.MessageType() == row.to {
					return row.reply
				}
				return nil
			}
			_, err := f.connect(testContext(t), nil)
			if err == nil || !strings.Contains(err.Error(), row.code) {
				t.Errorf("got %v, want %s", err, row.code)
			}
		})
	}
}

func TestConnectHonoursItsContext(t *testing.T) {
	f := newFakeServer(t, message.Pool{})
	ctx, cancel := context.WithCancel(t.Context())
	f.reply = func(m message.ClientMessage) message.ServerMessage {
		cancel() // the server has the join, and says nothing
		return &message.Notice{}
	}
	if _, err := f.connect(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestConnectToNothing(t *testing.T) {
	f := newFakeServer(t, message.Pool{})
	f.http.Config.Handler = http.NotFoundHandler()
	if _, err := f.connect(testContext(t), nil); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("got %v", err)
	}
}

// SE-14: the WebSocket may go; media stays, and the secret returns to the seat
// without any SDP.
func TestDropAndResume(t *testing.T) {
	ctx := testContext(t)
	f := newFakeServer(t, message.Pool{Pairs: 1})
	gone := make(chan error, 1)
	joins := make(chan message.Join, 2)
	f.reply = func(m message.ClientMessage) message.ServerMessage {
		if j, ok := m.(*message.Join); ok {
			joins <- *j
		}
		return nil
	}
	c := f.mustConnect(ctx, func(o *Options) {
		o.Handlers.Disconnected = func(err error) { gone <- err }
	})
	if j := <-joins; j.Token != "token" || j.Resume != "" {
		t.Errorf("joined with %+v", j)
	}
	c.Drop()
	if err := <-gone; err == nil {
		t.Error("lost without an error")
	}
	if err := c.Hand(ctx, true); !errors.Is(err, ErrDisconnected) {
		t.Errorf("sent without a WebSocket: %v", err)
	}
	if err := c.Resume(ctx); err != nil {
		t.Fatal(err)
	}
	if j := <-joins; j.Resume != "secret" || j.Token != "" {
		t.Errorf("resumed with %+v", j)
	}
	if err := c.Hand(ctx, true); err != nil {
		t.Error(err)
	}
	if s := c.State(); c.SDPAfterFirst() != 0 || s.Transport != webrtc.PeerConnectionStateConnected || !s.Signalling {
		t.Errorf("after the return: %d SDP, %+v", c.SDPAfterFirst(), s)
	}
}

// An ICE restart is the one thing that needs SDP again, and media goes on.
func TestICERestart(t *testing.T) {
	ctx := testContext(t)
	f := newFakeServer(t, message.Pool{Pairs: 1})
	c := f.mustConnect(ctx, func(o *Options) { o.Publish = []Publication{microphone()} })
	f.next(ctx, func(received) bool { return true })
	before := f.offer
	if err := c.ICERestart(ctx); err != nil {
		t.Fatal(err)
	}
	if n := c.SDPAfterFirst(); n != 2 {
		t.Errorf("%d SDP messages after the first answer, want 2", n)
	}
	if ufrag(before) == ufrag(f.offer) {
		t.Error("the credentials are the old ones")
	}
	last := f.next(ctx, func(received) bool { return true }).packet.SequenceNumber
	f.next(ctx, func(r received) bool { return r.packet.SequenceNumber-last < 1000 && r.packet.SequenceNumber-last > 25 })
}

func ufrag(sdp string) string {
	for row := range strings.Lines(sdp) {
		if u, ok := strings.CutPrefix(row, "a=ice-ufrag:"); ok {
			return u
		}
	}
	return ""
}

func TestWaitForEnds(t *testing.T) {
	ctx := testContext(t)
	f := newFakeServer(t, message.Pool{})
	c := f.mustConnect(ctx, nil)
	short, cancel := context.WithCancel(ctx)
	cancel()
	never := func(State) bool { return false }
	if err := c.WaitFor(short, never); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.WaitFor(ctx, never) }()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	if err := c.Publish(microphone()); !errors.Is(err, ErrClosed) && !errors.Is(err, ErrNotAllowed) {
		t.Errorf("published after the end: %v", err)
	}
}
