package control

import (
	"context"
	"errors"
	"fmt"

	"github.com/atriumrtc/atrium/control/store"
)

// Demo is what EnsureDemo made or found.
type Demo struct {
	Organisation Organisation
	APIKey       string // the secret
	Room         Room
}

// EnsureDemo returns the demo organisation with a demo room, making what is
// missing of them. The API key is a new one each time, and the last one then
// ends.
func (s *Service) EnsureDemo(ctx context.Context) (Demo, error) {
	var demo Demo
	err := s.store.Update(ctx, func(tx store.Tx) error {
		record, err := get[demoRecord](tx, keyDemo)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if demo.Organisation, err = s.demoOrganisation(tx, &record); err != nil {
			return err
		}
		if demo.Room, err = s.demoRoom(tx, &record); err != nil {
			return err
		}
		if record.KeyDigest != "" {
			if err := dropKey(tx, record.KeyDigest); err != nil {
				return err
			}
		}
		_, demo.APIKey, record.KeyDigest, err = s.createKey(tx, record.OrganisationID,
			KeySpec{Name: "demo", Scope: Scope{ScopeOrganisation, record.OrganisationID}, Permissions: []string{AllPermissions}})
		if err != nil {
			return err
		}
		return put(tx, keyDemo, record)
	})
	if err != nil {
		return Demo{}, fmt.Errorf("make the demo organisation: %w", err)
	}
	return demo, nil
}

func (s *Service) demoOrganisation(tx store.Tx, record *demoRecord) (Organisation, error) {
	if record.OrganisationID != "" {
		return get[Organisation](tx, prefixOrganisation+record.OrganisationID)
	}
	id, err := newID()
	if err != nil {
		return Organisation{}, err
	}
	record.OrganisationID = id
	org := Organisation{ID: id, Name: "Demo", CreatedAt: s.clock()}
	return org, put(tx, prefixOrganisation+id, org)
}

func (s *Service) demoRoom(tx store.Tx, record *demoRecord) (Room, error) {
	if record.RoomID != "" {
		room, err := s.room(tx, record.OrganisationID, record.RoomID)
		if err == nil && room.Link != "" {
			return room, nil
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			return Room{}, err
		}
	}
	room, err := s.createRoom(tx, record.OrganisationID,
		RoomSpec{Type: Plain, Name: "Demo room", Capacity: defaultPlainCapacity})
	record.RoomID = room.ID
	return room, err
}
