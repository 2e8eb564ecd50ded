package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/api/client"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/store"
)

// replica is what a reader of an area's events knows.
type replica struct {
	visits map[string]string // id → state and messages
	last   string            // id of the last event
	seq    uint64
}

func stateOf(v client.Visit) string {
	return fmt.Sprintf("%s %t %d %s", v.State, v.Connected, len(v.Messages), v.Fields["name"])
}

// apply takes an event in; ids must grow.
func (r *replica) apply(t *testing.T, e client.Event) {
	t.Helper()
	seq, err := strconv.ParseUint(e.ID, 10, 64)
	if err != nil || seq <= r.seq && r.last != "" {
		t.Errorf("event %q %s after %q: %v", e.ID, e.Name, r.last, err)
	}
	r.seq, r.last = seq, e.ID
	var q client.Queue
	var v client.Visit
	switch e.Name {
	case "queue":
		err = e.Decode(&q)
		r.visits = make(map[string]string)
		for _, v := range q.Visits {
			r.visits[v.ID] = stateOf(v)
		}
	case "visit":
		err = e.Decode(&v)
		r.visits[v.ID] = stateOf(v)
	case "visit_left":
		err = e.Decode(&v)
		delete(r.visits, v.ID)
	}
	if err != nil {
		t.Error(err)
	}
}

// R-WA-1: a reader that is cut off again and again, and goes on by
// Last-Event-ID, knows the queue as it is: nothing lost, nothing doubled.
func TestAreaEventsResume(t *testing.T) {
	c := newClinic(t, control.AreaSettings{}, nil)
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() { c.bustle(rand.New(rand.NewPCG(1, uint64(n))), n) })
	}
	busy, done := context.WithCancel(t.Context())
	go func() { all.Wait(); done() }()
	known, cuts, snapshots := &replica{}, 0, 0
	random := rand.New(rand.NewPCG(2, 2))
	read := func(ctx context.Context, most int) {
		stream, err := c.app.WatchArea(ctx, c.area.ID, known.last)
		if ctx.Err() != nil {
			return // that was a cut, too
		}
		c.ok(err)
		defer func() { _ = stream.Close() }()
		for range most {
			e, err := stream.Next()
			if ctx.Err() != nil && err != nil {
				return
			}
			c.ok(err)
			if e.Name == "queue" {
				snapshots++
			}
			known.apply(t, e)
		}
	}
	read(t.Context(), 1)
	for ; busy.Err() == nil; cuts++ {
		read(busy, 1+random.IntN(6))
	}
	last := c.enter(c.area.Link, "Last")
	for known.visits[last.visit.ID] == "" {
		read(t.Context(), 1)
	}
	q, err := c.app.Queue(t.Context(), c.area.ID)
	c.ok(err)
	want := make(map[string]string)
	for _, v := range q.Visits {
		want[v.ID] = stateOf(v)
	}
	if diff := cmp.Diff(want, known.visits); diff != "" {
		t.Errorf("after %d cuts (-queue +known):\n%s", cuts, diff)
	}
	if snapshots != 1 {
		t.Errorf("%d snapshots", snapshots)
	}
	for _, lost := range []string{"999999", "no number"} {
		stream, err := c.app.WatchArea(t.Context(), c.area.ID, lost)
		c.ok(err)
		if e, err := stream.Next(); err != nil || e.Name != "queue" {
			t.Errorf("after %s: %+v, %v", lost, e, err)
		}
		_ = stream.Close()
	}
}

// bustle has guests come, be served and go; those left at the end make the
// last events.
func (c *clinic) bustle(random *rand.Rand, n int) {
	ctx := c.t.Context()
	for i := range 12 {
		a, err := c.client("").Entry(ctx, c.area.Link, fmt.Sprintf("Guest %d %d", n, i))
		if err != nil {
			c.t.Error(err)
			return
		}
		id := a.Visit.ID
		switch random.IntN(5) {
		case 0:
			_, err = c.app.MessageVisit(ctx, id, "Soon.")
		case 1:
			_, err = c.app.DenyVisit(ctx, id, "")
		case 2:
			_, err = c.app.RemoveVisit(ctx, id)
		case 3:
			_, err = c.app.AdmitVisit(ctx, id, client.AdmitSpec{Provider: &client.Provider{Name: fmt.Sprint("Dr ", n, " ", i)}})
			if err == nil {
				_, err = c.app.HoldVisit(ctx, id)
			}
		}
		if err != nil {
			c.t.Error(err)
		}
	}
}

