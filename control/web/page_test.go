package web_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/atriumrtc/atrium/control/web/webtest"
)

// names that would run, or break the page, if they ever became markup, a
// selector or a key (SE-8).
var hostile = []string{
	`<img src=x onerror="window.hit=1">`,
	`"><script>window.hit=1</script>`,
	`<svg/onload=window.hit=1>`,
	`javascript:window.hit=1`,
	`{{constructor.constructor('window.hit=1')()}}`,
	`__proto__`, `constructor`,
	"\u202egnp.exe", "a\u0000b", strings.Repeat("W", 200), `'; window.hit=1; '`,
}

// R-IC, SE-8: names and chat texts are shown as they are, and never run.
func TestHostileNames(t *testing.T) {
	ctx := webtest.Browser(t)
	base := fakeServer(t).URL
	webtest.Run(t, ctx, enterCall(base, "people=2"), webtest.Click(webtest.By("chat-toggle")))
	for _, name := range hostile {
		js := `(() => { const n = ` + quote(name) + `;
			const p = atrium.room.participants.get('p0');
			p.name = n;
			atrium.room.emit('participants', {joined: [], left: [], changed: [p]});
			atrium.room.say('p0', n); })()`
		webtest.Run(t, ctx, webtest.Eval(js), webtest.Eventually(`[...document.querySelectorAll('[data-testid=tile] .name')].some((e) => e.textContent === `+quote(name)+`)`),
			webtest.Eventually(`document.querySelector('[data-testid=chat-log] li:last-child .chat-text').textContent === `+quote(name)))
	}
	webtest.Run(t, ctx, webtest.Eval(`document.querySelector('[data-testid=people-toggle]').click()`))
	if hit := webtest.Value[bool](t, ctx, `'hit' in window`); hit {
		t.Error("a name was executed")
	}
	if n := webtest.Value[int](t, ctx, `document.querySelectorAll('main img[src=x], main script').length`); n != 0 {
		t.Errorf("%d elements were made of a name", n)
	}
}

func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\' || r == '<':
			b.WriteString(`\x` + string("0123456789abcdef"[r>>4]) + string("0123456789abcdef"[r&15]))
		case r < ' ':
			b.WriteString(`\x0` + string("0123456789abcdef"[r&15]))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// The page does what the person wants: to the room, and to what they see.
func TestCallControls(t *testing.T) {
	ctx := webtest.Browser(t)
	base := fakeServer(t).URL
	sent := func(kind string) string {
		return `atrium.room.sent.filter((m) => m[0] === '` + kind + `').map((m) => m.slice(1).join('=')).join()`
	}
	webtest.Run(t, ctx, enterCall(base, "people=3"), webtest.Eventually(sent("publish")+` === 'microphone,camera'`))
	webtest.Run(t, ctx, webtest.Click(webtest.By("mic")), webtest.Eventually(sent("mute")+` === 'microphone=true'`))
	webtest.Run(t, ctx, webtest.Eventually(`document.querySelector('[data-self=true]').dataset.muted === 'true'`))
	webtest.Run(t, ctx, webtest.Click(webtest.By("cam")), webtest.Eventually(sent("unpublish")+` === 'camera'`),
		webtest.Eventually(`document.querySelector('[data-self=true]').dataset.video === 'none'`))
	webtest.Run(t, ctx, webtest.Click(webtest.By("cam")), webtest.Eventually(sent("publish")+` === 'microphone,camera,camera'`))
	webtest.Run(t, ctx, webtest.Click(webtest.By("hand")), chromedp.WaitVisible(chromedp.CSS(`[data-self=true] [data-testid=hand-mark]`)))
	// Chat: unread while closed, none when open.
	webtest.Run(t, ctx, webtest.Eval(`atrium.room.say('p0', 'hello')`), webtest.Eventually(`document.querySelector('[data-testid=chat-toggle] .badge').textContent === '1'`),
		webtest.Click(webtest.By("chat-toggle")), webtest.Eventually(`document.activeElement.dataset.testid === 'chat-input'`),
		chromedp.SendKeys(webtest.By("chat-input"), "good\r"),
		webtest.Eventually(`document.querySelector('[data-testid=chat-log] li:last-child').dataset.from === 'self'`),
		webtest.Eventually(`document.querySelector('[data-testid=chat-input]').value === ''`))
	// Escape closes the panel and gives the focus back.
	webtest.Run(t, ctx, chromedp.KeyEvent("\u001b"), webtest.Eventually(`document.activeElement.dataset.testid === 'chat-toggle'`))
	// The layout is in device pixels, without ourselves.
	webtest.Run(t, ctx, webtest.Eventually(`atrium.room.layout?.length === 3 && atrium.room.layout.every((t) => t.participant !== 'self' && t.width > 100 && Number.isInteger(t.height))`))
	webtest.Run(t, ctx, webtest.Eval(`document.querySelector('[data-participant=p1] [data-testid=pin]').click()`),
		webtest.Eventually(`atrium.room.layout.filter((t) => t.priority === 100).map((t) => t.participant).join() === 'p1'`))
	// Leaving ends at a page from where one can come back.
	webtest.Run(t, ctx, webtest.Click(webtest.By("leave")), chromedp.WaitVisible(webtest.By("again")),
		webtest.Eventually(`document.activeElement.id === 'end-title'`), webtest.Click(webtest.By("again")),
		chromedp.WaitVisible(webtest.By("join")), webtest.Eventually(`document.querySelector('[data-testid=name]').value === 'Maria Lopez'`))
}

