package control_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/store"
)

// clinicDay is people who come and go at random in two units, over weeks, with
// the clock's changes in between.
type clinicDay struct {
	t     *rapid.T
	f     *clinic
	areas []control.Area // the last of another unit
	room  control.MeetingRoom
	staff []control.Staff
	seats map[string]string // of staff: participant → call
	links []control.ConsultNow
	// groups are planned in the first area; personal are links of who
	// registered.
	groups   []control.GroupSession
	personal []string
	// people are visits, those that are over too.
	people []*guest
	dues   []time.Time // when what was due was done
}

// TestReportsModel: R-RP. Whatever happens, reports say what follows from the
// events that webhooks were told: for any period, time zone and filter.
func TestReportsModel(t *testing.T) {
	checkModel(t, func(rt *rapid.T) {
		f := newClinic(t, control.AreaSettings{})
		defer func() { _ = f.store.Close() }()
		start := time.Date(2026, 3, 26, 11, 0, 0, 0, time.UTC)
		if rapid.Bool().Draw(rt, "autumn") {
			start = time.Date(2026, 10, 22, 11, 0, 0, 0, time.UTC)
		}
		f.setClock(start)
		d := &clinicDay{t: rt, f: f, seats: make(map[string]string)}
		other, err := f.CreateUnit(t.Context(), staff(f.org), f.org, control.UnitSpec{Name: "Other"}, nil)
		if err != nil {
			rt.Fatal(err)
		}
		away, err := f.CreateArea(t.Context(), staff(f.org), other.Unit.ID, control.AreaSpec{Name: "Away"}, nil)
		if err != nil {
			rt.Fatal(err)
		}
		d.areas = []control.Area{f.area, f.newArea("Second", control.AreaSettings{WaitLimit: 40 * time.Minute}), away}
		d.room = f.newRoom()
		d.staff = []control.Staff{f.dr, f.provider("Dr Two")}
		actions := map[string]func(*rapid.T){"": func(*rapid.T) {}}
		for name, act := range map[string]func(){
			"enter": d.enter, "enter2": d.enter, "admit": d.admit, "admit2": d.admit, "hold": d.hold, "transfer": d.transfer, "leave": d.leave,
			"end": d.end, "go": d.staffGoes, "send": d.send, "use": d.use, "extend": d.extend, "revoke": d.revoke,
			"meet": d.meet, "join": d.joinMeeting,
			"plan": d.plan, "register": d.register, "register2": d.register, "ask": d.ask, "ask2": d.ask, "start": d.start, "admit all": d.admitAll, "close": d.close, "time": d.time, "time2": d.time, "later": d.later,
		} {
			actions[name] = func(rt *rapid.T) {
				d.t = rt
				f.setClock(f.clock().Add(time.Millisecond)) // two things never happen at once
				act()
			}
		}
		rt.Repeat(actions)
		d.t = rt
		d.step(25 * time.Hour)
		for range 2 {
			d.check()
		}
	})
}

func (d *clinicDay) step(by time.Duration) {
	d.f.step(by)
	d.dues = append(d.dues, d.f.clock())
}

// may fails for what no rule explains.
func (d *clinicDay) may(err error) bool {
	if err != nil && !errors.Is(err, control.ErrNotFound) && !errors.As(err, new(*control.StateError)) {
		d.t.Fatal(err)
	}
	return err == nil
}

func (d *clinicDay) enter() {
	if len(d.people) < 30 {
		a := d.areas[rapid.IntRange(0, 2).Draw(d.t, "area")]
		d.came(a.Link)
	}
}

func (d *clinicDay) came(link string) {
	g, err := d.f.tryEnter(link, canaryName, nil)
	if d.may(err) {
		d.f.connect(g.join)
		d.people = append(d.people, g)
	}
}

func (d *clinicDay) guest() *guest {
	if len(d.people) == 0 {
		return nil
	}
	return d.people[rapid.IntRange(0, len(d.people)-1).Draw(d.t, "guest")]
}

func (d *clinicDay) who() control.Staff { return d.staff[rapid.IntRange(0, 1).Draw(d.t, "provider")] }

