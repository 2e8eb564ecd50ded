package signal

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal/message"
)

// SE-9: what is too big, too deep or no text is refused, and the session goes
// on.
func TestMessageLimits(t *testing.T) {
	w := newWorld(t, nil)
	p, _ := w.join(t, "p", "r")
	p.sendText(`{"type":"chat","text":"` + strings.Repeat("x", message.MaxBytes) + `"}`)
	p.wantError(message.CodeTooBig)
	p.sendText(strings.Repeat("[", 1000))
	p.wantError(message.CodeBadMessage)
	p.sendFrame(websocket.MessageBinary, []byte(`{"type":"leave"}`))
	p.wantError(message.CodeBadMessage)
	p.sync()
}

// SE-9: one so big that it can't be a mistake ends the connection; the seat is
// kept.
func TestHugeMessage(t *testing.T) {
	w := newWorld(t, nil)
	p, _ := w.join(t, "p", "r")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_ = p.conn.Write(ctx, websocket.MessageText, make([]byte, maxDiscarded+1)) // may be cut off
	for p.next() != nil {
	}
	eventually(t, "detached", w.engine.get(t, "p").isDetached)
}

// A stranger's first message is held to less.
func TestHugeJoin(t *testing.T) {
	w := newWorld(t, nil)
	p := w.dial(t)
	p.sendText(`{"type":"join","token":"` + strings.Repeat("x", maxJoinBytes) + `"}`)
	if m := p.next(); m != nil {
		t.Errorf("got %s", m.MessageType())
	}
}

func TestMessageRate(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.MessageRate, c.MessageBurst = 1, 10 })
	p, first := w.join(t, "p", "r")
	for range 12 {
		p.send(&message.Hand{Raised: true})
	}
	p.wantBye(message.CodeRateLimited, true)
	q := w.resume(t, first.Resume)
	want[*message.Welcome](q)
}

// Limits that change bind those who connect from then on.
func TestReconfigure(t *testing.T) {
	w := newWorld(t, nil)
	before, _ := w.join(t, "before", "r")
	cfg := DefaultConfig()
	cfg.MessageRate, cfg.MessageBurst = 1, 10
	w.server.Reconfigure(cfg)
	after, _ := w.join(t, "after", "r")
	for range 12 {
		before.send(&message.Hand{Raised: true})
		after.send(&message.Hand{Raised: true})
	}
	after.wantBye(message.CodeRateLimited, true)
	before.send(&message.Leave{})
	before.wantBye(message.CodeLeft, false)
}

// slowClient is a client whose socket takes few bytes.
func slowClient(t *testing.T) *http.Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if tcp, ok := conn.(*net.TCPConn); ok {
			err = tcp.SetReadBuffer(4096)
		}
		return conn, err
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// SE-9: a client that doesn't read costs a bounded amount of memory, is evicted
// and keeps its seat; others get everything meanwhile.
func TestSlowReader(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.WriteTimeout = 200 * time.Millisecond })
	slow := w.dialWith(t, slowClient(t), nil)
	slow.send(&message.Join{Token: w.authority.invite("slow", "r")})
	first := want[*message.Welcome](slow)
	good, _ := w.join(t, "good", "r")

	who := []media.ParticipantInfo{{ID: "x", Name: strings.Repeat("n", 64<<10)}}
	slowly, fine := w.engine.get(t, "slow"), w.engine.get(t, "good")
	most := 0
	for i := 0; w.server.Snapshot().Evicted == 0; i++ {
		if i > 2000 {
			t.Fatal("128 MB were taken and nobody evicted")
		}
		slowly.emit(media.ParticipantsChanged{Changed: who})
		most = max(most, queued(w.server, "slow"))
		fine.emit(media.ParticipantsChanged{Changed: who})
		want[*message.Participants](good)
	}
	if limit := DefaultConfig().QueueBytes + 80<<10; most > limit {
		t.Errorf("%d bytes were queued, the limit is %d", most, limit)
	}
	eventually(t, "detached", slowly.isDetached)
	if n := w.server.Snapshot().Evicted; n != 1 {
		t.Errorf("%d evicted", n)
	}
	again := w.resume(t, first.Resume)
	want[*message.Welcome](again)
	good.sync()
}

// SE-9: one that reads nothing at all is noticed though little is sent.
func TestStalledWrite(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.WriteTimeout, c.QueueBytes = 100*time.Millisecond, 64<<20 })
	slow := w.dialWith(t, slowClient(t), nil)
	slow.send(&message.Join{Token: w.authority.invite("slow", "r")})
	want[*message.Welcome](slow)
	p := w.engine.get(t, "slow")
	// 16 MB are more than the sockets' buffers on both sides take.
	who := []media.ParticipantInfo{{ID: "x", Name: strings.Repeat("n", 1<<20)}}
	for range 16 {
		p.emit(media.ParticipantsChanged{Changed: who})
	}
	eventually(t, "evicted", func() bool { return w.server.Snapshot().Evicted == 1 })
	eventually(t, "detached", p.isDetached)
}

func queued(s *Server, id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.members {
		if c.participantID() == id {
			c.out.mu.Lock()
			defer c.out.mu.Unlock()
			return c.out.bytes
		}
	}
	return 0
}

// A peer that has vanished without a word is noticed by its silence.
func TestPing(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.PingInterval, c.PingTimeout = 20*time.Millisecond, 50*time.Millisecond })
	p, _ := w.join(t, "p", "r")
	fake := w.engine.get(t, "p")
	// Pongs are sent by reading: who reads stays, who doesn't goes.
	want[*message.Room](p)
	eventually(t, "detached", fake.isDetached)
}

// SE-10: a panic ends one participant, and is counted.
func TestPanicEndsOneParticipant(t *testing.T) {
	sessionOf := func(w *world, id string) *session {
		w.server.mu.Lock()
		defer w.server.mu.Unlock()
		for c := range w.server.members {
			if c.participantID() == id {
				return c
			}
		}
		return nil
	}
	for name, provoke := range map[string]func(*world, *peer){
		"in a handler": func(w *world, p *peer) {
			w.engine.get(t, "p").panicNext()
			p.send(&message.Hand{Raised: true})
		},
		"in the writer": func(w *world, _ *peer) {
			sessionOf(w, "p").push(entry{encode: func() ([]byte, error) { panic("a fault") }})
		},
		"in an event": func(w *world, _ *peer) {
			func() {
				defer sessionOf(w, "p").contain("notify")
				panic("a fault")
			}()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			other, _ := w.join(t, "other", "r")
			p, _ := w.join(t, "p", "r")
			provoke(w, p)
			w.authority.wantLeft(t, "p internal")
			for p.next() != nil {
			}
			if n := w.server.Snapshot().Panics; n != 1 {
				t.Errorf("%d panics", n)
			}
			other.sync()
		})
	}
}
