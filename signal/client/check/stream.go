package check

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/atriumrtc/atrium/signal/client/stamp"
)

// Packet is a received RTP packet.
type Packet struct {
	Sequence  uint16
	Timestamp uint32
	Marker    bool
	// Payload is without padding; empty: a padding packet.
	Payload []byte
	// Resent says that it came on the RTX stream.
	Resent bool
}

// Outcome says what a packet meant.
type Outcome struct {
	// New is false for a duplicate.
	New bool
	// Gap says that packets are missing now that weren't before.
	Gap bool
	// Opened says that it is the first of whom [Stream.Expect] named last: for
	// video the start of a key frame.
	Opened bool
}

// Stream judges one SSRC. Make it with [NewStream].
type Stream struct {
	video bool
	clock int64 // Hz

	// Latency, when set, takes the one-way latency in µs of stamped packets; of
	// video not in the first second after a switch, when a server may send what
	// it kept of the last key frame: that has an age, not a latency.
	Latency *hdrhistogram.Histogram
	// Witness, when set, is told of every intact stamp: who made the packet (a
	// [stamp.ID]), and when it was sent.
	Witness func(publisher uint64, sent time.Time)

	numbers sequence
	counts  Counts
	picture picture
	head    head
	route   route
	from    origin
	// ahead is whose key frame came last of those who seemed too late: a map
	// that is still on its way may name them again, as in A, B, A.
	ahead  origin
	opened bool

	start     time.Time // of the first packet
	switched  time.Time // when the present publisher's first packet came
	key       time.Time // of the first key frame
	timestamp uint32
	jitter    jitter
	clear     glances
}

// origin is what made a packet.
type origin struct {
	publisher     uint64
	source, layer uint8
}

// NewStream makes a Stream for a clock rate in Hz. video says that it carries
// VP8.
func NewStream(video bool, clock int) *Stream {
	return &Stream{video: video, clock: int64(clock)}
}

// Expect says whose media the stream is to carry from now on: a [stamp.ID], or
// 0 for nobody's. It says whether media of theirs has already opened the
// stream.
func (s *Stream) Expect(publisher uint64, now time.Time) (opened bool) {
	if s.route.armed && publisher == s.route.now {
		return s.opened
	}
	// What begins anew later must do so with a key frame. What came early, of
	// somebody whom a later message will name, has begun.
	if publisher == 0 && s.route.now != 0 && s.from.publisher == s.route.now {
		s.from = origin{}
	}
	early, misrouted := s.route.expect(publisher, now)
	s.counts.Early += early
	s.counts.Misrouted += misrouted
	s.opened = publisher != 0 && (early > 0 && s.from.publisher == publisher || s.ahead.publisher == publisher)
	return s.opened
}

// Receive judges a packet that arrived at now.
func (s *Stream) Receive(p *Packet, now time.Time) Outcome {
	if p.Resent {
		s.counts.RTX++
	}
	at := s.numbers.add(p.Sequence, now)
	switch at {
	case duplicate:
		s.counts.Duplicates++
		return Outcome{}
	case filling:
		if p.Resent {
			s.counts.Recovered++
		} else {
			s.counts.Reordered++
		}
	case jump:
		s.counts.Jumps++
	case first:
		s.start = now
	}
	out := Outcome{New: true, Gap: at == ahead}
	if at == ahead || at == jump {
		s.picture.broken = true
	}
	if len(p.Payload) == 0 {
		s.counts.Padding++
		return out
	}
	s.counts.Packets++
	s.counts.Bytes += uint64(len(p.Payload))
	s.media(p, at, now, &out)
	return out
}

// media judges a packet that has a payload.
func (s *Stream) media(p *Packet, at place, now time.Time, out *Outcome) {
	from, v := s.trace(p, now)
	opens := true
	if s.video {
		var ok bool
		if opens, ok = s.frame(p, at, from, v, now); !ok {
			return
		}
	} else if at.inOrder() {
		if at != first && at != jump && int32(p.Timestamp-s.timestamp) <= 0 {
			s.counts.Timestamps++
		}
		s.timestamp = p.Timestamp
	}
	switch {
	case !at.inOrder() || from == (origin{}):
	case v != tooLate:
		s.from, s.ahead = from, origin{}
	case s.video && opens:
		s.ahead = from
	}
	if at.inOrder() && !s.clear.started {
		s.jitter.add(p.Timestamp, now.Sub(s.start), s.clock)
	}
	if opens && v == expected && !s.opened {
		s.opened, out.Opened = true, true
	}
}

