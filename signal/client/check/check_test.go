package check

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atriumrtc/atrium/signal/client/internal/vp8"
	"github.com/atriumrtc/atrium/signal/client/stamp"
)

// epoch is when the tests' time begins.
var epoch = time.Unix(1_700_000_000, 0)

func at(ms int) time.Time { return epoch.Add(time.Duration(ms) * time.Millisecond) }

// maker makes a stream of VP8 packets.
type maker struct {
	number    uint16
	timestamp uint32
	d         vp8.Descriptor
	who       string
	layer     uint8
	sent      time.Time
}

func newMaker(who string) *maker {
	return &maker{number: 65_500, timestamp: ^uint32(0) - 50_000, who: who, sent: epoch,
		d: vp8.Descriptor{PictureID: 0x7ff0, TL0: 250}}
}

// packet is one more packet of the frame, or the first of the next.
func (m *maker) packet(start, key bool, tid uint8) *Packet {
	m.number++
	if start {
		m.timestamp += 3000
		m.d.PictureID = (m.d.PictureID + 1) & 0x7fff
		if tid == 0 {
			m.d.TL0++
		}
	}
	m.d.Start, m.d.TID = start, tid
	frame := make([]byte, 100)
	vp8.PutDeltaHeader(frame)
	if key {
		vp8.PutKeyHeader(frame, 320, 180)
	}
	payload := append(m.d.Append(nil), frame...)
	if m.who != "" {
		stamp.Put(payload, stamp.Stamp{Publisher: stamp.ID(m.who), Layer: m.layer, Sent: m.sent.UnixNano()})
	}
	return &Packet{Sequence: m.number, Timestamp: m.timestamp, Payload: payload}
}

