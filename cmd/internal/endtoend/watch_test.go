//go:build long

package endtoend

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control/web/webtest"
	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/client/check"
	"github.com/atriumrtc/atrium/signal/message"
)

const (
	// look is how often everybody is looked at.
	look = time.Second
	// near is how far from a freeze of the control a fault counts as the
	// machine's: a freeze is counted when it ends, and seen at the next look.
	near = 3 * time.Second
)

// route is what one person gets of a source of another's.
type route struct{ viewer, publisher, source string }

func (r route) String() string {
	return fmt.Sprintf("%s of %s at %s", r.source, r.publisher, r.viewer)
}

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

// viewer is somebody who can be looked at. Its control freezes when the machine
// is too busy for it, whatever the server does; nil: it has none.
type viewer interface {
	called() string
	look() (readings []reading, control *reading)
}

// watch judges everything that everybody receives, once a second.
type watch struct {
	began     time.Time
	viewers   []viewer
	disturbed map[string]time.Time // until when what comes to and from somebody is not judged
	last      map[route]reading
	grown     map[route]float64 // units since the look before
	controls  map[string]reading
	stood     map[route]time.Duration // without a new unit until now
	longest   map[string]time.Duration
	standing  time.Duration // longest standstill since it was last set to zero
	faults    []fault
	breaks    []fault // judged always
	busy      []time.Duration
	judged    time.Duration // of all routes together
	seen      time.Duration // when it was looked last
	totals    map[string]reading
}

type fault struct {
	at   time.Duration
	what string
}

func newWatch(viewers ...viewer) *watch {
	return &watch{
		began: time.Now(), viewers: viewers, disturbed: map[string]time.Time{}, last: map[route]reading{},
		grown: map[route]float64{}, controls: map[string]reading{}, stood: map[route]time.Duration{},
		longest: map[string]time.Duration{}, totals: map[string]reading{},
	}
}

// look takes everybody's readings and judges what has come since the last.
func (w *watch) look() {
	now := time.Since(w.began)
	since := now - w.seen
	w.seen = now
	clear(w.grown)
	was := w.last
	w.last = map[route]reading{}
	for _, v := range w.viewers {
		readings, control := v.look()
		for _, r := range readings {
			to := route{v.called(), r.Publisher, r.Source}
			w.last[to] = r
			if before, ok := was[to]; ok && before.Mid == r.Mid {
				w.judge(to, before, r, now, since)
			}
		}
		if control == nil {
			continue
		}
		if before, ok := w.controls[v.called()]; ok && (control.Freezes > before.Freezes || control.Units == before.Units) {
			w.busy = append(w.busy, now)
		}
		w.controls[v.called()] = *control
	}
}

func (w *watch) judge(to route, before, after reading, now, since time.Duration) {
	w.grown[to] = after.Units - before.Units
	if w.grown[to] > 0 {
		w.stood[to] = 0
	} else {
		w.stood[to] += since
	}
	kind := "quiet"
	if w.isDisturbed(to.viewer) || w.isDisturbed(to.publisher) {
		kind = "disturbed"
	} else {
		w.judged += since
	}
	w.longest[kind] = max(w.longest[kind], w.stood[to])
	w.standing = max(w.standing, w.stood[to])
	if after.Breaks != before.Breaks {
		w.breaks = append(w.breaks, fault{now, fmt.Sprintf("%s, %s: %+v; before %+v", kind, to, after.Breaks, before.Breaks)})
	}
	sum := w.totals[kind]
	sum.Units += w.grown[to]
	sum.Freezes += after.Freezes - before.Freezes
	sum.Frozen += after.Frozen - before.Frozen
	sum.Lost += after.Lost - before.Lost
	w.totals[kind] = sum
	if kind == "disturbed" {
		return
	}
	for what, n := range map[string]float64{
		"freezes": after.Freezes - before.Freezes, "packets lost": after.Lost - before.Lost,
	} {
		if n > 0 {
			w.faults = append(w.faults, fault{now, fmt.Sprintf("%s: %g %s", to, n, what)})
		}
	}
	if w.grown[to] <= 0 {
		w.faults = append(w.faults, fault{now, fmt.Sprintf("%s: nothing came for %s", to, w.stood[to])})
	}
}