func (d *clinicDay) call() string {
	ids := []string{""}
	for _, id := range d.seats {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return rapid.SampledFrom(ids).Draw(d.t, "call")
}

func (d *clinicDay) admit() {
	g := d.guest()
	if g == nil {
		return
	}
	a, err := d.f.Admit(context.Background(), d.who(), g.id, control.AdmitSpec{CallID: d.call(), Confirm: rapid.Bool().Draw(d.t, "confirm")})
	if d.may(err) {
		d.sits(a.Join, a.Call.ID)
	}
}

func (d *clinicDay) sits(j control.Join, call string) {
	if d.f.where(j.ParticipantID) == "gone" {
		d.f.connect(j)
	}
	d.seats[j.ParticipantID] = call
}

func (d *clinicDay) hold() {
	if g := d.guest(); g != nil {
		_, err := d.f.Hold(context.Background(), d.f.dr.Actor, g.id)
		d.may(err)
	}
}

func (d *clinicDay) transfer() {
	if g := d.guest(); g != nil {
		to := d.areas[rapid.IntRange(0, 2).Draw(d.t, "to")]
		_, err := d.f.Transfer(context.Background(), d.f.dr.Actor, g.id, to.ID)
		d.may(err)
	}
}

func (d *clinicDay) leave() {
	g := d.guest()
	if g == nil {
		return
	}
	var err error
	ctx := context.Background()
	switch rapid.IntRange(0, 3).Draw(d.t, "how") {
	case 0:
		_, err = d.f.RemoveVisit(ctx, d.f.dr.Actor, g.id)
	case 1:
		err = d.f.LeaveVisit(ctx, control.Actor{Kind: control.ActorGuest, ID: g.id, OrganisationID: d.f.org}, g.id)
	case 2:
		d.f.drop(g.pid()) // lost: gone by the time's next long step
	case 3:
		_, err = d.f.Deny(ctx, d.f.dr, g.id, "")
	}
	d.may(err)
}

func (d *clinicDay) end() {
	if call := d.call(); call != "" {
		d.may(d.f.EndCall(context.Background(), d.f.dr.Actor, call))
	}
}

func (d *clinicDay) staffGoes() {
	if ids := slices.Sorted(maps.Keys(d.seats)); len(ids) > 0 {
		id := rapid.SampledFrom(ids).Draw(d.t, "seat")
		d.f.left(id, control.DepartedLeft)
		delete(d.seats, id)
	}
}

func (d *clinicDay) send() {
	if len(d.links) == 6 {
		return
	}
	c, err := d.f.ConsultNow(context.Background(), d.who(), d.f.area.ID, control.Contact{Copy: true}, "", nil)
	if d.may(err) {
		d.sits(c.Join, c.Call.ID)
		d.links = append(d.links, c.Consult)
	}
}

func (d *clinicDay) link() (control.ConsultNow, bool) {
	if len(d.links) == 0 {
		return control.ConsultNow{}, false
	}
	return rapid.SampledFrom(d.links).Draw(d.t, "link"), true
}

func (d *clinicDay) use() {
	if l, ok := d.link(); ok {
		d.came(l.Link)
	}
}

func (d *clinicDay) extend() {
	if l, ok := d.link(); ok {
		_, err := d.f.ExtendConsult(context.Background(), d.f.dr.Actor, l.ID)
		d.may(err)
	}
}

func (d *clinicDay) revoke() {
	if l, ok := d.link(); ok {
		_, err := d.f.RevokeConsult(context.Background(), d.f.dr.Actor, l.ID)
		d.may(err)
	}
}

func (d *clinicDay) meet() {
	call, join, err := d.f.EnterMeetingRoom(context.Background(), d.who(), d.room.ID)
	if d.may(err) {
		d.sits(join, call.ID)
	}
}

func (d *clinicDay) joinMeeting() { d.came(d.room.Link) }

func (d *clinicDay) plan() {
	if len(d.groups) < 3 {
		d.groups = append(d.groups, d.f.groupIn(control.GroupSpec{Capacity: 3}))
	}
}

// group calls act with one of the groups, if there are any.
func (d *clinicDay) group(act func(g control.GroupSession) error) {
	if len(d.groups) > 0 {
		d.may(act(d.groups[rapid.IntRange(0, len(d.groups)-1).Draw(d.t, "group")]))
	}
}

func (d *clinicDay) register() {
	d.group(func(g control.GroupSession) error {
		r, err := d.f.tryRegister(g.Link, canaryName)
		if err == nil {
			d.personal = append(d.personal, r.Link)
		}
		return err
	})
}

func (d *clinicDay) ask() {
	if len(d.personal) == 0 {
		return
	}
	g, err := d.f.tryEnter(rapid.SampledFrom(d.personal).Draw(d.t, "personal link"), "", nil)
	if d.may(err) && d.may(d.f.tryConnect(g.join)) {
		d.people = append(d.people, g)
	}
}

func (d *clinicDay) start() {
	d.group(func(g control.GroupSession) error {
		started, err := d.f.StartGroup(context.Background(), d.f.dr, g.ID)
		if err == nil {
			d.sits(started.Join, started.Call.ID)
		}
		return err
	})
}

func (d *clinicDay) admitAll() {
	d.group(func(g control.GroupSession) error {
		_, err := d.f.AdmitAllToGroup(context.Background(), d.f.dr.Actor, g.ID)
		return err
	})
}

func (d *clinicDay) close() {
	d.group(func(g control.GroupSession) error {
		if rapid.Bool().Draw(d.t, "cancel") {
			return d.f.CancelGroup(context.Background(), d.f.dr.Actor, g.ID)
		}
		return d.f.EndGroup(context.Background(), d.f.dr.Actor, g.ID)
	})
}

func (d *clinicDay) time() {
	d.step(rapid.SampledFrom([]time.Duration{time.Second, 37 * time.Second, 3 * time.Minute, 14 * time.Minute, 50 * time.Minute}).Draw(d.t, "step"))
}

func (d *clinicDay) later() {
	d.step(rapid.SampledFrom([]time.Duration{3 * time.Hour, 11 * time.Hour, 23*time.Hour + 47*time.Minute}).Draw(d.t, "step"))
}

// log reads the events that webhooks were told.
func (d *clinicDay) log() []control.Event {
	var list []control.Event
	err := d.f.store.View(context.Background(), func(tx store.Tx) error {
		notices, err := d.f.outbox.Notices(tx)
		list = nil
		for _, n := range notices {
			if n.Event != nil {
				list = append(list, *n.Event)
			}
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return list
}

// told is what follows from events, worked out without any of the code under
// test.
type told struct {
	visits   []toldVisit
	calls    []*toldCall
	consults []*toldConsult
	groups   map[string]*toldGroup

	open  map[string]*toldVisit
	live  map[string]*toldCall
	links map[string]*toldConsult
}

type toldVisit struct {
	id, unit, area, kind, state, outcome, call string
	stay, peak                                 int
	arrived, joined, ended, since              time.Time
	waited, held, talked                       time.Duration
	providers                                  map[string]bool
}

type toldCall struct {
	id, unit, area, room, kind string
	started, ended             time.Time
	peak                       int
	in                         map[string]time.Time // participant
	accounts                   map[string]string    // of participants in it
	guests                     map[string]bool
	visitOf                    map[string]string
	talked                     map[string]time.Duration // by account
}

type toldGroup struct {
	unit, area, state, call string
	ended                   time.Time
	registered, requested   map[string]bool
}

type toldConsult struct {
	id, unit, area, provider, state string
	created, ended                  time.Time
	extended                        bool
}

// tell works events through.
func (d *clinicDay) tell() *told {
	w := &told{open: map[string]*toldVisit{}, live: map[string]*toldCall{}, links: map[string]*toldConsult{}, groups: map[string]*toldGroup{}}
	for _, e := range d.log() {
		switch id := e.Data["visit_id"]; e.Type {
		case "visit.arrived":
			w.open[id] = &toldVisit{id: id, unit: e.UnitID, area: e.Data["area_id"], state: "waiting", arrived: e.At, since: e.At, providers: map[string]bool{}}
		case "visit.admitted", "visit.held", "visit.transferred", "visit.ended":
			w.visit(e, w.open[id])
		case "call.started":
			c := &toldCall{id: e.Data["call_id"], unit: e.UnitID, area: e.Data["area_id"], room: e.Data["meeting_room_id"], kind: e.Data["kind"], started: e.At,
				in: map[string]time.Time{}, accounts: map[string]string{}, guests: map[string]bool{}, visitOf: map[string]string{}, talked: map[string]time.Duration{}}
			w.live[c.id] = c
			w.calls = append(w.calls, c)
		case "participant.joined":
			w.joined(e)
		case "participant.left":
			w.left(e)
		case "call.ended":
			w.live[e.Data["call_id"]].ended = e.At
		default:
			w.consult(e)
			w.group(e)
		}
	}
	for _, l := range w.consults { // nobody tells when a day is over
		if over := l.created.Add(24 * time.Hour); l.ended.IsZero() {
			if i := slices.IndexFunc(d.dues, func(at time.Time) bool { return !at.Before(over) }); i >= 0 {
				l.ended, l.state = d.dues[i], "expired"
			}
		}
	}
	return w
}

func (w *told) visit(e control.Event, v *toldVisit) {
	spent := e.At.Sub(v.since)
	switch v.state {
	case "waiting":
		v.waited += spent
	case "on_hold":
		v.held += spent
	case "in_call":
		v.talked += spent
	}
	v.since, v.state, v.kind = e.At, e.Data["state"], e.Data["kind"]
	switch e.Type {
	case "visit.admitted":
		if v.joined.IsZero() {
			v.joined = e.At
		}
		v.call = e.Data["call_id"]
		v.peak = max(v.peak, w.live[v.call].peak)
	case "visit.transferred":
		v.ended, v.outcome = e.At, "transferred"
		w.visits = append(w.visits, *v)
		*v = toldVisit{id: v.id, unit: e.UnitID, area: e.Data["area_id"], kind: v.kind, state: "waiting", stay: v.stay + 1, arrived: e.At, since: e.At, providers: map[string]bool{}}
	case "visit.ended":
		v.ended, v.outcome = e.At, e.Data["outcome"]
		w.visits = append(w.visits, *v)
	}
}

func (w *told) joined(e control.Event) {
	c := w.live[e.Data["call_id"]]
	id := e.Data["participant_id"]
	c.in[id], c.accounts[id], c.visitOf[id] = e.At, e.Data["account_id"], e.Data["visit_id"]
	if v := e.Data["visit_id"]; v != "" {
		c.guests[v] = true
	}
	c.peak = max(c.peak, len(c.in))
	for one := range c.in { // who sees whom
		v := w.open[c.visitOf[one]]
		if v == nil {
			continue
		}
		if v.call == c.id {
			v.peak = max(v.peak, c.peak)
		}
		for other := range c.in {
			if a := c.accounts[other]; a != "" {
				v.providers[a] = true
			}
		}
	}
}

func (w *told) left(e control.Event) {
	c := w.live[e.Data["call_id"]]
	id := e.Data["participant_id"]
	if a := c.accounts[id]; a != "" {
		c.talked[a] += e.At.Sub(c.in[id])
	}
	delete(c.in, id)
}

func (w *told) group(e control.Event) {
	id := e.Data["group_id"]
	if !strings.HasPrefix(e.Type, "group.") {
		return
	}
	g := w.groups[id]
	if g == nil {
		g = &toldGroup{unit: e.UnitID, area: e.Data["area_id"], registered: map[string]bool{}, requested: map[string]bool{}}
		w.groups[id] = g
	}
	switch e.Type {
	case "group.registered":
		g.registered[e.Data["registration_id"]] = true
	case "group.access_requested":
		g.requested[e.Data["registration_id"]] = true
		if visit := e.Data["visit_id"]; w.open[visit] == nil { // which is this visit's arrival
			w.open[visit] = &toldVisit{id: visit, unit: e.UnitID, area: e.Data["area_id"], state: "waiting", arrived: e.At, since: e.At, providers: map[string]bool{}}
		}
	case "group.ended", "group.cancelled":
		g.ended, g.state, g.call = e.At, strings.TrimPrefix(e.Type, "group."), e.Data["call_id"]
	}
}

func (w *told) consult(e control.Event) {
	id := e.Data["consult_now_id"]
	l := w.links[id]
	switch e.Type {
	case "consult_now.sent":
		l = &toldConsult{id: id, unit: e.UnitID, area: e.Data["area_id"], created: e.At}
		w.links[id] = l
		w.consults = append(w.consults, l)
	case "consult_now.extended":
		l.extended = true
	case "consult_now.entered":
		l.state, l.ended = "entered", e.At
	case "consult_now.revoked":
		l.state, l.ended = "revoked", e.At
	}
}

// String helps who looks for what went wrong.
func (v toldVisit) String() string {
	return fmt.Sprintf("%s in %s: %s, waited %s, held %s, talked %s, %s", v.id, v.area, v.ended, v.waited, v.held, v.talked, v.outcome)
}
