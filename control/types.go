package control

import "time"

// Organisation is a tenant (R-T-1).
type Organisation struct {
	ID        string               `json:"id"`
	Name      string               `json:"name"`
	Settings  OrganisationSettings `json:"settings,omitzero"`
	CreatedAt time.Time            `json:"created_at"`
}

// OrganisationSettings are what an organisation decides for itself.
type OrganisationSettings struct {
	Language string `json:"language,omitempty"` // of what is sent: BCP 47; "": the deployment's
	// AllowedOrigins are the origins of web pages that may embed its calls
	// (SE-8).
	AllowedOrigins []string `json:"allowed_origins,omitempty"`
}

// AllPermissions among those of an API key stands for every one that an API
// key can have.
const AllPermissions = "*"

// APIKey lets an embedding app act for its organisation, or for a unit of it.
// The secret isn't kept, only its SHA-256, which is the record's key.
type APIKey struct {
	ID             string   `json:"id"`
	OrganisationID string   `json:"organisation_id"`
	Name           string   `json:"name"`
	Scope          Scope    `json:"scope"`       // an organisation or a unit
	Permissions    []string `json:"permissions"` // of control/auth's table
	// AllowedOrigins are the origins of the web pages that may use the key;
	// none: those of its organisation (SE-8).
	AllowedOrigins []string  `json:"allowed_origins,omitempty"`
	CreatedAt      time.Time `json:"created_at"`
	// LastUsedAt is exact to lastUsedStep, so that calls don't each write.
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
}

// Caller is who makes a request with an API key.
type Caller struct {
	OrganisationID string
	KeyID          string
	Scope          Scope
	Permissions    []string
	AllowedOrigins []string // the key's own
}

// Actor is the caller as who does something.
func (c Caller) Actor() Actor {
	return Actor{Kind: ActorAPIKey, ID: c.KeyID, OrganisationID: c.OrganisationID}
}

// RoomType is the kind of call a room is for.
type RoomType string

// Types of a room.
const (
	Individual RoomType = "individual" // R-IA-1
	Group      RoomType = "group"      // R-GC-1
	Meeting    RoomType = "meeting"    // R-MR-1
	Plain      RoomType = "plain"      // for embedding apps: no rules but a capacity
)

const (
	minCapacity          = 2 // a room for one is none
	defaultPlainCapacity = 16
)

// Limit returns the greatest capacity of a room of that type, 0 for an
// unknown type.
func (t RoomType) Limit() int {
	switch t {
	case Individual:
		return 5
	case Group:
		return 61 // a moderator and 60 participants
	case Meeting:
		return 6
	case Plain:
		return 2000
	}
	return 0
}

// DefaultCapacity is what a room gets that doesn't say.
func (t RoomType) DefaultCapacity() int {
	if t == Plain {
		return defaultPlainCapacity
	}
	return t.Limit()
}

// Room is a place to meet, made by an API key.
type Room struct {
	ID             string
	OrganisationID string
	Type           RoomType
	Name           string // may be ""
	Capacity       int    // seats
	// Link is the secret that lets anybody in who has it, as a participant.
	// "" when the key file that sealed it is gone.
	Link      string
	CreatedAt time.Time
}

// RoomSpec is what a room is made from. The zero Capacity is the type's
// default.
type RoomSpec struct {
	Type     RoomType
	Name     string
	Capacity int
}

// Role is what a participant may do in a room.
type Role string

// Roles in a room.
const (
	RoleModerator   Role = "moderator"
	RoleParticipant Role = "participant"
	RoleViewer      Role = "viewer"
)

// Valid says whether r is one of the roles.
func (r Role) Valid() bool {
	return r == RoleModerator || r == RoleParticipant || r == RoleViewer
}

// Join is the right of one person to take a seat in a room once. A join token
// says the same, signed.
type Join struct {
	ID             string    `json:"id"` // unique: the token's jti
	ParticipantID  string    `json:"participant_id"`
	OrganisationID string    `json:"organisation_id"`
	RoomID         string    `json:"room_id"`
	Name           string    `json:"name"`
	Role           Role      `json:"role"`
	IssuedAt       time.Time `json:"issued_at"`
	ExpiresAt      time.Time `json:"expires_at"`
}

// JoinSpec is what a Join is made from.
type JoinSpec struct {
	Name string
	Role Role
}

// Page is a part of a list. Next is the After of the page that follows, ""
// at the end.
type Page[T any] struct {
	Items []T
	Next  string
}

// Query is a part of a list to read: at most Limit items (MaxPage, when it is
// 0 or more than that) that come after the one with the id After.
type Query struct {
	After string
	Limit int
	// Only, unless nil, leaves out what isn't among these ids: what somebody
	// has no role on (R-T-4).
	Only []string
}
