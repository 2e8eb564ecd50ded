package control_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/store"
)

// accept takes an invitation.
func (f *fixture) accept(link, name string) (control.Account, error) {
	f.t.Helper()
	digest, ok := auth.LinkDigest(link)
	if !ok {
		f.t.Fatalf("an invitation of %d characters is none", len(link))
	}
	return f.AcceptInvitation(f.t.Context(), digest, name, nil)
}

// member appoints somebody who accepts at once.
func (f *fixture) member(role control.RoleName, scope control.Scope, email string) (control.Account, control.Grant) {
	f.t.Helper()
	done, err := f.Appoint(f.t.Context(), operator, role, scope, control.Invitee{Email: email, Copy: true}, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	if done.Invitation == nil {
		return done.Account, done.Grant
	}
	account, err := f.accept(done.Invitation.Link, "Ana")
	if err != nil {
		f.t.Fatal(err)
	}
	return account, done.Grant
}

func (f *fixture) notices() []control.Notice {
	f.t.Helper()
	var list []control.Notice
	err := f.store.View(f.t.Context(), func(tx store.Tx) (err error) {
		list, err = f.outbox.Notices(tx)
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return list
}

// sentLink opens what was sent last and returns the link's secret.
func (f *fixture) sentLink(to string) string {
	f.t.Helper()
	notices := f.notices()
	if len(notices) == 0 {
		f.t.Fatal("nothing was sent")
	}
	m := notices[len(notices)-1]
	address, err := f.vault.Open(m.Key, m.To, control.PurposeAddress)
	if err != nil || string(address) != to {
		f.t.Fatalf("sent to %q, %v", address, err)
	}
	data, err := f.vault.Open(m.Key, m.SealedData, control.PurposeNotice)
	if err != nil {
		f.t.Fatal(err)
	}
	var sealed struct{ Path string }
	if err := json.Unmarshal(data, &sealed); err != nil {
		f.t.Fatal(err)
	}
	secret, ok := strings.CutPrefix(sealed.Path, control.PathAccount)
	if !ok {
		f.t.Fatalf("the path %q", sealed.Path)
	}
	return secret
}

// canary fails the test when a text stands anywhere in the store.
func (f *fixture) canary(texts ...string) {
	f.t.Helper()
	f.each("", func(key string, value []byte) {
		for _, text := range texts {
			if strings.Contains(key, text) || bytes.Contains(value, []byte(text)) {
				f.t.Errorf("%q stands in the record %s", text, key)
			}
		}
	})
}

// R-T-0: an organisation comes with its first system administrator, invited
// by a single-use link, and with its first API key.
func TestFoundOrganisation(t *testing.T) {
	f := newFixture(t)
	made, err := f.FoundOrganisation(t.Context(), operator, control.OrganisationSpec{
		Name: "Ours", Admin: control.Invitee{Email: "Root@example.org", Copy: true},
		Settings: control.OrganisationSettings{Language: "de-AT", AllowedOrigins: []string{"https://app.example.org"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.restart()
	in := made.Admin.Invitation
	if in == nil || in.Sent || in.Link == "" || !in.ExpiresAt.Equal(f.now.Add(7*24*time.Hour)) {
		t.Fatalf("invitation %+v", in)
	}
	if grants, err := f.Grants(t.Context(), made.Admin.Account.ID); err != nil || len(grants) != 0 {
		t.Errorf("roles before accepting: %v, %v", grants, err)
	}
	account, err := f.accept(in.Link, " Ana ")
	if err != nil || account.State != control.AccountActive || account.Name != "Ana" || !account.LastSignInAt.Equal(f.now) {
		t.Fatalf("%+v, %v", account, err)
	}
	grants, err := f.Grants(t.Context(), account.ID)
	if err != nil || len(grants) != 1 || grants[0].Role != control.SystemAdmin || grants[0].Scope != organisationScope(made.Organisation.ID) {
		t.Errorf("roles %v, %v", grants, err)
	}
	c := f.caller(made.Secret)
	if c.OrganisationID != made.Organisation.ID || !cmp.Equal(c.Permissions, []string{control.AllPermissions}) ||
		c.Scope != organisationScope(made.Organisation.ID) || c.Actor().Kind != control.ActorAPIKey {
		t.Errorf("the first key: %+v", c)
	}
	if _, err := f.accept(in.Link, "Eve"); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("accepted twice: %v", err)
	}
	f.canary("Ana", "Root@", "root@", in.Link)
}

// R-T-2: creating a unit assigns who has an account, and invites who has none.
func TestCreateUnitAppoints(t *testing.T) {
	f := newFixture(t)
	org := f.found("Ours")
	known, _ := f.member(control.SystemAdmin, organisationScope(org), "known@example.org")
	made, err := f.CreateUnit(t.Context(), staff(org), org, control.UnitSpec{
		Name:      "Unit",
		Admins:    []control.Invitee{{Email: "KNOWN@example.org"}, {Email: "new@example.org", Name: "Newcomer"}},
		Reporters: []control.Invitee{{Email: "copied@example.org", Copy: true}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(made.Appointed) != 3 {
		t.Fatalf("%d were appointed", len(made.Appointed))
	}
	assigned, sent, copied := made.Appointed[0], made.Appointed[1], made.Appointed[2]
	if assigned.Account.ID != known.ID || assigned.Invitation != nil || assigned.Grant.Role != control.OrgAdmin {
		t.Errorf("who has an account: %+v", assigned)
	}
	if in := sent.Invitation; in == nil || !in.Sent || in.Link != "" || sent.Grant.Role != control.OrgAdmin {
		t.Errorf("who was sent an invitation: %+v", sent)
	}
	if in := copied.Invitation; in == nil || in.Sent || in.Link == "" || copied.Grant.Role != control.OrgReporter {
		t.Errorf("whose invitation is copied: %+v", copied)
	}
	secret := f.sentLink("new@example.org")
	f.canary("new@example.org", "Newcomer", secret)
	if keys := f.vault.Keys(); keys != 1 {
		t.Errorf("%d keys are kept for one letter", keys)
	}
	account, err := f.accept(secret, "Nina")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.Grants(t.Context(), account.ID); err != nil || len(got) != 1 || got[0].Scope != unitScope(made.Unit.ID) {
		t.Errorf("roles %v, %v", got, err)
	}
	f.eraseDue()
	if keys := f.vault.Keys(); keys != 0 {
		t.Errorf("%d keys live on after the invitation was accepted (R-PV-1)", keys)
	}

	page, err := f.GrantsOn(t.Context(), operator, unitScope(made.Unit.ID), control.Query{Limit: 1})
	if err != nil || len(page.Items) != 1 || page.Next == "" {
		t.Fatalf("roles on the unit: %+v, %v", page, err)
	}
	rest, err := f.GrantsOn(t.Context(), operator, unitScope(made.Unit.ID), control.Query{After: page.Next})
	if err != nil || len(rest.Items) != 2 || rest.Next != "" {
		t.Errorf("the rest: %+v, %v", rest, err)
	}
}

// eraseDue does what the scheduler does with keys whose time has come.
func (f *fixture) eraseDue() {
	f.t.Helper()
	var refs []control.KeyRef
	f.each("due/", func(key string, _ []byte) {
		at, kind, id, err := control.ParseDue(key)
		if err != nil {
			f.t.Fatal(err)
		}
		if kind != control.DueSealErase || at.After(f.now) {
			return
		}
		ref, err := control.ParseErase(id)
		if err != nil {
			f.t.Fatal(err)
		}
		refs = append(refs, ref)
	})
	if err := f.EraseKeys(f.t.Context(), refs...); err != nil {
		f.t.Fatal(err)
	}
}

// Without anything to send with, the link is returned to copy.
func TestInvitationWithoutGateway(t *testing.T) {
	f := newFixture(t)
	f.outbox.Lack(control.NoticeEmail)
	org := f.found("Ours")
	done, err := f.Appoint(t.Context(), operator, control.SystemAdmin, organisationScope(org), control.Invitee{Email: "a@example.org"}, nil)
	if err != nil || done.Invitation == nil || done.Invitation.Sent || done.Invitation.Link == "" {
		t.Fatalf("%+v, %v", done, err)
	}
	if keys := f.vault.Keys(); keys != 0 {
		t.Errorf("%d keys are kept for nothing", keys)
	}
}

// SE-4: an invitation is used once, however many use it at the same time, and
// what goes with it is stored with it.
func TestInvitationOnce(t *testing.T) {
	f := newFixture(t)
	org := f.found("Ours")
	done, err := f.Appoint(t.Context(), operator, control.SystemAdmin, organisationScope(org), control.Invitee{Email: "a@example.org", Copy: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	digest, _ := auth.LinkDigest(done.Invitation.Link)
	var mu sync.Mutex
	won, lost := 0, 0
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			_, err := f.AcceptInvitation(t.Context(), digest, "Ana", func(tx store.Tx, a control.Account) error {
				return tx.Put("test/"+a.ID, fmt.Append(nil, i))
			})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won++
			case errors.Is(err, control.ErrNotFound):
				lost++
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won != 1 || lost != 99 {
		t.Errorf("%d won, %d lost", won, lost)
	}
	stored := 0
	f.each("test/", func(string, []byte) { stored++ })
	if stored != 1 {
		t.Errorf("%d records of who won", stored)
	}
}

// An acceptance whose password can't be stored uses nothing up.
func TestInvitationAtomic(t *testing.T) {
	f := newFixture(t)
	done, err := f.Appoint(t.Context(), operator, control.SystemAdmin, organisationScope(f.found("Ours")),
		control.Invitee{Email: "a@example.org", Copy: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	digest, _ := auth.LinkDigest(done.Invitation.Link)
	broken := errors.New("broken")
	if _, err := f.AcceptInvitation(t.Context(), digest, "Ana", func(store.Tx, control.Account) error { return broken }); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	if look, err := f.LookAccountLink(t.Context(), digest); err != nil || look.Organisation != "Ours" || look.Email != "a@example.org" {
		t.Errorf("look: %+v, %v", look, err)
	}
	if _, err := f.accept(done.Invitation.Link, "Ana"); err != nil {
		t.Error(err)
	}
}

// R-T-2: seven days; sign-in links fifteen minutes. To the millisecond.
func TestAccountLinksExpire(t *testing.T) {
	f := newFixture(t)
	org := f.found("Ours")
	done, err := f.Appoint(t.Context(), operator, control.SystemAdmin, organisationScope(org), control.Invitee{Email: "a@example.org", Copy: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	digest, _ := auth.LinkDigest(done.Invitation.Link)
	f.now = done.Invitation.ExpiresAt
	if _, err := f.LookAccountLink(t.Context(), digest); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("at its end: %v", err)
	}
	f.now = done.Invitation.ExpiresAt.Add(-time.Millisecond)
	if _, err := f.LookAccountLink(t.Context(), digest); err != nil {
		t.Errorf("just before its end: %v", err)
	}
	f.now = done.Invitation.ExpiresAt
	again, err := f.Reinvite(t.Context(), operator, done.Account.ID, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.store.Update(t.Context(), func(tx store.Tx) error {
		return f.ExpireAccountLink(tx, f.now, fmt.Sprintf("%x", digest))
	}); err != nil {
		t.Fatal(err)
	}
	if links := f.links(); len(links) != 1 {
		t.Errorf("%d links are stored, want the new one only", len(links))
	}
	account, err := f.accept(again.Link, "Ana")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Reinvite(t.Context(), operator, account.ID, true); !errors.Is(err, &control.StateError{Code: control.CodeWrongState}) {
		t.Errorf("inviting who is active: %v", err)
	}

	secret, err := f.NewSignInLink(t.Context(), operator, account.ID)
	if err != nil {
		t.Fatal(err)
	}
	digest, _ = auth.LinkDigest(secret)
	if _, err := f.AcceptInvitation(t.Context(), digest, "Ana", nil); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("a sign-in link as an invitation: %v", err)
	}
	f.now = f.now.Add(15 * time.Minute)
	if _, err := f.UseSignInLink(t.Context(), digest, nil); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("at its end: %v", err)
	}
	f.now = f.now.Add(-time.Millisecond)
	if _, err := f.UseSignInLink(t.Context(), digest, nil); err != nil {
		t.Errorf("just before its end: %v", err)
	}
	if _, err := f.UseSignInLink(t.Context(), digest, nil); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("used twice: %v", err)
	}
	if _, err := f.NewSignInLink(t.Context(), staff(org), account.ID); !errors.Is(err, control.ErrForbidden) {
		t.Errorf("somebody else's sign-in link for staff: %v", err)
	}
}

// A sign-in link is sent to who has an account; for anybody else the answer is
// the same.
func TestSendSignInLinks(t *testing.T) {
	f := newFixture(t)
	account, _ := f.member(control.SystemAdmin, organisationScope(f.found("Ours")), "ana@example.org")
	before := len(f.notices())
	if err := f.SendSignInLinks(t.Context(), "nobody@example.org"); err != nil || len(f.notices()) != before {
		t.Errorf("nobody: %v", err)
	}
	if err := f.SendSignInLinks(t.Context(), " Ana@Example.org "); err != nil {
		t.Fatal(err)
	}
	digest, _ := auth.LinkDigest(f.sentLink("ana@example.org"))
	var signedIn string
	_, err := f.UseSignInLink(t.Context(), digest, func(_ store.Tx, a control.Account) error {
		signedIn = a.ID
		return nil
	})
	if err != nil || signedIn != account.ID {
		t.Errorf("%q signed in, %v", signedIn, err)
	}
	if list, err := f.AccountsByEmail(t.Context(), "ANA@example.org"); err != nil || len(list) != 1 || list[0].ID != account.ID {
		t.Errorf("by e-mail: %v, %v", list, err)
	}
}

// R-P-2: a disabled account has no roles, no links, and can't sign in.
func TestDisableAccount(t *testing.T) {
	f := newFixture(t)
	org := f.found("Ours")
	f.member(control.SystemAdmin, organisationScope(org), "root@example.org")
	account, _ := f.member(control.OrgAdmin, unitScope(f.unit(org, "Unit").ID), "ana@example.org")
	secret, err := f.NewSignInLink(t.Context(), operator, account.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.DisableAccount(t.Context(), operator, account.ID); err != nil || got.State != control.AccountDisabled {
		t.Fatalf("%+v, %v", got, err)
	}
	digest, _ := auth.LinkDigest(secret)
	if _, err := f.UseSignInLink(t.Context(), digest, nil); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("its link: %v", err)
	}
	if err := f.SignedIn(t.Context(), account.ID, "password", nil); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("signing in: %v", err)
	}
	if list, err := f.AccountsByEmail(t.Context(), "ana@example.org"); err != nil || len(list) != 0 {
		t.Errorf("by e-mail: %v, %v", list, err)
	}
	if grants, err := f.Grants(t.Context(), account.ID); err != nil || len(grants) != 0 {
		t.Errorf("roles %v, %v", grants, err)
	}
	_, err = f.Appoint(t.Context(), operator, control.OrgReporter, unitScope(f.unit(org, "Other").ID), control.Invitee{Email: "ana@example.org"}, nil)
	if !errors.Is(err, &control.StateError{Code: control.CodeWrongState}) {
		t.Errorf("appointing who is disabled: %v", err)
	}
	if got, err := f.EnableAccount(t.Context(), operator, account.ID); err != nil || got.State != control.AccountActive {
		t.Errorf("enabled: %+v, %v", got, err)
	}
	if grants, err := f.Grants(t.Context(), account.ID); err != nil || len(grants) != 1 {
		t.Errorf("roles %v, %v", grants, err)
	}
}

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
	if _, err := f.DisableAccount(t.Context(), operator, ana.ID); !errors.Is(err, last) {
		t.Errorf("disabling the only active one: %v", err)
	}
	if _, err := f.accept(pending.Invitation.Link, "Bob"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.DisableAccount(t.Context(), operator, pending.Account.ID); err != nil {
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
	})
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

	_, secret, err = f.CreateAPIKey(t.Context(), staff(org), control.KeySpec{Name: "x", Scope: unitScope(unit.ID), Permissions: []string{"a"}})
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
		if _, _, err := f.CreateAPIKey(t.Context(), operator, spec); !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("%+v: %v", spec, err)
		}
	}
}

// R-PV-1: a key that no transaction kept is erased at once, or after a crash
// at the next start; what was erased isn't opened, and that is no error.
func TestKeysOfDetails(t *testing.T) {
	f := newFixture(t)
	broken := errors.New("broken")
	if _, err := f.WithKey(t.Context(), broken); !errors.Is(err, broken) || f.vault.Keys() != 0 {
		t.Errorf("%v, and %d keys after it failed", err, f.vault.Keys())
	}
	ref, err := f.WithKey(t.Context(), nil)
	if err != nil || f.vault.Keys() != 1 {
		t.Fatalf("%v, %d keys", err, f.vault.Keys())
	}
	other, err := f.WithKey(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := f.SealAndOpen(ref, ref, "p", "p"); !ok || err != nil {
		t.Errorf("open: %v, %v", ok, err)
	}
	if ok, err := f.SealAndOpen(ref, ref, "p", "q"); ok || err == nil {
		t.Errorf("for another purpose: %v, %v", ok, err)
	}
	if ok, err := f.SealAndOpen(ref, other, "p", "p"); ok || err == nil {
		t.Errorf("by another key: %v, %v", ok, err)
	}
	if _, err := f.vault.Reserve(); err != nil { // and then the process is killed
		t.Fatal(err)
	}
	f.restart()
	if err := f.KeepKeys(t.Context()); err != nil || f.vault.Keys() != 2 {
		t.Errorf("%v, %d keys after a restart, want the two in use", err, f.vault.Keys())
	}
	if err := f.EraseKeys(t.Context(), ref, ref); err != nil || f.vault.Keys() != 1 {
		t.Errorf("%v, %d keys", err, f.vault.Keys())
	}
	if ok, err := f.SealAndOpen(other, ref, "p", "p"); ok || err != nil {
		t.Errorf("erased: %v, %v", ok, err)
	}
	slots := 0
	f.each("sealed_key/", func(string, []byte) { slots++ })
	if slots != 1 {
		t.Errorf("%d slots are said to be in use", slots)
	}
}

// An e-mail address is one address and nothing else.
func TestCleanEmail(t *testing.T) {
	for in, want := range map[string]string{
		" Ana@Example.org ": "Ana@Example.org", "a+b@c.de": "a+b@c.de", "ána@exämple.org": "ána@exämple.org",
		"": "", "ana": "", "ana@": "", "Ana <ana@example.org>": "", "a@b, c@d": "", "a@b\nBcc: c@d": "",
		`"a b"@c.de`: "", "a@[127.0.0.1]": "", "a@b\u202e": "", strings.Repeat("a", 250) + "@b.de": "", "(x)a@b.de": "",
	} {
		got, err := control.CleanEmail("email", in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", in, got, err, want)
		}
	}
}

// A failed creation leaves no account, no key and no letter.
func TestInvitingFails(t *testing.T) {
	f := newFixture(t)
	org := f.found("Ours")
	f.unit(org, "Unit")
	spec := control.UnitSpec{Name: "unit", Admins: []control.Invitee{{Email: "a@example.org"}}}
	_, err := f.CreateUnit(context.Background(), operator, org, spec, nil)
	if !errors.Is(err, &control.StateError{Code: control.CodeNameTaken}) {
		t.Fatal(err)
	}
	page, err := f.Accounts(t.Context(), operator, org, control.Query{})
	if err != nil || len(page.Items) != 0 || len(f.notices()) != 0 || f.vault.Keys() != 0 {
		t.Errorf("%d accounts, %d letters, %d keys, %v", len(page.Items), len(f.notices()), f.vault.Keys(), err)
	}
	spec.Name = "Other"
	spec.Reporters = []control.Invitee{{Email: "A@example.org"}}
	var field *control.FieldError
	if _, err := f.CreateUnit(t.Context(), operator, org, spec, nil); !errors.As(err, &field) {
		t.Errorf("the same person twice: %v", err)
	}
}
