package media

import (
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/atriumrtc/atrium/media/internal/cache"
	"github.com/atriumrtc/atrium/media/internal/codec"
	"github.com/atriumrtc/atrium/media/internal/seq"
)

// Slot is one receive line of a participant: a fixed SSRC that carries
// whatever source the server routes to it. A decoder never notices a switch:
// sequence numbers, timestamps and VP8 picture ids run on, and video stays
// shut until a key frame.
type Slot struct {
	// mu covers rewriting and encrypting; Move waits for it. What a packet needs
	// comes first and in one piece: a room's slots together don't fit into the
	// processor's caches, and each line of 64 bytes is waited for.
	mu      sync.Mutex
	w       rtpWriter
	binding binding

	// What feeds the slot, set by the room's loop. cur is the layer that is
	// forwarded, target the one to switch to at its next key frame.
	epoch       uint64
	cur, target *layer
	source      *Source

	// What the receiver has seen, for the slot's life.
	lastAt  time.Duration // when the last packet was sent
	lastTS  uint32        // the newest timestamp, as the publisher gave it
	packets uint32
	octets  uint32
	rtxSeq  uint16
	started bool
	video   bool // as line.video
	retime  bool // the next frame is to come back to the timeline
	// Highest temporal layer to forward: as the loop wants it, and as it has
	// been since the beginning of a frame; since when it is to rise (0: it isn't).
	wantTID, maxTID uint8
	rising          time.Duration
	sent            cache.Sent
	vp8             codec.VP8Rewriter
	seq             seq.Rewriter

	recent    [4]*layer // layers that sent's entries may name
	timeline  timeline
	shown     shown // what was forwarded last
	reportDue time.Duration
	pliDue    time.Duration // when the receiver may ask for a key frame again
	remote    remoteReport

	owner     *Participant
	transport *transport
	line      line
	mid       string
}

// Packets that a slot remembers for resending: about 3 s of the largest layer,
// and as much of a thumbnail.
const (
	pairHistory = 512
	tileHistory = 128
)

// mtu bounds an RTP packet: Ethernet's 1500 bytes.
const mtu = 1500

// binding is what the negotiation gave a slot.
type binding struct {
	ssrc, rtxSSRC uint32
	pt, rtxPT     uint8
}

// remoteReport is what the receiver said of the slot.
type remoteReport struct {
	lost   float64 // share lost since the one before, 0..1
	jitter time.Duration
	at     time.Duration
}

func newSlot(t *transport, mid string, l line, seed uint32) *Slot {
	s := &Slot{owner: t.owner, transport: t, mid: mid, line: l, video: l.video, rtxSeq: uint16(seed)}
	s.sent = cache.NewSent(pairHistory)
	if l.pair < 0 && !l.screen {
		s.sent = cache.NewSent(tileHistory)
	}
	s.seq.Init(firstNumbers(seed))
	return s
}

// assign sets what feeds the slot; nil target shuts it. It reports whether
// target has still to open with a key frame.
func (s *Slot) assign(src *Source, target *layer, epoch uint64) (wantsKey bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if src != s.source || epoch != s.epoch {
		s.cur = nil
	}
	s.source, s.target, s.epoch = src, target, epoch
	if target == nil {
		s.cur = nil
	}
	for i, l := range s.recent {
		// What can't be resent any more keeps no closed transport alive.
		if l != nil && (epoch == 0 || l.source.owner.route.Load() != epoch || l.source.transport.closed.Load()) {
			s.recent[i] = nil
		}
	}
	return s.line.video && target != nil && s.cur != target
}

// thin limits the temporal layers that are forwarded: to fewer from the next
// frame on, to more from the next that can be decoded without those left out.
func (s *Slot) thin(tid uint8) {
	s.mu.Lock()
	s.wantTID = tid
	s.mu.Unlock()
}

// tooFineLocked says that a packet is of a temporal layer beyond the limit.
func (s *Slot) tooFineLocked(p *packet) bool {
	if p.vp8.FrameStart && (p.vp8.KeyFrame || !p.late) {
		s.limitLocked(p)
	}
	return p.vp8.HasTID && p.vp8.TID > s.maxTID
}

// limitLocked brings the limit nearer to the one that is wanted, at the start
// of a frame. It rises by one layer at a time, with a frame of that layer whose Y
// bit says that it depends on the base layer only (RFC 7741 section 4.2): a
// decoder would use a wrong picture in the place of one that was left out.
func (s *Slot) limitLocked(p *packet) {
	switch {
	case s.wantTID <= s.maxTID || p.vp8.KeyFrame || !p.vp8.HasTID:
		s.maxTID, s.rising = s.wantTID, 0
	case s.rising == 0:
		s.rising = max(p.at, 1)
	case p.at-s.rising > rungsPatience:
		s.maxTID, s.rising = s.wantTID, 0
		return
	}
	if s.maxTID < s.wantTID && p.vp8.Sync && p.vp8.TID == s.maxTID+1 {
		s.maxTID++
	}
}

