package control

import (
	"errors"
	"slices"
)

// mayRun says whether who asks moderates a group: its host, those named beside
// them, who is in charge now (R-GC-6), and an app with an API key.
// ErrNotModerator for others who have the permission. While nobody is named,
// whoever has it may.
func (c *change) mayRun(g *groupRecord) error {
	err := c.mayName(g)
	if err == nil || c.actor.Kind != ActorAccount || g.State != GroupLive {
		return err
	}
	call, callErr := get[Call](c.Tx, prefixCall+g.CallID)
	if callErr != nil {
		return callErr
	}
	if m := call.member(call.InCharge); m != nil && m.AccountID == c.actor.ID {
		return nil
	}
	return err
}

// mayName is mayRun without who is in charge only while the others are away:
// to say who moderates a group isn't theirs, as the host who returns has it
// again (R-GC-6).
func (c *change) mayName(g *groupRecord) error {
	switch c.actor.Kind {
	case ActorAPIKey, ActorOperator, ActorSystem:
		return nil
	case ActorAccount:
		if g.HostIdentity == "" || c.actor.ID == g.HostID || slices.Contains(g.CoModeratorIDs, c.actor.ID) {
			return nil
		}
	}
	return ErrNotModerator
}

// mayModerate is mayRun for the group of a call; in every other call nil: the
// permission decides.
func (c *change) mayModerate(call *Call) error {
	if call.GroupID == "" {
		return nil
	}
	g, err := get[groupRecord](c.Tx, prefixGroup+call.GroupID)
	if err != nil {
		return err
	}
	return c.mayRun(&g)
}

// mayConduct is mayModerate for the group of a visit that came for one.
func (c *change) mayConduct(v *visitRecord) error {
	if v.GroupID == "" {
		return nil
	}
	g, err := get[groupRecord](c.Tx, prefixGroup+v.GroupID)
	if err != nil {
		return err
	}
	return c.mayRun(&g)
}

// ownMember is the seat of who asks in a call; nil for who has none, and for
// apps, as they don't say who of them asks.
func (c *change) ownMember(call *Call) *Member {
	if c.actor.Kind != ActorAccount {
		return nil
	}
	for i := range call.Members {
		if m := &call.Members[i]; m.LeftAt.IsZero() && m.AccountID == c.actor.ID {
			return m
		}
	}
	return nil
}

// moderators are the participants of staff who are in a call.
func (c *Call) moderators() []string {
	var ids []string
	for _, m := range c.Members {
		if m.LeftAt.IsZero() && m.Role == RoleModerator {
			ids = append(ids, m.ParticipantID)
		}
	}
	return ids
}

// markHost notes which of those in a call is its group's host (R-GC-1). Who was
// it counts like everybody from then on: *StateError with CodeCallFull when that
// is one too many.
func (c *change) markHost(call *Call, g *groupRecord) error {
	lost, gained := false, false
	for i := range call.Members {
		m := &call.Members[i]
		if !m.LeftAt.IsZero() || m.VisitID != "" {
			continue
		}
		seat, err := c.seat(m.ParticipantID)
		if err != nil {
			return err
		}
		is := g.HostIdentity != "" && seat.Identity == g.HostIdentity
		lost, gained = lost || m.Host && !is, gained || is && !m.Host
		m.Host = is
	}
	if !lost || gained {
		return nil
	}
	return call.seatFor(Member{}, 1)
}

// isHost says whether somebody of staff is the host of a call's group.
func (c *change) isHost(call *Call, who Staff) (bool, error) {
	if call.GroupID == "" {
		return false, nil
	}
	g, err := get[groupRecord](c.Tx, prefixGroup+call.GroupID)
	return err == nil && g.HostIdentity == who.identity(), err
}

// charge has somebody be in charge of a call whose staff came or went, or lost
// their connection.
func (c *change) charge(callID string) error {
	call, err := c.call(callID)
	if errors.Is(err, ErrNotFound) || err == nil && call.GroupID == "" {
		return nil
	}
	if err != nil {
		return err
	}
	before := call.InCharge
	if err := c.succeed(call); err != nil || call.InCharge == before {
		return err
	}
	return c.putCall(call)
}

// succeed finds who is in charge of a group's call (R-GC-6): of those who are
// connected the host, else who of the co-moderators has been there for longest,
// else of the other staff; nobody, when none is. The caller stores the call.
func (c *change) succeed(call *Call) error {
	if call.GroupID == "" {
		return nil
	}
	g, err := get[groupRecord](c.Tx, prefixGroup+call.GroupID)
	if err != nil {
		return err
	}
	best, rank := "", 0
	for _, m := range call.Members { // in order of joining
		if !m.LeftAt.IsZero() || m.VisitID != "" {
			continue
		}
		seat, err := c.seat(m.ParticipantID)
		if err != nil {
			return err
		}
		has := 1
		switch {
		case !seat.Connected:
			continue
		case m.Host:
			has = 3
		case m.AccountID != "" && slices.Contains(g.CoModeratorIDs, m.AccountID):
			has = 2
		}
		if has > rank {
			best, rank = m.ParticipantID, has
		}
	}
	if best != call.InCharge {
		call.InCharge = best
		c.arranges(call.ID)
	}
	return nil
}