// R-P-2: the stream ends when access is taken away, whichever way: at once,
// without waiting for a heartbeat.
func TestAreaEventsEndWithAccess(t *testing.T) {
	c := newClinic(t, control.AreaSettings{}, nil)
	ctx := t.Context()
	ways := map[string]func(control.Account, string) error{
		"the role is taken away": func(a control.Account, _ string) error {
			grants, err := c.service.Grants(ctx, a.ID)
			c.ok(err)
			return c.service.RemoveGrant(ctx, control.System(), grants[0].Scope, grants[0].ID)
		},
		"the account is disabled": func(a control.Account, _ string) error {
			_, err := c.service.DisableAccount(ctx, control.System(), a.ID, nil)
			return err
		},
		"signed out": func(_ control.Account, session string) error {
			digest, _ := auth.SessionDigest(session)
			return c.store.Update(ctx, func(tx store.Tx) error { return c.server.sessions.Delete(tx, digest) })
		},
	}
	for way, take := range ways {
		account, session := c.staff("Dr Own", control.Provider, c.scope())
		events := c.follow(func(ctx context.Context) (*client.Stream, error) {
			return c.client(session).WatchArea(ctx, c.area.ID, "")
		})
		events.next()
		c.ok(take(account, session))
		c.ended(way, events)
	}
	key, secret, err := c.service.CreateAPIKey(ctx, control.System(), control.KeySpec{
		Name: "app", Scope: control.Scope{Kind: control.ScopeUnit, ID: c.unit}, Permissions: []string{string(auth.QueueRead)},
	}, nil)
	c.ok(err)
	events := c.follow(func(ctx context.Context) (*client.Stream, error) {
		return c.client(secret).WatchArea(ctx, c.area.ID, "")
	})
	events.next()
	c.ok(c.service.RevokeAPIKey(ctx, control.System(), key.ID))
	c.ended("the key is revoked", events)
	events = c.follow(func(ctx context.Context) (*client.Stream, error) { return c.app.WatchArea(ctx, c.area.ID, "") })
	events.next()
	_, err = c.service.SuspendArea(ctx, control.System(), c.area.ID, "Fire drill")
	c.ok(err)
	if e := events.next(); e.Name != "area" || !strings.Contains(string(e.Data), "Fire drill") {
		t.Errorf("suspended: %s", events)
	}
	c.ok(c.service.DeleteArea(ctx, control.System(), c.area.ID))
	c.ended("the area is deleted", events)
}

// ended fails unless the stream ends without another word, by the deadline.
func (c *clinic) ended(why string, events *follow) {
	c.t.Helper()
	began := time.Now()
	if e, err := events.stream.Next(); !errors.Is(err, io.EOF) || time.Since(began) > deadline {
		c.t.Errorf("%s: %+v, %v after %s", why, e, err, time.Since(began))
	}
}

// The server's deadlines are for answers that end: a stream outlives them, and
// shows that it lives. EndStreams ends it, and those that come later.
func TestStreamOutlivesDeadlines(t *testing.T) {
	c := newClinic(t, control.AreaSettings{}, func(c *clinic, server *httptest.Server) {
		// What must end in time, on a busy disk too, is the guest's entry.
		server.Config.ReadTimeout, server.Config.WriteTimeout = time.Second, time.Second
		c.server.streams.heartbeat = 100 * time.Millisecond
	})
	ann := c.enter(c.area.Link, "Ann")
	req, err := http.NewRequestWithContext(t.Context(), "GET", c.url+prefix+"/visits/"+ann.visit.ID+"/events", nil)
	c.ok(err)
	req.Header.Set("Authorization", "Bearer "+ann.VisitToken)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	c.ok(err)
	defer func() { _ = resp.Body.Close() }()
	if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", resp.Header)
	}
	lines := bufio.NewScanner(resp.Body)
	for beats := 0; beats < 15; {
		if !lines.Scan() {
			t.Fatalf("the stream ended after %d heartbeats: %v", beats, lines.Err())
		}
		if lines.Text() == ":" {
			beats++
		}
	}
	_, err = c.app.MessageVisit(t.Context(), ann.visit.ID, "Still there?")
	c.ok(err)
	for lines.Scan() && !strings.Contains(lines.Text(), "Still there?") {
	}
	c.server.EndStreams()
	for lines.Scan() {
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the end: %v", err)
	}
	c.server.EndStreams()
	events := c.follow(func(ctx context.Context) (*client.Stream, error) { return ann.WatchVisit(ctx, ann.visit.ID) })
	events.next()
	c.ended("streams have ended", events)
}

// SE-9: a reader that takes nothing is let go, and holds nobody up.
func TestStalledReader(t *testing.T) {
	c := newClinic(t, control.AreaSettings{}, func(c *clinic, server *httptest.Server) {
		c.server.streams.stall = 300 * time.Millisecond
		c.returned = make(chan string, 1024)
		server.Listener = thinListener{server.Listener}
	})
	ctx := t.Context()
	ann := c.enter(c.area.Link, "Ann")
	_, session := c.staff("Dr Own", control.Provider, c.scope())
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", strings.TrimPrefix(c.url, "http://"))
	c.ok(err)
	defer func() { _ = conn.Close() }()
	_ = conn.(*net.TCPConn).SetReadBuffer(4096)
	path := prefix + "/areas/" + c.area.ID + "/events"
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: atrium.test\r\nAuthorization: Bearer %s\r\n\r\n", path, session)
	c.ok(err)
	healthy := c.follow(func(ctx context.Context) (*client.Stream, error) { return c.app.WatchArea(ctx, c.area.ID, "") })
	healthy.next()
	limit := time.After(2 * deadline)
	for i := 0; ; i++ {
		_, err := c.app.MessageVisit(ctx, ann.visit.ID, fmt.Sprint(i, strings.Repeat(" much", 150)))
		c.ok(err)
		if e := healthy.next(); e.Name != "visit" {
			t.Fatalf("the healthy reader: %s %s", e.Name, e.Data)
		}
		select {
		case done := <-c.returned:
			if done == path {
				return
			}
		case <-limit:
			t.Fatal("the stalled reader is still there")
		}
	}
}

// One person can't open streams without end.
func TestStreamsAreBounded(t *testing.T) {
	s := newStreams()
	a := control.Actor{Kind: control.ActorGuest, ID: "a"}
	for range mostStreams {
		if !s.enter(a) {
			t.Fatal("refused too early")
		}
	}
	if s.enter(a) || !s.enter(control.Actor{Kind: control.ActorGuest, ID: "b"}) {
		t.Error("the bound isn't each one's own")
	}
	s.leave(a)
	if !s.enter(a) {
		t.Error("a stream that ended still counts")
	}
}
