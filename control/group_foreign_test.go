package control_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
)

// groupRequest is how a request went. moderated says that only who moderates the
// group may, once it is live.
type groupRequest struct {
	what      string
	moderated bool
	err       error
}

// groupRequests is all that somebody could ask of a group, its registrations, its
// session and the breakouts there, in an order in which what is done first is in
// nobody's way.
func (s *session) groupRequests(who control.Staff, g control.GroupSession, r control.GroupRegistration, waits *guest) []groupRequest {
	ctx, a, call, ann := s.t.Context(), who.Actor, s.call, s.guests[0]
	title, plan := "Other", control.BreakoutPlan{Rooms: make([]control.PlannedRoom, 1)}
	second := func(_ any, err error) error { return err }
	_, _, sendErr := s.SendGroup(ctx, a, g.ID, control.Contact{Copy: true}, "", nil)
	_, _, sendErr2 := s.SendRegistration(ctx, a, r.ID, control.Contact{Copy: true}, "", nil)
	return []groupRequest{
		{"create", false, second(s.CreateGroup(ctx, a, s.area.ID, control.GroupSpec{Title: "x", StartsAt: s.clinic.clock()}, nil))},
		{"list", false, second(s.Groups(ctx, a, s.area.ID, time.Time{}, s.clinic.clock(), control.Query{}))},
		{"read", false, second(s.Group(ctx, a, g.ID))},
		{"send", false, sendErr},
		{"read the lobby", false, second(s.GroupLobby(ctx, a, g.ID))},
		{"list registrations", false, second(s.GroupRegistrations(ctx, a, g.ID, control.Query{}))},
		{"register", false, second(s.RegisterForGroup(ctx, a, g.ID, nil, nil))},
		{"send a link", false, sendErr2},
		{"read breakouts", false, second(s.Breakouts(ctx, a, call))},
		{"read the call", false, second(s.Call(ctx, a, call))},
		{"join", false, second(s.JoinGroup(ctx, who, g.ID))},
		{"start", false, second(s.StartGroup(ctx, who, g.ID))}, // is to join by now
		{"change", true, second(s.UpdateGroup(ctx, a, g.ID, control.GroupPatch{Title: &title}))},
		{"write", true, second(s.Message(ctx, who, waits.id, "Hello", nil))},
		{"plan", true, second(s.PlanBreakouts(ctx, a, call, plan))},
		{"open", true, second(s.OpenBreakouts(ctx, a, call))},
		{"move", true, s.MoveMember(ctx, a, call, ann.pid(), control.MainRoom)},
		{"move several", true, second(s.MoveMembers(ctx, a, call, []control.Move{{ParticipantID: ann.pid(), Room: control.MainRoom}}))},
		{"write to all", true, s.BroadcastText(ctx, who, call, "Hello", nil)},
		{"speak to all", true, s.BroadcastVoice(ctx, who, call, true)},
		{"close", true, second(s.CloseBreakouts(ctx, a, call, 0))},
		{"mute", true, s.MuteMember(ctx, a, call, ann.pid(), "camera", true)},
		{"mute all", true, s.MuteAll(ctx, a, call, "camera", true, true)},
		{"ask", true, s.AskToUnmute(ctx, a, call, ann.pid(), "camera")},
		{"spotlight", true, second(s.Spotlight(ctx, a, call, ann.pid(), true))},
		{"chat", true, second(s.SetChat(ctx, a, call, true))},
		{"lock", true, second(s.LockCall(ctx, a, call, false))},
		{"admit", true, second(s.AdmitToGroup(ctx, a, g.ID, []string{waits.id}))},
		{"admit all", true, second(s.AdmitAllToGroup(ctx, a, g.ID))},
		{"hold", true, second(s.Hold(ctx, a, waits.id))},
		{"deny", true, second(s.Deny(ctx, who, waits.id, ""))},
		{"take off", true, s.RemoveRegistration(ctx, a, r.ID)},
		{"remove", true, s.RemoveMember(ctx, a, call, ann.pid())},
		{"end the call", true, s.EndCall(ctx, a, call)},
		{"end", true, s.EndGroup(ctx, a, g.ID)},
	}
}

// R-T-4, R-GC-5, product.md section 2: to another organisation a group, what is
// of it and who is in it don't exist; in its own, who doesn't moderate it does
// nothing to its session, and who does everything.
func TestGroupIsModeratedBy(t *testing.T) {
	for _, row := range []struct {
		who  string
		want error // of what only a moderator may
		all  error // of the rest
	}{
		{"another organisation's", control.ErrNotFound, control.ErrNotFound},
		{"another organisation's app", control.ErrNotFound, control.ErrNotFound},
		{"another provider", control.ErrNotModerator, nil},
		{"the host", nil, nil},
		{"an app", nil, nil},
	} {
		s := newSession(t, 1)
		theirs := uuid.NewString()
		who := map[string]control.Staff{
			"another organisation's":     {Name: "Dr No", Actor: control.Actor{Kind: control.ActorAccount, ID: s.dr.Actor.ID, OrganisationID: theirs}},
			"another organisation's app": {Name: "Dr No", Actor: control.Actor{Kind: control.ActorAPIKey, ID: appKey, OrganisationID: theirs}},
			"another provider":           s.provider("Dr Else"),
			"the host":                   s.dr,
			"an app":                     s.app("Dr App"),
		}[row.who]
		g, err := s.Group(t.Context(), s.dr.Actor, s.group)
		if err != nil {
			t.Fatal(err)
		}
		waits := s.asks(g, "Waits")
		r := s.registration(g, waits.id)
		for _, request := range s.groupRequests(who, g, r, waits) {
			want := row.all
			if request.moderated {
				want = row.want
			}
			// What came before may be in the way of who is let through: they hear
			// how things are.
			through := request.err == nil || errors.Is(request.err, &control.StateError{Code: control.CodeWrongState})
			if request.what == "deny" || request.what == "take off" || request.what == "end" || request.what == "speak to all" {
				through = through || errors.Is(request.err, control.ErrNotFound)
			}
			if want == nil && !through || want != nil && !errors.Is(request.err, want) {
				t.Errorf("%s, by %s: %v; want %v", request.what, row.who, request.err, want)
			}
		}
	}
}
