package media

import (
	"context"
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// model is what rooms and participants are to be like, as simple as can be.
type model struct {
	t     *testing.T
	rt    *rapid.T
	clock *fakeClock
	e     *Engine
	rooms []*Room // the first is nil: parked
	peers []*fakePeer

	where     map[*fakePeer]int // index of rooms
	announced map[*fakePeer]map[SourceKind]bool
	muted     map[*fakePeer]map[SourceKind]bool // by itself
	silenced  map[*fakePeer]map[SourceKind]bool // by the server
	layouts   map[*fakePeer][]Tile              // nil: automatic
	seen      firsts
}

// R-GC-7, R-GC-5: random joins, leaves, moves, layouts, mutes. After each,
// everybody gets the packets that the announced map names, on the slots that it
// names, from the frame on that it names, and nothing else; and the map is what the
// rooms and layouts say.
func TestRoomsAgainstModel(t *testing.T) {
	if !long() {
		checks := flag.Lookup("rapid.checks")
		before := checks.Value.String()
		must(t, checks.Value.Set("25"))
		defer func() { must(t, checks.Value.Set(before)) }()
	}
	rapid.Check(t, func(rt *rapid.T) {
		m := newModel(t, rt)
		defer func() { must(t, m.e.Close()) }()
		rt.Repeat(map[string]func(*rapid.T){
			"move": m.move, "publish": m.publish, "mute": m.mute, "layout": m.layout, "": m.check,
		})
	})
}

var allKinds = []SourceKind{Microphone, Camera, Screen, ScreenAudio}

func newModel(t *testing.T, rt *rapid.T) *model {
	m := &model{
		t: t, rt: rt, clock: newFakeClock(), rooms: []*Room{nil}, where: map[*fakePeer]int{},
		announced: map[*fakePeer]map[SourceKind]bool{}, muted: map[*fakePeer]map[SourceKind]bool{},
		silenced: map[*fakePeer]map[SourceKind]bool{}, layouts: map[*fakePeer][]Tile{}, seen: firsts{},
	}
	cfg := DefaultConfig()
	cfg.Address, cfg.UDPPort, cfg.TCPPort = "127.0.0.1", 0, -1
	var err error
	m.e, err = NewEngine(cfg, Options{Clock: m.clock})
	must(t, err)
	for i, capacity := range []int{3, 7, 20} {
		r, err := m.e.OpenRoom(RoomOptions{ID: sprint("room", i), Capacity: capacity})
		must(t, err)
		m.rooms = append(m.rooms, r)
		// Somebody stays, so that the room does.
		must(t, m.e.Move(context.Background(), m.add(sprint("keeper", i), i+1).Participant, r))
	}
	for i := range 5 {
		m.add(sprint("p", i), 0)
	}
	return m
}

func (m *model) add(id string, where int) *fakePeer {
	p := addFake(m.t, m.e, id, GroupPool())
	m.peers = append(m.peers, p)
	m.where[p] = where
	for _, state := range []map[*fakePeer]map[SourceKind]bool{m.announced, m.muted, m.silenced} {
		state[p] = map[SourceKind]bool{}
	}
	return p
}

func (m *model) pick(rt *rapid.T) *fakePeer { return rapid.SampledFrom(m.peers).Draw(rt, "who") }

func (m *model) move(rt *rapid.T) {
	p := rapid.SampledFrom(m.peers[3:]).Draw(rt, "who")
	to := rapid.IntRange(0, len(m.rooms)-1).Draw(rt, "where")
	inside := 0
	for q := range m.where {
		if m.where[q] == to && q != p {
			inside++
		}
	}
	err := m.e.Move(context.Background(), p.Participant, m.rooms[to])
	full := to > 0 && inside >= m.rooms[to].capacity
	if (err == ErrRoomFull) != full || (err != nil && !full) {
		rt.Fatalf("%d inside: %v", inside, err)
	}
	if err == nil {
		m.where[p] = to
	}
	// At once, without waiting for anything: what comes now is of the room
	// that p is in.
	m.send(true)
	m.isolated(rt)
}

func (m *model) publish(rt *rapid.T) {
	p, kind := m.pick(rt), rapid.SampledFrom(allKinds).Draw(rt, "kind")
	active := !m.announced[p][kind]
	for _, s := range p.transport.sources {
		if s.kind == kind {
			must(m.t, p.Publish(s.mid, kind, active))
		}
	}
	m.announced[p][kind] = active
}

func (m *model) mute(rt *rapid.T) {
	p, kind := m.pick(rt), rapid.SampledFrom(allKinds).Draw(rt, "kind")
	if rapid.Bool().Draw(rt, "by the server") {
		m.silenced[p][kind] = !m.silenced[p][kind]
		must(m.t, p.SetMutedByServer(kind, m.silenced[p][kind]))
		return
	}
	m.muted[p][kind] = !m.muted[p][kind]
	must(m.t, p.SetMuted(kind, m.muted[p][kind]))
}

func (m *model) layout(rt *rapid.T) {
	p := m.pick(rt)
	tiles := []Tile{}
	for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(m.peers)), 0, 6).Draw(rt, "tiles") {
		id := "nobody"
		if i < len(m.peers) {
			id = m.peers[i].id
		}
		height := rapid.SampledFrom([]int{0, 90, 180, 360, 720}).Draw(rt, "height")
		kind := rapid.SampledFrom([]SourceKind{Camera, Camera, Screen}).Draw(rt, "kind")
		tiles = append(tiles, Tile{Participant: id, Source: kind, Height: height, Width: height * 16 / 9})
	}
	must(m.t, p.SetLayout(tiles))
	m.layouts[p] = tiles
}

