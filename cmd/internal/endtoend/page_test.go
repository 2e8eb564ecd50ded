package endtoend

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/atriumrtc/atrium/control/web/webtest"
)

// tap keeps every PeerConnection of the page, so that tests can read its
// statistics whatever the page does with it, and change what it is made of:
// window.rtcConfig and window.rewriteAnswer.
const tap = `(() => {
	const Real = RTCPeerConnection;
	window.pcs = [];
	window.RealPeerConnection = Real; // one that isn't in pcs
	window.RTCPeerConnection = class extends Real {
		constructor(config = {}, ...rest) {
			super(window.rtcConfig ? window.rtcConfig(config) : config, ...rest);
			window.pcs.push(this);
		}
		setRemoteDescription(d) {
			return super.setRemoteDescription(window.rewriteAnswer ? {type: d.type, sdp: window.rewriteAnswer(d.sdp)} : d);
		}
	};
	window.inbound = async (kind) => {
		const pc = window.pcs.findLast((p) => p.connectionState !== 'closed');
		if (!pc) return [];
		const report = await pc.getStats();
		return [...report.values()].filter((s) => s.type === 'inbound-rtp' && s.kind === kind);
	};
	window.selectedPair = async () => { // of candidates; undefined while there is none
		const report = await window.pcs.at(-1).getStats();
		for (const s of report.values()) {
			const pair = s.type === 'transport' && report.get(s.selectedCandidatePairId);
			if (pair) return { local: report.get(pair.localCandidateId), remote: report.get(pair.remoteCandidateId) };
		}
	};
	window.sum = async (kind, field) => (await window.inbound(kind)).reduce((n, s) => n + (s[field] || 0), 0);
})()`

// person is somebody with a page.
type person struct {
	t    *testing.T
	ctx  context.Context
	name string
}

// open opens a link in a page and goes as far as the name.
func open(t *testing.T, ctx context.Context, name, link string) *person {
	t.Helper()
	p := &person{t, ctx, name}
	p.do(webtest.BeforeLoad(tap))
	p.visit(link)
	return p
}

func (p *person) do(steps ...webtest.Step) {
	p.t.Helper()
	for _, s := range steps {
		ctx, cancel := context.WithTimeout(p.ctx, 2*webtest.Patience) // rather than hang, say where it was
		err := chromedp.Do(ctx, s)
		cancel()
		if err != nil {
			p.t.Fatalf("%s: %v\n%s", p.name, err, p.state())
		}
	}
}

// state is what to look at when a step of the person failed.
func (p *person) state() string {
	js := `(async () => JSON.stringify({
		screen: ['opening', 'prejoin', 'call', 'end'].filter((id) => !document.getElementById(id)?.hidden),
		dialog: document.querySelector('dialog[open]')?.innerHTML.slice(0, 4000),
		focus: document.activeElement?.outerHTML.slice(0, 200),
		banner: document.querySelector('[data-testid=banner]')?.textContent,
		tiles: [...document.querySelectorAll('[data-testid=tile]')].map((t) => t.outerHTML.slice(0, 200)),
		pcs: (window.pcs || []).map((p) => [p.connectionState, p.iceConnectionState]),
		video: await window.inbound?.('video').then((all) => all.map((s) => [s.mid, s.framesDecoded, s.packetsReceived, s.keyFramesDecoded])),
	}, null, 1))()`
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](js, chromedp.EvalAwaitPromise))
	if err != nil {
		return err.Error()
	}
	return v
}

func (p *person) visit(link string) {
	p.t.Helper()
	p.do(chromedp.Navigate(link), chromedp.WaitVisible(webtest.By("name")))
}

func (p *person) join() {
	p.t.Helper()
	p.do(
		webtest.Eventually(`document.querySelector('[data-testid=pre-cam]').dataset.on === 'true'`),
		webtest.Eval(`document.querySelector('[data-testid=name]').value = ''`),
		chromedp.SendKeys(webtest.By("name"), p.name),
		webtest.Click(webtest.By("join")),
		chromedp.WaitVisible(webtest.By("call")),
	)
}

func (p *person) click(id string) {
	p.t.Helper()
	p.do(webtest.Click(webtest.By(id)))
}

func (p *person) eventually(js string) {
	p.t.Helper()
	p.do(webtest.Eventually(js))
}

// sum is the sum of a field of the inbound statistics of a kind.
func (p *person) sum(kind, field string) float64 {
	p.t.Helper()
	return webtest.Value[float64](p.t, p.ctx, fmt.Sprintf(`window.sum(%q, %q)`, kind, field))
}

// growing waits until a field of the inbound statistics has grown by more
// than by.
func (p *person) growing(kind, field string, by float64) {
	p.t.Helper()
	from := p.sum(kind, field)
	p.eventually(fmt.Sprintf(`window.sum(%q, %q).then((n) => n > %g)`, kind, field, from+by))
}

// sees waits until the tile of another plays and decodes.
func (p *person) sees(name, source string) {
	p.t.Helper()
	p.eventually(tile(name, source) + `.some((t) => { const v = t.querySelector('video'); return v && v.videoWidth > 0 && !v.paused; })`)
	p.growing("video", "framesDecoded", 10)
}

// tile finds the tiles of somebody, by name.
func tile(name, source string) string {
	return fmt.Sprintf(`[...document.querySelectorAll('[data-testid=tile][data-source=%s]')].filter((t) => t.textContent.includes(%q))`, source, name)
}

// id is the person's participant id.
func (p *person) id() string {
	p.t.Helper()
	return webtest.Value[string](p.t, p.ctx, `window.atrium.room.self?.id || ''`)
}
