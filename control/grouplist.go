package control

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// GroupPatch is what to change of a group; nil leaves it.
type GroupPatch struct {
	Title          *string
	StartsAt       *time.Time
	Duration       *time.Duration
	Capacity       *int
	Registration   *Registration
	Names          *NameStyle
	HostID         *string // "": who starts it
	CoModeratorIDs *[]string
}

// over returns the spec with the patch applied.
func (p GroupPatch) over(g GroupSession) GroupSpec {
	spec := GroupSpec{
		Title: g.Title, StartsAt: g.StartsAt, Duration: g.Duration, Capacity: g.Capacity,
		Registration: g.Registration, Names: g.Names, HostID: g.HostID, CoModeratorIDs: g.CoModeratorIDs,
	}
	set(&spec.Title, p.Title)
	set(&spec.StartsAt, p.StartsAt)
	set(&spec.Duration, p.Duration)
	set(&spec.Capacity, p.Capacity)
	set(&spec.Registration, p.Registration)
	set(&spec.Names, p.Names)
	set(&spec.HostID, p.HostID)
	set(&spec.CoModeratorIDs, p.CoModeratorIDs)
	return spec
}

// said is what the audit log has of the change: which fields, and who is to
// moderate.
func (p GroupPatch) said() []string {
	var changed, details []string
	for _, f := range []struct {
		name string
		is   bool
	}{
		{"title", p.Title != nil}, {"starts_at", p.StartsAt != nil}, {"duration_minutes", p.Duration != nil},
		{"capacity", p.Capacity != nil}, {"registration", p.Registration != nil}, {"names", p.Names != nil},
		{"host_id", p.HostID != nil}, {"co_moderator_ids", p.CoModeratorIDs != nil},
	} {
		if f.is {
			changed = append(changed, f.name)
		}
	}
	if p.HostID != nil {
		details = append(details, "host_id", *p.HostID)
	}
	if p.CoModeratorIDs != nil {
		details = append(details, "co_moderator_ids", strings.Join(*p.CoModeratorIDs, " "))
	}
	return append(details, "changed", strings.Join(changed, " "))
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// UpdateGroup changes a group that isn't over. Its links stay. One that is
// live keeps its times, and only who moderates it changes it; how names are
// shown stays once somebody waits, as clients have been told theirs.
func (s *Service) UpdateGroup(ctx context.Context, actor Actor, id string, p GroupPatch) (GroupSession, error) {
	return s.actGroup(ctx, actor, "change a group", id, func(c *change, r *groupRecord) error {
		if err := r.isOver(c.now); err != nil {
			return err
		}
		now := c.now
		if r.State == GroupLive || p.StartsAt == nil || p.StartsAt.Equal(r.StartsAt) {
			now = r.StartsAt // which may have passed
		}
		spec, err := p.over(r.GroupSession).clean(now)
		if err != nil {
			return err
		}
		if err := c.mayChange(r, spec); err != nil {
			return err
		}
		if err := errors.Join(c.setGroup(r, spec), c.audit("group.update", r.subject(), p.said()...)); err != nil || r.State != GroupLive {
			return err
		}
		call, err := c.call(r.CallID)
		if err != nil {
			return err
		}
		call.Title, call.Capacity = r.Title, r.Capacity
		c.arranges(call.ID)
		if err := c.markHost(call, r); err != nil {
			return err
		}
		return errors.Join(c.succeed(call), c.putCall(call))
	})
}

// mayChange says why a group can't become what spec says.
func (c *change) mayChange(r *groupRecord, spec GroupSpec) error {
	if r.State == GroupLive {
		err := c.mayRun(r)
		if spec.HostID != r.HostID || !slices.Equal(spec.CoModeratorIDs, r.CoModeratorIDs) {
			err = c.mayName(r)
		}
		if err != nil {
			return err
		}
		if !spec.StartsAt.Equal(r.StartsAt) || spec.Duration != r.Duration {
			return &StateError{CodeWrongState, "The group is live: when it is can't be changed."}
		}
		if spec.HostID == "" && r.HostID != "" {
			return &FieldError{Field: "host_id", Message: "must be an account: the group is live"}
		}
	}
	if spec.Names == r.Names {
		return nil
	}
	waiting, err := lobbyOf(c.Tx, r.ID)
	if err != nil {
		return err
	}
	if r.State == GroupLive || len(waiting) > 0 {
		return &StateError{CodeWrongState, "Somebody has come already: how names are shown can't be changed."}
	}
	return nil
}

// Groups lists an area's groups that start in a period, in order of start.
// Query.After is the Next of the page before, and no id.
func (s *Service) Groups(ctx context.Context, actor Actor, areaID string, from, until time.Time, q Query) (Page[GroupSession], error) {
	records, next, err := timed(ctx, s, actor, areaID, prefixGroupIn, from, until, q, func(tx store.Tx, id string) (groupRecord, error) {
		r, err := get[groupRecord](tx, prefixGroup+id)
		if err == nil {
			r.Counts, err = countsOf(tx, id)
		}
		return r, err
	})
	if err != nil {
		return Page[GroupSession]{}, fmt.Errorf("list groups: %w", err)
	}
	page := Page[GroupSession]{Next: next}
	for _, r := range records {
		page.Items = append(page.Items, s.openGroup(r))
	}
	return page, nil
}

// timed reads a page of an area's things that start in a period, listed at
// <prefix><area>/<start ms>/<id>.
func timed[T any](ctx context.Context, s *Service, actor Actor, areaID, listed string, from, until time.Time, q Query,
	read func(tx store.Tx, id string) (T, error)) (records []T, next string, err error) {
	prefix := listed + areaID + "/"
	after := prefix + timeKey(from)
	if q.After != "" {
		at, id, ok := strings.Cut(q.After, "/")
		if _, err := parseTimeKey(at); err != nil || !ok || !validID(id) {
			return nil, "", &FieldError{Field: "cursor", Message: "must be the next_cursor of an earlier page"}
		}
		after = max(after, prefix+q.After)
	}
	err = s.store.View(ctx, func(tx store.Tx) error {
		records, next = nil, ""
		a, err := liveArea(tx, areaID)
		if err != nil {
			return err
		}
		if err := actor.reach(a.OrganisationID); err != nil {
			return err
		}
		last := ""
		return tx.Range(prefix, after, func(key string, _ []byte) error {
			entry := strings.TrimPrefix(key, prefix)
			at, id, _ := strings.Cut(entry, "/")
			switch {
			case at >= timeKey(until):
				return store.ErrStop
			case len(records) == q.size():
				next = last
				return store.ErrStop
			}
			r, err := read(tx, id)
			records, last = append(records, r), entry
			return err
		})
	})
	return records, next, err
}

// groupsGone cancels the groups of an area that was deleted.
func (c *change) groupsGone(areaID string) error {
	var coming []groupRecord
	err := c.Range(prefixGroupIn+areaID+"/", "", func(key string, _ []byte) error {
		r, err := get[groupRecord](c.Tx, prefixGroup+path.Base(key))
		if err == nil && r.State == GroupScheduled {
			coming = append(coming, r)
		}
		return err
	})
	if err != nil {
		return err
	}
	for i := range coming {
		if err := c.cancelGroup(&coming[i]); err != nil {
			return err
		}
	}
	return nil
}
