package api

import (
	"testing"

	"github.com/atriumrtc/atrium/control"
)

// R-T-0: the operator makes, lists and revokes an organisation's API keys; the
// audit log says that it was the operator.
func TestOrganisationKeys(t *testing.T) {
	f := newFixture(t)
	org, admin := f.founded("west")
	east, _ := f.founded("east")
	unit := must[NewUnit](f, 201, "POST", "/api/v1/organisations/"+org.Organisation.ID+"/units", admin, `{"name":"Unit"}`).Unit
	path := "/api/v1/organisations/" + org.Organisation.ID + "/api-keys"
	all := must[NewAPIKey](f, 201, "POST", path, f.operator, `{"name":"Again","permissions":["*"]}`)
	if got := must[Organisation](f, 200, "GET", "/api/v1/organisation", all.Secret, ""); got.ID != org.Organisation.ID {
		t.Errorf("the key is of %+v", got)
	}
	one := must[NewAPIKey](f, 201, "POST", path+"?unit_id="+unit.ID, f.operator, `{"name":"Unit","permissions":["areas.read"]}`)
	if one.Scope.Kind != "unit" || one.Scope.ID != unit.ID {
		t.Errorf("of a unit: %+v", one)
	}
	for name, a := range map[string]answer{
		"no such permission":           f.do("POST", path, f.operator, `{"name":"Key","permissions":["areas.reed"]}`),
		"what no key can have":         f.do("POST", path, f.operator, `{"name":"Key","permissions":["organisations.api_keys"]}`),
		"a unit of another":            f.do("POST", "/api/v1/organisations/"+east.Organisation.ID+"/api-keys?unit_id="+unit.ID, f.operator, `{"name":"Key","permissions":["*"]}`),
		"a key of another":             f.do("DELETE", "/api/v1/organisations/"+east.Organisation.ID+"/api-keys/"+one.ID, f.operator, ""),
		"by its system administrator":  f.do("POST", path, admin, `{"name":"Key","permissions":["*"]}`),
		"by its key":                   f.do("GET", path, all.Secret, ""),
		"by another's":                 f.do("GET", path, east.APIKey.Secret, ""),
		"the operator without a name":  f.do("POST", "/api/v1/api-keys", f.operator, `{"name":"Key","permissions":["*"]}`),
		"the operator, what keys read": f.do("GET", "/api/v1/units/"+unit.ID, f.operator, ""),
	} {
		want := map[string]int{"no such permission": 400, "what no key can have": 400, "by its system administrator": 403,
			"by its key": 403, "the operator without a name": 403}[name]
		if want == 0 {
			want = 404
		}
		if a.status != want {
			t.Errorf("%s: %d %s, want %d", name, a.status, a.body, want)
		}
	}
	if list := must[List[APIKey]](f, 200, "GET", path+"?unit_id="+unit.ID, f.operator, ""); len(list.Items) != 1 || list.Items[0].ID != one.ID {
		t.Errorf("of the unit: %+v", list)
	}
	if list := must[List[APIKey]](f, 200, "GET", path, f.operator, ""); len(list.Items) != 3 {
		t.Errorf("of the organisation: %+v", list)
	}
	if a := f.do("DELETE", path+"/"+all.ID, f.operator, ""); a.status != 204 {
		t.Fatalf("revoke: %d %s", a.status, a.body)
	}
	if a := f.do("GET", "/api/v1/organisation", all.Secret, ""); a.status != 401 {
		t.Errorf("a revoked key: %d", a.status)
	}
	page, err := f.control.Audit(t.Context(), control.System(), org.Organisation.ID, control.AuditFilter{Action: "api_key."}, control.Query{})
	if err != nil || len(page.Items) < 3 || page.Items[0].Action != "api_key.revoke" {
		t.Fatalf("audit log %+v, %v", page.Items, err)
	}
	for _, r := range page.Items[:3] {
		if r.Actor.Kind != control.ActorOperator {
			t.Errorf("audit log: %+v", r)
		}
	}
}
