package client

import (
	"io"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtp"
	"github.com/pion/transport/v4/packetio"

	"github.com/atriumrtc/atrium/signal/client/check"
	"github.com/atriumrtc/atrium/signal/client/source"
	"github.com/atriumrtc/atrium/signal/client/stamp"
	"github.com/atriumrtc/atrium/signal/message"
)

// receiver judges what comes in. Its packets come from the goroutine on which
// pion decrypts them (see sink); there is one of these for a transport, so the
// lock is hardly ever contended.
type receiver struct {
	opened func(Receiving) // called without the lock
	onRTCP func(ssrc uint32, packet []byte)
	wake   chan struct{} // something is to be asked for again

	mu       sync.Mutex
	slots    []*slot
	lanes    map[uint32]lane
	assigned []message.Slot
	twcc     *twcc.Recorder
	twccID   uint8
	header   rtp.Header // reused
	unknown  uint64     // packets of SSRCs that the answer didn't name
	audio    *hdrhistogram.Histogram
	video    *hdrhistogram.Histogram
	heard    time.Time     // when the last packet of sound came
	silence  time.Duration // see Stats
	sounds   sounds
	witness  func(publisher uint64, sent time.Time)
	light    bool
	all      bool     // nothing is left out for now, though light
	arrivals arrivals // of packets on their way through pion, when light
}

// slot is a receive m-line.
type slot struct {
	mid      string
	video    bool
	stream   *check.Stream
	ssrc     uint32
	now      message.Slot // what the map says
	since    time.Time
	before   check.Counts // at the last ResetStats
	reported check.Report // at the last receiver report
	keyAsked time.Time
	lastSR   uint32 // middle 32 bits of the last sender report's time
	lastSRAt time.Time
}

// lane is where the packets of an SSRC go.
type lane struct {
	slot *slot
	rtx  bool
}

func newReceiver(opened func(Receiving), light bool) *receiver {
	return &receiver{
		light:  light,
		opened: opened,
		onRTCP: func(uint32, []byte) {},
		wake:   make(chan struct{}, 1),
		lanes:  map[uint32]lane{},
		audio:  check.NewLatency(),
		video:  check.NewLatency(),
	}
}

// line is a receive m-line of an offer or answer.
type line struct {
	mid       string
	video     bool
	ssrc, rtx uint32
	twccID    uint8 // id of the transport-wide sequence number; 0: none
}

// lines names the slots and, once the answer is there, their SSRCs.
func (r *receiver) lines(lines []line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, l := range lines {
		if i == len(r.slots) {
			s := &slot{mid: l.mid, video: l.video}
			s.stream = check.NewStream(l.video, clockOf(l.video))
			s.stream.Latency, s.stream.Witness = r.audio, r.witness
			if l.video {
				s.stream.Latency = r.video
			}
			r.slots = append(r.slots, s)
		}
		s := r.slots[i]
		if l.ssrc != 0 {
			s.ssrc = l.ssrc
			r.lanes[l.ssrc] = lane{slot: s}
		}
		if l.rtx != 0 {
			r.lanes[l.rtx] = lane{slot: s, rtx: true}
		}
		if l.twccID != 0 {
			r.twccID = l.twccID
		}
	}
	r.assignLocked(time.Now())
}

func clockOf(video bool) int {
	if video {
		return source.VideoClock
	}
	return source.AudioClock
}

// expect takes a map in: what each slot is to carry from now on. It returns
// the slots whose new media had come before the map.
func (r *receiver) expect(slots []message.Slot, now time.Time) []message.Slot {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.assigned = slots
	return r.assignLocked(now)
}

func (r *receiver) assignLocked(now time.Time) (open []message.Slot) {
	byMid := make(map[string]message.Slot, len(r.assigned))
	for _, s := range r.assigned {
		byMid[s.Mid] = s
	}
	for _, s := range r.slots {
		to := byMid[s.mid]
		if to.Participant != s.now.Participant || to.Source != s.now.Source {
			s.since = now
		}
		s.now = to
		var who uint64
		if to.Participant != "" {
			who = stamp.ID(to.Participant)
		}
		if s.stream.Expect(who, now) && who != 0 {
			open = append(open, to)
		}
	}
	return open
}

