package media

import (
	"slices"
	"time"

	selector "github.com/atriumrtc/atrium/media/internal/layer"
)

// routes is one computation of who is fed by what, for a whole room.
type routes struct {
	room *Room
	now  time.Duration
	// all are those who may be seen or heard, in order of arrival: in large
	// rooms those who publish. index has everybody.
	all    []routed
	index  map[string]routed
	mics   map[uint32]*Source
	away   map[*Participant]bool // whose seat is kept
	guests []*Source             // of those who aren't here: attached to the room, in order
	layers []*layer              // all there are
	lists  map[*layer][]*Slot
	needed map[*Source][]bool // announced sources, by layer
	keys   []awaited          // key frames
	// Of the viewer under way; the next one takes the memory over.
	prev   []*Source
	wishes []wish
	replay []replay
}

type replay struct {
	slot  *Slot
	layer *layer
}

// awaited is a layer that a slot is to open with, or to switch to.
type awaited struct {
	slot  *Slot
	layer *layer
}

// settle makes the routes what the room's state says they are: it assigns
// every slot, publishes the lists that the packet path walks and tells
// everybody what changed for them.
func (r *Room) settle(now time.Duration) {
	r.announce()
	r.lingering = false
	rt := &routes{
		room: r, now: now, mics: make(map[uint32]*Source), away: make(map[*Participant]bool),
		lists: make(map[*layer][]*Slot), needed: make(map[*Source][]bool), index: make(map[string]routed),
	}
	for _, m := range r.members {
		rt.add(m)
	}
	attached := r.engine.attachedTo(r.id)
	for _, p := range attached {
		rt.addGuest(p)
	}
	for _, m := range r.members {
		rt.route(m)
	}
	rt.publish()
	for _, p := range attached {
		rt.carry(p)
	}
	for _, m := range r.members {
		rt.tellLayers(m)
		rt.tellMap(m)
	}
}

// add takes in what a member publishes.
func (rt *routes) add(m *member) {
	o := routed{id: m.p.id, since: m.since}
	rt.away[m.p] = !m.info.Connected
	var mic *Source
	if t := m.p.currentTransport(); t != nil {
		for _, s := range t.sources {
			rt.layers = append(rt.layers, s.layers...)
			if m.p.announced(s.kind) {
				if o.sources == nil {
					o.sources = make(map[SourceKind]*Source)
				}
				o.sources[s.kind] = s
				rt.needed[s] = make([]bool, len(s.layers))
				rt.needed[s][0] = true // never paused: see PROTOCOL.md, layers
			}
		}
		if mic = o.sources[Microphone]; mic != nil {
			rt.mics[mic.layers[0].id] = mic
		}
	}
	rt.room.hear(m, mic)
	rt.index[o.id] = o
	if len(o.sources) > 0 || rt.room.capacity <= smallRoom { // there everybody has a pair
		rt.all = append(rt.all, o)
	}
}

// addGuest takes in the microphone of somebody who isn't here, if it is to be
// heard here all the same.
func (rt *routes) addGuest(p *Participant) {
	mic := p.microphone()
	if mic == nil || rt.room.member(p) != nil || !p.heardFrom(rt.room) {
		return
	}
	rt.away[p] = !p.Info().Connected
	rt.needed[mic] = make([]bool, len(mic.layers))
	rt.guests = append(rt.guests, mic)
}

// carry publishes whom an attached microphone is forwarded to here.
func (rt *routes) carry(p *Participant) {
	mic := p.microphone()
	switch {
	case mic == nil:
	case slices.Contains(rt.guests, mic):
		mic.carry(rt.room, rt.lists[mic.layers[0]])
	default:
		mic.carry(rt.room, nil)
	}
}

// Somebody's layout may be of the room that they come from, and of those who left
// this one as they came: for so long after they came in, and after a layout that
// may have crossed the message that told of the move.
const (
	settlingIn    = 2 * time.Second
	layoutCrosses = 300 * time.Millisecond
)

// route assigns the slots of one viewer.
func (rt *routes) route(m *member) {
	t := m.p.currentTransport()
	if t == nil {
		return
	}
	v := &view{
		self: m.p.id, lines: t.lines, prev: slices.Grow(rt.prev[:0], len(t.slots))[:len(t.slots)], pairs: m.pairs, out: rt.wishes,
		all: rt.all, index: rt.index, small: rt.room.capacity <= smallRoom,
	}
	for _, mic := range rt.guests {
		if mic.forwards.Load() {
			v.guests = append(v.guests, mic)
		}
	}
	for i, s := range t.slots {
		v.prev[i], _, _ = s.feed()
	}
	for _, id := range rt.room.loudest {
		if mic := rt.mics[id]; mic != nil && mic.owner != m.p && mic.forwards.Load() {
			v.loudest = append(v.loudest, mic)
		}
	}
	m.p.mu.Lock()
	v.tiles, v.auto = m.p.layout, !m.p.layoutSet
	said := m.p.layoutAt
	m.p.mu.Unlock()
	v.fresh = rt.now-m.since < settlingIn && (said < m.since || rt.now-said < layoutCrosses)
	wishes := v.assign()
	rt.room.lingering = rt.room.lingering || v.filled
	for i, w := range wishes {
		rt.feed(t.slots[i], w, t.joined.Load())
	}
	m.pairs, rt.prev, rt.wishes = v.pairs, v.prev, wishes
}