// trace reads the stamp, if there is one.
func (s *Stream) trace(p *Packet, now time.Time) (origin, verdict) {
	var mark stamp.Stamp
	switch stamp.Parse(p.Payload, &mark) {
	case stamp.Damaged:
		s.counts.Damaged++
		return origin{}, expected
	case stamp.None:
		return origin{}, expected
	}
	s.counts.Stamped++
	if s.Witness != nil {
		s.Witness(mark.Publisher, time.Unix(0, mark.Sent))
	}
	if s.from.publisher != mark.Publisher {
		s.switched = now
	}
	if !p.Resent && (!s.video || now.Sub(s.switched) >= catchUp) {
		s.time(now.Sub(time.Unix(0, mark.Sent)))
	}
	v, misrouted := s.route.judge(mark.Publisher, now)
	s.counts.Misrouted += misrouted
	if v == tooLate {
		s.counts.Late++
	}
	return origin{mark.Publisher, mark.Source, mark.Layer}, v
}

// catchUp is how long a video may be behind after a switch.
const catchUp = time.Second

// time records a one-way latency. What is outside the histogram's range is of a
// clock that was set.
func (s *Stream) time(latency time.Duration) {
	if s.Latency == nil || latency < 0 || latency > maxLatency {
		return
	}
	_ = s.Latency.RecordValue(max(1, latency.Microseconds())) // fails outside its range only
}

// Missing appends to dst the sequence numbers to ask for again at now: each at
// once, then every retry, at most three times.
func (s *Stream) Missing(dst []uint16, now time.Time, retry time.Duration) []uint16 {
	before := len(dst)
	dst = s.numbers.ask(dst, now, retry)
	s.counts.NACKs += uint64(len(dst) - before)
	return dst
}

// Expire decides what has waited long enough, and says how many packets are
// lost by that. Call it now and then.
func (s *Stream) Expire(now time.Time) (lost int) {
	lost = s.numbers.expire(now)
	s.counts.Misrouted += s.route.settle(now)
	return lost
}

// NeedsKeyFrame says that the stream, or what it switched to, didn't open with a
// key frame, and that none has come since.
func (s *Stream) NeedsKeyFrame() bool { return s.picture.wantsKey }

// AskedForKeyFrame counts a PLI that the owner sends.
func (s *Stream) AskedForKeyFrame() { s.counts.PLIs++ }

// Counts is what the stream has shown so far.
func (s *Stream) Counts() Counts {
	c := s.counts
	c.Lost = s.numbers.lost
	return c
}

// First is when the first packet and the first key frame (for audio: the first
// packet) came; zero: none yet.
func (s *Stream) First() (packet, frame time.Time) {
	if !s.video {
		return s.start, s.start
	}
	return s.start, s.key
}

// Report is what a receiver report says of a stream (RFC 3550 section 6.4.1).
type Report struct {
	Highest  uint32 // extended highest sequence number
	Expected int64  // packets, since the beginning
	Received int64  // packets, since the beginning, no duplicates
	Jitter   uint32 // in units of the clock
}

// Report is false while nothing has come.
func (s *Stream) Report() (Report, bool) {
	if !s.numbers.started {
		return Report{}, false
	}
	return Report{
		Highest:  uint32(s.numbers.highest),
		Expected: s.numbers.highest - s.numbers.base + 1,
		Received: int64(s.numbers.arrived),
		Jitter:   uint32(s.jitter.value),
	}, true
}

// jitter is the interarrival jitter of RFC 3550 appendix A.8.
type jitter struct {
	transit int64
	started bool
	value   float64
}

func (j *jitter) add(timestamp uint32, since time.Duration, clock int64) {
	arrival := int64(since/time.Microsecond) * clock / 1_000_000
	// Only differences matter, so that 32 bits of either are enough.
	transit := int64(int32(uint32(arrival) - timestamp))
	if j.started {
		d := int64(int32(uint32(transit - j.transit)))
		j.value += (float64(max(d, -d)) - j.value) / 16
	}
	j.transit, j.started = transit, true
}
