package message

import "time"

// ServerMessage is a message from the server to a client: a pointer to one of
// Welcome, Answer, Room, Controls, Participants, Map, Layers, Speakers, Quality,
// Chat, Transport, Notice, Error, Bye.
type ServerMessage interface {
	// MessageType is the value of the field "type".
	MessageType() string
	fromServer()
}

// Welcome replies to a [Join] that took a seat.
type Welcome struct {
	Participant Self `json:"participant"`
	// Room is the id of the room, "" while parked. A [Room] follows.
	Room       string      `json:"room"`
	Policy     Policy      `json:"policy"`
	ICEServers []ICEServer `json:"ice_servers"`
	// Resume returns to this seat. It replaces every earlier one, is good for
	// one join, and lives as long as the seat.
	Resume string `json:"resume"`
	// Resumed is true when the seat is an earlier one of this client: it may
	// keep its PeerConnection.
	Resumed bool `json:"resumed"`
	// Now is the server's time, which all times in messages go by: a client
	// whose clock is wrong can count down all the same.
	Now time.Time `json:"now"`
}

// Self is what a client is told of itself.
type Self struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role"`
}

// Policy is what the client is to offer and may do.
type Policy struct {
	Pool Pool `json:"pool"`
	// Lines is the number of m-lines that the offer has: 4 + 2·pairs + videos,
	// and 2 more for the screen pair.
	Lines int `json:"lines"`
	// Publish names the sources that the participant may publish.
	Publish []string `json:"publish"`
	// Camera and Screen are the encodings to send, in order of the offer's
	// rids, lowest first.
	Camera []Encoding `json:"camera"`
	Screen []Encoding `json:"screen"`
	// SeatSeconds is how long the seat is kept after the signalling is lost.
	SeatSeconds int `json:"seat_seconds"`
	// MaxMessageBytes is the most bytes that a message may have.
	MaxMessageBytes int `json:"max_message_bytes"`
}

// Pool is the number of receive m-lines of the offer.
type Pool struct {
	Pairs  int  `json:"pairs"`  // audio and video of one stream
	Videos int  `json:"videos"` // video alone
	Screen bool `json:"screen"` // the pair that carries a shared screen
}

// Encoding is one simulcast encoding.
type Encoding struct {
	RID        string  `json:"rid"`
	MaxWidth   int     `json:"max_width"`   // pixels
	MaxHeight  int     `json:"max_height"`  // pixels
	MaxBitrate int     `json:"max_bitrate"` // bits per second
	ScaleDown  float64 `json:"scale_down"`  // scaleResolutionDownBy
}

// ICEServer is one entry of RTCConfiguration.iceServers.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// Answer replies to an [Offer].
type Answer struct {
	SDP string `json:"sdp"`
}

// Room says where the participant now is: whole state. It comes after the
// welcome and on every move.
type Room struct {
	// ID is "" while parked; Kind is then KindParked.
	ID   string `json:"id"`
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Epoch numbers this stay: a [Map] of another epoch is void.
	Epoch uint64 `json:"epoch"`
	// Participants in the room, this one included, in order of arrival.
	Participants []Participant `json:"participants"`
	// EndsAt is when the room ends; nil: never by itself.
	EndsAt *time.Time `json:"ends_at,omitempty"`
	// Call is the id of the call that the room is of; "" for a room of the API
	// and while parked.
	Call     string     `json:"call"`
	Controls Moderation `json:"controls"`
	// Breakouts are the rooms that people may choose from now.
	Breakouts []Breakout `json:"breakouts"`
	// BreakoutsOpen says that breakout rooms of the call are open, whether one is
	// in one or not; BreakoutsEndAt when they close, nil: not by themselves.
	BreakoutsOpen  bool       `json:"breakouts_open"`
	BreakoutsEndAt *time.Time `json:"breakouts_end_at,omitempty"`
}

// Moderation is what a moderator has set for a room.
type Moderation struct {
	// Chat is ChatOn or ChatOff. When off, only moderators may write to
	// everybody, and everybody to the moderators.
	Chat string `json:"chat"`
	// Spotlight is who is to be shown large, InCharge who moderates now:
	// participant ids, "" for nobody. They may be in another room of the call.
	Spotlight string `json:"spotlight"`
	InCharge  string `json:"in_charge"`
}

// Breakout is a room that people may choose.
type Breakout struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Controls says what is arranged anew for the room where the participant is:
// whole state, in the place of the fields of the same names of the last Room.
type Controls struct {
	Room           string     `json:"room"` // its id
	Name           string     `json:"name"`
	EndsAt         *time.Time `json:"ends_at,omitempty"`
	Call           string     `json:"call"`
	Controls       Moderation `json:"controls"`
	Breakouts      []Breakout `json:"breakouts"`
	BreakoutsOpen  bool       `json:"breakouts_open"`
	BreakoutsEndAt *time.Time `json:"breakouts_end_at,omitempty"`
}

// Participant is what the others in a room know of somebody.
type Participant struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role"`
	Hand bool   `json:"hand"`
	// HandAt is when the hand was raised; nil when it isn't.
	HandAt *time.Time `json:"hand_at,omitempty"`
	// Connected is false while the seat is kept for a return.
	Connected bool     `json:"connected"`
	Sources   []Source `json:"sources"`
}

