package control

import "time"

// AppointmentState is how far an appointment has come.
type AppointmentState string

// States of an Appointment: booked → entered → done, or booked → cancelled.
const (
	AppointmentBooked    AppointmentState = "booked"
	AppointmentCancelled AppointmentState = "cancelled"
	AppointmentEntered   AppointmentState = "entered"
	AppointmentDone      AppointmentState = "done"
)

// Appointment is a visit that was agreed on (R-IA-3).
type Appointment struct {
	ID             string            `json:"id"`
	OrganisationID string            `json:"organisation_id"`
	UnitID         string            `json:"unit_id"`
	AreaID         string            `json:"area_id"`
	ProviderID     string            `json:"provider_id,omitempty"` // account
	StartsAt       time.Time         `json:"starts_at"`
	Duration       time.Duration     `json:"duration"`
	State          AppointmentState  `json:"state"`
	VisitID        string            `json:"visit_id,omitempty"`
	Details        map[string]string `json:"details,omitempty"` // of the guest, by FieldKey; sealed at rest
	CreatedAt      time.Time         `json:"created_at"`
	Link           string            `json:"link,omitempty"` // sealed at rest
}

// VisitKind is how somebody came.
type VisitKind string

// Kinds of a Visit.
const (
	VisitArea        VisitKind = "area"
	VisitAppointment VisitKind = "appointment"
	VisitConsultNow  VisitKind = "consult_now"
	VisitMeetingRoom VisitKind = "meeting_room"
	VisitInvite      VisitKind = "invite"
)

// VisitState is where a guest is.
type VisitState string

// States of a Visit: waiting ⇄ in_call ⇄ on_hold, each → ended.
const (
	VisitWaiting VisitState = "waiting"
	VisitInCall  VisitState = "in_call"
	VisitOnHold  VisitState = "on_hold"
	VisitEnded   VisitState = "ended"
)

// Outcome is how a visit, or its part in one area, ended.
type Outcome string

// Outcomes. Transferred ends no visit: it notes the stay in the area that was
// left.
const (
	OutcomeCompleted   Outcome = "completed"
	OutcomeAbandoned   Outcome = "abandoned"
	OutcomeTimedOut    Outcome = "timed_out"
	OutcomeTransferred Outcome = "transferred"
	OutcomeRefused     Outcome = "refused"
	OutcomeRemoved     Outcome = "removed"
)

// Message is what a provider wrote to a waiting guest (R-WA-3).
type Message struct {
	At   time.Time `json:"at"`
	From string    `json:"from"` // name
	Text string    `json:"text"`
}

// DeviceCheck is what a guest's own test found (R-WA-6).
type DeviceCheck struct {
	At         time.Time `json:"at"`
	Camera     bool      `json:"camera"`
	Microphone bool      `json:"microphone"`
	Relay      bool      `json:"relay"`            // the network lets them through by a relay only
	RTT        int       `json:"rtt_ms,omitempty"` // milliseconds
}

// Visit is one guest's stay, from entering until the end.
type Visit struct {
	ID             string            `json:"id"`
	OrganisationID string            `json:"organisation_id"`
	UnitID         string            `json:"unit_id"`
	AreaID         string            `json:"area_id,omitempty"`
	MeetingRoomID  string            `json:"meeting_room_id,omitempty"`
	AppointmentID  string            `json:"appointment_id,omitempty"`
	ConsultID      string            `json:"consult_id,omitempty"`
	GroupID        string            `json:"group_id,omitempty"`
	CallID         string            `json:"call_id,omitempty"`
	ParticipantID  string            `json:"participant_id"`
	Kind           VisitKind         `json:"kind"`
	State          VisitState        `json:"state"`
	Outcome        Outcome           `json:"outcome,omitempty"`
	Connected      bool              `json:"connected"`
	ArrivedAt      time.Time         `json:"arrived_at"`
	SeenAt         time.Time         `json:"seen_at,omitzero"`
	HoldSince      time.Time         `json:"hold_since,omitzero"`
	EndedAt        time.Time         `json:"ended_at,omitzero"`
	Waited         time.Duration     `json:"waited"`
	Held           time.Duration     `json:"held"`
	Details        map[string]string `json:"details,omitempty"`  // by FieldKey; sealed at rest
	Position       int               `json:"position,omitempty"` // in the queue, from 1; computed
	Messages       []Message         `json:"messages,omitempty"` // sealed at rest
	Device         *DeviceCheck      `json:"device,omitempty"`
}

// CallState is whether a call goes on.
type CallState string

// States of a Call: live → ended.
const (
	CallLive  CallState = "live"
	CallEnded CallState = "ended"
)

