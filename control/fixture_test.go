package control_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/controltest"
	"github.com/atriumrtc/atrium/control/store"
)

// media notes what was closed, and whether the room was still on disk then.
type media struct {
	mu      sync.Mutex
	closed  []string
	onClose func(id string)
}

func (m *media) CloseRoom(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = append(m.closed, id)
	if m.onClose != nil {
		m.onClose(id)
	}
	return nil
}

func (m *media) Place(_ context.Context, people ...control.Placement) []error {
	return controltest.Nobody(people)
}
func (m *media) Dismiss(context.Context, string) error                               { return control.ErrNotFound }
func (m *media) Participants(context.Context, string) ([]control.Participant, error) { return nil, nil }
func (m *media) Mute(context.Context, string, string, string, bool) error {
	return control.ErrNotFound
}
func (m *media) Remove(context.Context, string, string) error                     { return control.ErrNotFound }
func (m *media) Arrange(context.Context, control.MediaRoom) error                 { return nil }
func (m *media) Attach(context.Context, string, []string) error                   { return control.ErrNotFound }
func (m *media) Tell(context.Context, control.Audience, control.CallNotice) error { return nil }

type fixture struct {
	*control.Service
	t      *testing.T
	path   string
	keys   *auth.Keys
	store  *store.Bolt
	media  *media
	vault  controltest.Vault
	outbox controltest.Outbox
	signer signer
	now    time.Time
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	keys, err := auth.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{
		t: t, path: filepath.Join(t.TempDir(), "data"), keys: keys, media: &media{}, signer: newSigner(1),
		now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	}
	f.open()
	t.Cleanup(func() { _ = f.store.Close() })
	return f
}

// open starts the service, again after a restart.
func (f *fixture) open() {
	f.t.Helper()
	var err error
	if f.store, err = store.Open(f.path, store.Options{}); err != nil {
		f.t.Fatal(err)
	}
	f.Service, err = control.New(control.Options{
		Store: f.store, Media: f.media, Secrets: f.keys, Vault: &f.vault, Outbox: &f.outbox, Signer: f.signer,
		Now: func() time.Time { return f.now },
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

// links are the digests of the links that lead somewhere.
func (f *fixture) links() map[string]bool {
	f.t.Helper()
	found := make(map[string]bool)
	f.each("link/", func(key string, _ []byte) { found[strings.TrimPrefix(key, "link/")] = true })
	return found
}

// each visits the records of a prefix.
func (f *fixture) each(prefix string, visit func(key string, value []byte)) {
	f.t.Helper()
	err := f.store.View(f.t.Context(), func(tx store.Tx) error {
		return tx.Range(prefix, "", func(key string, value []byte) error {
			visit(key, value)
			return nil
		})
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) restart() {
	f.t.Helper()
	if err := f.store.Close(); err != nil {
		f.t.Fatal(err)
	}
	f.open()
}

// organisation makes one and returns who its first key's user is.
func (f *fixture) organisation(name string) (control.Caller, string) {
	f.t.Helper()
	_, secret, err := f.CreateOrganisation(f.t.Context(), name)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.caller(secret), secret
}

func (f *fixture) caller(secret string) control.Caller {
	f.t.Helper()
	digest, ok := auth.APIKeyDigest(secret)
	if !ok {
		f.t.Fatal("the API key has another form")
	}
	c, err := f.Authenticate(f.t.Context(), digest)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

func (f *fixture) room(c control.Caller, t control.RoomType) control.Room {
	f.t.Helper()
	room, err := f.CreateRoom(f.t.Context(), c, control.RoomSpec{Type: t}, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return room
}

func (f *fixture) enter(link, name string) (control.Join, control.Room, error) {
	f.t.Helper()
	digest, ok := auth.LinkDigest(link)
	if !ok {
		f.t.Fatalf("the link has another form: %d characters", len(link))
	}
	return f.Enter(f.t.Context(), digest, name)
}
