package endtoend

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/atriumrtc/atrium/control/web/webtest"
)

// What staff do in the console beside seeing guests, against the server
// itself: appointments and links (R-IA-3), links under way after a reload
// (R-CN-5), their own password, and a meeting room that they administer
// (R-MR-4).
func TestConsoleWork(t *testing.T) {
	s := startServer(t)
	area, invitation := s.clinic(t)
	id := area["id"].(string)
	p := &person{t, webtest.Browser(t), "Dr Adler"}
	p.accept(invitation)
	link := func() string {
		t.Helper()
		p.eventually(`document.querySelector('[data-testid=ask-link]')?.value.includes('/e#')`)
		shown := webtest.Value[string](t, p.ctx, `document.querySelector('[data-testid=ask-link]').value`)
		p.click("ask-cancel")
		return shown
	}

	p.click("book")
	p.do(chromedp.SendKeys(webtest.By("ask-guest"), "Maria"))
	p.click("ask-book")
	p.do(chromedp.WaitVisible(webtest.By("ask-to")))
	p.click("ask-copy")
	personal := link()
	p.do(chromedp.WaitVisible(webtest.By("appointment")))
	times := `document.querySelector('[data-testid=appointment] .guest-state').textContent`
	before := webtest.Value[string](t, p.ctx, times)
	p.click("appointment-change")
	p.do(chromedp.WaitVisible(webtest.By("ask-minutes")), webtest.Eval(`document.querySelector('[data-testid=ask-minutes]').value = '45'`))
	p.click("ask-change")
	p.eventually(fmt.Sprintf(`!document.querySelector('dialog[open]') && %s !== %q`, times, before))
	booked := s.ask(t, "GET", "/areas/"+id+"/appointments", nil)["items"].([]any)[0].(object)
	if booked["duration_minutes"] != 45.0 || booked["fields"].(object)["name"] != "Maria" || booked["link"] != personal {
		t.Errorf("changed to %v, its link was %s", booked, personal)
	}
	p.click("appointment-cancel")
	p.click("ask-cancel-it")
	p.eventually(`document.querySelector('[data-testid=appointment]') === null`)
	if now := s.ask(t, "GET", "/areas/"+id+"/appointments", nil)["items"].([]any)[0].(object); now["state"] != "cancelled" {
		t.Errorf("cancelled: %v", now)
	}

	p.click("send-area")
	p.do(chromedp.SendKeys(webtest.By("ask-to"), "maria@example.org"))
	p.click("ask-send") // nothing is set up that could
	if got := link(); got != area["link"] {
		t.Errorf("the area's link is %s, shown was %s", area["link"], got)
	}

	p.click("consult-now")
	p.click("ask-copy")
	once := link()
	p.do(chromedp.Reload(), chromedp.WaitVisible(webtest.By("copy-consult")))
	if got := webtest.Value[string](t, p.ctx, `[...window.atrium.feed.consults.values()][0].link`); got != once {
		t.Errorf("after a reload the link is %s, it was %s", got, once)
	}

	p.do(webtest.Eval(`document.querySelector('#own-menu summary').click(); document.querySelector('[data-testid=own-account]').click()`),
		chromedp.SendKeys(webtest.By("ask-current_password"), "wrong"), chromedp.SendKeys(webtest.By("ask-password"), "nine loud yellow herons"))
	p.click("ask-save")
	p.eventually(`document.querySelector('[data-testid=ask-error]').textContent === 'The present password is wrong.'`)
	p.do(webtest.Eval(`document.querySelector('[data-testid=ask-current_password]').value = 'correct horse battery staple'`))
	p.click("ask-save")
	p.eventually(`document.querySelector('[data-testid=passing]').textContent.startsWith('Your password is changed')`)

	room := s.ask(t, "POST", "/units/"+area["unit_id"].(string)+"/meeting-rooms", object{"name": "Team room"})
	s.ask(t, "POST", "/meeting-rooms/"+room["id"].(string)+"/members", object{"email": "adler@example.org", "role": "room_admin"})
	p.do(chromedp.Reload(), chromedp.WaitVisible(webtest.By("enter-room")))
	p.click("enter-room")
	p.eventually(`!document.querySelector('[data-testid=lock]').hidden && document.querySelector('[data-testid=invite]').hidden`)
	p.click("lock")
	p.eventually(`document.querySelector('[data-testid=lock]').textContent === 'Unlock'`)
	entry := strings.NewReader(`{"link":"` + room["link"].(string) + `","fields":{"name":"Maria"}}`)
	res, err := http.Post(s.URL+"/api/v1/entry", "application/json", entry)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusConflict {
		t.Errorf("entering a locked meeting: %s", res.Status)
	}
	p.click("end-all")
	p.click("ask-end")
	p.do(chromedp.WaitVisible(chromedp.CSS("#idle")))
}
