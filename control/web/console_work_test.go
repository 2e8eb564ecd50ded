package web_test

import (
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/atriumrtc/atrium/control/web/webtest"
)

// appointment is one that is still to come, in some days.
func appointment(id, name string, days int) object {
	starts := time.Now().AddDate(0, 0, days)
	return object{"id": id, "area_id": "a1", "starts_at": time.Date(starts.Year(), starts.Month(), starts.Day(), 9, 30, 0, 0, time.Local),
		"duration_minutes": 30, "state": "booked", "fields": object{"name": name, "phone": "+43 660 1"}, "link": "https://x.example/e#of-" + id}
}

// R-IA-3: appointments are listed, changed, cancelled and sent; the list
// leaves out those that are over.
func TestConsoleAppointments(t *testing.T) {
	ctx := webtest.Browser(t)
	d, open := signInAt(t, "people=0")
	next := appointment("p1", "Maria", 1)
	tomorrow := next["starts_at"].(time.Time)
	over := appointment("p3", "Over", 1)
	over["state"] = "cancelled"
	d.set(func() { d.booked = []object{next, over, appointment("p2", `<b>"Tom"`, 3)} })
	in := func(id, act string) chromedp.CSS {
		return chromedp.CSS(`[data-appointment=` + id + `] [data-testid=appointment-` + act + `]`)
	}
	webtest.Run(t, ctx, open, webtest.Eval(`document.querySelector('#appointments summary').click()`), chromedp.WaitVisible(in("p1", "send")),
		webtest.Eventually(`[...document.querySelectorAll('#appointments h4')].map((e) => e.textContent).join() === 'Maria,<b>"Tom"'`),
		// At midnight tomorrow becomes today.
		webtest.Eventually(`document.querySelector('#appointments h3').textContent === 'Tomorrow' ||
			new Date().toDateString() === '`+tomorrow.Format("Mon Jan 02 2006")+`'`))

	webtest.Run(t, ctx, webtest.Click(in("p1", "send")), chromedp.WaitVisible(webtest.By("ask-to")),
		webtest.Eventually(`document.querySelector('[data-testid=ask-to]').value === '+43 660 1'`), webtest.Click(webtest.By("ask-send")),
		webtest.Eventually(text("passing")+`.includes('text message')`))
	d.done("POST /appointments/p1/send", `"to":{"phone":"+43 660 1"}`)

	webtest.Run(t, ctx, webtest.Click(in("p1", "change")), chromedp.WaitVisible(webtest.By("ask-minutes")),
		webtest.Eventually(`document.querySelector('[data-testid=ask-minutes]').value === '30' && document.querySelector('[data-testid=ask-guest]').value === 'Maria'`),
		webtest.Eval(`document.querySelector('[data-testid=ask-minutes]').value = '45'`), webtest.Click(webtest.By("ask-change")), webtest.Eventually(`!document.querySelector('dialog[open]')`))
	d.done("PATCH /appointments/p1", `"duration_minutes":45,"fields":{"name":"Maria","phone":"+43 660 1"}`)

	d.set(func() {
		d.booked = slices.DeleteFunc(d.booked, func(a object) bool { return a["id"] == "p2" })
		d.refuse["DELETE /appointments/p2"] = object{"status": 409, "code": "wrong_state"}
	})
	webtest.Run(t, ctx, webtest.Click(in("p2", "cancel")), chromedp.WaitVisible(webtest.By("ask-cancel-it")), webtest.Click(webtest.By("ask-cancel-it")),
		webtest.Eventually(text("ask-error")+`.startsWith('That is no longer possible')`), webtest.Click(webtest.By("ask-cancel-it")),
		webtest.Eventually(`document.querySelectorAll('[data-testid=appointment]').length === 1`))
	d.done("DELETE /appointments/p2", "")
}

// R-IA-3: the area's own link is sent; where nothing is set up that could
// send it, it is there to copy. R-CN-5: the links under way are there after a
// reload, and those of colleagues with whom they went to.
func TestConsoleLinksUnderWay(t *testing.T) {
	ctx := webtest.Browser(t)
	d, open := signInAt(t, "people=0")
	kept := consult("sent", "")
	kept["address"], kept["channel"] = "ann@example.org", "email"
	d.set(func() { d.links = []object{kept} })
	webtest.Run(t, ctx, open, webtest.Eventually(`document.querySelector('[data-consult=k1] h3')?.textContent === 'ann@example.org'`),
		webtest.Eventually(text("consult-state")+`.startsWith('Sent. 4:5')`))
	d.tell("/areas/a1", "consult_now", object{"id": "k2", "area_id": "a1", "state": "sent", "channel": "sms"})
	webtest.Run(t, ctx, webtest.Eventually(`document.querySelector('[data-consult=k2] h3')?.textContent === '+43 660 2'`))

	webtest.Run(t, ctx, webtest.Click(webtest.By("send-area")), chromedp.WaitVisible(webtest.By("ask-to")),
		chromedp.SendKeys(webtest.By("ask-to"), "ann@example.org"), webtest.Click(webtest.By("ask-send")),
		webtest.Eventually(`document.querySelector('[data-testid=ask-link]')?.value.endsWith('/e#sent-secret')`),
		webtest.Eventually(`document.querySelector('#ask .ask-text').textContent.startsWith('Nothing is set up')`), webtest.Click(webtest.By("ask-cancel")))
	d.done("POST /areas/a1/link/send", `"to":{"email":"ann@example.org"}`)
}

