package media

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"
)

// hall is a main room and two breakouts, a large and a small one, with two in
// each, and a speaker in the main room.
type hall struct {
	e       *Engine
	clock   *fakeClock
	speaker *fakePeer
	peers   map[string]*fakePeer // by id: room and number
}

func newHall(t *testing.T) *hall {
	t.Helper()
	h := &hall{clock: newFakeClock(), peers: map[string]*fakePeer{}}
	h.e, _, _ = fakeRoom(t, h.clock, 2, SmallPool())
	for _, room := range []string{"main", "large", "small"} {
		for i := range 2 {
			h.join(t, room, sprint(room, i))
		}
	}
	h.speaker = addFake(t, h.e, "speaker", SmallPool())
	h.place(t, h.speaker, "main")
	h.speaker.announce(Microphone, Camera)
	return h
}

func (h *hall) join(t *testing.T, room, id string) *fakePeer {
	t.Helper()
	p := addFake(t, h.e, id, SmallPool())
	h.place(t, p, room)
	p.announce(Microphone)
	h.peers[id] = p
	return p
}

func (h *hall) place(t *testing.T, p *fakePeer, room string) {
	t.Helper()
	capacity := 61
	if room == "small" {
		capacity = 5
	}
	must(t, h.e.Join(context.Background(), p.Participant, RoomOptions{ID: room, Capacity: capacity}))
}

// heard has the speaker speak, and returns who heard how much of it.
func (h *hall) heard() string {
	h.settle()
	h.drain()
	h.speaker.recv(h.speaker.layer(Microphone, 0), false)
	return h.drain()
}

func (h *hall) drain() string {
	var got []string
	for id, p := range h.peers {
		for _, pkt := range p.wire.take() {
			if strings.HasPrefix(payloadMark(pkt), "speaker/mic") {
				got = append(got, id)
			}
		}
	}
	slices.Sort(got)
	return strings.Join(got, " ")
}

func (h *hall) settle() {
	for range 3 { // who speaks is known by then
		h.speaker.recv(h.speaker.layer(Microphone, 0), false)
		h.clock.advance(voiceInterval)
		for _, id := range []string{"main", "large", "small", "later"} {
			if r := h.e.Room(id); r != nil {
				settled(r)
			}
		}
	}
}

// speakerSlot is the slot that a viewer's map names the speaker on.
func speakerSlot(p *fakePeer) (found SlotMap) {
	m, _ := last[MapChanged](p.events)
	for _, s := range m.Slots {
		if s.Participant == "speaker" && s.Source == Microphone {
			found = s
		}
	}
	return found
}

// R-GC-4: a voice that is attached to rooms is heard in all of them, in those
// that open later too, once by everybody, wherever its owner is; not while it
// is muted or parked; and not at all once that ends.
func TestAttachedVoice(t *testing.T) {
	h := newHall(t)
	check := func(when, want string) {
		t.Helper()
		if got := h.heard(); got != want {
			t.Errorf("%s: heard by [%s]; want [%s]", when, got, want)
		}
	}
	const inMain, inLarge, inSmall = "main0 main1", "large0 large1", "small0 small1"
	check("before", inMain)
	must(t, h.speaker.AttachSource(Microphone, []string{"main", "large", "small", "later", "small"}))
	check("attached", inLarge+" "+inMain+" "+inSmall)
	for _, id := range []string{"large0", "small1"} {
		if s := speakerSlot(h.peers[id]); s.Name != "speaker" || s.State != SlotLive {
			t.Errorf("map of %s: %+v; want the speaker's name", id, s)
		}
	}
	if s := speakerSlot(h.peers["main0"]); s.Name != "" || s.State != SlotLive {
		t.Errorf("map of one who is in the room with the speaker: %+v; want no name", s)
	}
	h.join(t, "later", "later0")
	check("another room opened", inLarge+" later0 "+inMain+" "+inSmall)
	h.place(t, h.speaker, "small")
	check("visiting the small one", inLarge+" later0 "+inMain+" "+inSmall)
	if a, b := speakerSlot(h.peers["small0"]), speakerSlot(h.peers["main1"]); a.Name != "" || b.Name != "speaker" {
		t.Errorf("maps after the visit: %+v, %+v", a, b)
	}
	must(t, h.speaker.SetMutedByServer(Microphone, true))
	check("muted", "")
	if s := speakerSlot(h.peers["large0"]); s.Participant != "" {
		t.Errorf("a muted guest has a slot: %+v", s)
	}
	must(t, h.speaker.SetMutedByServer(Microphone, false))
	must(t, h.e.Move(context.Background(), h.speaker.Participant, nil))
	check("parked", "")
	h.place(t, h.speaker, "large")
	check("back, in the large one", inLarge+" later0 "+inMain+" "+inSmall)
	must(t, h.speaker.AttachSource(Microphone, []string{"main"}))
	check("main only", inLarge+" "+inMain)
	must(t, h.speaker.AttachSource(Microphone, nil))
	check("ended", inLarge)
	if s := speakerSlot(h.peers["main0"]); s.Participant != "" {
		t.Errorf("map after the end: %+v", s)
	}
}

