package media

import (
	"slices"
	"time"

	"github.com/atriumrtc/atrium/media/internal/codec"
	"github.com/atriumrtc/atrium/media/internal/nack"
)

// rungsPatience is how long upper temporal layers are left out at most while no
// frame says that it depends on the base layer only. Chromium's L1T3 has one
// every eighth frame; an encoder that has none is not to lose them for good.
const rungsPatience = 2 * time.Second

// rungs follows which temporal layers of a layer can be decoded. Frames of
// upper ones may depend on those before in their layer or one below, until one
// with the Y bit depends on the base layer only (RFC 7741 section 4.2).
type rungs struct {
	broken [4]bool // by temporal id
	since  time.Duration
	// What has a timestamp between the two may depend on what is missing.
	from, to uint32

	leaving   bool // the rest of the frame with this timestamp is left out
	timestamp uint32
}

// lost notes that frames of a temporal layer, and of those above, are missing.
func (r *rungs) lost(lowest uint8, p *packet) {
	if r.broken == [len(r.broken)]bool{} {
		r.from = p.rtp.Timestamp
	}
	for tid := max(lowest, 1); int(tid) < len(r.broken); tid++ {
		r.broken[tid] = true
	}
	r.since, r.to = p.at, p.rtp.Timestamp
}

// leave leaves out what comes of p's frame.
func (r *rungs) leave(p *packet) { r.leaving, r.timestamp = true, p.rtp.Timestamp }

// take says whether p, the newest packet, can be decoded.
func (r *rungs) take(p *packet) bool {
	if p.vp8.KeyFrame && p.vp8.FrameStart {
		*r = rungs{}
		return true
	}
	if r.leaving && r.timestamp == p.rtp.Timestamp {
		return false
	}
	r.leaving = false
	tid := p.vp8.TID
	switch {
	case !slices.Contains(r.broken[:tid+1], true):
		return true
	case p.vp8.Sync:
		r.broken[tid], r.to = false, p.rtp.Timestamp
		return true
	case p.at-r.since > rungsPatience:
		r.broken = [len(r.broken)]bool{}
		return true
	}
	r.leave(p)
	return false
}

// takeLate says whether p, which came after newer ones, can be decoded.
func (r *rungs) takeLate(p *packet) bool {
	switch {
	case p.vp8.TID == 0 || p.vp8.Sync:
		return true
	case slices.Contains(r.broken[:p.vp8.TID+1], true):
		return false
	}
	return r.from == r.to || int32(p.rtp.Timestamp-r.from) < 0 || int32(p.rtp.Timestamp-r.to) >= 0
}

// sift looks at what is lost on p's way to us, and before p if it isn't late
// itself. False: p is of no use any more.
func (l *layer) sift(p *packet, late bool) bool {
	c := &l.source.owner.engine.counters
	switch {
	case late && !l.rungs.takeLate(p):
		c.drop(dropIncomplete)
		return false
	case !late && !l.complete(p):
		c.drop(dropIncomplete)
		p.fate = fateLeaveOut
	}
	return true
}

// complete looks at what is missing before p, the newest packet, and says
// whether p's frame can be completed and decoded. What is missing of upper
// temporal layers isn't waited for: publishers seldom send it again. The slots
// learn of it with p, when those before it have been handed over to them.
func (l *layer) complete(p *packet) bool {
	p.loss.cut = l.nack.Cut()
	v := &p.vp8
	gap, count, closed := l.nack.Note(p.rtp.Sequence, nack.Frame{
		PictureID: v.PictureID, Wide: v.Wide, TL0: v.TL0, TID: v.TID,
		Known: v.HasPictureID && v.HasTL0 && v.HasTID,
		First: v.FrameStart, Last: p.rtp.Marker, Key: v.KeyFrame,
	}, p.at)
	if closed {
		l.rungs.lost(gap.Lowest, p)
		if gap.Head {
			l.rungs.leave(p)
		}
		p.loss.gap, p.loss.count = gap, count
	}
	return l.rungs.take(p)
}

// loss is what nobody waits for right before a packet.
type loss struct {
	// cut: so much, or for so long, that nothing can be decoded before the next
	// key frame.
	cut   bool
	count int // of packets of upper temporal layers
	gap   nack.Gap
}

// closeUpLocked lets numbers and picture ids run on over what is lost before p.
// After a cut the slot is shut until the next key frame, which goes on with the
// next number: a viewer would ask in vain for every packet of an outage.
func (s *Slot) closeUpLocked(l *layer, p *packet) {
	switch {
	case l != s.cur || p.epoch != s.epoch:
		return
	case p.loss.cut:
		s.cur = nil
		s.owner.touch()
		return
	}
	for n := p.loss.count; n > 0; n-- {
		s.seq.Drop(p.rtp.Sequence - uint16(n))
	}
	if p.loss.count > 0 {
		s.closePicturesLocked(p)
	}
}

func (s *Slot) closePicturesLocked(p *packet) {
	gap := &p.loss.gap
	frame := codec.VP8{HasPictureID: true, Wide: p.vp8.Wide, PictureID: p.vp8.PictureID}
	if gap.Within {
		s.vp8.Abandon(frame)
		return
	}
	frame.PictureID -= uint16(gap.Frames) + 1
	if gap.Tail {
		s.vp8.Abandon(frame)
	}
	for range gap.Frames {
		frame.PictureID++
		s.vp8.DropFrame(frame)
	}
}

// leaveOutLocked lets numbers and picture ids run on over p.
func (s *Slot) leaveOutLocked(l *layer, p *packet) {
	if l == s.cur && p.epoch == s.epoch {
		s.vp8.DropFrame(p.vp8)
		s.seq.Drop(p.rtp.Sequence)
	}
}
