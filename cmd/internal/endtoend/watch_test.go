//go:build long

package endtoend

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control/web/webtest"
	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/client/check"
	"github.com/atriumrtc/atrium/signal/message"
)

// look is how often everybody is looked at.
const look = time.Second

// route is what one person gets of a source of another's.
type route struct{ viewer, publisher, source string }

func (r route) String() string {
	return fmt.Sprintf("%s of %s at %s", r.source, r.publisher, r.viewer)
}

func video(r route) bool { return r.source == message.SourceCamera }

// reading is what has come by a route, at one moment.
type reading struct {
	Publisher, Source, Mid string
	// Units are decoded frames of video (of a client that doesn't decode:
	// received ones), packets of sound.
	Units, Packets float64
	// Freezes are the decoder's, Lost packets that never came.
	Freezes, Frozen, Lost float64
	// Breaks are faults that no loss and no busy machine explains.
	Breaks check.Counts
}

// sight is what a viewer sees at one moment.
type sight struct {
	Streams []reading
	// Control freezes when the machine is too busy for it, whatever the server
	// does; nil: there is none.
	Control *reading
	// Encoder is how the viewer's own camera is encoded; empty: not by a browser.
	Encoder string
}

// viewer is somebody who can be looked at.
type viewer interface {
	called() string
	look() sight
}

// watch judges everything that everybody receives, once a second.
type watch struct {
	began   time.Time
	viewers []viewer
	looks   []lookedAt
	last    map[route]reading
	grown   map[route]float64       // units since the look before
	stood   map[route]time.Duration // without a new unit until now
	faults  []fault
	breaks  []fault // judged always

	// What explains faults; see disturbance.
	disturbances []*disturbance
	calmed       map[string]int // looks in a row, by name
	encoders     map[string]encoder
	changes      []string // of encoders
	controls     map[string]reading
	busy         *disturbance // of the machine, while it lasts
	steady       int          // looks in a row
	stalls       map[string]int
	full         uint64 // kernelDrops
}

// lookedAt is the time between two looks, and what was seen at both.
type lookedAt struct {
	from, until time.Duration
	routes      []route
}

// fault is something that must have an explanation.
type fault struct {
	to       route
	from, at time.Duration // when it happened
	what     string
	stood    time.Duration // of one that is a standstill
}

func newWatch(viewers ...viewer) *watch {
	return &watch{
		began: time.Now(), viewers: viewers, last: map[route]reading{}, grown: map[route]float64{},
		stood: map[route]time.Duration{}, calmed: map[string]int{}, encoders: map[string]encoder{},
		controls: map[string]reading{}, stalls: map[string]int{}, full: kernelDrops(),
	}
}

// seen is when it was looked last.
func (w *watch) seen() time.Duration {
	if len(w.looks) == 0 {
		return 0
	}
	return w.looks[len(w.looks)-1].until
}

// look takes everybody's readings and judges what has come since the last.
func (w *watch) look() {
	l := lookedAt{from: w.seen(), until: time.Since(w.began)}
	clear(w.grown)
	was := w.last
	w.last = map[route]reading{}
	controls := map[string]*reading{}
	for _, v := range w.viewers {
		saw := v.look()
		for _, r := range saw.Streams {
			to := route{v.called(), r.Publisher, r.Source}
			w.last[to] = r
			if before, ok := was[to]; ok && before.Mid == r.Mid {
				l.routes = append(l.routes, to)
				w.judge(to, before, r, l)
			}
		}
		if saw.Control != nil {
			controls[v.called()] = saw.Control
		}
		w.encodes(v.called(), saw.Encoder, l.from, l.until)
	}
	w.machine(w.stalled(controls), l.from, l.until)
	w.calm(l.until - l.from)
	w.looks = append(w.looks, l)
}

