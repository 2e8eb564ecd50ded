package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// SE-8: a page of another origin is refused unless its organisation lists it,
// and one that is listed learns nothing of other organisations.
func TestOrigins(t *testing.T) {
	f := newFixture(t)
	ours := f.callerOf(f.key)
	listed := "https://app.example.org"
	_, err := f.control.UpdateOrganisation(t.Context(), control.System(), ours.OrganisationID, control.OrganisationPatch{
		Settings: &control.OrganisationSettings{AllowedOrigins: []string{listed}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, method, key, origin, site string
		want                            int
		allowed                         string
	}{
		{"no browser", "GET", f.key, "", "", 200, ""},
		{"our own page", "GET", f.key, f.url, "same-origin", 200, ""},
		{"a listed page", "GET", f.key, listed, "cross-site", 200, listed},
		{"a listed page with another's key", "GET", f.foreign, listed, "cross-site", 403, listed},
		{"a foreign page", "GET", f.key, "https://evil.example", "cross-site", 403, ""},
		{"a foreign page that writes", "POST", f.key, "https://evil.example", "cross-site", 403, ""},
		{"a page without an origin", "GET", f.key, "null", "cross-site", 403, ""},
		{"a foreign page that hides", "POST", f.key, "", "cross-site", 403, ""},
		{"a foreign page under a longer name", "GET", f.key, f.url + ".evil.example", "cross-site", 403, ""},
		{"a listed page's subdomain", "GET", f.key, "https://a.app.example.org", "cross-site", 403, ""},
		{"a listed page over http", "GET", f.key, "http://app.example.org", "cross-site", 403, ""},
	} {
		body := ""
		if row.method == "POST" {
			body = `{"type":"plain"}`
		}
		a := f.do(row.method, "/api/v1/rooms", row.key, body, "Origin", row.origin, "Sec-Fetch-Site", row.site)
		if a.status != row.want || a.header.Get("Access-Control-Allow-Origin") != row.allowed ||
			a.header.Get("Access-Control-Allow-Credentials") != "" || a.header.Get("Vary") != "Origin" {
			t.Errorf("%s: %d %v %s", row.name, a.status, a.header, a.body)
		}
		if row.want == 403 && a.problem(t).Code != CodeForeignOrigin {
			t.Errorf("%s: %s", row.name, a.body)
		}
	}
	preflight := func(origin string) answer {
		return f.do("OPTIONS", "/api/v1/rooms", "", "", "Origin", origin,
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization")
	}
	a := preflight(listed)
	if a.status != http.StatusNoContent || a.header.Get("Access-Control-Allow-Origin") != listed ||
		!strings.Contains(a.header.Get("Access-Control-Allow-Methods"), "POST") ||
		!strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("preflight: %d %v", a.status, a.header)
	}
	if a := preflight("https://evil.example"); a.status != http.StatusForbidden || a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a foreign preflight: %d %v", a.status, a.header)
	}
	if _, err := f.control.UpdateOrganisation(t.Context(), control.System(), ours.OrganisationID,
		control.OrganisationPatch{Settings: &control.OrganisationSettings{}}); err != nil {
		t.Fatal(err)
	}
	if a := preflight(listed); a.status != http.StatusForbidden {
		t.Errorf("an origin that is no longer listed: %d", a.status)
	}
}

// R-P-1, SE-6: New fails for a route that doesn't say who may use it.
func TestUndeclaredRoutes(t *testing.T) {
	f := newFixture(t)
	good := route{method: "GET", path: "/areas/{id}", permission: auth.AreasRead, target: on(control.ThingArea)}
	for name, change := range map[string]func(*route){
		"":                               func(*route) {},
		"no permission":                  func(r *route) { r.permission = "" },
		"an unknown permission":          func(r *route) { r.permission = "areas.reed" },
		"a path without the thing":       func(r *route) { r.path = "/areas" },
		"no thing":                       func(r *route) { r.target = target{} },
		"a guest on something else":      func(r *route) { r.guest = true },
		"a guest's own, of another kind": func(r *route) { r.permission = auth.OwnVisit },
	} {
		r := good
		change(&r)
		s := &Server{policy: auth.NewPolicy(), routes: []route{r}}
		if err := s.checkRoutes(); (err == nil) != (name == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(f.server.routes) == 0 {
		t.Error("no routes were registered")
	}
}
