package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// StartedGroup is a group's session that goes on, and the seat of who asked.
type StartedGroup struct {
	Group GroupSession
	Call  Call
	Join  Join
}

// StartGroup begins the session of a group, which ends GroupTime from now
// (R-GC-3). Of a group without a host, who starts it is the host. When it goes
// on already they come in, as by JoinGroup.
func (s *Service) StartGroup(ctx context.Context, who Staff, groupID string) (StartedGroup, error) {
	return s.intoGroup(ctx, who, groupID, "start a group", func(c *change, g *groupRecord) (*Call, error) {
		if g.State == GroupLive {
			return c.joinable(g, who)
		}
		if err := errors.Join(g.isOver(c.now), c.mayRun(g)); err != nil {
			return nil, err
		}
		return c.startGroup(g, who)
	})
}

// JoinGroup gives somebody of staff a seat, their own when they have one, in
// the session of a group that goes on. Who doesn't moderate it comes in while
// it isn't locked, as a colleague does in an individual consultation, unless
// they were removed (R-GC-5).
func (s *Service) JoinGroup(ctx context.Context, who Staff, groupID string) (StartedGroup, error) {
	return s.intoGroup(ctx, who, groupID, "join a group", func(c *change, g *groupRecord) (*Call, error) {
		if err := g.isLive(c.now); err != nil {
			return nil, err
		}
		return c.joinable(g, who)
	})
}

// joinable returns the call of a live group to who may join it.
func (c *change) joinable(g *groupRecord, who Staff) (*Call, error) {
	call, err := c.call(g.CallID)
	if err != nil {
		return nil, err
	}
	if err := c.mayRun(g); err != nil && (!errors.Is(err, ErrNotModerator) || call.Locked || call.removed(who)) {
		return nil, err
	}
	return call, c.audit("group.join", g.subject(), "call_id", call.ID)
}

// removed says whether a moderator took somebody of staff out.
func (c *Call) removed(who Staff) bool {
	return slices.ContainsFunc(c.Members, func(m Member) bool {
		return m.Removed && m.AccountID != "" && m.AccountID == who.Actor.ID
	})
}

// intoGroup takes somebody of staff into the call that find returns.
func (s *Service) intoGroup(ctx context.Context, who Staff, groupID, what string,
	find func(c *change, g *groupRecord) (*Call, error)) (StartedGroup, error) {
	who, err := who.clean()
	if err != nil {
		return StartedGroup{}, err
	}
	var call *Call
	var seat string
	group, err := s.actGroup(ctx, who.Actor, what, groupID, func(c *change, g *groupRecord) (err error) {
		if call, err = find(c, g); err != nil {
			return err
		}
		if seat, err = c.joinStaff(call, who); err != nil {
			return err
		}
		return c.putCall(call)
	})
	if err != nil {
		return StartedGroup{}, err
	}
	join, err := s.newSeatJoin(seat, call.OrganisationID, call.ID, who.Name, RoleModerator)
	return StartedGroup{Group: group, Call: *call, Join: join}, err
}

// startGroup makes the call of a group, which nobody is in yet.
func (c *change) startGroup(g *groupRecord, who Staff) (*Call, error) {
	if g.HostIdentity == "" {
		g.HostIdentity = who.identity()
		if who.Actor.Kind == ActorAccount {
			g.HostID = who.Actor.ID
		}
	}
	call, err := c.startCall(Group, g.OrganisationID, g.UnitID, g.AreaID, "")
	if err != nil {
		return nil, err
	}
	call.GroupID, call.Title, call.Capacity, call.EndsAt = g.ID, g.Title, g.Capacity, c.now.Add(GroupTime)
	if err := errors.Join(c.unscheduleGroup(g), c.scheduleEnd(call)); err != nil {
		return nil, err
	}
	g.State, g.CallID = GroupLive, call.ID
	return call, errors.Join(c.putGroup(g), c.hookGroup(g, "group.started"), c.audit("group.start", g.subject(), "call_id", call.ID))
}

// EndGroup ends the session of a group for everybody.
func (s *Service) EndGroup(ctx context.Context, actor Actor, groupID string) error {
	return s.change(ctx, actor, "end a group", func(c *change) error {
		g, call, err := c.liveGroup(groupID)
		if err != nil {
			return err
		}
		return errors.Join(c.audit("group.end", g.subject(), "call_id", call.ID), c.endCall(call, OutcomeCompleted))
	})
}

// seatFor says that there is no seat left for somebody. The host of a group
// always has theirs (R-GC-1). less are among those in the call, but not to be
// counted.
func (c *Call) seatFor(m Member, less int) error {
	if c.Kind != Group {
		return c.full()
	}
	if m.Host {
		return nil
	}
	others := -less
	for _, in := range c.Members {
		if in.LeftAt.IsZero() && !in.Host {
			others++
		}
	}
	capacity := c.Capacity
	if capacity == 0 {
		capacity = MaxGroupParticipants
	}
	if others < capacity {
		return nil
	}
	return &StateError{CodeCallFull, fmt.Sprintf(
		"The session is full: %d people are in it, beside the moderator. Wait until somebody has left.", others)}
}

// groupLeft settles what of a group's call was about somebody who has left
// it. The call goes on, whoever is left (R-GC-6).
func (c *change) groupLeft(call *Call, m *Member) error {
	if err := c.leaveBreakouts(call, m.ParticipantID); err != nil {
		return err
	}
	if m.VisitID != "" || call.State != CallLive {
		return nil
	}
	return c.succeed(call)
}

// groupOver ends the group of a call that has ended.
func (c *change) groupOver(call *Call) error {
	if err := errors.Join(c.unscheduleEnd(call), c.endBreakouts(call)); err != nil {
		return err
	}
	g, err := get[groupRecord](c.Tx, prefixGroup+call.GroupID)
	if err != nil {
		return err
	}
	return c.closeGroup(&g, GroupEnded)
}
