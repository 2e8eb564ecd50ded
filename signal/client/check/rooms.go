package check

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/atriumrtc/atrium/signal/client/stamp"
)

// Rooms knows who is in which room, and judges from a packet's stamp whether it
// may have come: a stray one was sent when its publisher and its receiver can't
// have been together. What a map says, and when it comes, doesn't matter. Make it
// with [NewRooms]; it may be used from any goroutine.
type Rooms struct {
	mu  sync.Mutex // serialises moves
	now atomic.Pointer[whereabouts]
}

// whereabouts is where everybody is, by stamp.ID. Nothing in it is changed once
// it is published.
type whereabouts struct {
	// since is from when on they are in the rooms of now alone. Before they may
	// have been in those of before; so they may now, while they are on the move.
	since       time.Time
	moving      bool
	now, before map[uint64]string
}

// NewRooms knows nobody: who isn't known is together with nobody.
func NewRooms() *Rooms {
	r := &Rooms{}
	r.now.Store(&whereabouts{})
	return r
}

// Moving says that people are about to be moved, each into the room that to has
// for their participant id; "" is none. The others stay. Until Moved, they may
// be here or there.
func (r *Rooms) Moving(to map[string]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.now.Load()
	next := &whereabouts{moving: true, now: maps.Clone(was.now), before: was.now}
	if next.now == nil {
		next.now = map[uint64]string{}
	}
	for participant, room := range to {
		next.now[stamp.ID(participant)] = room
	}
	r.now.Store(next)
}

// Moved says that they have been: what is sent from now on is for the new rooms.
func (r *Rooms) Moved() {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.now.Load()
	r.now.Store(&whereabouts{since: time.Now(), now: was.now, before: was.before})
}

// Stray says whether a packet that a publisher (a [stamp.ID]) sent at a time was
// not for this receiver.
func (r *Rooms) Stray(receiver, publisher uint64, sent time.Time) bool {
	at := r.now.Load()
	if same(at.now[receiver], at.now[publisher]) {
		return false
	}
	if !at.moving && sent.After(at.since) {
		return true
	}
	return !same(at.before[receiver], at.before[publisher]) &&
		!same(at.now[receiver], at.before[publisher]) && !same(at.before[receiver], at.now[publisher])
}

func same(a, b string) bool { return a != "" && a == b }
