package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// What a moderator decides (R-GC-5) stands in the call's record, and media is
// told of it after the commit like of places: so it holds in breakouts, after a
// reconnection and after a restart.

// sources are what somebody may publish.
var sources = []string{"microphone", "camera", "screen", "screen_audio"}

func cleanSource(source string) error {
	if slices.Contains(sources, source) {
		return nil
	}
	return &FieldError{Field: "source", Message: "must be microphone, camera, screen or screen_audio"}
}

// moderatedCall reads a call that goes on, of who moderates it.
func (c *change) moderatedCall(id string) (*Call, error) {
	call, err := c.call(id)
	if err != nil {
		return nil, err
	}
	return call, c.mayModerate(call)
}

// moderate changes a call and returns it.
func (s *Service) moderate(ctx context.Context, actor Actor, what, callID string, do func(c *change, call *Call) error) (Call, error) {
	var call *Call
	err := s.change(ctx, actor, what, func(c *change) (err error) {
		if call, err = c.moderatedCall(callID); err != nil {
			return err
		}
		return errors.Join(do(c, call), c.putCall(call))
	})
	if err != nil {
		return Call{}, err
	}
	return *call, nil
}

// LockCall keeps everybody out who would come by a link, or lets them in
// again. Who waits for a group can be admitted to a locked one: that is its
// moderator's own decision.
func (s *Service) LockCall(ctx context.Context, actor Actor, id string, locked bool) (Call, error) {
	return s.moderate(ctx, actor, "lock a call", id, func(c *change, call *Call) error {
		call.Locked = locked
		return c.audit("call.lock", call.subject(), "locked", fmt.Sprint(locked))
	})
}

// SetChat has everybody in a call write to all, or only moderators (R-GC-5).
func (s *Service) SetChat(ctx context.Context, actor Actor, id string, on bool) (Call, error) {
	return s.moderate(ctx, actor, "switch a call's chat", id, func(c *change, call *Call) error {
		call.Controls.ChatOff = !on
		c.arranges(call.ID)
		return c.audit("call.chat", call.subject(), "on", fmt.Sprint(on))
	})
}

// Spotlight shows somebody large to everybody in a call, or ends that
// (R-GC-5).
func (s *Service) Spotlight(ctx context.Context, actor Actor, callID, participantID string, on bool) (Call, error) {
	return s.moderate(ctx, actor, "spotlight somebody", callID, func(c *change, call *Call) error {
		if call.member(participantID) == nil {
			return ErrNotFound
		}
		switch {
		case on:
			call.Controls.Spotlight = participantID
		case call.Controls.Spotlight == participantID:
			call.Controls.Spotlight = ""
		}
		c.arranges(call.ID)
		return c.audit("call.spotlight", call.subject(), "participant_id", participantID, "on", fmt.Sprint(on))
	})
}

// RemoveMember takes somebody out of a call for good: their connection ends
// and their tokens are dead, a guest's link to a group too, and a colleague who
// doesn't moderate the group can't join it again (R-GC-5). The host of a group
// can't be removed.
func (s *Service) RemoveMember(ctx context.Context, actor Actor, callID, participantID string) error {
	return s.change(ctx, actor, "remove somebody from a call", func(c *change) error {
		call, err := c.moderatedCall(callID)
		if err != nil {
			return err
		}
		m := call.member(participantID)
		switch {
		case m == nil:
			return ErrNotFound
		case m.Host:
			return &StateError{CodeWrongState, "The host can't be removed: make somebody else the host first."}
		}
		m.Removed = m.VisitID == ""
		err = errors.Join(c.putCall(call), c.audit("call.remove", call.subject(), "participant_id", participantID))
		if err != nil {
			return err
		}
		return c.depart(participantID, DepartedRemoved)
	})
}

