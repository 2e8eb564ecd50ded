package endtoend

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/atriumrtc/atrium/control/web/webtest"
)

// post calls the API with the server's key.
func (s *server) post(t *testing.T, path, body string, into any) {
	t.Helper()
	if err := s.try(t.Context(), path, body, into); err != nil {
		t.Fatal(err)
	}
}

// try is post outside of the test's goroutine.
func (s *server) try(ctx context.Context, path, body string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+s.APIKey)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("POST %s: %s", path, res.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(into)
}

// switches of the stage in a run of the test.
const switches = 20

// A slot that is switched between two publishers, again and again, never
// freezes the viewer's decoder: the stage of a large room shows now one, now
// the other. It may wait for the key frame, and no longer. What a publisher sees of
// the viewer at the same time, on a slot that isn't switched, tells a freeze of
// ours from one of a busy machine: then the run counts for nothing and is
// repeated.
func TestSlotSwitchInBrowser(t *testing.T) {
	s := startServer(t)
	var room struct{ Link string }
	s.post(t, "/rooms", `{"type":"plain","capacity":20}`, &room)
	browser := webtest.Browser(t)
	var people []*person
	for _, name := range []string{"Anna", "Ben", "Viewer"} {
		ctx := browser
		if len(people) > 0 {
			ctx = webtest.Tab(t, browser)
		}
		p := open(t, ctx, name, room.Link)
		p.join()
		people = append(people, p)
	}
	viewer, control := people[2], people[0]
	viewer.sees("Anna", "camera")
	viewer.sees("Ben", "camera")
	viewer.do(webtest.Eval(watchStage))
	// Publishers turn on the layer of the stage's size when it is first asked
	// for, and set up their encoders anew: that is not the switch's.
	switchStage(viewer, 2, people[0].id(), people[1].id())
	for try := 1; ; try++ {
		before := control.sum("video", "freezeCount")
		got := switchStage(viewer, switches, people[0].id(), people[1].id())
		busy := control.sum("video", "freezeCount") > before
		t.Logf("%d switches: %+v; the machine was too busy: %t", switches, got, busy)
		if got.Backwards != 0 {
			t.Errorf("timestamps went backwards %d times", got.Backwards)
		}
		if got.Slots != 1 {
			t.Errorf("the stage used %d slots; want one", got.Slots)
		}
		if got.KeyFrames < switches {
			t.Errorf("%d key frames decoded; want one for each of %d switches", got.KeyFrames, switches)
		}
		if got.Frozen > got.Waited {
			t.Errorf("frozen for %.3f s; the key frames were waited for %.3f s in all", got.Frozen, got.Waited)
		}
		if got.Stray == 0 || try == 3 && busy {
			return
		}
		if !busy {
			t.Fatalf("%d freezes that were no wait for a key frame", got.Stray)
		}
	}
}

// switchStage shows one and the other in turn, for half a second each.
func switchStage(viewer *person, switches int, ids ...string) stageReport {
	viewer.t.Helper()
	viewer.do(webtest.Eval(`stageBegin()`))
	for n := range switches {
		to := ids[n%len(ids)]
		viewer.do(webtest.Eval(fmt.Sprintf(`stageShows(%q)`, to)))
		viewer.eventually(fmt.Sprintf(`stageRuns(%q)`, to))
	}
	return webtest.Value[stageReport](viewer.t, viewer.ctx, `stageReport()`)
}

// stageReport is what the viewer's decoder of the stage went through.
type stageReport struct {
	Decoded, KeyFrames, Backwards, Slots int
	// Freezes that the decoder counted, Stray those that did not end a wait for
	// a key frame.
	Freezes, Stray int
	// Frozen is how long all freezes took, Waited how long all key frames took
	// from the layout on, in seconds; Longest is the longest such wait.
	Frozen, Waited, Longest float64
}

// watchStage takes the layout into the test's hands and watches the stage's
// receiver.
const watchStage = `(() => {
	const room = window.atrium.room;
	const setLayout = room.setLayout.bind(room);
	room.setLayout = () => {}; // the page's own layouts stay out of the way
	const grace = 500; // ms after the new picture in which its freeze is told
	const mids = new Set();
	let base, now, last, sum, wanted, asked = 0, live, shownAt;
	const stats = async (mid) => (await window.inbound('video')).find((s) => s.mid === mid);
	const waiting = () => shownAt === undefined || performance.now() < shownAt + grace;
	setInterval(() => {
		const transceiver = window.pcs.at(-1).getTransceivers().find((t) => mids.has(t.mid));
		const source = transceiver?.receiver.getSynchronizationSources()[0];
		if (!source || !sum) return;
		if (last !== undefined && ((source.rtpTimestamp - last) | 0) < 0) sum.backwards++;
		last = source.rtpTimestamp;
	}, 20);
	const watch = async () => {
		const slot = wanted && room.tracks.get(wanted + '/camera');
		const s = slot?.state === 'live' ? await stats(slot.mid) : undefined;
		if (!s) return;
		mids.add(slot.mid);
		base ??= s;
		live ??= s.framesDecoded;
		if (shownAt === undefined && s.framesDecoded > live) {
			shownAt = performance.now();
			sum.waited += (shownAt - asked) / 1000;
			sum.longest = Math.max(sum.longest, (shownAt - asked) / 1000);
		}
		if (now && s.freezeCount > now.freezeCount && !waiting()) sum.stray += s.freezeCount - now.freezeCount;
		now = s;
	};
	const loop = async () => { await watch(); setTimeout(loop, 20); };
	loop();
	window.stageBegin = () => { base = undefined; sum = { backwards: 0, waited: 0, longest: 0, stray: 0 }; };
	window.stageShows = (id) => {
		[asked, wanted, live, shownAt] = [performance.now(), id, undefined, undefined];
		setLayout([{ participant: id, source: 'camera', width: 640, height: 360, priority: 1 }]);
	};
	// Runs: the map says so, and half a second of it was decoded.
	window.stageRuns = (id) => wanted === id && live !== undefined && now.framesDecoded >= live + 15;
	window.stageReport = async () => {
		const s = await stats([...mids][0]);
		const since = (field) => s[field] - base[field];
		return { Freezes: since('freezeCount'), Frozen: since('totalFreezesDuration'), Decoded: since('framesDecoded'),
			KeyFrames: since('keyFramesDecoded') + 1, Slots: mids.size,
			Backwards: sum.backwards, Stray: sum.stray, Waited: sum.waited, Longest: sum.longest };
	};
})()`
