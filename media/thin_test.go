package media

import (
	"testing"
	"time"

	"github.com/atriumrtc/atrium/media/internal/codec"
)

// withTID makes a packet of a layer one of a temporal layer, in a frame of its
// own or, when follows, behind the first packet of its frame.
func withTID(raw []byte, tid byte, follows bool) []byte {
	const descriptor = 12 // a header without an extension
	raw[descriptor+5] = tid<<6 | 0x20
	if follows {
		raw[descriptor] &^= 0x10 // not the start of the partition
	}
	return raw
}

// Thumbnails of large rooms get half the frames, without a hole in what the
// receiver counts; the stage gets all; a change waits for the next frame.
func TestThumbnailsAreThinned(t *testing.T) {
	_, r, peers := fakeRoom(t, nil, 60, GroupPool(), "viewer", "a")
	viewer, a := peers[0], peers[1]
	l := a.layer(Camera, 0)
	show := func(height int) {
		must(t, viewer.SetLayout([]Tile{{Participant: "a", Source: Camera, Width: height * 16 / 9, Height: height}}))
		settled(r)
	}
	tids := []byte{0, 2, 1, 2} // L1T3
	n := 0
	play := func(frames int) (got []sentPacket) {
		for range frames {
			raw := withTID(a.raw(l, n == 0), tids[n%4], false)
			n++
			l.handle(raw, a.engine.now())
		}
		return viewer.wire.take()
	}
	show(180)
	got := play(40)
	if len(got) != 20 {
		t.Fatalf("a thumbnail got %d of 40 frames; want 20", len(got))
	}
	show(720)
	if more := play(40); len(more) != 40 {
		t.Fatalf("the stage got %d of 40 frames", len(more))
	} else {
		got = append(got, more...)
	}
	for i := 1; i < len(got); i++ {
		before, err := codec.ParseVP8(got[i-1].payload)
		must(t, err)
		after, err := codec.ParseVP8(got[i].payload)
		must(t, err)
		if got[i].header.SequenceNumber != got[i-1].header.SequenceNumber+1 || after.PictureID != before.PictureID+1 {
			t.Fatalf("packet %d: number %d after %d, picture %d after %d", i, got[i].header.SequenceNumber, got[i-1].header.SequenceNumber, after.PictureID, before.PictureID)
		}
	}
}

// A frame is sent whole or not at all, whenever the limit changes.
func TestThinningKeepsFramesWhole(t *testing.T) {
	_, r, peers := fakeRoom(t, nil, 60, GroupPool(), "viewer", "a")
	viewer, a := peers[0], peers[1]
	l := a.layer(Camera, 0)
	must(t, viewer.SetLayout([]Tile{{Participant: "a", Source: Camera, Width: 1280, Height: 720}}))
	settled(r)
	a.recv(l, true)
	_, cur, _ := viewer.transport.slots[1].feed()
	if cur != l {
		t.Fatal("the stage does not show the layer")
	}
	l.handle(withTID(a.raw(l, false), 2, false), a.engine.now())
	viewer.wire.take()
	viewer.transport.slots[1].thin(1)
	l.handle(withTID(a.raw(l, false), 2, true), a.engine.now())
	if n := len(viewer.wire.take()); n != 1 {
		t.Errorf("%d packets of a frame that was begun; want 1", n)
	}
	l.handle(withTID(a.raw(l, false), 2, false), a.engine.now())
	if n := len(viewer.wire.take()); n != 0 {
		t.Errorf("%d packets of the frame after the limit; want none", n)
	}
}

// The limit rises with a frame that depends on nothing which was left out: else
// a decoder takes a wrong picture for the one that is missing.
func TestThinningRisesWhereItCan(t *testing.T) {
	type frame struct {
		tid  byte
		sync bool
		at   time.Duration
		sent bool
	}
	rows := []struct {
		name   string
		frames []frame
	}{
		{"layer by layer", []frame{
			{0, false, 0, true}, {2, true, 0, false}, {1, false, 0, false}, {2, true, 0, false},
			{0, false, 0, true}, {2, true, 0, false}, {1, true, 0, true}, {2, false, 0, false},
			{0, false, 0, true}, {2, true, 0, true}, {1, false, 0, true}, {2, false, 0, true}}},
		{"without any such frame, after a while", []frame{
			{0, false, 0, true}, {1, false, 0, false}, {2, false, time.Second, false}, {0, false, 3 * time.Second, true}, {2, false, 3 * time.Second, true}}},
	}
	for _, row := range rows {
		_, r, peers := fakeRoom(t, newFakeClock(), 5, SmallPool(), "viewer", "a")
		a := peers[1]
		l := a.layer(Camera, 0)
		l.handle(a.raw(l, true), 0)
		settled(r)
		s := slotFed(t, peers[0], l)
		s.thin(0)
		l.handle(withTID(a.raw(l, false), 0, false), 0)
		s.thin(2)
		peers[0].wire.take()
		for i, f := range row.frames {
			raw := withTID(a.raw(l, false), f.tid, false)
			if !f.sync {
				raw[12+5] &^= 0x20
			}
			l.handle(raw, f.at)
			if n := len(peers[0].wire.take()); n > 0 != f.sent {
				t.Errorf("%s: frame %d (TL%d): sent %t; want %t", row.name, i, f.tid, n > 0, f.sent)
			}
		}
	}
}
