package notify

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/atriumrtc/atrium/control/store"
)

func (b *bench) endpoint(e Endpoint, secret string) Endpoint {
	b.t.Helper()
	e.OrganisationID = "org"
	b.update(func(tx store.Tx) (err error) {
		e, err = b.outbox.CreateEndpoint(tx, e, secret)
		return err
	})
	return e
}

func arrived() Message {
	return Message{OrganisationID: "org", UnitID: "unit", Kind: Webhook, Event: "visit.arrived", Body: []byte(`{"type":"visit.arrived"}`)}
}

// A webhook carries the headers of Standard Webhooks, by which the receiver's
// library recognises it; a repetition has the same id.
func TestWebhook(t *testing.T) {
	b := newBench(t)
	server, got := receiver(t, 500, 204)
	secret := NewSecret()
	b.endpoint(Endpoint{URL: server.URL + "/hook"}, secret)
	b.run(loopback())
	id := b.enqueue(arrived())
	first := receive(t, got)
	waitFor(t, b, func() bool { return b.clock.waiting() })
	b.clock.move(10 * time.Second)
	second := receive(t, got)
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []request{first, second} {
		// The library holds the time against the real clock, so only the
		// signature is left to it.
		if err := verifier.VerifyIgnoringTimestamp([]byte(r.body), r.header); err != nil {
			t.Error(err)
		}
		if r.header.Get("webhook-id") != id || r.body != `{"type":"visit.arrived"}` || r.path != "/hook" {
			t.Errorf("%+v", r)
		}
	}
	if other, _ := standardwebhooks.NewWebhook(NewSecret()); other.VerifyIgnoringTimestamp([]byte(first.body), first.header) == nil {
		t.Error("another secret verifies it")
	}
	if first.header.Get("webhook-timestamp") == second.header.Get("webhook-timestamp") {
		t.Error("the repetition has the time of the first attempt")
	}
}

// waiting says whether a timer runs for a retry: the worker's idle one is an
// hour to the nanosecond.
func (c *clock) waiting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.timers {
		if t.at.Sub(c.now) != time.Hour {
			return true
		}
	}
	return false
}

// waitFor waits until the store is as it should be: every change of it is
// looked at.
func waitFor(t *testing.T, b *bench, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatal("it never came to be")
		}
		<-time.After(time.Millisecond) // timers of the fake clock make no event
	}
}

// Who hears what: by unit and by type.
func TestEndpointHears(t *testing.T) {
	for _, row := range []struct {
		endpoint    Endpoint
		event, unit string
		want        bool
	}{
		{Endpoint{}, "visit.arrived", "unit", true},
		{Endpoint{UnitID: "unit"}, "visit.arrived", "unit", true},
		{Endpoint{UnitID: "unit"}, "visit.arrived", "other", false},
		{Endpoint{UnitID: "unit"}, "organisation.changed", "", false},
		{Endpoint{Events: []string{"call.*"}}, "call.ended", "", true},
		{Endpoint{Events: []string{"call.*"}}, "visit.ended", "", false},
		{Endpoint{Events: []string{"visit.ended", "call.started"}}, "call.started", "", true},
		{Endpoint{Events: []string{"call"}}, "call.started", "", false},
	} {
		if got := row.endpoint.hears(Message{Event: row.event, UnitID: row.unit}); got != row.want {
			t.Errorf("%+v hears %s of %q: %v", row.endpoint, row.event, row.unit, got)
		}
	}
}

// It is tried for 24 hours, across restarts, with growing pauses; then it can
// be replayed, under the same id.
func TestWebhookGivesUpAndReplays(t *testing.T) {
	b := newBench(t)
	statuses := make([]int, 0, 100)
	for range 6 { // five until it is given up, one of the replay
		statuses = append(statuses, 503)
	}
	server, got := receiver(t, append(statuses, 200)...)
	e := b.endpoint(Endpoint{URL: server.URL}, NewSecret())
	b.run(loopback())
	id := b.enqueue(arrived())
	attempts := 0
	for b.count(prefixDone) == 0 {
		r := receive(t, got)
		attempts++
		if r.header.Get("webhook-id") != id {
			t.Fatalf("attempt %d has another id", attempts)
		}
		waitFor(t, b, func() bool { return b.settled(attempts) })
		if attempts == 3 {
			b.reopen()
			b.run(loopback())
		}
		waitFor(t, b, func() bool { return b.clock.waiting() || b.count(prefixDone) > 0 })
		b.clock.move(6 * time.Hour)
	}
	if since := b.clock.time().Sub(start); attempts != 5 || since < 24*time.Hour {
		t.Fatalf("given up after %d attempts, %v", attempts, since)
	}
	replayed := -1
	b.update(func(tx store.Tx) (err error) {
		replayed, err = b.outbox.Replay(tx, "org", e.ID, start)
		return err
	})
	for attempts < 7 {
		r := receive(t, got)
		attempts++
		if r.header.Get("webhook-id") != id {
			t.Fatal("the replay has another id")
		}
		waitFor(t, b, func() bool { return b.clock.waiting() || b.count(prefixDone) > 0 })
		b.clock.move(time.Hour)
	}
	waitFor(t, b, func() bool { return b.count(prefixDone) == 1 && b.count(prefixDue) == 0 })
	if replayed != 1 {
		t.Fatalf("%d replayed", replayed)
	}
}

