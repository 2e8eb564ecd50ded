package media

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"
)

// ParticipantOptions describe a participant.
type ParticipantOptions struct {
	ID, Name string
	Role     Role
	Pool     Pool
	Observer Observer // may be nil
}

// Tile is something that a participant shows: a source, at a size in pixels.
// Tiles of higher priority are served first; the first of all is the stage.
type Tile struct {
	Participant   string
	Source        SourceKind
	Width, Height int
	Priority      int
}

// Participant is somebody with a transport, in one room or parked.
type Participant struct {
	engine   *Engine
	id, name string
	role     Role
	pool     Pool

	// route is the number of the room that the participant is in; 0 parked.
	// The packet path compares it at every hand-over.
	route atomic.Uint64

	// moveMu serialises moves, offers and the end.
	moveMu sync.Mutex

	mu          sync.Mutex
	observer    Observer
	room        *Room
	epoch       uint64 // counts moves
	transport   *transport
	state       TransportState
	announces   map[SourceKind]bool
	muted       map[SourceKind]bool
	mutedServer map[SourceKind]bool
	handAt      time.Time // when it was raised; zero: it isn't
	layout      []Tile
	layoutSet   bool
	layoutAt    time.Duration // when it came
	detached    bool
	seat        Timer
	seatTurn    int // a timer that fires late finds another turn
	closed      bool

	// attached changes under moveMu.
	attached attachments

	notifyMu sync.Mutex
}

func newParticipant(e *Engine, o ParticipantOptions) *Participant {
	return &Participant{
		engine: e, id: o.ID, name: o.Name, role: o.Role, pool: o.Pool,
		observer: o.Observer, state: TransportNew,
		announces: make(map[SourceKind]bool), muted: make(map[SourceKind]bool), mutedServer: make(map[SourceKind]bool),
	}
}

// ID is unique in the engine.
func (p *Participant) ID() string { return p.id }

// Name is what others see.
func (p *Participant) Name() string { return p.name }

// Role is what the participant may do.
func (p *Participant) Role() Role { return p.role }

// Pool is the shape that the participant's offer must have.
func (p *Participant) Pool() Pool { return p.pool }

// Room is where the participant is; nil while parked.
func (p *Participant) Room() *Room {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.room
}

// Info is what others in the room know of the participant.
func (p *Participant) Info() ParticipantInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.infoLocked()
}

func (p *Participant) infoLocked() ParticipantInfo {
	info := ParticipantInfo{ID: p.id, Name: p.name, Role: p.role, Hand: !p.handAt.IsZero(), HandAt: p.handAt, Connected: p.seat == nil}
	for _, k := range []SourceKind{Microphone, Camera, Screen, ScreenAudio} {
		if p.announces[k] {
			info.Sources = append(info.Sources, SourceInfo{Kind: k, Muted: p.muted[k] || p.mutedServer[k], MutedByServer: p.mutedServer[k]})
		}
	}
	return info
}

func (p *Participant) upLocked() bool { return p.state == TransportConnected }

func (p *Participant) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

func (p *Participant) currentTransport() *transport {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.transport
}

func (p *Participant) announced(k SourceKind) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.announces[k]
}

// Offer answers an SDP offer: the first one, an ICE restart (the same DTLS
// certificate), or that of a new transport for the same seat (a reloaded
// page), which replaces the old one. The error is an *OfferError when the
// offer is at fault, ErrClosed, or the context's.
func (p *Participant) Offer(ctx context.Context, sdp string) (string, error) {
	o, err := parseOffer(sdp, p.engine.cfg.OfferMaxBytes, p.pool)
	if err != nil {
		return "", err
	}
	p.engine.counters.offers.Add(1)
	p.moveMu.Lock()
	defer p.moveMu.Unlock()
	if p.isClosed() {
		return "", ErrClosed
	}
	old := p.currentTransport()
	if old != nil && old.fingerprint == o.fingerprint {
		return old.negotiate(ctx, &o, sdp, false)
	}
	t, err := newTransport(p, o)
	if err != nil {
		return "", err
	}
	answer, err := t.negotiate(ctx, &o, sdp, true)
	if err != nil {
		_ = t.close()
		return "", err
	}
	p.replaceTransport(old, t)
	return answer, nil
}

// replaceTransport puts t in the place of old.
func (p *Participant) replaceTransport(old, t *transport) {
	p.mu.Lock()
	p.transport = t
	p.state = TransportNew
	p.updateSourcesLocked()
	p.mu.Unlock()
	if r := p.Room(); old == nil && r != nil {
		r.post(func() { r.refresh(p) }) // it isn't up yet: no hurry
	} else {
		p.touchNow()
	}
	p.touchAttached()
	if old != nil {
		if err := old.close(); err != nil {
			p.engine.log.Debug("closing a replaced transport", "participant_id", p.id, "err", err)
		}
	}
}

