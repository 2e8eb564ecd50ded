package control_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// groupIn schedules a group of the area, hosted by f.dr.
func (f *clinic) groupIn(spec control.GroupSpec) control.GroupSession {
	f.t.Helper()
	if spec.Title == "" {
		spec.Title = "Coping"
	}
	if spec.StartsAt.IsZero() {
		spec.StartsAt = f.clock().Add(time.Hour)
	}
	g, err := f.CreateGroup(f.t.Context(), f.dr.Actor, f.area.ID, spec, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return g
}

// account is somebody of staff with an account, as co-moderators need.
func (f *clinic) account(name string) control.Staff {
	f.t.Helper()
	scope := control.Scope{Kind: control.ScopeArea, ID: f.area.ID}
	made, err := f.Appoint(f.t.Context(), staff(f.org), control.RoleName(auth.Provider), scope,
		control.Invitee{Email: uuid.NewString() + "@example.org", Copy: true}, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return control.Staff{Name: name, Actor: control.Actor{Kind: control.ActorAccount, ID: made.Account.ID, OrganisationID: f.org}}
}

func (f *clinic) tryRegister(link, name string) (control.GroupRegistration, error) {
	e, err := f.EnterByLink(f.t.Context(), linkDigest(f.t, link),
		control.EntrySpec{Fields: map[string]string{"name": name}, Consent: true})
	if err != nil {
		return control.GroupRegistration{}, err
	}
	if e.Registration == nil || e.Visit != nil || e.Join.ID != "" || e.VisitToken != "" {
		f.t.Errorf("registered: %+v", e) // a link, and nothing else
	}
	return *e.Registration, nil
}

// registers registers somebody by the group's link and returns their own.
func (f *clinic) registers(g control.GroupSession, name string) string {
	f.t.Helper()
	r, err := f.tryRegister(g.Link, name)
	if err != nil {
		f.t.Fatal(err)
	}
	return r.Link
}

// asks has somebody register, open their link and connect.
func (f *clinic) asks(g control.GroupSession, name string) *guest {
	f.t.Helper()
	who := f.enter(f.registers(g, name), "")
	f.connect(who.join)
	return who
}

// crowd is many who ask at once.
func (f *clinic) crowd(g control.GroupSession, n int) []*guest {
	f.t.Helper()
	list := make([]*guest, n)
	var wg sync.WaitGroup
	for i := range list {
		wg.Go(func() {
			r, err := f.tryRegister(g.Link, fmt.Sprint("Guest ", i))
			if err == nil {
				list[i], err = f.tryEnter(r.Link, "", nil)
			}
			if err == nil {
				err = f.tryConnect(list[i].join)
			}
			if err != nil {
				f.t.Errorf("guest %d: %v", i, err)
			}
		})
	}
	if wg.Wait(); f.t.Failed() {
		f.t.FailNow()
	}
	return list
}

// starts begins a group's session and connects who began it.
func (f *clinic) starts(who control.Staff, g control.GroupSession) control.StartedGroup {
	f.t.Helper()
	started, err := f.StartGroup(f.t.Context(), who, g.ID)
	if err != nil {
		f.t.Fatal(err)
	}
	f.connect(started.Join)
	return started
}

// joins has somebody of staff join a session, and connects them.
func (f *clinic) joins(who control.Staff, g control.GroupSession) string {
	f.t.Helper()
	joined, err := f.JoinGroup(f.t.Context(), who, g.ID)
	if err != nil {
		f.t.Fatal(err)
	}
	f.connect(joined.Join)
	return joined.Join.ParticipantID
}

func (f *clinic) admits(g control.GroupSession, guests ...*guest) {
	f.t.Helper()
	var visits []string
	for _, who := range guests {
		visits = append(visits, who.id)
	}
	done, err := f.AdmitToGroup(f.t.Context(), f.dr.Actor, g.ID, visits)
	if err != nil || len(done.Admitted) != len(guests) || len(done.Refused) != 0 {
		f.t.Fatalf("admitted %+v, %v", done, err)
	}
}

func (f *clinic) groupCall(id string) control.Call {
	f.t.Helper()
	call, err := f.Call(f.t.Context(), f.dr.Actor, id)
	if err != nil {
		f.t.Fatal(err)
	}
	return call
}

// inLobby are the names of those who wait, in order.
func (f *clinic) inLobby(g control.GroupSession) []string {
	f.t.Helper()
	visits, err := f.GroupLobby(f.t.Context(), f.dr.Actor, g.ID)
	if err != nil {
		f.t.Fatal(err)
	}
	names := []string{}
	for _, v := range visits {
		names = append(names, v.Details["name"])
	}
	return names
}

func (f *clinic) registration(g control.GroupSession, visitID string) control.GroupRegistration {
	f.t.Helper()
	page, err := f.GroupRegistrations(f.t.Context(), f.dr.Actor, g.ID, control.Query{})
	if err != nil {
		f.t.Fatal(err)
	}
	i := slices.IndexFunc(page.Items, func(r control.GroupRegistration) bool { return r.VisitID == visitID })
	if i < 0 {
		f.t.Fatalf("no registration has the visit, of %d", len(page.Items))
	}
	return page.Items[i]
}

// R-GC-2: who registers gets a link; by it they wait in a private place and
// have requested access; admitted, they are in the session, whose moderator
// started it. Late ones come in the same way.
func TestGroupFlow(t *testing.T) {
	f := newClinic(t, control.AreaSettings{ShowPosition: true})
	g := f.groupIn(control.GroupSpec{Capacity: 10})
	if g.State != control.GroupScheduled || g.Link == "" || g.HostID != f.dr.Actor.ID || g.Duration != time.Hour {
		t.Errorf("scheduled %+v", g)
	}
	ann := f.asks(g, "Ann")
	bob := f.asks(g, "Bob")
	for _, who := range []*guest{ann, bob} {
		who.want(control.VisitWaiting, "")
		if v := who.visit(); v.Kind != control.VisitGroup || v.GroupID != g.ID || v.Position != 0 || f.where(who.pid()) != "parked" {
			t.Errorf("waits as %+v, %s", v, f.where(who.pid()))
		}
	}
	f.wantQueue() // theirs is another place
	if got := f.inLobby(g); !slices.Equal(got, []string{"Ann", "Bob"}) {
		t.Errorf("in the lobby: %q", got)
	}
	_, err := f.AdmitToGroup(t.Context(), f.dr.Actor, g.ID, []string{ann.id})
	refusedWith(t, err, control.CodeWrongState)
	_, err = f.Admit(t.Context(), f.dr, ann.id, control.AdmitSpec{})
	refusedWith(t, err, control.CodeWrongState) // that is for individual consultations

	started := f.starts(f.dr, g)
	if started.Group.State != control.GroupLive || started.Call.Kind != control.Group || started.Join.Role != control.RoleModerator ||
		!started.Call.EndsAt.Equal(f.clock().Add(4*time.Hour)) {
		t.Errorf("started %+v", started)
	}
	f.admits(g, ann)
	f.admits(g, bob)
	for _, id := range []string{ann.pid(), bob.pid(), started.Join.ParticipantID} {
		if f.where(id) != started.Call.ID {
			t.Errorf("somebody is %s", f.where(id))
		}
	}
	late := f.asks(g, "Late")
	late.want(control.VisitWaiting, "")
	if got := f.inLobby(g); !slices.Equal(got, []string{"Late"}) {
		t.Errorf("in the lobby: %q", got)
	}
	f.admits(g, late)
	if state := f.registration(g, late.id).State; state != control.RegistrationAdmitted {
		t.Errorf("late, they are %s", state)
	}
	if err := f.EndGroup(t.Context(), f.dr.Actor, g.ID); err != nil {
		t.Fatal(err)
	}
	for _, who := range []*guest{ann, bob, late} {
		who.want(control.VisitEnded, control.OutcomeCompleted)
		if f.where(who.pid()) != "gone" {
			t.Errorf("after the end somebody is %s", f.where(who.pid()))
		}
	}
	if g, _ = f.Group(t.Context(), f.dr.Actor, g.ID); g.State != control.GroupEnded || g.Link != "" || g.EndedAt.IsZero() {
		t.Errorf("ended %+v", g)
	}
	want := []string{"group.registered", "group.access_requested", "group.registered", "group.access_requested", "group.started",
		"group.admitted", "group.admitted", "group.registered", "group.access_requested", "group.admitted", "group.ended"}
	if got := f.events("group."); !slices.Equal(got, want) {
		t.Errorf("webhooks %v", got)
	}
}

// R-GC-2: what somebody who waits is shown is the same whether or not others
// do, and of these they see nothing.
func TestGroupGuestsDontLearnOfEachOther(t *testing.T) {
	f := newClinic(t, control.AreaSettings{ShowPosition: true})
	g := f.groupIn(control.GroupSpec{})
	ann, bob := f.asks(g, "Ann"), f.asks(g, "Bob")
	view, err := f.GuestView(t.Context(), bob.actor, bob.id)
	if err != nil || view.Position != 0 || view.AreaID != "" {
		t.Errorf("shown %+v, %v", view, err)
	}
	for what, err := range map[string]error{
		"read":  func() error { _, err := f.Visit(t.Context(), bob.actor, ann.id); return err }(),
		"view":  func() error { _, err := f.GuestView(t.Context(), bob.actor, ann.id); return err }(),
		"seat":  func() error { _, err := f.VisitSeat(t.Context(), bob.actor, ann.id); return err }(),
		"leave": f.LeaveVisit(t.Context(), bob.actor, ann.id),
	} {
		if !errors.Is(err, control.ErrNotFound) {
			t.Errorf("%s another's visit: %v", what, err)
		}
	}
	people, _ := f.media.Participants(t.Context(), "")
	if len(people) != 2 { // both parked: alone, each of them
		t.Errorf("%d are parked", len(people))
	}
}

// R-GC-2: registration is open, closed, or for staff only; who has registered
// needn't say again who they are, but consents where nobody has yet.
func TestGroupRegistration(t *testing.T) {
	f := newClinic(t, control.AreaSettings{
		Fields: []control.EntryField{{Key: control.FieldPhone, Required: true}}, Terms: "Be kind.",
	})
	enter := func(link string, fields map[string]string, consent bool) error {
		_, err := f.EnterByLink(t.Context(), linkDigest(t, link), control.EntrySpec{Fields: fields, Consent: consent})
		return err
	}
	look := func(link string) control.Lobby {
		lobby, err := f.Look(t.Context(), linkDigest(t, link))
		if err != nil {
			t.Fatal(err)
		}
		return lobby
	}
	g := f.groupIn(control.GroupSpec{})
	all := map[string]string{"name": "Ann", "phone": "+43 1 234"}
	var field *control.FieldError
	if err := enter(g.Link, map[string]string{"name": "Ann"}, true); !errors.As(err, &field) || field.Field != "fields.phone" {
		t.Errorf("without the phone: %v", err)
	}
	if err := enter(g.Link, all, false); !errors.As(err, &field) || field.Field != "consent" {
		t.Errorf("without consent: %v", err)
	}
	if l := look(g.Link); l.Kind != control.LinkRegistration || l.Name != g.Title || !l.Door.Open || len(l.Fields) != 2 || !l.StartsAt.Equal(g.StartsAt) {
		t.Errorf("shown %+v", l)
	}
	e, err := f.EnterByLink(t.Context(), linkDigest(t, g.Link), control.EntrySpec{Fields: all, Consent: true})
	if err != nil {
		t.Fatal(err)
	}
	if l := look(e.Registration.Link); l.Kind != control.LinkGroup || len(l.Fields) != 0 || l.Terms != "" {
		t.Errorf("shown %+v", l)
	}
	if err := enter(e.Registration.Link, nil, false); err != nil {
		t.Errorf("entering by one's own link: %v", err)
	}

	for _, how := range []control.Registration{control.RegistrationClosed, control.RegistrationByInvitation} {
		if _, err := f.UpdateGroup(t.Context(), f.dr.Actor, g.ID, control.GroupPatch{Registration: &how}); err != nil {
			t.Fatal(err)
		}
		refusedWith(t, enter(g.Link, all, true), control.CodeRegistrationClosed)
		if look(g.Link).Door.Open {
			t.Errorf("%s, the link is shown as open", how)
		}
	}
	by, err := f.RegisterForGroup(t.Context(), f.dr.Actor, g.ID, map[string]string{"name": "Bob"}, nil)
	if err != nil || by.Link == "" {
		t.Fatalf("registered by staff: %+v, %v", by, err)
	}
	if l := look(by.Link); len(l.Fields) != 1 || l.Terms == "" {
		t.Errorf("shown %+v", l)
	}
	phone := map[string]string{"phone": "+43 1 999"}
	if err := enter(by.Link, phone, false); !errors.As(err, &field) || field.Field != "consent" {
		t.Errorf("without consent: %v", err)
	}
	if err := enter(by.Link, phone, true); err != nil {
		t.Fatal(err)
	}
	if got := f.inLobby(g); !slices.Equal(got, []string{"Ann", "Bob"}) {
		t.Errorf("in the lobby: %q", got)
	}
	if err := enter(by.Link, map[string]string{"phone": "1", "reference": "7"}, true); !errors.As(err, &field) || field.Field != "fields" {
		t.Errorf("with what isn't asked for: %v", err)
	}
}

// R-GC-2, R-WA-1: who enters by their link from two places at once is there
// once, and only the last one speaks for them.
func TestPersonalLinkTwiceAtOnce(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	g := f.groupIn(control.GroupSpec{})
	link := f.registers(g, "Ann")
	entered := make([]control.Entered, 8)
	var wg sync.WaitGroup
	for i := range entered {
		wg.Go(func() {
			var err error
			if entered[i], err = f.EnterByLink(t.Context(), linkDigest(t, link), control.EntrySpec{Consent: true}); err != nil {
				t.Error(err)
			}
		})
	}
	if wg.Wait(); t.Failed() {
		return
	}
	alive := 0
	for _, e := range entered {
		if e.Visit.ID != entered[0].Visit.ID || e.Join.ParticipantID != entered[0].Join.ParticipantID {
			t.Error("there are two visits")
		}
		digest, _ := auth.VisitTokenDigest(e.VisitToken)
		if _, err := f.VisitByToken(t.Context(), digest); err == nil {
			alive++
		}
	}
	if got := f.inLobby(g); len(got) != 1 || alive != 1 {
		t.Errorf("%d wait, %d tokens are alive", len(got), alive)
	}
	// Who leaves by themselves can come again, as another visit.
	guest := control.Actor{Kind: control.ActorGuest, ID: entered[0].Visit.ID, OrganisationID: f.org}
	if err := f.LeaveVisit(t.Context(), guest, guest.ID); err != nil {
		t.Fatal(err)
	}
	if again := f.enter(link, ""); again.id == guest.ID {
		t.Error("a visit that ended goes on")
	}
}
