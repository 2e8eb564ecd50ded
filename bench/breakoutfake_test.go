package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/atriumrtc/atrium/signal/client/check"
	"github.com/atriumrtc/atrium/signal/client/stamp"
)

// Times that things take in a fakeGroup.
const (
	fakeRequest = 10 * time.Millisecond
	fakeTold    = 20 * time.Millisecond // after the request has returned
	fakeHeard   = 30 * time.Millisecond
	fakeSeen    = 50 * time.Millisecond
	fakeGap     = 45 * time.Millisecond // around a move
	fakeSteady  = 21 * time.Millisecond // without one
)

// fakeGroup stands for API, signalling and media. Time is that of the bubble.
type fakeGroup struct {
	createErr, removeErr error
	// refuse says who isn't let into the lobby, by index of those who registered.
	refuse func(index int) bool
	// hears is a participant whom everybody in a room receives all the time.
	hears string
	// drops is who goes at the opening of the breakouts.
	drops func(index int) bool

	mu         sync.Mutex
	registered int
	waiting    []string // participants
	plans      [][][]string
	moves      int // of one person
	movesOfAll int // by one request
	unwarned   int // who was moved and didn't know that it was coming
	people     map[string]*fakeAttendee
	removed    int
	left       int
}

func (f *fakeGroup) create(context.Context, int) error { return f.createErr }

func (f *fakeGroup) wait(context.Context) (entry, error) {
	return entry{"visit", "visitor", "visitor"}, nil
}

func (f *fakeGroup) see(context.Context, string) (entry, error) {
	time.Sleep(fakeRequest)
	f.place("call", "visitor", "provider")
	return entry{"", "provider", "provider"}, nil
}

func (f *fakeGroup) hold(context.Context, string) error {
	f.place("", "visitor")
	return nil
}

func (f *fakeGroup) register(_ context.Context, name string) (string, error) {
	time.Sleep(fakeRequest)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.registered++
	return name, nil
}

func (f *fakeGroup) start(context.Context, string) (string, entry, error) {
	return "main", entry{"", "moderator", "moderator"}, nil
}

func (f *fakeGroup) enter(_ context.Context, link string) (entry, error) {
	time.Sleep(fakeRequest)
	f.mu.Lock()
	defer f.mu.Unlock()
	index := indexOf(link)
	if f.refuse != nil && f.refuse(index) {
		return entry{}, errors.New("the door is shut")
	}
	id := fmt.Sprint("p", index)
	f.waiting = append(f.waiting, id)
	return entry{"visit " + id, id, id}, nil
}

// indexOf reads the number at the end of a name; they count from 1.
func indexOf(name string) (index int) {
	_, _ = fmt.Sscanf(name, "Bench %d", &index) // the run names them so
	return index - 1
}

func (f *fakeGroup) admitAll(context.Context) (int, int, error) {
	time.Sleep(fakeRequest)
	f.place("main", f.waiting...)
	return len(f.waiting), 0, nil
}

func (f *fakeGroup) plan(_ context.Context, rooms [][]string) ([]string, error) {
	f.plans = append(f.plans, rooms)
	var ids []string
	for i := range rooms {
		ids = append(ids, fmt.Sprint("room", i))
	}
	return ids, nil
}

func (f *fakeGroup) openAll(context.Context) error {
	time.Sleep(fakeRequest)
	for i, people := range f.plans[len(f.plans)-1] {
		f.place(fmt.Sprint("room", i), people...)
	}
	return nil
}

func (f *fakeGroup) move(_ context.Context, participantID, roomID string) error {
	time.Sleep(fakeRequest)
	f.mu.Lock()
	f.moves++
	f.mu.Unlock()
	f.place(roomID, participantID)
	return nil
}

func (f *fakeGroup) moveAll(_ context.Context, to map[string]string) error {
	time.Sleep(fakeRequest)
	f.mu.Lock()
	f.movesOfAll++
	f.mu.Unlock()
	for participantID, roomID := range to {
		f.place(roomID, participantID)
	}
	return nil
}

func (f *fakeGroup) closeAll(context.Context) error {
	time.Sleep(fakeRequest)
	f.place("main", f.waiting...)
	return nil
}

func (f *fakeGroup) remove(ctx context.Context) error {
	f.removed++
	return errors.Join(f.removeErr, ctx.Err())
}