// rtp judges a decrypted packet.
func (r *receiver) rtp(ssrc uint32, packet []byte) {
	now := time.Now()
	r.mu.Lock()
	n, err := r.header.Unmarshal(packet)
	l, known := r.lanes[ssrc]
	if err != nil || !known {
		r.unknown++
		r.mu.Unlock()
		return
	}
	if r.light {
		now = r.arrivals.of(ssrc, r.header.SequenceNumber, now)
	}
	r.feedbackLocked(ssrc, now)
	payload := packet[n:]
	if r.header.Padding && len(payload) > 0 {
		payload = payload[:len(payload)-min(len(payload), int(payload[len(payload)-1]))]
	}
	p := check.Packet{
		Sequence: r.header.SequenceNumber, Timestamp: r.header.Timestamp, Marker: r.header.Marker, Payload: payload,
	}
	if l.rtx {
		if len(payload) < 2 {
			r.mu.Unlock()
			return // a probe: padding on the RTX stream
		}
		// RFC 4588 section 4: the number that it had comes first.
		p.Sequence = uint16(payload[0])<<8 | uint16(payload[1])
		p.Payload, p.Resent = payload[2:], true
	}
	var out check.Outcome
	if r.light && !p.Resent {
		out = l.slot.stream.Inspect(&p, now)
	} else {
		out = l.slot.stream.Receive(&p, now)
		r.hearLocked(l.slot, now)
	}
	opened := Receiving{
		Mid: l.slot.mid, Participant: l.slot.now.Participant, Source: l.slot.now.Source,
		At: now, After: now.Sub(l.slot.since),
	}
	r.mu.Unlock()
	if out.Gap {
		select {
		case r.wake <- struct{}{}:
		default: // it is awake already
		}
	}
	if out.Opened && opened.Participant != "" {
		r.opened(opened)
	}
}

// hearLocked notes that sound came, if it did.
func (r *receiver) hearLocked(s *slot, now time.Time) {
	if s.video {
		return
	}
	if !r.heard.IsZero() {
		r.silence = max(r.silence, now.Sub(r.heard))
	}
	r.heard = now
	r.sounds.heard(now)
}

// feedbackLocked notes the arrival for transport-wide feedback.
func (r *receiver) feedbackLocked(ssrc uint32, now time.Time) {
	if r.twcc == nil || r.twccID == 0 {
		return
	}
	if ext := r.header.GetExtension(r.twccID); len(ext) >= 2 {
		r.twcc.Record(ssrc, uint16(ext[0])<<8|uint16(ext[1]), now.UnixMicro())
	}
}

// sink takes the place of pion's packet buffer for one SSRC: what is decrypted
// is judged at once, and never read.
type sink struct {
	r      *receiver
	ssrc   uint32
	rtcp   bool
	closed chan struct{}
	once   sync.Once
}

// newSink is a SettingEngine's BufferFactory.
func (r *receiver) newSink(kind packetio.BufferPacketType, ssrc uint32) io.ReadWriteCloser {
	return &sink{r: r, ssrc: ssrc, rtcp: kind == packetio.RTCPBufferPacket, closed: make(chan struct{})}
}

// Write takes one packet.
func (s *sink) Write(packet []byte) (int, error) {
	if s.rtcp {
		s.r.onRTCP(s.ssrc, packet)
	} else {
		s.r.rtp(s.ssrc, packet)
	}
	return len(packet), nil
}

// Read waits until the sink is closed: some goroutines of pion insist on it.
func (s *sink) Read([]byte) (int, error) {
	<-s.closed
	return 0, io.EOF
}

// Close ends Read.
func (s *sink) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}
