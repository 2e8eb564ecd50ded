package control

import "time"

// ActorKind says what somebody acts as.
type ActorKind string

// Kinds of an Actor.
const (
	ActorOperator ActorKind = "operator"
	ActorAccount  ActorKind = "account"
	ActorAPIKey   ActorKind = "api_key"
	ActorGuest    ActorKind = "guest"
	ActorSystem   ActorKind = "system" // a deadline, an expiry
)

// Actor is who does something. Whether they may is decided before by the
// permission table; the rules here only note it.
type Actor struct {
	Kind           ActorKind `json:"kind"`
	ID             string    `json:"id,omitempty"`              // of the account, key or visit
	OrganisationID string    `json:"organisation_id,omitempty"` // "" for operator and system
}

// System is who acts when a time has come.
func System() Actor { return Actor{Kind: ActorSystem} }

// ScopeKind is a kind of thing that roles are granted on.
type ScopeKind string

// Kinds of a Scope, from the widest.
const (
	ScopeOrganisation ScopeKind = "organisation"
	ScopeUnit         ScopeKind = "unit"
	ScopeArea         ScopeKind = "area"
	ScopeRoom         ScopeKind = "room" // a meeting room
)

// Scope is a thing that roles are granted on.
type Scope struct {
	Kind ScopeKind `json:"kind"`
	ID   string    `json:"id"`
}

// RoleName is a role of somebody of an organisation (section 2), as against
// Role, what a participant may do in a call.
type RoleName string

// Roles of section 2.
const (
	SystemAdmin RoleName = "system_admin"
	OrgAdmin    RoleName = "org_admin"
	OrgReporter RoleName = "org_reporter"
	AreaAdmin   RoleName = "area_admin"
	Coordinator RoleName = "coordinator"
	Provider    RoleName = "provider"
	Referrer    RoleName = "referrer"
	RoomAdmin   RoleName = "room_admin"
	RoomMember  RoleName = "room_member"
)

// Scope returns the kind of thing that the role is granted on, "" for an
// unknown role.
func (r RoleName) Scope() ScopeKind {
	switch r {
	case SystemAdmin:
		return ScopeOrganisation
	case OrgAdmin, OrgReporter:
		return ScopeUnit
	case AreaAdmin, Coordinator, Provider, Referrer:
		return ScopeArea
	case RoomAdmin, RoomMember:
		return ScopeRoom
	}
	return ""
}

// Grant gives an account a role on a scope. Grants add up.
type Grant struct {
	ID             string    `json:"id"`
	AccountID      string    `json:"account_id"`
	OrganisationID string    `json:"organisation_id"`
	Role           RoleName  `json:"role"`
	Scope          Scope     `json:"scope"`
	CreatedAt      time.Time `json:"created_at"`
	CreatedBy      string    `json:"created_by,omitempty"` // id of the account or key
}

// AccountState is how far an account has come.
type AccountState string

// States of an Account: invited → active ⇄ disabled; an invited one may be
// disabled too, and is invited again when enabled.
const (
	AccountInvited  AccountState = "invited" // has not accepted yet
	AccountActive   AccountState = "active"
	AccountDisabled AccountState = "disabled" // can't sign in
)

// Account is a person of an organisation.
type Account struct {
	ID             string       `json:"id"`
	OrganisationID string       `json:"organisation_id"`
	Name           string       `json:"name,omitempty"`  // "" until the invitation is accepted
	Email          string       `json:"email,omitempty"` // as given; sealed at rest
	State          AccountState `json:"state"`
	CreatedAt      time.Time    `json:"created_at"`
	LastSignInAt   time.Time    `json:"last_sign_in_at,omitzero"`
}

// UnitSettings are what a unit decides for itself.
type UnitSettings struct {
	Phone    string `json:"phone,omitempty"`    // of its front desk
	Language string `json:"language,omitempty"` // of what is sent: BCP 47; "": the deployment's
}

// Unit is an organisational unit (R-T-1).
type Unit struct {
	ID             string       `json:"id"`
	OrganisationID string       `json:"organisation_id"`
	Name           string       `json:"name"`
	Slug           string       `json:"slug"` // never changes
	Settings       UnitSettings `json:"settings"`
	CreatedAt      time.Time    `json:"created_at"`
	DeletedAt      time.Time    `json:"deleted_at,omitzero"`
}

// FieldKey is a kind of entry field.
type FieldKey string

