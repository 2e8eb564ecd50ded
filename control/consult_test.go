package control_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/store"
)

// copied makes a Consult Now link to copy.
func (f *clinic) copied() control.Consultation {
	f.t.Helper()
	c, err := f.ConsultNow(f.t.Context(), f.dr, f.area.ID, control.Contact{Copy: true}, "", nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

func (f *clinic) consult(id string) control.ConsultNow {
	f.t.Helper()
	c, err := f.ReadConsult(f.t.Context(), f.dr.Actor, id)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// R-CN-1, R-CN-4: the winner goes straight to the waiting provider; the link is
// used up; only the winner's visit token comes back in.
func TestConsultNow(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	c := f.copied()
	f.connect(c.Join)
	for range 3 { // looking consumes nothing
		lobby, err := f.Look(t.Context(), linkDigest(t, c.Consult.Link))
		if err != nil || lobby.Kind != control.LinkConsultNow {
			t.Fatalf("%+v, %v", lobby, err)
		}
	}
	if got := f.consult(c.Consult.ID).State; got != control.ConsultOpened { // R-CN-5
		t.Errorf("looked at, it is %s", got)
	}
	ann := f.enter(c.Consult.Link, "Ann")
	f.connect(ann.join)
	if f.where(ann.pid()) != c.Call.ID || f.where(c.Join.ParticipantID) != c.Call.ID {
		t.Errorf("Ann is %s", f.where(ann.pid()))
	}
	for range 2 {
		if _, err := f.tryEnter(c.Consult.Link, "Eve", nil); !errors.Is(err, control.ErrNotFound) {
			t.Errorf("used twice: %v", err)
		}
		f.restart() // SE-12: neither after a crash
		if back, err := f.tryEnter(c.Consult.Link, "Ann", ann); err != nil || back.id != ann.id || back.pid() != ann.pid() {
			t.Errorf("the winner: %v", err)
		}
	}
	eve := f.arrive("Eve")
	if _, err := f.tryEnter(c.Consult.Link, "Eve", eve); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("with another's visit token: %v", err)
	}
	_, err := f.RevokeConsult(t.Context(), f.dr.Actor, c.Consult.ID)
	refusedWith(t, err, control.CodeWrongState)
	_, err = f.ExtendConsult(t.Context(), f.dr.Actor, c.Consult.ID)
	refusedWith(t, err, control.CodeWrongState)
	want := []string{"consult_now.sent", "consult_now.opened", "consult_now.entered"}
	if got := f.events("consult_now."); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("webhooks %v", got)
	}
}

// R-CN-3: only the invited come in: who comes by the area's own link is in the
// queue and in nobody's call, a secret that nobody was sent leads nowhere, and
// another organisation sees nothing.
func TestConsultOnlyTheInvited(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	c := f.copied()
	f.connect(c.Join)
	eve := f.arrive("Eve")
	eve.want(control.VisitWaiting, "")
	if at := f.where(eve.pid()); at == c.Call.ID {
		t.Error("the area's link led into the call of an invited guest")
	}
	f.wantQueue("Eve waiting")
	guess, _ := f.keys.NewLink()
	_, unknown := f.tryEnter(guess, "Eve", nil)
	if !errors.Is(unknown, control.ErrNotFound) {
		t.Errorf("a guess: %v", unknown)
	}
	other, _, err := f.CreateOrganisation(t.Context(), "Others")
	if err != nil {
		t.Fatal(err)
	}
	stranger := control.Actor{Kind: control.ActorAccount, ID: "x", OrganisationID: other.ID}
	if _, err := f.ReadConsult(t.Context(), stranger, c.Consult.ID); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("another organisation reads it: %v", err)
	}
	if _, err := f.ExtendConsult(t.Context(), stranger, c.Consult.ID); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("another organisation extends it: %v", err)
	}
	if _, err := f.RevokeConsult(t.Context(), f.dr.Actor, c.Consult.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := f.tryEnter(c.Consult.Link, "Eve", nil); err == nil || err.Error() != unknown.Error() {
		t.Errorf("revoked: %v; never there: %v", err, unknown)
	}
}

