package control

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// areaRecord is an Area as it is stored: without its Link.
type areaRecord struct {
	Area
	sealedLink
}

// liveArea reads an area; ErrNotFound when it or its unit is deleted.
func liveArea(tx store.Tx, id string) (areaRecord, error) {
	if !validID(id) {
		return areaRecord{}, ErrNotFound
	}
	a, err := get[areaRecord](tx, prefixArea+id)
	if err == nil && !a.DeletedAt.IsZero() {
		return areaRecord{}, ErrNotFound
	}
	if err == nil {
		_, err = liveUnit(tx, a.UnitID)
	}
	return a, err
}

func putArea(tx store.Tx, a areaRecord) error {
	a.Link = ""
	return put(tx, prefixArea+a.ID, a)
}

// area is the record's Area with its link.
func (s *Service) area(a areaRecord) Area {
	a.Link = s.openLink(a.sealedLink, a.ID)
	return a.Area
}

func (a Area) subject() Subject {
	return Subject{Kind: "area", ID: a.ID, OrganisationID: a.OrganisationID, UnitID: a.UnitID}
}

// Door is whether guests may enter an area now (R-WA-2).
type Door struct {
	Open      bool
	Suspended bool      // overrides the hours
	OpensAt   time.Time // when it is closed by its hours: in UTC; zero: never
}

// Door says whether guests may enter the area at a time. Those who are inside
// are served either way.
func (a Area) Door(at time.Time) (Door, error) {
	if a.Suspended {
		return Door{Suspended: true}, nil
	}
	opens, err := a.Settings.Hours.NextOpening(at)
	if err != nil {
		return Door{}, err
	}
	if opens.Equal(at) {
		return Door{Open: true}, nil
	}
	return Door{OpensAt: opens}, nil
}

// AreaSpec is what a waiting area is made from.
type AreaSpec struct {
	Name     string
	Settings AreaSettings
}

// CreateArea makes a waiting area of a unit, with its permanent link. With
// once, a repetition returns the first one's result.
func (s *Service) CreateArea(ctx context.Context, actor Actor, unitID string, spec AreaSpec, once *Once) (Area, error) {
	name, err := CleanName("name", spec.Name)
	if err != nil {
		return Area{}, err
	}
	settings, err := spec.Settings.clean()
	if err != nil {
		return Area{}, err
	}
	var area Area
	err = s.store.Update(ctx, func(tx store.Tx) (err error) {
		u, err := liveUnit(tx, unitID)
		if err != nil {
			return err
		}
		if err := actor.reach(u.OrganisationID); err != nil {
			return err
		}
		area, err = repeatable(s, tx, Caller{OrganisationID: u.OrganisationID}, once.by(actor), func() (Area, error) {
			return s.createArea(tx, actor, u, name, settings)
		})
		return err
	})
	if err != nil {
		return Area{}, fmt.Errorf("create an area: %w", err)
	}
	return area, nil
}

func (s *Service) createArea(tx store.Tx, actor Actor, u Unit, name string, settings AreaSettings) (Area, error) {
	id, err := newID()
	if err != nil {
		return Area{}, err
	}
	a := areaRecord{Area: Area{
		ID: id, OrganisationID: u.OrganisationID, UnitID: u.ID, Name: name, Settings: settings, CreatedAt: s.clock(),
	}}
	if err := alertable(tx, a.Area); err != nil {
		return Area{}, err
	}
	if a.Slug, err = place(tx, u.ID, childArea, name, id); err != nil {
		return Area{}, err
	}
	if a.sealedLink, err = s.newLink(tx, a.link(), sealedLink{}); err != nil {
		return Area{}, err
	}
	if err := putArea(tx, a); err != nil {
		return Area{}, err
	}
	return s.area(a), audit(tx, a.CreatedAt, actor, "area.create", a.subject(), "name", name)
}

// link is where the area's link leads.
func (a Area) link() Link {
	return Link{Kind: LinkArea, OrganisationID: a.OrganisationID, TargetID: a.ID}
}

// alertable checks that who is to be told of arrivals belongs to the
// organisation.
func alertable(tx store.Tx, a Area) error {
	for _, id := range a.Settings.Alerts.Accounts {
		account, err := get[placed](tx, prefixAccount+id)
		ok, err := present(true, err)
		if err != nil {
			return err
		}
		if !ok || account.OrganisationID != a.OrganisationID {
			return &FieldError{Field: "settings.alerts.accounts", Message: "must be accounts of the organisation"}
		}
	}
	return nil
}

