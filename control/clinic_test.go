package control_test

import (
	"context"
	"errors"
	"flag"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/controltest"
	"github.com/atriumrtc/atrium/control/store"
)

// clinic is a service with an area, and people who come to it.
type clinic struct {
	*control.Service
	t      testing.TB
	path   string
	keys   *auth.Keys
	store  *store.Bolt
	media  controltest.Media
	vault  controltest.Vault
	outbox controltest.Outbox

	sessions *auth.Sessions

	lazy bool // media takes its time
	wrap func(control.Media) control.Media

	mu  sync.Mutex
	now time.Time

	org  string
	unit control.Unit
	area control.Area
	dr   control.Staff // a provider
}

func newClinic(t testing.TB, settings control.AreaSettings) *clinic {
	t.Helper()
	keys, err := auth.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	f := &clinic{t: t, path: filepath.Join(t.TempDir(), "data"), keys: keys, now: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)}
	f.sessions = auth.NewSessions(f.clock)
	f.open()
	t.Cleanup(func() { _ = f.store.Close() })
	org, _, err := f.CreateOrganisation(t.Context(), "Ours")
	if err != nil {
		t.Fatal(err)
	}
	f.org = org.ID
	made, err := f.CreateUnit(t.Context(), staff(f.org), f.org, control.UnitSpec{Name: "Unit"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.unit = made.Unit
	f.area = f.newArea("Area", settings)
	f.dr = f.provider("Dr Who")
	return f
}

func (f *clinic) open() {
	f.t.Helper()
	var err error
	if f.store, err = store.Open(f.path, store.Options{}); err != nil {
		f.t.Fatal(err)
	}
	var media control.Media = &f.media
	if f.lazy {
		media = lazyMedia{media}
	}
	if f.wrap != nil {
		media = f.wrap(media)
	}
	f.Service, err = control.New(control.Options{
		Store: f.store, Media: media, Secrets: f.keys, Vault: &f.vault, Outbox: &f.outbox, Now: f.clock,
		Rights: rights{}, Expired: f.sessions,
	})
	if err == nil {
		err = f.Start(f.t.Context())
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *clinic) restart() {
	f.t.Helper()
	if err := f.store.Close(); err != nil {
		f.t.Fatal(err)
	}
	f.open()
}

func (f *clinic) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// step lets time pass, and what is due be done.
func (f *clinic) step(d time.Duration) {
	f.t.Helper()
	f.setClock(f.clock().Add(d))
	f.due()
}

func (f *clinic) setClock(to time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = to
}

func (f *clinic) due() {
	f.t.Helper()
	if _, err := f.DoDue(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

func (f *clinic) newArea(name string, settings control.AreaSettings) control.Area {
	f.t.Helper()
	a, err := f.CreateArea(f.t.Context(), staff(f.org), f.unit.ID, control.AreaSpec{Name: name, Settings: settings}, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return a
}

func (f *clinic) provider(name string) control.Staff {
	return control.Staff{Name: name, Actor: control.Actor{Kind: control.ActorAccount, ID: uuid.NewString(), OrganisationID: f.org}}
}

func linkDigest(t testing.TB, secret string) [32]byte {
	t.Helper()
	digest, ok := auth.LinkDigest(secret)
	if !ok {
		t.Fatal("the link has another form")
	}
	return digest
}

// guest is somebody who entered.
type guest struct {
	f     *clinic
	id    string
	token [32]byte
	actor control.Actor
	join  control.Join
}

func (f *clinic) tryEnter(link, name string, cookie *guest) (*guest, error) {
	spec := control.EntrySpec{Fields: map[string]string{"name": name}, Consent: true}
	if cookie != nil {
		spec.VisitToken = &cookie.token
	}
	e, err := f.EnterByLink(f.t.Context(), linkDigest(f.t, link), spec)
	if err != nil {
		return nil, err
	}
	g := &guest{f: f, id: e.Visit.ID, join: e.Join}
	if cookie != nil {
		g.token = cookie.token
	}
	if e.VisitToken != "" {
		g.token, _ = auth.VisitTokenDigest(e.VisitToken)
	}
	g.actor, err = f.VisitByToken(f.t.Context(), g.token)
	return g, err
}

func (f *clinic) enter(link, name string) *guest {
	f.t.Helper()
	g, err := f.tryEnter(link, name, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return g
}

// arrive enters the area and connects.
func (f *clinic) arrive(name string) *guest {
	f.t.Helper()
	g := f.enter(f.area.Link, name)
	f.connect(g.join)
	return g
}

// connect does what signal does when somebody joins.
func (f *clinic) connect(j control.Join) {
	f.t.Helper()
	if err := f.tryConnect(j); err != nil {
		f.t.Fatal(err)
	}
}

func (f *clinic) tryConnect(j control.Join) error {
	ctx := f.t.Context()
	if _, err := f.Seating(ctx, j); err != nil {
		return err
	}
	f.media.Connect(j.ParticipantID)
	if err := f.TakeSeat(ctx, j); err != nil {
		f.media.Disconnect(j.ParticipantID)
		return err
	}
	return f.Present(ctx, j.ParticipantID, true)
}

// drop loses a connection; media keeps the seat.
func (f *clinic) drop(participantID string) {
	f.t.Helper()
	if err := f.Present(f.t.Context(), participantID, false); err != nil {
		f.t.Fatal(err)
	}
}

func (f *clinic) left(participantID string, why control.Departure) {
	f.t.Helper()
	f.media.Disconnect(participantID)
	if err := f.Left(f.t.Context(), participantID, why); err != nil {
		f.t.Fatal(err)
	}
}

func (g *guest) pid() string { return g.join.ParticipantID }

func (g *guest) visit() control.Visit {
	g.f.t.Helper()
	v, err := g.f.Visit(g.f.t.Context(), g.f.dr.Actor, g.id)
	if err != nil {
		g.f.t.Fatal(err)
	}
	return v
}

func (g *guest) want(state control.VisitState, outcome control.Outcome) {
	g.f.t.Helper()
	if v := g.visit(); v.State != state || v.Outcome != outcome {
		g.f.t.Errorf("the visit is %s %q; want %s %q", v.State, v.Outcome, state, outcome)
	}
}

// where says which room media has somebody in.
func (f *clinic) where(participantID string) string {
	room, connected := f.media.Where(participantID)
	switch {
	case !connected:
		return "gone"
	case room == "":
		return "parked"
	}
	return room
}

func (f *clinic) admit(who control.Staff, g *guest, spec control.AdmitSpec) control.Admitted {
	f.t.Helper()
	a, err := f.Admit(f.t.Context(), who, g.id, spec)
	if err != nil {
		f.t.Fatal(err)
	}
	if f.where(a.Join.ParticipantID) == "gone" {
		f.connect(a.Join)
	}
	return a
}

func (f *clinic) queue() []string {
	f.t.Helper()
	q, err := f.Queue(f.t.Context(), f.dr.Actor, f.area.ID)
	if err != nil {
		f.t.Fatal(err)
	}
	var names []string
	for _, v := range q.Visits {
		names = append(names, v.Details["name"]+" "+string(v.State))
	}
	return names
}

func (f *clinic) wantQueue(want ...string) {
	f.t.Helper()
	if got := f.queue(); strings.Join(got, ", ") != strings.Join(want, ", ") {
		f.t.Errorf("the queue is %q; want %q", got, want)
	}
}

// events are the types of the webhooks that were told, of those with a prefix,
// in order.
func (f *clinic) events(prefix string) []string {
	f.t.Helper()
	var list []string
	for _, e := range f.told(prefix) {
		list = append(list, e.Type)
	}
	return list
}

func (f *clinic) told(prefix string) []control.Event {
	f.t.Helper()
	var list []control.Event
	err := f.store.View(f.t.Context(), func(tx store.Tx) error {
		notices, err := f.outbox.Notices(tx)
		for _, n := range notices {
			if n.Event != nil && strings.HasPrefix(n.Event.Type, prefix) {
				list = append(list, *n.Event)
			}
		}
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return list
}

// refusedWith checks for a *StateError.
func refusedWith(t testing.TB, err error, code string) {
	t.Helper()
	if !errors.Is(err, &control.StateError{Code: code}) {
		t.Errorf("got %v; want %s", err, code)
	}
}

// alive says whether a join could still be used.
func (f *clinic) alive(j control.Join) bool {
	_, err := f.Seating(context.Background(), j)
	return err == nil
}

// contents is every key and value of the data file.
func (f *clinic) contents() []string {
	f.t.Helper()
	var list []string
	err := f.store.View(f.t.Context(), func(tx store.Tx) error {
		return tx.Range("", "", func(key string, value []byte) error {
			list = append(list, key+"="+string(value))
			return nil
		})
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return list
}

// each calls visit for every record of a prefix whose value contains a text.
func (f *clinic) each(prefix string, visit func(value string), containing string) {
	f.t.Helper()
	for _, record := range f.contents() {
		if strings.HasPrefix(record, prefix) && strings.Contains(record, containing) {
			visit(record)
		}
	}
}

// checkModel is rapid.Check with modelChecks sequences, unless -rapid.checks
// says otherwise.
func checkModel(t *testing.T, prop func(rt *rapid.T)) {
	t.Helper()
	checks := flag.Lookup("rapid.checks")
	if was := checks.Value.String(); was == checks.DefValue {
		t.Cleanup(func() { _ = checks.Value.Set(was) })
		if err := checks.Value.Set(modelChecks); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, prop)
}
