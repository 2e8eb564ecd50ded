package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

const (
	// groupGrace is how long after its planned end a group that nobody has
	// started can still be: sessions start late.
	groupGrace      = 24 * time.Hour
	maxCoModerators = 20
)

// groupRecord is a GroupSession as it is stored: without its Link.
type groupRecord struct {
	GroupSession
	sealedLink
	// HostIdentity is the host as seats have it (Staff.identity): also who
	// started the group by an API key.
	HostIdentity string `json:"host_identity,omitempty"`
}

func (r *groupRecord) subject() Subject {
	return Subject{Kind: "group", ID: r.ID, OrganisationID: r.OrganisationID, UnitID: r.UnitID}
}

// over is when a group that nobody has started is none any more.
func (r *groupRecord) over() time.Time { return r.StartsAt.Add(r.Duration + groupGrace) }

// goesOn says whether the group is still to come, or live.
func (r *groupRecord) goesOn(now time.Time) bool {
	return r.State == GroupLive || r.State == GroupScheduled && !now.After(r.over())
}

// isOver refuses what can't be done to a group that is over.
func (r *groupRecord) isOver(now time.Time) error {
	if r.goesOn(now) {
		return nil
	}
	return &StateError{CodeWrongState, "This group consultation is over."}
}

// isLive refuses what can be done only while the session goes on.
func (r *groupRecord) isLive(now time.Time) error {
	if err := r.isOver(now); err != nil || r.State == GroupLive {
		return err
	}
	return &StateError{CodeWrongState, "The session doesn't go on yet: start it."}
}

func groupInKey(r *groupRecord) string {
	return prefixGroupIn + r.AreaID + "/" + timeKey(r.StartsAt) + "/" + r.ID
}

// GroupSpec is what a group is made from.
type GroupSpec struct {
	Title          string
	StartsAt       time.Time
	Duration       time.Duration // 0: one hour
	Capacity       int           // 0: MaxGroupParticipants
	Registration   Registration  // "": open
	Names          NameStyle     // "": full
	HostID         string        // account; "": who schedules it, if that is one, else who starts it
	CoModeratorIDs []string      // accounts
}

func (g GroupSpec) clean(now time.Time) (GroupSpec, error) {
	var err error
	if g.Title, err = CleanName("title", g.Title); err != nil {
		return g, err
	}
	if g.Duration == 0 {
		g.Duration = time.Hour
	}
	if g.Capacity == 0 {
		g.Capacity = MaxGroupParticipants
	}
	if g.Registration == "" {
		g.Registration = RegistrationOpen
	}
	if g.Names == "" {
		g.Names = NamesFull
	}
	g.StartsAt = g.StartsAt.UTC().Truncate(time.Millisecond)
	switch {
	case g.Duration < time.Minute || g.Duration > GroupTime:
		return g, &FieldError{Field: "duration_minutes", Message: "must be one minute to four hours"}
	case g.StartsAt.Before(now.Add(-g.Duration)) || g.StartsAt.After(now.Add(maxAhead)):
		return g, &FieldError{Field: "starts_at", Message: "must be in the two years to come"}
	case g.Capacity < 1 || g.Capacity > MaxGroupParticipants:
		return g, &FieldError{Field: "capacity", Message: fmt.Sprintf("must be 1 to %d, beside the moderator", MaxGroupParticipants)}
	case !slices.Contains([]Registration{RegistrationOpen, RegistrationClosed, RegistrationByInvitation}, g.Registration):
		return g, &FieldError{Field: "registration", Message: "must be open, closed or by_invitation"}
	case g.Names != NamesFull && g.Names != NamesInitials:
		return g, &FieldError{Field: "names", Message: "must be full or initials"}
	case len(g.CoModeratorIDs) > maxCoModerators:
		return g, &FieldError{Field: "co_moderator_ids", Message: fmt.Sprintf("must be at most %d accounts", maxCoModerators)}
	}
	return g, nil
}

// accountOf checks that an id is an account of the organisation.
func (c *change) accountOf(organisationID, field, id string) error {
	wrong := &FieldError{Field: field, Message: "must be an account of the organisation"}
	if !validID(id) {
		return wrong
	}
	a, err := get[accountRecord](c.Tx, prefixAccount+id)
	if errors.Is(err, ErrNotFound) || err == nil && a.OrganisationID != organisationID {
		return wrong
	}
	return err
}