// Who is in another room says at once what they show there (R-GC-4): until then no
// picture of it comes. Those who come and speak all the time don't keep the layout
// from being told either.
func TestLayoutOfAnotherRoom(t *testing.T) {
	ctx := webtest.Browser(t)
	base := fakeServer(t).URL
	webtest.Run(t, ctx, enterCall(base, "people=3"), webtest.Eventually(`atrium.room.layout?.length === 3`))
	const frames = `const room = atrium.room, frame = () => new Promise(requestAnimationFrame), shown = () => room.layout.map((t) => t.participant).join();`
	got := webtest.Value[string](t, ctx, `(async () => {`+frames+`
		for (const id of [...room.participants.keys()]) if (id !== 'self') room.participants.delete(id);
		room.arrive(8);
		room.arrive(9);
		room.move('r2', 'Breakout');
		await frame();
		await frame();
		return shown();
	})()`)
	if got != "p8,p9" {
		t.Errorf("in another room the layout is %s", got)
	}
	got = webtest.Value[string](t, ctx, `(async () => {`+frames+`
		room.emit('participants', { joined: [room.arrive(10)], left: [], changed: [] });
		for (let n = 0; n < 120 && shown() === 'p8,p9'; n++) {
			room.emit('speakers', [{ participant: 'p8', level: 0.5 }]);
			await frame();
		}
		return shown();
	})()`)
	if got != "p8,p9,p10" {
		t.Errorf("while people speak the layout stays %s", got)
	}
}