// R-CN-2: five minutes to the millisecond, from creation when it is copied,
// from the hand-over when it is sent.
func TestConsultBoundary(t *testing.T) {
	for _, sent := range []bool{false, true} {
		for late, ok := range map[time.Duration]bool{0: true, time.Millisecond: false} {
			f := newClinic(t, control.AreaSettings{})
			link, id := "", ""
			if sent {
				link, id = f.sent()
				f.step(time.Hour) // the clock has not started
				if err := f.Delivered(t.Context(), f.noticeID(), f.clock(), nil); err != nil {
					t.Fatal(err)
				}
			} else {
				c := f.copied()
				link, id = c.Consult.Link, c.Consult.ID
			}
			f.step(control.ConsultTime + late)
			_, err := f.tryEnter(link, "Ann", nil)
			if ok != (err == nil) || !ok && !errors.Is(err, control.ErrNotFound) {
				t.Errorf("sent %t, %s late: %v", sent, late, err)
			}
			if want := map[bool]control.ConsultState{true: control.ConsultEntered, false: control.ConsultExpired}[ok]; f.consult(id).State != want {
				t.Errorf("sent %t, %s late: it is %s", sent, late, f.consult(id).State)
			}
		}
	}
}

// sent makes a Consult Now link that is sent, and reads the secret from the
// outbox as the gateway would.
func (f *clinic) sent() (link, id string) {
	f.t.Helper()
	c, err := f.ConsultNow(f.t.Context(), f.dr, f.area.ID, control.Contact{Phone: "+43 660 1"}, "", nil)
	if err != nil {
		f.t.Fatal(err)
	}
	if c.Consult.Link != "" || c.Consult.Channel != control.ChannelSMS {
		f.t.Errorf("%+v: the secret is shown", c.Consult)
	}
	n := f.notice()
	to, err := f.vault.Open(n.Key, n.To, control.PurposeAddress)
	if err != nil || string(to) != "+43 660 1" {
		f.t.Fatalf("to %q, %v", to, err)
	}
	data, err := f.vault.Open(n.Key, n.SealedData, control.PurposeNotice)
	if err != nil {
		f.t.Fatal(err)
	}
	var path string
	if _, err := fmt.Sscanf(string(data), `{"path":"/e#%24s"}`, &path); err != nil {
		f.t.Fatalf("%s: %v", data, err)
	}
	return path, c.Consult.ID
}