// Source is something that a participant publishes.
type Source struct {
	Source        string `json:"source"`
	Muted         bool   `json:"muted"`
	MutedByServer bool   `json:"muted_by_server"`
}

// Participants says who came, went and changed since the last Room or
// Participants.
type Participants struct {
	Joined  []Participant `json:"joined,omitempty"`
	Left    []string      `json:"left,omitempty"`
	Changed []Participant `json:"changed,omitempty"`
}

// Map says what every slot in use is fed by: whole state. A slot that isn't
// listed is idle.
type Map struct {
	Epoch uint64 `json:"epoch"`
	Slots []Slot `json:"slots"`
}

// Slot is one entry of a map.
type Slot struct {
	Mid         string `json:"mid"`
	Participant string `json:"participant"`
	Source      string `json:"source"`
	State       string `json:"state"`
	Reason      string `json:"reason,omitempty"`
	// Name is set for somebody who isn't in the room: they speak to all rooms
	// of the call.
	Name string `json:"name,omitempty"`
	// RTPFrom is the RTP timestamp of the first frame of the participant's source on
	// the slot: what shows with an earlier one (int32 of the difference < 0) is of whom
	// it carried before. Set for video slots that are live.
	RTPFrom *uint32 `json:"rtp_from,omitempty"`
}

// Layers says which encodings of a source anybody needs: whole state of that
// source. RIDs is empty when nobody needs it.
type Layers struct {
	Source string   `json:"source"`
	RIDs   []string `json:"rids"`
}

// Speakers lists who speaks now, loudest first.
type Speakers struct {
	Speakers []Speaker `json:"speakers"`
}

// Speaker is one who speaks, at a level from 0 (silent) to 1 (loudest).
type Speaker struct {
	Participant string  `json:"participant"`
	Level       float64 `json:"level"`
}

// Quality lists those whose connection's quality changed.
type Quality struct {
	Participants []Connection `json:"participants"`
}

// Connection is how good somebody's connection is, and which way it is weak.
type Connection struct {
	Participant string `json:"participant"`
	Score       string `json:"score"`
	Reason      string `json:"reason,omitempty"`
}

// Chat is a text that somebody wrote. Its writer gets it too.
type Chat struct {
	ID   string `json:"id"`
	From string `json:"from"`
	Name string `json:"name"`
	// To is the participant that it is for, or ToModerators; "" is everybody in
	// the room.
	To   string    `json:"to,omitempty"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

// Transport is the state of the participant's own transport as the server
// sees it.
type Transport struct {
	State string `json:"state"`
}

// Notice tells something that refuses nothing and ends nothing.
type Notice struct {
	Code string `json:"code"`
	// Message is for developers.
	Message string `json:"message"`
	// Text is what a moderator wrote, or the source to unmute.
	Text string `json:"text,omitempty"`
	// From is who it comes from, "" for the server, and Room where they are.
	From string `json:"from,omitempty"`
	Room string `json:"room,omitempty"`
	// At is when what is announced happens.
	At *time.Time `json:"at,omitempty"`
}

// Error says that a request was refused; the session goes on.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Bye is the last message of a connection. Retry says that connecting again
// may work: with the resume secret while there is one.
type Bye struct {
	Code   string `json:"code"`
	Reason string `json:"reason"`
	Retry  bool   `json:"retry"`
}

// MessageType implements ServerMessage.
func (*Welcome) MessageType() string { return "welcome" }

// MessageType implements ServerMessage.
func (*Answer) MessageType() string { return "answer" }

// MessageType implements ServerMessage.
func (*Room) MessageType() string { return "room" }

// MessageType implements ServerMessage.
func (*Controls) MessageType() string { return "controls" }

// MessageType implements ServerMessage.
func (*Participants) MessageType() string { return "participants" }

// MessageType implements ServerMessage.
func (*Map) MessageType() string { return "map" }

// MessageType implements ServerMessage.
func (*Layers) MessageType() string { return "layers" }

// MessageType implements ServerMessage.
func (*Speakers) MessageType() string { return "speakers" }

// MessageType implements ServerMessage.
func (*Quality) MessageType() string { return "quality" }

// MessageType implements ServerMessage.
func (*Chat) MessageType() string { return "chat" }

// MessageType implements ServerMessage.
func (*Transport) MessageType() string { return "transport" }

// MessageType implements ServerMessage.
func (*Notice) MessageType() string { return "notice" }

// MessageType implements ServerMessage.
func (*Error) MessageType() string { return "error" }

// MessageType implements ServerMessage.
func (*Bye) MessageType() string { return "bye" }

func (*Welcome) fromServer()      {}
func (*Answer) fromServer()       {}
func (*Room) fromServer()         {}
func (*Controls) fromServer()     {}
func (*Participants) fromServer() {}
func (*Map) fromServer()          {}
func (*Layers) fromServer()       {}
func (*Speakers) fromServer()     {}
func (*Quality) fromServer()      {}
func (*Chat) fromServer()         {}
func (*Transport) fromServer()    {}
func (*Notice) fromServer()       {}
func (*Error) fromServer()        {}
func (*Bye) fromServer()          {}
