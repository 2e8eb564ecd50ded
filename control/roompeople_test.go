package control_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atriumrtc/atrium/control"
)

// told are the webhooks of a room of the API, each with the call and the
// participant that it names as small numbers, and forgets them.
func (f *fixture) told() []string {
	f.t.Helper()
	var list []string
	numbers := map[string]int{}
	number := func(id string) int {
		if _, ok := numbers[id]; !ok {
			numbers[id] = len(numbers) + 1
		}
		return numbers[id]
	}
	for _, n := range f.notices() {
		e := n.Event
		if e == nil {
			continue
		}
		line := fmt.Sprintf("%s %d", e.Type, number(e.Data["call_id"]))
		if id := e.Data["participant_id"]; id != "" {
			line += fmt.Sprintf(" %d", number(id))
		}
		if e.Data["room_id"] == "" || e.Data["kind"] != "plain" || e.OrganisationID == "" {
			f.t.Errorf("%s without its room: %v", e.Type, e.Data)
		}
		for _, v := range e.Data {
			if strings.Contains(v, "Canary") {
				f.t.Errorf("%s names somebody: %v", e.Type, e.Data)
			}
		}
		list = append(list, line)
	}
	return list
}

// Webhooks hear of the API's rooms what they hear of visits' calls: who joined
// and left, when a call began and ended; once each, also when the server was
// killed, and never a name (R-PV-1).
func TestRoomWebhooks(t *testing.T) {
	f := newFixture(t)
	c, _ := f.organisation("Ours")
	room := f.room(c, control.Plain)
	join := func() control.Join {
		t.Helper()
		j, err := f.CreateJoin(t.Context(), c, room.ID, control.JoinSpec{Name: "Ann Canary", Role: control.RoleParticipant}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	enter := func(j control.Join) {
		t.Helper()
		for range 2 { // told again, it is nothing new
			if err := f.EnterRoom(t.Context(), j); err != nil {
				t.Fatal(err)
			}
		}
	}
	leave := func(j control.Join, why control.Departure) {
		t.Helper()
		for range 2 {
			if err := f.Left(t.Context(), j.ParticipantID, why); err != nil {
				t.Fatal(err)
			}
		}
	}
	ann, bob := join(), join()
	enter(ann)
	enter(bob)
	leave(ann, control.DepartedLeft)
	leave(bob, control.DepartedShutdown)
	want := []string{
		"call.started 1", "participant.joined 1 2", "participant.joined 1 3",
		"participant.left 1 2", "participant.left 1 3", "call.ended 1",
	}
	if diff := cmp.Diff(want, f.told()); diff != "" {
		t.Errorf("two people (-want +got):\n%s", diff)
	}

	ann, bob = join(), join()
	enter(ann)
	enter(bob)
	f.restart() // as after a kill: nobody was told that they left
	for range 2 {
		if err := f.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	leave(ann, control.DepartedLeft)
	want = append(want, "call.started 4", "participant.joined 4 5", "participant.joined 4 6")
	if got := f.told(); len(got) != 12 || cmp.Diff(want, got[:9]) != "" || got[11] != "call.ended 4" {
		t.Errorf("over a restart: %q", got)
	}

	ann = join()
	enter(ann)
	if err := f.DeleteRoom(t.Context(), c, room.ID); err != nil {
		t.Fatal(err)
	}
	leave(ann, control.DepartedClosed)
	enter(join2(ann))
	want = []string{"call.started 7", "participant.joined 7 8", "participant.left 7 8", "call.ended 7"}
	if got := f.told(); len(got) != 16 || cmp.Diff(want, got[12:]) != "" {
		t.Errorf("of a deleted room: %q", got)
	}
	f.each("room_", func(key string, _ []byte) { t.Errorf("%s is left", key) })
}

// join2 is another join to the same room.
func join2(j control.Join) control.Join {
	j.ParticipantID = j.ID
	return j
}
