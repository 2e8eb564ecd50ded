package media

import (
	"slices"
	"time"
)

// Sizes that a viewer who sends no layout is taken to show, in pixels.
const (
	autoStageWidth, autoStageHeight = 1280, 720
	autoSmallWidth, autoSmallHeight = 640, 360
	autoTileWidth, autoTileHeight   = 320, 180
)

// routed is one participant as the routes of the others see it: what it has
// announced, by kind.
type routed struct {
	id      string
	since   time.Duration // in the room
	sources map[SourceKind]*Source
}

// wish is what a slot is to be fed by, and the size it is shown at.
type wish struct {
	source        *Source
	width, height int
}

// view is everything that one viewer's routes are computed from. The
// computation is pure: same view, same routes.
type view struct {
	self    string    // the viewer
	lines   []line    // of the viewer's slots
	prev    []*Source // what feeds them now
	pairs   []string  // small rooms: the participant of each pair now
	all     []routed  // in order of arrival
	index   map[string]routed
	loudest []*Source // microphones, loudest first
	guests  []*Source // microphones of those who aren't here; each gets a slot
	tiles   []Tile    // by priority
	auto    bool      // the viewer never sent a layout
	fresh   bool      // the viewer has just come in: the tiles may be of who was where they come from
	filled  bool      // the answer shows somebody in the tile of another
	small   bool
	out     []wish // memory for the answer
}

// assign returns the wish of every slot. It keeps what is shown where it is,
// as far as the tiles allow. In small rooms it updates v.pairs.
func (v *view) assign() []wish {
	out := slices.Grow(v.out[:0], len(v.lines))[:len(v.lines)]
	clear(out)
	cameras := v.cameras()
	if v.small {
		v.assignPairs(out, cameras)
	} else {
		v.assignStage(out, cameras)
	}
	v.assignScreen(out)
	v.assignGuests(out)
	if !v.small {
		v.assignVoices(out)
	}
	return out
}

// others are those whom the viewer may see and hear, in order of arrival.
func (v *view) others(yield func(routed) bool) {
	for _, o := range v.all {
		if o.id != v.self && !yield(o) {
			return
		}
	}
}

func (v *view) find(participant string, kind SourceKind) *Source {
	if participant == v.self {
		return nil
	}
	return v.index[participant].sources[kind]
}

// cameras resolves the tiles that show cameras, in order, without repetition.
func (v *view) cameras() []wish {
	if v.auto {
		return v.autoCameras()
	}
	ws := make([]wish, 0, len(v.tiles))
	for _, t := range v.tiles {
		if t.Source != Camera {
			continue
		}
		s := v.find(t.Participant, Camera)
		if s == nil && !v.vacant(t) || s != nil && shows(ws, s) {
			continue
		}
		ws = append(ws, wish{s, t.Width, t.Height})
	}
	return v.fill(ws)
}

// vacant says that a tile is of the room that the viewer comes from: it names
// somebody who isn't in this one.
func (v *view) vacant(t Tile) bool {
	_, here := v.index[t.Participant]
	return v.fresh && !here && t.Participant != v.self
}

// fill gives the vacant tiles to whom no tile names, so that they needn't wait
// until the viewer has learnt of them and said so: to those who are shown
// already, then who speaks, then in order of arrival. Tiles that stay vacant go.
func (v *view) fill(ws []wish) []wish {
	next := 0
	free := func() bool {
		for next < len(ws) && ws[next].source != nil {
			next++
		}
		return next < len(ws)
	}
	for s := range v.presentable {
		if !free() {
			return ws
		}
		if !v.named(s) && !shows(ws, s) {
			ws[next].source, v.filled = s, true
		}
	}
	return slices.DeleteFunc(ws, func(w wish) bool { return w.source == nil })
}

// presentable are the cameras that vacant tiles may show, the best first; some
// twice. Those that give no picture come last.
func (v *view) presentable(yield func(*Source) bool) {
	for _, dark := range []bool{false, true} {
		give := func(s *Source) bool { return s == nil || s.forwards.Load() == dark || yield(s) }
		for _, s := range v.prev {
			if s != nil && s.kind == Camera && v.find(s.owner.id, Camera) == s && !give(s) {
				return
			}
		}
		for _, s := range v.loudest {
			if !give(v.find(s.owner.id, Camera)) {
				return
			}
		}
		for o := range v.others {
			if !give(o.sources[Camera]) {
				return
			}
		}
	}
}

// named says whether a tile shows the camera.
func (v *view) named(s *Source) bool {
	return slices.ContainsFunc(v.tiles, func(t Tile) bool { return t.Source == Camera && t.Participant == s.owner.id })
}

func shows(ws []wish, s *Source) bool {
	return slices.ContainsFunc(ws, func(w wish) bool { return w.source == s })
}

// autoCameras shows everybody: who speaks first, then in order of arrival.
func (v *view) autoCameras() []wish {
	ws := make([]wish, 0, len(v.all))
	add := func(s *Source) {
		if s == nil || (len(ws) > 0 && ws[0].source == s) {
			return
		}
		w := wish{s, autoTileWidth, autoTileHeight}
		if v.small {
			w = wish{s, autoSmallWidth, autoSmallHeight}
		} else if len(ws) == 0 {
			w = wish{s, autoStageWidth, autoStageHeight}
		}
		ws = append(ws, w)
	}
	if len(v.loudest) > 0 {
		add(v.find(v.loudest[0].owner.id, Camera))
	}
	for o := range v.others {
		add(o.sources[Camera])
	}
	return ws
}

