package media

import (
	"context"
	"errors"
	"flag"
	"maps"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// R-GC-7, R-GC-5, R-GC-4: random joins, leaves, admissions, holds, moves, mutes,
// spotlights, broadcasts and closes, and quick sequences of moves, over real
// transports: ICE, DTLS and SRTP of pion's on an in-process network (pipes into
// the media socket) and on loopback. Every packet says who sent it and when, every
// client knows after which action each left the server. While an action runs, all
// send: nobody gets a packet that the model forbids, resends that were asked for
// again included. After it everybody gets what the model allows.
func TestIsolationOverTransports(t *testing.T) {
	checks := "25"
	if long() {
		checks = "100"
	}
	for name, value := range map[string]string{"rapid.checks": checks, "rapid.steps": "90"} {
		set := flag.Lookup(name)
		before := set.Value.String()
		must(t, set.Value.Set(value))
		defer func() { must(t, set.Value.Set(before)) }()
	}
	w := newWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		w.reset(rt)
		w.assemble(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"admit": w.admit, "hold": w.hold, "move": w.move, "mute": w.mute, "mute by the server": w.silence,
			"spotlight": w.spotlight, "broadcast": w.broadcast, "gather": w.gather, "deal": w.deal, "quickly": w.quickly, "leave": w.leave, "close": w.closeRoom,
		})
	})
	t.Logf("%d actions, %d clients, %d packets, %d resent, %d to rooms that a voice was attached to, %d refused for want of a seat",
		w.steps, w.born, w.counts.packets, w.counts.resends, w.counts.carried, w.counts.refused)
	if w.counts.resends == 0 || w.counts.carried == 0 {
		t.Error("some kind of packet never came: the test shows too little")
	}
	if n := w.e.Snapshot().Panics; n != 0 {
		t.Errorf("%d panics", n)
	}
}

// reset parks everybody, with nothing muted or attached.
func (w *world) reset(rt *rapid.T) {
	w.replace()
	w.act(rt, func(s beliefs) {
		for id, b := range s {
			b.goTo("")
			s[id] = belief{sends: b.sends, stay: b.stay}
		}
	}, func() error {
		var errs []error
		for _, g := range w.guests {
			errs = append(errs, g.AttachSource(Microphone, nil), w.e.Move(context.Background(), g.Participant, nil), g.SetLayout(nil))
			for _, k := range []SourceKind{Microphone, Camera} {
				errs = append(errs, g.SetMuted(k, false), g.SetMutedByServer(k, false))
			}
		}
		return errors.Join(errs...)
	})
}

// assemble has some enter rooms, all at once.
func (w *world) assemble(rt *rapid.T) {
	rooms := make(map[string]string)
	free := maps.Clone(worldRooms)
	for _, g := range w.guests {
		room := rapid.SampledFrom(append(slices.Clone(worldRoomNames), "")).Draw(rt, "room")
		if free[room]--; free[room] >= 0 {
			rooms[g.id] = room
		}
	}
	w.act(rt, func(s beliefs) {
		for id, room := range rooms {
			s.update(id, func(b *belief) { b.goTo(room) })
		}
	}, func() error { return w.place(rooms) })
}

// deal has people go from everywhere to everywhere, some to wait, by one change.
func (w *world) deal(rt *rapid.T) {
	now := w.believed()
	free := maps.Clone(worldRooms)
	for _, room := range worldRoomNames {
		free[room] -= len(now.in(room))
	}
	rooms := make(map[string]string)
	var arrivals []Arrival
	for _, g := range w.guests {
		room := rapid.SampledFrom(append(slices.Clone(worldRoomNames), "")).Draw(rt, "room")
		a := Arrival{Participant: g.Participant}
		if room != "" {
			a.Room = &RoomOptions{ID: room, Capacity: worldRooms[room]}
			if free[room]--; free[room] < 0 {
				continue
			}
		}
		if room != now[g.id].room {
			rooms[g.id] = room
		}
		arrivals = append(arrivals, a)
	}
	w.act(rt, func(s beliefs) {
		for id, room := range rooms {
			s.update(id, func(b *belief) { b.goTo(room) })
		}
	}, func() error { return errors.Join(w.e.JoinTogether(context.Background(), arrivals...)...) })
}

