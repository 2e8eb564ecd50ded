package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// maxAppointees is the most people who are appointed with a new unit.
const maxAppointees = 50

// unit reads a unit, deleted ones too.
func unit(tx store.Tx, id string) (Unit, error) {
	if !validID(id) {
		return Unit{}, ErrNotFound
	}
	return get[Unit](tx, prefixUnit+id)
}

// liveUnit reads a unit; ErrNotFound when it is deleted.
func liveUnit(tx store.Tx, id string) (Unit, error) {
	u, err := unit(tx, id)
	if err == nil && !u.DeletedAt.IsZero() {
		return Unit{}, ErrNotFound
	}
	return u, err
}

func (u Unit) subject() Subject {
	return Subject{Kind: "unit", ID: u.ID, OrganisationID: u.OrganisationID, UnitID: u.ID}
}

func (u UnitSettings) clean() (UnitSettings, error) {
	var err error
	if u.Phone, err = cleanPhone("settings.phone", u.Phone); err != nil {
		return u, err
	}
	u.Language, err = cleanLanguage("settings.language", u.Language)
	return u, err
}

// UnitSpec is what a unit is made from.
type UnitSpec struct {
	Name      string
	Settings  UnitSettings
	Admins    []Invitee // its organisation administrators
	Reporters []Invitee // its organisation reporters
}

// NewUnit is a unit and who was assigned to it or invited (R-T-2).
type NewUnit struct {
	Unit      Unit
	Appointed []Appointed // Admins, then Reporters, in their order
}

// CreateUnit makes a unit of an organisation, and assigns or invites its
// administrators and reporters with it (R-T-2). With once, a repetition
// returns the first one's result.
func (s *Service) CreateUnit(ctx context.Context, actor Actor, organisationID string, spec UnitSpec, once *Once) (NewUnit, error) {
	name, err := CleanName("name", spec.Name)
	if err != nil {
		return NewUnit{}, err
	}
	settings, err := spec.Settings.clean()
	if err != nil {
		return NewUnit{}, err
	}
	if len(spec.Admins)+len(spec.Reporters) > maxAppointees {
		return NewUnit{}, &FieldError{Field: "admins", Message: fmt.Sprintf("must be at most %d people, with the reporters", maxAppointees)}
	}
	var made NewUnit
	invitees := slices.Concat(spec.Admins, spec.Reporters)
	err = s.inviting(ctx, "admins", invitees, func(tx store.Tx, letters []letter) (err error) {
		if err := reachable(tx, actor, organisationID); err != nil {
			return err
		}
		made, err = repeatable(s, tx, Caller{OrganisationID: organisationID}, once.by(actor), func() (NewUnit, error) {
			u, err := s.createUnit(tx, actor, organisationID, name, settings)
			if err != nil {
				return NewUnit{}, err
			}
			all := NewUnit{Unit: u}
			for i, l := range letters {
				role := OrgAdmin
				if i >= len(spec.Admins) {
					role = OrgReporter
				}
				one, err := s.appoint(tx, actor, role, Scope{ScopeUnit, u.ID}, l)
				if err != nil {
					return NewUnit{}, err
				}
				all.Appointed = append(all.Appointed, one)
			}
			return all, nil
		})
		return err
	})
	if err != nil {
		return NewUnit{}, fmt.Errorf("create a unit: %w", err)
	}
	return made, nil
}

// reachable returns ErrNotFound unless the organisation exists and is the
// actor's.
func reachable(tx store.Tx, actor Actor, organisationID string) error {
	if _, err := organisation(tx, organisationID); err != nil {
		return err
	}
	return actor.reach(organisationID)
}

func (s *Service) createUnit(tx store.Tx, actor Actor, organisationID, name string, settings UnitSettings) (Unit, error) {
	id, err := newID()
	if err != nil {
		return Unit{}, err
	}
	u := Unit{ID: id, OrganisationID: organisationID, Name: name, Settings: settings, CreatedAt: s.clock()}
	if u.Slug, err = place(tx, organisationID, childUnit, name, id); err != nil {
		return Unit{}, err
	}
	if err := put(tx, prefixUnit+id, u); err != nil {
		return Unit{}, err
	}
	return u, audit(tx, u.CreatedAt, actor, "unit.create", u.subject(), "name", name)
}

// place lists a new thing below its parent, takes its name and returns its
// slug (R-T-5).
func place(tx store.Tx, parent string, kind childKind, name, id string) (slug string, err error) {
	if err := takeName(tx, parent, kind, name, id); err != nil {
		return "", err
	}
	if err := addChild(tx, parent, kind, id); err != nil {
		return "", err
	}
	return takeSlug(tx, parent, kind, name, id)
}

// rename checks and takes a new name and gives the old one up.
func rename(tx store.Tx, parent string, kind childKind, from, to, id string) (string, error) {
	to, err := CleanName("name", to)
	if err != nil {
		return "", err
	}
	if err := freeName(tx, parent, kind, from); err != nil {
		return "", err
	}
	return to, takeName(tx, parent, kind, to, id)
}