// Entry fields (R-IA-3b). Name is always asked for.
const (
	FieldName        FieldKey = "name"
	FieldPhone       FieldKey = "phone"
	FieldDateOfBirth FieldKey = "date_of_birth" // YYYY-MM-DD
	FieldReference   FieldKey = "reference"
	FieldText        FieldKey = "text"
)

// EntryField is one thing that guests are asked for. A key stands once.
type EntryField struct {
	Key      FieldKey `json:"key"`
	Label    string   `json:"label,omitempty"` // "": the page's own word for it
	Required bool     `json:"required"`
}

// Interval is a part of a day's clock in an area's time zone: from Opens up
// to but not including Closes, both "15:04"; Closes may be "24:00".
type Interval struct {
	Opens  string `json:"opens"`
	Closes string `json:"closes"`
}

// Hours are when an area is open. The zero value is always.
type Hours struct {
	TimeZone string        `json:"time_zone,omitempty"` // IANA
	Weekly   [7][]Interval `json:"weekly,omitzero"`     // by time.Weekday: Sunday first
}

// Alerts say who is told of arrivals (R-WA-5).
type Alerts struct {
	Accounts []string `json:"accounts,omitempty"` // ids of those who want an e-mail
}

// AreaSettings are what an area decides for itself.
type AreaSettings struct {
	Fields       []EntryField  `json:"fields"`
	Terms        string        `json:"terms,omitempty"`   // to consent to; "": none
	Welcome      string        `json:"welcome,omitempty"` // shown while waiting
	Phone        string        `json:"phone,omitempty"`   // if nobody comes
	ShowPosition bool          `json:"show_position,omitempty"`
	Hours        Hours         `json:"hours,omitzero"`
	WaitLimit    time.Duration `json:"wait_limit,omitempty"` // 0: none (R-WA-7)
	Alerts       Alerts        `json:"alerts,omitzero"`
}

// Area is a waiting area.
type Area struct {
	ID              string       `json:"id"`
	OrganisationID  string       `json:"organisation_id"`
	UnitID          string       `json:"unit_id"`
	Name            string       `json:"name"`
	Slug            string       `json:"slug"` // never changes
	Settings        AreaSettings `json:"settings"`
	Suspended       bool         `json:"suspended,omitempty"`
	SuspendedReason string       `json:"suspended_reason,omitempty"` // for guests
	CreatedAt       time.Time    `json:"created_at"`
	DeletedAt       time.Time    `json:"deleted_at,omitzero"`
	// Link is the secret of the area's permanent link, for who may share it.
	// Never stored in the open; "" when the key file that sealed it is gone.
	Link string `json:"link,omitempty"`
}

// MeetingRoom is a permanent room of a unit or of one of its areas (R-MR-1).
type MeetingRoom struct {
	ID             string    `json:"id"`
	OrganisationID string    `json:"organisation_id"`
	UnitID         string    `json:"unit_id"`
	AreaID         string    `json:"area_id,omitempty"` // "": the unit's
	Name           string    `json:"name"`
	Slug           string    `json:"slug"` // never changes
	Locked         bool      `json:"locked,omitempty"`
	CreatedAt      time.Time `json:"created_at"`
	DeletedAt      time.Time `json:"deleted_at,omitzero"`
	Link           string    `json:"link,omitempty"` // as an area's
}

// LinkKind is what a link is for.
type LinkKind string

// Kinds of a Link.
const (
	LinkRoom         LinkKind = "room" // of the rooms API
	LinkArea         LinkKind = "area"
	LinkAppointment  LinkKind = "appointment"
	LinkMeetingRoom  LinkKind = "meeting_room"
	LinkConsultNow   LinkKind = "consult_now"
	LinkCallInvite   LinkKind = "call_invite"
	LinkInvitation   LinkKind = "invitation"
	LinkSignIn       LinkKind = "sign_in"
	LinkRegistration LinkKind = "registration" // to register for a group by
	LinkGroup        LinkKind = "group"        // a registration's personal one
)

// Link says where a secret leads. It is stored under the secret's digest.
type Link struct {
	Kind           LinkKind  `json:"kind"`
	OrganisationID string    `json:"organisation_id"`
	TargetID       string    `json:"target_id"`
	ExpiresAt      time.Time `json:"expires_at,omitzero"` // zero: doesn't
	UsedAt         time.Time `json:"used_at,omitzero"`    // of single-use links
}
