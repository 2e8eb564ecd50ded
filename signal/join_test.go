package signal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/atriumrtc/atrium/media"
	"github.com/atriumrtc/atrium/signal/message"
)

func TestWelcome(t *testing.T) {
	w := newWorld(t, nil)
	p, welcome := w.join(t, "p", "r")
	if welcome.Participant != (message.Self{ID: "p", Name: "Name of p", Role: "participant"}) || welcome.Room != "r" || welcome.Resumed {
		t.Errorf("got %+v", welcome)
	}
	if !strings.HasPrefix(welcome.Resume, "p.") || len(welcome.Resume) < 2+32 {
		t.Errorf("resume secret of %d bytes", len(welcome.Resume))
	}
	pol := welcome.Policy
	if pol.Lines != 18 || pol.Pool != (message.Pool{Pairs: 6, Screen: true}) || pol.SeatSeconds != 120 ||
		pol.MaxMessageBytes != 256<<10 || len(pol.Publish) != 4 || len(pol.Camera) != 3 || len(pol.Screen) != 2 {
		t.Errorf("got %+v", pol)
	}
	if s := welcome.ICEServers; len(s) != 1 || s[0].URLs[0] != "turn:127.0.0.1:3478" || s[0].Username != "p" {
		t.Errorf("got %+v", s)
	}
	if r := want[*message.Room](p); r.ID != "r" || r.Epoch != 1 {
		t.Errorf("got %+v; want the last of the rooms only", r)
	}
	w.engine.get(t, "p").emit(media.TransportChanged{State: media.TransportConnected})
	want[*message.Transport](p)
	snap := w.server.Snapshot()
	if snap.Joins["ok"] != 1 || snap.Sessions != 1 || snap.Seats != 1 || snap.Pending != 0 || sum(snap.JoinSeconds.Counts) != 1 {
		t.Errorf("got %+v", snap)
	}
	mustNotContain(t, w.log.String(), "t-p", welcome.Resume, "Name of p") // SE-7
}

func sum(ns []uint64) (n uint64) {
	for _, v := range ns {
		n += v
	}
	return n
}

func TestViewerMayPublishNothing(t *testing.T) {
	w := newWorld(t, nil)
	token := w.authority.invite("p", "r")
	a := w.authority.admits[token]
	a.Role = media.RoleViewer
	w.authority.admits[token] = a
	p := w.dial(t)
	p.send(&message.Join{Token: token})
	if got := want[*message.Welcome](p).Policy.Publish; got == nil || len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

// The first message: anything but a good join ends the connection, says why,
// and leaves nothing behind.
func TestJoinRefused(t *testing.T) {
	for _, row := range []struct {
		name, in string
		prepare  func(*world)
		code     string
		retry    bool
	}{
		{name: "not JSON", in: `hello`, code: "bad_message"},
		{name: "another message first", in: `{"type":"hand","raised":true}`, code: "bad_message"},
		{name: "unknown field", in: `{"type":"join","token":"t-p","admin":true}`, code: "bad_message"},
		{name: "unknown token", in: `{"type":"join","token":"x"}`, code: "bad_token"},
		{name: "unknown secret", in: `{"type":"join","resume":"p.x"}`, code: "resume_unknown"},
		{name: "unknown secret and token", in: `{"type":"join","resume":"p.x","token":"x"}`, code: "bad_token"},
		{name: "too few lines", in: `{"type":"join","token":"t-p","slots":7}`, code: "bad_message"},
		{
			name: "expired", in: `{"type":"join","token":"t-p"}`, code: "token_expired",
			prepare: func(w *world) { w.authority.errs["t-p"] = fmt.Errorf("x: %w", ErrTokenExpired) },
		},
		{
			name: "room gone", in: `{"type":"join","token":"t-p"}`, code: "room_closed",
			prepare: func(w *world) { w.authority.errs["t-p"] = ErrRoomClosed },
		},
		{
			name: "authority fails", in: `{"type":"join","token":"t-p"}`, code: "internal", retry: true,
			prepare: func(w *world) { w.authority.errs["t-p"] = errors.New("disk") },
		},
		{
			name: "room full", in: `{"type":"join","token":"t-p"}`, code: "room_full", retry: true,
			prepare: func(w *world) { w.authority.admits["t-p"].Room.Capacity = 0 },
		},
		{
			name: "room closes meanwhile", in: `{"type":"join","token":"t-p"}`, code: "room_closed",
			prepare: func(w *world) { w.engine.closedRooms["r"] = true },
		},
		{
			name: "room deleted while entering", in: `{"type":"join","token":"t-p"}`, code: "room_closed",
			prepare: func(w *world) {
				w.engine.entered = func() { w.authority.fail("t-p", ErrRoomClosed) }
			},
		},
		{
			name: "engine closed", in: `{"type":"join","token":"t-p"}`, code: "shutdown", retry: true,
			prepare: func(w *world) { w.engine.addErr = media.ErrClosed },
		},
		{
			name: "id in use", in: `{"type":"join","token":"t-p"}`, code: "seat_taken",
			prepare: func(w *world) { w.engine.addErr = media.ErrDuplicate },
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.authority.invite("p", "r")
			if row.prepare != nil {
				row.prepare(w)
			}
			p := w.dial(t)
			p.sendText(row.in)
			p.wantBye(row.code, row.retry)
			snap := w.server.Snapshot()
			if snap.Joins[row.code] != 1 || snap.Seats != 0 || len(w.engine.participants) != 0 {
				t.Errorf("got %+v and %d participants", snap, len(w.engine.participants))
			}
			if len(w.authority.left) != 0 {
				t.Error("somebody who never joined has left")
			}
		})
	}
}