// shut cuts the slot off and forgets everything that could still be resent.
func (s *Slot) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.source, s.cur, s.target, s.epoch = nil, nil, nil, 0
	s.sent.Clear()
	s.recent = [len(s.recent)]*layer{}
}

// feed returns what feeds the slot, for the room's loop.
func (s *Slot) feed() (src *Source, cur, target *layer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.source, s.cur, s.target
}

// forward sends packets of l, a list that begins with first, if the slot is
// fed by it.
func (s *Slot) forward(l *layer, packets []packet, first int32, f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	up := s.w != nil && s.w.ready()
	for i := first; i != none; i = packets[i].next {
		p := &packets[i]
		if p.loss.cut || p.loss.count > 0 {
			s.closeUpLocked(l, p)
		}
		switch p.fate {
		case fateForward:
			s.forwardLocked(l, p, f, up)
		case fateLeaveOut:
			s.leaveOutLocked(l, p)
		case fateSkip:
			// Closes the hole that it would leave.
			if l == s.cur && p.epoch == s.epoch {
				s.seq.Drop(p.rtp.Sequence)
			}
		}
	}
}

func (s *Slot) forwardLocked(l *layer, p *packet, f *flight, up bool) {
	if s.w == nil || p.epoch == 0 || p.epoch != s.epoch {
		f.counters.drop(dropEpoch)
		return
	}
	if !up {
		f.counters.drop(dropWrite)
		s.cur = nil // after the outage it opens anew
		return
	}
	if l != s.cur {
		// Any layer of the source is better than nothing.
		if l != s.target && (s.cur != nil || s.target == nil || l.source != s.source) {
			f.counters.drop(dropLayer)
			return
		}
		if s.video && !(p.vp8.KeyFrame && p.vp8.FrameStart) {
			f.counters.drop(dropKeyFrame)
			return
		}
		s.switchLocked(l, p, s.sinceLocked(l, p))
	}
	s.sendLocked(l, p, f)
}

// switchLocked makes l the layer that feeds the slot; elapsed is the time since
// the last packet, in ticks of the RTP clock.
func (s *Slot) switchLocked(l *layer, p *packet, elapsed uint32) {
	s.seq.Switch(p.rtp.Sequence, p.rtp.Timestamp, elapsed)
	s.vp8.Switch()
	s.cur = l
	s.showLocked(l, p.rtp.Timestamp+s.seq.TimestampOffset())
	s.reportDue = 0 // lip-sync needs a report right after a switch
	s.transport.hurryReport()
	if s.recent[0] != l {
		copy(s.recent[1:], s.recent[:])
		s.recent[0] = l
	}
	s.owner.touch()
}

// captured is when what has a timestamp was captured, by the engine's time: as the
// publisher reports, or, where that can't be, when it came.
func (l *layer) captured(ts uint32, came time.Duration) time.Duration {
	if r := l.report.Load(); r != nil {
		if at := r.captured(ts, l.clockRate); (came - at).Abs() <= maxClockStep {
			return at
		}
	}
	return came
}

// sinceLocked is how far behind the last timestamp the first packet of a layer
// is to be, in ticks: between two layers of one source what is between the
// pictures.
func (s *Slot) sinceLocked(l *layer, p *packet) uint32 {
	if prev := s.recent[0]; s.started && prev != nil && prev.source == l.source {
		if from, to := prev.report.Load(), l.report.Load(); from != nil && to != nil {
			exact := to.captured(p.rtp.Timestamp, l.clockRate) - from.captured(s.lastTS, prev.clockRate)
			if exact > 0 && exact < p.at-s.lastAt+time.Second {
				return uint32(max(1, ticksIn(exact, l.clockRate)))
			}
		}
	}
	return s.elapsedLocked(l, l.captured(p.rtp.Timestamp, p.at), p.at)
}

// elapsedLocked is how far behind the last timestamp that is to be which was
// captured at a moment and is sent now, in ticks. A picture that is older than
// what was sent last comes a tick after it, and the next is put right.
func (s *Slot) elapsedLocked(l *layer, captured, now time.Duration) (elapsed uint32) {
	_, last, sent := s.seq.LastOut()
	if !s.started {
		if sent { // of our own
			last++
		}
		s.timeline.begin(captured, last)
		return 1
	}
	most := maxSoundOff
	if s.video {
		most = maxPictureOff
	}
	gap := max(0, now-s.lastAt) // less where another layer's reader was faster
	elapsed, behind := s.timeline.elapsed(last, captured, gap, l.clockRate, most)
	s.retime = behind && s.video
	return elapsed
}