// CreateGroup schedules a group consultation, with its link to register by
// (R-GC-2). With once, a repetition returns the group of the first.
func (s *Service) CreateGroup(ctx context.Context, actor Actor, areaID string, spec GroupSpec, once *Once) (GroupSession, error) {
	spec, err := spec.clean(s.clock())
	if err != nil {
		return GroupSession{}, err
	}
	if spec.HostID == "" && actor.Kind == ActorAccount {
		spec.HostID = actor.ID
	}
	fresh, err := newID()
	if err != nil {
		return GroupSession{}, err
	}
	var id string
	err = s.change(ctx, actor, "schedule a group", func(c *change) error {
		a, err := liveArea(c.Tx, areaID)
		if err != nil {
			return err
		}
		if err := c.actor.reach(a.OrganisationID); err != nil {
			return err
		}
		id, err = repeatable(s, c.Tx, Caller{OrganisationID: a.OrganisationID}, once.by(actor), func() (string, error) {
			r := groupRecord{GroupSession: GroupSession{
				ID: fresh, OrganisationID: a.OrganisationID, UnitID: a.UnitID, AreaID: a.ID,
				State: GroupScheduled, CreatedAt: c.now,
			}}
			link := Link{Kind: LinkRegistration, OrganisationID: r.OrganisationID, TargetID: r.ID}
			if r.sealedLink, err = c.newLink(c.Tx, link, r.sealedLink); err != nil {
				return "", err
			}
			return fresh, errors.Join(c.setGroup(&r, spec), c.audit("group.create", r.subject()))
		})
		return err
	})
	if err != nil {
		return GroupSession{}, err
	}
	return s.Group(ctx, actor, id)
}

// setGroup stores what a group is made from.
func (c *change) setGroup(r *groupRecord, spec GroupSpec) error {
	for _, id := range spec.CoModeratorIDs {
		if err := c.accountOf(r.OrganisationID, "co_moderator_ids", id); err != nil {
			return err
		}
	}
	if spec.HostID != r.HostID {
		if r.HostID, r.HostIdentity = spec.HostID, ""; r.HostID != "" {
			if itself := c.actor.Kind == ActorAccount && c.actor.ID == r.HostID; !itself {
				if err := c.accountOf(r.OrganisationID, "host_id", r.HostID); err != nil {
					return err
				}
			}
			r.HostIdentity = Staff{Actor: Actor{Kind: ActorAccount, ID: r.HostID}}.identity()
		}
	}
	if !r.StartsAt.IsZero() {
		if err := errors.Join(c.Delete(groupInKey(r)), c.unscheduleGroup(r)); err != nil {
			return err
		}
	}
	r.Title, r.StartsAt, r.Duration, r.Capacity = spec.Title, spec.StartsAt, spec.Duration, spec.Capacity
	r.Registration, r.Names, r.CoModeratorIDs = spec.Registration, spec.Names, spec.CoModeratorIDs
	if r.State == GroupScheduled {
		// It can be started in its last millisecond.
		if err := schedule(c.Tx, r.over().Add(time.Millisecond), DueGroupOver, r.ID); err != nil {
			return err
		}
	}
	return errors.Join(c.Put(groupInKey(r), nil), c.putGroup(r))
}

// unscheduleGroup takes back that a group is over when nobody starts it.
func (c *change) unscheduleGroup(r *groupRecord) error {
	return unschedule(c.Tx, r.over().Add(time.Millisecond), DueGroupOver, r.ID)
}

// putGroup stores a group and tells its area of it.
func (c *change) putGroup(r *groupRecord) error {
	stored := *r
	stored.Link = ""
	return errors.Join(put(c.Tx, prefixGroup+r.ID, stored), announce(c.Tx, c.now, r.AreaID, AreaGroup, r.ID))
}

