package endtoend

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	api "github.com/atriumrtc/atrium/control/api/client"
	"github.com/atriumrtc/atrium/control/web/webtest"
	"github.com/atriumrtc/atrium/signal/client"
	"github.com/atriumrtc/atrium/signal/client/source"
)

const (
	// decodedGoal is within which time browsers decode a picture of somebody after
	// everybody was moved (PF-4), and decodedLimit ten times that.
	decodedGoal  = 600 * time.Millisecond
	decodedLimit = 10 * decodedGoal
	// dealsInCycle is how often everybody is dealt out before they come back.
	dealsInCycle = 3
)

// What the pictures of the crowd are like: everybody's have a width of their own,
// by which a browser's decoded frames tell whose they are. 15 pictures a second
// are what a thumbnail of a large room has.
const (
	crowdWidth, crowdHeight = 192, 120
	crowdBitrate            = 100_000
	crowdFrames, crowdRate  = 90, 15
)

// Everybody of a group, two in browsers among them, is moved at once from the
// main room to breakouts, between breakouts and back: browsers decode somebody of
// the new room, and hear them, within ten times PF-4's time, without SDP, and
// nothing of anybody who is elsewhere, and no tile shows one person under the name
// of another (R-GC-7, PF-4). The long suite moves sixty
// people into ten rooms and judges the time itself.
func TestMovesInBrowsers(t *testing.T) {
	g := newBrowserGroup(t)
	for round := range moveRounds {
		g.cycle(round * dealsInCycle)
	}
	g.report()
	for _, p := range g.pages {
		if sdp := webtest.Value[[]string](t, p.ctx, `window.sdp`); !slices.Equal(sdp, []string{"offer", "answer"}) {
			t.Errorf("%s exchanged %v; want one offer and its answer", p.name, sdp)
		}
	}
	faultless(t, g.crowd...)
}

// browserGroup is a consultation of a crowd without browsers and two who have one.
type browserGroup struct {
	*consultation
	pages []*person
	crowd []*attendee // the host comes last
	// everybody but the host, by participant id, in the order in which breakouts
	// are dealt; seats[i] is where pages[i] is among them.
	everybody []string
	seats     []int
	rooms     []string // the breakouts' ids
	busy      func() bool
	moves     []browserMove
}

// newBrowserGroup brings everybody into the main room.
func newBrowserGroup(t *testing.T) *browserGroup {
	t.Helper()
	light, err := client.NewLight()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = light.Close() })
	g := &browserGroup{consultation: newConsultation(t)}
	g.light = light
	links := g.register(movePeople)
	for i, name := range moveBrowsers {
		p := &person{t, webtest.BrowserFor(t, moveTime), name}
		g.pages = append(g.pages, p)
		p.do(webtest.BeforeLoad(tap), webtest.BeforeLoad(tapSDP))
		p.knock(links[i])
	}
	g.bringFilms()
	host := g.lead(byDefault)
	g.crowd = make([]*attendee, movePeople-len(g.pages))
	g.each(len(g.crowd), func(i int) (err error) {
		g.crowd[i], err = g.enter(i, links[len(g.pages)+i])
		return err
	})
	g.seats = []int{0, moveRooms}[:len(g.pages)]
	g.everybody = ids(g.crowd)
	for i, p := range g.pages {
		g.everybody = slices.Insert(g.everybody, g.seats[i], p.id())
	}
	g.move(func() {
		done, err := g.app.AdmitAllToGroup(t.Context(), g.group.ID)
		if err != nil || len(done.Admitted) != movePeople {
			t.Fatalf("%d admitted, refused %+v; %v", len(done.Admitted), done.Refused, err)
		}
	}, g.call, g.everybody...)
	g.crowd = append(g.crowd, host)
	g.watch()
	g.busy = busyMachine(t)
	return g
}

// knock opens a personal link of a group and enters, as far as its lobby.
func (p *person) knock(link string) {
	p.t.Helper()
	p.do(
		chromedp.Navigate(link),
		webtest.Eventually(`document.querySelector('[data-testid=pre-cam]').dataset.on === 'true'`),
		webtest.Click(webtest.By("enter")),
		chromedp.WaitVisible(webtest.By("waiting")),
	)
}

// bringFilms gives everybody of the crowd, and the host, pictures that browsers
// can decode.
func (g *browserGroup) bringFilms() {
	g.t.Helper()
	films := make([]*clip, movePeople-len(g.pages)+1)
	for i := range films {
		films[i] = newClip(g.t, g.pages[0], clipShape{crowdFrames, crowdRate, []clipEncoding{{"f", crowdWidth + 2*i, crowdHeight, crowdBitrate}}})
	}
	g.camera = func(seed int) (source.Video, error) {
		return films[min(seed, len(films)-1)], nil // the host's seed is beyond
	}
}

