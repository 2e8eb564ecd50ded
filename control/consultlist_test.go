package control_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
)

// R-CN-2, R-CN-5: the links of an area that something may still come of are
// listed until they are used, revoked or a day old; expired ones and those
// that couldn't be sent too, as they can be extended or sent again.
func TestOpenConsults(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	ctx, actor := t.Context(), f.dr.Actor
	list := func() string {
		t.Helper()
		page, err := f.OpenConsults(ctx, actor, f.area.ID, control.Query{})
		if err != nil {
			t.Fatal(err)
		}
		var shown []string
		for _, c := range page.Items {
			shown = append(shown, fmt.Sprint(c.State, " ", c.Address, c.Link != ""))
		}
		return fmt.Sprint(shown)
	}
	want := func(when, is string) {
		t.Helper()
		if got := list(); got != is {
			t.Errorf("%s: %s, want %s", when, got, is)
		}
	}
	want("at first", "[]")
	used, revoked, kept := f.copied(), f.copied(), f.copied()
	_, sent := f.sent()
	want("four links", "[sent true sent true sent true sent +43 660 1false]")
	f.connect(f.enter(used.Consult.Link, "Ann").join)
	if _, err := f.RevokeConsult(ctx, actor, revoked.Consult.ID); err != nil {
		t.Fatal(err)
	}
	if err := f.Delivered(ctx, f.noticeID(), f.clock(), errors.New("no such number")); err != nil {
		t.Fatal(err)
	}
	want("one used, one revoked, one failed", "[sent true failed +43 660 1false]")
	f.step(control.ConsultTime + time.Millisecond)
	want("expired", "[expired true failed +43 660 1false]")
	if _, err := f.ExtendConsult(ctx, actor, kept.Consult.ID); err != nil {
		t.Fatal(err)
	}
	f.restart() // SE-12
	want("extended, after a restart", "[sent true failed +43 660 1false]")

	page, err := f.OpenConsults(ctx, actor, f.area.ID, control.Query{Limit: 1})
	if err != nil || len(page.Items) != 1 || page.Next != kept.Consult.ID {
		t.Fatalf("the first page %+v, %v", page, err)
	}
	page, err = f.OpenConsults(ctx, actor, f.area.ID, control.Query{Limit: 1, After: page.Next})
	if err != nil || len(page.Items) != 1 || page.Items[0].ID != sent || page.Next != "" {
		t.Errorf("the second page %+v, %v", page, err)
	}
	other := f.newArea("Other", control.AreaSettings{})
	if page, err := f.OpenConsults(ctx, actor, other.ID, control.Query{}); err != nil || len(page.Items) != 0 {
		t.Errorf("another area has %+v, %v", page, err)
	}
	theirs := control.Actor{Kind: control.ActorAccount, ID: actor.ID, OrganisationID: sent}
	if _, err := f.OpenConsults(ctx, theirs, f.area.ID, control.Query{}); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("from another organisation: %v", err)
	}
	f.step(control.ConsultLife)
	want("a day later", "[]")
}
