package control_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/store"
)

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