// disturb suspends judgement of what comes to and from somebody, until settled
// says for how much longer.
func (w *watch) disturb(who string) { w.disturbed[who] = time.Now().Add(time.Hour) }

func (w *watch) settled(who string, after time.Duration) { w.disturbed[who] = time.Now().Add(after) }

func (w *watch) isDisturbed(who string) bool { return time.Now().Before(w.disturbed[who]) }

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

// sorted are the faults that the machine doesn't explain, and how many it does.
func (w *watch) sorted() (ours []fault, excused int) {
	for _, f := range w.faults {
		if slices.ContainsFunc(w.busy, func(at time.Duration) bool { return at >= f.at-near && at <= f.at+near }) {
			excused++
			continue
		}
		ours = append(ours, f)
	}
	return ours, excused
}

// String is what the run was like.
func (w *watch) String() string {
	var b strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(w.totals)) {
		t := w.totals[kind]
		fmt.Fprintf(&b, "%s: %.0f units came, %.0f freezes of %.2f s in all, %.0f lost, longest standstill %s\n",
			kind, t.Units, t.Freezes, t.Frozen, t.Lost, w.longest[kind])
	}
	ours, excused := w.sorted()
	fmt.Fprintf(&b, "judged %s of route time; %d faults, %d beside a freeze of the control, which froze at %d looks\n",
		w.judged.Round(time.Second), len(ours), excused, len(w.busy))
	routes := slices.SortedFunc(maps.Keys(w.last), func(a, b route) int { return cmp.Compare(a.String(), b.String()) })
	for _, to := range routes {
		r := w.last[to]
		fmt.Fprintf(&b, "  %s: %.0f units, %.0f packets, %.0f freezes (%.2f s), %.0f lost\n", to, r.Units, r.Packets, r.Freezes, r.Frozen, r.Lost)
	}
	return b.String()
}

// watchedPage is a viewer in a browser.
type watchedPage struct {
	*person
	wraps float64 // of timestamps
}

func (p *watchedPage) called() string { return p.name }

func (p *watchedPage) look() (readings []reading, control *reading) {
	p.t.Helper()
	got := webtest.Value[struct {
		Control reading
		Streams []reading
		Wraps   float64
	}](p.t, p.ctx, `window.lookAround()`)
	p.wraps = got.Wraps
	return got.Streams, &got.Control
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
	const inbound = async (pc) => [...(await pc.getStats()).values()].filter((s) => s.type === 'inbound-rtp');
	const read = (s) => ({ Mid: s.mid, Units: s.kind === 'video' ? s.framesDecoded : s.packetsReceived, Packets: s.packetsReceived,
		Freezes: s.freezeCount || 0, Frozen: s.totalFreezesDuration || 0 });
	window.lookAround = async () => {
		const room = window.atrium.room;
		const [mine, all] = [await inbound(to), await inbound(window.pcs.at(-1))];
		const Streams = [...room.tracks.values()].filter((t) => t.state === 'live').flatMap((t) => {
			const s = all.find((s) => s.mid === t.mid);
			return s && s.packetsReceived ? [{ ...read(s), Publisher: room.participants.get(t.participant)?.name, Source: t.source }] : [];
		});
		return { Streams, Wraps: wraps, Control: mine.length ? read(mine[0]) : {} };
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

func (c *watchedClient) look() (readings []reading, control *reading) {
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
		readings = append(readings, r)
	}
	return readings, nil
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

func (m *metronome) look() ([]reading, *reading) {
	return nil, &reading{Units: float64(m.beats.Load()), Freezes: float64(m.skips.Load())}
}