// areas is how waiting areas are read and changed.
func (s *Service) areas() placeKind[areaRecord, Area] {
	return placeKind[areaRecord, Area]{
		service: s, name: "waiting area", child: childArea, live: liveArea, put: putArea, shown: s.area,
		changed: func(tx store.Tx, now time.Time, id string) error { return announce(tx, now, id, AreaChanged, id) },
	}
}

// Area returns an area, or ErrNotFound.
func (s *Service) Area(ctx context.Context, actor Actor, id string) (Area, error) {
	return s.areas().read(ctx, actor, id)
}

// Areas lists a unit's waiting areas.
func (s *Service) Areas(ctx context.Context, actor Actor, unitID string, q Query) (Page[Area], error) {
	return s.areas().list(ctx, actor, ThingUnit, unitID, q)
}

// AreaPatch is what to change of an area; nil leaves it.
type AreaPatch struct {
	Name     *string
	Settings *AreaSettings
}

// UpdateArea changes an area's name or settings. Its slug and link stay.
func (s *Service) UpdateArea(ctx context.Context, actor Actor, id string, p AreaPatch) (Area, error) {
	return s.areas().change(ctx, actor, id, "area.update", func(tx store.Tx, a *areaRecord) (_ []string, err error) {
		var changed []string
		if p.Name != nil {
			if a.Name, err = rename(tx, a.UnitID, childArea, a.Name, *p.Name, id); err != nil {
				return nil, err
			}
			changed = append(changed, "name")
		}
		if p.Settings != nil {
			if a.Settings, err = p.Settings.clean(); err != nil {
				return nil, err
			}
			changed = append(changed, "settings")
		}
		return []string{"changed", strings.Join(changed, " ")}, alertable(tx, a.Area)
	})
}

// SuspendArea closes an area whatever its hours say; those inside are still
// served (R-WA-2). reason is shown to guests and may be "".
func (s *Service) SuspendArea(ctx context.Context, actor Actor, id, reason string) (Area, error) {
	reason, err := cleanLabel("reason", reason)
	if err != nil {
		return Area{}, err
	}
	return s.areas().change(ctx, actor, id, "area.suspend", func(_ store.Tx, a *areaRecord) ([]string, error) {
		a.Suspended, a.SuspendedReason = true, reason
		return nil, nil
	})
}

// RestoreArea has an area's hours count again.
func (s *Service) RestoreArea(ctx context.Context, actor Actor, id string) (Area, error) {
	return s.areas().change(ctx, actor, id, "area.restore", func(_ store.Tx, a *areaRecord) ([]string, error) {
		a.Suspended, a.SuspendedReason = false, ""
		return nil, nil
	})
}

// ResetAreaLink gives an area a new link and kills the old one at once. With
// once, a repetition returns the area as it is.
func (s *Service) ResetAreaLink(ctx context.Context, actor Actor, id string, once *Once) (Area, error) {
	return s.areas().change(ctx, actor, id, "area.link_reset", func(tx store.Tx, a *areaRecord) ([]string, error) {
		return nil, s.resetLink(tx, actor, once, a.link(), &a.sealedLink)
	})
}

// DeleteArea soft-deletes an area with its meeting rooms (R-T-5). Its link is
// dead at once, and who is inside is let go.
func (s *Service) DeleteArea(ctx context.Context, actor Actor, id string) error {
	err := s.store.Update(ctx, func(tx store.Tx) error { return s.deleteArea(tx, actor, id, s.clock()) })
	if err != nil {
		return fmt.Errorf("delete an area: %w", err)
	}
	return nil
}

func (s *Service) deleteArea(tx store.Tx, actor Actor, id string, now time.Time) error {
	a, err := liveArea(tx, id)
	if err != nil {
		return err
	}
	if err := actor.reach(a.OrganisationID); err != nil {
		return err
	}
	if err := s.deleteBelow(tx, actor, id, now); err != nil {
		return err
	}
	if err := dropLink(tx, a.sealedLink); err != nil {
		return err
	}
	a.DeletedAt, a.sealedLink = now, sealedLink{}
	if err := putArea(tx, a); err != nil {
		return err
	}
	if err := freeName(tx, a.UnitID, childArea, a.Name); err != nil {
		return err
	}
	if err := announce(tx, now, id, AreaChanged, id); err != nil {
		return err
	}
	if err := schedule(tx, now, DuePlaceGone, id); err != nil {
		return err
	}
	return audit(tx, now, actor, "area.delete", a.subject())
}
