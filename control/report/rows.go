package report

import "time"

// VisitRow is a guest's stay in an area that is over: by the end of the visit,
// or by a transfer to another area, where another stay begins. It holds nothing
// that says who it was.
type VisitRow struct {
	ID     string `json:"id"`             // of the visit
	Stay   int    `json:"stay,omitempty"` // from 0: in the first area
	UnitID string `json:"unit_id"`
	AreaID string `json:"area_id,omitempty"`
	Type   string `json:"type"` // area, appointment, consult_now, group
	// Arrived is when the stay began: a visit that was transferred arrives
	// again in the other area.
	Arrived time.Time `json:"arrived"`
	Joined  time.Time `json:"joined,omitzero"` // zero: was never seen here
	Ended   time.Time `json:"ended"`
	// Milliseconds in this area: waiting, on hold, in calls.
	Waited  int64  `json:"waited"`
	Held    int64  `json:"held"`
	Talked  int64  `json:"talked"`
	Peak    int    `json:"peak,omitempty"` // most people in its calls at once
	Outcome string `json:"outcome"`
	// Providers are the accounts who saw them.
	Providers []string `json:"providers,omitempty"`
	Quality   *Quality `json:"quality,omitempty"` // of the guest's own connection
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
	ID      string    `json:"id"`
	UnitID  string    `json:"unit_id"`
	AreaID  string    `json:"area_id,omitempty"`
	RoomID  string    `json:"room_id,omitempty"` // a meeting room
	GroupID string    `json:"group_id,omitempty"`
	Type    string    `json:"type"` // individual, meeting, group
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	Peak    int       `json:"peak"`
	Guests  int       `json:"guests"` // visits
	// Staff are the accounts that were in it, and for how long.
	Staff   []StaffTime `json:"staff,omitempty"`
	Quality *Quality    `json:"quality,omitempty"`
}

// StaffTime is how long an account was in a call, in milliseconds.
type StaffTime struct {
	AccountID string `json:"account_id"`
	Talked    int64  `json:"talked"`
}

// lasted is how long the call was, in milliseconds.
func (r CallRow) lasted() int64 { return max(0, r.Ended.Sub(r.Started).Milliseconds()) }

// GroupRow is a group consultation that has ended or was cancelled.
type GroupRow struct {
	ID         string    `json:"id"`
	UnitID     string    `json:"unit_id"`
	AreaID     string    `json:"area_id"`
	Host       string    `json:"host,omitempty"` // account
	Moderators []string  `json:"moderators,omitempty"`
	Planned    time.Time `json:"planned"`
	Started    time.Time `json:"started,omitzero"` // zero: it never took place
	Ended      time.Time `json:"ended"`
	Registered int       `json:"registered"`
	Requested  int       `json:"requested"` // access, in the lobby
	Admitted   int       `json:"admitted"`
	Peak       int       `json:"peak"`
	Breakouts  int       `json:"breakouts"` // rooms that were open, of all openings
	Moves      int       `json:"moves"`     // between rooms; back at the close not counted
	Outcome    string    `json:"outcome"`   // ended, cancelled
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
	ID         string    `json:"id"`
	UnitID     string    `json:"unit_id"`
	AreaID     string    `json:"area_id"`
	Provider   string    `json:"provider,omitempty"` // account
	Channel    string    `json:"channel"`
	Created    time.Time `json:"created"`
	HandedOver time.Time `json:"handed_over,omitzero"` // zero: never
	Ended      time.Time `json:"ended"`
	Extensions int       `json:"extensions"`
	State      string    `json:"state"` // entered, expired, revoked, failed
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
