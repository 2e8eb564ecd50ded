//go:build screenshots

package web_test

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/atriumrtc/atrium/control/web/webtest"
)

// deskScenes takes pictures of the guest's page and of the console.
func deskScenes(t *testing.T, see func(steps ...webtest.Step), shot func(string) webtest.Step) {
	d := newDesk(t)
	d.set(func() {
		d.lobby["fields"] = []object{{"key": "name", "required": true}, {"key": "phone"}}
		d.lobby["terms"] = "We use what you write here for this visit only, and delete it when the call has ended. Nothing is recorded."
		d.lobby["welcome"] = "Please have your insurance card at hand."
	})
	enter := []webtest.Step{chromedp.WaitVisible(webtest.By("name")), webtest.Eventually(cameraOn),
		chromedp.SendKeys(webtest.By("name"), "Maria Lopez"), webtest.Eval(`document.getElementById('consent')?.click()`)}
	see(chromedp.Navigate(d.URL+"/e?parked=1&people=1#secret-of-an-area"), chromedp.Steps(enter...), shot("guest-entry"),
		webtest.Eval(`document.getElementById('consent').click()`), webtest.Eval(`document.getElementById('enter').click()`), shot("guest-entry-consent"),
		webtest.Eval(`document.getElementById('consent').click(); document.getElementById('enter').click()`), chromedp.WaitVisible(webtest.By("waiting")), shot("guest-waiting"))
	d.tell("/visits/v1", "visit", guestVisit("on_hold", object{"phone": "+43 1 234 56 78", "welcome": "Please have your insurance card at hand.",
		"messages": []object{{"from": "Dr Adler", "text": "I am getting the test results and will be back in five minutes."}}}))
	see(webtest.Eventually(text("waiting-title")+` === 'You are on hold'`), shot("guest-hold"), webtest.Eval(`atrium.room.move('r1', 'Dr Adler')`),
		chromedp.WaitVisible(webtest.By("call")), shot("guest-call"))
	d.tell("/visits/v1", "visit", guestVisit("ended", object{"outcome": "completed"}))
	see(chromedp.WaitVisible(webtest.By("end")), shot("guest-end"))
	d.set(func() { d.visit = nil; d.lobby["open"] = false; d.lobby["opens_at"] = "2126-03-04T09:00:00Z" })
	see(chromedp.Navigate(d.URL+"/e?closed#secret-of-an-area"), chromedp.WaitVisible(webtest.By("closed")), shot("guest-closed"))
	d.set(func() {
		d.lobby = object{"kind": "meeting_room", "name": "Team room", "organisation": "Clinic West", "open": true}
	})
	see(chromedp.Navigate(d.URL+"/e?room#secret-of-a-room"), chromedp.WaitVisible(webtest.By("not-clinical")), webtest.Eventually(cameraOn), shot("guest-meeting-room"))

	see(chromedp.Navigate(d.URL+"/console?x"), chromedp.WaitVisible(webtest.By("signin")), shot("console-sign-in"))
	d.set(func() { d.link = object{"kind": "invitation", "organisation": "Clinic West"} })
	see(chromedp.Navigate(d.URL+"/i#secret-of-a-link"), chromedp.WaitVisible(webtest.By("ready")), shot("invitation"))
	d.set(func() {
		d.session, d.queue = signedIn(), someQueue()
		sent := consult("sent", "")
		sent["id"], sent["address"], sent["channel"] = "k0", "+43 660 765 43 21", "sms"
		d.booked, d.links = []object{appointment("p1", "Ingrid Dahl", 1), appointment("p2", "Samuel Adeyemi", 1), appointment("p4", "José Ortega", 3)}, []object{sent}
	})
	see(chromedp.Navigate(d.URL+"/console?people=1&self=Dr+Adler&title=Consultation"), webtest.Eventually(`document.querySelectorAll('[data-testid=guest]').length === 5`), shot("console-queue"),
		webtest.Eval(`document.querySelector('[data-visit=v2] summary').click()`), shot("console-more"), webtest.Eval(`document.querySelector('[data-visit=v2] summary').click()`),
		webtest.Eval(`document.querySelector('#appointments summary').click()`), chromedp.WaitVisible(webtest.By("appointment")),
		webtest.Eval(`document.getElementById('appointments').scrollIntoView()`), shot("console-appointments"),
		webtest.Eval(`document.querySelector('[data-testid=appointment-change]').click()`), shot("console-appointment-change"), webtest.Click(webtest.By("ask-cancel")),
		webtest.Eval(`document.querySelector('#appointments summary').click(); document.querySelector('[data-testid=own-account]').click()`), shot("console-account"), webtest.Click(webtest.By("ask-cancel")),
		webtest.Eval(`document.querySelector('[data-testid=send-area]').click()`), shot("console-send"), webtest.Click(webtest.By("ask-cancel")),
		webtest.Eval(`document.querySelector('.column').scrollTo(0, 0)`),
		webtest.Click(webtest.By("consult-now")), shot("console-consult-now"), webtest.Click(webtest.By("ask-copy")),
		webtest.Eventually(`document.querySelector('[data-testid=ask-link]')?.value.endsWith('/e#consult-secret')`), shot("console-link"), webtest.Click(webtest.By("ask-cancel")),
		chromedp.WaitVisible(webtest.By("tiles")), shot("console-call"),
		webtest.Eval(`document.querySelector('[data-testid=people-toggle]').click()`), shot("console-people"), webtest.Eval(`document.querySelector('[data-testid=people-toggle]').click()`),
		webtest.Eval(`document.getElementById('show-queue').click()`), shot("console-call-queue"),
		webtest.Eval(`document.getElementById('show-call').click()`), webtest.Click(webtest.By("leave")), shot("console-leave"))
}
