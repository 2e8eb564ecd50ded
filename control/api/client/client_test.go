package client_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/api"
	"github.com/atriumrtc/atrium/control/api/client"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/controltest"
	"github.com/atriumrtc/atrium/control/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// media has one participant in every room until it is removed.
type media struct{ removed bool }

const participantID = "0192f0c1-7d3a-7b1e-9c55-1f2e3d4c5b6a"

func (m *media) Place(_ context.Context, people ...control.Placement) []error {
	return controltest.Nobody(people)
}

func (m *media) CloseRoom(context.Context, string) error { return nil }

func (m *media) Participants(context.Context, string) ([]control.Participant, error) {
	if m.removed {
		return nil, nil
	}
	return []control.Participant{{ID: participantID, Name: "Ana", Role: control.RoleViewer,
		Sources: []control.Source{{Source: "camera", MutedByServer: true}}}}, nil
}

func (m *media) Mute(_ context.Context, _, id, _ string, _ bool) error { return m.find(id) }

func (m *media) Dismiss(context.Context, string) error { return control.ErrNotFound }

func (m *media) Remove(_ context.Context, _, id string) error {
	err := m.find(id)
	m.removed = true
	return err
}

func (m *media) find(id string) error {
	if m.removed || id != participantID {
		return control.ErrNotFound
	}
	return nil
}

// deployment is the real API, over a store of its own.
type deployment struct {
	url, operatorKey string
	service          *control.Service
	close            func()
}

// deploy runs one whose files are in dir.
func deploy(dir string) (*deployment, error) {
	db, err := store.Open(filepath.Join(dir, "data"), store.Options{})
	if err != nil {
		return nil, err
	}
	d, err := deployOver(db, dir)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return d, nil
}

func deployOver(db *store.Bolt, dir string) (*deployment, error) {
	keys, err := auth.NewKeys()
	if err != nil {
		return nil, err
	}
	operator, operatorKey, err := auth.LoadOperatorKey(filepath.Join(dir, "operator.json"))
	if err != nil {
		return nil, err
	}
	service, err := control.New(control.Options{
		Store: db, Media: &media{}, Secrets: keys, Vault: &controltest.Vault{}, Signer: signer{keys},
	})
	if err == nil {
		err = service.Start(context.Background())
	}
	if err != nil {
		return nil, err
	}
	handler, err := api.New(api.DefaultConfig(), api.Options{
		Control: service, Tokens: auth.NewTokens(keys, nil), Store: db, Keys: keys, Operator: operator,
		Nodes: func(context.Context) []api.Node { return []api.Node{{ID: "n", Participants: 3}} },
	})
	if err != nil {
		return nil, err
	}
	server := httptest.NewServer(handler)
	return &deployment{server.URL, operatorKey, service, func() { server.Close(); _ = db.Close() }}, nil
}

