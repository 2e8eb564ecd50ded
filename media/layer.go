package media

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/atriumrtc/atrium/media/internal/cache"
	"github.com/atriumrtc/atrium/media/internal/codec"
	"github.com/atriumrtc/atrium/media/internal/nack"
	"github.com/atriumrtc/atrium/media/internal/udp"
)

const (
	// cachePackets holds more than a second of the largest layer, the longest
	// that a viewer's NACK is worth answering; each layer below sends half as
	// many packets.
	cachePackets = 512
	// layerSilence is how long a layer must be silent to count as stopped:
	// Chromium leaves out layers that it can't afford, without a word.
	layerSilence = 1500 * time.Millisecond

	videoClock = 90000
	audioClock = 48000
)

// layer is one encoding of a source: one SSRC, received once and forwarded to
// every slot of its list.
type layer struct {
	source    *Source
	id        uint32
	index     int
	rid       string
	clockRate uint32

	// slots is the immutable list that the packet path walks; the room's loop
	// replaces it.
	slots atomic.Pointer[[]*Slot]
	// away are the lists of other rooms that the source is attached to: see
	// Source.carry.
	away atomic.Pointer[[]attachment]

	active        atomic.Bool
	lastPacket    atomic.Int64 // since the engine started, ns
	ssrc          atomic.Uint32
	width, height atomic.Int32
	report        atomic.Pointer[senderReport]

	received, lost atomic.Uint64
	readers        atomic.Int32

	neededUntil time.Duration // owned by the room's loop

	// mu is held while a packet is taken up, and while it is handed over: Move
	// waits for it.
	mu     sync.Mutex
	nack   *nack.Generator
	cache  *cache.Ring
	run    cache.KeyRun
	keyAt  time.Duration // when the last key frame began
	rungs  rungs
	single *gather // of packets that come one by one; nil until one does
}

func newLayer(s *Source, index, layers int, rid string) *layer {
	l := &layer{source: s, index: index, rid: rid, clockRate: audioClock, id: s.owner.engine.nextID()}
	l.nack = nack.New(nack.Config{})
	if s.kind.Video() {
		l.clockRate = videoClock
		l.cache = cache.New(cachePackets >> (layers - 1 - index))
	}
	return l
}

// handle takes one received packet to all its slots, at once; raw is valid only
// during the call.
func (l *layer) handle(raw []byte, now time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.single == nil {
		l.single = &gather{}
	}
	defer l.single.reset()
	if l.takeLocked(l.single.begin(), raw, now) {
		l.handOverLocked(l.single.packets, 0, nil)
	}
}

// handleIn takes up a packet that was read together with others. It is handed
// over to the slots when all of them have been taken up; raw is valid until
// then.
func (l *layer) handleIn(out *udp.Batch, raw []byte, now time.Duration) {
	g := gatherOf(out)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.takeLocked(g.begin(), raw, now) {
		g.keep(l)
	} else {
		g.giveUp()
	}
}

// takeLocked does what is done once for a packet, whoever is to get it. False:
// nobody is.
func (l *layer) takeLocked(p *packet, raw []byte, now time.Duration) bool {
	c := &l.source.owner.engine.counters
	c.packetsIn.Add(1)
	c.bytesIn.Add(uint64(len(raw)))
	if codec.ParseRTP(raw, &p.rtp) != nil {
		c.drop(dropMalformed)
		return false
	}
	p.raw, p.at, p.epoch = raw, now, l.source.owner.route.Load()
	dup, late := l.nack.Received(p.rtp.Sequence, now)
	if p.late = late; dup {
		c.drop(dropDuplicate)
		return false
	}
	l.received.Add(1)
	p.payload = raw[p.rtp.HeaderLen:p.rtp.PayloadEnd]
	if len(p.payload) == 0 {
		c.drop(dropPadding)
		p.fate = fateSkip
		return true
	}
	l.seen(now)
	if !l.source.forwards.Load() {
		c.drop(l.silentReason())
		return false
	}
	if !l.source.kind.Video() {
		l.listen(p)
		return true
	}
	if !l.inspectVideo(p) {
		c.drop(dropMalformed)
		p.fate = fateSkip
		return true
	}
	return l.sift(p, late)
}

// seen notes that the layer flows; a layer that starts to flow may be wanted.
// Duplicates and padding don't count: browsers probe with them on layers that
// they have stopped.
func (l *layer) seen(now time.Duration) {
	l.lastPacket.Store(int64(now))
	if !l.active.Load() && l.active.CompareAndSwap(false, true) {
		l.source.owner.engine.ticks.wake(l.source.transport)
		l.source.owner.touch()
	}
}

func (l *layer) silentReason() DropReason {
	if l.source.owner.announced(l.source.kind) {
		return dropMuted
	}
	return dropInactive
}

// inspectVideo reads the payload descriptor.
func (l *layer) inspectVideo(p *packet) bool {
	var err error
	if p.vp8, err = codec.ParseVP8(p.payload); err != nil {
		return false
	}
	key := p.vp8.KeyFrame && p.vp8.FrameStart
	if key {
		l.keyFrameArrived(p)
	}
	if l.nack.NeedKeyFrame() && !key {
		l.source.keys.request(l, p.at)
	}
	return true
}

