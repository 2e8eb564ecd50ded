package media

import (
	"time"

	"github.com/atriumrtc/atrium/media/internal/codec"
)

// replay shows the layer's last key frame and what followed it, at once,
// while the layer that is wanted is still waited for. Run by the room's loop.
func (s *Slot) replay(l *layer, now time.Duration) {
	l.mu.Lock() // what comes next of the layer follows on the run
	defer l.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w == nil || s.cur != nil || s.epoch == 0 || s.source != l.source {
		return
	}
	span := l.runSpan(s.epoch)
	var next uint16
	l.run.Each(s.epoch, func(raw []byte) {
		if len(raw) == 0 { // padding closes up
			s.seq.Drop(next)
			next++
			return
		}
		p := packet{at: now, epoch: s.epoch}
		raw = append(s.scratch[:0], raw...)
		if codec.ParseRTP(raw, &p.rtp) != nil {
			return
		}
		next = p.rtp.Sequence + 1
		p.payload = raw[p.rtp.HeaderLen:p.rtp.PayloadEnd]
		var err error
		if p.vp8, err = codec.ParseVP8(p.payload); err != nil {
			return
		}
		if s.cur != l {
			// The last frame of the run is now's; the others lie before it.
			elapsed := s.elapsedLocked(l, &p)
			s.switchLocked(l, &p, max(1, elapsed-min(elapsed, span)))
		}
		s.sendLocked(l, &p)
	})
}

// runSpan is the time from the first to the last frame of the layer's key
// frame run, in ticks of the RTP clock.
func (l *layer) runSpan(epoch uint64) uint32 {
	var first, last codec.RTP
	l.run.Each(epoch, func(raw []byte) {
		if len(raw) == 0 || codec.ParseRTP(raw, &last) != nil {
			return
		}
		if first.HeaderLen == 0 {
			first = last
		}
	})
	return last.Timestamp - first.Timestamp
}