// serve runs a deployment until the test ends.
func serve(t *testing.T) *deployment {
	t.Helper()
	d, err := deploy(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	return d
}

// serveOrganisation runs a deployment with an organisation, and returns its
// address and an API key.
func serveOrganisation(t *testing.T) (base, key string) {
	t.Helper()
	d := serve(t)
	_, key, err := d.service.CreateOrganisation(t.Context(), "Ours")
	if err != nil {
		t.Fatal(err)
	}
	return d.url, key
}

func newClient(t *testing.T, base, key string) *client.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := client.New(base, key, &http.Client{Transport: transport, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wantError fails unless err is the server's refusal with that code.
func wantError(t *testing.T, err error, status int, code string) {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) || e.Status != status || e.Code != code {
		t.Errorf("error %v, want %d %s", err, status, code)
	}
}

func TestRooms(t *testing.T) {
	base, key := serveOrganisation(t)
	c, ctx := newClient(t, base, key), t.Context()
	room, err := c.CreateRoom(ctx, client.RoomSpec{Type: "plain", Capacity: 30, Name: "Intake"}, "once")
	if err != nil || room.Capacity != 30 || room.Link == "" || room.CreatedAt.IsZero() {
		t.Fatalf("created %+v, %v", room, err)
	}
	if again, err := c.CreateRoom(ctx, client.RoomSpec{Type: "plain", Capacity: 30, Name: "Intake"}, "once"); err != nil || again != room {
		t.Errorf("repeated: %+v, %v", again, err)
	}
	if got, err := c.Room(ctx, room.ID); err != nil || got != room {
		t.Errorf("read %+v, %v", got, err)
	}
	second, err := c.CreateRoom(ctx, client.RoomSpec{Type: "meeting"}, "")
	if err != nil {
		t.Fatal(err)
	}
	first, next, err := c.ListRooms(ctx, "", 1)
	if err != nil || len(first) != 1 || first[0] != room || next == "" {
		t.Errorf("first page %+v, %q, %v", first, next, err)
	}
	if rest, next, err := c.ListRooms(ctx, next, 0); err != nil || len(rest) != 1 || rest[0] != second || next != "" {
		t.Errorf("second page %+v, %q, %v", rest, next, err)
	}
	token, err := c.CreateToken(ctx, room.ID, "Zoë", "moderator", "")
	if err != nil || token.Token == "" || token.ParticipantID == "" || token.SignalURL == "" || token.ExpiresAt.IsZero() {
		t.Errorf("token %+v, %v", token, err)
	}
	admission, err := newClient(t, base, "").Entry(ctx, room.Link, "Ana")
	if err != nil || admission.Token.Token == "" || admission.Room.ID != room.ID || admission.Room.Type != "plain" {
		t.Errorf("admission %+v, %v", admission, err)
	}
	if err := c.DeleteRoom(ctx, room.ID); err != nil {
		t.Error(err)
	}
	wantError(t, c.DeleteRoom(ctx, room.ID), 404, "not_found")
}

func TestParticipants(t *testing.T) {
	base, key := serveOrganisation(t)
	c, ctx := newClient(t, base, key), t.Context()
	room, err := c.CreateRoom(ctx, client.RoomSpec{Type: "plain"}, "")
	if err != nil {
		t.Fatal(err)
	}
	people, err := c.Participants(ctx, room.ID)
	if err != nil || len(people) != 1 || people[0].Name != "Ana" || !people[0].Sources[0].MutedByServer {
		t.Errorf("participants %+v, %v", people, err)
	}
	if err := c.Mute(ctx, room.ID, participantID, "camera", true); err != nil {
		t.Error(err)
	}
	if err := c.Remove(ctx, room.ID, participantID); err != nil {
		t.Error(err)
	}
	wantError(t, c.Remove(ctx, room.ID, participantID), 404, "not_found")
	wantError(t, c.Mute(ctx, room.ID, "../../x", "camera", true), 404, "not_found")
}

func TestErrors(t *testing.T) {
	base, key := serveOrganisation(t)
	ctx := t.Context()
	_, err := newClient(t, base, "").CreateRoom(ctx, client.RoomSpec{Type: "plain"}, "")
	wantError(t, err, 401, "unauthenticated")
	_, err = newClient(t, base, key).CreateRoom(ctx, client.RoomSpec{Type: "plain", Capacity: 1}, "")
	wantError(t, err, 400, "invalid")
	var e *client.Error
	if !errors.As(err, &e) || len(e.Fields) != 1 || e.Fields[0].Field != "body.capacity" {
		t.Errorf("fields %+v", e)
	}
	_, err = newClient(t, base, "").Entry(ctx, "x", "Ana")
	wantError(t, err, 404, "link_unknown")
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := newClient(t, base, key).Room(ended, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
	for _, bad := range []string{"", "calls.example.org", "ftp://x", "http://", "::"} {
		if _, err := client.New(bad, "", nil); err == nil {
			t.Errorf("New(%q) succeeded", bad)
		}
	}
}

// What isn't the API's answer is an error too, not a panic.
func TestOtherServers(t *testing.T) {
	for _, row := range []struct {
		status int
		kind   string
		body   string
		ok     bool
	}{
		{200, "application/json", `{"id":"x"}`, true},
		{200, "text/html", "<html>", false},
		{502, "text/html", "<html>", false},
		{429, "application/problem+json", "{", false},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", row.kind)
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(row.status)
			_, _ = w.Write([]byte(row.body))
		}))
		_, err := newClient(t, server.URL, "k").Room(t.Context(), "x")
		if (err == nil) != row.ok {
			t.Errorf("%d %s: %v", row.status, row.body, err)
		}
		var e *client.Error
		if errors.As(err, &e) && (e.Status != row.status || e.RetryAfter != 3*time.Second) {
			t.Errorf("%d %s: %+v", row.status, row.body, e)
		}
		server.Close()
	}
}

func (*media) Arrange(context.Context, control.MediaRoom) error { return nil }

func (*media) Attach(context.Context, string, []string) error { return control.ErrNotFound }

func (*media) Tell(context.Context, control.Audience, control.CallNotice) error { return nil }
