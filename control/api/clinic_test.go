package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/api/client"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/controltest"
	"github.com/atriumrtc/atrium/control/store"
)

// clinic is a running server with a waiting area, and people who come to it
// over HTTP.
type clinic struct {
	t        *testing.T
	url      string
	server   *Server
	service  *control.Service
	store    store.Store
	keys     *auth.Keys
	tokens   *auth.Tokens
	vault    controltest.Vault
	media    controltest.Media
	outbox   controltest.Outbox
	org      string
	unit     string
	area     control.Area
	app      *client.Client // with a key of the organisation
	provider *client.Provider
	returned chan string // paths of requests that were answered, when made
}

// newClinic starts one. change, if any, sets up its HTTP server.
func newClinic(t *testing.T, settings control.AreaSettings, change func(*clinic, *httptest.Server)) *clinic {
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
	c := &clinic{t: t, store: db, keys: keys, tokens: auth.NewTokens(keys, nil), provider: &client.Provider{Name: "Dr Who"}}
	c.service, err = control.New(control.Options{Store: db, Media: &c.media, Secrets: keys, Vault: &c.vault, Outbox: &c.outbox})
	c.ok(err)
	c.ok(c.service.Start(t.Context()))
	org, key, err := c.service.CreateOrganisation(t.Context(), "Ours")
	c.ok(err)
	c.org = org.ID
	unit, err := c.service.CreateUnit(t.Context(), control.System(), c.org, control.UnitSpec{Name: "Unit"}, nil)
	c.ok(err)
	c.unit = unit.Unit.ID
	c.area = c.newArea("Area", settings)
	cfg := DefaultConfig()
	cfg.FailureBurst = 10_000 // the limit has a test of its own
	c.server, err = New(cfg, Options{Control: c.service, Tokens: c.tokens, Store: db, Keys: keys})
	c.ok(err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.server.ServeHTTP(w, r)
		if c.returned != nil {
			c.returned <- r.URL.Path
		}
	}))
	if change != nil {
		change(c, server)
	}
	server.Start()
	t.Cleanup(server.Close)
	c.url, c.app = server.URL, nil
	c.app = c.client(key)
	return c
}

func (c *clinic) ok(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *clinic) newArea(name string, settings control.AreaSettings) control.Area {
	c.t.Helper()
	area, err := c.service.CreateArea(c.t.Context(), control.System(), c.unit, control.AreaSpec{Name: name, Settings: settings}, nil)
	c.ok(err)
	return area
}

// client is a client with connections of its own.
func (c *clinic) client(key string) *client.Client {
	c.t.Helper()
	transport := &http.Transport{}
	c.t.Cleanup(transport.CloseIdleConnections)
	made, err := client.New(c.url, key, &http.Client{Transport: transport, Timeout: time.Minute})
	c.ok(err)
	return made
}

// staff makes an account with a role that has signed in.
func (c *clinic) staff(name string, role control.RoleName, scope control.Scope) (account control.Account, session string) {
	c.t.Helper()
	in := control.Invitee{Email: uuid.NewString() + "@example.org", Copy: true}
	made, err := c.service.Appoint(c.t.Context(), control.System(), role, scope, in, nil)
	c.ok(err)
	digest, _ := auth.LinkDigest(made.Invitation.Link)
	token, sum := c.keys.NewSessionToken()
	account, err = c.service.AcceptInvitation(c.t.Context(), digest, name, func(tx store.Tx, a control.Account) error {
		return c.server.sessions.Create(tx, a.ID, sum)
	})
	c.ok(err)
	return account, token
}

func (c *clinic) scope() control.Scope {
	return control.Scope{Kind: control.ScopeArea, ID: c.area.ID}
}

// guest is somebody who entered.
type guest struct {
	*client.Client
	client.Admission
	visit client.GuestVisit
}

func (c *clinic) guest(a client.Admission) guest {
	c.t.Helper()
	if a.Visit == nil || a.VisitToken == "" {
		c.t.Fatalf("entered: %+v", a)
	}
	return guest{c.client(a.VisitToken), a, *a.Visit}
}

func (c *clinic) enter(link, name string) guest {
	c.t.Helper()
	a, err := c.client("").Entry(c.t.Context(), link, name)
	c.ok(err)
	return c.guest(a)
}

// refused fails unless err is the server's refusal with that code.
func refused(t *testing.T, what string, err error, status int, code string) {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) || e.Status != status || e.Code != code {
		t.Errorf("%s: %v, want %d %s", what, err, status, code)
	}
}

// follow reads a stream of events until it ends.
type follow struct {
	t      *testing.T
	stream *client.Stream
	all    []client.Event
}

// deadline is when a test gives up waiting.
const deadline = 10 * time.Second

func (c *clinic) follow(open func(ctx context.Context) (*client.Stream, error)) *follow {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*deadline)
	c.t.Cleanup(cancel)
	stream, err := open(ctx)
	c.ok(err)
	c.t.Cleanup(func() { _ = stream.Close() })
	return &follow{t: c.t, stream: stream}
}

func (f *follow) next() client.Event {
	f.t.Helper()
	e, err := f.stream.Next()
	if err != nil {
		f.t.Fatalf("the stream ended after %s: %v", f, err)
	}
	f.all = append(f.all, e)
	return e
}

// visit is the next event, of a guest's own visit.
func (f *follow) visit() client.GuestVisit {
	f.t.Helper()
	var v client.GuestVisit
	if err := f.next().Decode(&v); err != nil {
		f.t.Fatal(err)
	}
	return v
}

func (f *follow) String() string {
	s := ""
	for _, e := range f.all {
		s += fmt.Sprintf("%s %s %s\n", e.ID, e.Name, e.Data)
	}
	return s
}

// thinListener gives connections small buffers.
type thinListener struct{ net.Listener }

func (l thinListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(4096)
	}
	return conn, err
}