// A stream that goes as it should has nothing to count but its packets, across
// the wraps of all its numbers.
func TestHealthyStream(t *testing.T) {
	s := NewStream(true, 90_000)
	s.Latency = NewLatency()
	s.Expect(stamp.ID("a"), at(0))
	m := newMaker("a")
	for i := range 1000 {
		m.sent = at(i * 33)
		tid := []uint8{0, 2, 1, 2}[i%4]
		for part := range 3 {
			out := s.Receive(m.packet(part == 0, i == 0 && part == 0, tid), at(i*33+5))
			if !out.New || out.Gap || out.Opened != (i == 0 && part == 0) {
				t.Fatalf("frame %d: %+v", i, out)
			}
		}
	}
	want := Counts{Packets: 3000, Bytes: 3000 * 106, Frames: 1000, KeyFrames: 1, Stamped: 3000}
	if diff := cmp.Diff(want, s.Counts()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if p99 := s.Latency.ValueAtPercentile(99); p99 < 4900 || p99 > 5100 || s.Latency.TotalCount() != 3*(1000-31) { // not the first second
		t.Errorf("latency %d µs of %d packets", p99, s.Latency.TotalCount())
	}
	report, _ := s.Report()
	if report.Expected != 3000 || report.Received != 3000 || report.Highest != 65_500+3000 {
		t.Errorf("report %+v", report)
	}
	if packet, frame := s.First(); !packet.Equal(at(5)) || !frame.Equal(at(5)) {
		t.Errorf("first packet %v, first frame %v", packet, frame)
	}
}

// Each row breaks one thing, and exactly that is counted.
func TestFaults(t *testing.T) {
	fine := func(s *Stream, m *maker) {
		s.Receive(m.packet(true, true, 0), at(0))
		s.Receive(m.packet(true, false, 2), at(0))
	}
	rows := []struct {
		name string
		do   func(s *Stream, m *maker)
		want Counts // besides packets, bytes, frames, key frames, stamps
	}{
		{"picture id skips", func(s *Stream, m *maker) {
			m.d.PictureID++
			s.Receive(m.packet(true, false, 2), at(0))
		}, Counts{PictureGaps: 1}},
		{"picture id changes within a frame", func(s *Stream, m *maker) {
			m.d.PictureID++
			s.Receive(m.packet(false, false, 2), at(0))
		}, Counts{PictureGaps: 1}},
		{"picture id again after a frame of an upper layer that stays unfinished", func(s *Stream, m *maker) {
			m.d.PictureID--
			s.Receive(m.packet(true, false, 2), at(0))
		}, Counts{}},
		{"picture id again after a finished frame", func(s *Stream, m *maker) {
			last := m.packet(false, false, 2)
			last.Marker = true
			s.Receive(last, at(0))
			m.d.PictureID--
			s.Receive(m.packet(true, false, 2), at(0))
		}, Counts{PictureGaps: 1}},
		{"picture id again after an unfinished base frame", func(s *Stream, m *maker) {
			s.Receive(m.packet(true, false, 0), at(0))
			m.d.PictureID--
			s.Receive(m.packet(true, false, 2), at(0))
		}, Counts{PictureGaps: 1}},
		{"TL0 stays with a base frame", func(s *Stream, m *maker) {
			m.d.TL0--
			s.Receive(m.packet(true, false, 0), at(0))
		}, Counts{TL0Gaps: 1}},
		{"TL0 moves without a base frame", func(s *Stream, m *maker) {
			m.d.TL0++
			s.Receive(m.packet(true, false, 1), at(0))
		}, Counts{TL0Gaps: 1}},
		{"timestamp back", func(s *Stream, m *maker) {
			m.timestamp -= 9000
			s.Receive(m.packet(true, false, 2), at(0))
		}, Counts{Timestamps: 1}},
		{"timestamp stays", func(s *Stream, m *maker) {
			m.timestamp -= 3000
			s.Receive(m.packet(true, false, 2), at(0))
		}, Counts{Timestamps: 1}},
		{"timestamp changes within a frame", func(s *Stream, m *maker) {
			m.timestamp++
			s.Receive(m.packet(false, false, 2), at(0))
		}, Counts{Timestamps: 1}},
		{"another publisher without a key frame", func(s *Stream, m *maker) {
			m.who = "b"
			s.Expect(stamp.ID("b"), at(0))
			s.Receive(m.packet(true, false, 0), at(0))
		}, Counts{NoKeyFrame: 1}},
		{"another publisher with a key frame", func(s *Stream, m *maker) {
			m.who = "b"
			s.Expect(stamp.ID("b"), at(0))
			s.Receive(m.packet(true, true, 0), at(0))
		}, Counts{}},
		{"another layer without a key frame", func(s *Stream, m *maker) {
			m.layer = 2
			s.Receive(m.packet(true, false, 0), at(0))
		}, Counts{NoKeyFrame: 1}},
		{"damaged stamp", func(s *Stream, m *maker) {
			p := m.packet(true, false, 2)
			p.Payload[len(p.Payload)-1]++
			s.Receive(p, at(0))
		}, Counts{Damaged: 1}},
		{"truncated descriptor", func(s *Stream, m *maker) {
			m.number++
			s.Receive(&Packet{Sequence: m.number, Timestamp: m.timestamp, Payload: []byte{0x90}}, at(0))
		}, Counts{Malformed: 1}},
		{"padding", func(s *Stream, m *maker) {
			m.number++
			s.Receive(&Packet{Sequence: m.number, Timestamp: m.timestamp}, at(0))
			s.Receive(m.packet(true, false, 2), at(0))
		}, Counts{Padding: 1}},
		{"loss breaks nothing that it explains", func(s *Stream, m *maker) {
			m.packet(true, false, 0)
			m.packet(true, false, 2)
			s.Receive(m.packet(true, false, 1), at(0))
			s.Expire(at(999))
			s.Expire(at(1000))
		}, Counts{Lost: 2}},
		{"recovered in time", func(s *Stream, m *maker) {
			lost := m.packet(true, false, 0)
			s.Receive(m.packet(true, false, 2), at(0))
			lost.Resent = true
			s.Receive(lost, at(900))
			s.Expire(at(2000))
		}, Counts{Recovered: 1, RTX: 1}},
		{"came after it was given up", func(s *Stream, m *maker) {
			late := m.packet(true, false, 0)
			s.Receive(m.packet(true, false, 2), at(0))
			s.Expire(at(1000))
			s.Receive(late, at(1100))
		}, Counts{Reordered: 1}},
		{"duplicate", func(s *Stream, m *maker) {
			p := m.packet(true, false, 2)
			s.Receive(p, at(0))
			s.Receive(p, at(0))
		}, Counts{Duplicates: 1}},
		{"leap", func(s *Stream, m *maker) {
			m.number += 20_000
			s.Receive(m.packet(true, false, 2), at(0))
			s.Receive(m.packet(true, false, 1), at(0))
		}, Counts{Jumps: 1, Duplicates: 1}},
	}
	for _, row := range rows {
		s, m := NewStream(true, 90_000), newMaker("a")
		s.Expect(stamp.ID("a"), at(0))
		fine(s, m)
		row.do(s, m)
		got := s.Counts()
		got.Packets, got.Bytes, got.Frames, got.KeyFrames, got.Stamped = 0, 0, 0, 0, 0
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", row.name, diff)
		}
	}
}

