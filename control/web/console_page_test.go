package web_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/atriumrtc/atrium/control/web/webtest"
)

func card(id, button string) chromedp.CSS {
	return chromedp.CSS(`[data-visit=` + id + `] [data-testid=` + button + `]`)
}

// signInAt opens the console signed in, with a queue.
func signInAt(t *testing.T, query string) (*desk, webtest.Step) {
	t.Helper()
	d := newDesk(t)
	d.session, d.queue = signedIn(), someQueue()
	return d, chromedp.Steps(chromedp.EmulateViewport(1280, 800), chromedp.Navigate(d.URL+"/console?"+query), chromedp.WaitVisible(webtest.By("queue")),
		webtest.Eventually(`document.querySelectorAll('[data-testid=guest]').length === 5`))
}

// R-WA-1, R-IA-4, R-IA-5: the queue in order of arrival, live; admitting,
// joining with a confirmation, hold, messages and transfer.
func TestConsoleQueue(t *testing.T) {
	ctx := webtest.Browser(t)
	d, open := signInAt(t, "people=1")
	webtest.Run(t, ctx, open, webtest.Eventually(`[...document.querySelectorAll('[data-testid=group-waiting] h3')].map((e) => e.textContent).join() === 'Maria Lopez,Walter Schönfeld-Hagenbeck,Amina Yusuf'`),
		webtest.Eventually(`document.title === '(4) Dr Adler · Atrium'`))
	// Somebody arrives; nobody's buttons lose the focus.
	webtest.Run(t, ctx, webtest.Eval(`document.querySelector('[data-visit=v2] [data-testid=admit]').focus()`))
	d.tell("/areas/a1", "visit", staffVisit("v7", `<img src=x onerror="window.hit=1">`, "waiting", 0))
	webtest.Run(t, ctx, webtest.Eventually(`document.querySelectorAll('[data-testid=guest]').length === 6`),
		webtest.Eventually(`document.activeElement === document.querySelector('[data-visit=v2] [data-testid=admit]')`),
		webtest.Eventually(`document.getElementById('polite').textContent.includes('is waiting')`))
	d.tell("/areas/a1", "visit_left", object{"id": "v7"})
	webtest.Run(t, ctx, webtest.Eventually(`document.querySelectorAll('[data-testid=guest]').length === 5 && !('hit' in window)`))

	webtest.Run(t, ctx, webtest.Click(card("v2", "message")), chromedp.WaitVisible(webtest.By("ask-text")),
		webtest.Click(webtest.By("ask-send")), webtest.Eventually(text("ask-error")+` === 'Please fill this in.'`),
		chromedp.SendKeys(webtest.By("ask-text"), "Five minutes"), webtest.Click(webtest.By("ask-send")), webtest.Eventually(`!document.querySelector('dialog[open]')`))
	d.done("POST /visits/v2/message", `"text":"Five minutes"`)

	d.set(func() { d.refuse["POST /visits/v6/join"] = object{"status": 409, "code": "already_seen"} })
	webtest.Run(t, ctx, webtest.Click(card("v6", "join")), chromedp.WaitVisible(webtest.By("ask-join")), webtest.Click(webtest.By("ask-cancel")), webtest.Eventually(`!document.querySelector('dialog[open]')`))
	if d.did("POST /visits/v6/join", `"confirm":true`) {
		t.Error("joined without a confirmation")
	}

	webtest.Run(t, ctx, webtest.Click(card("v2", "admit")), chromedp.WaitVisible(webtest.By("tiles")), webtest.Eventually(`document.querySelectorAll('[data-testid=tile]').length === 2`))
	d.done("POST /visits/v2/admit", "")
	d.tell("/areas/a1", "visit", staffVisit("v2", "Maria Lopez", "in_call", 12, object{"call_id": "c1"}))
	webtest.Run(t, ctx, webtest.Click(card("v2", "hold")), chromedp.WaitVisible(card("v3", "add")), webtest.Click(card("v3", "add")))
	d.done("POST /visits/v2/hold", "")
	d.done("POST /visits/v3/admit", `"call_id":"c1"`)
	webtest.Run(t, ctx, webtest.Eval(`document.querySelector('[data-visit=v4] summary').click()`), webtest.Click(card("v4", "transfer")), chromedp.WaitVisible(webtest.By("ask-area")), webtest.Click(webtest.By("ask-transfer")))
	d.done("POST /visits/v4/transfer", `"area_id":"a2"`)
	d.tell("/areas/a1", "area", object{"id": "a1", "name": "Dr Adler", "suspended": true})
	webtest.Run(t, ctx, chromedp.WaitVisible(webtest.By("suspended")), webtest.Click(webtest.By("restore")))
	d.done("POST /areas/a1/restore", "")

	webtest.Run(t, ctx, webtest.Click(webtest.By("lock")), webtest.Eventually(text("lock")+` === 'Unlock'`),
		webtest.Click(webtest.By("invite")), webtest.Click(webtest.By("ask-copy")),
		webtest.Eventually(`document.querySelector('[data-testid=ask-link]')?.value.endsWith('/e#invite-secret')`), webtest.Click(webtest.By("ask-cancel")))
	webtest.Run(t, ctx, webtest.Click(webtest.By("leave")), chromedp.WaitVisible(webtest.By("ask-end")), webtest.Click(webtest.By("ask-end")), chromedp.WaitVisible(chromedp.CSS("#idle")))
	d.done("POST /calls/c1/end", "")
}

