package signal

import (
	"slices"
	"sync"
	"time"

	"github.com/atriumrtc/atrium/signal/message"
)

// Arrangement is what holds in a room beside who is in it: whole state.
type Arrangement struct {
	Room, Name string    // Room is its id
	EndsAt     time.Time // zero: never by itself
	// Call is the id of the call that the room is of.
	Call string
	// ChatOff leaves chat to the moderators, and everybody a way to write to
	// them (R-GC-5).
	ChatOff bool
	// Spotlight is who is to be shown large, InCharge who moderates now:
	// participant ids, "" for nobody.
	Spotlight, InCharge string
	// Breakouts are the rooms that people may choose from now.
	Breakouts []message.Breakout
	// BreakoutsOpen says that breakout rooms of the call are open,
	// BreakoutsEndAt when they close; zero: not by themselves (R-GC-4).
	BreakoutsOpen  bool
	BreakoutsEndAt time.Time
}

func (a *Arrangement) equal(b *Arrangement) bool {
	return a.Room == b.Room && a.Name == b.Name && a.EndsAt.Equal(b.EndsAt) && a.Call == b.Call &&
		a.ChatOff == b.ChatOff && a.Spotlight == b.Spotlight && a.InCharge == b.InCharge &&
		slices.Equal(a.Breakouts, b.Breakouts) &&
		a.BreakoutsOpen == b.BreakoutsOpen && a.BreakoutsEndAt.Equal(b.BreakoutsEndAt)
}

// controls is what a client is told of an arrangement.
func (a *Arrangement) controls() *message.Controls {
	m := &message.Controls{
		Room: a.Room, Name: a.Name, EndsAt: moment(a.EndsAt), Call: a.Call,
		Controls:  message.Moderation{Chat: message.ChatOn, Spotlight: a.Spotlight, InCharge: a.InCharge},
		Breakouts: append([]message.Breakout{}, a.Breakouts...), BreakoutsOpen: a.BreakoutsOpen, BreakoutsEndAt: moment(a.BreakoutsEndAt),
	}
	if a.ChatOff {
		m.Controls.Chat = message.ChatOff
	}
	return m
}

// moment is a time as messages have it; nil when it is zero.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}

// Arrange says what holds in a room from now on. Who is in it is told, unless
// it is what they were told last; who comes later is told with the room. It is
// kept for as long as the engine has the room, and a minute at least: so it may
// be said before the room is opened.
func (s *Server) Arrange(a Arrangement) {
	a.Breakouts = slices.Clone(a.Breakouts)
	s.hub.arrange(a, entry{
		topic: topicControls, size: 256 + 64*len(a.Breakouts),
		// Once for all of the room, and not at all where it is no news.
		encode: sync.OnceValues(func() ([]byte, error) { return message.Encode(a.controls()) }),
	})
	// Not with the hub's lock: the engine calls it with its own held.
	old := s.hub.candidates()
	s.hub.forget(slices.DeleteFunc(old, s.engine.isOpen))
}

// Audience is who gets a notice.
type Audience struct {
	Rooms        []string // by id: everybody in them
	Participants []string // by id: wherever they are
}

// Tell gives a notice to those of an audience who are connected, once to each.
// Its message is filled in where it is empty.
func (s *Server) Tell(to Audience, n message.Notice) {
	n.Text = message.CleanText(n.Text)
	if n.Message == "" {
		n.Message = noticeMessages[n.Code]
	}
	if n.At != nil {
		n.At = moment(*n.At)
	}
	data, err := message.Encode(&n)
	if err != nil {
		s.log.Error("a notice can't be encoded", "err", err)
		return
	}
	s.hub.tell(to.Rooms, s.seats.holders(to.Participants), encoded(topicNotice, data))
}

// noticeMessages are for developers. The table is never written to.
var noticeMessages = map[string]string{
	message.NoticeEnding:          "the call ends soon",
	message.NoticeBreakoutsEnding: "when the breakout rooms close",
	message.NoticeBroadcast:       "a moderator writes to all rooms",
	message.NoticeHelp:            "somebody asks for a moderator",
	message.NoticeAskUnmute:       "a moderator asks for a source to be unmuted",
}
