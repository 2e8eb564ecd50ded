package check

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Counts is what a stream has shown so far.
type Counts struct {
	// Packets and Bytes count each media packet once, resent ones too, without
	// padding packets. Bytes are of payloads.
	Packets, Bytes uint64
	// Frames and KeyFrames count first packets of VP8 frames.
	Frames, KeyFrames uint64

	// Lost never came, not even resent. Recovered came as RTX, Reordered after
	// a later one. Duplicates came before, or so late that it can't be told.
	// Jumps are leaps of the sequence number by more than loss explains (SE-11).
	Lost, Recovered, Reordered, Duplicates, Jumps uint64
	// Padding counts packets without payload, RTX those on the RTX stream.
	Padding, RTX uint64
	// NACKs counts packets asked for again, PLIs key frames asked for.
	NACKs, PLIs uint64
	// Malformed packets were too short for their codec.
	Malformed uint64

	// Stamped packets had an intact stamp, Damaged ones a wrong checksum.
	Stamped, Damaged uint64
	// Misrouted packets are of somebody who wasn't to be received here. Early
	// and Late ones are of the next and the previous publisher, within Grace
	// of the message that said so: media and messages travel apart.
	Misrouted, Early, Late uint64

	// Timestamps went backwards, or changed within a frame.
	Timestamps uint64
	// PictureGaps and TL0Gaps are breaks of VP8's numbering that no loss
	// explains.
	PictureGaps, TL0Gaps uint64
	// NoKeyFrame counts switches that didn't open with a key frame, though
	// nothing was lost. Of a stream's first packet sender reports tell
	// ([Stream.Sent]): without them it isn't judged.
	NoKeyFrame uint64
}

// Add adds what o counted to c.
func (c *Counts) Add(o Counts) {
	c.each(&o, func(mine, others *uint64) { *mine += *others })
}

// Sub takes what o counted off c: the window since the snapshot o. Lost can go
// down meanwhile, when what was given up comes after all; it stops at zero.
func (c *Counts) Sub(o Counts) {
	c.each(&o, func(mine, others *uint64) { *mine -= min(*mine, *others) })
}

func (c *Counts) each(o *Counts, do func(mine, others *uint64)) {
	mine, others := c.fields(), o.fields()
	for i := range mine {
		do(mine[i], others[i])
	}
}

func (c *Counts) fields() [23]*uint64 {
	return [...]*uint64{
		&c.Packets, &c.Bytes, &c.Frames, &c.KeyFrames,
		&c.Lost, &c.Recovered, &c.Reordered, &c.Duplicates, &c.Jumps,
		&c.Padding, &c.RTX, &c.NACKs, &c.PLIs, &c.Malformed,
		&c.Stamped, &c.Damaged, &c.Misrouted, &c.Early, &c.Late,
		&c.Timestamps, &c.PictureGaps, &c.TL0Gaps, &c.NoKeyFrame,
	}
}

// maxLatency is the largest latency that is recorded.
const maxLatency = time.Minute

// NewLatency makes a histogram for one-way latencies in µs, from 1 µs to a
// minute with two significant digits.
func NewLatency() *hdrhistogram.Histogram { return hdrhistogram.New(1, maxLatency.Microseconds(), 2) }