// What the queue shows may be there before the answer to what caused it: a button
// of the new state is done all the same, one that is pressed twice once.
func TestConsoleActsInARow(t *testing.T) {
	ctx := webtest.Browser(t)
	d, open := signInAt(t, "people=1")
	webtest.Run(t, ctx, open, webtest.Click(card("v2", "admit")), chromedp.WaitVisible(webtest.By("tiles")))
	d.tell("/areas/a1", "visit", staffVisit("v2", "Maria Lopez", "in_call", 12, object{"call_id": "c1"}))
	answered := make(chan struct{})
	d.set(func() { d.slow["POST /visits/v2/hold"] = answered })
	webtest.Run(t, ctx, webtest.Click(card("v2", "hold")), webtest.Click(card("v2", "hold")))
	d.done("POST /visits/v2/hold", "")
	d.tell("/areas/a1", "visit", staffVisit("v2", "Maria Lopez", "on_hold", 12, object{"call_id": "c1", "hold_since": time.Now()}))
	webtest.Run(t, ctx, webtest.Click(card("v2", "resume")))
	if d.did("POST /visits/v2/resume", "") {
		t.Error("resumed before the hold was answered")
	}
	close(answered)
	d.done("POST /visits/v2/resume", "")
	d.mu.Lock()
	defer d.mu.Unlock()
	if holds := slices.DeleteFunc(slices.Clone(d.sent), func(s string) bool { return !strings.HasPrefix(s, "POST /visits/v2/hold ") }); len(holds) != 1 {
		t.Errorf("pressed twice: %q", holds)
	}
}