// A join that was refused has not used its token up.
func TestRefusedJoinCanBeRepeated(t *testing.T) {
	w := newWorld(t, nil)
	token := w.authority.invite("p", "r")
	w.authority.admits[token].Room.Capacity = 0
	p := w.dial(t)
	p.send(&message.Join{Token: token})
	p.wantBye(message.CodeRoomFull, true)
	w.authority.admits[token].Room.Capacity = 1
	q := w.dial(t)
	q.send(&message.Join{Token: token})
	want[*message.Welcome](q)
}

func TestJoinTimeout(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.JoinTimeout = 20 * time.Millisecond })
	w.dial(t).wantBye(message.CodeTimeout, true)
}

// A join whose work outlasts the time leaves nothing behind either.
func TestSlowAuthority(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.JoinTimeout = 20 * time.Millisecond })
	w.authority.block = make(chan struct{})
	p := w.dial(t)
	p.send(&message.Join{Token: w.authority.invite("p", "r")})
	p.wantBye(message.CodeTimeout, true)
	close(w.authority.block)
	eventually(t, "nothing remains", func() bool {
		s := w.server.Snapshot()
		return s.Seats == 0 && s.Sessions == 0 && s.Pending == 0
	})
}

func TestFit(t *testing.T) {
	for _, row := range []struct {
		lines int
		want  media.Pool
		ok    bool
	}{
		{0, media.GroupPool(), true},
		{64, media.GroupPool(), true},
		{37, media.GroupPool(), true},
		{36, media.Pool{Pairs: 6, Videos: 18, Screen: true}, true},
		{18, media.SmallPool(), true},
		{17, media.Pool{Pairs: 5, Screen: true}, true},
		{8, media.Pool{Pairs: 1, Screen: true}, true},
		{7, media.Pool{}, false},
	} {
		got, err := fit(media.GroupPool(), row.lines)
		if (err == nil) != row.ok || (row.ok && got != row.want) {
			t.Errorf("%d lines: got %+v, %v; want %+v", row.lines, got, err, row.want)
		}
	}
}

