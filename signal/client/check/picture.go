package check

import (
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
	if opens || (s.picture.broken && at != first) {
		return
	}
	switched := from != (origin{}) && s.from != from
	if at == first || switched {
		s.counts.NoKeyFrame++
		s.picture.wantsKey = true
	}
}

// judgeNumbers demands that picture ids go up by one with each frame, across
// the wrap at 2¹⁵, and TL0PICIDX with each frame of temporal layer 0.
func (s *Stream) judgeNumbers(d *vp8.Descriptor) {
	last := &s.picture
	if !last.started || last.broken {
		return
	}
	if d.HasPictureID {
		want := last.id
		if d.Start {
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
