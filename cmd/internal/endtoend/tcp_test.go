package endtoend

import (
	"testing"

	"github.com/atriumrtc/atrium/control/web/webtest"
)

// Browsers that can't reach the server's UDP port, and know no relay, have a
// working call by ICE/TCP (SE-15 in part).
func TestCallOverICETCP(t *testing.T) {
	s := startServer(t)
	browser := webtest.Browser(t)
	anna := &person{t, browser, "Anna"}
	ben := &person{t, webtest.Tab(t, browser), "Ben"}
	for _, p := range []*person{anna, ben} {
		p.do(webtest.BeforeLoad(tap), webtest.BeforeLoad(noRelay), webtest.BeforeLoad(noUDP))
		p.visit(s.RoomURL)
		p.join()
	}
	anna.sees("Ben", "camera")
	ben.sees("Anna", "camera")
	ben.growing("audio", "totalAudioEnergy", 0)
	for _, p := range []*person{anna, ben} {
		used := webtest.Value[string](t, p.ctx, `window.selectedPair().then((p) => p.remote.candidateType + '/' + p.remote.protocol)`)
		if used != "host/tcp" {
			t.Errorf("%s's call goes over %q; want host/tcp", p.name, used)
		}
	}
}

// noRelay takes the TURN servers out of the page's reach.
const noRelay = `window.rtcConfig = (c) => ({...c, iceServers: []})`

// noUDP takes the UDP candidates out of the answer.
const noUDP = `window.rewriteAnswer = (sdp) => sdp.replace(/^a=candidate:\S+ \d+ udp .*\r\n/gim, '')`
