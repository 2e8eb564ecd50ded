package signal

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/atriumrtc/atrium/signal/message"
)

const patience = 10 * time.Second

// world is a server with fakes around it.
type world struct {
	server    *Server
	engine    *fakeEngine
	authority *fakeAuthority
	relays    *fakeRelays
	http      *httptest.Server
	client    *http.Client
	log       *safeBuffer
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newWorld(t testing.TB, change func(*Config)) *world {
	t.Helper()
	cfg := DefaultConfig()
	cfg.ModeratorAbsentAfter = time.Hour // peers answer pings only while they read
	if change != nil {
		change(&cfg)
	}
	w := &world{
		engine: newFakeEngine(), authority: newFakeAuthority(),
		relays: &fakeRelays{revoked: make(chan string, 100)}, log: &safeBuffer{},
	}
	w.server = newServer(cfg, Options{
		Authority: w.authority, Relays: w.relays,
		Logger: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}, w.engine)
	w.http = httptest.NewServer(w.server)
	w.client = &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		w.server.Close()
		w.http.Close()
		w.client.CloseIdleConnections()
	})
	return w
}

// peer is the client's end of a connection.
type peer struct {
	t    testing.TB
	conn *websocket.Conn
}

func (w *world) dial(t testing.TB) *peer {
	t.Helper()
	return w.dialWith(t, w.client, nil)
}

func (w *world) dialWith(t testing.TB, client *http.Client, header http.Header) *peer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, w.http.URL, &websocket.DialOptions{
		HTTPClient: client, Subprotocols: []string{message.Subprotocol}, HTTPHeader: header,
	})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(4 << 20)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &peer{t: t, conn: conn}
}

// join dials and joins with the token of id, which it makes.
func (w *world) join(t testing.TB, id, room string) (*peer, *message.Welcome) {
	t.Helper()
	p := w.dial(t)
	p.send(&message.Join{Token: w.authority.invite(id, room)})
	return p, want[*message.Welcome](p)
}

// joinModerator is join for a moderator.
func (w *world) joinModerator(t testing.TB, id, room string) *peer {
	t.Helper()
	p := w.dial(t)
	p.send(&message.Join{Token: w.authority.inviteModerator(id, room)})
	want[*message.Welcome](p)
	return p
}

// rest are the messages that the server has queued for p by now.
func (p *peer) rest() (all []message.ServerMessage) {
	p.t.Helper()
	p.send(&message.Offer{SDP: "rest"})
	for {
		m := p.next()
		if _, last := m.(*message.Answer); last || m == nil {
			return all
		}
		all = append(all, m)
	}
}

func (p *peer) send(m message.ClientMessage) {
	p.t.Helper()
	data, err := message.Encode(m)
	if err != nil {
		p.t.Fatal(err)
	}
	p.sendText(string(data))
}

func (p *peer) sendText(s string) {
	p.t.Helper()
	p.sendFrame(websocket.MessageText, []byte(s))
}

func (p *peer) sendFrame(kind websocket.MessageType, data []byte) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	if err := p.conn.Write(ctx, kind, data); err != nil {
		p.t.Fatalf("sending: %v", err)
	}
}

// next reads the next message; nil at the connection's end.
func (p *peer) next() message.ServerMessage {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	_, data, err := p.conn.Read(ctx)
	if err != nil {
		if ctx.Err() != nil {
			p.t.Fatal("nothing came")
		}
		return nil
	}
	m, err := message.DecodeServer(data)
	if err != nil {
		p.t.Fatalf("%s: %v", data, err)
	}
	return m
}

// want reads up to the next message of type T.
func want[T message.ServerMessage](p *peer) T {
	p.t.Helper()
	for {
		m := p.next()
		if got, ok := m.(T); ok {
			return got
		}
		if m == nil {
			p.t.Fatalf("the connection ended before a %s came", reflect.TypeFor[T]())
		}
		if text, bad := unwanted(m); bad {
			p.t.Fatalf("got %s, want %s", text, reflect.TypeFor[T]())
		}
	}
}

func unwanted(m message.ServerMessage) (string, bool) {
	switch m.(type) {
	case *message.Error, *message.Bye:
		data, _ := json.Marshal(m)
		return m.MessageType() + string(data), true
	}
	return "", false
}

func (p *peer) wantError(code string) *message.Error {
	p.t.Helper()
	e := want[*message.Error](p)
	if e.Code != code || e.Message == "" {
		p.t.Errorf("got error %+v, want %s", e, code)
	}
	return e
}

// untilLimited sends an offer or a chat again and again, until there were too
// many, and returns how many were taken: more than at once where the machine
// takes its time, as the limit is by the second.
func (p *peer) untilLimited(m message.ClientMessage) (taken int) {
	p.t.Helper()
	for p.send(m); ; {
		switch got := p.next().(type) {
		case *message.Answer, *message.Chat:
			if taken++; taken > 1000 {
				p.t.Fatal("there is no limit")
			}
			p.send(m)
		case *message.Error:
			if got.Code != message.CodeRateLimited {
				p.t.Errorf("got error %+v, want %s", got, message.CodeRateLimited)
			}
			return taken
		case nil:
			p.t.Fatal("the connection ended")
		}
	}
}

// wantBye reads up to the bye and the connection's end.
func (p *peer) wantBye(code string, retry bool) *message.Bye {
	p.t.Helper()
	b := want[*message.Bye](p)
	if b.Code != code || b.Retry != retry || b.Reason == "" {
		p.t.Errorf("got bye %+v, want %s, retry %t", b, code, retry)
	}
	if m := p.next(); m != nil {
		p.t.Errorf("%s came after bye", m.MessageType())
	}
	return b
}

// sync makes sure that the server has handled what was sent before.
func (p *peer) sync() {
	p.t.Helper()
	p.send(&message.Offer{SDP: "sync"})
	want[*message.Answer](p)
}

func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-deadline.C:
			t.Fatalf("not so after %s: %s", patience, what)
		case <-tick.C:
		}
	}
}

func mustNotContain(t testing.TB, text string, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		if s != "" && strings.Contains(text, s) {
			t.Errorf("the log contains %q", s)
		}
	}
}
