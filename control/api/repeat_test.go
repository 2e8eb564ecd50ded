package api

import (
	"net/http"
	"strings"
	"testing"
)

// What makes links and secrets over HTTP does it once for an Idempotency-Key:
// the answer is given again, secrets too, and the key is good for no other
// request.
func TestRepeatedLinksOverHTTP(t *testing.T) {
	f := newFixture(t)
	org, admin := f.founded("west")
	key := org.APIKey.Secret
	unit := must[NewUnit](f, 201, "POST", "/api/v1/organisations/"+org.Organisation.ID+"/units", key, `{"name":"Unit"}`).Unit
	area := must[Area](f, 201, "POST", "/api/v1/units/"+unit.ID+"/areas", key, `{"name":"Area"}`)
	room := must[MeetingRoom](f, 201, "POST", "/api/v1/units/"+unit.ID+"/meeting-rooms", key, `{"name":"Team"}`)
	invited := must[Appointee](f, 201, "POST", "/api/v1/areas/"+area.ID+"/grants", key, `{"email":"bo@west.example","role":"provider","copy":true}`)
	for _, row := range []struct {
		path, key, body, other string
		status                 int
	}{
		{"/organisations", f.operator, `{"name":"North"}`, `{"name":"South"}`, 201},
		{"/api-keys", admin, `{"name":"app","permissions":["areas.read"]}`, `{"name":"app","permissions":["queue.read"]}`, 201},
		{"/webhooks", key, `{"url":"https://app.example.org/hook"}`, `{"url":"https://app.example.org/other"}`, 201},
		{"/accounts/" + invited.Account.ID + "/invite", admin, `{"copy":true}`, ``, 200},
		{"/areas/" + area.ID + "/link/reset", key, ``, ``, 200},
		{"/meeting-rooms/" + room.ID + "/link/reset", key, ``, ``, 200},
	} {
		do := func(once, body string) answer {
			return f.do("POST", "/api/v1"+row.path, row.key, body, "Idempotency-Key", once)
		}
		first, again := do("k", row.body), do("k", row.body)
		if first.status != row.status || again.status != row.status || string(first.body) != string(again.body) {
			t.Errorf("%s: %d %s, then %d %s", row.path, first.status, first.body, again.status, again.body)
		}
		if a := do("l", row.body); a.status != row.status || string(a.body) == string(first.body) {
			t.Errorf("%s with another key: %d %s", row.path, a.status, a.body)
		}
		if row.other == "" {
			continue
		}
		if a := do("k", row.other); a.status != 409 || a.problem(t).Code != CodeOnceMismatch {
			t.Errorf("%s with another request: %d %s", row.path, a.status, a.body)
		}
	}
}

// SE-8: an API key's own origins come before its organisation's; they are
// known to browsers that ask first, until the key is revoked.
func TestOriginsOfAKey(t *testing.T) {
	f := newFixture(t)
	org, admin := f.founded("west")
	const orgs, keys = "https://west.example", "https://portal.example"
	must[Organisation](f, 200, "PATCH", "/api/v1/organisation", admin, `{"settings":{"allowed_origins":["`+orgs+`"]}}`)
	made := must[NewAPIKey](f, 201, "POST", "/api/v1/api-keys", admin,
		`{"name":"portal","permissions":["rooms.embed"],"allowed_origins":["`+keys+`"]}`)
	if len(made.AllowedOrigins) != 1 || made.AllowedOrigins[0] != keys {
		t.Errorf("made %+v", made)
	}
	get := func(key, origin string) int {
		return f.do("GET", "/api/v1/rooms", key, "", "Origin", origin, "Sec-Fetch-Site", "cross-site").status
	}
	for _, row := range []struct {
		key, origin string
		want        int
	}{
		{made.Secret, keys, 200}, {made.Secret, orgs, 403},
		{org.APIKey.Secret, orgs, 200}, {org.APIKey.Secret, keys, 403},
		{f.key, keys, 403}, // another organisation's
	} {
		if got := get(row.key, row.origin); got != row.want {
			t.Errorf("a key %s from %s: %d, want %d", row.key[:6], row.origin, got, row.want)
		}
	}
	list, err := f.control.Origins(t.Context(), org.Organisation.ID)
	if err != nil || strings.Join(list, " ") != orgs+" "+keys {
		t.Errorf("people may come from %v, %v", list, err)
	}
	preflight := func() int {
		return f.do("OPTIONS", "/api/v1/rooms", "", "", "Origin", keys, "Access-Control-Request-Method", "GET").status
	}
	if got := preflight(); got != http.StatusNoContent {
		t.Errorf("asked first: %d", got)
	}
	if a := f.do("DELETE", "/api/v1/api-keys/"+made.ID, admin, ""); a.status != http.StatusNoContent {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if got := preflight(); got != http.StatusForbidden {
		t.Errorf("asked first, of a revoked key: %d", got)
	}
	if list, err := f.control.Origins(t.Context(), org.Organisation.ID); err != nil || len(list) != 1 {
		t.Errorf("people may still come from %v, %v", list, err)
	}
	if a := f.do("POST", "/api/v1/api-keys", admin, `{"name":"x","permissions":["rooms.embed"],"allowed_origins":["http://a.example"]}`); a.status != 400 {
		t.Errorf("an origin without TLS: %d %s", a.status, a.body)
	}
}
