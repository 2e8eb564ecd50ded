package web_test

import (
	"testing"

	"github.com/atriumrtc/atrium/control/web/webtest"
)

// presenter stands in for a browser's calls about frames: present says that p0's
// tile presents one, and carry has the map say something of p0's camera. changes
// counts how often the tile was covered and uncovered.
const presenter = `(() => {
	let n = 0;
	const waiting = new Map(), video = HTMLVideoElement.prototype;
	video.requestVideoFrameCallback = function (tell) {
		waiting.set(++n, [this, tell]);
		return n;
	};
	video.cancelVideoFrameCallback = (id) => waiting.delete(id);
	const tile = () => document.querySelector('[data-testid=tile][data-participant=p0]');
	window.present = (rtpTimestamp, later = 0) => {
		for (const [id, [of, tell]] of [...waiting]) {
			if (of !== tile().querySelector('video')) continue;
			waiting.delete(id);
			tell(performance.now() + later, { rtpTimestamp });
		}
	};
	window.changes = 0;
	let seen;
	window.carry = async (change) => {
		if (!seen) (seen = new MutationObserver((list) => changes += list.length)).observe(tile(), { attributeFilter: ['data-video'] });
		const { room } = atrium;
		room.tracks.set('p0/camera', { ...room.tracks.get('p0/camera'), state: 'live', ...change });
		room.emit('map', room.tracks);
		for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
	};
	window.shown = () => tile().dataset.video;
})()`

// A tile shows initials until its video presents a frame of whom the tile names,
// whatever the browser tells of frames; what stays the same person's isn't covered.
func TestPicturesAreOfWhomTheyName(t *testing.T) {
	ctx := webtest.Browser(t)
	base := fakeServer(t).URL
	webtest.Run(t, ctx, onNewDocument(presenter), enterCall(base, "people=2"), webtest.Eventually(`shown() === 'live'`))
	for _, row := range []struct{ name, do, want string }{
		{"a server that doesn't say", `await carry({})`, "live"},
		{"frames of before", `await carry({ rtpFrom: 100 }); present(2 ** 32 - 5); present(99)`, "none"},
		{"the first of theirs", `present(100)`, "live"},
		{"the same again", `changes = 0; await carry({ rtpFrom: 100 }); if (changes) throw new Error('covered')`, "live"},
		{"muted", `await carry({ rtpFrom: 100, state: 'paused', reason: 'muted' })`, "none"},
		{"unmuted: the first frame that there is", `await carry({ rtpFrom: 100 }); present(99)`, "live"},
		{"another source on the slot, before the wrap", `await carry({ rtpFrom: 0 }); present(2 ** 32 - 1)`, "none"},
		{"later than the first of theirs", `present(3000)`, "live"},
		{"frames without a timestamp", `await carry({ rtpFrom: 1 }); present(undefined)`, "live"},
		{"nothing of before comes so late", `await carry({ rtpFrom: 2 ** 31 }); present(5, 9000)`, "none"},
		{"so it is theirs", `present(6, 11000)`, "live"},
	} {
		if got := webtest.Value[string](t, ctx, `(async () => { `+row.do+`; return shown(); })()`); got != row.want {
			t.Errorf("%s: %s; want %s", row.name, got, row.want)
		}
	}
	webtest.Run(t, ctx, webtest.Eval(`carry({ rtpFrom: 7 })`), webtest.Eventually(`shown() === 'live'`)) // no frame is told of
	webtest.Run(t, ctx, webtest.Eval(`delete HTMLVideoElement.prototype.requestVideoFrameCallback; carry({ rtpFrom: 8 })`),
		webtest.Eventually(`shown() === 'live'`))
}