// Member is somebody who is or was in a call.
type Member struct {
	ParticipantID string `json:"participant_id"`
	VisitID       string `json:"visit_id,omitempty"`   // a guest's
	AccountID     string `json:"account_id,omitempty"` // of staff
	Name          string `json:"name,omitempty"`       // of staff; a guest's stands sealed in the visit
	Role          Role   `json:"role"`
	Provider      bool   `json:"provider,omitempty"` // keeps the call from going on hold
	// Person is who they are across their stays, where neither VisitID nor
	// AccountID says so: a guest's registration, an app's somebody of staff.
	Person string `json:"person,omitempty"`
	// Host is set for who moderates a group: their seat is kept (R-GC-1).
	Host bool `json:"host,omitempty"`
	// Silenced are the sources that a moderator stopped: media forwards
	// nothing of them (R-GC-5), after they have left and come back neither.
	Silenced []string `json:"silenced,omitempty"`
	// Removed is set for somebody of staff whom a moderator took out.
	Removed  bool      `json:"removed,omitempty"`
	JoinedAt time.Time `json:"joined_at"`
	LeftAt   time.Time `json:"left_at,omitzero"`
}

// Call is people who see and hear each other, or a meeting room's session.
type Call struct {
	ID             string    `json:"id"`
	OrganisationID string    `json:"organisation_id"`
	UnitID         string    `json:"unit_id"`
	AreaID         string    `json:"area_id,omitempty"`
	MeetingRoomID  string    `json:"meeting_room_id,omitempty"`
	GroupID        string    `json:"group_id,omitempty"`
	Kind           RoomType  `json:"kind"` // Individual, Meeting or Group
	State          CallState `json:"state"`
	Locked         bool      `json:"locked,omitempty"`
	Members        []Member  `json:"members"`
	StartedAt      time.Time `json:"started_at"`
	EndedAt        time.Time `json:"ended_at,omitzero"`
	Peak           int       `json:"peak"`            // most members at once
	Title          string    `json:"title,omitempty"` // of a group's
	// Capacity is how many may be in a group's call beside its host.
	Capacity int `json:"capacity,omitempty"`
	// EndsAt is when it ends for all; zero: never by itself (R-GC-3).
	EndsAt time.Time `json:"ends_at,omitzero"`
	// Controls are what the moderator has set (R-GC-5).
	Controls CallControls `json:"controls,omitzero"`
	// InCharge is the participant who moderates now, "" when nobody is there
	// to (R-GC-6).
	InCharge string `json:"in_charge,omitempty"`
}

// CallControls are what a moderator decides for everybody in a call (R-GC-5).
// They hold in its breakouts too.
type CallControls struct {
	ChatOff   bool   `json:"chat_off,omitempty"`
	Spotlight string `json:"spotlight,omitempty"` // participant id
	// Silenced are the sources that all were muted of: guests who come in for
	// the first time are too.
	Silenced []string `json:"silenced,omitempty"`
}

// ConsultState is how far a Consult Now link has come.
type ConsultState string

// States of a ConsultNow: sent → opened → entered; sent → failed; sent and
// opened → expired (and back by an extension) or revoked.
const (
	ConsultSent    ConsultState = "sent"
	ConsultFailed  ConsultState = "failed"
	ConsultOpened  ConsultState = "opened"
	ConsultEntered ConsultState = "entered"
	ConsultExpired ConsultState = "expired"
	ConsultRevoked ConsultState = "revoked"
)

// Channel is how something is sent.
type Channel string

// Channels. Copy sends nothing: the link is shown to copy.
const (
	ChannelSMS   Channel = "sms"
	ChannelEmail Channel = "email"
	ChannelCopy  Channel = "copy"
)

// ConsultNow is an unscheduled call by a single-use link (R-CN-1).
type ConsultNow struct {
	ID             string       `json:"id"`
	OrganisationID string       `json:"organisation_id"`
	UnitID         string       `json:"unit_id"`
	AreaID         string       `json:"area_id"`
	CallID         string       `json:"call_id"`
	VisitID        string       `json:"visit_id,omitempty"`
	ProviderID     string       `json:"provider_id,omitempty"` // account
	State          ConsultState `json:"state"`
	Channel        Channel      `json:"channel"`
	CreatedAt      time.Time    `json:"created_at"`
	HandedOverAt   time.Time    `json:"handed_over_at,omitzero"` // by the gateway; creation when copied
	ExpiresAt      time.Time    `json:"expires_at,omitzero"`     // zero: the clock has not started
	Extensions     int          `json:"extensions"`
	Address        string       `json:"address,omitempty"` // sealed at rest
	Link           string       `json:"link,omitempty"`    // sealed at rest
}