// hookGroup tells webhooks of a group.
func (c *change) hookGroup(r *groupRecord, event string, more ...string) error {
	data := map[string]string{"group_id": r.ID, "area_id": r.AreaID, "state": string(r.State)}
	if r.CallID != "" {
		data["call_id"] = r.CallID
	}
	for i := 0; i+1 < len(more); i += 2 {
		data[more[i]] = more[i+1]
	}
	return c.emit(c.Tx, c.now, r.subject(), event, data)
}

// readGroup reads a group of who asks.
func readGroup(tx store.Tx, actor Actor, id string) (groupRecord, error) {
	if !validID(id) {
		return groupRecord{}, ErrNotFound
	}
	r, err := get[groupRecord](tx, prefixGroup+id)
	if err != nil {
		return r, err
	}
	return r, actor.reach(r.OrganisationID)
}

// openGroup returns a group with its link, while that leads somewhere.
func (s *Service) openGroup(r groupRecord) GroupSession {
	if r.State == GroupScheduled || r.State == GroupLive {
		r.Link = s.openLink(r.sealedLink, r.ID)
	}
	return r.GroupSession
}

// Group returns a group.
func (s *Service) Group(ctx context.Context, actor Actor, id string) (GroupSession, error) {
	var r groupRecord
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		if r, err = readGroup(tx, actor, id); err == nil {
			r.Counts, err = countsOf(tx, id)
		}
		return err
	})
	if err != nil {
		return GroupSession{}, fmt.Errorf("read a group: %w", err)
	}
	return s.openGroup(r), nil
}

// actGroup changes a group and returns it.
func (s *Service) actGroup(ctx context.Context, actor Actor, what, id string, do func(c *change, r *groupRecord) error) (GroupSession, error) {
	var r groupRecord
	err := s.change(ctx, actor, what, func(c *change) (err error) {
		if r, err = readGroup(c.Tx, actor, id); err != nil {
			return err
		}
		if err = do(c, &r); err == nil {
			r.Counts, err = countsOf(c.Tx, id)
		}
		return err
	})
	if err != nil {
		return GroupSession{}, err
	}
	return s.openGroup(r), nil
}

// CancelGroup ends a group that nobody has started: its links are dead, what
// was known of those who registered is erased (R-PV-1), who waits is let go.
func (s *Service) CancelGroup(ctx context.Context, actor Actor, id string) error {
	_, err := s.actGroup(ctx, actor, "cancel a group", id, func(c *change, r *groupRecord) error {
		if r.State != GroupScheduled {
			return &StateError{CodeWrongState, "Only a group that is still to come can be cancelled; end one that is live."}
		}
		return c.cancelGroup(r)
	})
	return err
}

func (c *change) cancelGroup(r *groupRecord) error {
	return errors.Join(c.audit("group.cancel", r.subject()), c.closeGroup(r, GroupCancelled))
}

// groupDue is due when nobody has started a group in time.
func (c *change) groupDue(id string) error {
	r, err := get[groupRecord](c.Tx, prefixGroup+id)
	if err != nil || r.State != GroupScheduled || r.goesOn(c.now) {
		return err
	}
	return c.cancelGroup(&r)
}

// closeGroup ends a group for good, the one place where that is done: who
// still waits is let go, the links are dead, what was known of those who
// registered is erased.
func (c *change) closeGroup(r *groupRecord, state GroupState) error {
	if err := c.unscheduleGroup(r); err != nil {
		return err
	}
	r.State, r.EndedAt = state, c.now
	// Stored before its visits end: they find it over.
	if err := errors.Join(dropLink(c.Tx, r.sealedLink), c.putGroup(r)); err != nil {
		return err
	}
	waiting, err := lobbyOf(c.Tx, r.ID)
	if err != nil {
		return err
	}
	for i := range waiting {
		outcome := waiting[i].ending()
		if outcome == OutcomeAbandoned {
			outcome = OutcomeRefused // they would have stayed
		}
		if err := c.end(&waiting[i], outcome); err != nil {
			return err
		}
	}
	if err := errors.Join(c.endRegistrations(r), c.reportGroup(&r.GroupSession)); err != nil {
		return err
	}
	if state == GroupCancelled {
		return c.hookGroup(r, "group.cancelled")
	}
	return c.hookGroup(r, "group.ended")
}