// notice is the last message that was to be sent.
func (f *clinic) notice() control.Notice {
	f.t.Helper()
	var last control.Notice
	err := f.store.View(f.t.Context(), func(tx store.Tx) error {
		notices, err := f.outbox.Notices(tx)
		for _, n := range notices {
			if n.Kind != control.NoticeWebhook {
				last = n
			}
		}
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return last
}

func (f *clinic) noticeID() string { return f.notice().ID }

// R-CN-2, R-CN-5: a message that can't be handed over has failed, its clock not
// started; sent again, it is sent again. Dead links look the same.
func TestConsultDelivery(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	link, id := f.sent()
	if err := f.Delivered(t.Context(), f.noticeID(), f.clock(), errors.New("no such number")); err != nil {
		t.Fatal(err)
	}
	if c := f.consult(id); c.State != control.ConsultFailed || !c.ExpiresAt.IsZero() {
		t.Errorf("%+v", c)
	}
	if _, err := f.Look(t.Context(), linkDigest(t, link)); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("a failed one: %v", err)
	}
	before := f.noticeID()
	if c, err := f.ResendConsult(t.Context(), f.dr.Actor, id, "", nil); err != nil || c.State != control.ConsultSent {
		t.Fatalf("%+v, %v", c, err)
	}
	if err := f.Delivered(t.Context(), before, f.clock(), errors.New("late news")); err != nil {
		t.Fatal(err)
	}
	if f.consult(id).State != control.ConsultSent {
		t.Error("news of the first message counted for the second")
	}
	f.step(time.Minute)
	if err := f.Delivered(t.Context(), f.noticeID(), f.clock().Add(time.Hour), nil); err != nil {
		t.Fatal(err)
	}
	if c := f.consult(id); !c.ExpiresAt.Equal(f.clock().Add(control.ConsultTime)) {
		t.Errorf("expires at %s: a gateway's clock in the future counted", c.ExpiresAt)
	}
	if _, err := f.RevokeConsult(t.Context(), f.dr.Actor, id); err != nil {
		t.Fatal(err)
	}
	_, revoked := f.Look(t.Context(), linkDigest(t, link))
	_, unknown := f.Look(t.Context(), [32]byte{1})
	if revoked == nil || unknown == nil || revoked.Error() != unknown.Error() {
		t.Errorf("revoked: %v; unknown: %v", revoked, unknown)
	}
	f.due()
	if n := f.vault.Keys(); n != 0 {
		t.Errorf("%d keys: the address isn't erased", n)
	}
	f.outbox.Lack(control.NoticeSMS)
	c, err := f.ConsultNow(t.Context(), f.dr, f.area.ID, control.Contact{Phone: "+43 660 1"}, "", nil)
	if err != nil || c.Consult.Link == "" || c.Consult.Channel != control.ChannelCopy || c.Consult.ExpiresAt.IsZero() {
		t.Errorf("without a gateway: %+v, %v", c.Consult, err)
	}
}

// R-CN-2: five minutes more each, any number, also after it ran out, for up to
// 24 h, each audited; not when used or revoked.
func TestConsultExtend(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	c := f.copied().Consult
	for range 3 {
		c, _ = f.ExtendConsult(t.Context(), f.dr.Actor, c.ID)
	}
	if want := f.clock().Add(4 * control.ConsultTime); !c.ExpiresAt.Equal(want) || c.Extensions != 3 {
		t.Errorf("expires at %s after %d extensions", c.ExpiresAt, c.Extensions)
	}
	f.step(20*time.Minute + time.Millisecond)
	if f.consult(c.ID).State != control.ConsultExpired {
		t.Error("not expired")
	}
	f.step(time.Hour)
	c, err := f.ExtendConsult(t.Context(), f.dr.Actor, c.ID)
	if err != nil || c.State != control.ConsultSent || !c.ExpiresAt.Equal(f.clock().Add(control.ConsultTime)) {
		t.Errorf("%+v, %v", c, err)
	}
	f.step(control.ConsultTime)
	f.enter(c.Link, "Ann")
	audited := 0
	f.each("audit/", func(string) { audited++ }, `"consult_now.extend"`)
	if audited != 4 {
		t.Errorf("%d extensions were audited", audited)
	}

	old := f.copied().Consult
	f.step(control.ConsultLife - time.Millisecond)
	if c, err = f.ExtendConsult(t.Context(), f.dr.Actor, old.ID); err != nil || c.ExpiresAt.After(old.CreatedAt.Add(control.ConsultLife)) {
		t.Errorf("%+v, %v", c, err)
	}
	f.step(time.Millisecond)
	_, err = f.ExtendConsult(t.Context(), f.dr.Actor, old.ID)
	refusedWith(t, err, control.CodeWrongState)
	if _, err := f.tryEnter(old.Link, "Ann", nil); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("after its life: %v", err)
	}
	f.step(time.Minute)
	if n := f.vault.Keys(); n != 0 {
		t.Errorf("%d keys: what is over isn't erased (R-PV-1)", n)
	}
}

// SE-20: a wall clock that is set back revives nothing, and what runs on takes
// its time.
func TestClockSetBack(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	c := f.copied().Consult
	ann := f.arrive("Ann")
	f.setClock(f.clock().Add(control.ConsultTime + time.Millisecond)) // nothing has marked it yet
	if _, err := f.Look(t.Context(), linkDigest(t, c.Link)); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("expired: %v", err)
	}
	f.setClock(f.clock().Add(-time.Hour))
	if _, err := f.tryEnter(c.Link, "Eve", nil); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("the clock was set back: %v", err)
	}
	f.due()
	if f.consult(c.ID).State != control.ConsultExpired {
		t.Error("not marked as expired")
	}
	f.restart()
	if _, err := f.tryEnter(c.Link, "Eve", nil); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("after a restart at the earlier time: %v", err)
	}
	ann.want(control.VisitWaiting, "")
}

