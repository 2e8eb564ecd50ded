package api

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// R-P-2: a role that is taken away while a request is on its way into a call
// takes them out again; one that is kept doesn't.
func TestRoleLostOnTheWayIn(t *testing.T) {
	c := newClinic(t, control.AreaSettings{}, nil)
	for _, lost := range []bool{false, true} {
		account, session := c.staff("Dr Own", control.Provider, c.scope())
		digest, _ := auth.SessionDigest(session)
		grants, err := c.service.Grants(t.Context(), account.ID)
		c.ok(err)
		chain, err := c.service.ScopeChain(t.Context(), control.ThingArea, c.area.ID)
		c.ok(err)
		// As the middleware let the request through.
		let := &access{
			server: c.server, route: route{permission: auth.VisitsConduct}, chain: chain,
			principal: &principal{account: &account, grants: grants, session: digest},
		}
		ctx := context.WithValue(t.Context(), accessKey{}, let)
		if lost {
			c.ok(c.service.RemoveGrant(ctx, control.System(), grants[0].Scope, grants[0].ID))
		}
		who := control.Staff{Name: "Dr Own", Actor: control.Actor{Kind: control.ActorAccount, ID: account.ID, OrganisationID: c.org}}
		admitted, err := c.service.Admit(ctx, who, c.enter(c.area.Link, "Ann").visit.ID, control.AdmitSpec{})
		c.ok(err)
		err = c.server.seated(ctx, admitted.Join.ParticipantID)
		_, alive := c.service.Seating(ctx, admitted.Join)
		var refused *Problem
		if errors.As(err, &refused) != lost || lost && refused.Status != http.StatusForbidden || errors.Is(alive, control.ErrNotFound) != lost {
			t.Errorf("role lost %t: %v; the seat: %v", lost, err, alive)
		}
	}
}