// feed assigns one slot; up says that its transport can carry something.
func (rt *routes) feed(s *Slot, w wish, up bool) {
	if w.source == nil {
		s.assign(nil, nil, 0)
		return
	}
	_, cur, _ := s.feed()
	if cur != nil && cur.source != w.source {
		cur = nil
	}
	desired, target := choose(w, cur)
	rt.needed[w.source][desired.index] = true
	if !up || !w.source.forwards.Load() {
		// A slot that opened now would do so with a key frame that is lost.
		s.assign(w.source, nil, rt.room.number)
		return
	}
	s.thin(rt.temporalLimit(w))
	wantsKey := s.assign(w.source, target, rt.room.number)
	rt.lists[target] = append(rt.lists[target], s)
	if wantsKey {
		rt.keys = append(rt.keys, awaited{s, target})
		if cur == nil {
			cur = w.source.layers[0]
			rt.replay = append(rt.replay, replay{s, cur})
		}
	}
	// What is shown until the target's key frame goes on.
	if cur != nil && cur != target {
		rt.lists[cur] = append(rt.lists[cur], s)
	}
}

// tileHeight is how high, in pixels, a thumbnail is at most.
const tileHeight = 240

// temporalLimit is the highest temporal layer that a wish needs: thumbnails of
// large rooms do with fewer frames, which is half of what such a room costs.
func (rt *routes) temporalLimit(w wish) uint8 {
	fps := rt.room.engine.cfg.TileFPS
	if rt.room.capacity <= smallRoom || w.source.kind != Camera || w.height == 0 || w.height > tileHeight {
		fps = 0
	}
	return selector.TemporalLimit(fps, 0)
}

// choose returns the layer that fits the size of a wish, and the one to
// forward for now: the best that flows, cur when none does.
func choose(w wish, cur *layer) (desired, target *layer) {
	s := w.source
	if len(s.layers) == 1 {
		return s.layers[0], s.layers[0]
	}
	var encodings [maxRIDs]selector.Encoding
	current := -1
	for i, l := range s.layers {
		encodings[i] = selector.Encoding{RID: l.rid, Width: int(l.width.Load()), Height: int(l.height.Load()), Active: true}
		if l == cur {
			current = i
		}
	}
	es := encodings[:len(s.layers)]
	desired = s.layers[max(0, selector.Select(es, current, w.width, w.height))]
	for i, l := range s.layers {
		es[i].Active = l.active.Load()
	}
	best := selector.Select(es, current, w.width, w.height)
	if best == selector.None {
		best = current // a still screen is no reason to switch
	}
	return desired, s.layers[max(0, best)]
}

// publish replaces the lists that the packet path walks.
func (rt *routes) publish() {
	for _, l := range rt.layers {
		slots := rt.lists[l]
		if old := l.slots.Load(); old == nil || !slices.Equal(*old, slots) {
			l.slots.Store(&slots)
		}
	}
	for _, r := range rt.replay {
		r.slot.replay(r.layer, rt.now)
	}
	rt.askForKeyFrames()
}

// tellLayers tells a publisher which of its layers anybody needs.
func (rt *routes) tellLayers(m *member) {
	t := m.p.currentTransport()
	if t == nil {
		return
	}
	for _, s := range t.sources {
		needed, announced := rt.needed[s]
		if !announced || !s.kind.Video() {
			continue
		}
		var rids []string
		for i, l := range s.layers {
			if rt.needs(l, needed[i]) {
				rids = append(rids, l.rid)
			}
		}
		if !slices.Equal(m.layers[s.kind], rids) {
			m.layers[s.kind] = rids
			m.p.notify(LayersChanged{Source: s.kind, RIDs: rids})
		}
	}
}

// layerLinger is how long a layer that nobody needs any more goes on. Turning
// an encoding on or off makes browsers set up their encoder anew, which
// everybody who watches one of the others sees as a hitch.
const layerLinger = 30 * time.Second

// needs says whether a layer is needed now, or was until a short while ago.
func (rt *routes) needs(l *layer, now bool) bool {
	if now {
		l.neededUntil = rt.now + layerLinger
	}
	if now || rt.now < l.neededUntil {
		rt.room.lingering = rt.room.lingering || !now
		return true
	}
	return false
}

// tellMap tells a viewer what its slots carry.
func (rt *routes) tellMap(m *member) {
	t := m.p.currentTransport()
	if t == nil {
		return
	}
	slots := []SlotMap{}
	for _, s := range t.slots {
		src, open, from := s.shows()
		if src == nil {
			continue
		}
		e := SlotMap{Mid: s.mid, Participant: src.owner.id, Source: src.kind, State: SlotLive}
		switch {
		case !src.forwards.Load():
			e.State, e.Reason = SlotPaused, ReasonMuted
		case rt.away[src.owner]:
			e.State, e.Reason = SlotPaused, ReasonReconnecting
		case !open && s.line.video:
			e.State, e.Reason = SlotPaused, ReasonKeyFrame
		case s.line.video:
			e.From = from
		}
		if slices.Contains(rt.guests, src) {
			e.Name = src.owner.name
		}
		slots = append(slots, e)
	}
	if m.slots == nil || !slices.Equal(m.slots, slots) {
		m.slots = slots
		m.p.notify(MapChanged{Epoch: m.epoch, Slots: slots})
	}
}
