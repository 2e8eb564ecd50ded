package control_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

func TestEnsureDemo(t *testing.T) {
	f := newFixture(t)
	first, err := f.EnsureDemo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.restart()
	second, err := f.EnsureDemo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if second.Organisation.ID != first.Organisation.ID || second.Room != first.Room {
		t.Errorf("a second demo was made: %+v and %+v", first.Organisation, second.Organisation)
	}
	digest, _ := auth.APIKeyDigest(first.APIKey)
	if _, err := f.Authenticate(t.Context(), digest); !errors.Is(err, control.ErrUnauthenticated) {
		t.Errorf("the last demo's key: %v", err)
	}
	c := f.caller(second.APIKey)
	if err := f.DeleteRoom(t.Context(), c, second.Room.ID); err != nil {
		t.Fatal(err)
	}
	third, err := f.EnsureDemo(t.Context())
	if err != nil || third.Room.ID == second.Room.ID || third.Room.Link == "" {
		t.Errorf("after its room was deleted: %+v, %v", third.Room, err)
	}
}

// The demo has a place to wait, one to meet, and somebody to admit: the same
// ones after a restart, but for the sign-in link.
func TestDemoPlaces(t *testing.T) {
	f := newFixture(t)
	first, err := f.EnsureDemo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.restart()
	second, err := f.EnsureDemo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !cmp.Equal(first.Area, second.Area) || first.MeetingRoom != second.MeetingRoom || first.Unit != second.Unit || second.Area.Link == "" {
		t.Errorf("a second demo was made: %s", cmp.Diff(first, second))
	}
	if door, err := second.Area.Door(f.now); err != nil || !door.Open {
		t.Errorf("the area: %+v, %v", door, err)
	}
	use := func(link string) (control.Account, error) {
		digest, _ := auth.LinkDigest(link)
		return f.UseSignInLink(t.Context(), digest, nil)
	}
	if _, err := use(first.StaffLink); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("the last demo's sign-in link: %v", err)
	}
	if got, err := use(second.StaffLink); err != nil || got.ID != first.Provider.ID {
		t.Errorf("%+v signed in, %v", got, err)
	}
	grants, err := f.Grants(t.Context(), second.Provider.ID)
	if err != nil || len(grants) != 2 {
		t.Errorf("roles %v, %v", grants, err)
	}
	if err := f.DeleteUnit(t.Context(), operator, second.Unit.ID); err != nil {
		t.Fatal(err)
	}
	third, err := f.EnsureDemo(t.Context())
	if err != nil || third.Unit.ID == second.Unit.ID || third.Area.Link == "" || third.StaffLink == "" {
		t.Errorf("after its unit was deleted: %+v, %v", third, err)
	}
}
