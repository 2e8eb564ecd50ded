package client

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/atriumrtc/atrium/signal/client/check"
)

// Stats is what has been sent and received since Connect or ResetStats.
type Stats struct {
	Times Times
	// Audio and Video are sums over the slots.
	Audio, Video check.Counts
	Slots        []SlotStats
	Sent         []SentStats
	// Unknown counts packets of SSRCs that the answer didn't name.
	Unknown uint64
	// Silence is the longest time between two packets of sound, of whomever.
	Silence time.Duration
	// SDPAfterFirst is what Client.SDPAfterFirst says.
	SDPAfterFirst int
}

// Times says when something first happened, since Connect was called; 0: not
// yet.
type Times struct {
	WebSocket  time.Duration // open
	Welcome    time.Duration
	Answer     time.Duration
	Connected  time.Duration // DTLS is up
	FirstAudio time.Duration // first packet of sound
	FirstVideo time.Duration // first packet of a key frame
}

// SlotStats is a receive m-line.
type SlotStats struct {
	Mid   string
	Video bool
	// Participant and Source are what the map says now.
	Participant, Source string
	Counts              check.Counts
	// FirstPacket and FirstFrame (key frame; for audio the first packet) came
	// that long after Connect was called; 0: not yet.
	FirstPacket, FirstFrame time.Duration
}

// SentStats is an encoding that is sent.
type SentStats struct {
	Source, RID string
	Packets     uint64
	Bytes       uint64 // of payloads
	Frames      uint64
	KeyFrames   uint64
	PLIs        uint64 // key frames asked for by the server
	NACKs       uint64 // packets asked for by the server
	RTX         uint64 // packets sent again
	// Late counts pictures (packets, of sound) that were sent more than an
	// interval late: the machine can't keep up. It is the same for all
	// encodings of a source.
	Late uint64
}

func (s SentStats) since(before SentStats) SentStats {
	s.Packets -= before.Packets
	s.Bytes -= before.Bytes
	s.Frames -= before.Frames
	s.KeyFrames -= before.KeyFrames
	s.PLIs -= before.PLIs
	s.NACKs -= before.NACKs
	s.RTX -= before.RTX
	s.Late -= before.Late
	return s
}

// Stats is a snapshot.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	st := Stats{Times: c.times, SDPAfterFirst: c.sdp}
	p := c.peer
	c.mu.Unlock()
	c.receiver.stats(&st, c.began)
	if p == nil {
		return st
	}
	for _, s := range p.senders {
		for _, e := range s.encodings {
			st.Sent = append(st.Sent, e.stats())
		}
	}
	return st
}

func (r *receiver) stats(st *Stats, began time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	st.Unknown, st.Silence = r.unknown, r.silence
	for _, s := range r.slots {
		slot := SlotStats{
			Mid: s.mid, Video: s.video, Participant: s.now.Participant, Source: s.now.Source,
			Counts: s.stream.Counts(),
		}
		slot.Counts.Sub(s.before)
		packet, frame := s.stream.First()
		slot.FirstPacket, slot.FirstFrame = after(began, packet), after(began, frame)
		if s.video {
			st.Video.Add(slot.Counts)
			earliest(&st.Times.FirstVideo, slot.FirstFrame)
		} else {
			st.Audio.Add(slot.Counts)
			earliest(&st.Times.FirstAudio, slot.FirstFrame)
		}
		st.Slots = append(st.Slots, slot)
	}
}

func after(began, at time.Time) time.Duration {
	if at.IsZero() {
		return 0
	}
	return at.Sub(began)
}

func earliest(d *time.Duration, candidate time.Duration) {
	if candidate != 0 && (*d == 0 || candidate < *d) {
		*d = candidate
	}
}

func (e *encoding) stats() SentStats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.totalLocked().since(e.before)
}

func (e *encoding) totalLocked() SentStats {
	s := e.counts
	s.Late = e.of.late.Load()
	return s
}

// AddLatency adds the one-way latencies in µs of the stamped packets received
// to two histograms of check.NewLatency. They are true on one host only.
func (c *Client) AddLatency(audio, video *hdrhistogram.Histogram) {
	r := c.receiver
	r.mu.Lock()
	defer r.mu.Unlock()
	audio.Merge(r.audio)
	video.Merge(r.video)
}

// ResetStats begins a new window: counts and latencies start at zero. Times
// and first packets stay, and so does what sequence numbers are judged by.
func (c *Client) ResetStats() {
	c.receiver.reset()
	p := c.peerNow()
	if p == nil {
		return
	}
	for _, s := range p.senders {
		for _, e := range s.encodings {
			e.mu.Lock()
			e.before = e.totalLocked()
			e.mu.Unlock()
		}
	}
}

func (r *receiver) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.slots {
		s.before = s.stream.Counts()
	}
	r.audio.Reset()
	r.video.Reset()
	r.unknown, r.silence = 0, 0
}
