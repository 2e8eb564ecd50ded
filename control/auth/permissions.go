package auth

import "slices"

// Role is a column of the permission table: what a grant gives an account, or
// one of the four that need no grant.
type Role string

// Roles of accounts (section 2 of the specification), each with the kind of scope it is
// granted on.
const (
	SystemAdmin Role = "system_admin" // organisation
	OrgAdmin    Role = "org_admin"    // unit
	OrgReporter Role = "org_reporter" // unit
	AreaAdmin   Role = "area_admin"   // area
	Coordinator Role = "coordinator"  // area
	Provider    Role = "provider"     // area
	Referrer    Role = "referrer"     // area
	RoomAdmin   Role = "room_admin"   // meeting room
	RoomMember  Role = "room_member"  // meeting room
)

// Roles that nobody is granted.
const (
	// Operator holds the operator key of the deployment.
	Operator Role = "operator"
	// Machine is an API key: it may have the permissions that it was made
	// with, of those whose row names it.
	Machine Role = "api_key"
	// Staff is everybody who has signed in.
	Staff Role = "staff"
	// Guest is somebody with a visit of their own.
	Guest Role = "guest"
	// Public is everybody.
	Public Role = "public"
)

// Permission is a row of the permission table. Every route of the API names
// one (R-P-1).
type Permission string

// Permissions of accounts and machines.
const (
	UnitsManage        Permission = "units.manage"
	UnitsList          Permission = "units.list"
	UnitsRead          Permission = "units.read"
	UnitsConfigure     Permission = "units.configure"
	UnitAdminsAppoint  Permission = "unit_admins.appoint"
	PlacesCreate       Permission = "places.create"
	AreasRead          Permission = "areas.read"
	AreasEdit          Permission = "areas.edit"
	AreasSuspend       Permission = "areas.suspend"
	QueueRead          Permission = "queue.read"
	VisitsConduct      Permission = "visits.conduct"
	AppointmentsManage Permission = "appointments.manage"
	LinksShare         Permission = "links.share"
	LinksReset         Permission = "links.reset"
	TransferInto       Permission = "transfer.into"
	GroupsModerate     Permission = "groups.moderate"
	ReportsRead        Permission = "reports.read"
	AuditRead          Permission = "audit.read"
	KeysManage         Permission = "api_keys.manage"
	WebhooksManage     Permission = "webhooks.manage"
	RoomsRead          Permission = "meeting_rooms.read"
	RoomsEdit          Permission = "meeting_rooms.edit"
	RoomsEnter         Permission = "meeting_rooms.enter"
	RoomsModerate      Permission = "meeting_rooms.moderate"
	AccountsManage     Permission = "accounts.manage"
	OrganisationEdit   Permission = "organisation.edit"
	EmbeddedRooms      Permission = "rooms.embed"
)

// Permissions that no grant gives.
const (
	OrganisationsCreate Permission = "organisations.create"
	OrganisationKeys    Permission = "organisations.api_keys"
	NodesRead           Permission = "nodes.read"
	OwnAccount          Permission = "account.own"
	OwnVisit            Permission = "visit.own"
	Anyone              Permission = "anyone"
)

// Row says who has a permission. A role has it on the thing that the role was
// granted on and on everything in it.
type Row struct {
	Permission Permission
	// What is the row's words in the table of the specification, section 2; rows that
	// aren't there say "added".
	What  string
	Roles []Role
}

