//go:build long

package endtoend

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control/web/webtest"
	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/client/check"
	"github.com/atriumrtc/atrium/signal/client/source"
	"github.com/atriumrtc/atrium/signal/message"
)

// How long the parts of a long call are.
const (
	quietTime = 10 * time.Second // between two disturbances
	lossTime  = 10 * time.Second
	tcpTime   = 5 * time.Second
	// mend is how long it may take until everything is again as it was.
	mend = 60 * time.Second
	// busyMend is the same where the machine is too busy.
	busyMend = 4 * time.Minute
	// most a viewer may see nothing new of somebody who loses one packet in
	// twenty.
	lossStand = 3 * time.Second
)

// traveller is a participant whose road is disturbed.
type traveller struct {
	name    string
	road    *road
	restart func() // ICE
}

// longCall is a call of two browsers and two clients, of which Anna and Dora
// have an undisturbed way to the server, Ben (a browser) and Carl their own
// roads.
type longCall struct {
	t     *testing.T
	s     *server
	watch *watch
	pages []*watchedPage
	pions []*watchedClient
	roads []traveller
}

// Through the server's own SRTP, browsers and clients see and hear each other
// for ten minutes, in which sequence numbers and timestamps wrap, ICE restarts
// in mid-call, UDP goes away and comes back, and packets get lost. Nobody's
// picture freezes, nothing stands still or is lost but where and while a
// disturbance explains it (see there which, and what none explains), and not one
// packet fails to be authentic (SE-11, SE-14, SE-15). The debug build of the
// server sees to it that no nonce is used twice. It is so with runs of packets
// (GSO) and, for half the time, without.
func TestFastPathTenMinutes(t *testing.T) {
	length := setDuration(t, "ATRIUM_LONG_CALL", 10*time.Minute)
	t.Run("gso", func(t *testing.T) { runLongCall(t, length, true, "--media-srtp=own") })
	t.Run("no gso", func(t *testing.T) { runLongCall(t, length/2, false, "--media-srtp=own", "--media-gso=false") })
}

// The same for a minute through pion's SRTP, which stays selectable.
func TestPionPathOneMinute(t *testing.T) {
	runLongCall(t, setDuration(t, "ATRIUM_LONG_CALL", time.Minute), false, "--media-srtp=pion")
}

// runLongCall runs a call on a server with these arguments. runs says whether
// packets leave it in runs. Time in which the machine was too busy doesn't count
// as part of the call, which then takes longer, up to half as long again.
func runLongCall(t *testing.T, length time.Duration, runs bool, args ...string) {
	t.Helper()
	c := startLongCall(t, length, args...)
	before := c.s.metrics(t)
	c.pass(quietTime)
	from := time.Now()
	for round := 0; round == 0 || c.watch.quietTime() < length && time.Since(from) < length+length/2; round++ {
		for _, who := range c.roads {
			c.lossy(who)
			c.restarted(who)
			c.withoutUDP(who)
		}
	}
	c.pass(quietTime)
	t.Logf("%s\n%s", c.at(), c.watch)
	if good := c.watch.quietTime(); good < length/2 {
		t.Errorf("the machine was good enough for %s of %s: run the test where nothing else runs", good.Round(time.Second), c.at())
	}
	c.judge(before, runs)
}

// startLongCall brings everybody together.
func startLongCall(t *testing.T, length time.Duration, args ...string) *longCall {
	t.Helper()
	c := &longCall{t: t}
	var udpPort, tcpPort int
	c.s, udpPort, tcpPort = startDebug(t, args...)
	var room struct{ ID, Link string }
	c.s.post(t, "/rooms", `{"type":"plain","capacity":5}`, &room)
	bens, carls := newRoad(t, udpPort, tcpPort, 1), newRoad(t, udpPort, tcpPort, 2)

	browser := webtest.BrowserFor(t, 2*length+15*time.Minute)
	anna := &watchedPage{person: &person{t, browser, "Anna"}}
	ben := &watchedPage{person: &person{t, webtest.Tab(t, browser), "Ben"}}
	for p, js := range map[*watchedPage]string{anna: `null`, ben: bens.inPage()} {
		p.do(webtest.BeforeLoad(tap), webtest.BeforeLoad(noRelay), webtest.BeforeLoad(js))
		p.visit(room.Link)
	}
	video := newClip(t, anna.person, clipShape{150, 30, []clipEncoding{{"q", 320, 180, 150_000}, {"h", 640, 360, 600_000}}})
	carl := c.join(room.ID, "Carl", carls.signalling(c.s), client.Publication{Source: message.SourceCamera, Video: video})
	dora := c.join(room.ID, "Dora", c.s.URL)
	for _, p := range []*watchedPage{anna, ben} {
		p.join()
		p.begin()
		c.pages = append(c.pages, p)
	}
	c.pions = []*watchedClient{carl, dora}
	c.roads = []traveller{
		{"Ben", bens, ben.restart},
		{"Carl", carls, func() { c.restartClient(carl) }},
	}
	anna.sees("Ben", "camera")
	anna.sees("Carl", "camera")
	ben.sees("Anna", "camera")
	ben.sees("Carl", "camera")
	c.watch = newWatch(anna, ben, carl, dora, startMetronome(c.t))
	// Layers come on one after the other.
	for _, v := range c.watch.viewers[:4] {
		d := c.watch.begin("joining", v.called())
		c.until("all that "+v.called()+" sees", func() bool { return c.watch.recovered(v.called()) })
		d.until = c.watch.seen()
	}
	return c
}

