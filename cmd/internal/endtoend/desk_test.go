package endtoend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/atriumrtc/atrium/control/web/webtest"
)

// object is a JSON object.
type object = map[string]any

// ask sends a request to the API with the demo's key, and returns the answer.
func (s *server) ask(t *testing.T, method, path string, body object) object {
	t.Helper()
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+"/api/v1"+path, &content)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.APIKey)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var v object
	if err := json.NewDecoder(res.Body).Decode(&v); err != nil || res.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %v %v", method, path, res.StatusCode, v, err)
	}
	return v
}

// clinic makes a waiting area with a provider, who is invited.
func (s *server) clinic(t *testing.T) (area object, invitation string) {
	t.Helper()
	org := s.ask(t, "GET", "/organisation", nil)
	made := s.ask(t, "POST", "/organisations/"+org["id"].(string)+"/units", object{"name": "Cardiology"})
	unit := made["unit"].(object)["id"].(string)
	area = s.ask(t, "POST", "/units/"+unit+"/areas", object{"name": "Dr Adler", "settings": object{"show_position": true, "welcome": "Welcome."}})
	appointee := s.ask(t, "POST", "/areas/"+area["id"].(string)+"/grants",
		object{"email": "adler@example.org", "name": "Dr Adler", "role": "provider", "copy": true})
	return area, appointee["invitation"].(object)["link"].(string)
}

// guest is the console's card of a guest.
func guest(name string) string {
	return fmt.Sprintf(`[...document.querySelectorAll('[data-testid=guest]')].find((g) => g.querySelector('h3').textContent === %q)`, name)
}

// act presses a button of a guest's card.
func (p *person) act(name, button string) {
	p.t.Helper()
	find := fmt.Sprintf(`%s?.querySelector('[data-testid=%s]')`, guest(name), button)
	p.eventually(find + ` != null`)
	p.do(webtest.Eval(find + `.click()`))
}

// enter enters by the page of guests' links.
func (p *person) enter() {
	p.t.Helper()
	p.do(
		webtest.Eventually(`document.querySelector('[data-testid=pre-cam]').dataset.on === 'true'`),
		chromedp.SendKeys(webtest.By("name"), p.name),
		webtest.Click(webtest.By("enter")),
	)
}

// accept takes up an invitation as a member of staff, as far as the queue.
func (p *person) accept(invitation string) {
	p.t.Helper()
	p.do(
		chromedp.EmulateViewport(1280, 800), webtest.BeforeLoad(tap),
		chromedp.Navigate(invitation), chromedp.WaitVisible(webtest.By("password")),
		chromedp.SendKeys(webtest.By("password"), "correct horse battery staple"),
		webtest.Click(webtest.By("go")), chromedp.WaitVisible(webtest.By("queue-empty")),
	)
}

