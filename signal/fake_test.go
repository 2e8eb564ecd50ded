package signal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/atriumrtc/atrium/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeEngine behaves as package media does, without transports: it records
// what is asked of it, and tests make its events.
type fakeEngine struct {
	mu           sync.Mutex
	participants map[string]*fakeParticipant
	closedRooms  map[string]bool
	addErr       error
	entered      func() // what happens at the moment of entering; may be nil
}

func newFakeEngine() *fakeEngine {
	return &fakeEngine{participants: map[string]*fakeParticipant{}, closedRooms: map[string]bool{}}
}

func (e *fakeEngine) add(o media.ParticipantOptions) (participant, error) {
	p := &fakeParticipant{engine: e, options: o, observer: o.Observer}
	e.mu.Lock()
	err := e.addErr
	if err == nil && e.participants[o.ID] != nil {
		err = media.ErrDuplicate
	}
	if err == nil {
		e.participants[o.ID] = p
	}
	e.mu.Unlock()
	if err != nil {
		return nil, err
	}
	p.emit(media.RoomChanged{Kind: "parked"})
	return p, nil
}

func (e *fakeEngine) enter(_ context.Context, p participant, o media.RoomOptions) error {
	e.mu.Lock()
	closed := e.closedRooms[o.ID]
	n := 0
	for _, other := range e.participants {
		if other.room == o.ID {
			n++
		}
	}
	e.mu.Unlock()
	if closed {
		return media.ErrClosed
	}
	if n >= o.Capacity {
		return media.ErrRoomFull
	}
	fp, ok := p.(*fakeParticipant)
	if !ok {
		return errors.New("not of this engine")
	}
	fp.moveTo(o.ID)
	if e.entered != nil {
		e.entered()
	}
	return nil
}

// isOpen answers for rooms that somebody is in.
func (e *fakeEngine) isOpen(room string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.infosLocked(room)) > 0
}

func (e *fakeEngine) get(t testing.TB, id string) *fakeParticipant {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.participants[id]
	if p == nil {
		t.Fatalf("the engine has no participant %q", id)
	}
	return p
}

type fakeParticipant struct {
	engine   *fakeEngine
	options  media.ParticipantOptions
	notifyMu sync.Mutex

	// Under the engine's mutex.
	observer media.Observer
	detached bool
	closed   bool
	room     string
	epoch    uint64
	calls    []string
	attached int
	err      error // of the next call
	panics   bool  // the next call does
}

func (p *fakeParticipant) call(format string, args ...any) error {
	p.engine.mu.Lock()
	defer p.engine.mu.Unlock()
	p.calls = append(p.calls, fmt.Sprintf(format, args...))
	if p.panics {
		p.panics = false
		panic("a fault of the fake's")
	}
	err := p.err
	p.err = nil
	return err
}

func (p *fakeParticipant) lastCall() string {
	p.engine.mu.Lock()
	defer p.engine.mu.Unlock()
	if len(p.calls) == 0 {
		return ""
	}
	return p.calls[len(p.calls)-1]
}

func (p *fakeParticipant) failNext(err error) {
	p.engine.mu.Lock()
	defer p.engine.mu.Unlock()
	p.err = err
}

func (p *fakeParticipant) panicNext() {
	p.engine.mu.Lock()
	defer p.engine.mu.Unlock()
	p.panics = true
}

func (p *fakeParticipant) isDetached() bool {
	p.engine.mu.Lock()
	defer p.engine.mu.Unlock()
	return p.detached
}

// emit tells the observer, in order; one that has detached is told of the end
// only.
func (p *fakeParticipant) emit(ev media.Event) {
	p.notifyMu.Lock()
	defer p.notifyMu.Unlock()
	p.engine.mu.Lock()
	o, detached := p.observer, p.detached
	p.engine.mu.Unlock()
	if _, last := ev.(media.Closed); !detached || last {
		o.Notify(ev)
	}
}

func (p *fakeParticipant) moveTo(room string) {
	p.engine.mu.Lock()
	p.room = room
	p.epoch++
	ev := media.RoomChanged{Room: room, Kind: "plain", Epoch: p.epoch, Participants: p.engine.infosLocked(room)}
	p.engine.mu.Unlock()
	p.emit(ev)
}

func (e *fakeEngine) infosLocked(room string) []media.ParticipantInfo {
	var infos []media.ParticipantInfo
	for id, p := range e.participants {
		if room != "" && p.room == room {
			infos = append(infos, media.ParticipantInfo{ID: id, Name: p.options.Name, Role: p.options.Role, Connected: !p.detached})
		}
	}
	slices.SortFunc(infos, func(a, b media.ParticipantInfo) int { return len(a.ID) - len(b.ID) })
	return infos
}

func (p *fakeParticipant) Pool() media.Pool { return p.options.Pool }

func (p *fakeParticipant) Offer(_ context.Context, sdp string) (string, error) {
	return "answer to " + sdp, p.call("offer %s", sdp)
}

func (p *fakeParticipant) AddCandidate(candidate, mid string) error {
	return p.call("candidate %s %s", candidate, mid)
}

func (p *fakeParticipant) Publish(mid string, kind media.SourceKind, active bool) error {
	return p.call("publish %s %s %t", mid, kind, active)
}

func (p *fakeParticipant) SetLayout(tiles []media.Tile) error {
	if tiles == nil {
		return p.call("layout automatic")
	}
	return p.call("layout %v", tiles)
}

func (p *fakeParticipant) SetMuted(kind media.SourceKind, muted bool) error {
	return p.call("mute %s %t", kind, muted)
}

func (p *fakeParticipant) SetHand(raised bool) { _ = p.call("hand %t", raised) }

func (p *fakeParticipant) Attach(o media.Observer) error {
	p.engine.mu.Lock()
	if p.closed {
		p.engine.mu.Unlock()
		return media.ErrClosed
	}
	p.observer, p.detached = o, false
	p.attached++
	ev := media.RoomChanged{Room: p.room, Kind: "plain", Epoch: p.epoch, Participants: p.engine.infosLocked(p.room)}
	p.engine.mu.Unlock()
	p.emit(ev)
	return nil
}

func (p *fakeParticipant) Detach(o media.Observer) {
	p.engine.mu.Lock()
	defer p.engine.mu.Unlock()
	if p.observer == o && !p.closed {
		p.detached = true
	}
}

func (p *fakeParticipant) Close(reason media.CloseReason) {
	p.engine.mu.Lock()
	if p.closed {
		p.engine.mu.Unlock()
		return
	}
	p.closed, p.room = true, ""
	delete(p.engine.participants, p.options.ID)
	p.engine.mu.Unlock()
	p.emit(media.Closed{Reason: reason})
}

func (p *fakeParticipant) peers() (string, map[string]media.Role) {
	p.engine.mu.Lock()
	defer p.engine.mu.Unlock()
	roles := map[string]media.Role{}
	for _, info := range p.engine.infosLocked(p.room) {
		roles[info.ID] = info.Role
	}
	return p.room, roles
}
