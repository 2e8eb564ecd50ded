package control

import "time"

// Limits of group consultations (section 5 of the specification).
const (
	// MaxGroupParticipants is how many may be in a group consultation beside
	// its moderator, whose seat is kept (R-GC-1).
	MaxGroupParticipants = 60
	// MaxBreakouts is how many breakout rooms a call may have (R-GC-4).
	MaxBreakouts = 30
	// GroupTime is how long a group consultation goes on, from its start
	// (R-GC-3).
	GroupTime = 4 * time.Hour
)

// GroupState is how far a group consultation has come.
type GroupState string

// States of a GroupSession: scheduled → live → ended; scheduled → cancelled.
const (
	GroupScheduled GroupState = "scheduled"
	GroupLive      GroupState = "live"
	GroupEnded     GroupState = "ended"
	GroupCancelled GroupState = "cancelled"
)

// Registration says who may register for a group.
type Registration string

// Registrations. By invitation: only whom staff registers.
const (
	RegistrationOpen         Registration = "open"
	RegistrationClosed       Registration = "closed"
	RegistrationByInvitation Registration = "by_invitation"
)

// NameStyle is how participants of a group are shown to each other (R-GC-5).
type NameStyle string

// Styles of names.
const (
	NamesFull     NameStyle = "full"
	NamesInitials NameStyle = "initials"
)

// GroupSession is a group consultation: a session in an area that people register
// for (R-GC-2).
type GroupSession struct {
	ID             string        `json:"id"`
	OrganisationID string        `json:"organisation_id"`
	UnitID         string        `json:"unit_id"`
	AreaID         string        `json:"area_id"`
	Title          string        `json:"title"`
	StartsAt       time.Time     `json:"starts_at"`
	Duration       time.Duration `json:"duration"` // as planned, at most GroupTime
	// Capacity is how many participants may be in it beside the moderator, at
	// most MaxGroupParticipants.
	Capacity       int          `json:"capacity"`
	Registration   Registration `json:"registration"`
	Names          NameStyle    `json:"names"`
	HostID         string       `json:"host_id,omitempty"`          // account of the moderator
	CoModeratorIDs []string     `json:"co_moderator_ids,omitempty"` // accounts
	State          GroupState   `json:"state"`
	CallID         string       `json:"call_id,omitempty"`
	CreatedAt      time.Time    `json:"created_at"`
	EndedAt        time.Time    `json:"ended_at,omitzero"`
	Link           string       `json:"link,omitempty"` // to register by; sealed at rest
	// Counts stand in a record of their own: one registers, or comes, more often
	// than a group changes.
	Counts GroupCounts `json:"-"`
}

// RegistrationState is how far somebody who registered has come.
type RegistrationState string

// States of a GroupRegistration: registered → requested ⇄ admitted; any of
// them → removed (their link is dead) or ended.
const (
	Registered            RegistrationState = "registered"
	RegistrationRequested RegistrationState = "requested" // waits to be admitted
	RegistrationAdmitted  RegistrationState = "admitted"
	RegistrationRemoved   RegistrationState = "removed"
	RegistrationEnded     RegistrationState = "ended"
)

// GroupRegistration is somebody who registered for a group, with their
// personal link.
type GroupRegistration struct {
	ID             string            `json:"id"`
	OrganisationID string            `json:"organisation_id"`
	GroupID        string            `json:"group_id"`
	State          RegistrationState `json:"state"`
	VisitID        string            `json:"visit_id,omitempty"`
	CreatedAt      time.Time         `json:"created_at"`
	Details        map[string]string `json:"details,omitempty"` // by FieldKey; sealed at rest
	Link           string            `json:"link,omitempty"`    // sealed at rest
}

// VisitGroup is the visit of somebody who came by their link to a group. They
// wait in the group's lobby, not in their area's queue.
const VisitGroup VisitKind = "group"

// BreakoutState is what becomes of a call's breakout rooms.
type BreakoutState string

// States of Breakouts: planned → open → planned (closed, with the same plan).
const (
	BreakoutsPlanned BreakoutState = "planned"
	BreakoutsOpen    BreakoutState = "open"
)

// BreakoutAssign is how people come into breakout rooms.
type BreakoutAssign string

// Ways to assign (R-GC-4).
const (
	AssignManual BreakoutAssign = "manual"
	AssignRandom BreakoutAssign = "random" // evenly
	AssignChoose BreakoutAssign = "choose" // everybody chooses
)

// BreakoutRoom is one room for small-group work.
type BreakoutRoom struct {
	ID   string `json:"id"` // the media room's id too
	Name string `json:"name"`
}

// HelpRequest is a participant's call for the moderator.
type HelpRequest struct {
	ParticipantID string    `json:"participant_id"`
	RoomID        string    `json:"room_id"` // breakout
	At            time.Time `json:"at"`
}

// Breakouts are the breakout rooms of a group's call (R-GC-4). They live in the
// store, whoever of the call is connected (R-GC-6).
type Breakouts struct {
	CallID string         `json:"call_id"`
	State  BreakoutState  `json:"state"`
	Assign BreakoutAssign `json:"assign"`
	Rooms  []BreakoutRoom `json:"rooms"`
	// Plan says who goes where when they are opened, of AssignManual: rooms by
	// participant id.
	Plan map[string]string `json:"plan,omitempty"`
	// Duration is how long they are open, from opening; zero: see EndsAt.
	Duration time.Duration `json:"duration,omitempty"`
	// Places says which breakout somebody belongs to while they are open, by
	// participant id; who isn't in it belongs to the main room.
	Places map[string]string `json:"places,omitempty"`
	EndsAt time.Time         `json:"ends_at,omitzero"` // zero: open until closed
	Help   []HelpRequest     `json:"help,omitempty"`
	// Speaker is the participant whose voice all rooms hear, "" for none.
	Speaker string `json:"speaker,omitempty"`

	// For reports. Moves is how often somebody was put into another room, the
	// return at the end not counted; Opened how often they were opened, and
	// RoomsOpened how many rooms there were, of all openings.
	Moves       int `json:"moves"`
	Opened      int `json:"opened,omitempty"`
	RoomsOpened int `json:"rooms_opened,omitempty"`
}