// place puts people into a room.
func (f *fakeGroup) place(room string, people ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range people {
		p := f.people[id]
		if p == nil {
			continue // comes later
		}
		if p.room != "" && !p.warned {
			f.unwarned++
		}
		p.room, p.at, p.disturbed = room, time.Now(), true
		close(p.changed)
		p.changed = make(chan struct{})
		if f.drops != nil && f.drops(p.index) && room != "main" && p.cause() == nil {
			p.err = errors.New("cut off")
			close(p.ended)
		}
	}
}

func (f *fakeGroup) attend(ctx context.Context, s seat, participantID string, rooms *check.Rooms) (attendee, error) {
	if !sleep(ctx, 100*time.Millisecond) {
		return nil, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &fakeAttendee{group: f, id: stamp.ID(participantID), rooms: rooms, index: -1, changed: make(chan struct{}), ended: make(chan struct{})}
	if slices.Contains(f.waiting, s.token) {
		p.index = s.index
	}
	if s.token == "provider" {
		p.room, p.at = "call", time.Now()
	}
	if f.people == nil {
		f.people = map[string]*fakeAttendee{}
	}
	f.people[s.token] = p
	return p, nil
}

// fakeAttendee is somebody in a fakeGroup, whose lock guards it.
type fakeAttendee struct {
	group     *fakeGroup
	id        uint64
	rooms     *check.Rooms
	index     int // -1: not of the group's participants
	room      string
	at        time.Time // since when
	disturbed bool      // by a move, since the last window
	warned    bool      // that a move is coming
	changed   chan struct{}
	ended     chan struct{}
	err       error
}

// until waits until they are where ok says, and returns since when.
func (p *fakeAttendee) until(ctx context.Context, ok func(room string, at time.Time) bool) (time.Time, error) {
	for {
		p.group.mu.Lock()
		room, at, changed := p.room, p.at, p.changed
		p.group.mu.Unlock()
		if p.cause() != nil {
			return at, p.cause()
		}
		if ok(room, at) {
			return at, nil
		}
		select {
		case <-changed:
		case <-p.ended:
		case <-ctx.Done():
			return at, ctx.Err()
		}
	}
}

func (p *fakeAttendee) received(at time.Time) arrival {
	time.Sleep(time.Until(at.Add(fakeSeen)))
	return arrival{at.Add(fakeTold), at.Add(fakeHeard), at.Add(fakeSeen)}
}

func (p *fakeAttendee) together(ctx context.Context, roomID string) (arrival, error) {
	at, err := p.until(ctx, func(room string, _ time.Time) bool { return room != "" && (roomID == "" || room == roomID) })
	if err != nil {
		return arrival{}, err
	}
	return p.received(at), nil
}

func (p *fakeAttendee) receives(ctx context.Context, _ string, after time.Time) (arrival, error) {
	at, err := p.until(ctx, func(room string, at time.Time) bool { return room != "" && at.After(after) })
	if err != nil {
		return arrival{}, err
	}
	return p.received(at), nil
}

func (p *fakeAttendee) parked(ctx context.Context) error {
	_, err := p.until(ctx, func(room string, _ time.Time) bool { return room == "" })
	return err
}

func (p *fakeAttendee) window() window {
	p.group.mu.Lock()
	defer p.group.mu.Unlock()
	w := window{silence: fakeSteady}
	w.audio = mediaCounters{sent: 10, received: 99, lost: 1}
	if p.disturbed {
		w.silence = fakeGap
	} else if p.group.hears != "" && p.room != "" && p.rooms.Stray(p.id, stamp.ID(p.group.hears), time.Now()) {
		w.stray = 1
	}
	p.disturbed = false
	return w
}

func (p *fakeAttendee) moving(on bool) {
	p.group.mu.Lock()
	defer p.group.mu.Unlock()
	p.warned = on
}

func (p *fakeAttendee) sdp() int64            { return 0 }
func (p *fakeAttendee) gone() <-chan struct{} { return p.ended }

func (p *fakeAttendee) cause() error {
	select {
	case <-p.ended:
		return p.err
	default:
		return nil
	}
}

func (p *fakeAttendee) leave() {
	p.group.mu.Lock()
	defer p.group.mu.Unlock()
	p.group.left++
}
