package message

import (
	"fmt"
	"unicode/utf8"
)

// ClientMessage is a message from a client to the server: a pointer to one of
// Join, Offer, Candidate, Publish, Layout, Mute, SendChat, Hand, Leave.
type ClientMessage interface {
	// MessageType is the value of the field "type".
	MessageType() string
	// check says what is wrong with the values, naming the field.
	check() error
}

// Join is the first message of a connection. It takes a seat with a token, or
// returns to one with the secret of the last [Welcome] (the token may then be
// absent; with both, the secret decides, and the token is used when no seat
// answers to the secret any more).
type Join struct {
	Token string `json:"token,omitempty"`
	// Slots is the most m-lines the client can offer; 0 is no limit. The
	// server cuts policy.pool to fit.
	Slots  int    `json:"slots,omitempty"`
	Resume string `json:"resume,omitempty"`
}

// Offer carries the client's SDP offer: its only one, or one that restarts ICE
// or replaces the transport. The server replies with an [Answer] or an [Error].
type Offer struct {
	SDP string `json:"sdp"`
}

// Candidate carries one ICE candidate of the client. An empty candidate says
// that there will be no more; the server needs none at all.
type Candidate struct {
	Candidate string `json:"candidate"`
	Mid       string `json:"mid,omitempty"`
}

// Publish says what the client sends on one of its send m-lines, or that it
// stopped.
type Publish struct {
	Mid    string `json:"mid"`
	Source string `json:"source"`
	// Active is true when absent; false says that the source has stopped.
	Active *bool `json:"active,omitempty"`
}

// IsActive is Active with its default.
func (p *Publish) IsActive() bool { return p.Active == nil || *p.Active }

// Layout says what the client shows: whole state. Nil Tiles (the field is
// absent) leave the choice to the server, as before the first layout; empty
// Tiles show nothing.
type Layout struct {
	Tiles []Tile `json:"tiles,omitzero"`
}

// Tile is one picture that the client shows: a camera or a screen. Width and
// Height are in device pixels; the higher Priority wins when not everything
// can be shown.
type Tile struct {
	Participant string `json:"participant"`
	Source      string `json:"source"`
	Width       int    `json:"width"`
	Height      int    `json:"height"`
	Priority    int    `json:"priority,omitempty"`
}

// Mute says that the client muted or unmuted a source of its own, so that the
// others can be told.
type Mute struct {
	Source string `json:"source"`
	Muted  bool   `json:"muted"`
}

// SendChat is the client's "chat": a text to everybody in the room, to the
// participant To of the same room, or to its moderators (ToModerators). The server sends everybody a [Chat].
type SendChat struct {
	To   string `json:"to,omitempty"`
	Text string `json:"text"`
}

// Hand raises or lowers the client's hand.
type Hand struct {
	Raised bool `json:"raised"`
}

// Leave gives the seat up. The server replies with a [Bye] with CodeLeft.
type Leave struct{}

// MessageType implements ClientMessage.
func (*Join) MessageType() string { return "join" }

// MessageType implements ClientMessage.
func (*Offer) MessageType() string { return "offer" }

// MessageType implements ClientMessage.
func (*Candidate) MessageType() string { return "candidate" }

// MessageType implements ClientMessage.
func (*Publish) MessageType() string { return "publish" }

// MessageType implements ClientMessage.
func (*Layout) MessageType() string { return "layout" }

// MessageType implements ClientMessage.
func (*Mute) MessageType() string { return "mute" }

// MessageType implements ClientMessage.
func (*SendChat) MessageType() string { return "chat" }

// MessageType implements ClientMessage.
func (*Hand) MessageType() string { return "hand" }

// MessageType implements ClientMessage.
func (*Leave) MessageType() string { return "leave" }

func (m *Join) check() error {
	if m.Token == "" && m.Resume == "" {
		return bad("token", "is required, or resume")
	}
	if err := atMost("token", m.Token, MaxToken); err != nil {
		return err
	}
	if err := atMost("resume", m.Resume, MaxID); err != nil {
		return err
	}
	return within("slots", m.Slots, 0, MaxSlots)
}

func (m *Offer) check() error {
	if m.SDP == "" {
		return bad("sdp", "is required")
	}
	return nil
}

func (m *Candidate) check() error {
	if err := atMost("candidate", m.Candidate, MaxCandidate); err != nil {
		return err
	}
	return atMost("mid", m.Mid, MaxID)
}

func (m *Publish) check() error {
	if err := required("mid", m.Mid, MaxID); err != nil {
		return err
	}
	return source("source", m.Source)
}

func (m *Layout) check() error {
	if len(m.Tiles) > MaxTiles {
		return bad("tiles", fmt.Sprintf("has more than %d entries", MaxTiles))
	}
	for i, t := range m.Tiles {
		if err := t.check(fmt.Sprintf("tiles[%d].", i)); err != nil {
			return err
		}
	}
	return nil
}

func (t Tile) check(at string) error {
	if err := required(at+"participant", t.Participant, MaxID); err != nil {
		return err
	}
	if t.Source != SourceCamera && t.Source != SourceScreen {
		return bad(at+"source", "must be camera or screen")
	}
	if err := within(at+"width", t.Width, 0, MaxPixels); err != nil {
		return err
	}
	if err := within(at+"height", t.Height, 0, MaxPixels); err != nil {
		return err
	}
	return within(at+"priority", t.Priority, 0, MaxPriority)
}

func (m *Mute) check() error { return source("source", m.Source) }

func (m *SendChat) check() error {
	if err := atMost("to", m.To, MaxID); err != nil {
		return err
	}
	if utf8.RuneCountInString(m.Text) > MaxText {
		return bad("text", fmt.Sprintf("is longer than %d characters", MaxText))
	}
	m.Text = CleanText(m.Text)
	if m.Text == "" {
		return bad("text", "is empty")
	}
	return nil
}

func (*Hand) check() error  { return nil }
func (*Leave) check() error { return nil }

func required(field, v string, most int) error {
	if v == "" {
		return bad(field, "is required")
	}
	return atMost(field, v, most)
}

func atMost(field, v string, most int) error {
	if len(v) > most {
		return bad(field, fmt.Sprintf("is longer than %d bytes", most))
	}
	return nil
}

func within(field string, v, low, high int) error {
	if v < low || v > high {
		return bad(field, fmt.Sprintf("must be from %d to %d", low, high))
	}
	return nil
}

func source(field, v string) error {
	if !ValidSource(v) {
		return bad(field, "must be microphone, camera, screen or screen_audio")
	}
	return nil
}