// place has people enter rooms, by id, at the same time.
func (w *world) place(rooms map[string]string) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for id, room := range rooms {
		wg.Go(func() {
			err := w.e.Join(context.Background(), w.guest(id).Participant, RoomOptions{ID: room, Capacity: worldRooms[room]})
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// pick draws one of those who are where they are wanted.
func (w *world) pick(rt *rapid.T, what string, which func(belief) bool) string {
	var ids []string
	for _, g := range w.guests {
		if which(w.believed()[g.id]) {
			ids = append(ids, g.id)
		}
	}
	if len(ids) == 0 {
		rt.SkipNow()
	}
	return rapid.SampledFrom(ids).Draw(rt, what)
}

func waits(b belief) bool  { return b.room == "" }
func inside(b belief) bool { return b.room != "" }
func sends(b belief) bool  { return b.sends }

func (w *world) admit(rt *rapid.T) {
	id := w.pick(rt, "who", waits)
	w.enter(rt, id, rapid.SampledFrom(worldRoomNames).Draw(rt, "room"), [2]bool{
		rapid.Bool().Draw(rt, "silent"), rapid.Bool().Draw(rt, "without video"),
	})
}

func (w *world) move(rt *rapid.T) {
	id := w.pick(rt, "who", inside)
	w.enter(rt, id, rapid.SampledFrom(worldRoomNames).Draw(rt, "room"), w.believed()[id].silenced)
}

// enter places somebody in a room with what a moderator has silenced: that
// first, so that no packet is ahead of it.
func (w *world) enter(rt *rapid.T, id, room string, silenced [2]bool) {
	g, b := w.guest(id), w.believed()[id]
	full := b.room != room && len(w.believed().in(room)) >= worldRooms[room]
	if full {
		silenced = b.silenced
	}
	w.act(rt, func(s beliefs) {
		s.update(id, func(b *belief) {
			if b.silenced = silenced; b.room != room && !full {
				b.goTo(room)
			}
		})
	}, func() error {
		if err := errors.Join(g.SetMutedByServer(Microphone, silenced[mic]), g.SetMutedByServer(Camera, silenced[cam])); err != nil {
			return err
		}
		err := w.e.Join(context.Background(), g.Participant, RoomOptions{ID: room, Capacity: worldRooms[room]})
		if full && errors.Is(err, ErrRoomFull) {
			w.counts.refused++
			return nil
		}
		return err
	})
}

func (w *world) hold(rt *rapid.T) {
	id := w.pick(rt, "who", inside)
	w.act(rt, func(s beliefs) { s.update(id, func(b *belief) { b.goTo("") }) }, func() error {
		return w.e.Move(context.Background(), w.guest(id).Participant, nil)
	})
}

var worldKinds = [2]SourceKind{mic: Microphone, cam: Camera}

func (w *world) mute(rt *rapid.T) {
	id, kind := w.pick(rt, "who", sends), rapid.IntRange(mic, cam).Draw(rt, "source")
	muted := !w.believed()[id].muted[kind]
	w.act(rt, func(s beliefs) { s.update(id, func(b *belief) { b.muted[kind] = muted }) }, func() error {
		return w.guest(id).SetMuted(worldKinds[kind], muted)
	})
}

func (w *world) silence(rt *rapid.T) {
	id, kind := w.pick(rt, "who", sends), rapid.IntRange(mic, cam).Draw(rt, "source")
	muted := !w.believed()[id].silenced[kind]
	w.act(rt, func(s beliefs) { s.update(id, func(b *belief) { b.silenced[kind] = muted }) }, func() error {
		return w.guest(id).SetMutedByServer(worldKinds[kind], muted)
	})
}

// spotlight puts somebody on everybody's stage in a room, the others beside, or
// not at all; or it ends that.
func (w *world) spotlight(rt *rapid.T) {
	room := w.believed()[w.pick(rt, "who", inside)].room
	there := w.believed().in(room)
	shown := rapid.SliceOfNDistinct(rapid.SampledFrom(there), 0, len(there), rapid.ID).Draw(rt, "shown")
	ends := rapid.Bool().Draw(rt, "ends")
	w.act(rt, func(s beliefs) {
		for _, id := range there {
			s.update(id, func(b *belief) { b.tiles, b.layout = shown, !ends })
		}
	}, func() error {
		tiles := []Tile{}
		for i, id := range shown {
			tiles = append(tiles, Tile{Participant: id, Source: Camera, Width: 320, Height: 180, Priority: len(shown) - i})
		}
		if ends {
			tiles = nil
		}
		var errs []error
		for _, id := range there {
			errs = append(errs, w.guest(id).SetLayout(tiles))
		}
		return errors.Join(errs...)
	})
}

func (w *world) broadcast(rt *rapid.T) {
	id := w.pick(rt, "who", sends)
	rooms := rapid.SliceOfNDistinct(rapid.SampledFrom(worldRoomNames), 0, len(worldRoomNames), rapid.ID).Draw(rt, "rooms")
	if rapid.IntRange(0, 2).Draw(rt, "to all") == 0 {
		rooms = slices.Clone(worldRoomNames)
	}
	w.act(rt, func(s beliefs) { s.update(id, func(b *belief) { b.attached = rooms }) }, func() error {
		return w.guest(id).AttachSource(Microphone, rooms)
	})
}

// gather brings everybody of a room to the main room at once, as when breakouts
// close.
func (w *world) gather(rt *rapid.T) {
	room := w.believed()[w.pick(rt, "who", func(b belief) bool { return inside(b) && b.room != "main" })].room
	rooms := make(map[string]string)
	for _, id := range w.believed().in(room) {
		rooms[id] = "main"
	}
	w.act(rt, func(s beliefs) {
		for id := range rooms {
			s.update(id, func(b *belief) { b.goTo("main") })
		}
	}, func() error { return w.place(rooms) })
}

// quickly does several things with one or two people, one at the heels of the
// other: they are moved to and fro, put on hold, muted by the server, and heard in
// other rooms.
func (w *world) quickly(rt *rapid.T) {
	who := []string{w.pick(rt, "who", sends), w.pick(rt, "who else", func(belief) bool { return true })}
	told := rapid.IntRange(0, 2).Draw(rt, "told in between") == 0
	after := maps.Clone(w.believed())
	var actions []action
	for range rapid.IntRange(2, 6).Draw(rt, "actions") {
		a := w.draw(rt, after, rapid.SampledFrom(who).Draw(rt, "of whom"))
		a.close = !told
		a.apply(after)
		actions = append(actions, a)
	}
	w.hurry(rt, actions)
}

// draw is something that can be done with somebody.
func (w *world) draw(rt *rapid.T, s beliefs, id string) action {
	g, b := w.guest(id), s[id]
	switch what := rapid.IntRange(0, 7).Draw(rt, "what"); {
	case what == 0 && b.sends:
		kind := rapid.IntRange(mic, cam).Draw(rt, "source")
		muted := !b.silenced[kind]
		return action{
			apply: func(s beliefs) { s.update(id, func(b *belief) { b.silenced[kind] = muted }) },
			do:    func() error { return g.SetMutedByServer(worldKinds[kind], muted) },
		}
	case what == 1 && b.sends:
		rooms := rapid.SliceOfNDistinct(rapid.SampledFrom(worldRoomNames), 0, len(worldRoomNames), rapid.ID).Draw(rt, "rooms")
		return action{
			apply: func(s beliefs) { s.update(id, func(b *belief) { b.attached = rooms }) },
			do:    func() error { return g.AttachSource(Microphone, rooms) },
		}
	}
	room := rapid.SampledFrom(append(slices.Clone(worldRoomNames), "")).Draw(rt, "room")
	if room != b.room && room != "" && len(s.in(room)) >= worldRooms[room] {
		room = "" // it is full
	}
	return action{
		apply: func(s beliefs) {
			s.update(id, func(b *belief) {
				if b.room != room {
					b.goTo(room)
				}
			})
		},
		do: func() error {
			if room == "" {
				return w.e.Move(context.Background(), g.Participant, nil)
			}
			err := w.e.Join(context.Background(), g.Participant, RoomOptions{ID: room, Capacity: worldRooms[room]})
			return err
		},
	}
}

// once says whether to do what costs new connections: once in so many times.
func once(rt *rapid.T, in int) bool { return rapid.IntRange(1, in).Draw(rt, "once") == 1 }

// leave ends somebody's stay; somebody else joins.
func (w *world) leave(rt *rapid.T) {
	if !once(rt, 20) {
		w.admit(rt)
		return
	}
	id := w.pick(rt, "who", func(belief) bool { return true })
	reason := rapid.SampledFrom([]CloseReason{CloseLeft, CloseRemoved}).Draw(rt, "reason")
	w.act(rt, func(s beliefs) { delete(s, id) }, func() error {
		w.guest(id).Close(reason)
		return nil
	})
	w.replace()
}

// closeRoom ends the stay of everybody in a room; others join.
func (w *world) closeRoom(rt *rapid.T) {
	if !once(rt, 40) {
		w.move(rt)
		return
	}
	room := w.believed()[w.pick(rt, "who", inside)].room
	there := w.believed().in(room)
	w.act(rt, func(s beliefs) {
		for _, id := range there {
			delete(s, id)
		}
	}, func() error {
		w.e.Room(room).Close(CloseRoomClosed)
		return nil
	})
	w.replace()
}
