package api

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// session returns the cookie that an answer set.
func (a answer) cookie(t *testing.T) *http.Cookie {
	t.Helper()
	cookies := (&http.Response{Header: a.header}).Cookies()
	if len(cookies) != 1 {
		t.Fatalf("cookies %v in %d %s", cookies, a.status, a.body)
	}
	return cookies[0]
}

// SE-8: the cookie is for our own pages only, and JavaScript never sees it.
func TestSessionCookie(t *testing.T) {
	f := newFixture(t)
	org, _ := f.founded("west")
	body := `{"email":" ROOT@west.example","password":"` + goodPassword + `"}`
	a := f.do("POST", "/api/v1/sessions", "", body)
	c := a.cookie(t)
	if a.status != 201 || c.Name != sessionCookie || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" ||
		c.Domain != "" || strings.Contains(string(a.body), "ats_") {
		t.Fatalf("signed in: %d %v %s", a.status, c, a.body)
	}
	cookie := c.Name + "=" + c.Value
	for _, row := range []struct {
		name, method, path, origin, site string
		want                             int
	}{
		{"a page of ours", "GET", "/api/v1/sessions/current", f.url, "same-origin", 200},
		{"an old browser", "GET", "/api/v1/sessions/current", "", "", 200},
		{"a foreign page", "GET", "/api/v1/sessions/current", "https://evil.example", "cross-site", 403},
		{"a foreign form", "POST", "/api/v1/organisations/" + org.Organisation.ID + "/units", "https://evil.example", "cross-site", 403},
		{"a foreign form without an origin", "POST", "/api/v1/organisations/" + org.Organisation.ID + "/units", "", "cross-site", 403},
		{"a page of ours that writes", "POST", "/api/v1/organisations/" + org.Organisation.ID + "/units", f.url, "same-origin", 201},
	} {
		body := ""
		if row.method == "POST" {
			body = `{"name":"Unit"}`
		}
		a := f.do(row.method, row.path, "", body, "Cookie", cookie, "Origin", row.origin, "Sec-Fetch-Site", row.site)
		if a.status != row.want {
			t.Errorf("%s: %d %s", row.name, a.status, a.body)
		}
	}
	// A listed page has no cookies either.
	_, err := f.control.UpdateOrganisation(t.Context(), control.System(), org.Organisation.ID, control.OrganisationPatch{
		Settings: &control.OrganisationSettings{AllowedOrigins: []string{"https://app.example.org"}}})
	if err != nil {
		t.Fatal(err)
	}
	if a := f.do("GET", "/api/v1/sessions/current", "", "", "Cookie", cookie, "Origin", "https://app.example.org"); a.status != 401 {
		t.Errorf("a listed page with a cookie: %d", a.status)
	}
	a = f.do("DELETE", "/api/v1/sessions/current", "", "", "Cookie", cookie)
	if end := a.cookie(t); a.status != 204 || end.Name != sessionCookie || end.MaxAge >= 0 {
		t.Errorf("signed out: %d %v", a.status, end)
	}
	a = f.do("GET", "/api/v1/sessions/current", "", "", "Cookie", cookie)
	if end := a.cookie(t); a.status != 401 || end.MaxAge >= 0 {
		t.Errorf("a cookie that has ended: %d %v", a.status, end)
	}
	visit, _ := f.keys.NewVisitToken()
	a = f.do("GET", "/api/v1/sessions/current", "", "", "Cookie", visitCookie+"="+visit)
	if end := a.cookie(t); a.status != 401 || end.Name != visitCookie || end.MaxAge >= 0 {
		t.Errorf("a visit that has ended: %d %v", a.status, end)
	}
	// A key in the wrong cookie is none.
	if a := f.do("GET", "/api/v1/rooms", "", "", "Cookie", sessionCookie+"="+f.key); a.status != 401 {
		t.Errorf("an API key as a cookie: %d", a.status)
	}
}

