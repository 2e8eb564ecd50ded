package media

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// testView makes a view of others who all publish microphone and camera.
func testView(pool Pool, others ...string) *view {
	v := &view{small: pool == SmallPool()}
	for _, l := range pool.lines() {
		if l.send == "" {
			v.lines = append(v.lines, l)
		}
	}
	v.prev = make([]*Source, len(v.lines))
	v.index = map[string]routed{}
	for _, id := range others {
		p := &Participant{id: id}
		r := routed{id: id, sources: map[SourceKind]*Source{}}
		for _, k := range []SourceKind{Microphone, Camera} {
			r.sources[k] = &Source{owner: p, kind: k}
		}
		v.all, v.index[id] = append(v.all, r), r
	}
	return v
}

// step assigns and makes the result what is shown before the next step.
func (v *view) step() string {
	var b strings.Builder
	for i, w := range v.assign() {
		v.prev[i] = w.source
		if w.source != nil {
			fmt.Fprintf(&b, "%d:%s/%.3s ", i, w.source.owner.id, w.source.kind)
		}
	}
	return strings.TrimSpace(b.String())
}

func (v *view) show(kind SourceKind, ids ...string) {
	v.auto, v.tiles = false, nil
	for _, id := range ids {
		v.tiles = append(v.tiles, Tile{Participant: id, Source: kind, Width: 320, Height: 180})
	}
}

func (v *view) hear(ids ...string) {
	v.loudest = nil
	for _, id := range ids {
		v.loudest = append(v.loudest, v.find(id, Microphone))
	}
}

func (v *view) gone(id string) {
	delete(v.index, id)
	v.all = slices.DeleteFunc(v.all, func(o routed) bool { return o.id == id })
}

func TestRoutesOfSmallRooms(t *testing.T) {
	v := testView(SmallPool(), "a", "b", "c")
	v.auto = true
	steps := []struct {
		name string
		do   func()
		want string
	}{
		{"everybody has a pair", func() {}, "0:a/mic 1:a/cam 2:b/mic 3:b/cam 4:c/mic 5:c/cam"},
		{"a pair left is not filled by those who have one", func() { v.gone("b") }, "0:a/mic 1:a/cam 4:c/mic 5:c/cam"},
		{"who is not shown is still heard", func() { v.show(Camera, "c") }, "0:a/mic 4:c/mic 5:c/cam"},
		{"somebody who isn't there is not shown", func() { v.show(Camera, "z", "a") }, "0:a/mic 1:a/cam 4:c/mic"},
		{"no camera", func() { delete(v.all[0].sources, Camera) }, "0:a/mic 4:c/mic"},
		{"a screen has its own pair", func() {
			v.all[1].sources[Screen] = &Source{owner: &Participant{id: "c"}, kind: Screen}
			v.show(Screen, "c")
		}, "0:a/mic 4:c/mic 13:c/scr"},
		{"automatic layout shows it", func() { v.auto, v.tiles = true, nil }, "0:a/mic 4:c/mic 5:c/cam 13:c/scr"},
	}
	for _, s := range steps {
		s.do()
		if got := v.step(); got != s.want {
			t.Errorf("%s:\n got %s\nwant %s", s.name, got, s.want)
		}
	}
}

func TestRoutesOfLargeRooms(t *testing.T) {
	v := testView(GroupPool(), "a", "b", "c", "d", "e", "f", "g", "h")
	steps := []struct {
		name string
		do   func()
		want string
	}{
		{"nothing is shown, nobody is loud", func() {}, ""},
		{"the first tile is the stage and brings its voice", func() { v.show(Camera, "a", "b", "c") }, "0:a/mic 1:a/cam 3:b/cam 5:c/cam"},
		{"the loudest, without the stage", func() { v.hear("b", "a", "c") }, "0:a/mic 1:a/cam 2:b/mic 3:b/cam 4:c/mic 5:c/cam"},
		{"another order moves nobody", func() { v.hear("c", "b"); v.show(Camera, "a", "c", "b") }, "0:a/mic 1:a/cam 2:b/mic 3:b/cam 4:c/mic 5:c/cam"},
		{"a new stage", func() { v.show(Camera, "b", "a", "c") }, "0:b/mic 1:b/cam 3:a/cam 4:c/mic 5:c/cam"},
		{"named twice, shown once", func() { v.show(Camera, "b", "a", "b", "a") }, "0:b/mic 1:b/cam 3:a/cam 4:c/mic"},
		{"more loud ones than slots", func() { v.show(Camera); v.hear("a", "b", "c", "d", "e", "f", "g") }, "2:a/mic 4:c/mic 6:b/mic 8:d/mic 10:e/mic"},
	}
	for _, s := range steps {
		s.do()
		if got := v.step(); got != s.want {
			t.Errorf("%s:\n got %s\nwant %s", s.name, got, s.want)
		}
	}
}

// Somebody who was moved sees who is there in the tiles of those who aren't,
// before they say anew what they show (PF-4).
func TestRoutesOfNewcomers(t *testing.T) {
	v := testView(GroupPool(), "a", "b", "c", "d", "e")
	v.self = "e"
	steps := []struct {
		name string
		do   func()
		want string
	}{
		{"the tiles of before show who is here", func() { v.fresh = true; v.show(Camera, "v", "w") }, "0:a/mic 1:a/cam 3:b/cam"},
		{"never more than one tile each", func() { v.show(Camera, "v", "w", "x", "y", "z", "u") }, "0:a/mic 1:a/cam 3:b/cam 5:c/cam 7:d/cam"},
		{"whom the layout names has their own tile", func() { v.show(Camera, "v", "b", "w") }, "0:a/mic 1:a/cam 3:b/cam 5:c/cam"},
		{"whoever speaks doesn't move what is shown", func() { v.hear("d") }, "0:a/mic 1:a/cam 2:d/mic 3:b/cam 5:c/cam"},
		{"who speaks comes before who came first", func() { v.gone("a"); v.gone("c") }, "0:d/mic 1:d/cam 3:b/cam"},
		{"who has no camera leaves the tile empty", func() { v.show(Camera, "b", "d"); delete(v.index["d"].sources, Camera) }, "0:b/mic 1:b/cam 2:d/mic"},
		{"one's own tile is nobody's", func() { v.show(Camera, "e") }, "2:d/mic"},
		{"later, tiles wait for whom they name", func() { v.fresh = false; v.show(Camera, "v", "b") }, "0:b/mic 1:b/cam 2:d/mic"},
	}
	for _, s := range steps {
		s.do()
		if got := v.step(); got != s.want {
			t.Errorf("%s:\n got %s\nwant %s", s.name, got, s.want)
		}
	}
}

// The gallery of PF-2: a stage and 24 tiles fill every camera slot.
func TestGalleryFillsThePool(t *testing.T) {
	var ids []string
	for i := range 59 {
		ids = append(ids, fmt.Sprint("p", i))
	}
	v := testView(GroupPool(), ids...)
	v.show(Camera, ids...)
	shown := map[*Source]bool{}
	for _, w := range v.assign() {
		if w.source != nil && w.source.kind == Camera {
			if shown[w.source] {
				t.Errorf("%s is shown twice", w.source.owner.id)
			}
			shown[w.source] = true
		}
	}
	if len(shown) != 25 {
		t.Errorf("%d cameras shown; want 25", len(shown))
	}
}
