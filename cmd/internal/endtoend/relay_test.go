package endtoend

import (
	"fmt"
	"testing"

	"github.com/atriumrtc/atrium/control/web/webtest"
)

// Browsers that may use nothing but the embedded TURN server have a working
// call, over UDP and over TCP (SE-1, SE-15 in part).
func TestCallThroughTURN(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			s := startServer(t)
			browser := webtest.Browser(t)
			anna := &person{t, browser, "Anna"}
			ben := &person{t, webtest.Tab(t, browser), "Ben"}
			for _, p := range []*person{anna, ben} {
				p.do(webtest.BeforeLoad(tap), webtest.BeforeLoad(fmt.Sprintf(relayOnly, transport)))
				p.visit(s.RoomURL)
				p.join()
			}
			anna.sees("Ben", "camera")
			ben.sees("Anna", "camera")
			ben.growing("audio", "totalAudioEnergy", 0)
			used := webtest.Value[string](t, ben.ctx, selectedRelay)
			if want := "relay/" + transport; used != want {
				t.Errorf("the call goes over %q; want %q", used, want)
			}
		})
	}
}

// relayOnly leaves the page one kind of TURN URL and no other way.
const relayOnly = `window.rtcConfig = (c) => ({...c, iceTransportPolicy: 'relay', iceServers: (c.iceServers || []).map((s) => ({...s,
	urls: [s.urls].flat().filter((u) => u.startsWith('turn:') && (u.includes('transport=') ? u.includes('transport=%[1]s') : '%[1]s' === 'udp'))})).filter((s) => s.urls.length)})`

const selectedRelay = `window.selectedPair().then((p) => p ? p.local.candidateType + '/' + p.local.relayProtocol : 'nothing')`
