package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/atriumrtc/atrium/control/store"
)

// MoveMember puts somebody in a call into a breakout that is open, or back
// into the main room (MainRoom), at any time (R-GC-4). A moderator visits a
// room by moving themselves. ErrNotFound for who isn't in the call, and for a
// room that isn't one of its breakouts.
func (s *Service) MoveMember(ctx context.Context, actor Actor, callID, participantID, room string) error {
	return s.change(ctx, actor, "move somebody", func(c *change) error {
		call, err := c.moderated(callID)
		if err != nil {
			return err
		}
		m := call.member(participantID)
		if m == nil {
			return ErrNotFound
		}
		b, err := c.breakouts(call)
		if err != nil {
			return err
		}
		moved, err := c.moveTo(call, b, m, room)
		if err != nil || !moved {
			return err
		}
		return c.audit("breakouts.move", call.subject(), "participant_id", participantID, "room", room)
	})
}

// Move is somebody in a call, and the room that they are to be in: one of its
// breakouts, or the main room (MainRoom).
type Move struct{ ParticipantID, Room string }

// MoveMembers is MoveMember of several at once: they leave and arrive together
// (R-GC-4), and all of them are moved or none. Who has left the call meanwhile
// is left out; the answer says who is where. A *FieldError for a room that
// isn't one of the call's breakouts, and for somebody who is named twice.
func (s *Service) MoveMembers(ctx context.Context, actor Actor, callID string, moves []Move) (Breakouts, error) {
	if err := checkMoves(moves); err != nil {
		return Breakouts{}, err
	}
	return s.actBreakouts(ctx, actor, "move people", callID, func(c *change, call *Call, b *Breakouts) error {
		before := b.Moves
		for i, to := range moves {
			m := call.member(to.ParticipantID)
			if m == nil {
				continue
			}
			moved, err := c.reroom(call, b, m, to.Room)
			if errors.Is(err, ErrNotFound) {
				err = &FieldError{Field: fmt.Sprintf("moves[%d].room", i), Message: "must be one of the call's breakout rooms, or " + MainRoom}
			}
			if err == nil && moved {
				err = c.audit("breakouts.move", call.subject(), "participant_id", to.ParticipantID, "room", to.Room)
			}
			if err != nil {
				return err
			}
		}
		if b.Moves == before {
			return nil
		}
		return c.putBreakouts(call, b)
	})
}

// checkMoves refuses what can't be meant.
func checkMoves(moves []Move) error {
	if len(moves) == 0 || len(moves) > Group.Limit() {
		return &FieldError{Field: "moves", Message: fmt.Sprintf("must be 1 to %d", Group.Limit())}
	}
	seen := make(map[string]bool, len(moves))
	for i, to := range moves {
		if seen[to.ParticipantID] {
			return &FieldError{Field: fmt.Sprintf("moves[%d].participant_id", i), Message: "is there twice"}
		}
		seen[to.ParticipantID] = true
	}
	return nil
}

// moveTo puts a member into another room and stores that; it says whether they
// weren't there before.
func (c *change) moveTo(call *Call, b *Breakouts, m *Member, room string) (moved bool, err error) {
	if moved, err = c.reroom(call, b, m, room); moved && err == nil {
		err = c.putBreakouts(call, b)
	}
	return moved, err
}

// reroom is moveTo without storing it.
func (c *change) reroom(call *Call, b *Breakouts, m *Member, room string) (moved bool, err error) {
	to, id := room, m.ParticipantID
	if to == MainRoom {
		to = ""
	}
	switch {
	case to == b.Places[id] && (to != "" || room == MainRoom):
		return false, nil
	case b.State != BreakoutsOpen:
		return false, &StateError{CodeWrongState, notOpen}
	case room != MainRoom && !b.has(to):
		return false, ErrNotFound
	}
	from := b.Places[id]
	if to == "" {
		delete(b.Places, id)
	} else {
		if b.Places == nil {
			b.Places = make(map[string]string)
		}
		b.Places[id] = to
	}
	b.Moves++
	b.answer(func(h HelpRequest) bool {
		return h.ParticipantID == id || m.Role == RoleModerator && h.RoomID == to // who was asked for has come
	})
	c.follows(id)
	if from == "" {
		from = MainRoom
	}
	return true, c.hookCall(call, "participant.moved", "participant_id", id, "from", from, "to", room)
}

// guestCall reads the call that a guest is in, and who they are in it:
// ErrNotFound when it is another one.
func (c *change) guestCall(callID string) (*Call, *Member, error) {
	if c.actor.Kind != ActorGuest {
		return nil, nil, ErrForbidden
	}
	v, err := c.visit(c.actor.ID)
	if err == nil && (v.State != VisitInCall || v.CallID != callID) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, nil, err
	}
	call, err := c.groupCall(callID)
	if err != nil {
		return nil, nil, err
	}
	m := call.member(v.ParticipantID)
	if m == nil {
		err = ErrNotFound
	}
	return call, m, err
}

