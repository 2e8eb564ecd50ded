//go:build screenshots

package web_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/atriumrtc/atrium/control/web/webtest"
)

var screenshots = flag.String("screenshots", "", "directory to write pictures of the pages to")

type scene struct {
	name  string
	query string
	then  []webtest.Step
}

// scenes of a call; `room` is the fake of testdata.
func scenes() []scene {
	speak := webtest.Eval(`atrium.room.emit('speakers', [{participant: 'p0', level: .8}])`)
	weak := webtest.Eval(`atrium.room.emit('quality', [{participant: 'p2', score: 'poor', reason: 'upload'}])`)
	chat := webtest.Eval(`atrium.room.say('p0', 'Good morning! Can everybody hear me?'); atrium.room.say('self', 'Yes, very well.');
		atrium.room.say('p2', 'I have put the letter here: please look at the second page when you have time.')`)
	return []scene{
		{"alone", "people=0", nil},
		{"two", "people=1", []webtest.Step{speak}},
		{"four", "people=3&ends=1", []webtest.Step{speak, weak, chat}},
		{"nine", "people=8", []webtest.Step{speak, weak}},
		{"sixty", "people=60&title=Group+consultation", []webtest.Step{speak}},
		{"screen", "people=5&screen=1", []webtest.Step{speak}},
		{"speaker", "people=24", []webtest.Step{speak, webtest.Click(webtest.By("more")), webtest.Click(webtest.By("mode-speaker")), webtest.Click(webtest.By("settings-close"))}},
		{"chat", "people=3", []webtest.Step{chat, webtest.Click(webtest.By("chat-toggle"))}},
		{"people", "people=6", []webtest.Step{weak, webtest.Eval(`document.querySelector('[data-testid=people-toggle]').click()`)}},
		{"settings", "people=3", []webtest.Step{webtest.Click(webtest.By("more")), webtest.Eventually(`document.querySelectorAll('#settings select').length > 1`)}},
		{"reconnecting", "people=3", []webtest.Step{webtest.Eval(`atrium.room.become('reconnecting')`), webtest.Click(webtest.By("mic"))}},
		{"end", "people=1", []webtest.Step{webtest.Click(webtest.By("leave"))}},
	}
}

// TestScreenshots writes pictures of every view for people to look at:
//
//	go test -tags screenshots ./control/web -run Screenshots -screenshots DIR
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Fatal("no -screenshots directory given")
	}
	if err := os.MkdirAll(*screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, device := range []struct {
		name          string
		width, height int64
		scale         float64
	}{{"desktop", 1280, 800, 1}, {"phone", 390, 844, 2}} {
		for _, colours := range []string{"light", "dark"} {
			t.Run(device.name+"-"+colours, func(t *testing.T) {
				size := chromedp.EmulateViewport(device.width, device.height, chromedp.EmulateScale(device.scale))
				if device.name == "phone" {
					size = chromedp.EmulateViewport(device.width, device.height, chromedp.EmulateScale(device.scale), chromedp.EmulateMobile, chromedp.EmulateTouch)
				}
				ctx := webtest.Browser(t)
				base := fakeServer(t).URL
				webtest.Run(t, ctx, size, prefer(colours))
				shot := func(name string) webtest.Step {
					return chromedp.Steps(
						webtest.Eventually(`[...document.querySelectorAll('video')].every((v) => !v.srcObject || v.hidden || v.offsetParent === null || v.readyState >= 2)`),
						// Some frames: what the last event changed is drawn.
						webtest.Eval(`new Promise((r) => requestAnimationFrame(() => setTimeout(r, 300)))`),
						picture(filepath.Join(*screenshots, name+"-"+device.name+"-"+colours+".png")))
				}
				webtest.Run(t, ctx, chromedp.Navigate(base+"/"), shot("landing"),
					chromedp.Navigate(base+"/nothing"), shot("missing"),
					chromedp.Navigate(base+"/r"), shot("no-link"),
					chromedp.Navigate(base+"/r?refuse=room_full#secret-of-a-room"), chromedp.WaitVisible(webtest.By("name")),
					webtest.Eventually(cameraOn), shot("prejoin"),
					webtest.Click(webtest.By("join")), shot("prejoin-no-name"),
					chromedp.SendKeys(webtest.By("name"), "Maria Lopez"), webtest.Click(webtest.By("join")),
					chromedp.WaitVisible(webtest.By("join-error")), shot("prejoin-full"))
				if !t.Run("desk", func(t *testing.T) {
					deskScenes(t, func(steps ...webtest.Step) { t.Helper(); webtest.Run(t, ctx, steps...) }, shot)
				}) {
					return
				}
				for _, s := range scenes() {
					t.Run(s.name, func(t *testing.T) {
						webtest.Run(t, ctx, enterCall(base, s.query+"&scene="+s.name), chromedp.Steps(s.then...), shot("call-"+s.name))
					})
				}
			})
		}
	}
}
