package control_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/store"
)

// What has expired is cleared away by the scheduler within an hour, however
// much it is, also after a restart, and what hasn't stays: used join tokens
// (SE-7), answers to repeated requests, sessions.
func TestExpiredIsClearedAway(t *testing.T) {
	f := newClinic(t, control.AreaSettings{})
	ctx := t.Context()
	const many = 300 // more than one transaction clears away
	_, secret, err := f.CreateAPIKey(ctx, staff(f.org), control.KeySpec{
		Name: "app", Scope: organisationScope(f.org), Permissions: []string{control.AllPermissions},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	digest, _ := auth.APIKeyDigest(secret)
	app, err := f.Authenticate(ctx, digest)
	if err != nil {
		t.Fatal(err)
	}
	account := f.dr.Actor.ID
	add := func(n int) {
		t.Helper()
		room, err := f.CreateRoom(ctx, app, control.RoomSpec{Type: control.Plain}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			once := &control.Once{Operation: "o", Key: uuid.NewString(), Request: []byte(fmt.Sprint(i))}
			join, err := f.CreateJoin(ctx, app, room.ID, control.JoinSpec{Name: "Ann", Role: control.RoleViewer}, once)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.UseToken(ctx, join); err != nil {
				t.Fatal(err)
			}
			_, session := f.keys.NewSessionToken()
			if err := f.store.Update(ctx, func(tx store.Tx) error { return f.sessions.Create(tx, account, session) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	add(many)
	count := func() (n [4]int) {
		for i, prefix := range []string{"used_token/", "once/", "once_expiry/", "session/"} {
			f.each(prefix, func(string) { n[i]++ }, "")
		}
		return n
	}
	f.setClock(f.clock().Add(7 * 24 * time.Hour))
	f.restart()
	add(3) // which clears some away too, by the way
	f.setClock(f.clock().Add(time.Minute))
	f.untilDone(ctx)
	if got, want := count(), [4]int{3, 3, 3, 3}; got != want {
		t.Errorf("left are %v, want %v", got, want)
	}
	f.setClock(f.clock().Add(control.OnceLifetime + 2*time.Hour))
	f.untilDone(ctx)
	if got := count(); got != [4]int{} {
		t.Errorf("a day later left are %v", got)
	}
	planned := 0
	f.each("due/", func(string) { planned++ }, "_purge/")
	if planned != 3 {
		t.Errorf("%d purges are planned, want one of each kind", planned)
	}
}

// untilDone does what is due until nothing is, as Run does.
func (f *clinic) untilDone(ctx context.Context) {
	f.t.Helper()
	for range 100 {
		if _, err := f.DoDue(ctx); err != nil {
			f.t.Fatal(err)
		}
		left := 0
		f.each("due/", func(record string) {
			if at, _, _, err := control.ParseDue(record); err != nil || !at.After(f.clock()) {
				left++
			}
		}, "")
		if left == 0 {
			return
		}
	}
	f.t.Fatal("there is always more that is due")
}
