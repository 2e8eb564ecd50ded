package control_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/controltest"
)

// session is a group's call that goes on, with its moderator and people in it.
type session struct {
	*clinic
	group  string
	call   string
	ends   time.Time // of the call
	host   control.Join
	guests []*guest
}

func newSession(t testing.TB, people int) *session {
	t.Helper()
	return sessionIn(newClinic(t, control.AreaSettings{}), people)
}

func sessionIn(f *clinic, people int) *session {
	f.t.Helper()
	ctx := f.t.Context()
	g, err := f.CreateGroup(ctx, f.app("").Actor, f.area.ID, control.GroupSpec{Title: "Group", StartsAt: f.clock()}, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	started, err := f.StartGroup(ctx, f.dr, g.ID) // its host from now on
	if err != nil {
		f.t.Fatal(err)
	}
	f.connect(started.Join)
	s := &session{clinic: f, group: g.ID, call: started.Call.ID, ends: started.Call.EndsAt, host: started.Join}
	for range people {
		s.come()
	}
	return s
}

// app is somebody whom an app with an API key lets in.
func (f *clinic) app(name string) control.Staff {
	return control.Staff{Name: name, Ref: name, Actor: control.Actor{Kind: control.ActorAPIKey, ID: appKey, OrganisationID: f.org}}
}

const appKey = "0193f5a8-0000-7000-8000-000000000001"

// come has one more guest in the call, as everybody comes: by registration,
// their own link and the lobby.
func (s *session) come() *guest {
	s.t.Helper()
	ctx, name := s.t.Context(), fmt.Sprint("Guest ", len(s.guests))
	r, err := s.RegisterForGroup(ctx, s.dr.Actor, s.group, map[string]string{"name": name}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	g := s.enter(r.Link, name)
	s.connect(g.join)
	if _, err := s.AdmitToGroup(ctx, s.dr.Actor, s.group, []string{g.id}); err != nil {
		s.t.Fatal(err)
	}
	s.guests = append(s.guests, g)
	return g
}

// colleague has another moderator come in.
func (s *session) colleague(who control.Staff) control.Join {
	s.t.Helper()
	joined, err := s.JoinGroup(s.t.Context(), who, s.group)
	if err != nil {
		s.t.Fatal(err)
	}
	s.connect(joined.Join)
	return joined.Join
}

// plan makes rooms; who is named in in[i] is planned into the i-th.
func (s *session) plan(assign control.BreakoutAssign, rooms int, in ...[]string) control.Breakouts {
	s.t.Helper()
	p := control.BreakoutPlan{Assign: assign}
	for i := range rooms {
		room := control.PlannedRoom{Name: fmt.Sprint("R", i)}
		if i < len(in) {
			room.Participants = in[i]
		}
		p.Rooms = append(p.Rooms, room)
	}
	return s.planned(p)
}

func (s *session) planned(p control.BreakoutPlan) control.Breakouts {
	s.t.Helper()
	b, err := s.PlanBreakouts(s.t.Context(), s.dr.Actor, s.call, p)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s *session) openAll() control.Breakouts {
	s.t.Helper()
	b, err := s.OpenBreakouts(s.t.Context(), s.dr.Actor, s.call)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s *session) closeIn(in time.Duration) {
	s.t.Helper()
	if _, err := s.CloseBreakouts(s.t.Context(), s.dr.Actor, s.call, in); err != nil {
		s.t.Fatal(err)
	}
}

func (s *session) move(participant, room string) {
	s.t.Helper()
	if err := s.MoveMember(s.t.Context(), s.dr.Actor, s.call, participant, room); err != nil {
		s.t.Fatal(err)
	}
}

func (s *session) breakouts() control.Breakouts {
	s.t.Helper()
	b, err := s.Breakouts(s.t.Context(), s.dr.Actor, s.call)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// roomEnd is what a breakout counts down to whose end is set so: zero is the
// call's.
func (s *session) roomEnd(end time.Time) time.Time {
	if end.IsZero() {
		return s.ends
	}
	return end
}

// wantIn checks where media has somebody.
func (s *session) wantIn(what, participant, room string) {
	s.t.Helper()
	if got := s.where(participant); got != room {
		s.t.Errorf("%s: media has them in %q; want %q", what, got, room)
	}
}

func (s *session) wantAllIn(what, room string) {
	s.t.Helper()
	for i, g := range s.guests {
		s.wantIn(fmt.Sprint(what, ": guest ", i), g.pid(), room)
	}
}

// told are the notices of a code since the last call.
func (s *session) told(code control.NoticeCode) []controltest.Told {
	var list []controltest.Told
	for _, n := range s.media.TakeTold() {
		if n.Notice.Code == code {
			list = append(list, n)
		}
	}
	return list
}

// everybodyBack has everybody connect anew, as after a restart.
func (s *session) everybodyBack() {
	s.t.Helper()
	ctx := context.Background()
	host, err := s.CallSeat(ctx, s.dr, s.call)
	if err != nil || host.ParticipantID != s.host.ParticipantID {
		s.t.Fatalf("the moderator comes back as %s, %v", host.ParticipantID, err)
	}
	joins := []control.Join{host}
	for _, g := range s.guests {
		j, err := s.VisitSeat(ctx, g.actor, g.id)
		if err != nil {
			s.t.Fatal(err)
		}
		joins = append(joins, j)
	}
	for _, j := range joins {
		s.connect(j)
	}
}

// kill ends the process and starts another one on the same store, so much
// later. Nothing is due in between: the scheduler runs when the test has it.
func (s *session) kill(later time.Duration) {
	s.t.Helper()
	s.media.DisconnectAll()
	s.setClock(s.clinic.clock().Add(later))
	s.restart()
}
