package control

import (
	"context"
	"errors"
	"time"
)

// AloneTime is how long guests may be in a meeting room without somebody of
// staff (R-MR-4).
const AloneTime = 10 * time.Minute

// meeting returns the call that goes on in a meeting room, or a new one.
func (c *change) meeting(r MeetingRoom) (*Call, error) {
	calls, err := liveCalls(c.Tx, r.ID)
	if err != nil {
		return nil, err
	}
	if len(calls) > 0 {
		return &calls[0], nil
	}
	return c.startCall(Meeting, r.OrganisationID, r.UnitID, r.AreaID, r.ID)
}

// enterMeeting lets a guest into a meeting room, without waiting (R-MR-2).
func (c *change) enterMeeting(v *visitRecord, d *doorway) error {
	call, err := c.meeting(d.room)
	if err != nil {
		return err
	}
	if call.Locked {
		return &StateError{CodeCallLocked, "The call is locked; ask somebody in it to unlock it."}
	}
	if err := c.admit(v, call); err != nil {
		return err
	}
	if _, members := call.present(); members > 0 {
		return nil
	}
	return c.alone(call)
}

// alone has guests let go who stay without staff for AloneTime.
func (c *change) alone(call *Call) error {
	return schedule(c.Tx, c.aloneSince(call).Add(AloneTime), DueMeetingAlone, call.ID)
}

// lastStaff is when somebody of staff was last in a call; zero when nobody
// was.
func (*change) lastStaff(call *Call) time.Time {
	var last time.Time
	for _, m := range call.Members {
		if m.VisitID == "" && m.LeftAt.After(last) {
			last = m.LeftAt
		}
	}
	return last
}

// aloneSince is since when guests have been without staff.
func (c *change) aloneSince(call *Call) time.Time {
	since := c.lastStaff(call)
	if since.IsZero() {
		since = call.StartedAt
	}
	return since
}

// letGo is due when guests have been alone in a meeting room for AloneTime.
func (c *change) letGo(callID string) error {
	call, err := c.call(callID)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, members := call.present(); members > 0 {
		return nil
	}
	if until := c.aloneSince(call).Add(AloneTime); c.now.Before(until) {
		return schedule(c.Tx, until, DueMeetingAlone, callID)
	}
	return c.endCall(call, OutcomeCompleted)
}

// EnterMeetingRoom takes a member of staff into a meeting room (R-MR-2). Who is
// in it already gets their own seat. A locked room is open to them.
func (s *Service) EnterMeetingRoom(ctx context.Context, who Staff, roomID string) (Call, Join, error) {
	who, err := who.clean()
	if err != nil {
		return Call{}, Join{}, err
	}
	var call *Call
	var seat string
	err = s.change(ctx, who.Actor, "enter a meeting room", func(c *change) error {
		r, err := liveMeetingRoom(c.Tx, roomID)
		if err != nil {
			return err
		}
		if err := c.actor.reach(r.OrganisationID); err != nil {
			return err
		}
		if call, err = c.meeting(r.MeetingRoom); err != nil {
			return err
		}
		if seat, err = c.joinStaff(call, who); err != nil {
			return err
		}
		return errors.Join(c.putCall(call), c.audit("meeting_room.enter", r.subject(), "call_id", call.ID))
	})
	if err != nil {
		return Call{}, Join{}, err
	}
	join, err := s.newSeatJoin(seat, call.OrganisationID, call.ID, who.Name, RoleModerator)
	return *call, join, err
}
