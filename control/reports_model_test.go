package control_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/atriumrtc/atrium/control"
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
			"plan": d.plan, "register": d.register, "register2": d.register, "ask": d.ask, "ask2": d.ask, "start": d.start, "admit all": d.admitAll, "close": d.close,
			"break out": d.breakOut, "move": d.move, "move2": d.move, "come back": d.comeBack, "time": d.time, "time2": d.time, "later": d.later,
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

// liveGroup calls act with one of the groups that go on.
func (d *clinicDay) liveGroup(act func(call string, b control.Breakouts) error) {
	d.group(func(g control.GroupSession) error {
		now, err := d.f.Group(context.Background(), d.f.dr.Actor, g.ID)
		if err != nil || now.State != control.GroupLive {
			return err
		}
		b, err := d.f.Breakouts(context.Background(), d.f.dr.Actor, now.CallID)
		if err != nil {
			return err
		}
		return act(now.CallID, b)
	})
}

func (d *clinicDay) breakOut() {
	d.liveGroup(func(call string, b control.Breakouts) error {
		if b.State == control.BreakoutsOpen { // some of the rooms go, with whoever is in them
			keep := control.BreakoutPlan{Assign: b.Assign}
			for _, r := range b.Rooms[rapid.IntRange(0, len(b.Rooms)-1).Draw(d.t, "go"):] {
				keep.Rooms = append(keep.Rooms, control.PlannedRoom{ID: r.ID})
			}
			_, err := d.f.PlanBreakouts(context.Background(), d.f.dr.Actor, call, keep)
			return err
		}
		plan := control.BreakoutPlan{Assign: control.AssignRandom, Rooms: make([]control.PlannedRoom, rapid.IntRange(1, 3).Draw(d.t, "rooms"))}
		if rapid.Bool().Draw(d.t, "timer") {
			plan.Duration = 10 * time.Minute
		}
		if _, err := d.f.PlanBreakouts(context.Background(), d.f.dr.Actor, call, plan); err != nil {
			return err
		}
		_, err := d.f.OpenBreakouts(context.Background(), d.f.dr.Actor, call)
		return err
	})
}

func (d *clinicDay) move() {
	d.liveGroup(func(call string, b control.Breakouts) error {
		c, err := d.f.Call(context.Background(), d.f.dr.Actor, call)
		if err != nil {
			return err
		}
		who := rapid.SampledFrom(c.Members).Draw(d.t, "member")
		to := control.MainRoom
		if len(b.Rooms) > 0 && rapid.Bool().Draw(d.t, "out") {
			to = rapid.SampledFrom(b.Rooms).Draw(d.t, "room").ID
		}
		return d.f.MoveMember(context.Background(), d.f.dr.Actor, call, who.ParticipantID, to)
	})
}

func (d *clinicDay) comeBack() {
	d.liveGroup(func(call string, _ control.Breakouts) error {
		_, err := d.f.CloseBreakouts(context.Background(), d.f.dr.Actor, call, 0)
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