// settled says whether that many attempts are noted.
func (b *bench) settled(attempts int) bool {
	if b.count(prefixDone) > 0 {
		return true
	}
	n := 0
	err := b.db.View(b.t.Context(), func(tx store.Tx) error {
		return tx.Range(prefixItem, "", func(key string, _ []byte) error {
			i, err := readItem(tx, strings.TrimPrefix(key, prefixItem))
			n = i.Attempts
			return err
		})
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return n >= attempts
}

// 410 Gone, a deleted endpoint and a private address end it at once.
func TestWebhookPermanent(t *testing.T) {
	gone, got := receiver(t, http.StatusGone)
	for name, row := range map[string]struct {
		url string
		cfg Config
	}{
		"gone":    {gone.URL, loopback()},
		"private": {gone.URL, DefaultConfig()},
		"mapped":  {"http://[::ffff:127.0.0.1]:1/", DefaultConfig()},
		"cloud":   {"http://169.254.169.254/latest/meta-data", DefaultConfig()},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			e := b.endpoint(Endpoint{URL: row.url}, NewSecret())
			b.run(row.cfg)
			id := b.enqueue(arrived())
			waitFor(t, b, func() bool { return b.count(prefixDone) == 1 })
			err := b.db.View(t.Context(), func(tx store.Tx) error {
				i, err := readItem(tx, id+"."+e.ID)
				if i.Attempts != 1 || i.Failed == "" {
					t.Errorf("%+v", i)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
	select {
	case <-got:
	default:
		t.Error("the one that may be called was not")
	}
	select {
	case <-got:
		t.Error("a private address was called")
	default:
	}
}

// An endpoint that doesn't answer keeps no other waiting.
func TestSlowEndpointDelaysNobody(t *testing.T) {
	b := newBench(t)
	release := make(chan struct{})
	var stuck atomic.Int32
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		stuck.Add(1)
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer slow.Close()
	defer close(release)
	quick, got := receiver(t, 200)
	b.endpoint(Endpoint{URL: slow.URL, Events: []string{"slow"}}, NewSecret())
	b.endpoint(Endpoint{URL: quick.URL, Events: []string{"quick"}}, NewSecret())
	b.update(func(tx store.Tx) error {
		for range 1500 {
			m := arrived()
			m.Event = "slow"
			if _, err := b.outbox.Enqueue(tx, m); err != nil {
				return err
			}
		}
		return nil
	})
	b.clock.move(time.Millisecond) // all of those stand before it
	m := arrived()
	m.Event = "quick"
	b.enqueue(m)
	b.run(loopback())
	receive(t, got)
	if n := stuck.Load(); n > perTarget {
		t.Fatalf("%d at once to one endpoint", n)
	}
}

func TestEndpointErrors(t *testing.T) {
	b := newBench(t)
	for _, row := range []struct {
		e     Endpoint
		field string
	}{
		{Endpoint{URL: "ftp://example.org"}, "url"},
		{Endpoint{URL: "https://user:pass@example.org"}, "url"},
		{Endpoint{URL: "https://example.org/" + strings.Repeat("x", maxURL)}, "url"},
		{Endpoint{URL: "https://example.org", Events: []string{"Visit Arrived"}}, "events"},
	} {
		err := b.db.Update(t.Context(), func(tx store.Tx) error {
			_, err := b.outbox.CreateEndpoint(tx, row.e, NewSecret())
			return err
		})
		if field := (*FieldError)(nil); !errors.As(err, &field) || field.Field != row.field {
			t.Errorf("%+v: %v", row.e, err)
		}
	}
	e := b.endpoint(Endpoint{URL: "https://example.org"}, NewSecret())
	err := b.db.View(t.Context(), func(tx store.Tx) error {
		_, err := b.outbox.Endpoint(tx, "other", e.ID)
		return err
	})
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("another organisation's: %v", err)
	}
	b.update(func(tx store.Tx) error { return b.outbox.DeleteEndpoint(tx, "org", e.ID) })
	err = b.db.Update(t.Context(), func(tx store.Tx) error { return b.outbox.DeleteEndpoint(tx, "org", e.ID) })
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
}

// What was delivered goes after 72 hours.
func TestPurge(t *testing.T) {
	b := newBench(t)
	server, got := receiver(t, 200)
	b.endpoint(Endpoint{URL: server.URL}, NewSecret())
	b.run(loopback())
	for i := range 3 {
		b.enqueue(arrived())
		receive(t, got)
		waitFor(t, b, func() bool { return b.count(prefixDone) == i+1 })
	}
	b.clock.move(kept)
	b.enqueue(arrived())
	receive(t, got)
	waitFor(t, b, func() bool { return b.count(prefixDone) == 1 && b.count(prefixItem) == 1 && b.count(prefixDue) == 0 })
}
