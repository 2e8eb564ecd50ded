package api

import (
	"strings"
	"testing"

	"github.com/atriumrtc/atrium/control"
)

// R-P: an API key does what its listed permissions say, in its scope, and
// holds nothing that its maker couldn't give a person either.
func TestAPIKeys(t *testing.T) {
	f := newFixture(t)
	org, admin := f.founded("west")
	unit := must[NewUnit](f, 201, "POST", "/api/v1/organisations/"+org.Organisation.ID+"/units", admin,
		`{"name":"Unit","admins":[{"email":"ana@west.example"}]}`).Unit
	people := must[List[Appointee]](f, 200, "GET", "/api/v1/units/"+unit.ID+"/grants", admin, "")
	again := must[Invitation](f, 200, "POST", "/api/v1/accounts/"+people.Items[0].Account.ID+"/invite", admin, "")
	ana := f.accept(again.Link, "Ana")
	ofUnit := "/api/v1/api-keys?unit_id=" + unit.ID
	for _, row := range []struct {
		name, path, token, permissions string
		want                           int
	}{
		{"all, by the system administrator", "/api/v1/api-keys", admin, `"*"`, 201},
		{"what a provider may, by the system administrator", "/api/v1/api-keys", admin, `"visits.conduct","queue.read"`, 201},
		{"what a provider may, by an administrator of the unit", ofUnit, ana, `"visits.conduct","areas.edit"`, 201},
		{"of the organisation, by an administrator of a unit", "/api/v1/api-keys", ana, `"queue.read"`, 403},
		{"what only a system administrator may", ofUnit, ana, `"units.manage"`, 400},
		{"all, by an administrator of a unit", ofUnit, ana, `"*"`, 400},
		{"to make keys", "/api/v1/api-keys", admin, `"api_keys.manage"`, 400},
		{"no such permission", "/api/v1/api-keys", admin, `"areas.reed"`, 400},
		{"by a key", "/api/v1/api-keys", org.APIKey.Secret, `"queue.read"`, 403},
	} {
		a := f.do("POST", row.path, row.token, `{"name":"Key","permissions":[`+row.permissions+`]}`)
		if a.status != row.want {
			t.Errorf("%s: %d %s", row.name, a.status, a.body)
		}
	}
	key := must[NewAPIKey](f, 201, "POST", ofUnit, ana, `{"name":"Key","permissions":["places.create"]}`)
	must[Area](f, 201, "POST", "/api/v1/units/"+unit.ID+"/areas", key.Secret, `{"name":"Area"}`)
	if a := f.do("PATCH", "/api/v1/units/"+unit.ID, key.Secret, `{"name":"X"}`); a.status != 403 {
		t.Errorf("a permission that the key lacks: %d", a.status)
	}
	if list := must[List[APIKey]](f, 200, "GET", ofUnit, ana, ""); len(list.Items) != 2 || list.Items[1].ID != key.ID {
		t.Errorf("keys of the unit: %+v", list)
	}
	if list := must[List[APIKey]](f, 200, "GET", "/api/v1/api-keys", admin, ""); len(list.Items) != 5 {
		t.Errorf("keys of the organisation: %+v", list)
	}
	if a := f.do("DELETE", "/api/v1/api-keys/"+key.ID, ana, ""); a.status != 204 {
		t.Fatalf("revoke: %d %s", a.status, a.body)
	}
	if a := f.do("GET", "/api/v1/units/"+unit.ID, key.Secret, ""); a.status != 401 {
		t.Errorf("a revoked key: %d", a.status)
	}
}

func TestWebhooks(t *testing.T) {
	f := newFixture(t)
	org, admin := f.founded("west")
	unit := must[NewUnit](f, 201, "POST", "/api/v1/organisations/"+org.Organisation.ID+"/units", admin, `{"name":"Unit"}`).Unit
	hook := must[NewWebhook](f, 201, "POST", "/api/v1/webhooks?unit_id="+unit.ID, org.APIKey.Secret, `{"url":"https://app.example.org/hook","events":["visit.*"]}`)
	must[NewWebhook](f, 201, "POST", "/api/v1/webhooks", admin, `{"url":"https://app.example.org/all"}`)
	if !strings.HasPrefix(hook.Secret, "whsec_") || hook.UnitID != unit.ID {
		t.Errorf("created %+v", hook)
	}
	path := "/api/v1/webhooks/" + hook.ID
	if got := must[Webhook](f, 200, "GET", path, admin, ""); got.URL != hook.URL || len(got.Events) != 1 {
		t.Errorf("read %+v", got)
	}
	if list := must[List[Webhook]](f, 200, "GET", "/api/v1/webhooks", admin, ""); len(list.Items) != 2 {
		t.Errorf("all: %+v", list)
	}
	if list := must[List[Webhook]](f, 200, "GET", "/api/v1/webhooks?unit_id="+unit.ID, admin, ""); len(list.Items) != 1 {
		t.Errorf("of the unit: %+v", list)
	}
	if got := must[Replayed](f, 200, "POST", path+"/replay", admin, `{"since":"2026-03-01T00:00:00Z"}`); got.Events != 0 {
		t.Errorf("replayed %+v", got)
	}
	if a := f.do("POST", "/api/v1/webhooks", admin, `{"url":"javascript:x"}`); a.status != 400 || !strings.Contains(string(a.body), "body.url") {
		t.Errorf("a bad address: %d %s", a.status, a.body)
	}
	if a := f.do("DELETE", path, admin, ""); a.status != 204 {
		t.Fatalf("DELETE: %d %s", a.status, a.body)
	}
	if a := f.do("GET", path, admin, ""); a.status != 404 {
		t.Errorf("a deleted webhook: %d", a.status)
	}
	page, err := f.control.Audit(t.Context(), control.System(), org.Organisation.ID, control.AuditFilter{Action: "webhook."}, control.Query{})
	if err != nil || len(page.Items) != 4 || page.Items[0].Action != "webhook.delete" || page.Items[0].UnitID != unit.ID {
		t.Errorf("audit log %+v, %v", page.Items, err)
	}
}
