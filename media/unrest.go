package media

import (
	"slices"
	"sync"
	"time"
)

// Where people are moved one after the other, from room to room, a publisher
// who is asked for a key frame by somebody who has just come in is perhaps moved
// next. Then the frame is of no use to anybody, and for keyFrameInterval the
// encoder makes no other: those in the room that they come to would wait for it.
// So, while this goes on, only those are asked at once who have just come
// themselves, the others a little later, if they are still there.
const (
	// unrestLasts is the longest time between two moves that belong together.
	unrestLasts = 100 * time.Millisecond
	// putOffFor is how much later others are asked: with a round trip and a frame's
	// time more it is still soon enough (PF-4: 150 ms).
	putOffFor = 100 * time.Millisecond
	// justCame is how long somebody has been in a room at most who isn't moved on
	// by the same hand.
	justCame = time.Second
)

// unrest says whether people are being moved between the rooms of a call, one
// after the other. The mutex is a leaf.
type unrest struct {
	rooms int // of the call, that are open; Engine.mu covers it

	mu    sync.Mutex
	moved bool // anybody, ever
	last  time.Duration
	until time.Duration
}

// move is told of each move from a room to another.
func (u *unrest) move(now time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.moved && now-u.last <= unrestLasts {
		u.until = now + unrestLasts
	}
	u.moved, u.last = true, now
}

func (u *unrest) at(now time.Duration) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return now < u.until
}

// openedLocked gives a room the unrest of its call.
func (e *Engine) openedLocked(r *Room) {
	r.unrest = e.calls[r.call]
	if r.unrest == nil {
		r.unrest = &unrest{}
	}
	if r.unrest.rooms++; r.call != "" {
		e.calls[r.call] = r.unrest
	}
}

// endedLocked forgets the unrest of a call with its last room.
func (e *Engine) endedLocked(r *Room) {
	if r.unrest.rooms--; r.unrest.rooms == 0 {
		delete(e.calls, r.call)
	}
}

// unsettle notes that people go from rooms to others: one move in the call of
// each of those rooms.
func unsettle(going []*mover, now time.Duration) {
	var calls []*unrest
	for _, m := range going {
		if m.from == nil || m.to == nil {
			continue
		}
		for _, u := range []*unrest{m.from.unrest, m.to.unrest} {
			if !slices.Contains(calls, u) {
				calls = append(calls, u)
			}
		}
	}
	for _, u := range calls {
		u.move(now)
	}
}

// askForKeyFrames asks the publishers of all that slots are to open with or to
// switch to, but for what is put off.
func (rt *routes) askForKeyFrames() {
	r := rt.room
	unrest := r.unrest.at(rt.now)
	due := rt.now + putOffFor
	if r.putOff != 0 {
		due = r.putOff
	}
	r.putOff = 0
	for _, k := range rt.keys {
		s := k.layer.source
		_, cur, _ := k.slot.feed()
		switch {
		case cur == k.layer: // by the replay
		case unrest && rt.now < due && rt.now-rt.index[s.owner.id].since > justCame:
			r.putOff = due
		default:
			s.keys.want(k.layer)
		}
	}
	// Each source once, for all its layers.
	for _, k := range rt.keys {
		k.layer.source.keys.ask(rt.now)
	}
}