// UnitSummary is a unit and how much it holds (deleted things don't count).
type UnitSummary struct {
	Unit
	Areas        int `json:"areas"`
	MeetingRooms int `json:"meeting_rooms"` // its own and those of its areas
}

// Units lists an organisation's units.
func (s *Service) Units(ctx context.Context, actor Actor, organisationID string, q Query) (Page[UnitSummary], error) {
	page, err := list(ctx, s, actor, ThingOrganisation, organisationID, childUnit, q,
		func(tx store.Tx, id string) (UnitSummary, bool, error) {
			u, err := liveUnit(tx, id)
			if err != nil {
				return UnitSummary{}, false, err
			}
			sum, err := summary(tx, u)
			return sum, true, err
		})
	if err != nil {
		return Page[UnitSummary]{}, fmt.Errorf("list units: %w", err)
	}
	return page, nil
}

func summary(tx store.Tx, u Unit) (UnitSummary, error) {
	sum := UnitSummary{Unit: u}
	rooms := func(parent string) error {
		return children(tx, parent, childMeetingRoom, "", func(id string) error {
			_, err := liveMeetingRoom(tx, id)
			ok, err := present(true, err)
			if ok {
				sum.MeetingRooms++
			}
			return err
		})
	}
	err := children(tx, u.ID, childArea, "", func(id string) error {
		_, err := liveArea(tx, id)
		if ok, err := present(true, err); !ok || err != nil {
			return err
		}
		sum.Areas++
		return rooms(id)
	})
	return sum, errors.Join(err, rooms(u.ID))
}

// Unit returns a unit, or ErrNotFound.
func (s *Service) Unit(ctx context.Context, actor Actor, id string) (Unit, error) {
	var u Unit
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		if u, err = liveUnit(tx, id); err != nil {
			return err
		}
		return actor.reach(u.OrganisationID)
	})
	if err != nil {
		return Unit{}, fmt.Errorf("read a unit: %w", err)
	}
	return u, nil
}

// UnitPatch is what to change of a unit; nil leaves it.
type UnitPatch struct {
	Name     *string
	Settings *UnitSettings
}

// UpdateUnit changes a unit's name or settings. Its slug stays.
func (s *Service) UpdateUnit(ctx context.Context, actor Actor, id string, p UnitPatch) (Unit, error) {
	var u Unit
	err := s.store.Update(ctx, func(tx store.Tx) (err error) {
		if u, err = liveUnit(tx, id); err != nil {
			return err
		}
		if err := actor.reach(u.OrganisationID); err != nil {
			return err
		}
		var changed []string
		if p.Name != nil {
			if u.Name, err = rename(tx, u.OrganisationID, childUnit, u.Name, *p.Name, id); err != nil {
				return err
			}
			changed = append(changed, "name")
		}
		if p.Settings != nil {
			if u.Settings, err = p.Settings.clean(); err != nil {
				return err
			}
			changed = append(changed, "settings")
		}
		if err := put(tx, prefixUnit+id, u); err != nil {
			return err
		}
		return audit(tx, s.clock(), actor, "unit.update", u.subject(), "changed", strings.Join(changed, " "))
	})
	if err != nil {
		return Unit{}, fmt.Errorf("change a unit: %w", err)
	}
	return u, nil
}

// DeleteUnit soft-deletes a unit (R-T-5): from now on it, its areas and its
// meeting rooms, their links and the roles on them answer as if they had
// never been. Reports on it remain for whoever may read them, and that can be
// taken away. Who is inside is let go.
func (s *Service) DeleteUnit(ctx context.Context, actor Actor, id string) error {
	err := s.store.Update(ctx, func(tx store.Tx) error {
		u, err := liveUnit(tx, id)
		if err != nil {
			return err
		}
		if err := actor.reach(u.OrganisationID); err != nil {
			return err
		}
		now := s.clock()
		// What it holds first, as that is read through the unit.
		if err := s.deleteBelow(tx, actor, u.ID, now); err != nil {
			return err
		}
		u.DeletedAt = now
		if err := put(tx, prefixUnit+id, u); err != nil {
			return err
		}
		if err := freeName(tx, u.OrganisationID, childUnit, u.Name); err != nil {
			return err
		}
		return audit(tx, now, actor, "unit.delete", u.subject())
	})
	if err != nil {
		return fmt.Errorf("delete a unit: %w", err)
	}
	return nil
}

// deleteBelow soft-deletes the areas and meeting rooms of a unit or an area.
func (s *Service) deleteBelow(tx store.Tx, actor Actor, parent string, now time.Time) error {
	var areas, rooms []string
	err := errors.Join(
		children(tx, parent, childArea, "", func(id string) error { areas = append(areas, id); return nil }),
		children(tx, parent, childMeetingRoom, "", func(id string) error { rooms = append(rooms, id); return nil }))
	if err != nil {
		return err
	}
	for _, id := range areas {
		if err := s.deleteArea(tx, actor, id, now); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	for _, id := range rooms {
		if err := s.deleteMeetingRoom(tx, actor, id, now); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}

// present turns ErrNotFound, of a thing in a list that has been deleted, into
// ok = false.
func present(ok bool, err error) (bool, error) {
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return ok && err == nil, err
}
