package message

// Subprotocol is the WebSocket sub-protocol that both sides must agree on. Its
// number changes when an older client could no longer be understood.
const Subprotocol = "atrium.v1"

// Path is where a server serves the WebSocket.
const Path = "/api/v1/signal"

// Limits of what a client may send. The server refuses what exceeds them with
// CodeTooBig (MaxBytes) or CodeBadMessage (all others).
const (
	// MaxBytes is the most bytes one message may have, either way (SE-9).
	MaxBytes = 256 << 10
	// MaxDepth is how deep objects and arrays of a message may nest (SE-9).
	MaxDepth = 32
	// MaxTiles is the most tiles of a layout.
	MaxTiles = 64
	// MaxText is the most characters (code points) of a chat text.
	MaxText = 4000
	// MaxName is the most characters (code points) of a participant's name.
	MaxName = 100
	// MaxToken is the most bytes of a join token.
	MaxToken = 8 << 10
	// MaxID is the most bytes of an id: participant, resume secret, mid, rid.
	MaxID = 128
	// MaxCandidate is the most bytes of an ICE candidate.
	MaxCandidate = 1024
	// MaxPixels is the largest width or height of a tile, in device pixels.
	MaxPixels = 16384
	// MaxPriority is the highest priority of a tile.
	MaxPriority = 1000
	// MaxSlots is the most m-lines that a client may say it can offer.
	MaxSlots = 1024
)

// The sources that a participant can publish: "source" in messages.
const (
	SourceMicrophone  = "microphone"
	SourceCamera      = "camera"
	SourceScreen      = "screen"
	SourceScreenAudio = "screen_audio"
)

// ValidSource says whether s names one of the four sources.
func ValidSource(s string) bool {
	switch s {
	case SourceMicrophone, SourceCamera, SourceScreen, SourceScreenAudio:
		return true
	}
	return false
}

// Roles of a participant: "role" in messages.
const (
	RoleModerator   = "moderator"
	RoleParticipant = "participant"
	RoleViewer      = "viewer"
)

// ToModerators is where a chat goes that only the moderators of the room get.
const ToModerators = "moderators"

// Chat of a room: "chat" in its controls.
const (
	ChatOn  = "on"
	ChatOff = "off"
)

// KindParked is the kind of a [Room] with no id: the participant waits and
// sees, hears and chats with nobody.
const KindParked = "parked"

// States of a slot, and the reasons of a paused one.
const (
	SlotLive   = "live"
	SlotPaused = "paused"

	ReasonMuted        = "muted"        // by its publisher or the server
	ReasonReconnecting = "reconnecting" // its publisher's seat is being kept
	ReasonKeyFrame     = "key_frame"    // waits for a key frame
)

// Scores of a connection, and which way it is weak.
const (
	QualityGood = "good"
	QualityFair = "fair"
	QualityPoor = "poor"
	QualityLost = "lost"

	QualityUpload   = "upload"
	QualityDownload = "download"
	QualityBoth     = "both"
)

// States of the participant's own transport.
const (
	TransportConnected    = "connected"
	TransportDisconnected = "disconnected"
	TransportFailed       = "failed"
)

// Codes of [Notice].
const (
	NoticeDraining        = "draining"         // the server is about to stop
	NoticeEnding          = "ending"           // the call ends at At
	NoticeBreakoutsEnding = "breakouts_ending" // the breakouts close at At
	NoticeBroadcast       = "broadcast"        // a moderator's Text to all rooms
	NoticeHelp            = "help"             // From, in Room, asks for the moderator
	NoticeAskUnmute       = "ask_unmute"       // a moderator asks for the source Text to be unmuted
)

// Codes of [Error] and [Bye]. PROTOCOL.md says for each what a client does.
const (
	CodeBadMessage     = "bad_message"     // not understood, or outside the limits
	CodeTooBig         = "too_big"         // longer than MaxBytes
	CodeBadToken       = "bad_token"       // not a token of ours, or used up
	CodeTokenExpired   = "token_expired"   // the token's time is over
	CodeSeatTaken      = "seat_taken"      // somebody sits in this token's seat
	CodeResumeUnknown  = "resume_unknown"  // no seat answers to this secret
	CodeRoomFull       = "room_full"       // no seat is free
	CodeRoomClosed     = "room_closed"     // the room has ended
	CodeNotAllowed     = "not_allowed"     // the role or the state forbids it
	CodeUnknownMid     = "unknown_mid"     // no such send m-line in the offer
	CodeOfferTooBig    = "offer_too_big"   // SDP longer than the server takes
	CodeOfferMalformed = "offer_malformed" // SDP that can't be parsed
	CodeOfferLines     = "offer_lines"     // m-lines differ from the policy's pool
	CodeOfferCodecs    = "offer_codecs"    // codecs or extensions missing
	CodeRateLimited    = "rate_limited"    // too many messages
	CodeRemoved        = "removed"         // by a moderator or through the API
	CodeLeft           = "left"            // by the client's own leave
	CodeReplaced       = "replaced"        // another connection took the seat over
	CodeSeatExpired    = "seat_expired"    // gone for too long
	CodeShutdown       = "shutdown"        // the server is stopping
	CodeTooSlow        = "too_slow"        // reads slower than the server writes
	CodeTimeout        = "timeout"         // no join in time
	CodeBusy           = "busy"            // too many connections without a join
	CodeInternal       = "internal"        // a fault of the server
	CodeBadOrigin      = "bad_origin"      // this web page may not connect (HTTP 403)
)
