package control_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// R-IA-1, R-GC-1, R-MR-1.
func TestCapacity(t *testing.T) {
	f := newFixture(t)
	c, _ := f.organisation("Ours")
	for _, row := range []struct {
		roomType  control.RoomType
		asked     int
		want      int
		wantField string
	}{
		{control.Individual, 0, 5, ""}, {control.Individual, 5, 5, ""}, {control.Individual, 6, 0, "capacity"},
		{control.Group, 0, 61, ""}, {control.Group, 62, 0, "capacity"},
		{control.Meeting, 0, 6, ""}, {control.Meeting, 7, 0, "capacity"}, {control.Meeting, 2, 2, ""},
		{control.Plain, 0, 16, ""}, {control.Plain, 2000, 2000, ""}, {control.Plain, 2001, 0, "capacity"},
		{control.Plain, 1, 0, "capacity"}, {control.Plain, -1, 0, "capacity"},
		{"else", 2, 0, "type"}, {"", 0, 0, "type"},
	} {
		room, err := f.CreateRoom(t.Context(), c, control.RoomSpec{Type: row.roomType, Capacity: row.asked}, nil)
		var field *control.FieldError
		switch {
		case row.wantField == "" && (err != nil || room.Capacity != row.want):
			t.Errorf("%s of %d: %d seats, %v; want %d", row.roomType, row.asked, room.Capacity, err, row.want)
		case row.wantField != "" && (!errors.As(err, &field) || field.Field != row.wantField):
			t.Errorf("%s of %d: %v, want the field %s refused", row.roomType, row.asked, err, row.wantField)
		}
	}
}

// R-T-4: unknown, foreign and deleted rooms answer identically, whatever is
// asked.
func TestNotFound(t *testing.T) {
	f := newFixture(t)
	ours, _ := f.organisation("Ours")
	theirs, _ := f.organisation("Theirs")
	foreign, deleted := f.room(theirs, control.Plain), f.room(ours, control.Plain)
	if err := f.DeleteRoom(t.Context(), ours, deleted.ID); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{
		uuid.NewString(), foreign.ID, deleted.ID, "", "x", "../" + foreign.ID,
		theirs.OrganisationID + "/" + foreign.ID, strings.ToUpper(foreign.ID), "{" + foreign.ID + "}",
	} {
		_, read := f.Room(t.Context(), ours, id)
		_, join := f.CreateJoin(t.Context(), ours, id, control.JoinSpec{Name: "n", Role: control.RoleViewer}, nil)
		_, list := f.Participants(t.Context(), ours, id)
		for i, err := range []error{
			read, join, list,
			f.DeleteRoom(t.Context(), ours, id),
			f.Mute(t.Context(), ours, id, uuid.NewString(), "camera", true),
			f.Remove(t.Context(), ours, id, uuid.NewString()),
		} {
			if !errors.Is(err, control.ErrNotFound) {
				t.Errorf("request %d with id %q: %v", i, id, err)
			}
		}
	}
	if _, err := f.Room(t.Context(), theirs, foreign.ID); err != nil {
		t.Errorf("the other organisation's room is gone: %v", err)
	}
	page, err := f.Rooms(t.Context(), ours, "", 10)
	if err != nil || len(page.Items) != 0 {
		t.Errorf("a list shows %d rooms, %v", len(page.Items), err)
	}
}

// R-SE-12: a room is gone from disk before its call is ended, and its link
// and joins are dead for good.
func TestDeleteRoom(t *testing.T) {
	f := newFixture(t)
	c, _ := f.organisation("Ours")
	room := f.room(c, control.Meeting)
	join, _, err := f.enter(room.Link, "Zoë")
	if err != nil {
		t.Fatal(err)
	}
	f.media.onClose = func(id string) {
		if _, err := f.RoomForJoin(context.Background(), c.OrganisationID, id); !errors.Is(err, control.ErrNotFound) {
			t.Errorf("the call was ended before the room was deleted: %v", err)
		}
	}
	if err := f.DeleteRoom(t.Context(), c, room.ID); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(f.media.closed, []string{room.ID}) {
		t.Errorf("closed %v", f.media.closed)
	}
	for range 2 {
		if _, _, err := f.enter(room.Link, "Zoë"); !errors.Is(err, control.ErrNotFound) {
			t.Errorf("entering by a dead link: %v", err)
		}
		if _, err := f.RoomForJoin(t.Context(), join.OrganisationID, join.RoomID); !errors.Is(err, control.ErrNotFound) {
			t.Errorf("joining a deleted room: %v", err)
		}
		f.restart()
	}
}