// Only a microphone can be attached, and only of somebody who is there; who
// leaves is attached to nothing any more.
func TestAttachedVoiceEnds(t *testing.T) {
	h := newHall(t)
	for _, kind := range []SourceKind{Camera, Screen, ScreenAudio, "nose"} {
		if err := h.speaker.AttachSource(kind, []string{"large"}); err == nil {
			t.Errorf("%s can be attached", kind)
		}
	}
	must(t, h.speaker.AttachSource(Microphone, []string{"large", "small"}))
	h.settle()
	h.speaker.Close(CloseLeft)
	h.settle()
	if s := speakerSlot(h.peers["large0"]); s.Participant != "" {
		t.Errorf("map after the speaker left: %+v", s)
	}
	if len(h.e.attached) != 0 {
		t.Errorf("the engine keeps %v", h.e.attached)
	}
	if err := h.speaker.AttachSource(Microphone, []string{"large"}); err != ErrClosed {
		t.Errorf("after the end: %v; want ErrClosed", err)
	}
}

// A reloaded page speaks to the rooms that its seat is attached to, and is
// shown as away while its transport is lost.
func TestAttachedVoiceOfAReloadedPage(t *testing.T) {
	h := newHall(t)
	must(t, h.speaker.AttachSource(Microphone, []string{"large"}))
	h.settle()
	h.speaker.Detach(h.speaker.events)
	h.settle()
	if s := speakerSlot(h.peers["large0"]); s.Reason != ReasonReconnecting {
		t.Errorf("map while it is away: %+v", s)
	}
	must(t, h.speaker.Participant.Attach(h.speaker.events))
	old := h.speaker.transport
	h.speaker.replaceTransport(old, h.speaker.layOut())
	h.speaker.mu.Lock()
	h.speaker.state = TransportConnected
	h.speaker.mu.Unlock()
	clear(h.speaker.seq)
	if got := h.heard(); got != "large0 large1 main0 main1" {
		t.Errorf("after a reload heard by [%s]", got)
	}
}

// R-GC-7: when AttachSource returns, the room that is no longer named gets
// nothing more, whatever is under way.
func TestAttachmentEndsAtOnce(t *testing.T) {
	h := newHall(t)
	stop, ended := make(chan struct{}), make(chan struct{})
	said := make(chan struct{})
	go func() {
		defer close(ended)
		for l := h.speaker.layer(Microphone, 0); ; {
			h.speaker.recv(l, false)
			select {
			case <-stop:
				return
			case said <- struct{}{}:
			default:
			}
		}
	}()
	heard := 0
	for range 50 {
		must(t, h.speaker.AttachSource(Microphone, []string{"large", "small"}))
		h.clock.advance(settleInterval)
		settled(h.e.Room("large"))
		<-said // began before
		<-said
		must(t, h.speaker.AttachSource(Microphone, []string{"small"}))
		heard += strings.Count(h.drain(), "large")
		settled(h.e.Room("large"))
		if got := h.drain(); strings.Contains(got, "large") {
			t.Errorf("heard by [%s] after the end", got)
			break
		}
	}
	close(stop)
	<-ended
	if heard == 0 {
		t.Error("nothing was heard at all: the test shows nothing")
	}
}

// In a large room the guest has a slot although as many speak as there are
// slots; it takes nobody else's for longer than it speaks.
func TestGuestAmongTheLoudest(t *testing.T) {
	v := testView(GroupPool(), "a", "b", "c", "d", "e", "f")
	v.show(Camera, "a")
	v.hear("b", "c", "d", "e", "f")
	const before = "0:a/mic 1:a/cam 2:b/mic 4:c/mic 6:d/mic 8:e/mic 10:f/mic"
	if got := v.step(); got != before {
		t.Fatalf("before: %s", got)
	}
	v.guests = []*Source{{owner: &Participant{id: "guest"}, kind: Microphone}}
	for range 2 {
		if got, want := v.step(), "0:a/mic 1:a/cam 2:b/mic 4:c/mic 6:d/mic 8:e/mic 10:guest/mic"; got != want {
			t.Errorf("with a guest: %s; want %s", got, want)
		}
	}
	v.hear("f", "b")
	if got, want := v.step(), "0:a/mic 1:a/cam 2:b/mic 4:f/mic 10:guest/mic"; got != want {
		t.Errorf("it stays where it is: %s; want %s", got, want)
	}
	v.guests = nil
	v.hear("b", "c", "d", "e", "f")
	if got, want := v.step(), "0:a/mic 1:a/cam 2:b/mic 4:f/mic 6:c/mic 8:d/mic 10:e/mic"; got != want {
		t.Errorf("after it: %s; want %s", got, want)
	}
}

