//go:build long

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
	layers []clipLayer // lowest first
	next   int
	at     time.Duration
}

type clipLayer struct {
	rid    string
	frames [][]byte
}

// clipFrames and clipRate are the length of the loop.
const (
	clipFrames = 150
	clipRate   = 30
)

// newClip lets a page encode a clip.
func newClip(t *testing.T, page *person) *clip {
	t.Helper()
	c := &clip{}
	for _, l := range []struct {
		rid                    string
		width, height, bitrate int
	}{{"q", 320, 180, 150_000}, {"h", 640, 360, 600_000}} {
		frames := webtest.Value[[][]byte](t, page.ctx, fmt.Sprintf(encodeClip, l.width, l.height, l.bitrate, clipFrames, clipRate))
		if len(frames) != clipFrames {
			t.Fatalf("the page encoded %d frames of %d", len(frames), clipFrames)
		}
		c.layers = append(c.layers, clipLayer{l.rid, frames})
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
	if req.Key || c.next == clipFrames {
		c.next = 0
	}
	p.At, p.Next, p.Frames = c.at, c.at+time.Second/clipRate, p.Frames[:0]
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