func (w *watch) judge(to route, before, after reading, l lookedAt) {
	w.grown[to] = after.Units - before.Units
	w.stood[to] += l.until - l.from
	if w.grown[to] > 0 {
		w.stood[to] = 0
	}
	note := func(began time.Duration, what string) {
		w.faults = append(w.faults, fault{to: to, from: began, at: l.until, what: fmt.Sprintf("%s: %s", to, what)})
	}
	if after.Breaks != before.Breaks {
		w.breaks = append(w.breaks, fault{
			to: to, from: l.from, at: l.until, what: fmt.Sprintf("%s: %+v; before %+v", to, after.Breaks, before.Breaks),
		})
	}
	if n := after.Freezes - before.Freezes; n > 0 {
		// It is counted when it has ended.
		frozen := time.Duration((after.Frozen - before.Frozen) * float64(time.Second))
		note(l.from-frozen, fmt.Sprintf("%g freezes of %s", n, frozen.Round(time.Millisecond)))
	}
	if n := after.Lost - before.Lost; n > 0 {
		// It is counted when it has been given up.
		note(l.from-check.GiveUp, fmt.Sprintf("%g packets lost", n))
	}
	if w.grown[to] <= 0 {
		note(l.from, fmt.Sprintf("nothing came for %s", w.stood[to]))
		w.faults[len(w.faults)-1].stood = w.stood[to]
	}
}

// flows says whether all that is shown to and from somebody has come on since
// the last look.
func (w *watch) flows(who string) bool {
	n := 0
	for to, units := range w.grown {
		if to.viewer != who && to.publisher != who {
			continue
		}
		if units <= 0 {
			return false
		}
		n++
	}
	return n > 0
}

// standing are the standstills of what comes to and from somebody, longer than
// most, since a moment, that the machine doesn't explain.
func (w *watch) standing(who string, since, most time.Duration) (long []fault) {
	for _, f := range w.faults {
		if f.from < since || f.stood <= most || (f.to.viewer != who && f.to.publisher != who) {
			continue
		}
		if !slices.ContainsFunc(w.disturbances, func(d *disturbance) bool { return d.who == "" && d.explains(f.to, f.at-f.stood, f.at) }) {
			long = append(long, f)
		}
	}
	return long
}

// watchedPage is a viewer in a browser.
type watchedPage struct {
	*person
	wraps float64 // of timestamps
}

func (p *watchedPage) called() string { return p.name }

func (p *watchedPage) look() sight {
	p.t.Helper()
	got := webtest.Value[struct {
		sight
		Wraps float64
	}](p.t, p.ctx, `window.lookAround()`)
	p.wraps = got.Wraps
	return got.sight
}

// begin prepares the page to be looked at: with a control, a connection of the
// page with itself.
func (p *watchedPage) begin() { p.do(webtest.Eval(watchPage)) }

const watchPage = `(async () => {
	const [from, to] = [new window.RealPeerConnection(), new window.RealPeerConnection()];
	from.onicecandidate = (e) => to.addIceCandidate(e.candidate);
	to.onicecandidate = (e) => from.addIceCandidate(e.candidate);
	const camera = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360, frameRate: 30 } });
	from.addTransceiver(camera.getVideoTracks()[0], { direction: 'sendonly' });
	await from.setLocalDescription();
	await to.setRemoteDescription(from.localDescription);
	await to.setLocalDescription();
	await from.setRemoteDescription(to.localDescription);
	const last = new Map();
	let wraps = 0;
	setInterval(() => {
		for (const { mid, receiver } of window.pcs.at(-1).getTransceivers()) {
			const at = receiver.getSynchronizationSources()[0]?.rtpTimestamp;
			if (at === undefined) continue;
			if (last.get(mid) - at > 2 ** 31) wraps++;
			last.set(mid, at);
		}
	}, 200);
	const stats = async (pc, type) => [...(await pc.getStats()).values()].filter((s) => s.type === type);
	const inbound = (pc) => stats(pc, 'inbound-rtp');
	const sent = new Map();
	const encoder = async () => {
		const flows = (s) => {
			const before = sent.get(s.ssrc);
			sent.set(s.ssrc, s.framesSent);
			return s.framesSent > before;
		};
		return (await stats(window.pcs.at(-1), 'outbound-rtp')).filter((s) => s.kind === 'video' && flows(s))
			.map((s) => s.rid + ' ' + s.frameWidth + '×' + s.frameHeight).sort().join(', ') || 'nothing';
	};
	const read = (s) => ({ Mid: s.mid, Units: s.kind === 'video' ? s.framesDecoded : s.packetsReceived, Packets: s.packetsReceived,
		Freezes: s.freezeCount || 0, Frozen: s.totalFreezesDuration || 0 });
	window.lookAround = async () => {
		const room = window.atrium.room;
		const [mine, all] = [await inbound(to), await inbound(window.pcs.at(-1))];
		const Streams = [...room.tracks.values()].filter((t) => t.state === 'live').flatMap((t) => {
			const s = all.find((s) => s.mid === t.mid);
			return s && s.packetsReceived ? [{ ...read(s), Publisher: room.participants.get(t.participant)?.name, Source: t.source }] : [];
		});
		return { Streams, Wraps: wraps, Control: mine.length ? read(mine[0]) : {}, Encoder: await encoder() };
	};
})()`