// MuteMember has nothing forwarded of what somebody in a call publishes from
// source, wherever in the call they are, also after they have left and come
// back, until that is taken back. Then they may be heard again, and aren't
// until they unmute: nobody unmutes somebody else (R-GC-5).
func (s *Service) MuteMember(ctx context.Context, actor Actor, callID, participantID, source string, muted bool) error {
	if err := cleanSource(source); err != nil {
		return err
	}
	_, err := s.moderate(ctx, actor, "mute somebody in a call", callID, func(c *change, call *Call) error {
		m := call.member(participantID)
		if m == nil {
			return ErrNotFound
		}
		c.silence(m, source, muted)
		return c.audit("call.mute", call.subject(), "participant_id", participantID, "source", source, "muted", fmt.Sprint(muted))
	})
	return err
}

// MuteAll is MuteMember for everybody in a call but who asks, those who are away
// too. Guests who come later for the first time are muted as well, until it is
// taken back: a session that is quiet mustn't become loud by who is late
// (R-GC-5).
func (s *Service) MuteAll(ctx context.Context, actor Actor, callID, source string, muted, exceptModerators bool) error {
	if err := cleanSource(source); err != nil {
		return err
	}
	_, err := s.moderate(ctx, actor, "mute everybody in a call", callID, func(c *change, call *Call) error {
		own := c.ownMember(call)
		for i := range call.Members {
			m := &call.Members[i]
			if (own == nil || m.person() != own.person()) && (m.Role != RoleModerator || !exceptModerators) {
				c.silence(m, source, muted)
			}
		}
		call.Controls.Silenced = with(call.Controls.Silenced, source, muted)
		return c.audit("call.mute_all", call.subject(), "source", source, "muted", fmt.Sprint(muted),
			"except_moderators", fmt.Sprint(exceptModerators))
	})
	return err
}

// silence notes what of somebody isn't forwarded; media is told with their
// place.
func (c *change) silence(m *Member, source string, muted bool) {
	m.Silenced = with(m.Silenced, source, muted)
	if m.LeftAt.IsZero() {
		c.follows(m.ParticipantID) // also when nothing is new: media may have missed it
	}
}

// with is a set with something in it, or without. The set is left as it is.
func with(set []string, it string, in bool) []string {
	switch {
	case in == slices.Contains(set, it):
		return set
	case in:
		return append(slices.Clone(set), it)
	}
	return slices.DeleteFunc(slices.Clone(set), func(s string) bool { return s == it })
}

// person is who a member is across their stays in the call: who leaves and
// comes back is another participant.
func (m *Member) person() string {
	switch {
	case m.Person != "":
		return m.Person
	case m.AccountID != "":
		return m.AccountID
	}
	return m.VisitID
}

// silenced is what isn't forwarded of somebody who comes in: what was so when
// they left; of a guest who comes for the first time, what all were muted of
// (R-GC-5).
func (c *Call) silenced(m *Member) []string {
	for i := len(c.Members) - 1; i >= 0; i-- {
		if was := &c.Members[i]; was.person() == m.person() {
			return was.Silenced
		}
	}
	if m.Role == RoleModerator {
		return nil
	}
	return c.Controls.Silenced
}

// AskToUnmute asks somebody in a call to unmute a source of theirs, and lets
// them when a moderator had muted it. Nobody is unmuted by it: nothing of the
// source is forwarded until they unmute (R-GC-5).
func (s *Service) AskToUnmute(ctx context.Context, actor Actor, callID, participantID, source string) error {
	if err := cleanSource(source); err != nil {
		return err
	}
	_, err := s.moderate(ctx, actor, "ask somebody to unmute", callID, func(c *change, call *Call) error {
		m := call.member(participantID)
		if m == nil {
			return ErrNotFound
		}
		c.silence(m, source, false)
		n := CallNotice{Code: NoticeAskUnmute, Text: source, At: c.now}
		if own := c.ownMember(call); own != nil {
			n.From = own.ParticipantID
		}
		c.tell(Audience{ParticipantIDs: []string{participantID}}, n)
		return c.audit("call.ask", call.subject(), "participant_id", participantID, "source", source)
	})
	return err
}