// In a small room the guest has a free slot, else the screen's, else that of
// one who is silent, else of the least loud.
func TestGuestInASmallRoom(t *testing.T) {
	guest := &Source{owner: &Participant{id: "guest"}, kind: Microphone}
	where := func(v *view) string {
		for f := range strings.FieldsSeq(v.step()) {
			if strings.Contains(f, "guest") {
				return f
			}
		}
		return "nowhere"
	}
	v := testView(SmallPool(), "a", "b", "c", "d", "e")
	v.guests = []*Source{guest}
	if got := where(v); got != "10:guest/mic" {
		t.Errorf("with five others: %s", got)
	}
	v = testView(SmallPool(), "a", "b", "c", "d", "e", "f")
	v.guests = []*Source{guest}
	if got := where(v); got != "12:guest/mic" {
		t.Errorf("with six others: %s; want the screen's line", got)
	}
	v.index["a"].sources[ScreenAudio] = &Source{owner: &Participant{id: "a"}, kind: ScreenAudio}
	v.hear("f", "a", "b", "d", "c")
	if got := where(v); got != "8:guest/mic" {
		t.Errorf("with a screen's sound: %s; want the line of e, who is silent", got)
	}
	v.hear("f", "a", "b", "e", "d", "c")
	if got := where(v); got != "4:guest/mic" {
		t.Errorf("all speak: %s; want the line of c, the least loud", got)
	}
}

// R-GC-5: a moderator's stop of a video is enforced: nothing of it is
// forwarded, published anew or unmuted by its owner or not, from the first
// packet on when it is silenced before it comes.
func TestStoppedVideoIsNotForwarded(t *testing.T) {
	e, r, peers := fakeRoom(t, newFakeClock(), 60, GroupPool(), "viewer", "a")
	viewer, a := peers[0], peers[1]
	shown := func(p *fakePeer) (packets int) {
		for range 3 {
			p.recv(p.layer(Camera, 0), true)
			settled(r)
		}
		for _, pkt := range viewer.wire.take() {
			if strings.HasPrefix(payloadMark(pkt), p.id+"/") {
				packets++
			}
		}
		return packets
	}
	if n := shown(a); n == 0 {
		t.Fatal("nothing is shown before: the test shows nothing")
	}
	must(t, a.SetMutedByServer(Camera, true))
	must(t, a.SetMuted(Camera, true))
	must(t, a.SetMuted(Camera, false))
	a.announce(Camera)
	if n := shown(a); n != 0 {
		t.Errorf("%d packets of a stopped video", n)
	}
	if s := slotOf(t, viewer, Camera); s.State != SlotPaused || s.Reason != ReasonMuted {
		t.Errorf("map: %+v", s)
	}
	late := addFake(t, e, "late", GroupPool())
	must(t, late.SetMutedByServer(Camera, true))
	must(t, e.Move(context.Background(), late.Participant, r))
	late.announce(Microphone, Camera)
	if n := shown(late); n != 0 {
		t.Errorf("%d packets of one who came silenced", n)
	}
	if i := slices.IndexFunc(late.Info().Sources, func(s SourceInfo) bool { return s.Kind == Camera && s.MutedByServer }); i < 0 {
		t.Errorf("shown as %+v", late.Info().Sources)
	}
	must(t, late.SetMutedByServer(Camera, false))
	settled(r)
	if n := shown(late); n == 0 {
		t.Error("nothing is shown after it was allowed")
	}
}

// What a broadcast costs: a voice into 30 rooms of 10.
func BenchmarkBroadcast(b *testing.B) {
	e, _, _ := fakeRoom(b, newFakeClock(), 2, SmallPool())
	var rooms []string
	add := func(id, room string) *fakePeer {
		p := addFake(b, e, id, SmallPool())
		p.wire.keep = false
		if err := e.Join(context.Background(), p.Participant, RoomOptions{ID: room, Capacity: 61}); err != nil {
			b.Fatal(err)
		}
		return p
	}
	for i := range 30 {
		rooms = append(rooms, sprint("room", i))
		for j := range 10 {
			add(sprint(i, "-", j), rooms[i])
		}
	}
	speaker := add("speaker", "main")
	speaker.announce(Microphone)
	if err := speaker.AttachSource(Microphone, rooms); err != nil {
		b.Fatal(err)
	}
	for _, id := range rooms {
		settled(e.Room(id))
	}
	l := speaker.layer(Microphone, 0)
	before := e.Snapshot().PacketsOut
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		raw := speaker.raw(l, false)
		l.handle(raw, time.Duration(n)*20*time.Millisecond)
	}
	if out := e.Snapshot().PacketsOut - before; out != uint64(300*n) {
		b.Errorf("%d packets out; want %d", out, 300*n)
	}
}
