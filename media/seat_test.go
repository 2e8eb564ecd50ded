package media

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// R-IC (seat, 120 s), R-WA-1: who drops out keeps the seat for that long.
func TestSeat(t *testing.T) {
	clock := newFakeClock()
	e, r, peers := fakeRoom(t, clock, 2, SmallPool(), "a", "b")
	a, b := peers[0], peers[1]
	connected := func(want bool) {
		t.Helper()
		settled(r)
		waitEvent(t, b.events, "connected", func(ev ParticipantsChanged) bool {
			return len(ev.Changed) == 1 && ev.Changed[0].ID == "a" && ev.Changed[0].Connected == want
		})
	}
	a.Detach(b.events) // not its observer: nothing happens
	a.Detach(a.events)
	connected(false)
	clock.advance(119 * time.Second)
	if len(r.Participants()) != 2 || e.Participant("a") == nil {
		t.Fatal("the seat was given up too early")
	}
	back := newEvents()
	must(t, a.Attach(back))
	connected(true)
	waitEvent(t, back, "room", func(ev RoomChanged) bool { return ev.Room == "r" && len(ev.Participants) == 2 })
	waitEvent(t, back, "map", func(ev MapChanged) bool { return len(ev.Slots) > 0 })
	clock.advance(time.Hour)
	if e.Participant("a") == nil {
		t.Fatal("the seat of one who is back was given up")
	}
	a.Detach(back)
	clock.advance(121 * time.Second)
	settled(r)
	if e.Participant("a") != nil {
		t.Fatal("the seat was kept for more than 120 s")
	}
	waitEvent(t, b.events, "left", func(ev ParticipantsChanged) bool { return len(ev.Left) == 1 && ev.Left[0] == "a" })
	if err := a.Attach(back); !errors.Is(err, ErrClosed) {
		t.Errorf("attach after the end: %v", err)
	}
}

// A lost transport alone starts the seat's time as well; both must be back.
func TestSeatOfLostTransport(t *testing.T) {
	clock := newFakeClock()
	e, _, peers := fakeRoom(t, clock, 2, SmallPool(), "a", "b")
	a := peers[0]
	tr := a.currentTransport()
	a.transportChanged(tr, webrtc.PeerConnectionStateDisconnected)
	a.Detach(a.events)
	a.transportChanged(tr, webrtc.PeerConnectionStateConnected)
	clock.advance(100 * time.Second)
	must(t, a.Attach(a.events))
	clock.advance(time.Hour)
	if e.Participant("a") == nil {
		t.Fatal("given up although both are back")
	}
	a.transportChanged(tr, webrtc.PeerConnectionStateFailed)
	clock.advance(120 * time.Second)
	waitEvent(t, a.events, "closed", func(ev Closed) bool { return ev.Reason == CloseSeatExpired })
}

// A room counts kept seats, and is gone when the last has left.
func TestRoomEndsWithItsLast(t *testing.T) {
	e, r, peers := fakeRoom(t, newFakeClock(), 1, SmallPool(), "a")
	late := addFake(t, e, "late", SmallPool())
	peers[0].Detach(peers[0].events)
	if err := e.Move(context.Background(), late.Participant, r); !errors.Is(err, ErrRoomFull) {
		t.Fatalf("a kept seat was taken: %v", err)
	}
	peers[0].Close(CloseLeft)
	<-r.done
	must(t, e.Join(context.Background(), late.Participant, RoomOptions{ID: "r", Capacity: 1}))
	again := late.Room()
	if again == r || again != e.Room("r") {
		t.Error("the room was not opened anew")
	}
	again.Close(CloseRoomClosed)
	waitEvent(t, late.events, "closed", func(ev Closed) bool { return ev.Reason == CloseRoomClosed })
	if e.Room("r") != nil || e.Participant("late") != nil {
		t.Error("a closed room leaves something behind")
	}
}

// PLIs of many viewers become one, at most every 300 ms, until a key frame
// comes.
func TestKeyFrameRequests(t *testing.T) {
	_, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "a", "b", "c")
	a := peers[0]
	l := a.layer(Camera, 0)
	a.recv(l, true)
	settled(r)
	a.wire.takeRTCP()
	plis := func() (n int) {
		for _, p := range a.wire.takeRTCP() {
			if pli, ok := p.(*rtcp.PictureLossIndication); ok && pli.MediaSSRC == l.ssrc.Load() {
				n++
			}
		}
		return n
	}
	at := func(ms int) time.Duration { return time.Minute + time.Duration(ms)*time.Millisecond }
	l.source.keys.request(l, at(0))
	l.source.keys.request(l, at(1))
	l.source.keys.request(l, at(299))
	if n := plis(); n != 1 {
		t.Errorf("%d PLIs within 300 ms; want 1", n)
	}
	l.source.keys.ask(at(300))
	l.source.keys.ask(at(310))
	if n := plis(); n != 1 {
		t.Errorf("%d PLIs repeated after 300 ms; want 1", n)
	}
	a.recv(l, true)
	l.source.keys.ask(at(900))
	if n := plis(); n != 0 {
		t.Errorf("%d PLIs after the key frame; want 0", n)
	}
}

// A publisher is told which layers are needed by the sizes that others show.
// A layer that nobody needs any more lingers: see layerLinger.
func TestLayersFollowSizes(t *testing.T) {
	clock := newFakeClock()
	_, r, peers := fakeRoom(t, clock, 60, GroupPool(), "viewer", "a")
	viewer, a := peers[0], peers[1]
	rows := []struct {
		height int
		after  time.Duration
		want   string
	}{
		{180, layerLinger, "[q]"}, {360, 0, "[q h]"}, {720, 0, "[q h f]"},
		{720, layerLinger, "[q f]"}, {90, layerLinger - time.Second, "[q f]"}, {90, time.Second, "[q]"},
	}
	for _, row := range rows {
		must(t, viewer.SetLayout([]Tile{{Participant: "a", Source: Camera, Width: row.height * 16 / 9, Height: row.height}}))
		settled(r)
		clock.advance(row.after)
		for i := range 3 {
			a.recv(a.layer(Camera, i), true)
		}
		settled(r)
		ev, _ := last[LayersChanged](a.events)
		if got := sprint(ev.RIDs); got != row.want {
			t.Errorf("shown at %d for %s: layers %s; want %s", row.height, row.after, got, row.want)
		}
	}
}

// In a large room only the loudest are forwarded, and who speaks is told.
func TestLoudestAreForwarded(t *testing.T) {
	clock := newFakeClock()
	ids := []string{"viewer", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8"}
	_, r, peers := fakeRoom(t, clock, 60, GroupPool(), ids...)
	for range 20 {
		for _, p := range peers[7:] {
			for range 5 {
				p.recv(p.layer(Microphone, 0), false)
			}
		}
		clock.advance(100 * time.Millisecond)
		settled(r)
	}
	ev := waitEvent(t, peers[0].events, "speakers", func(ev SpeakersChanged) bool { return len(ev.Speakers) == 2 })
	for _, s := range ev.Speakers {
		if s.Participant != "p7" && s.Participant != "p8" {
			t.Errorf("%s speaks", s.Participant)
		}
	}
	m, _ := last[MapChanged](peers[0].events)
	heard := map[string]bool{}
	for _, s := range m.Slots {
		if s.Source == Microphone {
			heard[s.Participant] = true
		}
	}
	if !heard["p7"] || !heard["p8"] {
		t.Errorf("heard: %v; want p7 and p8 among them", heard)
	}
}
