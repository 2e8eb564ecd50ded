package media

import (
	"slices"
	"testing"
	"time"
)

// firsts are the first frames that a viewer got of whom a video slot carries.
type firsts map[*Slot]firstFrame

type firstFrame struct {
	who  string
	room *Room
	ts   uint32
}

// see notes what a viewer in a room got of somebody.
func (f firsts) see(pkt sentPacket, who string, room *Room) {
	if was := f[pkt.slot]; pkt.slot.video && (was.who != who || was.room != room) {
		f[pkt.slot] = firstFrame{who, room, pkt.header.Timestamp}
	}
}

// differ compares a map with what was seen; "": it says the same.
func (f firsts) differ(viewer *fakePeer, slots []SlotMap) string {
	for _, m := range slots {
		i := slices.IndexFunc(viewer.transport.slots, func(s *Slot) bool { return s.mid == m.Mid })
		want := f[viewer.transport.slots[i]]
		if m.State != SlotLive || !m.Source.Video() {
			want = firstFrame{who: m.Participant}
		}
		if want.who != m.Participant || want.ts != m.From {
			return sprint(viewer.id, " got ", want.who, " from ", want.ts, " on; the map says ", m)
		}
	}
	return ""
}

// R-GC-7: the map says from which timestamp on a slot shows whom it names: that of
// the first packet of theirs that the viewer got, also by replay. What they do in
// the same room doesn't change it, and no map is sent for nothing.
func TestMapSaysFromWhen(t *testing.T) {
	clock := newFakeClock()
	e, r, peers := fakeRoom(t, clock, 60, GroupPool(), "viewer", "a", "b")
	viewer, a, b := peers[0], peers[1], peers[2]
	other, err := e.OpenRoom(RoomOptions{ID: "other", Capacity: 60})
	must(t, err)
	show := func(p *fakePeer, height int) {
		must(t, viewer.SetLayout([]Tile{{Participant: p.id, Source: Camera, Width: height * 16 / 9, Height: height}}))
		settled(r)
	}
	q := func(p *fakePeer, key bool) { p.recv(p.layer(Camera, 0), key) }
	var from uint32
	for _, row := range []struct {
		name     string
		do       func()
		packets  int
		mark     string // of the last
		changes  bool
		boundary bool // the first packet is the one
	}{
		{"the first of all", func() { show(a, 180); q(a, true) }, 1, "a/q", true, true},
		{"it goes on", func() { q(a, false); q(a, true) }, 2, "a/q", false, false},
		{"another layer", func() {
			show(a, 720)
			a.recv(a.layer(Camera, 2), false)
			settled(r)
			a.recv(a.layer(Camera, 2), true)
		}, 1, "a/f", false, false},
		{"muted for a while", func() {
			must(t, a.SetMuted(Camera, true))
			must(t, a.SetMuted(Camera, false))
			settled(r)
			q(a, true)
		}, 1, "a/q", false, false},
		{"back with another transport", func() {
			a.plug()
			settled(r)
			q(a, true)
		}, 1, "a/q", false, false},
		{"somebody else", func() { show(b, 180); q(b, true); q(b, false) }, 2, "b/q", true, true},
		{"the first again, replayed", func() {
			q(a, true)
			q(a, false)
			q(a, false)
			clock.advance(time.Second)
			show(a, 180)
		}, 3, "a/q", true, true},
		{"which goes on at its own time", func() { clock.advance(33 * time.Millisecond); q(a, false) }, 1, "a/q", false, false},
		{"the same in another room", func() {
			for _, err := range e.JoinTogether(t.Context(), into(other, viewer.Participant, a.Participant)...) {
				must(t, err)
			}
			q(a, true)
			settled(other)
		}, 1, "a/q", true, true},
	} {
		row.do()
		settled(r)
		settled(other)
		got := viewer.wire.take()
		if len(got) != row.packets || payloadMark(got[len(got)-1])[:3] != row.mark {
			t.Fatalf("%s: %d packets; want %d, the last of %s", row.name, len(got), row.packets, row.mark)
		}
		before := from
		if row.boundary {
			from = got[0].header.Timestamp
		}
		if s := slotOf(t, viewer, Camera); s.State != SlotLive || s.From != from || (from != before) != row.changes {
			t.Errorf("%s: %+v; want from %d, after %d", row.name, s, from, before)
		}
	}
	toldForNothing(t, viewer)
}

// toldForNothing looks for maps that say the same as the one before, or differ in
// nothing but a timestamp.
func toldForNothing(t *testing.T, viewer *fakePeer) {
	t.Helper()
	viewer.events.mu.Lock()
	defer viewer.events.mu.Unlock()
	var before MapChanged
	for _, ev := range viewer.events.all {
		m, ok := ev.(MapChanged)
		if !ok {
			continue
		}
		m.Slots = slices.Clone(m.Slots)
		for i := range m.Slots {
			m.Slots[i].From = 0
		}
		if m.Epoch == before.Epoch && slices.Equal(m.Slots, before.Slots) {
			t.Errorf("told again: %+v", m)
		}
		before = m
	}
}

// The same where key frames come late, so that slots give up time (Retime): what is
// told stays the timestamp that went out.
func TestMapSaysFromWhenAfterRetiming(t *testing.T) {
	const frame = time.Second / 30
	c := newCameras(t, 5)
	viewer := c.viewer
	seen := firsts{}
	retimed := 0
	for n := range 1200 {
		c.frame(t)
		slot := viewer.transport.slots[1]
		slot.mu.Lock()
		if slot.retime {
			retimed++
		}
		slot.mu.Unlock()
		for _, pkt := range viewer.wire.take() {
			seen.see(pkt, payloadMark(pkt)[:1], c.room)
		}
		if m, ok := last[MapChanged](viewer.events); ok {
			if wrong := seen.differ(viewer, m.Slots); wrong != "" {
				t.Fatalf("frame %d: %s", n, wrong)
			}
		}
		c.clock.advance(frame)
	}
	if retimed == 0 {
		t.Error("no slot gave up time")
	}
	toldForNothing(t, viewer)
}