// assignPairs gives every other participant a pair, for good.
func (v *view) assignPairs(out []wish, cameras []wish) {
	pairs := 0
	for _, l := range v.lines {
		pairs = max(pairs, l.pair+1)
	}
	if len(v.pairs) != pairs {
		v.pairs = make([]string, pairs)
	}
	for i, id := range v.pairs {
		if _, here := v.index[id]; !here {
			v.pairs[i] = ""
		}
	}
	for o := range v.others {
		if slices.Contains(v.pairs, o.id) {
			continue
		}
		if free := slices.Index(v.pairs, ""); free >= 0 {
			v.pairs[free] = o.id
		}
	}
	for i, l := range v.lines {
		if l.pair < 0 || v.pairs[l.pair] == "" {
			continue
		}
		if !l.video {
			out[i].source = v.find(v.pairs[l.pair], Microphone)
			continue
		}
		for _, w := range cameras {
			if w.source.owner.id == v.pairs[l.pair] {
				out[i] = w
			}
		}
	}
}

// assignStage puts the first camera on the stage, pair 0, and the others into
// the remaining video slots: those that are shown already stay where they are.
func (v *view) assignStage(out []wish, cameras []wish) {
	if len(cameras) == 0 {
		return
	}
	stage := cameras[0]
	rest := cameras[1:]
	free := make([]int, 0, len(v.lines))
	for i, l := range v.lines {
		switch {
		case l.pair == 0 && l.video:
			out[i] = stage
		case l.pair == 0:
			out[i].source = v.find(stage.source.owner.id, Microphone)
		case l.video && !l.screen:
			free = append(free, i)
		}
	}
	if len(rest) > len(free) {
		rest = rest[:len(free)]
	}
	place(out, free, v.prev, rest)
}

// place puts wishes into the free slots, keeping those that are there already.
func place(out []wish, free []int, prev []*Source, wishes []wish) {
	var left []wish
	for _, w := range wishes {
		at := slices.IndexFunc(free, func(i int) bool { return prev[i] == w.source })
		if at < 0 {
			left = append(left, w)
			continue
		}
		out[free[at]] = w
		free = slices.Delete(free, at, at+1)
	}
	for i, w := range left {
		out[free[i]] = w
	}
}

// assignGuests gives each guest an audio slot, whoever else speaks. What it had
// it keeps; the stage's voice stays with the stage.
func (v *view) assignGuests(out []wish) {
	for _, s := range v.guests {
		best, rank := -1, 0
		for i, l := range v.lines {
			if l.video || (l.pair == 0 && !v.small) {
				continue
			}
			if r := v.spare(out[i].source, l); r > 0 && (r > rank || (r == rank && v.prev[best] != s)) {
				best, rank = i, r
			}
		}
		if best >= 0 {
			out[best] = wish{source: s}
		}
	}
}

// spare ranks an audio line by how well it can be spared for a guest: free,
// free but for a screen, of somebody who isn't heard, of the least loud. 0: not
// at all.
func (v *view) spare(taken *Source, l line) int {
	const free, freeScreen, unheard = 1 << 20, 1 << 19, 1 << 18
	switch {
	case taken == nil && !l.screen:
		return free
	case taken == nil:
		return freeScreen
	case l.screen || slices.Contains(v.guests, taken):
		return 0
	}
	if i := slices.Index(v.loudest, taken); i >= 0 {
		return 1 + i
	}
	return unheard
}

// assignVoices puts the loudest into the audio slots of the pairs after the
// stage, whose own voice is on pair 0.
func (v *view) assignVoices(out []wish) {
	var free []int
	var stage *Source
	for i, l := range v.lines {
		if l.video || l.screen {
			continue
		}
		if l.pair == 0 {
			stage = out[i].source
		} else if out[i].source == nil {
			free = append(free, i)
		}
	}
	var voices []wish
	for _, s := range v.loudest {
		if s != stage && v.find(s.owner.id, Microphone) == s && len(voices) < len(free) {
			voices = append(voices, wish{source: s})
		}
	}
	place(out, free, v.prev, voices)
}

// assignScreen shows the screen that the layout asks for, else the first that
// is shared; its sound is always heard.
func (v *view) assignScreen(out []wish) {
	var shown wish
	for _, t := range v.tiles {
		if s := v.find(t.Participant, Screen); t.Source == Screen && s != nil {
			shown = wish{s, t.Width, t.Height}
			break
		}
	}
	var sharer string
	if shown.source != nil {
		sharer = shown.source.owner.id
	} else {
		for o := range v.others {
			if o.sources[Screen] != nil || o.sources[ScreenAudio] != nil {
				sharer = o.id
				break
			}
		}
		if v.auto {
			shown = wish{v.find(sharer, Screen), autoStageWidth, autoStageHeight}
		}
	}
	for i, l := range v.lines {
		switch {
		case !l.screen:
		case l.video:
			out[i] = shown
		default:
			out[i].source = v.find(sharer, ScreenAudio)
		}
	}
}
