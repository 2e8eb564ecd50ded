package server

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atriumrtc/atrium/cmd/internal/testkit"
	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/message"
)

// until waits for a state of a client.
func until(t *testing.T, what string, c *client.Client, ok func(client.State) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if err := c.WaitFor(ctx, ok); err != nil {
		t.Fatalf("%s: %v\n%+v", what, err, c.State())
	}
}

// silenced says which of somebody's sources the server mutes, as others see it.
func silenced(st client.State, id string) (list []string) {
	p, _ := st.Participant(id)
	for _, s := range p.Sources {
		if s.MutedByServer {
			list = append(list, s.Source)
		}
	}
	return list
}

// mayUnmute waits until a source of somebody isn't silenced any more, as another
// sees it: it is muted still (R-GC-5), and now they unmute it.
func mayUnmute(t *testing.T, other, who *client.Client, source string) {
	t.Helper()
	until(t, "may unmute", other, func(st client.State) bool { return !slices.Contains(silenced(st, who.ID()), source) })
	st := other.State()
	p, _ := st.Participant(who.ID())
	for _, s := range p.Sources {
		if s.Source == source && (!s.Muted || inSlot(st, who.ID(), source)) {
			t.Errorf("unmuted by somebody else: %+v", p)
		}
	}
	if err := who.Mute(t.Context(), source, false); err != nil {
		t.Fatal(err)
	}
}

// TestCallsOfControl: what control asks of a call comes to those in it: silenced
// people are from the moment they are placed, and unmute themselves after it; what
// is arranged and told is (R-GC-5).
func TestCallsOfControl(t *testing.T) {
	c := newClinic(t, Options{Config: testConfig(t)})
	ctx := t.Context()
	media := calls{c.engine, c.signal}
	ann, bob := c.connect(c.enter("Ann").Join), c.connect(c.enter("Bob").Join)
	ends := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	room := control.MediaRoom{
		ID: "breakout", Name: "One", Kind: "breakout", Capacity: 61, EndsAt: ends,
		Controls: control.RoomControls{
			ChatOff: true, Spotlight: ann.ID(), InCharge: bob.ID(), Call: "call",
			Breakouts: []control.BreakoutRoom{{ID: "breakout", Name: "One"}}, BreakoutsOpen: true, BreakoutsEndAt: ends,
		},
	}
	if err := media.Arrange(ctx, room); err != nil { // it isn't open: nothing happens
		t.Fatal(err)
	}
	if err := placed(media, &room, bob); err != nil {
		t.Fatal(err)
	}
	if err := placed(media, &room, ann, message.SourceMicrophone, message.SourceScreen); err != nil {
		t.Fatal(err)
	}
	in(t, bob, "breakout", 2)
	want := message.Room{
		Name: "One", Kind: "breakout", EndsAt: &ends, Call: "call",
		Controls:  message.Moderation{Chat: message.ChatOff, Spotlight: ann.ID(), InCharge: bob.ID()},
		Breakouts: []message.Breakout{{ID: "breakout", Name: "One"}}, BreakoutsOpen: true, BreakoutsEndAt: &ends,
	}
	got := bob.Room()
	got.ID, got.Epoch, got.Participants = "", 0, nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	until(t, "Bob sees Ann and doesn't hear her", bob, func(st client.State) bool {
		return st.Receives(ann.ID(), message.SourceCamera) && cmp.Equal(silenced(st, ann.ID()), []string{message.SourceMicrophone})
	})
	if bob.State().Receives(ann.ID(), message.SourceMicrophone) {
		t.Error("Bob heard Ann")
	}
	if err := placed(media, &room, ann); err != nil { // where she is already
		t.Fatal(err)
	}
	mayUnmute(t, bob, ann, message.SourceMicrophone)
	until(t, "Bob hears Ann", bob, func(st client.State) bool { return st.Receives(ann.ID(), message.SourceMicrophone) })

	later := ends.Add(time.Minute)
	room.EndsAt, room.Controls.ChatOff, room.Controls.Breakouts = later, false, nil
	if err := media.Arrange(ctx, room); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*client.Client{ann, bob} {
		until(t, "the controls change", p, func(st client.State) bool {
			return st.Room.EndsAt != nil && st.Room.EndsAt.Equal(later) && st.Room.Controls.Chat == message.ChatOn && len(st.Room.Breakouts) == 0
		})
	}
	notice := control.CallNotice{Code: control.NoticeHelp, Text: "Here", From: ann.ID(), Room: "breakout", At: later}
	if err := media.Tell(ctx, control.Audience{RoomIDs: []string{"breakout"}, ParticipantIDs: []string{"nobody"}}, notice); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*client.Client{ann, bob} {
		until(t, "the notice", p, func(st client.State) bool {
			n, ok := st.Notices[message.NoticeHelp]
			return ok && n.Text == "Here" && n.From == ann.ID() && n.Room == "breakout" && n.At.Equal(later)
		})
	}
}

// placed puts one person into a room.
func placed(media calls, room *control.MediaRoom, who *client.Client, silenced ...string) error {
	return media.Place(context.Background(), control.Placement{ParticipantID: who.ID(), Room: room, Silenced: silenced})[0]
}