// SE-5: what is wrong isn't told, nor by the time it takes; a tenth wrong
// password shuts an address out, and only that one.
func TestWrongPasswords(t *testing.T) {
	f := newFixture(t)
	f.founded("west")
	f.founded("east")
	try := func(email, password string) answer {
		return f.do("POST", "/api/v1/sessions", "", `{"email":"`+email+`","password":"`+password+`"}`)
	}
	began := time.Now()
	known := try("root@west.example", "wrong")
	unknown := try("nobody@west.example", "wrong")
	if known.status != 401 || string(known.body) != string(unknown.body) || known.problem(t).Code != CodeWrongCredentials {
		t.Errorf("known %d %s, unknown %d %s", known.status, known.body, unknown.status, unknown.body)
	}
	if took := time.Since(began); took < 2*evenTime {
		t.Errorf("two failures took %v, each at least %v", took, evenTime)
	}
	f.server.evenTime = 0
	for range auth.FailureLimit - 1 {
		if a := try("root@west.example", "wrong"); a.status != 401 {
			t.Fatalf("a wrong password: %d %s", a.status, a.body)
		}
	}
	if a := try("Root@West.example", goodPassword); a.status != 429 || a.header.Get("Retry-After") == "" {
		t.Errorf("the right password after %d wrong ones: %d", auth.FailureLimit, a.status)
	}
	if a := try("root@east.example", goodPassword); a.status != 201 {
		t.Errorf("somebody else: %d %s", a.status, a.body)
	}
	f.now.advance(auth.FailureWindow)
	if a := try("root@west.example", goodPassword); a.status != 201 {
		t.Errorf("later: %d %s", a.status, a.body)
	}
	for _, body := range []string{`{}`, `{"email":"a@b.example"}`, `{"link":"x","email":"a@b.example","password":"p"}`} {
		if a := f.do("POST", "/api/v1/sessions", "", body); a.status != 400 {
			t.Errorf("%s: %d", body, a.status)
		}
	}
}

// R-T-2, SE-4: an invitation and a sign-in link serve once, whoever presses
// at the same time.
func TestAccountLinksServeOnce(t *testing.T) {
	f := newFixture(t)
	org := must[NewOrganisation](f, 201, "POST", "/api/v1/organisations", f.operator,
		`{"name":"west","system_admin":{"email":"root@west.example"}}`)
	link := org.SystemAdmin.Invitation.Link
	for password, why := range map[string]string{"short": "at least 12", "root@west.example x": "e-mail"} {
		a := f.do("POST", "/api/v1/invitations/accept", "", `{"link":"`+link+`","name":"R","password":"`+password+`"}`)
		if a.status != 400 || !strings.Contains(string(a.body), why) || !strings.Contains(string(a.body), "body.password") {
			t.Errorf("password %q: %d %s", password, a.status, a.body)
		}
	}
	race := func(body string, good int) {
		t.Helper()
		statuses := make(map[int]int)
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				path := "/api/v1/sessions"
				if good == 200 {
					path = "/api/v1/invitations/accept"
				}
				a := f.do("POST", path, "", body)
				mu.Lock()
				defer mu.Unlock()
				statuses[a.status]++
			})
		}
		all.Wait()
		if statuses[good] != 1 || statuses[404] != 7 {
			t.Errorf("eight at once: %v", statuses)
		}
	}
	race(`{"link":"`+link+`","name":"Root","password":"`+goodPassword+`"}`, 200)
	secret, err := f.control.NewSignInLink(t.Context(), control.Actor{Kind: control.ActorOperator}, org.SystemAdmin.Account.ID)
	if err != nil {
		t.Fatal(err)
	}
	race(`{"link":"`+secret+`"}`, 201)
	for _, body := range []string{`{"link":"` + link + `"}`, `{"link":"` + secret + `"}`, `{"link":"x"}`} {
		a := f.do("POST", "/api/v1/invitations/look", "", body)
		if a.status != 404 || a.problem(t).Code != CodeLinkUnknown {
			t.Errorf("a dead link: %d %s", a.status, a.body)
		}
	}
}

// SE-5: having a sign-in link sent tells nothing.
func TestSendSignInLink(t *testing.T) {
	f := newFixture(t)
	f.founded("west")
	began := time.Now()
	known := f.do("POST", "/api/v1/sign-in-links", "", `{"email":"root@west.example"}`)
	unknown := f.do("POST", "/api/v1/sign-in-links", "", `{"email":"nobody@west.example"}`)
	if known.status != 202 || unknown.status != 202 || string(known.body) != string(unknown.body) || time.Since(began) < 2*evenTime {
		t.Errorf("known %d %q, unknown %d %q after %v", known.status, known.body, unknown.status, unknown.body, time.Since(began))
	}
	if a := f.do("POST", "/api/v1/sign-in-links", "", `{"email":"nobody"}`); a.status != 400 {
		t.Errorf("no address: %d", a.status)
	}
	f.server.evenTime = 0
	limited := false
	for range DefaultConfig().FailureBurst + 1 {
		limited = limited || f.do("POST", "/api/v1/sign-in-links", "", `{"email":"root@west.example"}`).status == 429
	}
	if !limited {
		t.Error("one network has any number of links sent")
	}
}

// A session ends 12 hours after its last request.
func TestSessionIdles(t *testing.T) {
	f := newFixture(t)
	_, admin := f.founded("west")
	for range 3 {
		f.now.advance(auth.SessionIdle - time.Minute)
		must[CurrentSession](f, 200, "GET", "/api/v1/sessions/current", admin, "")
	}
	f.now.advance(auth.SessionIdle)
	if a := f.do("GET", "/api/v1/sessions/current", admin, ""); a.status != 401 {
		t.Errorf("after 12 hours: %d", a.status)
	}
}
