package media

import (
	"slices"
	"sync"
	"time"

	"github.com/atriumrtc/atrium/media/internal/speaker"
)

const (
	// smallRoom is the largest capacity at which everybody has a pair of their
	// own for everybody else, so that lips stay in sync.
	smallRoom = 7

	voiceInterval   = 100 * time.Millisecond
	qualityInterval = 2 * time.Second
	// settleInterval is the shortest time between two computations of the
	// routes, so that a storm of changes costs a few of them.
	settleInterval = 20 * time.Millisecond
	// settleShare is how much longer than a computation the time until the
	// next one is at least, and settleLongest the most that it becomes: a
	// storm of joins shall not take the core from those who are talking.
	settleShare   = 8
	settleLongest = 200 * time.Millisecond
)

// RoomOptions describe a room. Capacity counts seats, those kept for somebody
// who dropped out too. Call is the same for rooms that people are moved between,
// a main room and its breakouts: while they are moved one after the other,
// publishers in all of them are asked for key frames a little later (unrest.go).
// A room without is a call of its own.
type RoomOptions struct {
	ID, Name, Kind string
	Call           string
	Capacity       int
	EndsAt         time.Time
}

// Room is a set of participants who see and hear each other. One goroutine,
// its loop, owns everything in it; others hand it tasks.
type Room struct {
	engine         *Engine
	id, name, kind string
	call           string
	capacity       int
	endsAt         time.Time
	unrest         *unrest // of the call
	// number marks the packets recorded in this room.
	number uint64

	mu      sync.Mutex
	queue   []task
	closing bool // nobody comes in any more
	stopped bool
	wake    chan struct{}
	done    chan struct{}

	// Owned by the loop.
	members     []*member
	news        []coming // since the last announcement
	reserved    int
	failed      bool // a fault of ours: it is being closed
	detector    *speaker.Detector
	loudest     []uint32
	speakers    SpeakersChanged // as announced
	dirty       bool
	due         time.Duration // of a dirty room: when the routes follow
	lingering   bool          // something goes on for a while: a layer that nobody needs, a tile that shows another
	putOff      time.Duration // when publishers are asked for key frames who weren't yet; 0: all were
	settled     time.Duration
	pace        time.Duration // from one computation of the routes to the next
	nextVoices  time.Duration
	nextQuality time.Duration
}

// task is something to be run by the loop; done is closed once the routes
// reflect it. A question changes nothing that routes depend on; who is patient
// waits for run alone, and the routes follow within settleInterval, once for
// all that has come by then.
type task struct {
	run      func()
	done     chan struct{}
	question bool
	patient  bool
}

func newRoom(e *Engine, o RoomOptions) *Room {
	return &Room{
		engine: e, id: o.ID, name: o.Name, kind: o.Kind, call: o.Call, capacity: o.Capacity, endsAt: o.EndsAt,
		number: e.numbers.Add(1), wake: make(chan struct{}, 1), done: make(chan struct{}),
		detector: speaker.New(speaker.Config{}), pace: settleInterval,
	}
}

// ID is unique in the engine.
func (r *Room) ID() string { return r.id }

// Participants in the room, in order of arrival.
func (r *Room) Participants() []ParticipantInfo {
	var infos []ParticipantInfo
	r.ask(func() {
		for _, m := range r.members {
			infos = append(infos, m.p.Info())
		}
	})
	return infos
}

// Close ends the stay of everybody in the room, and the room.
func (r *Room) Close(reason CloseReason) {
	r.mu.Lock()
	r.closing = true
	r.mu.Unlock()
	var members []*member
	r.ask(func() { members = slices.Clone(r.members) })
	var wg sync.WaitGroup
	for _, m := range members {
		wg.Go(func() { m.p.Close(reason) })
	}
	wg.Wait()
	r.end()
	<-r.done
}

// end has the loop end once it has done what it was asked to.
func (r *Room) end() {
	r.engine.forgetRoom(r)
	r.mu.Lock()
	r.closing, r.stopped = true, true
	r.mu.Unlock()
	r.signal()
}

func (r *Room) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// post has the loop run f, some time soon. It never blocks.
func (r *Room) post(f func()) { r.enqueue(task{run: f}) }

// do has the loop run f and waits until the routes reflect it; false when the
// room is closed. It must not be called from the loop.
func (r *Room) do(f func()) bool { return r.wait(task{run: f}) }

// tell is do for what nobody's routes depend on yet.
func (r *Room) tell(f func()) bool { return r.wait(task{run: f, patient: true}) }

// ask is do for what changes nothing.
func (r *Room) ask(f func()) bool { return r.wait(task{run: f, question: true}) }

func (r *Room) wait(t task) bool {
	done := r.start(t)
	if done == nil {
		return false
	}
	<-done
	return true
}

// start has the loop run a task and returns what tells that it has; nil when
// the room is closed.
func (r *Room) start(t task) (done <-chan struct{}) {
	t.done = make(chan struct{})
	if !r.enqueue(t) {
		return nil
	}
	return t.done
}

func (r *Room) enqueue(t task) bool {
	r.mu.Lock()
	if r.stopped {
		r.mu.Unlock()
		return false
	}
	r.queue = append(r.queue, t)
	r.mu.Unlock()
	r.signal()
	return true
}

func (r *Room) run() {
	defer close(r.done)
	for {
		alarm := r.engine.clock.AfterFunc(r.idle(), r.signal)
		<-r.wake
		alarm.Stop()
		r.mu.Lock()
		tasks, stopped := r.queue, r.stopped
		r.queue = nil
		r.mu.Unlock()
		r.work(tasks)
		if stopped {
			return
		}
	}
}

// idle is how long the loop has nothing to do unless somebody calls.
func (r *Room) idle() time.Duration {
	next := r.nextVoices
	if r.dirty {
		next = min(next, r.due)
	} else if r.putOff != 0 {
		next = min(next, r.putOff)
	}
	return max(next-r.engine.now(), 0)
}

// work runs tasks and lets their callers go once the routes reflect them.
func (r *Room) work(tasks []task) {
	now := r.engine.now()
	waiting := false
	for _, t := range tasks {
		r.guarded(t.run)
		if !t.question {
			r.soil(now, t.patient)
		}
		waiting = waiting || (t.done != nil && !t.question && !t.patient)
	}
	r.guarded(func() {
		r.listen(now)
		r.judge(now)
		if r.putOff != 0 && now >= r.putOff {
			r.soil(now, false)
		}
		if r.dirty && (waiting || now >= r.due) {
			r.dirty, r.settled = false, now
			r.settle(now)
			r.pace = min(max(settleInterval, settleShare*(r.engine.now()-now)), settleLongest)
		}
	})
	for _, t := range tasks {
		if t.done != nil {
			close(t.done)
		}
	}
}

// soil has the routes computed anew.
func (r *Room) soil(now time.Duration, patient bool) {
	due := r.settled + r.pace
	if patient {
		due = max(due, now+settleInterval)
	}
	if !r.dirty || due < r.due {
		r.dirty, r.due = true, due
	}
}

// guarded runs f; a panic in it ends the room, not the process (SE-10).
func (r *Room) guarded(f func()) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		r.engine.fault("a fault ended a room", "room_id", r.id, v)
		if !r.failed {
			r.failed = true
			r.engine.background(func() { r.Close(CloseInternal) })
		}
	}()
	f()
}