// send has everybody send on all layers, announced or not.
func (m *model) send(key bool) {
	for _, p := range m.peers {
		for _, s := range p.transport.sources {
			for _, l := range s.layers {
				p.recv(l, key)
			}
		}
	}
}

func (m *model) settle() {
	for _, r := range m.rooms[1:] {
		settled(r)
	}
}

// check compares what arrives with the maps, and the maps with the model.
func (m *model) check(rt *rapid.T) {
	// Layouts are of this room by now, by which only whom they name are shown.
	m.clock.advance(settlingIn)
	m.settle()
	m.clock.advance(qualityInterval) // what lingers goes
	m.settle()
	m.clock.advance(300 * time.Millisecond)
	m.settle()
	m.send(true) // every slot may open
	m.settle()
	m.isolated(rt)
	m.send(false)
	for _, viewer := range m.peers {
		got := m.arrived(rt, viewer)
		var want []string
		for _, s := range m.lastMap(viewer) {
			if s.State == SlotLive {
				want = append(want, s.Mid+" "+s.Participant+" "+sprint(s.Source))
			}
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			rt.Fatalf("%s got %v; the map says %v", viewer.id, got, want)
		}
		if wrong := m.seen.differ(viewer, m.lastMap(viewer)); wrong != "" {
			rt.Fatal(wrong)
		}
		m.checkMap(rt, viewer)
	}
}

// isolated takes what arrived and refuses what is not of one's own room, or
// not to be forwarded.
func (m *model) isolated(rt *rapid.T) {
	for _, viewer := range m.peers {
		m.arrived(rt, viewer)
	}
}

func (m *model) arrived(rt *rapid.T, viewer *fakePeer) (got []string) {
	for _, pkt := range viewer.wire.take() {
		from, kind := m.sender(pkt)
		if from == viewer || m.where[from] != m.where[viewer] || m.where[viewer] == 0 {
			rt.Fatalf("%s in %d got a packet of %s in %d", viewer.id, m.where[viewer], from.id, m.where[from])
		}
		if !m.flows(from, kind) {
			rt.Fatalf("%s got the %s of %s, which is muted or not announced", viewer.id, kind, from.id)
		}
		m.seen.see(pkt, from.id, m.rooms[m.where[viewer]])
		if entry := pkt.slot.mid + " " + from.id + " " + sprint(kind); !slices.Contains(got, entry) {
			got = append(got, entry)
		}
	}
	slices.Sort(got)
	return got
}

// sender reads the mark of a packet: id/layer/number or id/mic.
func (m *model) sender(pkt sentPacket) (*fakePeer, SourceKind) {
	f := strings.Split(payloadMark(pkt), "/")
	i := slices.IndexFunc(m.peers, func(p *fakePeer) bool { return p.id == f[0] })
	kind := Camera
	switch {
	case f[1] == "mic" && pkt.slot.line.screen:
		kind = ScreenAudio
	case f[1] == "mic":
		kind = Microphone
	case f[1] == "":
		kind = Screen
	}
	return m.peers[i], kind
}