// join brings in a client that publishes a microphone, and what else it is given.
func (c *longCall) join(room, name, url string, also ...client.Publication) *watchedClient {
	c.t.Helper()
	return &watchedClient{name, connect(c.t, c.s, room, name, "participant", url,
		append(also, client.Publication{Source: message.SourceMicrophone, Audio: source.NewSpeech(source.SpeechConfig{})})...)}
}

// token is a join token for a new participant.
func (s *server) token(ctx context.Context, room, name, role string) (string, error) {
	var made struct{ Token string }
	err := s.try(ctx, "/rooms/"+room+"/tokens", fmt.Sprintf(`{"name":%q,"role":%q}`, name, role), &made)
	return made.Token, err
}

func (c *longCall) restartClient(cl *watchedClient) {
	ctx, cancel := context.WithTimeout(c.t.Context(), mend)
	defer cancel()
	if err := cl.ICERestart(ctx); err != nil {
		c.t.Errorf("%s: ICE restart: %v", cl.name, err)
	}
}

// pass lets time go by, looking at everybody.
func (c *longCall) pass(d time.Duration) {
	c.t.Helper()
	end := time.Now().Add(d)
	tick := time.NewTicker(look)
	defer tick.Stop()
	for time.Now().Before(end) {
		<-tick.C
		c.watch.look()
	}
}

// until lets time go by until something holds, and says how long that took.
// Time in which the machine is too busy isn't held against anybody.
func (c *longCall) until(what string, holds func() bool) time.Duration {
	c.t.Helper()
	from, good := time.Now(), c.watch.quietTime()
	for !holds() {
		if c.watch.quietTime()-good > mend || time.Since(from) > busyMend {
			c.t.Fatalf("not within %s: %s\n%s", time.Since(from).Round(time.Second), what, c.watch)
		}
		c.pass(look)
	}
	return time.Since(from)
}

// lossy loses one packet in twenty, both ways.
func (c *longCall) lossy(who traveller) {
	c.t.Helper()
	d := c.watch.begin("loss", who.name)
	lost := who.road.dropped.Load()
	who.road.lost.Store(50)
	c.pass(lossTime)
	who.road.lost.Store(0)
	for _, f := range c.watch.standing(who.name, d.from, lossStand) {
		c.watch.breaks = append(c.watch.breaks, f)
	}
	if who.road.dropped.Load() == lost {
		c.t.Errorf("%s's road lost nothing", who.name)
	}
	c.settle(who, d)
}

// settle gives somebody time to recover, which ends the disturbance, and then
// everybody an undisturbed one.
func (c *longCall) settle(who traveller, d *disturbance) {
	c.t.Helper()
	c.watch.calmed[who.name] = 0 // with some loss it came at its rate, too
	c.until("all to and from "+who.name+" at its rate", func() bool { return c.watch.recovered(who.name) })
	d.until = c.watch.seen()
	c.pass(quietTime)
}

// restarted restarts ICE while media flows.
func (c *longCall) restarted(who traveller) {
	c.t.Helper()
	const offers = "atrium_media_offers_total"
	before := c.s.metrics(c.t)[offers]
	d := c.watch.begin("ICE restart", who.name)
	who.restart()
	took := c.until("an ICE restart of "+who.name, func() bool {
		return c.s.metrics(c.t)[offers] > before && c.watch.flows(who.name)
	})
	c.t.Logf("%s: %s restarted ICE, media flows after %s", c.at(), who.name, took.Round(look))
	c.settle(who, d)
}

