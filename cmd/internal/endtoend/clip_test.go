package endtoend

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control/web/webtest"
	"github.com/atriumrtc/atrium/signal/client/source"
)

// clip is a source of pictures that browsers can decode: a few seconds that
// Chromium has encoded, in a loop that begins with a key frame, and begins
// anew where a key frame is asked for.
type clip struct {
	shape  clipShape
	layers []clipLayer // lowest first
	next   int
	at     time.Duration
}

// clipShape is how long the loop is and which encodings there are of it, lowest
// first.
type clipShape struct {
	frames, rate int
	encodings    []clipEncoding
}

type clipEncoding struct {
	rid                    string
	width, height, bitrate int
}

type clipLayer struct {
	rid    string
	frames [][]byte
}

// newClip lets a page encode a clip.
func newClip(t *testing.T, page *person, shape clipShape) *clip {
	t.Helper()
	c := &clip{shape: shape}
	for _, e := range shape.encodings {
		frames := webtest.Value[[][]byte](t, page.ctx, fmt.Sprintf(encodeClip, e.width, e.height, e.bitrate, shape.frames, shape.rate))
		if len(frames) != shape.frames {
			t.Fatalf("the page encoded %d frames of %d", len(frames), shape.frames)
		}
		c.layers = append(c.layers, clipLayer{e.rid, frames})
	}
	return c
}

// RIDs implements source.Video.
func (c *clip) RIDs() []string {
	var rids []string
	for _, l := range c.layers {
		rids = append(rids, l.rid)
	}
	return rids
}

// Capture implements source.Video.
func (c *clip) Capture(p *source.Picture, req source.Request) error {
	if req.Key || c.next == c.shape.frames {
		c.next = 0
	}
	p.At, p.Next, p.Frames = c.at, c.at+time.Second/time.Duration(c.shape.rate), p.Frames[:0]
	for _, l := range c.layers {
		p.Frames = append(p.Frames, source.Frame{RID: l.rid, Data: slices.Clone(l.frames[c.next]), Key: c.next == 0})
	}
	c.next++
	c.at = p.Next
	return nil
}

// encodeClip encodes something that moves, as base64.
const encodeClip = `(async (width, height, bitrate, count, rate) => {
	const canvas = new OffscreenCanvas(width, height);
	const g = canvas.getContext('2d');
	const frames = [];
	const encoder = new VideoEncoder({
		output: (chunk) => {
			const b = new Uint8Array(chunk.byteLength);
			chunk.copyTo(b);
			frames.push(btoa(String.fromCharCode(...b)));
		},
		error: (e) => { throw e; },
	});
	encoder.configure({ codec: 'vp8', width, height, bitrate, framerate: rate, latencyMode: 'quality' });
	for (let i = 0; i < count; i++) {
		g.fillStyle = 'hsl(' + i * 360 / count + ' 50%% 40%%)';
		g.fillRect(0, 0, width, height);
		g.fillStyle = 'white';
		for (let n = 0; n < 20; n++) g.fillRect((i * (n + 1) * 7) %% width, (n * 37 + i * 3) %% height, 12, 12);
		const frame = new VideoFrame(canvas, { timestamp: i * 1e6 / rate });
		encoder.encode(frame, { keyFrame: i === 0 });
		frame.close();
		while (encoder.encodeQueueSize > 4) await new Promise((r) => setTimeout(r, 5));
	}
	await encoder.flush();
	encoder.close();
	return frames;
})(%d, %d, %d, %d, %d)`
