package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/atriumrtc/atrium/control"
)

const goodPassword = "seven quiet purple herons"

// organisation makes one with an administrator who has signed in.
func (f *fixture) founded(name string) (org NewOrganisation, admin string) {
	f.t.Helper()
	org = must[NewOrganisation](f, 201, "POST", "/api/v1/organisations", f.operator,
		`{"name":"`+name+`","system_admin":{"email":"root@`+name+`.example","copy":true}}`)
	if org.SystemAdmin == nil || org.SystemAdmin.Invitation == nil || !strings.HasPrefix(org.SystemAdmin.Invitation.Link, f.url+"/i#") {
		f.t.Fatalf("founded %+v", org)
	}
	return org, f.accept(org.SystemAdmin.Invitation.Link, "Root")
}

// accept accepts an invitation and returns the session's token.
func (f *fixture) accept(link, name string) string {
	f.t.Helper()
	in := must[SignedIn](f, 200, "POST", "/api/v1/invitations/accept", "",
		`{"link":"`+link+`","name":"`+name+`","password":"`+goodPassword+`","bearer":true}`)
	if in.Token == "" || in.Account.Name != name || in.Account.State != "active" {
		f.t.Fatalf("accepted %+v", in)
	}
	return in.Token
}

// R-T-0, R-T-2, R-MR-2: from the operator key to a provider with an area and
// a room, as the console and an embedding app do it.
func TestTenancy(t *testing.T) {
	f := newFixture(t)
	org, admin := f.founded("west")
	units := "/api/v1/organisations/" + org.Organisation.ID + "/units"
	unit := must[NewUnit](f, 201, "POST", units, admin,
		`{"name":"Cardiology","admins":[{"email":"ana@west.example"}],"reporters":[{"email":"bo@west.example"}]}`, "Idempotency-Key", "u1")
	again := must[NewUnit](f, 201, "POST", units, admin,
		`{"name":"Cardiology","admins":[{"email":"ana@west.example"}],"reporters":[{"email":"bo@west.example"}]}`, "Idempotency-Key", "u1")
	if len(unit.Appointed) != 2 || unit.Appointed[0].Grant.Role != "org_admin" || unit.Appointed[0].Invitation.Sent ||
		again.Unit.ID != unit.Unit.ID || again.Appointed[0].Invitation.Link != unit.Appointed[0].Invitation.Link {
		t.Fatalf("created %+v, again %+v", unit, again)
	}
	if a := f.do("POST", units, admin, `{"name":"cardiology"}`); a.status != 409 || a.problem(t).Code != control.CodeNameTaken {
		t.Errorf("a name twice (R-T-5): %d %s", a.status, a.body)
	}
	ana, bo := f.accept(unit.Appointed[0].Invitation.Link, "Ana"), f.accept(unit.Appointed[1].Invitation.Link, "Bo")
	path := "/api/v1/units/" + unit.Unit.ID
	area := must[Area](f, 201, "POST", path+"/areas", ana, `{"name":"Dr Adler","settings":{"fields":[{"key":"phone","required":true}],
		"hours":{"time_zone":"Europe/Vienna","monday":[{"opens":"09:00","closes":"12:00"}]},"wait_limit_seconds":3600}}`)
	// The fixture's clock: a Sunday, 13:00 in Vienna.
	if area.Open || area.OpensAt == nil || area.OpensAt.UTC().Format("2006-01-02T15:04") != "2026-03-02T08:00" ||
		area.Settings.WaitLimitSeconds != 3600 || len(area.Settings.Fields) != 2 || !strings.HasPrefix(area.Link, f.url+"/e#") {
		t.Errorf("created %+v", area)
	}
	if seen := must[Area](f, 200, "GET", "/api/v1/areas/"+area.ID, bo, ""); seen.Link != "" {
		t.Error("a reporter sees the link of an area")
	}
	areaPath := "/api/v1/areas/" + area.ID
	if got := must[Area](f, 200, "POST", areaPath+"/suspend", ana, `{"reason":"Ill"}`); !got.Suspended || got.SuspendedReason != "Ill" {
		t.Errorf("suspended %+v", got)
	}
	if got := must[Area](f, 200, "PATCH", areaPath, ana, `{"settings":{}}`); !got.Suspended || got.Name != "Dr Adler" || got.Settings.Hours != nil {
		t.Errorf("changed %+v", got)
	}
	if got := must[Area](f, 200, "POST", areaPath+"/restore", ana, ""); !got.Open {
		t.Errorf("restored %+v", got)
	}
	if got := must[Area](f, 200, "POST", areaPath+"/link/reset", ana, ""); got.Link == area.Link || got.Link == "" {
		t.Error("the link wasn't reset")
	}
	room := must[MeetingRoom](f, 201, "POST", areaPath+"/meeting-rooms", ana, `{"name":"Team"}`)
	member := must[Appointee](f, 201, "POST", "/api/v1/meeting-rooms/"+room.ID+"/members", ana, `{"email":"cy@west.example","role":"room_member"}`)
	cy := f.accept(member.Invitation.Link, "Cy")
	if seen := must[MeetingRoom](f, 200, "GET", "/api/v1/meeting-rooms/"+room.ID, cy, ""); seen.Link == "" || seen.AreaID != area.ID {
		t.Errorf("a member sees %+v (R-MR-2)", seen)
	}
	if a := f.do("POST", areaPath+"/grants", ana, `{"email":"cy@west.example","role":"room_member"}`); a.status != 400 || !strings.Contains(string(a.body), "role") {
		t.Errorf("a room's role on an area: %d %s", a.status, a.body)
	}
	if a := f.do("DELETE", path, admin, ""); a.status != 204 {
		t.Fatalf("DELETE: %d %s", a.status, a.body)
	}
	for _, gone := range []string{path, areaPath, "/api/v1/meeting-rooms/" + room.ID} {
		if a := f.do("GET", gone, ana, ""); a.status != 404 {
			t.Errorf("%s is there after its unit was deleted: %d", gone, a.status)
		}
	}
}