// R-CN-1, R-CN-2, R-CN-5, R-IA-3, R-MR-2: links are sent or copied and shown
// live; a meeting room is entered.
func TestConsoleLinks(t *testing.T) {
	ctx := webtest.Browser(t)
	d, open := signInAt(t, "people=0")
	webtest.Run(t, ctx, open, webtest.Click(webtest.By("consult-now")), chromedp.WaitVisible(webtest.By("ask-to")), webtest.Click(webtest.By("ask-copy")),
		webtest.Eventually(`document.querySelector('[data-testid=ask-link]')?.value.endsWith('/e#consult-secret')`), webtest.Click(webtest.By("ask-cancel")),
		chromedp.WaitVisible(webtest.By("tiles")), webtest.Eventually(text("consult-state")+`.startsWith('Not opened yet. 4:5')`))
	d.done("POST /areas/a1/consult-now", `"to":{"copy":true}`)
	d.tell("/areas/a1", "consult_now", consult("opened", ""))
	webtest.Run(t, ctx, webtest.Eventually(text("consult-state")+`.startsWith('Opened.')`), chromedp.WaitVisible(webtest.By("copy-consult")), webtest.Click(webtest.By("extend")))
	d.done("POST /consult-now/k1/extend", "")
	d.tell("/areas/a1", "consult_now", consult("entered", ""))
	webtest.Run(t, ctx, webtest.Eventually(`document.querySelector('[data-testid=consult]') === null`),
		webtest.Click(webtest.By("leave")), chromedp.WaitVisible(chromedp.CSS("#idle")))

	webtest.Run(t, ctx, webtest.Click(webtest.By("book")), chromedp.SendKeys(webtest.By("ask-guest"), "Maria"), webtest.Click(webtest.By("ask-book")),
		chromedp.WaitVisible(webtest.By("ask-to")), webtest.Click(webtest.By("ask-copy")),
		webtest.Eventually(`document.querySelector('[data-testid=ask-link]')?.value.endsWith('/e#sent-secret')`), webtest.Click(webtest.By("ask-cancel")))
	d.done("POST /areas/a1/appointments", `"fields":{"name":"Maria"}`)
	webtest.Run(t, ctx, webtest.Eval(`document.querySelector('[data-testid=enter-room]').click()`), chromedp.WaitVisible(webtest.By("tiles")),
		webtest.Eventually(`['invite', 'lock', 'end-all'].every((id) => document.querySelector('[data-testid=' + id + ']').hidden)`),
		webtest.Eval(`document.querySelector('[data-testid=people-toggle]').click()`), chromedp.WaitVisible(webtest.By("people-list")),
		webtest.Eventually(`document.querySelector('[data-testid=person-remove]') === null`))
	d.done("POST /meeting-rooms/m1/enter", "")
}

// Signing in by password and by a link, an invitation, and what is said when
// it doesn't work. Opening a link uses nothing up.
func TestSigningIn(t *testing.T) {
	ctx := webtest.Browser(t)
	d := newDesk(t)
	d.queue = object{"visits": []object{}, "calls": []object{}}
	d.refuse["POST /sessions"] = object{"status": 401, "code": "wrong_credentials"}
	webtest.Run(t, ctx, chromedp.Navigate(d.URL+"/console"), chromedp.WaitVisible(webtest.By("email")),
		chromedp.SendKeys(webtest.By("email"), "adler@example.org"), chromedp.SendKeys(webtest.By("password"), "correct horse battery staple"),
		webtest.Click(webtest.By("sign-in")), webtest.Eventually(text("signin-error")+` === 'The e-mail address or the password is wrong.'`),
		webtest.Click(webtest.By("mail-link")), webtest.Eventually(text("signin-note")+`.startsWith('If there is an account')`),
		webtest.Click(webtest.By("sign-in")), chromedp.WaitVisible(webtest.By("queue-empty")))
	d.done("POST /sign-in-links", `"email":"adler@example.org"`)

	d.set(func() {
		d.session, d.sent = nil, nil
		d.link = object{"kind": "invitation", "organisation": "Clinic West", "email": "ana@example.org"}
	})
	webtest.Run(t, ctx, chromedp.Navigate(d.URL+"/i#secret-of-a-link"), chromedp.WaitVisible(webtest.By("password")))
	if d.did("POST /invitations/accept", "") {
		t.Error("opening the page has accepted")
	}
	webtest.Run(t, ctx, chromedp.SendKeys(webtest.By("name"), "Ana"), chromedp.SendKeys(webtest.By("password"), "short"), webtest.Click(webtest.By("go")),
		webtest.Eventually(text("accept-error")+`.includes('at least 12')`),
		chromedp.SendKeys(webtest.By("password"), " and then some words"), webtest.Click(webtest.By("go")), chromedp.WaitVisible(webtest.By("desk")))
	d.done("POST /invitations/accept", `"name":"Ana"`)

	d.set(func() { d.link = object{"kind": "sign_in", "name": "Ana"} })
	webtest.Run(t, ctx, chromedp.Navigate(d.URL+"/i?x#secret-of-a-link"), chromedp.WaitVisible(webtest.By("go")), webtest.Click(webtest.By("go")), chromedp.WaitVisible(webtest.By("desk")))
	d.done("POST /sessions", `"link":"secret-of-a-link"`)
	d.set(func() { d.link = nil })
	webtest.Run(t, ctx, chromedp.Navigate(d.URL+"/i?y#secret-of-a-link"), chromedp.WaitVisible(webtest.By("dead")))
}
