package control_test

import (
	"errors"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
)

// R-PV-1: where an area's link was sent is erased as soon as the message was
// delivered, or given up; where a link into a call was sent, when the call ends
// at the latest, and the link is dead then.
func TestSentAddressesAreErased(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	ctx, to := t.Context(), control.Contact{Email: "canary@example.org"}
	for _, failed := range []error{nil, errors.New("no such mailbox")} {
		if _, sent, err := f.SendAreaLink(ctx, f.dr.Actor, f.area.ID, to, "", nil); err != nil || !sent || f.vault.Keys() != 1 {
			t.Fatalf("sent %t, %d keys, %v", sent, f.vault.Keys(), err)
		}
		for range 2 { // at least once
			if err := f.Delivered(ctx, f.noticeID(), f.clock(), failed); err != nil {
				t.Fatal(err)
			}
		}
		f.due()
		if n := f.vault.Keys(); n != 0 {
			t.Errorf("delivered with %v: %d keys", failed, n)
		}
	}

	c := f.copied()
	f.connect(c.Join)
	if _, err := f.RevokeConsult(ctx, f.dr.Actor, c.Consult.ID); err != nil {
		t.Fatal(err)
	}
	f.due()
	copied, err := f.InviteToCall(ctx, f.dr.Actor, c.Call.ID, control.Contact{Copy: true}, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.InviteToCall(ctx, f.dr.Actor, c.Call.ID, to, "", nil); err != nil {
		t.Fatal(err)
	}
	f.step(time.Hour)
	if n := f.vault.Keys(); n != 1 {
		t.Errorf("while the message waits: %d keys", n)
	}
	if err := f.EndCall(ctx, f.dr.Actor, c.Call.ID); err != nil {
		t.Fatal(err)
	}
	if f.guestLink(copied.Link) {
		t.Error("a link into a call that is over leads somewhere")
	}
	f.step(time.Minute)
	if n := f.vault.Keys(); n != 0 {
		t.Errorf("a minute after the call: %d keys", n)
	}
	f.each("invited/", func(record string) { t.Errorf("%s is left", record) }, "")
}