// restart makes the SDK restart ICE in mid-call: it is told for a moment that
// the connection has failed, which it hasn't.
func (p *watchedPage) restart() { p.do(webtest.Eval(restartPage)) }

const restartPage = `(async () => {
	const pc = window.pcs.at(-1);
	const tell = () => pc.dispatchEvent(new Event('connectionstatechange'));
	Object.defineProperty(pc, 'connectionState', { get: () => 'failed', configurable: true });
	tell();
	await new Promise((r) => setTimeout(r, 100));
	delete pc.connectionState;
	tell();
})()`

// watchedClient is a viewer without a browser, which decodes nothing and judges
// every packet.
type watchedClient struct {
	name string
	*client.Client
}

func (c *watchedClient) called() string { return c.name }

func (c *watchedClient) look() (saw sight) {
	state, stats := c.State(), c.Stats()
	for _, s := range stats.Slots {
		i := slices.IndexFunc(state.Map.Slots, func(m message.Slot) bool { return m.Mid == s.Mid })
		if i < 0 || state.Map.Slots[i].State != message.SlotLive {
			continue
		}
		who, ok := state.Participant(state.Map.Slots[i].Participant)
		if !ok {
			continue
		}
		r := reading{
			Publisher: who.Name, Source: state.Map.Slots[i].Source, Mid: s.Mid,
			Units: float64(s.Counts.Packets), Packets: float64(s.Counts.Packets), Lost: float64(s.Counts.Lost),
			Breaks: breaks(s.Counts),
		}
		if s.Video {
			r.Units = float64(s.Counts.Frames)
		}
		saw.Streams = append(saw.Streams, r)
	}
	return saw
}

// breaks are the faults among counts: numbers, timestamps and pictures that
// don't run on, somebody's sound in another's slot, damage.
func breaks(c check.Counts) check.Counts {
	return check.Counts{
		Jumps: c.Jumps, Malformed: c.Malformed, Damaged: c.Damaged, Misrouted: c.Misrouted,
		Timestamps: c.Timestamps, PictureGaps: c.PictureGaps, TL0Gaps: c.TL0Gaps, NoKeyFrame: c.NoKeyFrame,
	}
}

// metronome is a control in the test's own process, through which the roads
// lead and from which the clients send: it freezes when the process doesn't get
// to do anything for that long.
type metronome struct {
	done         sync.WaitGroup
	beats, skips atomic.Uint64
}

// What the metronome takes for a freeze is shorter than what a browser does
// (150 ms longer than usual).
const (
	beat     = 20 * time.Millisecond
	lateBeat = 100 * time.Millisecond
)

func startMetronome(t *testing.T) *metronome {
	t.Helper()
	m := &metronome{}
	ctx, stop := context.WithCancel(t.Context())
	m.done.Go(func() {
		tick := time.NewTicker(beat)
		defer tick.Stop()
		for last := time.Now(); ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			m.beats.Add(1)
			if time.Since(last) > lateBeat {
				m.skips.Add(1)
			}
			last = time.Now()
		}
	})
	t.Cleanup(func() { stop(); m.done.Wait() })
	return m
}

func (m *metronome) called() string { return "the test" }

func (m *metronome) look() sight {
	return sight{Control: &reading{Units: float64(m.beats.Load()), Freezes: float64(m.skips.Load())}}
}