// When the provider has left, the winner waits and keeps the right to come in;
// when everything is over, nothing of it can be read.
func TestConsultWithoutProvider(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	c := f.copied()
	f.connect(c.Join)
	f.left(c.Join.ParticipantID, control.DepartedLeft)
	ann := f.enter(c.Consult.Link, "Ann")
	f.connect(ann.join)
	f.wantQueue("Ann waiting")
	f.admit(f.dr, ann, control.AdmitSpec{})
	if err := f.LeaveVisit(t.Context(), ann.actor, ann.id); err != nil {
		t.Fatal(err)
	}
	f.step(time.Minute)
	if n := f.vault.Keys(); n != 0 || f.consult(c.Consult.ID).Address != "" {
		t.Errorf("%d keys remain", n)
	}
}

// SE-4, R-CN-4: of a hundred simultaneous entries exactly one wins, and media
// has exactly that one with the provider.
func TestConsultRace(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	for range raceLinks {
		c := f.copied()
		f.connect(c.Join)
		var won atomic.Int32
		var winner atomic.Pointer[guest]
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i := range 100 {
			wg.Go(func() {
				<-start
				g, err := f.tryEnter(c.Consult.Link, fmt.Sprint("Guest ", i), nil)
				switch {
				case err == nil:
					won.Add(1)
					winner.Store(g)
				case !errors.Is(err, control.ErrNotFound):
					t.Errorf("lost with %v", err)
				}
			})
		}
		close(start)
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d won", won.Load())
		}
		g := winner.Load()
		f.connect(g.join)
		people, _ := f.media.Participants(t.Context(), c.Call.ID)
		if len(people) != 2 || f.where(g.pid()) != c.Call.ID {
			t.Fatalf("%d people in the call", len(people))
		}
	}
	if n := f.vault.Keys(); n != 2*raceLinks {
		t.Errorf("%d keys; want two for each link: its own and its visit's", n)
	}
}

// A repeated request sends nothing and makes nothing again, and what is kept to
// answer it holds neither address nor details (R-PV-1).
func TestRepeatedRequests(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	once := func(op string) *control.Once { return &control.Once{Operation: op, Key: "k", Request: []byte(op)} }
	for range 2 {
		if _, err := f.ConsultNow(t.Context(), f.dr, f.area.ID, control.Contact{Phone: "+43 660 1"}, "", once("consult")); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for range 2 {
		a, err := f.Book(t.Context(), f.dr.Actor, f.area.ID, control.AppointmentSpec{StartsAt: f.clock()}, once("book"))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, a.ID)
	}
	q, err := f.Queue(t.Context(), f.dr.Actor, f.area.ID)
	if err != nil || len(q.Calls) != 1 || ids[0] != ids[1] {
		t.Fatalf("%d calls, appointments %v, %v", len(q.Calls), ids, err)
	}
	links := map[string]bool{}
	for range 2 {
		in, err := f.InviteToCall(t.Context(), f.dr.Actor, q.Calls[0].ID, control.Contact{Copy: true}, "", once("invite"))
		if err != nil {
			t.Fatal(err)
		}
		links[in.Link] = true
	}
	if len(links) != 1 || f.vault.Keys() != 2 {
		t.Errorf("%d links, %d keys", len(links), f.vault.Keys())
	}
	for range 2 {
		to := control.Contact{Email: "guest@example.org"}
		if _, sent, err := f.SendAppointment(t.Context(), f.dr.Actor, ids[0], to, "", once("send")); err != nil || !sent {
			t.Fatal(sent, err)
		}
		if _, sent, err := f.SendAreaLink(t.Context(), f.dr.Actor, f.area.ID, to, "", once("area")); err != nil || !sent {
			t.Fatal(sent, err)
		}
	}
	mails := 0
	f.each("test_outbox/", func(string) { mails++ }, `"Kind":"email"`)
	if mails != 2 || f.vault.Keys() != 3 {
		t.Errorf("%d e-mails, %d keys", mails, f.vault.Keys())
	}
	sent := 0
	f.each("test_outbox/", func(string) { sent++ }, `"Kind":"sms"`)
	if sent != 1 {
		t.Errorf("%d messages", sent)
	}
}
