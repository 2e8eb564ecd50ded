package control

import (
	"context"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// Media is how the rules reach the calls that are going on. Implementations
// must not block for long and return ErrNotFound for what they don't have.
type Media interface {
	// Place puts people, none of them twice, into rooms, opening those that
	// aren't, or parks them: one change, in which all leave before anybody
	// arrives; but a seat that is given up by it isn't free for it. It has an error
	// for each, nil for who is there: ErrNotFound for who isn't connected; a
	// *StateError with CodeCallFull for who found no seat left.
	Place(ctx context.Context, people ...Placement) []error
	// Dismiss ends the stay of a participant, wherever they are, because what
	// they came for is over. ErrNotFound when they aren't connected.
	Dismiss(ctx context.Context, participantID string) error
	// CloseRoom ends the call in a room, if there is one, for everybody.
	CloseRoom(ctx context.Context, roomID string) error
	// Participants lists who is in the room, in order of arrival; none when
	// nobody is.
	Participants(ctx context.Context, roomID string) ([]Participant, error)
	// Mute stops (or resumes) the forwarding of a participant's source:
	// ErrNotFound when the participant isn't in the room, or has no such
	// source.
	Mute(ctx context.Context, roomID, participantID, source string, muted bool) error
	// Remove ends a participant's stay; their token is dead. ErrNotFound when
	// the participant isn't in the room; roomID "" is wherever they are,
	// parked too.
	Remove(ctx context.Context, roomID, participantID string) error
	// Arrange tells a room that is open, and everybody in it, of its new name,
	// end and controls. Nothing happens when it isn't open: Place brings them
	// along.
	Arrange(ctx context.Context, room MediaRoom) error
	// Attach has what a participant publishes from their microphone heard in
	// these rooms too, those that open later as well; none ends it. It holds
	// until they leave or are attached anew. ErrNotFound when they aren't
	// connected.
	Attach(ctx context.Context, participantID string, roomIDs []string) error
	// Tell has a notice shown to everybody in some rooms, and to some
	// participants wherever they are. Who isn't connected misses it.
	Tell(ctx context.Context, to Audience, n CallNotice) error
}

// MediaRoom describes a room to media.
type MediaRoom struct {
	ID, Name string
	Kind     string // individual, meeting, group, breakout, plain
	Capacity int    // seats
	EndsAt   time.Time
	Controls RoomControls
}

// Placement is somebody who is to be in a room, nil to be parked, and which of
// their sources aren't forwarded there. Who is to be in one room by one change has
// the same description of it.
type Placement struct {
	ParticipantID string
	Room          *MediaRoom
	Silenced      []string
}

// RoomControls are what clients and the chat of a room go by (R-GC-5).
type RoomControls struct {
	ChatOff   bool
	Spotlight string // participant id, "" for nobody
	InCharge  string // participant id, "" for nobody
	// Call is the id of the call that the room is of, and Breakouts the rooms
	// that people may choose from now.
	Call      string
	Breakouts []BreakoutRoom
	// BreakoutsOpen says that the call's breakouts are open, BreakoutsEndAt when
	// they close; zero: not by themselves (R-GC-4). Who comes back, or late, sees
	// the countdown by it: notices they have missed.
	BreakoutsOpen  bool
	BreakoutsEndAt time.Time
}

// Audience is who hears a CallNotice.
type Audience struct {
	RoomIDs        []string
	ParticipantIDs []string
}

// NoticeCode says what a CallNotice is about.
type NoticeCode string

// Codes of a CallNotice.
const (
	NoticeEnding       NoticeCode = "ending"           // the call ends at At (R-GC-3)
	NoticeBreakoutsEnd NoticeCode = "breakouts_ending" // the breakouts close at At, zero: not by themselves (R-GC-4)
	NoticeBroadcast    NoticeCode = "broadcast"        // a moderator's text to all rooms
	NoticeHelp         NoticeCode = "help"             // From asks for the moderator
	NoticeAskUnmute    NoticeCode = "ask_unmute"       // a moderator asks you to unmute Text
)

// CallNotice is something that is shown in a call and kept nowhere.
type CallNotice struct {
	Code NoticeCode
	Text string    // what a moderator wrote, or the source to unmute
	From string    // participant id, "" for the server
	Room string    // breakout that From is in
	At   time.Time // of what is announced
}

// Participant is somebody in a room.
type Participant struct {
	ID, Name string
	Role     Role
	Hand     bool // raised
	// Connected is false while the seat is kept for a return.
	Connected bool
	Sources   []Source
}

// Source is what a participant publishes.
type Source struct {
	Source        string // microphone, camera, screen, screen_audio
	Muted         bool   // by its publisher, or by the server
	MutedByServer bool
}

// Secrets makes secrets and seals what must be shown again. *auth.Keys is
// one.
type Secrets interface {
	// NewAPIKey and NewLink return a new secret and its SHA-256.
	NewAPIKey() (secret string, digest [32]byte)
	NewLink() (secret string, digest [32]byte)
	// NewVisitToken returns what a guest proves their visit with.
	NewVisitToken() (secret string, digest [32]byte)
	// Digest returns a keyed hash (HMAC), to find a value by that mustn't
	// stand in the store, and couldn't be guessed from a plain hash.
	Digest(purpose, value string) []byte
	// Seal encrypts, and Open decrypts what was sealed for the same purpose.
	Seal(plaintext []byte, purpose string) []byte
	Open(sealed []byte, purpose string) ([]byte, error)
}

// KeyRef names one key of the key file of visits (R-PV-1): the slot, and which
// of the keys that have stood in it.
type KeyRef struct {
	Slot uint32 `json:"slot"`
	ID   string `json:"id"`
}

// IsZero says whether r names none.
func (r KeyRef) IsZero() bool { return r.ID == "" }

// Vault keeps one key for each visit, link and appointment in a file of its
// own that no backup holds. Overwriting the key erases what it sealed,
// wherever copies of the ciphertext stand (R-PV-1).
type Vault interface {
	// Reserve makes a key, outside of any transaction.
	Reserve() (KeyRef, error)
	// Seal encrypts; Open decrypts what was sealed by that key for the same
	// purpose. ErrErased when the key was overwritten.
	Seal(ref KeyRef, plaintext []byte, purpose string) ([]byte, error)
	Open(ref KeyRef, sealed []byte, purpose string) ([]byte, error)
	// Erase overwrites keys; durably, when it returns nil. What was erased
	// before is no error.
	Erase(refs ...KeyRef) error
	// Keep erases the keys of all slots that aren't in use. It is called at
	// the start, as a crash may have come between Reserve and the commit.
	Keep(inUse func(slot uint32) bool) error
}

// NoticeKind is what carries a Notice.
type NoticeKind string

// Kinds of a Notice.
const (
	NoticeEmail   NoticeKind = "email"
	NoticeSMS     NoticeKind = "sms"
	NoticeWebhook NoticeKind = "webhook"
)

// Notice is something to tell somebody outside.
type Notice struct {
	ID             string // unique and stable, as a receiver may get it twice; "": a new one
	OrganisationID string
	UnitID         string // whose webhooks hear it too; "": the organisation's only
	Kind           NoticeKind
	// To is the address: as it is, or sealed by Key for PurposeAddress. A
	// webhook's is configured.
	To  []byte
	Key KeyRef
	// Template and Data make an e-mail or an SMS. SealedData, sealed by Key
	// for PurposeNotice, is Data that only the receiver may read: the link.
	Template   string
	Data       map[string]string
	SealedData []byte
	Language   string // BCP 47; "": the organisation's
	// Event is a webhook's body.
	Event *Event
}

// Purposes that what stands in a Notice is sealed for.
const (
	PurposeAddress = "notice/address"
	PurposeNotice  = "notice/data"
)

// Event is what a webhook tells: nothing that says who a guest is.
type Event struct {
	Type           string            `json:"type"` // visit.arrived …
	At             time.Time         `json:"timestamp"`
	OrganisationID string            `json:"organisation_id"`
	UnitID         string            `json:"unit_id,omitempty"`
	Data           map[string]string `json:"data"`
}

// Outbox sends what must not be lost: it writes a record in the transaction,
// and the sending goes on from there, at least once.
type Outbox interface {
	// Enqueue writes m and returns its id, a new one when m has none. How the
	// sending went comes back through Service.Delivered with that id.
	// ErrNoGateway when nothing is configured for its kind; no error for a
	// webhook that nobody listens to.
	Enqueue(tx store.Tx, m Notice) (id string, err error)
}

// HeadSignature is a signature of a head of the audit log, and by which key.
type HeadSignature struct {
	KeyID     string `json:"key_id"`
	Key       []byte `json:"key"` // Ed25519 public key
	Signature []byte `json:"signature"`
}

// Signer signs heads of the audit log. VerifyAudit is given what verifies
// them.
type Signer interface {
	Sign(head []byte) HeadSignature
}

// Clock makes the scheduler's timers.
type Clock interface {
	// After returns a channel that receives once when d has passed, unless
	// stop is called before.
	After(d time.Duration) (c <-chan time.Time, stop func())
}
