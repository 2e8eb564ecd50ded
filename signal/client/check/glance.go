package check

import "time"

// Header is what a received packet shows without being decrypted.
type Header struct {
	Sequence  uint16
	Timestamp uint32
	Marker    bool
	// Size of the payload in bytes.
	Size int
}

// glances is what [Stream.Glance] and [Stream.Inspect] remember.
type glances struct {
	started   bool
	timestamp uint32

	inspecting bool
	inspected  uint16 // number of the newest packet that was inspected
}

// Glance judges the header of a packet that came at now: its number, its
// timestamp. Frames are counted by their last packets. What is in some of the
// packets is judged by [Stream.Inspect]. For a stream either Receive is called,
// or Glance for every packet that isn't a resent one; not both.
func (s *Stream) Glance(h Header, now time.Time) Outcome {
	at := s.numbers.add(h.Sequence, now)
	switch at {
	case duplicate:
		s.counts.Duplicates++
		return Outcome{}
	case filling:
		s.counts.Reordered++
	case jump:
		s.counts.Jumps++
	case first:
		s.start = now
	}
	s.counts.Packets++
	s.counts.Bytes += uint64(h.Size)
	if at.inOrder() {
		step := int32(h.Timestamp - s.clear.timestamp)
		if s.clear.started && at != jump && (step < 0 || (step == 0 && !s.video)) {
			s.counts.Timestamps++
		}
		s.clear.started, s.clear.timestamp = true, h.Timestamp
		s.jitter.add(h.Timestamp, now.Sub(s.start), s.clock)
	}
	if s.video && h.Marker {
		s.counts.Frames++
	}
	return Outcome{New: true, Gap: at == ahead}
}

// Inspect judges the content of a packet of which Glance has judged the header:
// its stamp, its picture. Packets may be left out.
func (s *Stream) Inspect(p *Packet, now time.Time) Outcome {
	at := first
	if s.clear.inspecting {
		switch step := int16(p.Sequence - s.clear.inspected); {
		case step == 1:
			at = next
		case step > 0:
			// Of what was left out nothing is known: the same as a loss.
			at, s.picture.broken = ahead, true
		default:
			at = filling
		}
	}
	if at.inOrder() {
		s.clear.inspecting, s.clear.inspected = true, p.Sequence
	}
	out := Outcome{New: true}
	if len(p.Payload) == 0 {
		s.counts.Padding++
		s.counts.Packets--
		return out
	}
	frames := s.counts.Frames
	s.media(p, at, now, &out)
	s.counts.Frames = frames // Glance has counted it
	return out
}

// Settled says that media of whom Expect named has opened the stream. Until
// then no packet should be left out by whoever calls Inspect.
func (s *Stream) Settled() bool { return s.opened }