func (l *layer) keyFrameArrived(p *packet) {
	l.keyAt = p.at
	l.source.keys.arrived(l)
	l.source.owner.engine.counters.keyFrames.Add(1)
	width, height := int32(p.vp8.Width), int32(p.vp8.Height)
	if width != l.width.Swap(width) || height != l.height.Swap(height) {
		l.source.owner.touch() // another layer may fit now
	}
}

// listen hands the voice level (RFC 6464) to the room's detector.
func (l *layer) listen(p *packet) {
	d := l.source.detector.Load()
	id := uint8(l.source.transport.audioLevelID.Load())
	if d == nil || id == 0 {
		return
	}
	if level, _, ok := codec.ParseAudioLevel(p.rtp.Extension(id)); ok {
		d.Observe(l.id, level, p.at)
	}
}

// wide says that many slots are fed by the layer.
func (l *layer) wide() bool {
	slots := l.slots.Load()
	return slots != nil && len(*slots) >= expectFor
}

// handOverLocked takes packets, a list that begins with first, to the slots.
func (l *layer) handOverLocked(packets []packet, first int32, out *udp.Batch) {
	f := flight{out: out, counters: &l.source.owner.engine.counters}
	for i := first; i != none; i = packets[i].next {
		l.keepLocked(&packets[i], f.counters)
	}
	if slots := l.slots.Load(); slots != nil {
		l.fanLocked(*slots, packets, first, &f)
	}
	l.carryLocked(packets, first, &f)
	f.land()
}

// fanLocked takes packets to some slots.
func (l *layer) fanLocked(slots []*Slot, packets []packet, first int32, f *flight) {
	for _, s := range slots {
		s.forward(l, packets, first, f)
		if f.out != nil {
			f.out.Checkpoint()
		}
	}
}

// keepLocked keeps a packet for those who will ask for it again. Under the lock
// that fence takes, it sees whether its publisher has been moved or muted since
// it was taken up (R-GC-7, R-GC-5).
func (l *layer) keepLocked(p *packet, c *counters) {
	switch {
	case p.epoch != l.source.owner.route.Load():
		if p.fate == fateForward {
			c.drop(dropEpoch)
		}
		p.fate = fateDrop
	case p.fate == fateForward && !l.source.forwards.Load():
		c.drop(dropMuted)
		p.fate = fateDrop
	}
	switch {
	case p.fate == fateDrop || !l.source.kind.Video():
	case p.fate == fateForward:
		l.cache.Put(p.rtp.Sequence, p.epoch, p.raw)
		if l.index == 0 {
			l.run.Put(p.epoch, p.vp8.KeyFrame && p.vp8.FrameStart, p.rtp.Sequence, p.raw)
		}
	case l.index == 0 && len(p.payload) == 0:
		l.run.Put(p.epoch, false, p.rtp.Sequence, nil)
	}
}

// tick asks for what is missing and notices a layer that stopped. False: there
// is nothing to do until it begins to flow.
func (l *layer) tick(now, rtt time.Duration) bool {
	if !l.active.Load() {
		return false
	}
	if now-time.Duration(l.lastPacket.Load()) > layerSilence {
		l.active.Store(false)
		l.source.owner.touch()
		return false
	}
	var buf [64]uint16
	missing := l.missing(now, rtt, buf[:0])
	if !l.source.kind.Video() {
		return true // Opus conceals what is lost
	}
	if len(missing) > 0 {
		l.source.transport.sendNACK(l.ssrc.Load(), missing)
	}
	return true
}

// missing returns what to ask the publisher for, and counts what is given up.
func (l *layer) missing(now, rtt time.Duration, out []uint16) []uint16 {
	l.mu.Lock()
	defer l.mu.Unlock()
	out = l.nack.Due(now, rtt, out)
	lost := l.nack.Lost()
	if gone := lost - l.lost.Swap(lost); gone > 0 {
		l.source.owner.engine.counters.lostIn.Add(gone)
	}
	return out
}

// abandon has nobody fed by the layer any more, because its publisher is
// leaving. Its slots are free before the routes are computed anew: who is back
// by then is shown from a key frame on, as any newcomer.
func (l *layer) abandon() {
	old := l.slots.Load()
	l.slots.Store(nil)
	if old == nil {
		return
	}
	for _, s := range *old {
		if src, _, _ := s.feed(); src == l.source {
			s.assign(nil, nil, 0)
		}
	}
}

// fence waits for the packet in hand and forgets what is kept of the layer.
// Whoever calls it has changed before what the next packet goes by.
func (l *layer) fence() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cache != nil {
		l.cache.Clear()
	}
	l.run.Clear()
}

// copyPacket returns a kept packet for resending, if it belongs to the epoch.
func (l *layer) copyPacket(seq uint16, epoch uint64, dst []byte) ([]byte, bool) {
	if l.cache == nil {
		return nil, false
	}
	return l.cache.Get(seq, epoch, dst)
}