// Several are placed at once, into several rooms: who isn't connected, or finds no
// seat, is told so, and the others are there (R-GC-4).
func TestPlaceTogether(t *testing.T) {
	c := newClinic(t, Options{Config: testConfig(t)})
	media := calls{c.engine, c.signal}
	ann, bob, eve := c.connect(c.enter("Ann").Join), c.connect(c.enter("Bob").Join), c.connect(c.enter("Eve").Join)
	dan, kim := c.connect(c.enter("Dan").Join), c.connect(c.enter("Kim").Join)
	blue := &control.MediaRoom{ID: "blue", Kind: "breakout", Capacity: 2}
	red := &control.MediaRoom{ID: "red", Kind: "breakout", Capacity: 2}
	errs := media.Place(t.Context(),
		control.Placement{ParticipantID: ann.ID(), Room: blue}, control.Placement{ParticipantID: "nobody", Room: blue},
		control.Placement{ParticipantID: dan.ID(), Room: red}, control.Placement{ParticipantID: bob.ID(), Room: blue},
		control.Placement{ParticipantID: eve.ID(), Room: blue}, control.Placement{ParticipantID: kim.ID(), Room: red})
	var full *control.StateError
	if !errors.Is(errs[1], control.ErrNotFound) || !errors.As(errs[4], &full) || full.Code != control.CodeCallFull {
		t.Fatalf("placed: %v", errs)
	}
	if err := errors.Join(errs[0], errs[2], errs[3], errs[5]); err != nil {
		t.Fatal(err)
	}
	for _, pair := range []struct {
		room     string
		one, two *client.Client
	}{{"blue", ann, bob}, {"red", dan, kim}} {
		in(t, pair.one, pair.room, 2)
		in(t, pair.two, pair.room, 2)
		until(t, "they see each other", pair.one, func(st client.State) bool {
			return st.Receives(pair.two.ID(), message.SourceCamera)
		})
	}
	if at := c.engine.Participant(eve.ID()).Room(); at != nil {
		t.Errorf("Eve is in %s, where no seat is", at.ID())
	}
	// Who isn't connected changes nothing in the room that they belong in.
	outdated := *blue
	outdated.Controls.ChatOff = true
	if err := media.Place(t.Context(), control.Placement{ParticipantID: "nobody", Room: &outdated})[0]; !errors.Is(err, control.ErrNotFound) {
		t.Errorf("placed nobody: %v", err)
	}
	if err := media.Tell(t.Context(), control.Audience{RoomIDs: []string{"blue"}}, control.CallNotice{Code: control.NoticeHelp}); err != nil {
		t.Fatal(err)
	}
	until(t, "told after it", ann, func(st client.State) bool { _, ok := st.Notices[message.NoticeHelp]; return ok })
	if chat := ann.Room().Controls.Chat; chat != message.ChatOn {
		t.Errorf("nobody's coming has turned the chat %q", chat)
	}
	green := &control.MediaRoom{ID: "green", Kind: "breakout", Capacity: 2}
	for _, err := range media.Place(t.Context(),
		control.Placement{ParticipantID: ann.ID(), Room: green}, control.Placement{ParticipantID: dan.ID()}) {
		if err != nil {
			t.Error(err)
		}
	}
	in(t, ann, "green", 1)
	in(t, bob, "blue", 1)
	if at := c.engine.Participant(dan.ID()).Room(); at != nil {
		t.Errorf("Dan is in %s; want parked", at.ID())
	}
}

// TestVoiceToAllRooms: a moderator's voice is heard in rooms where they aren't,
// by their name, until it ends; nothing else of them is there (R-GC-4).
func TestVoiceToAllRooms(t *testing.T) {
	c := newClinic(t, Options{Config: testConfig(t)})
	ctx := t.Context()
	media := calls{c.engine, c.signal}
	if err := media.Attach(ctx, "nobody", []string{"breakout"}); !errors.Is(err, control.ErrNotFound) {
		t.Error(err)
	}
	mary, bob := c.connect(c.enter("Mary").Join), c.connect(c.enter("Bob").Join)
	for _, place := range []struct {
		who  *client.Client
		room string
	}{{mary, "main"}, {bob, "breakout"}} {
		if err := placed(media, &control.MediaRoom{ID: place.room, Kind: "breakout", Capacity: 61}, place.who); err != nil {
			t.Fatal(err)
		}
		in(t, place.who, place.room, 1)
	}
	if err := media.Attach(ctx, mary.ID(), []string{"main", "breakout", "opened later"}); err != nil {
		t.Fatal(err)
	}
	heard := func(st client.State) bool {
		for _, s := range st.Map.Slots {
			if s.Participant == mary.ID() && (s.Source != message.SourceMicrophone || s.Name != "Mary") {
				t.Errorf("slot %+v", s)
			}
		}
		return st.Receives(mary.ID(), message.SourceMicrophone)
	}
	until(t, "Bob hears Mary", bob, heard)
	if people := bob.Participants(); len(people) != 1 {
		t.Errorf("Bob is told of %+v", people)
	}
	if slots := mary.Map().Slots; len(slots) != 0 {
		t.Errorf("Mary is shown %+v", slots)
	}
	if err := placed(media, &control.MediaRoom{ID: "opened later", Kind: "breakout", Capacity: 61}, bob); err != nil {
		t.Fatal(err)
	}
	in(t, bob, "opened later", 1)
	until(t, "Bob hears Mary in the next room", bob, heard)
	if err := media.Attach(ctx, mary.ID(), nil); err != nil {
		t.Fatal(err)
	}
	until(t, "Bob hears nobody", bob, func(st client.State) bool { return len(st.Map.Slots) == 0 })
}
