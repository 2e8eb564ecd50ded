package check

import (
	"slices"
	"time"

	"github.com/atriumrtc/atrium/signal/client/internal/vp8"
)

// picture follows the frames of a VP8 stream in order of sequence number.
type picture struct {
	started bool
	// broken says that packets are missing before the present one, so that
	// what follows can't be judged by what went before.
	broken bool
	id     uint16
	tl0    uint8
	// abandonable says that the newest packet is of a frame of an upper
	// temporal layer whose end hasn't come.
	abandonable bool
	// wantsKey says that nothing can be decoded before the next key frame.
	wantsKey bool
}

// frame judges a VP8 packet. It says whether it starts a key frame, and false
// when it can't be read.
func (s *Stream) frame(p *Packet, at place, from origin, v verdict, now time.Time) (opens, ok bool) {
	var d vp8.Descriptor
	if _, err := d.Parse(p.Payload); err != nil {
		s.counts.Malformed++
		return false, false
	}
	if d.Start {
		s.counts.Frames++
	}
	opens = d.Start && d.Key
	if opens {
		s.counts.KeyFrames++
		s.picture.wantsKey = false
		if s.key.IsZero() {
			s.key = now
		}
	}
	if !at.inOrder() {
		return opens, true
	}
	if v != tooLate {
		s.judgeSwitch(at, opens, from)
	}
	s.judgeNumbers(&d)
	s.judgeTimestamp(p, d.Start)
	s.picture.started = true
	s.picture.abandonable = d.HasTID && d.TID > 0 && !p.Marker
	if d.Start {
		s.picture.broken = false
		s.picture.id, s.picture.tl0 = d.PictureID, d.TL0
	}
	s.timestamp = p.Timestamp
	return opens, true
}

// judgeSwitch demands a key frame first of all, and whenever another publisher
// or another encoding takes over: nothing else can be decoded.
func (s *Stream) judgeSwitch(at place, opens bool, from origin) {
	switch {
	case opens:
	case at == first:
		s.head.open = true
		s.picture.wantsKey = true
	case s.picture.broken: // the loss may have taken the key frame's beginning
	case from != (origin{}) && s.from != from && s.ahead != from:
		s.counts.NoKeyFrame++
		s.picture.wantsKey = true
	}
}

// head is about a stream whose first packet began no key frame. Whether the
// server opened it so, or the key frame's packets were lost, no sequence number
// tells: the first one is random (RFC 3550 section 5.1). Sender reports do.
type head struct {
	open    bool               // it isn't decided yet
	missing [headReports]int32 // sent, but not known of
	reports int                // of these
}

// headReports are needed to decide. Some packets and a report may overtake one
// another, but not at most of them.
const headReports = 3

// Sent takes in a sender report's packet count (RFC 3550 section 6.4.1). By
// three of them a stream that didn't begin with a key frame is judged: either
// packets were sent before the first one that came, or it counts as NoKeyFrame.
func (s *Stream) Sent(packets uint32) {
	h := &s.head
	if !h.open {
		return
	}
	h.missing[h.reports] = int32(packets - uint32(s.numbers.highest-s.numbers.base+1))
	if h.reports++; h.reports < headReports {
		return
	}
	h.open = false
	slices.Sort(h.missing[:])
	if h.missing[headReports/2] <= 0 {
		s.counts.NoKeyFrame++
	}
}

// judgeNumbers demands that picture ids go up by one with each frame, across
// the wrap at 2¹⁵, and TL0PICIDX with each frame of temporal layer 0. Where a
// server gives up the end of an upper layer's frame, the next frame takes its
// id over: decoders see complete frames only.
func (s *Stream) judgeNumbers(d *vp8.Descriptor) {
	last := &s.picture
	if !last.started || last.broken {
		return
	}
	if d.HasPictureID {
		want := last.id
		if d.Start && !(last.abandonable && d.PictureID == want) {
			want = (want + 1) & 0x7fff
		}
		if d.PictureID != want {
			s.counts.PictureGaps++
		}
	}
	if d.HasTL0 && d.HasTID {
		want := last.tl0
		if d.Start && d.TID == 0 {
			want++
		}
		if d.TL0 != want {
			s.counts.TL0Gaps++
		}
	}
}

// judgeTimestamp demands that a frame is newer than the one before it, and
// that its packets agree.
func (s *Stream) judgeTimestamp(p *Packet, start bool) {
	if !s.picture.started {
		return
	}
	step := int32(p.Timestamp - s.timestamp)
	if step < 0 || (start && step == 0) || (!start && step != 0 && !s.picture.broken) {
		s.counts.Timestamps++
	}
}
