package server

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"testing"

	"github.com/coder/websocket"

	"github.com/atriumrtc/atrium/cmd/internal/testkit"
	"github.com/atriumrtc/atrium/configs"
	api "github.com/atriumrtc/atrium/control/api/client"
	"github.com/atriumrtc/atrium/signal/message"
)

// testConfig listens on any loopback ports and keeps its data in the test's
// folder.
func testConfig(t testing.TB) configs.Config {
	t.Helper()
	c := configs.DefaultConfig()
	c.HTTP.Address, c.HTTP.PlainAddress = "", "127.0.0.1:0"
	c.Metrics.Address = "127.0.0.1:0"
	c.Data.Dir = t.TempDir()
	c.Media.Address, c.Media.UDPPort, c.Media.TCPPort = "127.0.0.1", 0, 0
	c.TURN.Address, c.TURN.Port = "127.0.0.1", 0
	return c
}

// start runs a whole server and stops it with the test.
func start(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	s.Start()
	return s
}

func urlOf(s *Server) string { return "http://127.0.0.1:" + strconv.Itoa(s.PlainPort()) }

// apiOf returns a client with the key of a new organisation.
func apiOf(t *testing.T, s *Server) *api.Client {
	t.Helper()
	_, key, err := s.Control().CreateOrganisation(t.Context(), "Test")
	if err != nil {
		t.Fatal(err)
	}
	c, err := api.New(urlOf(s), key, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// socket is a bare WebSocket that has joined: what a client is before it has
// a transport.
type socket struct {
	t    *testing.T
	conn *websocket.Conn
}

func dial(t *testing.T, s *Server, token string) *socket {
	t.Helper()
	return dialFrom(t, s, token, "")
}

// dialFrom is dial from a page of an origin.
func dialFrom(t *testing.T, s *Server, token, origin string) *socket {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	header := http.Header{}
	if origin != "" {
		header.Set("Origin", origin)
	}
	conn, _, err := websocket.Dial(ctx, urlOf(s)+message.Path, &websocket.DialOptions{
		Subprotocols: []string{message.Subprotocol}, HTTPHeader: header,
	})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(message.MaxBytes)
	t.Cleanup(func() { _ = conn.CloseNow() }) // may be closed already
	k := &socket{t, conn}
	k.send(map[string]any{"type": "join", "token": token})
	return k
}

func (k *socket) send(m map[string]any) {
	k.t.Helper()
	data, err := json.Marshal(m)
	if err != nil {
		k.t.Fatal(err)
	}
	if err := k.conn.Write(k.t.Context(), websocket.MessageText, data); err != nil {
		k.t.Fatal(err)
	}
}

// expect reads until a message of the type comes; after a bye it goes on to the
// end of the connection, as clients do: the server waits for that.
func (k *socket) expect(kind string) map[string]any {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), testkit.Patience)
	defer cancel()
	for {
		_, data, err := k.conn.Read(ctx)
		if err != nil {
			k.t.Fatalf("waiting for %s: %v", kind, err)
		}
		var m map[string]any
		if err := json.Unmarshal(data, &m); err != nil {
			k.t.Fatal(err)
		}
		if m["type"] != kind {
			continue
		}
		if kind == "bye" {
			if _, data, err := k.conn.Read(ctx); err == nil {
				k.t.Errorf("after the bye: %s", data)
			}
		}
		return m
	}
}