// R-GC-5: who is muted, or whose video is stopped, by a moderator is off on
// their own page too; when they may again, or are asked to, it is them who
// switch it on.
func TestMutedByModerator(t *testing.T) {
	ctx := webtest.Browser(t)
	base := fakeServer(t).URL
	sent := func(kind string) string {
		return `atrium.room.sent.filter((m) => m[0] === '` + kind + `').map((m) => m.slice(1).join('=')).join()`
	}
	now := func(sources string) webtest.Step {
		return webtest.Eval(`(() => { const p = atrium.room.participants.get('self'); p.sources = [` + sources + `];
			atrium.room.emit('participants', {joined: [], left: [], changed: [p]}); })()`)
	}
	banner := `document.getElementById('banner').textContent`
	webtest.Run(t, ctx, enterCall(base, "people=2"), webtest.Eventually(sent("publish")+` === 'microphone,camera'`))
	webtest.Run(t, ctx, now(`{source: 'microphone', muted: true, muted_by_server: true}`), webtest.Eventually(sent("mute")+` === 'microphone=true'`),
		webtest.Eventually(banner+`.includes('muted you')`))
	webtest.Run(t, ctx, chromedp.Click(webtest.By("mic")), webtest.Eventually(`document.querySelector('[data-testid=mic]').textContent.includes('Unmute')`))
	webtest.Run(t, ctx, now(`{source: 'microphone', muted: true, muted_by_server: false}`),
		webtest.Eval(`atrium.room.emit('notice', {code: 'ask_unmute', text: 'microphone', message: '', from: '', room: '', at: null})`),
		webtest.Eventually(banner+`.includes('asks you')`), webtest.Eventually(`document.querySelector('[data-self=true]').dataset.muted === 'true'`))
	webtest.Run(t, ctx, chromedp.Click(webtest.By("mic")), webtest.Eventually(`document.querySelector('[data-self=true]').dataset.muted === 'false'`),
		webtest.Eventually(sent("mute")+` === 'microphone=true,microphone=false'`))
	webtest.Run(t, ctx, now(`{source: 'camera', muted: true, muted_by_server: true}`), webtest.Eventually(sent("unpublish")+` === 'camera'`))
}

// R-GC-3, R-GC-4: who is in the main room, comes late or comes back counts down
// to the end of the breakout rooms; what the moderator writes to all is shown
// as it is.
func TestCountdownOfBreakouts(t *testing.T) {
	ctx := webtest.Browser(t)
	base := fakeServer(t).URL
	place := func(kind, open string) webtest.Step {
		return webtest.Eval(`(() => { atrium.room.room = {...atrium.room.room, kind: '` + kind + `', endsAt: new Date(Date.now() + 7 * 60_000 - 1000), breakoutsOpen: ` + open +
			`, breakoutsEndAt: ` + open + ` ? new Date(Date.now() + 4 * 60_000 - 1000) : null}; atrium.room.emit('controls', atrium.room.room); })()`)
	}
	left := `document.getElementById('time-left').textContent`
	webtest.Run(t, ctx, enterCall(base, "people=2"), place("group", "true"), webtest.Eventually(left+` === 'Breakout rooms: 4 min left'`),
		place("breakout", "true"), webtest.Eventually(left+` === '7 min left'`), place("group", "false"), webtest.Eventually(left+` === '7 min left'`))
	notice := func(code, text, at string) webtest.Step {
		return webtest.Eval(`atrium.room.emit('notice', {code: '` + code + `', text: '` + text + `', message: '', from: '', room: '', at: ` + at + `})`)
	}
	banner := `document.getElementById('banner').textContent`
	webtest.Run(t, ctx, notice("breakouts_ending", "", "new Date(Date.now() + 10_000)"), webtest.Eventually(banner+`.startsWith('The breakout rooms close in 10 seconds')`),
		notice("ending", "", "new Date(Date.now() + 30 * 60_000)"), webtest.Eventually(banner+` === 'The session ends for everybody in 30 minutes.'`),
		notice("broadcast", "<b>Back to work</b>", "null"), webtest.Eventually(banner+` === 'To everybody: <b>Back to work</b>'`))
}

// R-CN-4: the link's secret leaves the page in the entry request only, and is
// not kept by the browser.
func TestSecretIsNotKept(t *testing.T) {
	ctx := webtest.Browser(t)
	base := fakeServer(t).URL
	webtest.Run(t, ctx, enterCall(base, "people=1"))
	kept := webtest.Value[string](t, ctx, `JSON.stringify([{...sessionStorage}, {...localStorage}, document.cookie])`)
	if strings.Contains(kept, "secret-of-a-room") || !strings.Contains(kept, "fake.resume") {
		t.Errorf("kept: %s", kept)
	}
}

