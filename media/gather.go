package media

import (
	"time"

	"github.com/atriumrtc/atrium/media/internal/codec"
	"github.com/atriumrtc/atrium/media/internal/udp"
)

// packet is a received packet on its way to the slots. What it refers to is
// valid only until it has been handed over.
type packet struct {
	rtp     codec.RTP
	vp8     codec.VP8 // video only
	raw     []byte
	payload []byte
	epoch   uint64        // of the room that the publisher was in when it came
	at      time.Duration // since the engine started
	next    int32         // of its layer, or none
	fate    fate
	late    bool // it came after newer ones
	loss    loss // before it
}

// fate is what becomes of a packet.
type fate uint8

const (
	fateForward  fate = iota
	fateSkip          // carries nothing: its number is closed up
	fateLeaveOut      // can't be decoded: its number and its frame's are closed up
	fateDrop          // the publisher has gone or was muted since it came
)

const none = -1

// expectFor is how many slots a layer must have for the rest of a frame to be
// waited for: with fewer, sending it in two costs no more than the wait.
const expectFor = 8

// gather holds what was read together until all of it is there, and then hands
// it over layer by layer and slot by slot: a slot's state, keys and address
// come into the processor's caches once for a frame, not once for each of its
// packets, and the frame lies in one piece for the GSO send. It belongs to one
// batch, and is used by whoever has that between Begin and End.
type gather struct {
	packets []packet
	streams []gathered
}

// gathered is what came of one layer.
type gathered struct {
	layer       *layer
	first, last int32
}

// gatherOf returns the gather of a batch.
func gatherOf(out *udp.Batch) *gather {
	if g, ok := out.Deferred.(*gather); ok {
		return g
	}
	g := &gather{}
	out.Deferred = g
	return g
}

// begin makes room for a packet of l; it counts once it is kept. What it
// returns is valid until the next begin.
func (g *gather) begin() *packet {
	g.packets = append(g.packets, packet{next: none})
	return &g.packets[len(g.packets)-1]
}

// giveUp takes back what begin made.
func (g *gather) giveUp() { g.packets = g.packets[:len(g.packets)-1] }

// keep files the packet that begin made under l.
func (g *gather) keep(l *layer) {
	i := int32(len(g.packets) - 1)
	// Newest first: the packets of a frame come one after the other.
	for n := len(g.streams) - 1; n >= 0; n-- {
		if s := &g.streams[n]; s.layer == l {
			g.packets[s.last].next = i
			s.last = i
			return
		}
	}
	g.streams = append(g.streams, gathered{l, i, i})
}

// Expects says that the rest of a frame is on its way to many slots.
func (g *gather) Expects() bool {
	for i := range g.streams {
		s := &g.streams[i]
		if s.layer.source.kind.Video() && !g.packets[s.last].rtp.Marker && s.layer.wide() {
			return true
		}
	}
	return false
}

// Run hands everything over.
func (g *gather) Run(out *udp.Batch) {
	for i := range g.streams {
		g.handOver(g.streams[i], out)
	}
	g.reset()
}

// reset forgets all: nothing is to be kept alive by it.
func (g *gather) reset() {
	clear(g.streams)
	clear(g.packets)
	g.streams, g.packets = g.streams[:0], g.packets[:0]
}

// handOver takes what came of a layer to its slots. A panic ends its publisher,
// not the others (SE-10).
func (g *gather) handOver(s gathered, out *udp.Batch) {
	defer s.layer.source.owner.guard()
	s.layer.mu.Lock()
	defer s.layer.mu.Unlock()
	s.layer.handOverLocked(g.packets, s.first, out)
}

// flight is what slots need for sending, and counts what they sent.
type flight struct {
	out            *udp.Batch // nil sends at once
	counters       *counters
	packets, bytes uint64
}

// land adds up what was sent.
func (f *flight) land() {
	if f.packets > 0 {
		f.counters.packetsOut.Add(f.packets)
		f.counters.bytesOut.Add(f.bytes)
	}
}
