package endtoend

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/atriumrtc/atrium/control/web/webtest"
)

// The first call: both links that atrium dev prints are opened, and the two
// see and hear each other (R-IC).
func TestTwoBrowsersMeet(t *testing.T) {
	s := startServer(t)
	browser := webtest.Browser(t,
		chromedp.Flag("ignore-certificate-errors", true),
		chromedp.Flag("auto-select-tab-capture-source-by-title", "Atrium"),
		chromedp.Flag("auto-select-desktop-capture-source", "Entire screen"),
	)
	anna := open(t, browser, "Anna", s.RoomURL)
	second := s.RoomURL
	if s.Secure != "" {
		second = s.Secure
	}
	ben := open(t, webtest.Tab(t, browser), "Ben", second)
	anna.join()
	ben.join()
	// part runs a part of the story, which fails by itself.
	part := func(name string, f func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			anna.t, ben.t = t, t
			f(t)
		})
	}

	part("both see and hear", func(*testing.T) {
		anna.sees("Ben", "camera")
		ben.sees("Anna", "camera")
		anna.growing("audio", "totalAudioEnergy", 0)
		ben.growing("audio", "totalAudioEnergy", 0)
	})
	part("chat", func(*testing.T) {
		anna.click("chat-toggle")
		anna.do(chromedp.SendKeys(webtest.By("chat-input"), "Hello <b>Ben</b>"))
		anna.click("chat-send")
		ben.click("chat-toggle")
		ben.eventually(`[...document.querySelectorAll('[data-testid=chat-message]')].some((m) => m.textContent.includes('Hello <b>Ben</b>'))`)
		ben.click("chat-toggle")
		anna.click("chat-toggle")
	})
	part("screen share", func(*testing.T) {
		anna.click("share")
		ben.eventually(tile("Anna", "screen") + `.some((t) => t.querySelector('video')?.videoWidth > 0)`)
		anna.click("share")
		ben.eventually(tile("Anna", "screen") + `.length === 0`)
	})
	part("mute silences", func(*testing.T) {
		anna.click("mic")
		ben.eventually(`(async () => { const a = await window.sum('audio', 'packetsReceived'); await new Promise((r) => setTimeout(r, 500)); return a === await window.sum('audio', 'packetsReceived'); })()`)
		anna.click("mic")
		ben.growing("audio", "packetsReceived", 10)
	})
	part("reload returns to the seat", func(t *testing.T) {
		before := ben.id()
		ben.do(chromedp.Reload())
		ben.do(chromedp.WaitVisible(webtest.By("call")))
		ben.sees("Anna", "camera")
		anna.sees("Ben", "camera")
		if after := ben.id(); after != before || before == "" {
			t.Errorf("after the reload Ben is %q, before %q", after, before)
		}
		anna.eventually(tile("Ben", "camera") + `.length === 1`)
	})
	part("leaving", func(*testing.T) {
		ben.click("leave")
		ben.do(chromedp.WaitVisible(webtest.By("end")))
		anna.eventually(tile("Ben", "camera") + `.length === 0`)
	})
}