// Joining is possible without any device, and refusals are said in words.
func TestWithoutDevices(t *testing.T) {
	ctx := webtest.Browser(t)
	base := fakeServer(t).URL
	webtest.Run(t, ctx, onNewDocument(`navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('no', 'NotAllowedError'); };`),
		chromedp.Navigate(base+"/r?people=1#secret-of-a-room"), chromedp.WaitVisible(webtest.By("device-notice")),
		chromedp.SendKeys(webtest.By("name"), "Maria"), webtest.Click(webtest.By("join")), chromedp.WaitVisible(webtest.By("call")),
		webtest.Eventually(`document.querySelectorAll('[data-testid=tile]').length === 2`))
	words := webtest.Value[string](t, ctx, `document.querySelector('[data-testid=device-notice]').textContent`)
	if !strings.Contains(words, "does not let this page use your camera and microphone") {
		t.Errorf("notice: %s", words)
	}
	webtest.Run(t, ctx, chromedp.Navigate(base+"/r?people=1&x=2#wrong-secret"), chromedp.WaitVisible(webtest.By("device-notice")),
		chromedp.SendKeys(webtest.By("name"), "Maria"), webtest.Click(webtest.By("join")), chromedp.WaitVisible(webtest.By("join-error")))
	if words := webtest.Value[string](t, ctx, `document.querySelector('[data-testid=join-error]').textContent`); !strings.HasPrefix(words, "This link does not work.") {
		t.Errorf("error: %s", words)
	}
}

// WCAG 2.2: names of controls (4.1.2), labels in names (2.5.3), target sizes
// (our own 44 px), visible focus (2.4.7), no overflow at 320 px (1.4.10).
func TestAccessible(t *testing.T) {
	ctx := webtest.Browser(t)
	base := fakeServer(t).URL
	check := func(view string) {
		t.Helper()
		for _, fault := range webtest.Value[[]string](t, ctx, accessibilityCheck) {
			t.Errorf("%s: %s", view, fault)
		}
	}
	for _, width := range []int64{1280, 390, 320} {
		webtest.Run(t, ctx, chromedp.EmulateViewport(width, 700), prefer("light"),
			chromedp.Navigate(base+"/?w="+string(rune('a'+width%26))), chromedp.WaitVisible(webtest.By("link")))
		check("landing")
		webtest.Run(t, ctx, chromedp.Navigate(base+"/r?w="+string(rune('a'+width%26))+"#secret-of-a-room"), chromedp.WaitVisible(webtest.By("name")), webtest.Eventually(cameraOn))
		check("prejoin")
		webtest.Run(t, ctx, enterCall(base, "people=4&w="+string(rune('a'+width%26))))
		check("call")
		webtest.Run(t, ctx, webtest.Click(webtest.By("chat-toggle")))
		check("chat")
		webtest.Run(t, ctx, webtest.Click(webtest.By("chat-close")), webtest.Click(webtest.By("more")), webtest.Eventually(`document.querySelectorAll('#settings select').length > 1`))
		check("settings")
		webtest.Run(t, ctx, webtest.Click(webtest.By("settings-close")), webtest.Click(webtest.By("leave")), chromedp.WaitVisible(webtest.By("again")))
		check("end")
	}
}

