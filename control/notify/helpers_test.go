package notify

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/atriumrtc/atrium/control/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clock is a wall clock and its timers, which the test moves.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	timers map[int]*timer
	made   int
}

type timer struct {
	at time.Time
	c  chan time.Time
}

func newClock() *clock { return &clock{now: start, timers: map[int]*timer{}} }

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) After(d time.Duration) (<-chan time.Time, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{at: c.now.Add(d), c: make(chan time.Time, 1)}
	c.made++
	id := c.made
	if d <= 0 {
		t.c <- c.now
	} else {
		c.timers[id] = t
	}
	return t.c, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.timers, id)
	}
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	for id, t := range c.timers {
		if !t.at.After(c.now) {
			t.c <- c.now
			delete(c.timers, id)
		}
	}
}

// plain "seals" visibly, bound to its purpose.
type plain struct{}

func (plain) Seal(data []byte, purpose string) []byte {
	return append([]byte("sealed:"+purpose+":"), data...)
}

func (plain) Open(sealed []byte, purpose string) ([]byte, error) {
	prefix := "sealed:" + purpose + ":"
	if len(sealed) < len(prefix) || string(sealed[:len(prefix)]) != prefix {
		return nil, errors.New("can't be opened")
	}
	return sealed[len(prefix):], nil
}

// outcome is a call of Delivered.
type outcome struct {
	id  string
	at  time.Time
	err error
}

// bench is a sender with what it needs.
type bench struct {
	t         *testing.T
	path      string
	db        store.Store
	clock     *clock
	outbox    *Outbox
	delivered chan outcome
	reveal    func(Message) (Revealed, error)
	stop      func()
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, path: filepath.Join(t.TempDir(), "atrium.db"), clock: newClock(), delivered: make(chan outcome, 100)}
	b.outbox = NewOutbox(plain{}, b.clock.time)
	b.reveal = func(m Message) (Revealed, error) {
		return Revealed{To: string(m.To), Organisation: "Clinic", Language: "en"}, nil
	}
	b.open()
	t.Cleanup(func() { b.stop(); _ = b.db.Close() })
	return b
}

func (b *bench) open() {
	db, err := store.Open(b.path, store.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	b.db, b.stop = db, func() {}
}

// run starts a sender; stop ends it.
func (b *bench) run(cfg Config) {
	b.t.Helper()
	s, err := NewSender(cfg, SenderOptions{
		Store: b.db, Outbox: b.outbox, Clock: b.clock,
		Reveal: func(_ context.Context, m Message) (Revealed, error) { return b.reveal(m) },
		Delivered: func(_ context.Context, m Message, at time.Time, err error) error {
			b.delivered <- outcome{m.ID, at, err}
			return nil
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			b.t.Error(err)
		}
	})
}

// reopen stops the sender and opens the store anew, as a restart would.
func (b *bench) reopen() {
	b.stop()
	if err := b.db.Close(); err != nil {
		b.t.Fatal(err)
	}
	b.open()
}

func loopback() Config {
	cfg := DefaultConfig()
	cfg.PrivateTargets = true
	return cfg
}

func (b *bench) update(f func(tx store.Tx) error) {
	b.t.Helper()
	if err := b.db.Update(context.Background(), f); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) enqueue(m Message) string {
	b.t.Helper()
	var id string
	b.update(func(tx store.Tx) (err error) {
		id, err = b.outbox.Enqueue(tx, m)
		return err
	})
	return id
}

func (b *bench) outcome() outcome {
	b.t.Helper()
	return receive(b.t, b.delivered)
}

func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
	}
	panic("unreachable")
}

// count returns how many records have the prefix.
func (b *bench) count(prefix string) int {
	b.t.Helper()
	n := 0
	err := b.db.View(context.Background(), func(tx store.Tx) error {
		return tx.Range(prefix, "", func(string, []byte) error { n++; return nil })
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// request is what a receiver got.
type request struct {
	header http.Header
	body   string
	path   string
}

// receiver answers with the statuses in turn, the last one for ever.
func receiver(t *testing.T, statuses ...int) (*httptest.Server, <-chan request) {
	got := make(chan request, 100)
	var mu sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		status := statuses[0]
		if len(statuses) > 1 {
			statuses = statuses[1:]
		}
		mu.Unlock()
		w.WriteHeader(status)
		got <- request{r.Header, string(body), r.URL.Path}
	}))
	t.Cleanup(server.Close)
	return server, got
}