// withoutUDP blocks somebody's UDP until all goes by TCP, and lets UDP through
// again until it all goes by that.
func (c *longCall) withoutUDP(who traveller) {
	c.t.Helper()
	d := c.watch.begin("UDP taken away", who.name)
	who.road.blocked.Store(true)
	bytes := who.road.stream.Load()
	tried := time.Now()
	took := c.until("TCP for "+who.name, func() bool {
		// A browser finds out by itself; a plain client does what it is told.
		if _, page := c.page(who.name); !page && time.Since(tried) > 8*time.Second {
			tried = time.Now()
			who.restart()
		}
		moved := who.road.stream.Load() - bytes
		bytes += moved
		return moved > 10_000 && c.watch.flows(who.name)
	})
	c.t.Logf("%s: %s without UDP, media flows by TCP after %s", c.at(), who.name, took.Round(look))
	c.pass(tcpTime)
	c.until("all to and from "+who.name+" over TCP", func() bool { return c.watch.flows(who.name) })
	who.road.blocked.Store(false)
	tried = time.Time{}
	datagrams := who.road.datagrams.Load()
	bytes = who.road.stream.Load()
	took = c.until("UDP again for "+who.name, func() bool {
		if time.Since(tried) > 8*time.Second {
			tried = time.Now()
			who.restart()
		}
		sent, moved := who.road.datagrams.Load()-datagrams, who.road.stream.Load()-bytes
		datagrams, bytes = datagrams+sent, bytes+moved
		return sent > 50 && moved < 10_000 && c.watch.flows(who.name)
	})
	c.t.Logf("%s: %s is back on UDP after %s", c.at(), who.name, took.Round(look))
	c.settle(who, d)
}

func (c *longCall) at() time.Duration { return time.Since(c.watch.began).Round(time.Second) }

func (c *longCall) page(name string) (*watchedPage, bool) {
	for _, p := range c.pages {
		if p.name == name {
			return p, true
		}
	}
	return nil, false
}

// judge is what must hold in the end.
func (c *longCall) judge(before map[string]float64, runs bool) {
	c.t.Helper()
	ours, _ := c.watch.sorted()
	for _, f := range append(c.watch.breaks, ours[:min(len(ours), 20)]...) {
		c.t.Errorf("after %s: %s", f.at.Round(time.Millisecond), f.what)
	}
	if n, most := c.watch.restless(), 1+int(c.watch.quietTime()/time.Minute); n > most {
		c.t.Errorf("browsers set up their encoders %d times although nothing disturbed them; want %d at most", n, most)
	}
	c.counted(before, runs)
	for _, p := range c.pages {
		if p.wraps == 0 {
			c.t.Errorf("%s saw no timestamp wrap", p.name)
		}
		c.t.Logf("%s: %g timestamps wrapped", p.name, p.wraps)
	}
	c.wrapped()
	for _, cl := range c.pions {
		cl.judge(c.t)
	}
}

// counted judges the server's metrics.
func (c *longCall) counted(before map[string]float64, runs bool) {
	c.t.Helper()
	after := c.s.metrics(c.t)
	for name, want := range map[string]bool{
		`atrium_media_packets_dropped_total{reason="forged"}`: false,
		`atrium_media_panics_total`:                           false,
		`atrium_media_packets_resent_total`:                   true,
		`atrium_media_nacks_out_total`:                        true,
		`atrium_media_packets_gso_total`:                      runs,
	} {
		n, known := after[name]
		if !known || (n-before[name] > 0) != want {
			c.t.Errorf("%s grew by %g (known: %t); want more than none: %t", name, n-before[name], known, want)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if strings.HasPrefix(name, "atrium_media_packets_") && after[name] > 0 {
			c.t.Logf("%s %g", name, after[name])
		}
	}
}

// judge is what a client judges of each packet: that numbers, timestamps and
// pictures run on, and that nobody's sound is in another's slot.
func (c *watchedClient) judge(t *testing.T) {
	t.Helper()
	stats := c.Stats()
	all := stats.Audio
	all.Add(stats.Video)
	if faults := breaks(all); faults != (check.Counts{}) || stats.Unknown > 0 {
		t.Errorf("%s judges: %+v, %d packets of unknown streams", c.name, faults, stats.Unknown)
	}
	t.Logf("%s received %+v", c.name, all)
}

// wrapped sees to it that the sequence numbers of a video have wrapped for
// everybody: in this build they do within 3000 packets.
func (c *longCall) wrapped() {
	c.t.Helper()
	most := map[string]float64{}
	for to, r := range c.watch.last {
		if to.source == message.SourceCamera {
			most[to.viewer] = max(most[to.viewer], r.Packets)
		}
	}
	for _, v := range c.watch.viewers[:4] {
		if most[v.called()] <= 3000 {
			c.t.Errorf("%s got %g packets of a video; its numbers may not have wrapped", v.called(), most[v.called()])
		}
	}
}
