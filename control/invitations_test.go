package control_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/store"
)

// R-T-0: an organisation comes with its first system administrator, invited
// by a single-use link, and with its first API key.
func TestFoundOrganisation(t *testing.T) {
	f := newFixture(t)
	made, err := f.FoundOrganisation(t.Context(), operator, control.OrganisationSpec{
		Name: "Ours", Admin: control.Invitee{Email: "Root@example.org", Copy: true},
		Settings: control.OrganisationSettings{Language: "de-AT", AllowedOrigins: []string{"https://app.example.org"}},
	}, nil)
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
	f.restart() // the clock of one service never goes backward (SE-20)
	if _, err := f.LookAccountLink(t.Context(), digest); err != nil {
		t.Errorf("just before its end: %v", err)
	}
	f.now = done.Invitation.ExpiresAt
	again, err := f.Reinvite(t.Context(), operator, done.Account.ID, true, nil)
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
	if _, err := f.Reinvite(t.Context(), operator, account.ID, true, nil); !errors.Is(err, &control.StateError{Code: control.CodeWrongState}) {
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
	f.restart()
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