// AddCandidate adds a client's trickled ICE candidate. The server is ICE-lite
// and learns addresses by itself; candidates that come before the offer are
// not needed and are ignored.
func (p *Participant) AddCandidate(candidate, mid string) error {
	t := p.currentTransport()
	if t == nil {
		return nil
	}
	if err := t.pc.AddICECandidate(webrtc.ICECandidateInit{Candidate: candidate, SDPMid: &mid}); err != nil {
		return fmt.Errorf("media: candidate: %w", err)
	}
	return nil
}

// maxTiles bounds a layout; nobody has slots for more.
const maxTiles = 128

// SetLayout says what the participant shows: the whole state; nil is the
// automatic layout, empty nothing. Tiles that name somebody or something that
// isn't there wait until it is; but in the first two seconds after a move, those
// that name somebody who isn't there show the cameras of those who are, so that
// nobody waits for the layout of the new room. Those beyond the 128 of highest
// priority are ignored.
func (p *Participant) SetLayout(tiles []Tile) error {
	tiles = slices.Clone(tiles)
	slices.SortStableFunc(tiles, func(a, b Tile) int { return cmp.Compare(b.Priority, a.Priority) })
	tiles = tiles[:min(len(tiles), maxTiles)]
	p.mu.Lock()
	p.layout, p.layoutSet, p.layoutAt = tiles, tiles != nil, p.engine.now()
	p.mu.Unlock()
	p.touch()
	return nil
}

// SetHand raises or lowers the participant's hand. Who raises a hand that is up
// keeps the place in the order of hands, which no step of the clock changes
// (SE-20).
func (p *Participant) SetHand(raised bool) {
	p.mu.Lock()
	switch {
	case !raised:
		p.handAt = time.Time{}
	case p.handAt.IsZero():
		p.handAt = p.engine.wall(p.engine.now())
	}
	p.mu.Unlock()
	p.touch()
}

// touch has the room look at the participant again, soon.
func (p *Participant) touch() {
	p.mu.Lock()
	r := p.room
	p.mu.Unlock()
	if r != nil {
		r.post(func() {})
	}
}

// touchNow has the room look at the participant again before it returns.
func (p *Participant) touchNow() {
	p.mu.Lock()
	r := p.room
	p.mu.Unlock()
	if r != nil {
		r.do(func() { r.refresh(p) })
	} else {
		p.notifyParkedLayers()
	}
}

// notify hands an event to whoever observes now, in order. One that has
// detached is told of the end only.
func (p *Participant) notify(ev Event) {
	defer p.guard()
	p.notifyMu.Lock()
	defer p.notifyMu.Unlock()
	p.mu.Lock()
	o, detached := p.observer, p.detached
	p.mu.Unlock()
	if _, last := ev.(Closed); o != nil && (last || !detached) {
		o.Notify(ev)
	}
}

// parkedEvent is the state of a participant in no room.
func (p *Participant) parkedEvent() RoomChanged {
	p.mu.Lock()
	defer p.mu.Unlock()
	return RoomChanged{Kind: "parked", Epoch: p.epoch}
}

// notifyParkedLayers keeps the lowest layers flowing while parked, so that a
// move shows a picture at once.
func (p *Participant) notifyParkedLayers() {
	t := p.currentTransport()
	if t == nil {
		return
	}
	for _, s := range t.sources {
		if s.kind.Video() {
			p.notify(LayersChanged{Source: s.kind, RIDs: []string{s.layers[0].rid}})
		}
	}
}

// Close ends the participant's stay. It is idempotent; the first reason counts.
func (p *Participant) Close(reason CloseReason) {
	p.moveMu.Lock()
	defer p.moveMu.Unlock()
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	if p.seat != nil {
		p.seat.Stop()
	}
	p.mu.Unlock()
	p.attach(nil)
	leaveRooms(false, &mover{p: p, from: p.Room()})
	p.engine.forgetParticipant(p)
	if t := p.currentTransport(); t != nil {
		if err := t.close(); err != nil {
			p.engine.log.Debug("closing a transport", "participant_id", p.id, "err", err)
		}
	}
	p.notify(Closed{Reason: reason})
}

// guard ends the participant when a goroutine of ours panics on its behalf.
func (p *Participant) guard() {
	if v := recover(); v != nil {
		p.engine.fault("a fault ended a participant", "participant_id", p.id, v)
		p.engine.background(func() { p.Close(CloseInternal) })
	}
}
