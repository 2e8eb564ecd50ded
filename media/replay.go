package media

import (
	"time"

	"github.com/atriumrtc/atrium/media/internal/codec"
	"github.com/atriumrtc/atrium/media/internal/udp"
)

// replayAfter is how long a slot must have been still to get a replay. One that
// runs goes on to the new picture in as little time by the key frame that was
// asked for, and isn't made to decode seconds of frames at once. But where the key
// frame has just come, the next may be keyFrameInterval away, and there are few
// frames to decode: so it is for whoever says what they show a moment after a move.
const replayAfter = 250 * time.Millisecond

// replay shows the layer's last key frame and what followed it, at once,
// while the layer that is wanted is still waited for. Run by the room's loop.
//
// The frames get timestamps a tick apart, the last nearly its own: with those they
// were captured at, a receiver that has them all at once would show them over as
// much time again.
func (s *Slot) replay(l *layer, now time.Duration) {
	l.mu.Lock() // what comes next of the layer follows on the run
	defer l.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w == nil || !s.w.ready() || s.cur != nil || s.epoch == 0 || s.source != l.source {
		return
	}
	if s.started && now-s.lastAt < replayAfter && now-l.keyAt >= keyFrameInterval {
		return
	}
	s.transport.scratchMu.Lock()
	defer s.transport.scratchMu.Unlock()
	s.owner.engine.batched(func(out *udp.Batch) { s.replayLocked(out, l, now) })
}

// replayLocked sends the run to out.
func (s *Slot) replayLocked(out *udp.Batch, l *layer, now time.Duration) {
	frames, newest := l.runFrames(s.epoch)
	f := flight{out: out, counters: &s.owner.engine.counters}
	var last codec.RTP
	l.run.Each(s.epoch, func(raw []byte) {
		if len(raw) == 0 { // padding closes up
			last.Sequence++
			s.seq.Drop(last.Sequence)
			return
		}
		p := packet{at: now, epoch: s.epoch, next: none}
		raw = append(s.transport.scratch[:0], raw...)
		if codec.ParseRTP(raw, &p.rtp) != nil {
			return
		}
		p.payload = raw[p.rtp.HeaderLen:p.rtp.PayloadEnd]
		var err error
		if p.vp8, err = codec.ParseVP8(p.payload); err != nil {
			return
		}
		switch {
		case s.cur != l && !(p.vp8.KeyFrame && p.vp8.FrameStart):
			return // the run's beginning wasn't taken: the slot stays shut
		case s.cur != l:
			elapsed := s.elapsedLocked(l, l.captured(newest, now), now)
			s.switchLocked(l, &p, elapsed-min(elapsed-1, frames))
			s.retime = false // not within the run
		case p.rtp.Timestamp != last.Timestamp:
			s.seq.Switch(p.rtp.Sequence, p.rtp.Timestamp, 1)
		}
		last = p.rtp
		s.sendLocked(l, &p, &f)
	})
	s.retime = s.cur == l
	f.land()
}

// runFrames counts the frames of the layer's key frame run; newest is the
// timestamp of the last.
func (l *layer) runFrames(epoch uint64) (frames, newest uint32) {
	var last, h codec.RTP
	l.run.Each(epoch, func(raw []byte) {
		if len(raw) == 0 || codec.ParseRTP(raw, &h) != nil {
			return
		}
		if frames == 0 || h.Timestamp != last.Timestamp {
			frames++
		}
		last = h
	})
	return frames, last.Timestamp
}