// What somebody signed in to finds: their places, and what they may there.
func TestCurrentSession(t *testing.T) {
	f := newFixture(t)
	org, admin := f.founded("west")
	unit := must[NewUnit](f, 201, "POST", "/api/v1/organisations/"+org.Organisation.ID+"/units", org.APIKey.Secret, `{"name":"Unit"}`)
	area := must[Area](f, 201, "POST", "/api/v1/units/"+unit.Unit.ID+"/areas", org.APIKey.Secret, `{"name":"Area"}`)
	for _, role := range []string{"provider", "referrer"} {
		must[Appointee](f, 201, "POST", "/api/v1/areas/"+area.ID+"/grants", org.APIKey.Secret, `{"email":"dee@west.example","role":"`+role+`"}`)
	}
	accounts := must[List[Account]](f, 200, "GET", "/api/v1/accounts", admin, "")
	dee := accounts.Items[1]
	invitation := must[Invitation](f, 200, "POST", "/api/v1/accounts/"+dee.ID+"/invite", admin, `{"copy":true}`)
	look := must[AccountLink](f, 200, "POST", "/api/v1/invitations/look", "", `{"link":"`+invitation.Link+`"}`)
	if look.Kind != "invitation" || look.Organisation != "west" || look.Email != "dee@west.example" {
		t.Errorf("the link is for %+v", look)
	}
	token := f.accept(invitation.Link, "Dee")
	current := must[CurrentSession](f, 200, "GET", "/api/v1/sessions/current", token, "")
	if current.Account.ID != dee.ID || current.Organisation != "west" || len(current.Places) != 1 {
		t.Fatalf("signed in as %+v", current)
	}
	p := current.Places[0]
	if p.Kind != "area" || p.ID != area.ID || p.Name != "Area" || p.Unit != "Unit" || p.UnitID != unit.Unit.ID ||
		strings.Join(p.Roles, " ") != "provider referrer" ||
		strings.Join(p.Permissions, " ") != "areas.suspend queue.read visits.conduct appointments.manage links.share transfer.into groups.moderate areas.read" {
		t.Errorf("a place: %+v", p)
	}
	if a := f.do("GET", "/api/v1/sessions/current", org.APIKey.Secret, ""); a.status != 403 {
		t.Errorf("an API key's session: %d", a.status)
	}
}

// R-P-2: a role taken away is missing from the next request; a disabled
// account's session is dead and doesn't revive.
func TestDemotion(t *testing.T) {
	f := newFixture(t)
	org, admin := f.founded("west")
	unit := must[NewUnit](f, 201, "POST", "/api/v1/organisations/"+org.Organisation.ID+"/units", admin,
		`{"name":"Unit","admins":[{"email":"ana@west.example"}]}`)
	ana := f.accept(unit.Appointed[0].Invitation.Link, "Ana")
	path := "/api/v1/units/" + unit.Unit.ID
	must[Unit](f, 200, "GET", path, ana, "")
	account, grant := unit.Appointed[0].Account.ID, unit.Appointed[0].Grant.ID
	if a := f.do("DELETE", path+"/grants/"+grant, admin, ""); a.status != 204 {
		t.Fatalf("take the role away: %d %s", a.status, a.body)
	}
	if a := f.do("GET", path, ana, ""); a.status != 404 {
		t.Errorf("without the role: %d", a.status)
	}
	must[CurrentSession](f, 200, "GET", "/api/v1/sessions/current", ana, "")
	must[Account](f, 200, "POST", "/api/v1/accounts/"+account+"/disable", admin, "")
	if a := f.do("GET", "/api/v1/sessions/current", ana, ""); a.status != 401 {
		t.Errorf("a disabled account's session: %d", a.status)
	}
	must[Account](f, 200, "POST", "/api/v1/accounts/"+account+"/enable", admin, "")
	if a := f.do("GET", "/api/v1/sessions/current", ana, ""); a.status != 401 {
		t.Errorf("the session revived: %d", a.status)
	}
	root := org.SystemAdmin.Account.ID
	if a := f.do("POST", "/api/v1/accounts/"+root+"/disable", admin, ""); a.status != 409 || a.problem(t).Code != control.CodeLastAdmin {
		t.Errorf("the last administrator: %d %s", a.status, a.body)
	}
	if a := f.do("DELETE", "/api/v1/organisation/grants/"+org.SystemAdmin.Grant.ID, admin, ""); a.status != 409 {
		t.Errorf("the last administrator's role: %d %s", a.status, a.body)
	}
}