// SE-8: which web pages may connect.
func TestOrigin(t *testing.T) {
	const host = "meet.example.org"
	for _, row := range []struct {
		host, origin string
		allowed      []string // Config.AllowedOrigins
		admission    []string // Admission.Origins
		status       int      // of the upgrade; 0 is success
		code         string   // of the join; "" is success
	}{
		{origin: ""},
		{origin: "https://meet.example.org"},
		{origin: "http://meet.example.org"},
		{origin: "HTTPS://Meet.Example.org:443"},
		{origin: "https://meet.example.org:8443", host: host + ":8443"},
		{origin: "https://meet.example.org:8443", status: 403},
		{origin: "https://evil.example.org", status: 403},
		{origin: "https://meet.example.org.evil.org", status: 403},
		{origin: "null", status: 403},
		{origin: "file://", status: 403},
		{origin: "https://app.example.com", allowed: []string{"https://app.example.com:443"}},
		{origin: "http://app.example.com", allowed: []string{"https://app.example.com"}, status: 403},
		{origin: "https://app.example.com", allowed: []string{"https://app.example.com"}, admission: []string{"https://APP.example.com/"}},
		{origin: "https://app.example.com", allowed: []string{"https://app.example.com"}, admission: []string{"https://other.example.com"}, code: "bad_origin"},
		{origin: "https://meet.example.org", admission: []string{"https://other.example.com"}},
		{origin: "https://app.example.com", admission: []string{"https://app.example.com"}, status: 403},
	} {
		t.Run(row.origin, func(t *testing.T) {
			w := newWorld(t, func(c *Config) { c.AllowedOrigins = row.allowed })
			token := w.authority.invite("p", "r")
			a := w.authority.admits[token]
			a.Origins = row.admission
			w.authority.admits[token] = a
			header := http.Header{}
			if row.origin != "" {
				header.Set("Origin", row.origin)
			}
			h := row.host
			if h == "" {
				h = host
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			conn, resp, err := websocket.Dial(ctx, w.http.URL, &websocket.DialOptions{
				HTTPClient: w.client, Subprotocols: []string{message.Subprotocol}, HTTPHeader: header, Host: h,
			})
			if row.status != 0 {
				if err == nil || resp.StatusCode != row.status {
					t.Fatalf("got %v, %v; want %d", resp, err, row.status)
				}
				body, _ := io.ReadAll(resp.Body)
				if !strings.Contains(string(body), `"code":"bad_origin"`) || resp.Header.Get("Content-Type") != "application/problem+json" {
					t.Errorf("got %s", body)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.CloseNow() }()
			p := &peer{t, conn}
			p.send(&message.Join{Token: token})
			if row.code != "" {
				p.wantBye(row.code, false)
				return
			}
			want[*message.Welcome](p)
		})
	}
}

func TestSubprotocolIsRequired(t *testing.T) {
	w := newWorld(t, nil)
	for _, names := range [][]string{nil, {"atrium.v2"}} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		conn, resp, err := websocket.Dial(ctx, w.http.URL, &websocket.DialOptions{HTTPClient: w.client, Subprotocols: names})
		cancel()
		if err == nil {
			_ = conn.CloseNow()
			t.Fatal("connected")
		}
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("status %d", resp.StatusCode)
		}
	}
}

func TestPlainRequestIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	for _, header := range []http.Header{{}, {"Sec-Websocket-Protocol": {message.Subprotocol}}} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.http.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = header
		resp, err := w.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if !slices.Contains([]int{http.StatusBadRequest, http.StatusUpgradeRequired}, resp.StatusCode) {
			t.Errorf("status %d", resp.StatusCode)
		}
	}
}

func TestConfigValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	for key, change := range map[string]func(*Config){
		"allowed_origins: \"*\"": func(c *Config) { c.AllowedOrigins = []string{"*"} },
		"allowed_origins: \"h":   func(c *Config) { c.AllowedOrigins = []string{"https://a.example/path"} },
		"join_timeout: 0s":       func(c *Config) { c.JoinTimeout = 0 },
		"ping_interval: ":        func(c *Config) { c.PingInterval = time.Hour },
		"ping_timeout: ":         func(c *Config) { c.PingTimeout = time.Hour },
		"moderator_ping":         func(c *Config) { c.ModeratorPingInterval = 0 },
		"moderator_absent":       func(c *Config) { c.ModeratorAbsentAfter = time.Hour },
		"write_timeout: ":        func(c *Config) { c.WriteTimeout = 0 },
		"max_pending: 1":         func(c *Config) { c.MaxPending = 1 },
		"queue_messages: ":       func(c *Config) { c.QueueMessages = 1 },
		"queue_bytes: 1 ":        func(c *Config) { c.QueueBytes = 1 },
		"message_rate: 0.5":      func(c *Config) { c.MessageRate = 0.5 },
		"message_burst: ":        func(c *Config) { c.MessageBurst = 0 },
	} {
		c := DefaultConfig()
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), key) {
			t.Errorf("got %v, want %s…", err, key)
		}
	}
}
