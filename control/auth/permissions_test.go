package auth

import (
	"slices"
	"strings"
	"testing"
)

// productTable is section 2 of the specification, typed off by hand: an oracle that
// shares nothing with Table. Columns: system_admin, org_admin, org_reporter,
// area_admin, coordinator, provider, referrer, room_admin, room_member.
const productTable = `
units.manage        | y - - - - - - - -
units.list          | y - - - - - - - -
unit_admins.appoint | y y - - - - - - -
units.configure     | y y - - - - - - -
places.create       | y y - - - - - - -
areas.edit          | - y - y - - - - -
areas.suspend       | - y - y y y - - -
queue.read          | - y - y y y - - -
visits.conduct      | - - - - - y - - -
appointments.manage | - y - y y y - - -
links.share         | - y - y y y - - -
links.reset         | - y - y - - - - -
transfer.into       | - - - - - - y - -
groups.moderate     | - - - - - y - - -
reports.read        | - y y - - - - - -
audit.read          | y y - - - - - - -
api_keys.manage     | y y - - - - - - -
webhooks.manage     | y y - - - - - - -
meeting_rooms.edit  | - y - - - - - y -
meeting_rooms.enter | - - - - - - - y y`

var columns = []Role{SystemAdmin, OrgAdmin, OrgReporter, AreaAdmin, Coordinator, Provider, Referrer, RoomAdmin, RoomMember}

// R-P-1, R-T-2, R-T-3, R-MR-2: the code's table is the product's.
func TestTableIsTheProducts(t *testing.T) {
	policy := NewPolicy()
	for line := range strings.SplitSeq(strings.TrimSpace(productTable), "\n") {
		name, cells, _ := strings.Cut(line, "|")
		permission := Permission(strings.TrimSpace(name))
		for i, cell := range strings.Fields(cells) {
			if got := policy.Allows(permission, columns[i]); got != (cell == "y") {
				t.Errorf("%s for %s: %v", permission, columns[i], got)
			}
		}
		if policy.Allows(permission) || policy.Allows(permission, Guest) || policy.Allows(permission, Staff) || policy.Allows(permission, Operator) {
			t.Errorf("%s is allowed to people without a role", permission)
		}
	}
}

// R-P-1: roles add up, what isn't granted is denied.
func TestPolicy(t *testing.T) {
	policy := NewPolicy()
	for _, row := range []struct {
		permission Permission
		roles      []Role
		want       bool
	}{
		{VisitsConduct, []Role{Referrer, Provider}, true},
		{VisitsConduct, []Role{SystemAdmin, OrgAdmin}, false},
		{VisitsConduct, nil, false},
		{"no.such", []Role{SystemAdmin, Operator}, false},
		{Anyone, nil, true},
		{OwnVisit, []Role{Provider}, false},
		{OwnVisit, []Role{Guest}, true},
		{OrganisationsCreate, []Role{SystemAdmin}, false},
		{OrganisationsCreate, []Role{Operator}, true},
	} {
		if got := policy.Allows(row.permission, row.roles...); got != row.want {
			t.Errorf("%s with %v: %v", row.permission, row.roles, got)
		}
	}
	if policy.Grantable(KeysManage) || policy.Grantable(OrganisationsCreate) || policy.Grantable(OwnVisit) || !policy.Grantable(VisitsConduct) {
		t.Error("API keys can be made with the wrong permissions")
	}
	seen := map[Permission]bool{}
	for _, row := range Table() {
		if seen[row.Permission] || len(row.Roles) == 0 || row.What == "" {
			t.Errorf("row %s is double or empty", row.Permission)
		}
		seen[row.Permission] = true
	}
	for _, p := range policy.GrantablePermissions() {
		if !slices.Contains(policy.rows[p].Roles, Machine) {
			t.Errorf("%s is no key's", p)
		}
	}
}

// R-T-2: who may appoint whom.
func TestAppoints(t *testing.T) {
	policy := NewPolicy()
	for _, row := range []struct {
		role Role
		by   []Role
	}{
		{OrgAdmin, []Role{SystemAdmin, OrgAdmin}},
		{OrgReporter, []Role{SystemAdmin, OrgAdmin}},
		{Provider, []Role{OrgAdmin, AreaAdmin}},
		{Referrer, []Role{OrgAdmin, AreaAdmin}},
		{RoomMember, []Role{OrgAdmin, RoomAdmin}},
		{SystemAdmin, []Role{SystemAdmin}},
	} {
		permission, ok := Appoints(row.role)
		if !ok {
			t.Fatalf("nobody appoints %s", row.role)
		}
		for _, by := range columns {
			if got := policy.Allows(permission, by); got != slices.Contains(row.by, by) {
				t.Errorf("%s appoints %s: %v", by, row.role, got)
			}
		}
	}
	if _, ok := Appoints(Guest); ok {
		t.Error("guests are appointed")
	}
}