// One's own name and password, with what is said when the present one is
// wrong.
func TestConsoleOwnAccount(t *testing.T) {
	ctx := webtest.Browser(t)
	d, open := signInAt(t, "people=0")
	account := webtest.Eval(`document.querySelector('#own-menu summary').click(); document.querySelector('[data-testid=own-account]').click()`)
	webtest.Run(t, ctx, open, account, chromedp.WaitVisible(webtest.By("ask-password")),
		webtest.Eval(`document.querySelector('[data-testid=ask-name]').value = 'Ana'`), webtest.Click(webtest.By("ask-save")), webtest.Eventually(text("account")+` === 'Ana'`))
	d.done("PATCH /sessions/current/account", `{"name":"Ana"}`)

	d.set(func() {
		d.refuse["PATCH /sessions/current/account"] = object{"status": 403, "code": "wrong_credentials"}
	})
	webtest.Run(t, ctx, account, chromedp.WaitVisible(webtest.By("ask-password")), chromedp.SendKeys(webtest.By("ask-password"), "short"),
		webtest.Click(webtest.By("ask-save")), webtest.Eventually(text("ask-error")+`.includes('present password')`),
		chromedp.SendKeys(webtest.By("ask-current_password"), "wrong"), webtest.Click(webtest.By("ask-save")), webtest.Eventually(text("ask-error")+`.includes('at least 12')`),
		chromedp.SendKeys(webtest.By("ask-password"), " and some more words "), webtest.Click(webtest.By("ask-save")),
		webtest.Eventually(text("ask-error")+` === 'The present password is wrong.'`), webtest.Click(webtest.By("ask-save")),
		webtest.Eventually(text("passing")+`.startsWith('Your password is changed')`))
	d.done("PATCH /sessions/current/account", `"current_password":"wrong","password":"short and some more words "`)
}

// R-MR-4: who administers a meeting room locks its call, mutes and removes.
func TestConsoleMeetingRoom(t *testing.T) {
	ctx := webtest.Browser(t)
	d, open := signInAt(t, "people=2")
	d.set(func() {
		for _, place := range d.session["places"].([]object) {
			if place["id"] == "m1" {
				place["permissions"] = []string{"meeting_rooms.enter", "meeting_rooms.read", "meeting_rooms.moderate"}
			}
		}
	})
	webtest.Run(t, ctx, open, webtest.Eval(`document.querySelector('[data-testid=enter-room]').click()`), chromedp.WaitVisible(webtest.By("tiles")),
		chromedp.WaitVisible(webtest.By("lock")), webtest.Click(webtest.By("lock")), webtest.Eventually(text("lock")+` === 'Unlock'`),
		webtest.Eval(`document.querySelector('[data-testid=people-toggle]').click()`), chromedp.WaitVisible(webtest.By("people-list")),
		// Others' news leave a button that is being pressed where it is.
		webtest.Eval(`(() => {
			window.pressed = document.querySelector('[data-participant=p1] [data-testid=person-remove]');
			const p = atrium.room.participants.get('p0');
			p.hand = true;
			atrium.room.emit('participants', {joined: [], left: [], changed: [p]});
		})()`),
		webtest.Eventually(`document.querySelector('[data-testid=person]').dataset.participant === 'p0' && document.querySelector('[data-participant=p1] [data-testid=person-remove]') === window.pressed`),
		webtest.Click(chromedp.CSS(`[data-participant=p0] [data-testid=person-mute]`)),
		webtest.Click(chromedp.CSS(`[data-participant=p1] [data-testid=person-remove]`)), chromedp.WaitVisible(webtest.By("ask-remove")), webtest.Click(webtest.By("ask-remove")),
		webtest.Eventually(`document.querySelector('[data-participant=self] [data-testid=person-remove]') === null`))
	d.done("POST /calls/c9/lock", `"locked":true`)
	d.done("POST /calls/c9/participants/p0/mute", `"muted":true,"source":"microphone"`)
	d.done("POST /calls/c9/participants/p1/remove", "")
	webtest.Run(t, ctx, webtest.Click(webtest.By("end-all")), chromedp.WaitVisible(webtest.By("ask-end")), webtest.Click(webtest.By("ask-end")), chromedp.WaitVisible(chromedp.CSS("#idle")))
	d.done("POST /calls/c9/end", "")
}

// A question that is closed and followed by another in one go leaves the next
// one its answer: browsers tell of the closing when the next is up already.
func TestQuestionsInARow(t *testing.T) {
	ctx := webtest.Browser(t)
	_, open := signInAt(t, "people=0")
	webtest.Run(t, ctx, open)
	got := webtest.Value[string](t, ctx, `(async () => {
		const { ask } = await import('/assets/dialog.js');
		const dialog = document.getElementById('ask');
		const of = (title, run) => ask({ title, run, fields: [{ name: 'to', label: 'To', type: 'text' }], choices: [{ value: 'go', label: 'Go' }] });
		const got = async (question) => {
			const never = new Promise((resolve) => setTimeout(resolve, 5000, { choice: 'never' }));
			return (await Promise.race([question, never]))?.choice ?? null;
		};
		const press = (id) => dialog.querySelector('[data-testid=ask-' + id + ']').click();
		const told = new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
		let slow;
		const cancelled = of('one', () => new Promise((resolve) => (slow = resolve)));
		press('go');
		press('cancel');
		const answered = of('two');
		await told;
		slow();
		await new Promise((resolve) => setTimeout(resolve));
		const up = dialog.open;
		press('go');
		return JSON.stringify([await got(cancelled), up, await got(answered), dialog.open]);
	})()`)
	if want := `[null,true,"go",false]`; got != want {
		t.Errorf("closed, and asked again: %s, want %s", got, want)
	}
}