func TestEnter(t *testing.T) {
	f := newFixture(t)
	c, _ := f.organisation("Ours")
	room := f.room(c, control.Plain)
	f.restart()
	seen := make(map[string]bool)
	for range 3 { // a room's link isn't used up
		join, got, err := f.enter(room.Link, " Zoë ")
		if err != nil {
			t.Fatal(err)
		}
		if got.ID != room.ID || join.RoomID != room.ID || join.Name != "Zoë" || join.Role != control.RoleParticipant ||
			join.ExpiresAt.Sub(join.IssuedAt) != control.JoinLifetime {
			t.Errorf("join %+v of room %s", join, got.ID)
		}
		if seen[join.ParticipantID] || seen[join.ID] || uuid.MustParse(join.ParticipantID).Version() != 7 {
			t.Errorf("participant id %s", join.ParticipantID)
		}
		seen[join.ParticipantID], seen[join.ID] = true, true
	}
	var field *control.FieldError
	if _, _, err := f.enter(room.Link, ""); !errors.As(err, &field) || field.Field != "fields.name" {
		t.Errorf("without a name: %v", err)
	}
	if _, _, err := f.Enter(t.Context(), [32]byte{1}, "Zoë"); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("an unknown link: %v", err)
	}
}

func TestAuthenticate(t *testing.T) {
	f := newFixture(t)
	c, secret := f.organisation("Ours")
	f.restart()
	if got := f.caller(secret); !cmp.Equal(got, c) {
		t.Errorf("caller %+v, want %+v", got, c)
	}
	if _, err := f.Authenticate(t.Context(), [32]byte{1}); !errors.Is(err, control.ErrUnauthenticated) {
		t.Errorf("an unknown key: %v", err)
	}
}

func TestRoomsPages(t *testing.T) {
	f := newFixture(t)
	c, _ := f.organisation("Ours")
	other, _ := f.organisation("Theirs")
	var want []string
	for range 7 {
		want = append(want, f.room(c, control.Plain).ID)
		f.room(other, control.Plain)
	}
	var got []string
	after := ""
	for range 4 {
		page, err := f.Rooms(t.Context(), c, after, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, room := range page.Items {
			got = append(got, room.ID)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages hold\n%v, want\n%v", got, want)
	}
	var field *control.FieldError
	if _, err := f.Rooms(t.Context(), c, "x/y", 3); !errors.As(err, &field) {
		t.Errorf("a made-up cursor: %v", err)
	}
}

// R-PV-1, R-SE-5: neither a secret nor a person's name stands in the file.
func TestNothingInClear(t *testing.T) {
	f := newFixture(t)
	c, secret := f.organisation("Ours")
	room, err := f.CreateRoom(t.Context(), c, control.RoomSpec{Type: control.Plain},
		&control.Once{Operation: "create_room", Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.CreateJoin(t.Context(), c, room.ID, control.JoinSpec{Name: "Canarina", Role: control.RoleViewer},
		&control.Once{Operation: "create_token", Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.enter(room.Link, "Canarina"); err != nil {
		t.Fatal(err)
	}
	f.restart()
	data, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	for what, secret := range map[string]string{"API key": secret, "link": room.Link, "name": "Canarina"} {
		if strings.Contains(string(data), secret) {
			t.Errorf("the %s stands in the data file", what)
		}
	}
	if !strings.Contains(string(data), room.ID) {
		t.Error("the search finds nothing at all")
	}
}

// Another key file costs the links, not the rooms.
func TestKeysReplaced(t *testing.T) {
	f := newFixture(t)
	c, _ := f.organisation("Ours")
	room := f.room(c, control.Plain)
	var err error
	if f.keys, err = auth.NewKeys(); err != nil {
		t.Fatal(err)
	}
	link := room.Link
	f.restart()
	got, err := f.Room(t.Context(), c, room.ID)
	if err != nil || got.Link != "" {
		t.Errorf("room %+v, %v", got, err)
	}
	if _, _, err := f.enter(link, "Zoë"); err != nil {
		t.Errorf("those who have the link: %v", err)
	}
}

// SE-7, SE-12: a join token is good for one seat, also after a restart; what
// remembers that doesn't grow for ever.
func TestUseToken(t *testing.T) {
	f := newFixture(t)
	c, _ := f.organisation("Ours")
	room := f.room(c, control.Plain)
	join := func() control.Join {
		j, err := f.CreateJoin(t.Context(), c, room.ID, control.JoinSpec{Name: "Ann", Role: control.RoleParticipant}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	first := join()
	if err := f.UseToken(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	f.restart()
	if err := f.UseToken(t.Context(), first); !errors.Is(err, control.ErrTokenUsed) {
		t.Errorf("used twice: %v", err)
	}
	for range 30 {
		if err := f.UseToken(t.Context(), join()); err != nil {
			t.Fatal(err)
		}
	}
	f.now = f.now.Add(control.JoinLifetime + 2*time.Minute)
	for range 6 {
		if err := f.UseToken(t.Context(), join()); err != nil {
			t.Fatal(err)
		}
	}
	left := 0
	err := f.store.View(t.Context(), func(tx store.Tx) error {
		return tx.Range("used_token/", "", func(string, []byte) error { left++; return nil })
	})
	if err != nil || left != 6 {
		t.Errorf("%d used tokens are remembered, %v; want those that live", left, err)
	}
	gone := join()
	if err := f.DeleteRoom(t.Context(), c, room.ID); err != nil {
		t.Fatal(err)
	}
	if err := f.UseToken(t.Context(), gone); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("of a deleted room: %v", err)
	}
}
