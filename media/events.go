package media

import "time"

// SourceKind names what a source carries.
type SourceKind string

// The four things a participant can publish, in the order of their send
// m-lines in the offer.
const (
	Microphone  SourceKind = "microphone"
	Camera      SourceKind = "camera"
	Screen      SourceKind = "screen"
	ScreenAudio SourceKind = "screen_audio"
)

// Video says whether the kind is carried by a video m-line.
func (k SourceKind) Video() bool { return k == Camera || k == Screen }

// Valid says whether k is one of the four kinds.
func (k SourceKind) Valid() bool {
	return k == Microphone || k == ScreenAudio || k.Video()
}

// Role is what a participant may do in a room.
type Role string

// A moderator may also moderate (over HTTP), a viewer publishes nothing.
const (
	RoleModerator   Role = "moderator"
	RoleParticipant Role = "participant"
	RoleViewer      Role = "viewer"
)

// SourceInfo is what the others in the room know of a source.
type SourceInfo struct {
	Kind SourceKind
	// Muted is set when the publisher muted it, or the server did.
	Muted bool
	// MutedByServer is set while the server forwards nothing of it, whatever
	// the publisher says (R-GC-5).
	MutedByServer bool
}

// ParticipantInfo is what the others in the room know of a participant.
type ParticipantInfo struct {
	ID, Name string
	Role     Role
	Hand     bool      // hand raised
	HandAt   time.Time // since when; zero: it isn't
	// Connected is false while the participant's seat is kept for a return.
	Connected bool
	// Sources that are being published, in order of SourceKind.
	Sources []SourceInfo
}

// Event is one of the event types below. The types that carry state carry
// whole state: losing all but the last of a type loses nothing, except for
// ParticipantsChanged, which is relative to the last RoomChanged.
type Event interface{ event() }

// RoomChanged says where the participant now is: whole state. It is sent on
// attach and on every move. Room is "" while parked.
type RoomChanged struct {
	Room, Name, Kind string
	// Epoch numbers this stay; maps of another epoch are void.
	Epoch uint64
	// Participants in the room, this one included, in order of arrival.
	Participants []ParticipantInfo
	EndsAt       time.Time // zero: no end
}

// ParticipantsChanged says who came, went and changed since the last
// RoomChanged or ParticipantsChanged.
type ParticipantsChanged struct {
	Joined  []ParticipantInfo
	Left    []string
	Changed []ParticipantInfo
}

// SlotState says what a slot does at present.
type SlotState string

// States of a slot. A slot that is not in the map is idle.
const (
	SlotLive   SlotState = "live"   // forwards
	SlotPaused SlotState = "paused" // assigned, forwards nothing: see Reason
)

// Reasons of a paused slot.
const (
	ReasonMuted        = "muted"        // by its publisher or the server
	ReasonReconnecting = "reconnecting" // its publisher's seat is being kept
	ReasonKeyFrame     = "key_frame"    // waits for a key frame
)

// SlotMap is one entry of a map.
type SlotMap struct {
	Mid         string
	Participant string
	Source      SourceKind
	State       SlotState
	Reason      string // "" when live
	// Name of a participant who isn't in the room, as the source is attached to
	// it (AttachSource); "" of one who is.
	Name string
	// From is the RTP timestamp of the first frame of the source on the slot, in this
	// room, of a video slot that is live (0 is one as any other). What the slot's
	// receiver shows with an earlier one (modulo 2^32) is of whom it carried before.
	From uint32
}

// MapChanged carries what every slot in use is fed by: whole state, in order
// of m-line.
type MapChanged struct {
	Epoch uint64
	Slots []SlotMap
}

// LayersChanged tells a publisher which encodings (rids) of a source anybody
// needs; others may be paused. RIDs is empty for a source nobody needs.
type LayersChanged struct {
	Source SourceKind
	RIDs   []string
}

// Speaker is one who speaks. Level is 0 (silent) to 1 (loudest).
type Speaker struct {
	Participant string
	Level       float64
}

// SpeakersChanged lists who speaks in the room now, loudest first.
type SpeakersChanged struct{ Speakers []Speaker }

// QualityScore grades a participant's connection.
type QualityScore string

// Scores of a connection.
const (
	QualityGood QualityScore = "good"
	QualityFair QualityScore = "fair"
	QualityPoor QualityScore = "poor"
	QualityLost QualityScore = "lost"
)

// Quality is the connection of one participant. Reason is "", "upload",
// "download" or "both".
type Quality struct {
	Participant string
	Score       QualityScore
	Reason      string
}

// QualityChanged lists those whose quality changed.
type QualityChanged struct{ Participants []Quality }

// TransportState is the state of the ICE + DTLS transport.
type TransportState string

// States of a transport. Disconnected may recover by itself; after Failed the
// client restarts ICE or offers anew.
const (
	TransportNew          TransportState = "new"
	TransportConnected    TransportState = "connected"
	TransportDisconnected TransportState = "disconnected"
	TransportFailed       TransportState = "failed"
)

// TransportChanged says that the participant's own transport changed state.
type TransportChanged struct{ State TransportState }

// CloseReason says why a participant's stay ended.
type CloseReason string

// Reasons of a Closed event.
const (
	CloseLeft        CloseReason = "left"         // by its own will
	CloseRemoved     CloseReason = "removed"      // by a moderator or the API
	CloseRoomClosed  CloseReason = "room_closed"  // the room was closed
	CloseSeatExpired CloseReason = "seat_expired" // gone for longer than Config.Seat
	CloseShutdown    CloseReason = "shutdown"     // the server is stopping
	CloseInternal    CloseReason = "internal"     // a fault of ours ended it
)

// Closed is a participant's last event.
type Closed struct{ Reason CloseReason }

func (RoomChanged) event()         {}
func (ParticipantsChanged) event() {}
func (MapChanged) event()          {}
func (LayersChanged) event()       {}
func (SpeakersChanged) event()     {}
func (QualityChanged) event()      {}
func (TransportChanged) event()    {}
func (Closed) event()              {}

// Observer hears what changes for one participant. Notify is called in order
// from the goroutine that owns the change: it must not block and must not call
// back into this package before it returned (queue and return).
type Observer interface{ Notify(Event) }
