package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/controltest"
	"github.com/atriumrtc/atrium/control/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeMedia is a media edge whose rooms the test fills.
type fakeMedia struct {
	mu     sync.Mutex
	rooms  map[string][]control.Participant
	closed []string
	muted  []string
	panics bool
}

func (f *fakeMedia) Place(_ context.Context, people ...control.Placement) []error {
	return controltest.Nobody(people)
}

func (f *fakeMedia) CloseRoom(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = append(f.closed, id)
	return nil
}

func (f *fakeMedia) Participants(_ context.Context, id string) ([]control.Participant, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.panics {
		panic("a fault of the test's")
	}
	return f.rooms[id], nil
}

func (f *fakeMedia) has(room, id string) bool {
	for _, p := range f.rooms[room] {
		if p.ID == id {
			return true
		}
	}
	return false
}

func (f *fakeMedia) Mute(_ context.Context, room, id, source string, muted bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.has(room, id) {
		return control.ErrNotFound
	}
	if muted {
		f.muted = append(f.muted, id+" "+source)
	}
	return nil
}

func (f *fakeMedia) Dismiss(context.Context, string) error { return control.ErrNotFound }

func (f *fakeMedia) Remove(_ context.Context, room, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.has(room, id) {
		return control.ErrNotFound
	}
	delete(f.rooms, room)
	return nil
}

// fixture is a server with two organisations.
type fixture struct {
	t       *testing.T
	url     string
	handler http.Handler
	server  *Server
	store   store.Store
	keys    *auth.Keys
	control *control.Service
	tokens  *auth.Tokens
	media   *fakeMedia
	key     string // of the organisation under test
	foreign string // of another one
	guests  guests // by the digests of their visit tokens
	// operator is the operator key.
	operator string
	now      *clock
	logs     *syncBuffer
}

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// testSigner signs heads of the audit log.
type testSigner struct{ keys *auth.Keys }

func (s testSigner) Sign(head []byte) control.HeadSignature {
	made := s.keys.Sign("test", head)
	return control.HeadSignature{KeyID: made.KeyID, Key: made.Key, Signature: made.Value}
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "data"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	keys, err := auth.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{
		t:     t,
		media: &fakeMedia{rooms: make(map[string][]control.Participant)},
		now:   &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)},
		logs:  &syncBuffer{},
	}
	logger := slog.New(slog.NewJSONHandler(f.logs, nil))
	f.control, err = control.New(control.Options{
		Store: db, Media: f.media, Secrets: keys, Signer: testSigner{keys}, Now: f.now.Now, Logger: logger,
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]*string{"Ours": &f.key, "Theirs": &f.foreign} {
		if _, *key, err = f.control.CreateOrganisation(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	f.tokens = auth.NewTokens(keys, f.now.Now)
	f.store, f.keys = db, keys
	operator, secret, err := auth.LoadOperatorKey(filepath.Join(t.TempDir(), "operator.json"))
	if err != nil {
		t.Fatal(err)
	}
	f.guests, f.operator = make(guests), secret
	f.server, err = New(DefaultConfig(), Options{
		Guests: f.guests, Operator: operator,
		Control: f.control, Tokens: f.tokens, Store: db, Keys: keys, Logger: logger, Now: f.now.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.handler = f.server
	server := httptest.NewServer(f.handler)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) problem(t *testing.T) Problem {
	t.Helper()
	if got := a.header.Get("Content-Type"); got != ProblemType {
		t.Errorf("Content-Type = %q, want %q; body %s", got, ProblemType, a.body)
	}
	var p Problem
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Fatalf("problem: %v in %s", err, a.body)
	}
	if p.Status != a.status || p.Code == "" || p.Detail == "" || p.Title == "" {
		t.Errorf("incomplete problem for status %d: %s", a.status, a.body)
	}
	return p
}

func (f *fixture) do(method, path, key, body string, header ...string) answer {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.url+path, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i+1] != "" {
			req.Header.Set(header[i], header[i+1])
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	return answer{status: resp.StatusCode, header: resp.Header, body: data}
}

// must does a request that must succeed and decodes its answer.
func must[T any](f *fixture, want int, method, path, key, body string, header ...string) T {
	f.t.Helper()
	a := f.do(method, path, key, body, header...)
	if a.status != want {
		f.t.Fatalf("%s %s: status %d, want %d: %s", method, path, a.status, want, a.body)
	}
	var v T
	if len(a.body) > 0 {
		if err := json.Unmarshal(a.body, &v); err != nil {
			f.t.Fatalf("%s %s: %v in %s", method, path, err, a.body)
		}
	}
	return v
}

// callerOf says whose an API key is.
func (f *fixture) callerOf(key string) control.Caller {
	f.t.Helper()
	digest, _ := auth.APIKeyDigest(key)
	caller, err := f.control.Authenticate(f.t.Context(), digest)
	if err != nil {
		f.t.Fatal(err)
	}
	return caller
}

func (f *fixture) room(body string) Room {
	f.t.Helper()
	return must[Room](f, http.StatusCreated, "POST", "/api/v1/rooms", f.key, body)
}

func (m *fakeMedia) Arrange(context.Context, control.MediaRoom) error { return nil }

func (m *fakeMedia) Attach(context.Context, string, []string) error { return control.ErrNotFound }

func (m *fakeMedia) Tell(context.Context, control.Audience, control.CallNotice) error { return nil }