// Table is the permission table of the specification, section 2: what isn't in it is
// denied (R-P-1).
func Table() []Row {
	everyAreaRole := []Role{OrgAdmin, AreaAdmin, Coordinator, Provider}
	return []Row{
		{UnitsManage, "create / delete a unit", []Role{SystemAdmin, Machine}},
		{UnitsList, "list the organisation's units, their areas and counts", []Role{SystemAdmin, Machine}},
		{UnitAdminsAppoint, "appoint org_admin, org_reporter", []Role{SystemAdmin, OrgAdmin, Machine}},
		{UnitsConfigure, "configure a unit", []Role{SystemAdmin, OrgAdmin, Machine}},
		{PlacesCreate, "create an area / a meeting room", []Role{SystemAdmin, OrgAdmin, Machine}},
		{AreasEdit, "edit or delete an area, its settings, its staff", []Role{OrgAdmin, AreaAdmin, Machine}},
		{AreasSuspend, "suspend / restore an area", append(slices.Clone(everyAreaRole), Machine)},
		{QueueRead, "see the queue and the live calls of an area", append(slices.Clone(everyAreaRole), Machine)},
		{VisitsConduct, "admit, join, hold, message, remove, invite, end; send Consult Now and revoke it", []Role{Provider, Machine}},
		{AppointmentsManage, "book, edit, cancel appointments; send or copy their links", append(slices.Clone(everyAreaRole), Machine)},
		{LinksShare, "copy or send an area's link", append(slices.Clone(everyAreaRole), Machine)},
		{LinksReset, "reset an area's link", []Role{OrgAdmin, AreaAdmin, Machine}},
		{TransferInto, "transfer a caller into the area", []Role{Referrer, Machine}},
		{GroupsModerate, "schedule a group consultation, moderate it", []Role{Provider, Machine}},
		{ReportsRead, "read reports", []Role{OrgAdmin, OrgReporter, Machine}},
		{AuditRead, "read the audit log", []Role{SystemAdmin, OrgAdmin, Machine}},
		{KeysManage, "API keys", []Role{SystemAdmin, OrgAdmin}}, // a key makes no keys: it could outlive its own end
		{WebhooksManage, "webhooks", []Role{SystemAdmin, OrgAdmin, Machine}},
		{RoomsEdit, "edit a meeting room, its members, reset its link", []Role{OrgAdmin, RoomAdmin, Machine}},
		{RoomsEnter, "enter a meeting room through the console", []Role{RoomAdmin, RoomMember, Machine}},

		{UnitsRead, "added: read a unit's name and settings", []Role{SystemAdmin, OrgAdmin, OrgReporter, Machine}},
		{AreasRead, "added: read an area's name and settings", []Role{SystemAdmin, OrgAdmin, OrgReporter, AreaAdmin, Coordinator, Provider, Referrer, Machine}},
		{RoomsRead, "added: read a meeting room's name", []Role{SystemAdmin, OrgAdmin, OrgReporter, RoomAdmin, RoomMember, Machine}},
		{RoomsModerate, "added: lock, mute, remove and end in the call of a meeting room", []Role{OrgAdmin, RoomAdmin, Machine}},
		{AccountsManage, "added: list, disable and restore accounts", []Role{SystemAdmin}},
		{OrganisationEdit, "added: rename the organisation, its mail and SMS gateways, its origins", []Role{SystemAdmin}},
		{EmbeddedRooms, "added: rooms of embedding apps", []Role{Machine}},

		{OrganisationsCreate, "added (R-T-0): create an organisation", []Role{Operator}},
		{OrganisationKeys, "added (R-T-0): an organisation's API keys, of which the first comes with it", []Role{Operator}},
		{NodesRead, "added: the state of this server", []Role{Operator}},
		{OwnAccount, "added: see and end one's own session, change one's own name and password", []Role{Staff}},
		{OwnVisit, "the permissions of one's own visit", []Role{Guest}},
		{Anyone, "added: enter by a link, sign in", []Role{Public}},
	}
}

// Policy answers from Table. It doesn't change and may be used concurrently.
type Policy struct {
	rows map[Permission]Row
}

// NewPolicy reads Table.
func NewPolicy() *Policy {
	p := &Policy{rows: make(map[Permission]Row)}
	for _, row := range Table() {
		p.rows[row.Permission] = row
	}
	return p
}

// Known says whether there is such a permission.
func (p *Policy) Known(permission Permission) bool {
	_, ok := p.rows[permission]
	return ok
}

// Allows says whether one of the roles, all held on the thing in question or
// on something that it is in, has the permission. Public needs no role.
func (p *Policy) Allows(permission Permission, roles ...Role) bool {
	row, ok := p.rows[permission]
	if !ok {
		return false
	}
	for _, role := range row.Roles {
		if role == Public || slices.Contains(roles, role) {
			return true
		}
	}
	return false
}

// Grantable says whether an API key can be made with the permission.
func (p *Policy) Grantable(permission Permission) bool {
	return slices.Contains(p.rows[permission].Roles, Machine)
}

// GrantablePermissions lists what API keys can be made with, in the order of
// Table.
func (p *Policy) GrantablePermissions() []Permission {
	var list []Permission
	for _, row := range Table() {
		if slices.Contains(row.Roles, Machine) {
			list = append(list, row.Permission)
		}
	}
	return list
}

// Appoints returns the permission that granting or taking away a role needs on
// the role's scope; ok is false for a role that nobody is granted.
func Appoints(role Role) (permission Permission, ok bool) {
	switch role {
	case SystemAdmin:
		return AccountsManage, true // who already is one, of the whole organisation
	case OrgAdmin, OrgReporter:
		return UnitAdminsAppoint, true
	case AreaAdmin, Coordinator, Provider, Referrer:
		return AreasEdit, true
	case RoomAdmin, RoomMember:
		return RoomsEdit, true
	}
	return "", false
}