// watch has the pages note what they decode, by whose it is.
func (g *browserGroup) watch() {
	g.t.Helper()
	widths := map[string]string{}
	for i, a := range g.crowd {
		widths[fmt.Sprintf("%dx%d", crowdWidth+2*i, crowdHeight)] = a.ID()
	}
	known, err := json.Marshal(widths)
	if err != nil {
		g.t.Fatal(err)
	}
	for i, p := range g.pages {
		other := ""
		if len(g.pages) > 1 {
			other = g.everybody[g.seats[1-i]]
		}
		p.do(chromedp.WaitVisible(webtest.By("call")), webtest.Eval(fmt.Sprintf("(%s)(%s, %q)", watchMoves, known, other)))
		p.growing("video", "framesDecoded", 10)
		p.growing("audio", "packetsReceived", 10)
	}
}

// cycle opens the breakouts, moves everybody between them, by one request and by one
// for each, and closes them.
func (g *browserGroup) cycle(deal int) {
	g.t.Helper()
	in := func(deal int) func(i int) string {
		return func(i int) string { return g.rooms[g.dealt(deal, i)] }
	}
	g.plan(deal)
	g.moved("open", in(deal), func() error {
		_, err := g.app.OpenBreakouts(g.t.Context(), g.call)
		return err
	})
	where := in(deal + 1)
	g.moved("together", where, func() error {
		var moves []api.Move
		for i, id := range g.everybody {
			moves = append(moves, api.Move{ParticipantID: id, Room: where(i)})
		}
		_, err := g.app.MoveParticipants(g.t.Context(), g.call, moves)
		return err
	})
	where = in(deal + 2)
	g.moved("singly", where, func() error {
		g.each(len(g.everybody), func(i int) error {
			return g.app.MoveParticipant(g.t.Context(), g.call, g.everybody[i], where(i))
		})
		return nil
	})
	g.moved("back", func(int) string { return g.call }, func() error {
		_, err := g.app.CloseBreakouts(g.t.Context(), g.call, 0)
		return err
	})
}

// dealt is in which breakout somebody is after so many deals: in another one each
// time, with other people. The two pages meet now and then.
func (g *browserGroup) dealt(deal, i int) int {
	step := 1 + i/moveRooms%(moveRooms-1) // 1 to moveRooms-1: never back to the same
	return (i + deal*step) % moveRooms
}

func (g *browserGroup) plan(deal int) {
	g.t.Helper()
	plan := api.BreakoutPlan{Assign: "manual"}
	for i := range moveRooms {
		room := api.BreakoutRoom{Name: fmt.Sprint("Room ", i)}
		if g.rooms != nil {
			room.ID = g.rooms[i]
		}
		plan.Rooms = append(plan.Rooms, room)
	}
	for i, id := range g.everybody {
		room := &plan.Rooms[g.dealt(deal, i)]
		room.Participants = append(room.Participants, id)
	}
	planned, err := g.app.PlanBreakouts(g.t.Context(), g.call, plan)
	if err != nil || len(planned.Rooms) != moveRooms {
		g.t.Fatalf("%+v %v", planned, err)
	}
	g.rooms = nil
	for _, room := range planned.Rooms {
		g.rooms = append(g.rooms, room.ID)
	}
}

// browserMove is what a move was like in one browser: what happened how long after
// the request was sent; zero: it didn't.
type browserMove struct {
	kind, who string
	// Told: the message came. Laid: the page said what it shows. Live: the map said
	// that a picture comes. Seen, Heard: it was decoded, a packet of sound was played. All:
	// somebody's picture was decoded of everybody who is shown in the room.
	// Drawn: a tile showed somebody of the room.
	told, laid, live, seen, heard, all, drawn time.Duration
	busy                                      bool
	page                                      pageMove
}

// pageMove is the same by the page's own clock, in ms.
type pageMove struct {
	Told, Laid, Live, Seen, Heard, All, Drawn float64
	// Strays are frames of somebody who was nowhere near when they were sent. Of those
	// who had gone when their frames were decoded, Under counts the frames whose slot
	// the map gave to another already, and Late is how long after the message the last
	// was.
	Strays []string
	Under  int
	Late   float64
	// Misnamed are frames of before that a tile showed under the name of whoever came
	// after; Untold are those of whoever came after, before the page, which got to do
	// nothing, knew of them.
	Misnamed []string
	Untold   int
	// Stalled is how long the page got to do nothing, at most.
	Stalled float64
}

