package server

import (
	"errors"
	"strings"
	"testing"
	"time"

	api "github.com/atriumrtc/atrium/control/api/client"
	"github.com/atriumrtc/atrium/signal/message"
)

// demotionGoal is R-P-2's second; a busy machine may take ten times as long.
const (
	demotionGoal     = time.Second
	demotionDeadline = 10 * demotionGoal
)

// R-P-2, SE-6: somebody of staff who loses the role that they are in a call by,
// is disabled or signs out is out of the call and of the area's events within a
// second, by a whole server and a real connection; the guest is on hold
// (R-IA-5), and nothing that they have lets them back in.
func TestDemotionEndsConnections(t *testing.T) {
	s := start(t, Options{Config: testConfig(t)})
	ctx := t.Context()
	as := func(key string) *api.Client {
		t.Helper()
		c, err := api.New(urlOf(s), key, nil)
		must(t, err)
		return c
	}
	operator, err := api.New("http://atrium", "", AdminClient(s.AdminSocket()))
	must(t, err)
	org, err := operator.CreateOrganisation(ctx, api.OrganisationSpec{
		Name: "Clinic", SystemAdmin: &api.Invitee{Email: "root@clinic.example", Copy: true},
	})
	must(t, err)
	const password = "seven quiet purple herons"
	root, err := as("").AcceptInvitation(ctx, org.SystemAdmin.Invitation.Link, "Root", password)
	must(t, err)
	admin, app := as(root.Token), as(org.APIKey.Secret)
	unit, err := app.CreateUnit(ctx, org.Organisation.ID, api.UnitSpec{Name: "Unit"}, "")
	must(t, err)
	area, err := app.CreateArea(ctx, unit.Unit.ID, api.AreaSpec{Name: "Area"}, "")
	must(t, err)
	scope := api.Scope{Kind: "area", ID: area.ID}
	for way, take := range map[string]func(staff *api.Client, who api.Appointee) error{
		"the role is taken away": func(_ *api.Client, who api.Appointee) error { return app.RemoveGrant(ctx, scope, who.Grant.ID) },
		"the account is disabled": func(_ *api.Client, who api.Appointee) error {
			_, err := admin.DisableAccount(ctx, who.Account.ID)
			return err
		},
		"signed out": func(staff *api.Client, _ api.Appointee) error { return staff.SignOut(ctx) },
	} {
		who, err := app.Appoint(ctx, scope, "provider", api.Invitee{Email: strings.ReplaceAll(way, " ", "-") + "@clinic.example", Copy: true}, "")
		must(t, err)
		session, err := as("").AcceptInvitation(ctx, who.Invitation.Link, "Dr Own", password)
		must(t, err)
		staff := as(session.Token)
		entered, err := as("").Entry(ctx, area.Link, "Ann")
		must(t, err)
		admitted, err := staff.AdmitVisit(ctx, entered.Visit.ID, api.AdmitSpec{})
		must(t, err)
		guest, dr := sit(t, s, "127.0.0.1", entered.Token), sit(t, s, "127.0.0.1", admitted.Token)
		in(t, guest, admitted.Call.ID, 2)
		in(t, dr, admitted.Call.ID, 2)
		spare, err := staff.ReturnToCall(ctx, admitted.Call.ID, nil)
		must(t, err)
		events, err := staff.WatchArea(ctx, area.ID, "")
		must(t, err)
		_, err = events.Next()
		must(t, err)
		silent := ends(events)

		began := time.Now()
		must(t, take(staff, who))
		asked := time.Since(began)
		wait(t, way+": the seat", dr.Done())
		out := time.Since(began)
		wait(t, way+": the events", silent)
		t.Logf("%s: answered in %v, out of the call in %v, of the events in %v (goal: %v)", way,
			asked.Round(time.Millisecond), out.Round(time.Millisecond), time.Since(began).Round(time.Millisecond), demotionGoal)
		if bye := dr.State().Bye; bye == nil || bye.Code != message.CodeRemoved {
			t.Errorf("%s: bye %+v", way, bye)
		}
		in(t, guest, "", 0)
		if bye := dial(t, s, spare.Token).expect("bye"); bye["code"] != message.CodeRoomClosed {
			t.Errorf("%s: another token of the seat: %v", way, bye)
		}
		if _, err := staff.ReturnToCall(ctx, admitted.Call.ID, nil); err == nil {
			t.Errorf("%s: there are more tokens", way)
		}
		var refused *api.Error
		if _, err := staff.WatchArea(ctx, area.ID, ""); !errors.As(err, &refused) {
			t.Errorf("%s: the events again: %v", way, err)
		}
		must(t, as(entered.VisitToken).LeaveVisit(ctx, entered.Visit.ID))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wait fails when something doesn't end by the deadline.
func wait(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	late := time.NewTimer(demotionDeadline)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		t.Fatalf("%s: not over after %v", what, demotionDeadline)
	}
}

// ends is closed when a stream has ended.
func ends(stream *api.Stream) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := stream.Next(); err != nil {
				_ = stream.Close()
				return
			}
		}
	}()
	return done
}