// The same for the pages of guests and staff.
func TestDeskAccessible(t *testing.T) {
	ctx := webtest.Browser(t)
	d := newDesk(t)
	check := func(view string) {
		t.Helper()
		for _, fault := range webtest.Value[[]string](t, ctx, accessibilityCheck) {
			t.Errorf("%s: %s", view, fault)
		}
	}
	for i, width := range []int64{1280, 390, 320} {
		other := "&w=" + string(rune('a'+i))
		d.set(func() {
			d.visit, d.session, d.link = nil, nil, object{"kind": "invitation"}
			d.lobby["terms"], d.queue = "We keep nothing.", someQueue()
			d.booked, d.links = []object{appointment("p1", "Maria Lopez", 1)}, []object{consult("sent", "")}
			d.lobby["fields"] = []object{{"key": "name", "required": true}, {"key": "date_of_birth"}, {"key": "text"}}
		})
		webtest.Run(t, ctx, chromedp.EmulateViewport(width, 700), prefer("light"), enterArea(d, "parked=1&people=1"+other))
		check("entry")
		webtest.Run(t, ctx, webtest.Click(webtest.By("consent")), webtest.Click(webtest.By("enter")), chromedp.WaitVisible(webtest.By("waiting")))
		check("waiting")
		webtest.Run(t, ctx, webtest.Click(webtest.By("leave-waiting")), chromedp.WaitVisible(webtest.By("end")))
		check("the end")
		webtest.Run(t, ctx, chromedp.Navigate(d.URL+"/i?"+other+"#secret-of-a-link"), chromedp.WaitVisible(webtest.By("password")))
		check("invitation")
		webtest.Run(t, ctx, chromedp.Navigate(d.URL+"/console?people=1"+other), chromedp.WaitVisible(webtest.By("email")))
		check("signing in")
		d.set(func() { d.session = signedIn() })
		webtest.Run(t, ctx, chromedp.Navigate(d.URL+"/console?people=1&x"+other), chromedp.WaitVisible(webtest.By("guest")),
			webtest.Eval(`document.querySelector('[data-visit=v2] summary').click()`), webtest.Eval(`document.querySelector('.bar-menu summary').click()`))
		check("queue")
		webtest.Run(t, ctx, webtest.Eval(`for (const menu of document.querySelectorAll('details')) menu.open = menu.id === 'appointments'`), chromedp.WaitVisible(webtest.By("appointment-send")))
		check("appointments")
		webtest.Run(t, ctx, webtest.Eval(`document.querySelector('[data-testid=own-account]').click()`), chromedp.WaitVisible(webtest.By("ask-password")))
		check("the own account")
		webtest.Run(t, ctx, webtest.Click(webtest.By("ask-cancel")))
		webtest.Run(t, ctx, webtest.Eval(`for (const menu of document.querySelectorAll('details')) menu.open = false`),
			webtest.Click(card("v2", "message")), chromedp.WaitVisible(webtest.By("ask-text")))
		check("a question")
		webtest.Run(t, ctx, webtest.Click(webtest.By("ask-cancel")), webtest.Click(card("v2", "admit")), chromedp.WaitVisible(webtest.By("tiles")))
		check("call of staff")
		webtest.Run(t, ctx, webtest.Eval(`document.querySelector('[data-testid=people-toggle]').click()`), chromedp.WaitVisible(webtest.By("person-remove")))
		check("people of a call of staff")
		webtest.Run(t, ctx, webtest.Eval(`sessionStorage.clear()`))
	}
}

const accessibilityCheck = `(() => {
	const faults = [];
	const seen = (e) => e.offsetParent !== null && getComputedStyle(e).visibility !== 'hidden' && e.getClientRects().length > 0;
	const what = (e) => e.tagName + '#' + e.id + '.' + e.className + ' ' + (e.dataset?.testid ?? '');
	for (const e of document.querySelectorAll('button, input, select, textarea, summary, a[href]')) {
		if (!seen(e)) continue;
		const label = e.labels?.[0]?.textContent ?? '';
		const name = (e.getAttribute('aria-label') ?? '') + e.textContent + label;
		if (!name.trim()) faults.push('no name: ' + what(e));
		let box = e.getBoundingClientRect();
		if (e.type === 'checkbox' || e.type === 'radio') box = e.closest('label').getBoundingClientRect();
		if (e.tagName !== 'A' || e.className) {
			if (box.width < 43.5 || box.height < 43.5) faults.push('target ' + box.width + 'x' + box.height + ': ' + what(e));
		}
	}
	for (const e of document.querySelectorAll('img')) if (!e.hasAttribute('alt')) faults.push('no alt: ' + what(e));
	if (document.querySelectorAll('main:not([hidden])').length !== 1) faults.push('not one main');
	if ([...document.querySelectorAll('h1')].filter(seen).length > 1) faults.push('several h1');
	if (document.documentElement.scrollWidth > innerWidth + 1) faults.push('overflow: ' + document.documentElement.scrollWidth + ' in ' + innerWidth);
	if (document.documentElement.lang !== 'en') faults.push('no lang');
	const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
	for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push('id twice: ' + id);
	return faults;
})()`
