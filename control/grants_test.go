package control_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// R-P: a role is granted on its kind of scope, within the organisation.
func TestGrantFits(t *testing.T) {
	f := newFixture(t)
	ours, theirs := f.found("Ours"), f.found("Theirs")
	account, _ := f.member(control.SystemAdmin, organisationScope(ours), "ana@example.org")
	unit := f.unit(ours, "Unit")
	area := f.area(unit, "Area")
	room := f.meetingRoom(ours, unitScope(unit.ID), "Room")
	scopes := map[control.ScopeKind]control.Scope{
		control.ScopeOrganisation: organisationScope(ours), control.ScopeUnit: unitScope(unit.ID),
		control.ScopeArea: areaScope(area.ID), control.ScopeRoom: roomScope(room.ID),
	}
	for role, kind := range map[control.RoleName]control.ScopeKind{
		control.SystemAdmin: control.ScopeOrganisation, control.OrgAdmin: control.ScopeUnit, control.OrgReporter: control.ScopeUnit,
		control.AreaAdmin: control.ScopeArea, control.Coordinator: control.ScopeArea, control.Provider: control.ScopeArea,
		control.Referrer: control.ScopeArea, control.RoomAdmin: control.ScopeRoom, control.RoomMember: control.ScopeRoom,
		"root": "",
	} {
		for _, scope := range scopes {
			g, err := f.AddGrant(t.Context(), operator, account.ID, role, scope)
			var field *control.FieldError
			if fits := scope.Kind == kind; fits != (err == nil) || !fits && !errors.As(err, &field) {
				t.Errorf("%s on a scope of kind %s: %v", role, scope.Kind, err)
			}
			if err != nil {
				continue
			}
			if again, err := f.AddGrant(t.Context(), operator, account.ID, role, scope); err != nil || again != g {
				t.Errorf("%s again: %+v, %v", role, again, err)
			}
		}
	}
	foreign := f.unit(theirs, "Unit")
	for what, err := range map[string]error{
		"their unit":       second(f.AddGrant(t.Context(), operator, account.ID, control.OrgAdmin, unitScope(foreign.ID))),
		"an unknown unit":  second(f.AddGrant(t.Context(), operator, account.ID, control.OrgAdmin, unitScope(uuid.NewString()))),
		"an area as one":   second(f.AddGrant(t.Context(), operator, account.ID, control.OrgAdmin, unitScope(area.ID))),
		"by another's":     second(f.AddGrant(t.Context(), staff(theirs), account.ID, control.OrgAdmin, unitScope(unit.ID))),
		"a grant of other": f.RemoveGrant(t.Context(), operator, unitScope(unit.ID), uuid.NewString()),
	} {
		if !errors.Is(err, control.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// The last system administrator stays; one who hasn't accepted yet doesn't
// count beside one who has.
func TestLastAdmin(t *testing.T) {
	f := newFixture(t)
	last := &control.StateError{Code: control.CodeLastAdmin}
	org := f.found("Ours")
	scope := organisationScope(org)
	ana, anas := f.member(control.SystemAdmin, scope, "ana@example.org")
	pending, err := f.Appoint(t.Context(), operator, control.SystemAdmin, scope, control.Invitee{Email: "bob@example.org", Copy: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.RemoveGrant(t.Context(), operator, scope, anas.ID); !errors.Is(err, last) {
		t.Errorf("the only active one: %v", err)
	}
	if _, err := f.DisableAccount(t.Context(), operator, ana.ID, nil); !errors.Is(err, last) {
		t.Errorf("disabling the only active one: %v", err)
	}
	if _, err := f.accept(pending.Invitation.Link, "Bob"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.DisableAccount(t.Context(), operator, pending.Account.ID, nil); err != nil {
		t.Errorf("one of two: %v", err)
	}
	if err := f.RemoveGrant(t.Context(), operator, scope, anas.ID); !errors.Is(err, last) {
		t.Errorf("beside a disabled one: %v", err)
	}
	if _, err := f.EnableAccount(t.Context(), operator, pending.Account.ID); err != nil {
		t.Fatal(err)
	}
	if err := f.RemoveGrant(t.Context(), operator, scope, anas.ID); err != nil {
		t.Errorf("one of two: %v", err)
	}
	if err := f.RemoveGrant(t.Context(), operator, scope, pending.Grant.ID); !errors.Is(err, last) {
		t.Errorf("the last one: %v", err)
	}
}

// API keys: of an organisation or of a unit, listed, revoked.
func TestAPIKeys(t *testing.T) {
	f := newFixture(t)
	org := f.found("Ours")
	unit := f.unit(org, "Unit")
	key, secret, err := f.CreateAPIKey(t.Context(), staff(org), control.KeySpec{
		Name: "Portal", Scope: unitScope(unit.ID), Permissions: []string{"b", "a", "b"},
	}, nil)
	if err != nil || !cmp.Equal(key.Permissions, []string{"a", "b"}) {
		t.Fatalf("%+v, %v", key, err)
	}
	f.canary(secret)
	if c := f.caller(secret); c.Scope != unitScope(unit.ID) || !cmp.Equal(c.Permissions, []string{"a", "b"}) {
		t.Errorf("caller %+v", c)
	}
	if all, err := f.APIKeys(t.Context(), staff(org), org, "", control.Query{}); err != nil || len(all.Items) != 2 {
		t.Errorf("keys %+v, %v", all, err)
	}
	ofUnit, err := f.APIKeys(t.Context(), staff(org), org, unit.ID, control.Query{})
	if err != nil || len(ofUnit.Items) != 1 || !ofUnit.Items[0].LastUsedAt.Equal(f.now) {
		t.Errorf("the unit's keys %+v, %v", ofUnit, err)
	}
	chain, err := f.ScopeChain(t.Context(), control.ThingAPIKey, key.ID)
	if err != nil || len(chain) != 2 || chain[0] != unitScope(unit.ID) {
		t.Errorf("chain %v, %v", chain, err)
	}
	digest, _ := auth.APIKeyDigest(secret)
	if err := f.RevokeAPIKey(t.Context(), staff(f.found("Theirs")), key.ID); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("another organisation's: %v", err)
	}
	if err := f.RevokeAPIKey(t.Context(), staff(org), key.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Authenticate(t.Context(), digest); !errors.Is(err, control.ErrUnauthenticated) {
		t.Errorf("revoked: %v", err)
	}
	if err := f.RevokeAPIKey(t.Context(), staff(org), key.ID); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("revoked again: %v", err)
	}

	_, secret, err = f.CreateAPIKey(t.Context(), staff(org), control.KeySpec{Name: "x", Scope: unitScope(unit.ID), Permissions: []string{"a"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.DeleteUnit(t.Context(), operator, unit.ID); err != nil {
		t.Fatal(err)
	}
	digest, _ = auth.APIKeyDigest(secret)
	if _, err := f.Authenticate(t.Context(), digest); !errors.Is(err, control.ErrUnauthenticated) {
		t.Errorf("of a deleted unit (R-T-5): %v", err)
	}
	for field, spec := range map[string]control.KeySpec{
		"name":        {Scope: organisationScope(org), Permissions: []string{"a"}},
		"permissions": {Name: "x", Scope: organisationScope(org)},
		"scope.kind":  {Name: "x", Scope: control.Scope{Kind: control.ScopeArea, ID: unit.ID}, Permissions: []string{"a"}},
	} {
		var wrong *control.FieldError
		if _, _, err := f.CreateAPIKey(t.Context(), operator, spec, nil); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%+v: %v", spec, err)
		}
	}
}
