package web_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/atriumrtc/atrium/control/web/webtest"
)

func text(id string) string {
	return `document.querySelector('[data-testid=` + id + `]').textContent`
}

// enterArea opens the guest's page and enters.
func enterArea(d *desk, query string) webtest.Step {
	return chromedp.Steps(
		chromedp.Navigate(d.URL+"/e?"+query+"#secret-of-an-area"),
		chromedp.WaitVisible(webtest.By("name")), webtest.Eventually(cameraOn),
		chromedp.SendKeys(webtest.By("name"), "Maria  Lopez"),
		webtest.Click(webtest.By("enter")),
	)
}

// R-IA-2, R-WA-3, R-WA-6, R-IA-5: a guest enters, waits, is told how many are
// before them and what staff write, is admitted, put on hold, taken back, and
// sees the end.
func TestGuestsStory(t *testing.T) {
	ctx := webtest.Browser(t)
	d := newDesk(t)
	webtest.Run(t, ctx, enterArea(d, "parked=1&people=1"), chromedp.WaitVisible(webtest.By("waiting")),
		webtest.Eventually(text("position")+` === 'There are 2 people before you.'`))
	d.done("POST /entry", `"fields":{"name":"Maria Lopez"},"link":"secret-of-an-area"`)
	d.done("POST /visits/v1/device", `"camera":true,"microphone":true`)
	if hidden := webtest.Value[bool](t, ctx, `document.getElementById('call').hidden && document.querySelector('#waiting-check [data-testid=preview]').videoWidth >= 0`); !hidden {
		t.Error("somebody who waits is shown a call, or not themselves")
	}
	d.tell("/visits/v1", "visit", guestVisit("waiting", object{"position": 1, "messages": []object{{"from": "Dr Adler", "text": "Five <b>minutes</b> more, please."}}}))
	webtest.Run(t, ctx, webtest.Eventually(text("position")+` === 'You are next.'`),
		webtest.Eventually(`document.querySelector('[data-testid=message] p').textContent === 'Five <b>minutes</b> more, please.'`),
		webtest.Eventually(`document.getElementById('messages').getAttribute('aria-live') === 'polite'`))
	// Admitted: the media decides, before and after what the stream says.
	webtest.Run(t, ctx, webtest.Eval(`atrium.room.move('r1', 'Dr Adler')`), chromedp.WaitVisible(webtest.By("call")),
		webtest.Eventually(`document.getElementById('waiting').hidden && document.querySelectorAll('[data-testid=tile]').length === 2`))
	if copies := webtest.Value[int](t, ctx, `document.querySelectorAll('[data-testid=copy-link], .people-foot').length`); copies != 0 {
		t.Error("a guest is offered to pass the area's link on")
	}
	d.tell("/visits/v1", "visit", guestVisit("in_call", object{"position": 0}))
	webtest.Run(t, ctx, webtest.Eval(`atrium.room.move('', '')`), chromedp.WaitVisible(webtest.By("waiting")),
		webtest.Eventually(text("waiting-title")+` === 'You are on hold'`),
		webtest.Eventually(`document.getElementById('call').hidden`))
	d.tell("/visits/v1", "visit", guestVisit("on_hold", object{"position": 0}))
	webtest.Run(t, ctx, webtest.Eval(`atrium.room.move('r1', 'Dr Adler')`), chromedp.WaitVisible(webtest.By("call")))
	d.tell("/visits/v1", "visit", guestVisit("ended", object{"outcome": "completed"}))
	webtest.Run(t, ctx, chromedp.WaitVisible(webtest.By("end")), webtest.Eventually(text("end-title")+` === 'The call has ended'`))
	kept := webtest.Value[string](t, ctx, `JSON.stringify([{...sessionStorage}, {...localStorage}, document.cookie])`)
	if strings.Contains(kept, "v1") || strings.Contains(kept, "secret") || strings.Contains(kept, "Lopez") {
		t.Errorf("after the end the browser keeps %s", kept)
	}
}

// R-CN-4: opening the page sends nothing that uses a link up, and a dead link
// is one calm page. A reload leads back to the visit though the link is used.
func TestGuestsLink(t *testing.T) {
	ctx := webtest.Browser(t)
	d := newDesk(t)
	d.set(func() { d.lobby["kind"] = "consult_now" })
	webtest.Run(t, ctx, chromedp.Navigate(d.URL+"/e?parked=1&people=1#secret-of-an-area"), chromedp.WaitVisible(webtest.By("enter")))
	if d.did("POST /entry", "") {
		t.Error("opening the page has entered")
	}
	webtest.Run(t, ctx, chromedp.SendKeys(webtest.By("name"), "Maria"), webtest.Click(webtest.By("enter")), chromedp.WaitVisible(webtest.By("waiting")))
	kept := webtest.Value[string](t, ctx, `JSON.stringify([{...sessionStorage}, {...localStorage}, document.cookie])`)
	if strings.Contains(kept, "secret-of-an-area") || strings.Contains(kept, "atv_") || !strings.Contains(kept, "v1") {
		t.Errorf("kept: %s", kept)
	}
	d.set(func() { d.lobby, d.sent = nil, nil })
	webtest.Run(t, ctx, chromedp.Reload(), chromedp.WaitVisible(webtest.By("waiting")))
	d.done("POST /visits/v1/token", "")
	if d.did("POST /entry", "") {
		t.Error("the reload has entered again")
	}
	// Somebody else with the same link.
	webtest.Run(t, ctx, webtest.Eval(`localStorage.clear(); sessionStorage.clear()`))
	d.set(func() { d.visit = nil })
	webtest.Run(t, ctx, chromedp.Reload(), chromedp.WaitVisible(webtest.By("end")),
		webtest.Eventually(text("end-title")+` === 'This link does not work'`))
}