// moved moves everybody, and measures what that was like in the browsers.
func (g *browserGroup) moved(kind string, where func(i int) string, request func() error) {
	g.t.Helper()
	to := map[string]string{}
	for i, id := range g.everybody {
		to[id] = where(i)
	}
	zero := make([]time.Time, len(g.pages))
	for i, p := range g.pages {
		p.do(webtest.Eval(`beginMove()`))
		zero[i] = p.zero()
	}
	g.busy() // what was before counts for nothing
	sent := time.Now()
	g.moveAll(func() {
		if err := request(); err != nil {
			g.t.Fatalf("%s: %v", kind, err)
		}
	}, to)
	for i, p := range g.pages {
		p.eventually(fmt.Sprintf(`moved(%q)`, where(g.seats[i])))
	}
	busy := g.busy()
	for i, p := range g.pages {
		m := browserMove{kind: kind, who: p.name, busy: busy, page: webtest.Value[pageMove](g.t, p.ctx, `reportMove()`)}
		after := func(ms float64) time.Duration {
			if ms == 0 {
				return 0
			}
			return zero[i].Add(time.Duration(ms * float64(time.Millisecond))).Sub(sent)
		}
		m.told, m.laid, m.live, m.seen = after(m.page.Told), after(m.page.Laid), after(m.page.Live), after(m.page.Seen)
		m.heard, m.all, m.drawn = after(m.page.Heard), after(m.page.All), after(m.page.Drawn)
		g.moves = append(g.moves, m)
		if max(m.seen, m.heard) > decodedLimit {
			g.t.Errorf("%s", m)
		}
		if len(m.page.Strays) > 0 {
			g.t.Errorf("%s: %s decoded pictures of other rooms: %s", kind, p.name, strings.Join(m.page.Strays, ", "))
		}
		if len(m.page.Misnamed) > 0 {
			g.t.Errorf("%s: %s was shown people under the names of others: %s", kind, p.name, strings.Join(m.page.Misnamed, ", "))
		}
	}
}

// zero is when the page's clock began, by ours: of some looks at it the one that
// took least.
func (p *person) zero() (zero time.Time) {
	p.t.Helper()
	const looks = 5
	least := patience
	for range looks {
		from := time.Now()
		now := webtest.Value[float64](p.t, p.ctx, `performance.now()`)
		if took := time.Since(from); took < least {
			least, zero = took, from.Add(took/2).Add(-time.Duration(now*float64(time.Millisecond)))
		}
	}
	return zero
}

// atOnce says that everybody was moved into breakouts by one request, which is what
// PF-4 is of.
func (m browserMove) atOnce() bool { return m.kind == "open" || m.kind == "together" }

// String is one line about a move.
func (m browserMove) String() string {
	ms := func(d time.Duration) string {
		if d == 0 {
			return "–"
		}
		return fmt.Sprint(d.Milliseconds())
	}
	return fmt.Sprintf("%-8s %-4s told %s, layout %s, map %s, seen %s, drawn %s, all seen %s, heard %s ms; the last of before %.0f ms after the message (%d on the slot of somebody else), %d frames shown before the page knew; stood still for %.0f ms, busy %t",
		m.kind, m.who, ms(m.told), ms(m.laid), ms(m.live), ms(m.seen), ms(m.drawn), ms(m.all), ms(m.heard), m.page.Late, m.page.Under, m.page.Untold, m.page.Stalled, m.busy)
}

// report logs the figures, and judges those that PF-4 is of, when the machine wasn't too
// busy.
func (g *browserGroup) report() {
	g.t.Helper()
	figures := func(what string, of []time.Duration) {
		if slices.Sort(of); len(of) == 0 {
			return
		}
		at := func(share int) time.Duration { return of[(len(of)-1)*share/100].Round(time.Millisecond) }
		g.t.Logf("%-16s p50 %v, p95 %v, max %v of %d", what, at(50), at(95), at(100), len(of))
	}
	var seen []time.Duration // while the machine was good
	judged := 0
	by := map[string][]time.Duration{}
	for _, m := range g.moves {
		g.t.Log(m)
		by["seen, "+m.kind] = append(by["seen, "+m.kind], m.seen)
		by["heard, "+m.kind] = append(by["heard, "+m.kind], m.heard)
		by["told"] = append(by["told"], m.told)
		by["seen"], by["heard"] = append(by["seen"], m.seen), append(by["heard"], m.heard)
		if m.drawn > 0 {
			by["drawn"] = append(by["drawn"], m.drawn)
		}
		if m.all > 0 {
			by["all seen"] = append(by["all seen"], m.all)
		}
		if !m.atOnce() {
			continue
		}
		if judged++; !m.busy {
			seen = append(seen, m.seen)
		}
	}
	g.t.Logf("%d people, %d of them in browsers, moved into %d rooms: after the request was sent", movePeople, len(g.pages), moveRooms)
	for _, what := range slices.Sorted(maps.Keys(by)) {
		figures(what, by[what])
	}
	if len(by["drawn"]) == 0 {
		g.t.Error("no tile showed anybody: nothing was judged of their names")
	}
	judgeMoves(g.t, seen, judged)
}
