package report

import "time"

// The numbers of the cbor tags are how rows are kept; those that are missing
// are of the times (stored.go). The names are of rows that earlier builds kept.

// VisitRow is a guest's stay in an area that is over: by the end of the visit,
// or by a transfer to another area, where another stay begins. It holds nothing
// that says who it was.
type VisitRow struct {
	ID     string `json:"id" cbor:"1,keyasint"`                       // of the visit
	Stay   int    `json:"stay,omitempty" cbor:"2,keyasint,omitempty"` // from 0: in the first area
	UnitID string `json:"unit_id" cbor:"3,keyasint"`
	AreaID string `json:"area_id,omitempty" cbor:"4,keyasint,omitempty"`
	Type   string `json:"type" cbor:"5,keyasint"` // area, appointment, consult_now, group
	// Arrived is when the stay began: a visit that was transferred arrives
	// again in the other area.
	Arrived time.Time `json:"arrived" cbor:"-"`
	Joined  time.Time `json:"joined,omitzero" cbor:"-"` // zero: was never seen here
	Ended   time.Time `json:"ended" cbor:"-"`
	// Milliseconds in this area: waiting, on hold, in calls.
	Waited  int64  `json:"waited" cbor:"9,keyasint"`
	Held    int64  `json:"held" cbor:"10,keyasint"`
	Talked  int64  `json:"talked" cbor:"11,keyasint"`
	Peak    int    `json:"peak,omitempty" cbor:"12,keyasint,omitempty"` // most people in its calls at once
	Outcome string `json:"outcome" cbor:"13,keyasint"`
	// Providers are the accounts who saw them.
	Providers []string `json:"providers,omitempty" cbor:"14,keyasint,omitempty"`
	Quality   *Quality `json:"quality,omitempty" cbor:"15,keyasint,omitempty"` // of the guest's own connection
}

// VisitGroup is the VisitRow.Type of those who came to a group: they waited in
// its lobby and not in the area's queue.
const VisitGroup = "group"

// Outcomes of a VisitRow.
const (
	OutcomeCompleted   = "completed"
	OutcomeAbandoned   = "abandoned"
	OutcomeTimedOut    = "timed_out"
	OutcomeTransferred = "transferred"
	OutcomeRefused     = "refused"
	OutcomeRemoved     = "removed"
)

// CallRow is a call, or a meeting room's session, that is over.
type CallRow struct {
	ID      string    `json:"id" cbor:"1,keyasint"`
	UnitID  string    `json:"unit_id" cbor:"2,keyasint"`
	AreaID  string    `json:"area_id,omitempty" cbor:"3,keyasint,omitempty"`
	RoomID  string    `json:"room_id,omitempty" cbor:"4,keyasint,omitempty"` // a meeting room
	GroupID string    `json:"group_id,omitempty" cbor:"5,keyasint,omitempty"`
	Type    string    `json:"type" cbor:"6,keyasint"` // individual, meeting, group
	Started time.Time `json:"started" cbor:"-"`
	Ended   time.Time `json:"ended" cbor:"-"`
	Peak    int       `json:"peak" cbor:"9,keyasint"`
	Guests  int       `json:"guests" cbor:"10,keyasint"` // visits
	// Staff are the accounts that were in it, and for how long.
	Staff   []StaffTime `json:"staff,omitempty" cbor:"11,keyasint,omitempty"`
	Quality *Quality    `json:"quality,omitempty" cbor:"12,keyasint,omitempty"`
}

// StaffTime is how long an account was in a call, in milliseconds.
type StaffTime struct {
	AccountID string `json:"account_id" cbor:"1,keyasint"`
	Talked    int64  `json:"talked" cbor:"2,keyasint"`
}

// lasted is how long the call was, in milliseconds.
func (r CallRow) lasted() int64 { return max(0, r.Ended.Sub(r.Started).Milliseconds()) }

// GroupRow is a group consultation that has ended or was cancelled.
type GroupRow struct {
	ID         string    `json:"id" cbor:"1,keyasint"`
	UnitID     string    `json:"unit_id" cbor:"2,keyasint"`
	AreaID     string    `json:"area_id" cbor:"3,keyasint"`
	Host       string    `json:"host,omitempty" cbor:"4,keyasint,omitempty"` // account
	Moderators []string  `json:"moderators,omitempty" cbor:"5,keyasint,omitempty"`
	Planned    time.Time `json:"planned" cbor:"-"`
	Started    time.Time `json:"started,omitzero" cbor:"-"` // zero: it never took place
	Ended      time.Time `json:"ended" cbor:"-"`
	Registered int       `json:"registered" cbor:"9,keyasint"`
	Requested  int       `json:"requested" cbor:"10,keyasint"` // access, in the lobby
	Admitted   int       `json:"admitted" cbor:"11,keyasint"`
	Peak       int       `json:"peak" cbor:"12,keyasint"`
	Breakouts  int       `json:"breakouts" cbor:"13,keyasint"` // rooms that were open, of all openings
	Moves      int       `json:"moves" cbor:"14,keyasint"`     // between rooms; back at the close not counted
	Outcome    string    `json:"outcome" cbor:"15,keyasint"`   // ended, cancelled
}

func (r GroupRow) lasted() int64 {
	if r.Started.IsZero() {
		return 0
	}
	return max(0, r.Ended.Sub(r.Started).Milliseconds())
}

// ConsultRow is a Consult Now link that is over for good: used, revoked, or so
// old that nobody can extend it any more.
type ConsultRow struct {
	ID         string    `json:"id" cbor:"1,keyasint"`
	UnitID     string    `json:"unit_id" cbor:"2,keyasint"`
	AreaID     string    `json:"area_id" cbor:"3,keyasint"`
	Provider   string    `json:"provider,omitempty" cbor:"4,keyasint,omitempty"` // account
	Channel    string    `json:"channel" cbor:"5,keyasint"`
	Created    time.Time `json:"created" cbor:"-"`
	HandedOver time.Time `json:"handed_over,omitzero" cbor:"-"` // zero: never
	Ended      time.Time `json:"ended" cbor:"-"`
	Extensions int       `json:"extensions" cbor:"9,keyasint"`
	State      string    `json:"state" cbor:"10,keyasint"` // entered, expired, revoked, failed
}

// States of a ConsultRow.
const (
	ConsultEntered = "entered"
	ConsultExpired = "expired"
	ConsultRevoked = "revoked"
	ConsultFailed  = "failed"
)

// toEnter is the time from the hand-over of the link until it was used, in
// milliseconds.
func (r ConsultRow) toEnter() int64 {
	from := r.HandedOver
	if from.IsZero() {
		from = r.Created
	}
	return max(0, r.Ended.Sub(from).Milliseconds())
}
