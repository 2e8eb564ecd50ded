package source

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/atriumrtc/atrium/signal/client/internal/vp8"
)

// ErrRID says that a generator was asked for an encoding that it doesn't know.
var ErrRID = errors.New("source: unknown rid")

// TraceConfig says what a TraceVideo makes.
type TraceConfig struct {
	// RIDs of the encodings, out of q (320×180), h (640×360) and f (1280×720);
	// nil is all three, {"f"} a camera without simulcast, {"q", "f"} a screen.
	RIDs []string
	// Seed chooses where in the trace to begin, so that many sources don't
	// send their large frames at the same time.
	Seed uint64
}

// keyInterval is the least time between two key frames. libwebrtc ignores a
// request that comes earlier.
const keyInterval = 300 * time.Millisecond

// TraceVideo is a Video that replays the embedded trace in a loop of about
// 15 s. Every picture has the recorded size, temporal layer and distance from
// the one before; key frames come first of all and on request, not sooner than
// 300 ms after the last.
type TraceVideo struct {
	trace  *trace
	layers []traceLayer

	at      time.Duration
	next    int // instant that comes next
	sent    bool
	lastKey time.Duration
	sinceT0 int // pictures since the last of temporal layer 0
	wantKey [len(layers)]bool
}

type traceLayer struct {
	index int
	buf   []byte
}

// NewTraceVideo makes a source. Errors: ErrRID, ErrTrace.
func NewTraceVideo(cfg TraceConfig) (*TraceVideo, error) {
	tr, err := recorded()
	if err != nil {
		return nil, err
	}
	rids := cfg.RIDs
	if rids == nil {
		rids = []string{"q", "h", "f"}
	}
	v := &TraceVideo{trace: tr}
	random := rand.New(rand.NewPCG(cfg.Seed, cfg.Seed))
	for _, rid := range rids {
		index := layerOf(rid)
		if index < 0 || slices.ContainsFunc(v.layers, func(l traceLayer) bool { return l.index >= index }) {
			return nil, fmt.Errorf("%w or wrong order: %q, give some of q, h, f in this order", ErrRID, rid)
		}
		buf := make([]byte, tr.largest[index])
		fill(buf, random)
		v.layers = append(v.layers, traceLayer{index: index, buf: buf})
		v.wantKey[index] = true
	}
	v.next = random.IntN(len(tr.instants))
	return v, nil
}

// fill writes bytes that compress as little as video does.
func fill(b []byte, random *rand.Rand) {
	for i := range b {
		b[i] = byte(random.Uint32())
	}
}

// RIDs implements Video.
func (v *TraceVideo) RIDs() []string {
	rids := make([]string, len(v.layers))
	for i, l := range v.layers {
		rids[i] = layers[l.index].rid
	}
	return rids
}

// Capture implements Video.
func (v *TraceVideo) Capture(p *Picture, req Request) error {
	// As libvpx does it for simulcast, a key frame is one in every encoding.
	key := !v.sent || (req.Key && v.at-v.lastKey >= keyInterval)
	if key {
		v.skipToBase()
		v.sent, v.lastKey = true, v.at
	}
	in := &v.trace.instants[v.next]
	if in.tid == 0 {
		v.sinceT0 = 0
	} else {
		v.sinceT0++
	}
	p.At, p.Next, p.Frames = v.at, v.at+in.wait, p.Frames[:0]
	for _, l := range v.layers {
		if req.Active != nil && !req.Active(layers[l.index].rid) {
			// What isn't encoded can't be referred to when it comes back.
			v.wantKey[l.index] = true
			continue
		}
		if f, ok := v.frame(l, in, key); ok {
			p.Frames = append(p.Frames, f)
		}
	}
	v.at = p.Next
	v.next = (v.next + 1) % len(v.trace.instants)
	return nil
}

// skipToBase moves on to a picture of temporal layer 0: a key frame restarts
// the pattern of temporal layers.
func (v *TraceVideo) skipToBase() {
	for v.trace.instants[v.next].tid != 0 {
		v.next = (v.next + 1) % len(v.trace.instants)
	}
}

func (v *TraceVideo) frame(l traceLayer, in *instant, key bool) (Frame, bool) {
	shape := layers[l.index]
	// An encoding that was paused starts with a key frame, which waits for a
	// picture of temporal layer 0.
	if v.wantKey[l.index] && in.tid != 0 {
		return Frame{}, false
	}
	f := Frame{RID: shape.rid, TID: in.tid, Filler: true}
	if key || v.wantKey[l.index] {
		v.wantKey[l.index] = false
		f.Key = true
		f.Data = l.buf[:v.trace.key[l.index]]
		vp8.PutKeyHeader(f.Data, shape.width, shape.height)
		return f, true
	}
	size := int(in.size[l.index])
	if size == 0 {
		return Frame{}, false
	}
	f.Data = l.buf[:size]
	vp8.PutDeltaHeader(f.Data)
	// L1T3 is the pattern 0 2 1 2: the two pictures after one of layer 0
	// depend on it alone, and nothing depends on layer 2.
	f.NonRef = in.tid == 2
	f.Sync = in.tid != 0 && v.sinceT0 <= 2
	return f, true
}