// GuestInCall says whether a guest is in a call now.
func (s *Service) GuestInCall(ctx context.Context, guest Actor, callID string) (bool, error) {
	in := false
	err := s.store.View(ctx, func(tx store.Tx) error {
		v, err := liveVisit(tx, guest.ID)
		in = err == nil && guest.Kind == ActorGuest && v.State == VisitInCall && v.CallID == callID
		return err
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return false, fmt.Errorf("find a guest's call: %w", err)
	}
	return in, nil
}

// ChooseBreakout puts a guest into the breakout that they choose, or back
// into the main room (MainRoom). A *StateError with CodeWrongState when there
// is nothing to choose from now.
func (s *Service) ChooseBreakout(ctx context.Context, guest Actor, callID, room string) error {
	return s.change(ctx, guest, "choose a breakout", func(c *change) error {
		call, m, err := c.guestCall(callID)
		if err != nil {
			return err
		}
		b, err := c.breakouts(call)
		if err != nil {
			return err
		}
		if b.State != BreakoutsOpen || b.Assign != AssignChoose {
			return &StateError{CodeWrongState, "There are no breakout rooms to choose from now."}
		}
		moved, err := c.moveTo(call, b, m, room)
		if err != nil || !moved {
			return err
		}
		return c.audit("breakouts.choose", call.subject(), "participant_id", m.ParticipantID, "room", room)
	})
}

// AskForHelp calls the moderators to a guest's breakout, or takes that back
// (R-GC-4). Asking again while nobody has come does nothing.
func (s *Service) AskForHelp(ctx context.Context, guest Actor, callID string, asking bool) error {
	return s.change(ctx, guest, "ask for help", func(c *change) error {
		call, m, err := c.guestCall(callID)
		if err != nil {
			return err
		}
		b, err := c.breakouts(call)
		if err != nil {
			return err
		}
		id := m.ParticipantID
		mine := func(h HelpRequest) bool { return h.ParticipantID == id }
		if !asking {
			if !b.answer(mine) {
				return nil
			}
			return c.putBreakouts(call, b)
		}
		room := b.Places[id]
		if room == "" {
			return &StateError{CodeWrongState, "You aren't in a breakout room: raise your hand."}
		}
		if slices.ContainsFunc(b.Help, mine) {
			return nil
		}
		b.Help = append(b.Help, HelpRequest{ParticipantID: id, RoomID: room, At: c.now})
		c.tell(Audience{ParticipantIDs: call.moderators()},
			CallNotice{Code: NoticeHelp, From: id, Room: room, At: c.now})
		return errors.Join(c.putBreakouts(call, b),
			c.audit("breakouts.help", call.subject(), "participant_id", id, "room", room))
	})
}

// BroadcastText shows a moderator's text in all rooms of a call; it is kept
// nowhere (R-GC-4, IC). With once, a repetition shows nothing.
func (s *Service) BroadcastText(ctx context.Context, who Staff, callID, text string, once *Once) error {
	text, err := cleanText("text", text)
	switch {
	case err != nil:
		return err
	case text == "":
		return &FieldError{Field: "text", Message: "must not be empty"}
	case utf8.RuneCountInString(text) > maxMessageRunes:
		return &FieldError{Field: "text", Message: fmt.Sprintf("must have at most %d characters", maxMessageRunes)}
	}
	return s.change(ctx, who.Actor, "write to all rooms", func(c *change) error {
		call, err := c.moderated(callID)
		if err != nil {
			return err
		}
		b, err := c.breakouts(call)
		if err != nil {
			return err
		}
		from, err := c.ownSeat(call, who)
		if err != nil {
			return err
		}
		to := []string{call.ID}
		if b.State == BreakoutsOpen {
			to = b.roomIDs()
		}
		_, err = repeatable(s, c.Tx, Caller{OrganisationID: call.OrganisationID}, once.by(who.Actor), func() (bool, error) {
			c.tell(Audience{RoomIDs: to}, CallNotice{Code: NoticeBroadcast, Text: text, From: from, At: c.now})
			return true, c.audit("breakouts.broadcast", call.subject(), "kind", "text")
		})
		return err
	})
}

// BroadcastVoice has what a moderator says heard in all rooms of a call while
// its breakouts are open, or ends that (R-GC-4). One speaks to all at a time:
// who begins takes over. A *StateError with CodeWrongState when they aren't in
// the call, or the breakouts aren't open.
func (s *Service) BroadcastVoice(ctx context.Context, who Staff, callID string, on bool) error {
	return s.change(ctx, who.Actor, "speak to all rooms", func(c *change) error {
		call, err := c.moderated(callID)
		if err != nil {
			return err
		}
		b, err := c.breakouts(call)
		if err != nil {
			return err
		}
		speaker, err := c.ownSeat(call, who)
		switch {
		case err != nil:
			return err
		case on == (speaker != "" && b.Speaker == speaker):
			return nil
		case !on:
			speaker = ""
		case speaker == "":
			return &StateError{CodeWrongState, "You aren't in this call: join it to speak to all rooms."}
		case b.State != BreakoutsOpen:
			return &StateError{CodeWrongState, notOpen}
		}
		for _, id := range []string{b.Speaker, speaker} {
			if id != "" {
				c.voices(id)
			}
		}
		b.Speaker = speaker
		return errors.Join(c.putBreakouts(call, b),
			c.audit("breakouts.broadcast", call.subject(), "kind", "voice", "on", fmt.Sprint(on)))
	})
}

// ownSeat is the participant who somebody of staff is in a call, "" when they
// aren't in it.
func (c *change) ownSeat(call *Call, who Staff) (string, error) {
	for _, m := range call.Members {
		if !m.LeftAt.IsZero() || m.VisitID != "" {
			continue
		}
		seat, err := c.seat(m.ParticipantID)
		if err != nil {
			return "", err
		}
		if seat.ParticipantID != "" && seat.Identity == who.identity() {
			return m.ParticipantID, nil
		}
	}
	return "", nil
}