// sendLocked rewrites and sends one packet of the current layer.
func (s *Slot) sendLocked(l *layer, p *packet, f *flight) {
	entry := cache.Entry{In: p.rtp.Sequence, Source: l.id}
	if s.video {
		if s.tooFineLocked(p) {
			s.vp8.DropFrame(p.vp8)
			s.seq.Drop(p.rtp.Sequence)
			f.counters.drop(dropTemporal)
			return
		}
		if p.vp8.KeyFrame && s.seq.Follows(p.rtp.Sequence) {
			s.vp8.Join(p.vp8)
		}
		var ok bool
		if entry.PictureID, entry.TL0, ok = s.vp8.Map(p.vp8); !ok {
			f.counters.drop(dropLate)
			return
		}
		p.vp8.Rewrite(p.payload, p.payload, entry.PictureID, entry.TL0)
	}
	if s.retime && int32(p.rtp.Timestamp-s.lastTS) > 0 {
		s.seq.Retime(p.rtp.Timestamp, s.elapsedLocked(l, l.captured(p.rtp.Timestamp, p.at), p.at))
	}
	out, ts, ok := s.seq.Rewrite(p.rtp.Sequence, p.rtp.Timestamp)
	if !ok {
		f.counters.drop(dropLate)
		return
	}
	n, err := s.w.writeRTP(f.out, rtpHeader{
		ssrc: s.binding.ssrc, timestamp: ts, sequence: out, payloadType: s.binding.pt, marker: p.rtp.Marker,
	}, p.payload)
	if err != nil || n == 0 {
		f.counters.drop(unwritten(err))
		if !s.started {
			s.cur = nil // its keys aren't there yet: it opens again
		}
		return
	}
	if s.video {
		entry.Timestamp = ts
		s.sent.Put(out, entry)
	}
	s.started, s.lastAt = true, p.at
	if _, newest, _ := s.seq.LastOut(); ts == newest { // not of a late packet
		s.lastTS = p.rtp.Timestamp
	}
	s.packets++
	s.octets += uint32(len(p.payload))
	f.packets++
	f.bytes += uint64(n)
}

// The methods of webrtc.TrackLocal, for the carrier through pion, which binds
// the slot when the transport starts and hands it the writer that encrypts.

// Bind takes the negotiated payload types, SSRCs and the writer.
func (s *Slot) Bind(ctx webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	want := webrtc.MimeTypeOpus
	if s.video {
		want = webrtc.MimeTypeVP8
	}
	var chosen webrtc.RTPCodecParameters
	var b binding
	for _, p := range ctx.CodecParameters() {
		if p.MimeType == want && chosen.MimeType == "" {
			chosen = p
		}
	}
	if chosen.MimeType == "" {
		return chosen, webrtc.ErrUnsupportedCodec
	}
	b.pt, b.ssrc, b.rtxSSRC = uint8(chosen.PayloadType), uint32(ctx.SSRC()), uint32(ctx.SSRCRetransmission())
	for _, p := range ctx.CodecParameters() {
		if p.MimeType == webrtc.MimeTypeRTX && p.SDPFmtpLine == aptLine(b.pt) {
			b.rtxPT = uint8(p.PayloadType)
		}
	}
	s.mu.Lock()
	s.binding = b
	s.mu.Unlock()
	s.connect(indirectWriter{ctx.WriteStream()})
	return chosen, nil
}

// connect gives the slot the writer that encrypts; it can be fed from now on.
func (s *Slot) connect(w rtpWriter) {
	s.mu.Lock()
	s.w = w
	s.mu.Unlock()
	s.owner.touch()
}

// Unbind ends forwarding on the slot.
func (s *Slot) Unbind(webrtc.TrackLocalContext) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w = nil
	return nil
}

// ID is the track id in the answer.
func (s *Slot) ID() string { return "slot-" + s.mid }

// RID is empty: a slot has one encoding.
func (s *Slot) RID() string { return "" }

// StreamID groups the two lines of a pair, so that the browser keeps them in
// sync.
func (s *Slot) StreamID() string { return s.line.stream }

// Kind is audio or video.
func (s *Slot) Kind() webrtc.RTPCodecType {
	if s.video {
		return webrtc.RTPCodecTypeVideo
	}
	return webrtc.RTPCodecTypeAudio
}
