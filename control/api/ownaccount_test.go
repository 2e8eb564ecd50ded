package api

import (
	"strings"
	"testing"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/store"
)

const (
	ownAccount   = "/api/v1/sessions/current/account"
	nextPassword = "nine loud yellow herons"
)

// again signs in anew and returns the session's token.
func (f *fixture) again(email, password string) string {
	f.t.Helper()
	return must[SignedIn](f, 201, "POST", "/api/v1/sessions", "", `{"email":"`+email+`","password":"`+password+`","bearer":true}`).Token
}

// own changes the account of a session.
func (f *fixture) own(session, body string) answer {
	f.t.Helper()
	return f.do("PATCH", ownAccount, session, body)
}

// Who is signed in changes their name and their password. The password needs
// the one of before, and ends the other sessions and the links that were sent;
// the audit log holds all of it (R-PV-2) and no password.
func TestOwnAccount(t *testing.T) {
	f := newFixture(t)
	org, session := f.founded("west")
	elsewhere := f.again("root@west.example", goodPassword)
	link, err := f.control.NewSignInLink(t.Context(), control.Actor{Kind: control.ActorOperator}, org.SystemAdmin.Account.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got := must[Account](f, 200, "PATCH", ownAccount, session, `{"name":" Ana Kovač "}`); got.Name != "Ana Kovač" || got.Email != "root@west.example" {
		t.Errorf("renamed %+v", got)
	}
	for _, row := range []struct {
		body, code, says string
		want             int
	}{
		{`{}`, CodeInvalid, "body.name", 400},
		{`{"name":" "}`, CodeInvalid, "body.name", 400},
		{`{"email":"other@west.example"}`, CodeUnknownField, "body.email", 400},
		{`{"password":"short","current_password":"` + goodPassword + `"}`, CodeInvalid, "at least 12", 400},
		{`{"password":"ana kovač is my name","current_password":"` + goodPassword + `"}`, CodeInvalid, "your name", 400},
		{`{"password":"` + nextPassword + `"}`, CodeWrongCredentials, "current password", 403},
		{`{"password":"` + nextPassword + `","current_password":"wrong"}`, CodeWrongCredentials, "current password", 403},
	} {
		if a := f.own(session, row.body); a.status != row.want || a.problem(t).Code != row.code || !strings.Contains(string(a.body), row.says) {
			t.Errorf("%s: %d %s", row.body, a.status, a.body)
		}
	}
	if a := f.do("GET", "/api/v1/sessions/current", elsewhere, ""); a.status != 200 {
		t.Errorf("the other session, before: %d", a.status)
	}
	if a := f.own(session, `{"name":"Ana","password":"`+nextPassword+`","current_password":"`+goodPassword+`"}`); a.status != 200 {
		t.Fatalf("changed: %d %s", a.status, a.body)
	}
	if a := f.do("GET", "/api/v1/sessions/current", elsewhere, ""); a.status != 401 {
		t.Errorf("the other session: %d", a.status)
	}
	if got := must[CurrentSession](f, 200, "GET", "/api/v1/sessions/current", session, ""); got.Account.Name != "Ana" || !got.HasPassword {
		t.Errorf("the own session: %+v", got)
	}
	if a := f.do("POST", "/api/v1/sessions", "", `{"link":"`+link+`"}`); a.status != 404 {
		t.Errorf("a link that was sent before: %d", a.status)
	}
	if a := f.do("POST", "/api/v1/sessions", "", `{"email":"root@west.example","password":"`+goodPassword+`"}`); a.status != 401 {
		t.Errorf("the password of before: %d", a.status)
	}
	f.again("root@west.example", nextPassword)
	page, err := f.control.Audit(t.Context(), control.System(), org.Organisation.ID, control.AuditFilter{Action: "account."}, control.Query{})
	if err != nil {
		t.Fatal(err)
	}
	count := make(map[control.Action]int)
	for _, r := range page.Items {
		count[r.Action]++
		if (r.Action == "account.password" || r.Action == "account.update") && (r.Actor.ID != org.SystemAdmin.Account.ID || r.Subject.ID != r.Actor.ID) {
			t.Errorf("in the audit log: %+v", r)
		}
	}
	if count["account.update"] != 2 || count["account.password"] != 1 || count["account.sign_in_failed"] != 3 {
		t.Errorf("in the audit log: %v", count)
	}
	if logs := f.logs.String(); strings.Contains(logs, nextPassword) || strings.Contains(logs, goodPassword) {
		t.Error("a password is in the log")
	}
}

// SE-5: wrong current passwords count with those of signing in: nobody tries
// more than ten of an account, whichever way.
func TestOwnPasswordFailures(t *testing.T) {
	f := newFixture(t)
	_, session := f.founded("west")
	f.server.evenTime = 0
	try := func(current string) answer {
		return f.own(session, `{"password":"`+nextPassword+`","current_password":"`+current+`"}`)
	}
	for i := range auth.FailureLimit {
		if i%2 == 0 {
			if a := try("wrong"); a.status != 403 {
				t.Fatalf("failure %d: %d %s", i, a.status, a.body)
			}
		} else if a := f.do("POST", "/api/v1/sessions", "", `{"email":"root@west.example","password":"wrong"}`); a.status != 401 {
			t.Fatalf("failure %d: %d %s", i, a.status, a.body)
		}
	}
	if a := try(goodPassword); a.status != 429 || a.header.Get("Retry-After") == "" || a.problem(t).Code != CodeRateLimited {
		t.Errorf("the right one after %d wrong ones: %d %s", auth.FailureLimit, a.status, a.body)
	}
	if a := f.own(session, `{"name":"Ana"}`); a.status != 200 {
		t.Errorf("the name: %d", a.status)
	}
	f.now.advance(auth.FailureWindow)
	if a := try(goodPassword); a.status != 200 {
		t.Errorf("later: %d %s", a.status, a.body)
	}
}

// Who came by links only has no password to give, and chooses a first one.
func TestFirstPassword(t *testing.T) {
	f := newFixture(t)
	org, admin := f.founded("west")
	unit := must[NewUnit](f, 201, "POST", "/api/v1/organisations/"+org.Organisation.ID+"/units", admin, `{"name":"Unit","admins":[{"email":"bo@west.example"}]}`)
	digest, _ := auth.LinkDigest(unit.Appointed[0].Invitation.Link)
	session, sum := f.keys.NewSessionToken()
	_, err := f.control.AcceptInvitation(t.Context(), digest, "Bo", func(tx store.Tx, a control.Account) error {
		return f.server.sessions.Create(tx, a.ID, sum)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := must[CurrentSession](f, 200, "GET", "/api/v1/sessions/current", session, ""); got.HasPassword {
		t.Errorf("at first %+v", got)
	}
	if a := f.own(session, `{"password":"`+goodPassword+`"}`); a.status != 200 {
		t.Fatalf("the first: %d %s", a.status, a.body)
	}
	if a := f.own(session, `{"password":"`+nextPassword+`"}`); a.status != 403 {
		t.Errorf("the second, without the first: %d", a.status)
	}
	f.again("bo@west.example", goodPassword)
}
