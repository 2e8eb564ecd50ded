package endtoend

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/atriumrtc/atrium/control/web/webtest"
)

// Pages outlive the server: it is killed and started again while a guest
// waits, and while they are seen, and both go on from where they were.
func TestPagesOutliveTheServer(t *testing.T) {
	k := &killable{t: t, dir: t.TempDir(), port: freePort(t)}
	k.start()
	defer func() { k.kill() }()
	key, area, link := found(t, k)
	var appointee struct{ Invitation struct{ Link string } }
	err := newClient(t, k.url(), key).Do(t.Context(), http.MethodPost, "/areas/"+area+"/grants",
		object{"email": "adler@example.org", "name": "Dr Adler", "role": "provider", "copy": true}, &appointee)
	if err != nil {
		t.Fatal(err)
	}
	provider := &person{t, webtest.Browser(t), "Dr Adler"}
	provider.accept(appointee.Invitation.Link)
	maria := open(t, webtest.Browser(t), "Maria", link)
	maria.enter()
	maria.do(chromedp.WaitVisible(webtest.By("waiting")))
	provider.eventually(guest("Maria") + `?.textContent.includes('Camera and microphone work')`)

	again := func() {
		k.kill()
		maria.eventually(`window.atrium.room.state !== 'connected'`)
		k.start()
		maria.eventually(`window.atrium.room.state === 'connected'`)
	}
	again()
	if webtest.Value[bool](t, maria.ctx, `document.getElementById('waiting').hidden`) {
		t.Fatal("whoever waited doesn't any more")
	}
	provider.eventually(`window.atrium.feed.live && window.atrium.feed.visits.values().next().value.connected`)
	provider.act("Maria", "admit")
	maria.sees("Dr Adler", "camera")
	provider.sees("Maria", "camera")
	again()
	provider.eventually(`window.atrium.room.state === 'connected'`)
	maria.sees("Dr Adler", "camera")
	provider.sees("Maria", "camera")
}
