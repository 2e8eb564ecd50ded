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
	APIKey       string // the secret: every permission in the organisation
	Room         Room   // of the rooms API
	Unit         Unit
	Area         Area        // always open
	MeetingRoom  MeetingRoom // of the unit
	Provider     Account     // of the area; a member of the meeting room
	StaffLink    string      // the secret of a sign-in link of the provider's
}

// demoEmail is the provider's: an address that can't be (RFC 2606).
const demoEmail = "provider@demo.invalid"

// EnsureDemo returns the demo organisation with a room, a unit, a waiting area
// and a meeting room in it, and a provider, making what is missing of them.
// The API key and the sign-in link are new ones each time, and the last ones
// then end.
func (s *Service) EnsureDemo(ctx context.Context) (Demo, error) {
	var demo Demo
	err := s.store.Update(ctx, func(tx store.Tx) error {
		demo = Demo{}
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
		if err := s.demoPlaces(tx, &record, &demo); err != nil {
			return err
		}
		if err := s.demoProvider(tx, &record, &demo); err != nil {
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
	if err := put(tx, prefixOrganisation+id, org); err != nil {
		return Organisation{}, err
	}
	return org, audit(tx, org.CreatedAt, System(), "organisation.create", org.subject(), "name", org.Name)
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

// demoPlaces finds or makes the unit and what is in it.
func (s *Service) demoPlaces(tx store.Tx, record *demoRecord, demo *Demo) error {
	u, err := liveUnit(tx, record.UnitID)
	if errors.Is(err, ErrNotFound) {
		u, err = s.createUnit(tx, System(), record.OrganisationID, "Demo unit", UnitSettings{})
	}
	if err != nil {
		return err
	}
	demo.Unit, record.UnitID = u, u.ID

	a, err := liveArea(tx, record.AreaID)
	demo.Area = a.Area
	switch {
	case err == nil:
		demo.Area = s.area(a)
	case errors.Is(err, ErrNotFound):
		settings, cleanErr := AreaSettings{ShowPosition: true}.clean()
		if cleanErr != nil {
			return cleanErr
		}
		demo.Area, err = s.createArea(tx, System(), u, "Demo waiting area", settings)
	}
	if err != nil {
		return err
	}
	record.AreaID = demo.Area.ID

	r, err := liveMeetingRoom(tx, record.MeetingRoomID)
	switch {
	case err == nil:
		demo.MeetingRoom = s.meetingRoom(r)
	case errors.Is(err, ErrNotFound):
		demo.MeetingRoom, err = s.createMeetingRoom(tx, System(),
			MeetingRoom{OrganisationID: u.OrganisationID, UnitID: u.ID, Name: "Demo meeting room"})
	}
	record.MeetingRoomID = demo.MeetingRoom.ID
	return err
}

// demoProvider finds or makes the provider, with their roles and a new
// sign-in link.
func (s *Service) demoProvider(tx store.Tx, record *demoRecord, demo *Demo) error {
	r, err := readAccount(tx, record.ProviderID)
	if errors.Is(err, ErrNotFound) {
		r, err = s.createAccount(tx, record.OrganisationID, accountPerson{Name: "Demo provider", Email: demoEmail})
	}
	if err != nil {
		return err
	}
	record.ProviderID = r.ID
	if r.State == AccountInvited { // nobody else will accept for them
		r.State, r.AcceptedAt = AccountActive, s.clock()
		if err := put(tx, prefixAccount+r.ID, r); err != nil {
			return err
		}
	}
	if demo.Provider, err = s.account(r); err != nil {
		return err
	}
	if _, err := s.addGrant(tx, System(), r, Provider, Scope{ScopeArea, demo.Area.ID}); err != nil {
		return err
	}
	if _, err := s.addGrant(tx, System(), r, RoomMember, Scope{ScopeRoom, demo.MeetingRoom.ID}); err != nil {
		return err
	}
	if err := s.dropAccountLinks(tx, r.ID); err != nil || r.State != AccountActive {
		return err // whoever disabled them meant it
	}
	demo.StaffLink, _, _, err = s.accountLink(tx, r, letter{Invitee: Invitee{Copy: true}}, LinkSignIn)
	return err
}