// R-IA-3b, R-WA-2, R-MR-3: the fields and the consent that are configured, a
// closed and a suspended place, and that meeting rooms aren't for clinical use.
func TestGuestsForm(t *testing.T) {
	ctx := webtest.Browser(t)
	d := newDesk(t)
	d.set(func() {
		d.lobby["terms"] = "We keep nothing."
		d.lobby["fields"] = []object{{"key": "name", "required": true}, {"key": "phone", "required": true},
			{"key": "date_of_birth"}, {"key": "reference", "label": "Insurance <i>number</i>"}, {"key": "text"}}
	})
	focused := func(id string) webtest.Step { return webtest.Eventually(`document.activeElement.id === '` + id + `'`) }
	webtest.Run(t, ctx, chromedp.Navigate(d.URL+"/e?parked=1#secret-of-an-area"), chromedp.WaitVisible(webtest.By("text")), webtest.Eventually(cameraOn),
		webtest.Click(webtest.By("enter")), focused("field-name"),
		webtest.Eventually(`document.getElementById('consent-error').textContent !== ''`),
		webtest.Eventually(`document.querySelector('label[for=field-reference]').textContent.startsWith('Insurance <i>number</i>')`),
		chromedp.SendKeys(webtest.By("name"), "Maria"), chromedp.SendKeys(webtest.By("phone"), "1"), webtest.Click(webtest.By("enter")), focused("consent"))
	if d.did("POST /entry", "") {
		t.Error("entered without consent")
	}
	webtest.Run(t, ctx, webtest.Click(webtest.By("consent")), webtest.Click(webtest.By("enter")), focused("field-phone"),
		webtest.Eventually(`document.getElementById('field-phone-error').textContent.startsWith('Please enter a phone number')`),
		chromedp.SendKeys(webtest.By("phone"), "23 456"), webtest.Click(webtest.By("enter")), chromedp.WaitVisible(webtest.By("waiting")))
	d.done("POST /entry", `{"consent":true,"fields":{"name":"Maria","phone":"123 456"}`)
	webtest.Run(t, ctx, webtest.Click(webtest.By("leave-waiting")), chromedp.WaitVisible(webtest.By("end")),
		webtest.Eventually(text("end-title")+` === 'You have left'`))
	d.done("POST /visits/v1/leave", "")

	d.set(func() { d.visit = nil; d.lobby["open"] = false; d.lobby["opens_at"] = "2126-03-04T09:00:00Z" })
	webtest.Run(t, ctx, chromedp.Navigate(d.URL+"/e?x=1#secret-of-an-area"), chromedp.WaitVisible(webtest.By("closed")),
		webtest.Eventually(`document.getElementById('closed-text').textContent.includes('It opens')`))
	d.set(func() { d.lobby["suspended"] = true; d.lobby["reason"] = "Back at 2 pm" })
	webtest.Run(t, ctx, webtest.Click(chromedp.CSS("#look-again")), webtest.Eventually(`document.getElementById('closed-text').textContent === 'Back at 2 pm'`))
	d.set(func() {
		d.lobby = object{"kind": "meeting_room", "name": "Team room", "open": true, "fields": []object{{"key": "name", "required": true}}}
	})
	webtest.Run(t, ctx, webtest.Click(chromedp.CSS("#look-again")), chromedp.WaitVisible(webtest.By("not-clinical")))
	d.set(func() { d.refuse["POST /entry"] = object{"status": 409, "code": "call_full"} })
	webtest.Run(t, ctx, chromedp.SendKeys(webtest.By("name"), "Maria"), webtest.Click(webtest.By("enter")),
		webtest.Eventually(text("enter-error")+`.includes('As many people as the call holds')`))
}

// R-GC-2: who registers for a group is on a page whose address is their own
// link, is asked nothing again, and requests access when they enter there.
func TestGuestRegisters(t *testing.T) {
	ctx := webtest.Browser(t)
	d := newDesk(t)
	d.set(func() { d.lobby["kind"], d.lobby["name"] = "registration", "Coping" })
	webtest.Run(t, ctx, chromedp.Navigate(d.URL+"/e?parked=1#secret-of-a-group"), chromedp.WaitVisible(webtest.By("name")),
		webtest.Eventually(text("enter")+` === 'Register'`), chromedp.SendKeys(webtest.By("name"), "Maria"), webtest.Click(webtest.By("enter")))
	d.done("POST /entry", `"fields":{"name":"Maria"},"link":"secret-of-a-group"`)
	d.done("POST /entry/look", `"link":"own-secret"`) // by the next page
	webtest.Run(t, ctx,
		webtest.Eventually(`location.hash === '#own-secret' && document.querySelector('[data-testid=name]') === null`),
		webtest.Eventually(`document.getElementById('entry-title').textContent === 'You are registered'`))
	webtest.Run(t, ctx, webtest.Eventually(text("enter")+` === 'Enter'`), webtest.Click(webtest.By("enter")), chromedp.WaitVisible(webtest.By("waiting")))
	d.done("POST /entry", `"fields":{},"link":"own-secret"`)
}