// What is written for one's own organisation: the settings, the gateways, the
// audit log.
func TestOwnOrganisation(t *testing.T) {
	f := newFixture(t)
	_, admin := f.founded("west")
	got := must[Organisation](f, 200, "PATCH", "/api/v1/organisation", admin, `{"name":"West","settings":{"language":"de","allowed_origins":["https://app.example.org"]}}`)
	if got.Name != "West" || len(got.Settings.AllowedOrigins) != 1 {
		t.Errorf("changed %+v", got)
	}
	must[Organisation](f, 200, "GET", "/api/v1/organisation", admin, "")
	if a := f.do("PUT", "/api/v1/organisation/gateways", admin, `{"smtp":{"host":"mail.example.org","security":"tls","from":"nobody"}}`); a.status != 400 || !strings.Contains(string(a.body), "body.smtp.from") {
		t.Errorf("a bad gateway: %d %s", a.status, a.body)
	}
	set := must[Gateways](f, 200, "PUT", "/api/v1/organisation/gateways", admin,
		`{"smtp":{"host":"mail.example.org","security":"tls","username":"u","password":"canary-password","from":"a@example.org"}}`)
	read := must[Gateways](f, 200, "GET", "/api/v1/organisation/gateways", admin, "")
	if set.SMTP.Password != "" || read.SMTP == nil || read.SMTP.Password != "" || read.SMTP.Host != "mail.example.org" || read.SMS != nil {
		t.Errorf("gateways %+v", read.SMTP)
	}
	log := must[List[AuditRecord]](f, 200, "GET", "/api/v1/audit?limit=2", admin, "")
	if len(log.Items) != 2 || log.Items[0].Action != "gateways.update" || log.Items[1].Action != "organisation.update" || log.NextCursor == "" {
		t.Errorf("audit log %+v", log)
	}
	rest := must[List[AuditRecord]](f, 200, "GET", "/api/v1/audit?limit=200&cursor="+log.NextCursor, admin, "")
	if n := len(rest.Items); n == 0 || rest.Items[n-1].Seq != 1 || rest.Items[0].Seq != log.Items[1].Seq-1 {
		t.Errorf("the rest: %+v", rest)
	}
	if some := must[List[AuditRecord]](f, 200, "GET", "/api/v1/audit?action=account.", admin, ""); len(some.Items) == 0 {
		t.Error("no sign-in in the audit log")
	}
	a := f.do("GET", "/api/v1/audit/export", admin, "")
	lines := strings.Split(strings.TrimSpace(string(a.body)), "\n")
	if a.status != 200 || a.header.Get("Content-Type") != "application/jsonl" || !strings.HasPrefix(lines[len(lines)-1], `{"head":`) {
		t.Fatalf("export: %d %s", a.status, a.body)
	}
	var first struct{ Record control.AuditRecord }
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil || first.Record.Seq != 1 {
		t.Errorf("the first line %s, %v", lines[0], err)
	}
	head := must[AuditHead](f, 200, "GET", "/api/v1/audit/head", admin, "")
	if int(head.Seq) != len(lines)-1 || len(head.Signature) == 0 {
		t.Errorf("head %+v of %d records", head, len(lines)-1)
	}
	if strings.Contains(string(a.body), "canary") || strings.Contains(f.logs.String(), "canary") {
		t.Error("a password is in the audit log or the log")
	}
}

// Operators see organisations and servers, and nothing in them.
func TestOperator(t *testing.T) {
	f := newFixture(t)
	f.founded("west")
	list := must[List[Organisation]](f, 200, "GET", "/api/v1/organisations?limit=2", f.operator, "")
	if len(list.Items) != 2 || list.NextCursor == "" {
		t.Errorf("organisations %+v", list)
	}
	rest := must[List[Organisation]](f, 200, "GET", "/api/v1/organisations?cursor="+list.NextCursor, f.operator, "")
	if len(rest.Items) != 1 || rest.NextCursor != "" {
		t.Errorf("the others %+v", rest)
	}
	if nodes := must[NodeList](f, http.StatusOK, "GET", "/api/v1/nodes", f.operator, ""); nodes.Items == nil {
		t.Errorf("nodes %+v", nodes)
	}
}
