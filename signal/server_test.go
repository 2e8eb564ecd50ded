package signal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/atriumrtc/atrium/signal/message"
)

// SE-9: 2,000 sockets that connect and then say nothing don't keep out one that
// joins, and don't stay.
func TestStalledSockets(t *testing.T) {
	const stalled = 2000
	w := newWorld(t, func(c *Config) { c.MaxPending = 100 })
	addr := strings.TrimPrefix(w.http.URL, "http://")
	conns := make([]net.Conn, stalled)
	t.Cleanup(func() {
		for _, c := range conns {
			if c != nil {
				_ = c.Close()
			}
		}
	})
	for i := range conns {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conns[i] = c
		_, err = fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
			addr, message.Subprotocol)
		if err != nil {
			t.Fatal(err)
		}
		if status, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(status, "101") {
			t.Fatalf("%q, %v", status, err)
		}
	}
	start := time.Now()
	p, _ := w.join(t, "p", "r")
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("joining took %s", took)
	}
	p.sync()
	eventually(t, "only so many wait", func() bool { return w.server.Snapshot().Pending <= 100 })
	eventually(t, "the rest was sent away", func() bool {
		return w.server.Snapshot().Joins[message.CodeBusy] == stalled+1-1-100 ||
			w.server.Snapshot().Joins[message.CodeBusy] == stalled+1-100
	})
}

// SE-17: while draining nobody new comes in, those inside are told and go on,
// and may return; it ends when the last has gone.
func TestDrain(t *testing.T) {
	w := newWorld(t, nil)
	p, first := w.join(t, "p", "r")
	kept, _ := w.join(t, "kept", "r")
	_ = kept.conn.CloseNow() // an empty seat doesn't hold it
	done := make(chan error, 1)
	go func() { done <- w.server.Drain(context.Background()) }()
	if n := want[*message.Notice](p); n.Code != message.NoticeDraining {
		t.Errorf("got %+v", n)
	}
	q := w.dial(t)
	q.send(&message.Join{Token: w.authority.invite("q", "r")})
	q.wantBye(message.CodeShutdown, true)
	p.sync()
	again := w.resume(t, first.Resume)
	want[*message.Welcome](again)
	p.wantBye(message.CodeReplaced, false)
	select {
	case <-done:
		t.Fatal("it ended while somebody was connected")
	default:
	}
	again.send(&message.Leave{})
	again.wantBye(message.CodeLeft, false)
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("it doesn't end")
	}
}

func TestDrainEndsWithItsContext(t *testing.T) {
	w := newWorld(t, nil)
	w.join(t, "p", "r")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.server.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestDrainOfNobody(t *testing.T) {
	w := newWorld(t, nil)
	if err := w.server.Drain(t.Context()); err != nil {
		t.Error(err)
	}
}

// Close tells everybody, joined or not, and the authority of every seat.
func TestClose(t *testing.T) {
	w := newWorld(t, nil)
	p, _ := w.join(t, "p", "r")
	kept, _ := w.join(t, "kept", "r")
	_ = kept.conn.CloseNow()
	eventually(t, "detached", w.engine.get(t, "kept").isDetached)
	pending := w.dial(t)
	// The client's handshake ends before the server counts it; whom Close finds
	// uncounted it turns away with a close code instead.
	eventually(t, "pending", func() bool { return w.server.Snapshot().Pending == 1 })
	closed := make(chan struct{})
	go func() { w.server.Close(); close(closed) }()
	p.wantBye(message.CodeShutdown, true)
	pending.wantBye(message.CodeShutdown, true)
	select {
	case <-closed:
	case <-time.After(patience):
		t.Fatal("it doesn't end")
	}
	if n := len(w.authority.left); n != 2 {
		t.Errorf("the authority was told of %d", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	late, _, err := websocket.Dial(ctx, w.http.URL, &websocket.DialOptions{HTTPClient: w.client, Subprotocols: []string{message.Subprotocol}})
	if err != nil {
		return // refused before the upgrade
	}
	defer func() { _ = late.CloseNow() }()
	if _, _, err := late.Read(ctx); websocket.CloseStatus(err) != websocket.StatusServiceRestart {
		t.Errorf("got %v", err)
	}
	w.server.Close() // again is harmless
}

// Without relays there are no ICE servers, and the list is [] and not null.
func TestWithoutRelays(t *testing.T) {
	w := newWorld(t, nil)
	w.server.relays = nil
	_, welcome := w.join(t, "p", "r")
	if welcome.ICEServers == nil || len(welcome.ICEServers) != 0 {
		t.Errorf("got %v", welcome.ICEServers)
	}
}

func TestHostReachesRelays(t *testing.T) {
	w := newWorld(t, nil)
	for _, row := range []struct{ host, want string }{
		{"meet.example.org", "turn:meet.example.org:3478"},
		{"meet.example.org:8443", "turn:meet.example.org:3478"},
		{"[2001:db8::1]:8443", "turn:2001:db8::1:3478"},
		{"[2001:db8::1]", "turn:2001:db8::1:3478"},
	} {
		r := &http.Request{Host: row.host}
		c := w.server.newSession(nil, r, "")
		c.cancel()
		if got := w.relays.Servers("p", c.host)[0].URLs[0]; got != row.want {
			t.Errorf("%s: got %s", row.host, got)
		}
	}
}