// A stream that doesn't begin with a key frame is a flaw, unless sender reports
// say that packets were sent before: a burst that a socket had no room for is
// loss. One report that came too early or too late decides nothing.
func TestFirstPacketMustBeAKeyFrame(t *testing.T) {
	for name, row := range map[string]struct {
		key     bool
		reports []int // packets sent more than the stream has seen
		want    uint64
	}{
		"a key frame":              {true, []int{0, 0, 0}, 0},
		"no key frame":             {false, []int{0, 0, 0}, 1},
		"not decided yet":          {false, []int{0, 0}, 0},
		"lost before":              {false, []int{5, 5, 5}, 0},
		"a report that came early": {false, []int{7, 0, 0}, 1},
		"a report that came late":  {false, []int{-2, 1, 1}, 0},
		"decided once":             {false, []int{0, 0, 0, 0, 0, 0}, 1},
	} {
		s, m := NewStream(true, 90_000), newMaker("")
		s.Receive(m.packet(true, row.key, 0), at(0))
		if s.NeedsKeyFrame() == row.key {
			t.Errorf("%s: needs one: %v", name, s.NeedsKeyFrame())
		}
		for i, more := range row.reports {
			s.Receive(m.packet(true, false, 0), at(i))
			s.Sent(uint32(i + 2 + more))
		}
		if got := s.Counts().NoKeyFrame; got != row.want {
			t.Errorf("%s: counted %d, want %d", name, got, row.want)
		}
		s.Receive(m.packet(true, true, 0), at(9))
		if s.NeedsKeyFrame() {
			t.Errorf("%s: still needs a key frame after one", name)
		}
	}
}

func TestNACKs(t *testing.T) {
	s, m := NewStream(true, 90_000), newMaker("a")
	s.Receive(m.packet(true, true, 0), at(0))
	lost := m.packet(true, false, 2)
	if out := s.Receive(m.packet(true, false, 1), at(0)); !out.Gap {
		t.Error("no gap")
	}
	const retry = 100 * time.Millisecond
	var asked []int
	for ms := 0; ms < 1000; ms += 10 {
		for _, number := range s.Missing(nil, at(ms), retry) {
			if number != lost.Sequence {
				t.Errorf("asked for %d", number)
			}
			asked = append(asked, ms)
		}
	}
	if diff := cmp.Diff([]int{0, 100, 200}, asked); diff != "" {
		t.Errorf("asked at (-want +got)\n%s", diff)
	}
	if got := s.Counts().NACKs; got != 3 {
		t.Errorf("counted %d", got)
	}
}

func TestAudioTimestamps(t *testing.T) {
	s := NewStream(false, 48_000)
	timestamp := ^uint32(0) - 960
	for i := range 5 {
		s.Receive(&Packet{Sequence: uint16(i), Timestamp: timestamp, Payload: []byte{1}}, at(i*20))
		timestamp += 960
	}
	s.Receive(&Packet{Sequence: 5, Timestamp: timestamp - 2000, Payload: []byte{1}}, at(100))
	if got := s.Counts().Timestamps; got != 1 {
		t.Errorf("counted %d, want 1", got)
	}
}

// RFC 3550 appendix A.8: a packet every 20 ms has no jitter, one that is 10 ms
// off adds a sixteenth of it.
func TestJitter(t *testing.T) {
	var j jitter
	timestamp := ^uint32(0) - 1000 // wraps
	for i := range 10 {
		j.add(timestamp, time.Duration(i)*20*time.Millisecond, 48_000)
		timestamp += 960
	}
	if j.value != 0 {
		t.Errorf("even packets: %v", j.value)
	}
	j.add(timestamp, 210*time.Millisecond, 48_000)
	if j.value != 480.0/16 {
		t.Errorf("10 ms late: %v, want 30", j.value)
	}
}

func TestCountsAddAndSub(t *testing.T) {
	var all Counts
	if n := reflect.TypeFor[Counts]().NumField(); n != len(all.fields()) {
		t.Fatalf("%d fields, of which %d are added up", n, len(all.fields()))
	}
	for i, field := range all.fields() {
		*field = uint64(i + 1)
	}
	sum := all
	sum.Add(all)
	sum.Sub(all)
	if sum != all {
		t.Errorf("%+v", sum)
	}
	sum.Sub(all)
	if sum != (Counts{}) {
		t.Errorf("fields that aren't taken off: %+v", sum)
	}
}

// SE-10: no packet does more than count.
func FuzzReceive(f *testing.F) {
	f.Add(uint16(65535), uint32(1), newMaker("a").packet(true, true, 0).Payload, true)
	f.Fuzz(func(t *testing.T, number uint16, timestamp uint32, payload []byte, video bool) {
		s := NewStream(video, 90_000)
		s.Expect(1, at(0))
		for i := range 3 {
			s.Receive(&Packet{Sequence: number * uint16(i), Timestamp: timestamp * uint32(i), Payload: payload, Resent: i == 2}, at(i))
		}
		s.Missing(nil, at(5), time.Second)
		s.Expire(at(2000))
		if c := s.Counts(); c.Packets+c.Padding+c.Duplicates != 3 {
			t.Fatalf("3 packets were counted as %+v", c)
		}
	})
}