func (m *model) flows(p *fakePeer, kind SourceKind) bool {
	return m.announced[p][kind] && !m.muted[p][kind] && !m.silenced[p][kind]
}

func (m *model) lastMap(p *fakePeer) []SlotMap {
	room, _ := last[RoomChanged](p.events)
	if ev, ok := last[MapChanged](p.events); ok && ev.Epoch == room.Epoch && room.Room != "" {
		return ev.Slots
	}
	return nil
}

// checkMap compares the cameras, screen and voices of a map with what the
// layout and the room ask for.
func (m *model) checkMap(rt *rapid.T, viewer *fakePeer) {
	shown := map[SourceKind][]string{}
	for _, s := range m.lastMap(viewer) {
		shown[s.Source] = append(shown[s.Source], s.Participant)
		from := m.peers[slices.IndexFunc(m.peers, func(p *fakePeer) bool { return p.id == s.Participant })]
		if (s.State == SlotLive) != m.flows(from, s.Source) {
			rt.Fatalf("%s: %+v; forwarded %t", viewer.id, s, m.flows(from, s.Source))
		}
	}
	for kind, want := range m.wanted(viewer) {
		got := shown[kind]
		slices.Sort(got)
		slices.Sort(want)
		if kind == Microphone && m.where[viewer] == 3 {
			for _, id := range want { // the stage's; others are the loudest
				if !slices.Contains(got, id) {
					rt.Fatalf("%s doesn't hear the stage %s, but %v", viewer.id, id, got)
				}
			}
			continue
		}
		if !slices.Equal(got, want) {
			rt.Fatalf("%s (layout %v) has %s of %v; want %v", viewer.id, m.layouts[viewer], kind, got, want)
		}
	}
}

// wanted is whose sources of each kind a viewer is to have.
func (m *model) wanted(viewer *fakePeer) map[SourceKind][]string {
	w := map[SourceKind][]string{Microphone: nil, Camera: nil, Screen: nil, ScreenAudio: nil}
	if m.where[viewer] == 0 {
		return w
	}
	there := map[string]*fakePeer{}
	for _, p := range m.peers {
		if p != viewer && m.where[p] == m.where[viewer] {
			there[p.id] = p
		}
	}
	tiles, set := m.layouts[viewer]
	for id, p := range there {
		tile := func(k SourceKind) bool {
			return slices.ContainsFunc(tiles, func(t Tile) bool { return t.Participant == id && t.Source == k })
		}
		if m.announced[p][Camera] && (!set || tile(Camera)) {
			w[Camera] = append(w[Camera], id)
		}
		if m.announced[p][Microphone] && m.where[viewer] != 3 {
			w[Microphone] = append(w[Microphone], id)
		}
	}
	if m.where[viewer] == 3 {
		w[Microphone] = m.stageVoice(viewer, there)
	}
	return m.wantedScreen(viewer, there, w)
}

// stageVoice is whose voice comes with the stage of a layout in a large room.
func (m *model) stageVoice(viewer *fakePeer, there map[string]*fakePeer) []string {
	for _, t := range m.layouts[viewer] {
		if p := there[t.Participant]; t.Source == Camera && p != nil && m.announced[p][Camera] {
			if m.announced[p][Microphone] {
				return []string{p.id}
			}
			return nil
		}
	}
	return nil
}

// wantedScreen: the first screen of the layout, else, without a layout, that
// of the first who shares; with its sound.
func (m *model) wantedScreen(viewer *fakePeer, there map[string]*fakePeer, w map[SourceKind][]string) map[SourceKind][]string {
	tiles, set := m.layouts[viewer]
	var sharer *fakePeer
	for _, t := range tiles {
		if p := there[t.Participant]; sharer == nil && p != nil && t.Source == Screen && m.announced[p][Screen] {
			sharer = p
			w[Screen] = []string{p.id}
		}
	}
	if sharer == nil {
		for _, info := range m.rooms[m.where[viewer]].Participants() {
			p := there[info.ID]
			if sharer == nil && p != nil && (m.announced[p][Screen] || m.announced[p][ScreenAudio]) {
				sharer = p
			}
		}
		if sharer != nil && !set && m.announced[sharer][Screen] {
			w[Screen] = []string{sharer.id}
		}
	}
	if sharer != nil && m.announced[sharer][ScreenAudio] {
		w[ScreenAudio] = []string{sharer.id}
	}
	return w
}
