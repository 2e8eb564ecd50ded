package control_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

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
	if got, err := f.DisableAccount(t.Context(), operator, account.ID, nil); err != nil || got.State != control.AccountDisabled {
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
