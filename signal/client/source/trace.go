package source

import (
	"bytes"
	"compress/gzip"
	_ "embed" // for the trace
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/atriumrtc/atrium/signal/client/internal/vp8"
)

//go:embed chromium-vp8-simulcast.csv.gz
var traceFile []byte

// ErrTrace says that a trace can't be read.
var ErrTrace = errors.New("source: bad trace")

// layers of the trace, lowest first: the encodings of a camera.
var layers = [...]layerShape{
	{rid: "q", width: 320, height: 180},
	{rid: "h", width: 640, height: 360},
	{rid: "f", width: 1280, height: 720},
}

type layerShape struct {
	rid           string
	width, height int
}

func layerOf(rid string) int {
	return slices.IndexFunc(layers[:], func(l layerShape) bool { return l.rid == rid })
}

// trace is immutable once parsed, so that all sources share one.
type trace struct {
	instants []instant
	// key is the size of a key frame of each layer.
	key [len(layers)]int
	// largest frame of each layer.
	largest [len(layers)]int
}

// instant is one captured picture of the trace.
type instant struct {
	tid  uint8
	wait time.Duration      // until the next instant
	size [len(layers)]int32 // VP8 bytes without descriptors; 0: frame dropped
}

// keyFactor is how much larger a key frame is than the mean frame. Encoders
// make it 5 to 8 times.
const keyFactor = 6

// recorded parses the embedded trace once for all sources, which share the
// immutable result: hundreds of clients in a process each need it.
var recorded = sync.OnceValues(func() (*trace, error) {
	z, err := gzip.NewReader(bytes.NewReader(traceFile))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTrace, err)
	}
	return parseTrace(z)
})

// row is a packet of the trace.
type row struct {
	layer     int
	timestamp int
	bytes     int
	tid       int
}

// parseTrace reads a line for each packet, with the columns arrival_us, rid,
// rtp_timestamp, sequence, payload_bytes, marker, keyframe, temporal_id.
func parseTrace(r io.Reader) (*trace, error) {
	lines := csv.NewReader(r)
	lines.FieldsPerRecord = 8
	lines.ReuseRecord = true
	if _, err := lines.Read(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTrace, err)
	}
	pictures := map[int]*instant{}
	for {
		fields, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return newTrace(pictures)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrTrace, err)
		}
		p, err := parseRow(fields)
		if err != nil {
			return nil, err
		}
		if pictures[p.timestamp] == nil {
			pictures[p.timestamp] = &instant{tid: uint8(p.tid)}
		}
		pictures[p.timestamp].size[p.layer] += int32(p.bytes - vp8.DescriptorSize)
	}
}

func parseRow(fields []string) (row, error) {
	var numbers [3]int
	for i, column := range [...]int{2, 4, 7} {
		n, err := strconv.Atoi(fields[column])
		if err != nil {
			return row{}, fmt.Errorf("%w: %w", ErrTrace, err)
		}
		numbers[i] = n
	}
	p := row{layer: layerOf(fields[1]), timestamp: numbers[0], bytes: numbers[1], tid: numbers[2]}
	switch {
	case p.layer < 0:
		return row{}, fmt.Errorf("%w: unknown rid %q", ErrTrace, fields[1])
	case p.bytes <= vp8.DescriptorSize || p.bytes > vp8.MaxPayload:
		return row{}, fmt.Errorf("%w: a packet of %d bytes", ErrTrace, p.bytes)
	case p.tid < 0 || p.tid > 3:
		return row{}, fmt.Errorf("%w: temporal layer %d", ErrTrace, p.tid)
	}
	return p, nil
}

// newTrace orders the pictures and cuts the ends off, so that the last is
// followed by the first as the pattern of temporal layers wants it.
func newTrace(pictures map[int]*instant) (*trace, error) {
	times := make([]int, 0, len(pictures))
	for at := range pictures {
		times = append(times, at)
	}
	slices.Sort(times)
	base := func(at int) bool { return pictures[at].tid == 0 }
	first := slices.IndexFunc(times, base)
	last := len(times) - 1
	for last > 0 && !base(times[last]) {
		last--
	}
	if first < 0 || first >= last {
		return nil, fmt.Errorf("%w: less than two pictures of temporal layer 0", ErrTrace)
	}
	tr := &trace{}
	for i := first; i < last; i++ {
		in := *pictures[times[i]]
		in.wait = time.Duration(times[i+1]-times[i]) * time.Second / VideoClock
		tr.instants = append(tr.instants, in)
	}
	return tr, tr.measure()
}

// measure finds the sizes that buffers and key frames need.
func (tr *trace) measure() error {
	for layer := range layers {
		sum, frames := 0, 0
		for _, in := range tr.instants {
			if size := int(in.size[layer]); size > 0 {
				sum, frames = sum+size, frames+1
				tr.largest[layer] = max(tr.largest[layer], size)
			}
		}
		if frames == 0 {
			return fmt.Errorf("%w: no frame of rid %q", ErrTrace, layers[layer].rid)
		}
		tr.key[layer] = keyFactor * sum / frames
		tr.largest[layer] = max(tr.largest[layer], tr.key[layer])
	}
	return nil
}
