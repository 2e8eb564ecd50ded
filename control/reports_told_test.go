package control_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/store"
)

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
	rooms, moves               int                  // breakouts that were open, people moved
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
		case "breakouts.opened":
			c := w.live[e.Data["call_id"]]
			rooms, _ := strconv.Atoi(e.Data["rooms"])
			people, _ := strconv.Atoi(e.Data["participants"])
			c.rooms, c.moves = c.rooms+rooms, c.moves+people
		case "participant.moved":
			w.live[e.Data["call_id"]].moves++
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