// The way of a guest through a waiting area, and of the provider who sees
// them, by the pages (R-IA-2, R-IA-5, R-WA-1, R-WA-3, R-WA-8, R-T-2).
func TestGuestIsSeen(t *testing.T) {
	s := startServer(t)
	area, invitation := s.clinic(t)
	staff := webtest.Browser(t)
	provider := &person{t, staff, "Dr Adler"}
	provider.accept(invitation)
	maria := open(t, webtest.Browser(t), "Maria", area["link"].(string))
	// part runs a part of the story, which fails by itself.
	part := func(name string, f func(t *testing.T)) {
		if t.Failed() {
			return
		}
		t.Run(name, func(t *testing.T) {
			maria.t, provider.t = t, t
			f(t)
		})
	}

	part("waits and is seen at once", func(t *testing.T) {
		provider.do(webtest.Eval(`window.shown = new Promise((done) => new MutationObserver(() => { if (` + guest("Maria") + `) done(Date.now()); }).observe(document.body, {childList: true, subtree: true}))`))
		maria.enter()
		maria.do(chromedp.WaitVisible(webtest.By("waiting")))
		ms := webtest.Value[float64](t, staff, `window.shown.then((at) => at - new Date(window.atrium.feed.visits.values().next().value.arrived_at).getTime())`)
		t.Logf("in the console %.0f ms after arriving", ms)
		if ms > 1000 {
			t.Errorf("in the console after %.0f ms, not within a second", ms)
		}
		maria.eventually(`document.querySelector('[data-testid=position]').textContent === 'You are next.'`)
		provider.eventually(guest("Maria") + `.textContent.includes('Camera and microphone work')`)
	})
	part("is written to", func(*testing.T) {
		provider.act("Maria", "message")
		provider.do(chromedp.SendKeys(webtest.By("ask-text"), "Five <b>minutes</b>"))
		provider.click("ask-send")
		maria.eventually(`document.querySelector('[data-testid=message] p')?.textContent === 'Five <b>minutes</b>'`)
	})
	part("comes back after a reload", func(*testing.T) {
		maria.do(chromedp.Reload(), chromedp.WaitVisible(webtest.By("waiting")))
		provider.eventually(`document.querySelectorAll('[data-testid=guest]').length === 1`)
	})
	part("is admitted", func(*testing.T) {
		provider.act("Maria", "admit")
		maria.do(chromedp.WaitVisible(webtest.By("call")))
		maria.sees("Dr Adler", "camera")
		provider.sees("Maria", "camera")
		maria.growing("audio", "totalAudioEnergy", 0)
	})
	part("hold and resume", func(*testing.T) {
		provider.act("Maria", "hold")
		maria.do(chromedp.WaitVisible(webtest.By("waiting")))
		maria.eventually(`document.querySelector('[data-testid=waiting-title]').textContent === 'You are on hold'`)
		provider.act("Maria", "resume")
		maria.do(chromedp.WaitVisible(webtest.By("call")))
		maria.sees("Dr Adler", "camera")
		provider.sees("Maria", "camera")
	})
	part("the end", func(*testing.T) {
		provider.click("end-all")
		provider.click("ask-end")
		maria.do(chromedp.WaitVisible(webtest.By("end")))
		maria.eventually(`document.querySelector('[data-testid=end-title]').textContent === 'The call has ended'`)
		provider.do(chromedp.WaitVisible(webtest.By("queue-empty")))
	})
	part("Consult Now", func(t *testing.T) { s.consultNow(t, provider, maria) })
}

// consultNow: R-CN-4 by the pages. Loading the page uses nothing up, entering
// leads straight to the provider, a reload comes back, and nobody else does.
func (s *server) consultNow(t *testing.T, provider, maria *person) {
	provider.click("consult-now")
	provider.click("ask-copy")
	provider.eventually(`document.querySelector('[data-testid=ask-link]')?.value.includes('/e#')`)
	link := webtest.Value[string](t, provider.ctx, `document.querySelector('[data-testid=ask-link]').value`)
	id := webtest.Value[string](t, provider.ctx, `[...window.atrium.feed.consults.keys()][0]`)
	provider.click("ask-cancel")
	state := func(want string) {
		t.Helper()
		if got := s.ask(t, "GET", "/consult-now/"+id, nil)["state"]; got != want {
			t.Fatalf("the link is %v, not %s", got, want)
		}
	}
	for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
		req, err := http.NewRequestWithContext(t.Context(), method, link, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
	state("sent")
	maria.visit(link)
	maria.do(chromedp.Reload(), chromedp.WaitVisible(webtest.By("name")))
	state("opened")
	maria.enter()
	maria.do(chromedp.WaitVisible(webtest.By("call")))
	state("entered")
	maria.sees("Dr Adler", "camera")
	provider.sees("Maria", "camera")
	maria.do(chromedp.Reload(), chromedp.WaitVisible(webtest.By("call")))
	maria.sees("Dr Adler", "camera")
	other := &person{t, webtest.Browser(t), "Somebody else"}
	other.do(chromedp.Navigate(link), chromedp.WaitVisible(webtest.By("end")),
		webtest.Eventually(`document.querySelector('[data-testid=end-title]').textContent === 'This link does not work'`))
}
