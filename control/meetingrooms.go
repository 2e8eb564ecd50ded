package control

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// meetingRoomRecord is a MeetingRoom as it is stored: without its Link.
type meetingRoomRecord struct {
	MeetingRoom
	sealedLink
}

// liveMeetingRoom reads a meeting room; ErrNotFound when it, its area or its
// unit is deleted.
func liveMeetingRoom(tx store.Tx, id string) (meetingRoomRecord, error) {
	if !validID(id) {
		return meetingRoomRecord{}, ErrNotFound
	}
	r, err := get[meetingRoomRecord](tx, prefixMeetingRoom+id)
	switch {
	case err != nil:
	case !r.DeletedAt.IsZero():
		return meetingRoomRecord{}, ErrNotFound
	case r.AreaID != "":
		_, err = liveArea(tx, r.AreaID)
	default:
		_, err = liveUnit(tx, r.UnitID)
	}
	return r, err
}

func putMeetingRoom(tx store.Tx, r meetingRoomRecord) error {
	r.Link = ""
	return put(tx, prefixMeetingRoom+r.ID, r)
}

// meetingRoom is the record's MeetingRoom with its link.
func (s *Service) meetingRoom(r meetingRoomRecord) MeetingRoom {
	r.Link = s.openLink(r.sealedLink, r.ID)
	return r.MeetingRoom
}

func (r MeetingRoom) subject() Subject {
	return Subject{Kind: "meeting_room", ID: r.ID, OrganisationID: r.OrganisationID, UnitID: r.UnitID}
}

// link is where the room's link leads.
func (r MeetingRoom) link() Link {
	return Link{Kind: LinkMeetingRoom, OrganisationID: r.OrganisationID, TargetID: r.ID}
}

// parent is what the room's name is unique in.
func (r MeetingRoom) parent() string {
	if r.AreaID != "" {
		return r.AreaID
	}
	return r.UnitID
}

// CreateMeetingRoom makes a permanent meeting room of a unit, or of a waiting
// area (R-T-1, R-MR-1). With once, a repetition returns the first one's
// result.
func (s *Service) CreateMeetingRoom(ctx context.Context, actor Actor, parent Scope, name string, once *Once) (MeetingRoom, error) {
	name, err := CleanName("name", name)
	if err != nil {
		return MeetingRoom{}, err
	}
	if parent.Kind != ScopeUnit && parent.Kind != ScopeArea {
		return MeetingRoom{}, ErrNotFound
	}
	var room MeetingRoom
	err = s.store.Update(ctx, func(tx store.Tx) error {
		chain, err := parent.chain(tx)
		if err != nil {
			return err
		}
		made := MeetingRoom{Name: name}
		for _, scope := range chain {
			switch scope.Kind {
			case ScopeArea:
				made.AreaID = scope.ID
			case ScopeUnit:
				made.UnitID = scope.ID
			case ScopeOrganisation:
				made.OrganisationID = scope.ID
			}
		}
		if err := actor.reach(made.OrganisationID); err != nil {
			return err
		}
		room, err = repeatable(s, tx, Caller{OrganisationID: made.OrganisationID}, once.by(actor), func() (MeetingRoom, error) {
			return s.createMeetingRoom(tx, actor, made)
		})
		return err
	})
	if err != nil {
		return MeetingRoom{}, fmt.Errorf("create a meeting room: %w", err)
	}
	return room, nil
}

func (s *Service) createMeetingRoom(tx store.Tx, actor Actor, room MeetingRoom) (MeetingRoom, error) {
	var err error
	if room.ID, err = newID(); err != nil {
		return MeetingRoom{}, err
	}
	room.CreatedAt = s.clock()
	r := meetingRoomRecord{MeetingRoom: room}
	if r.Slug, err = place(tx, r.parent(), childMeetingRoom, r.Name, r.ID); err != nil {
		return MeetingRoom{}, err
	}
	if r.sealedLink, err = s.newLink(tx, r.link(), sealedLink{}); err != nil {
		return MeetingRoom{}, err
	}
	if err := putMeetingRoom(tx, r); err != nil {
		return MeetingRoom{}, err
	}
	return s.meetingRoom(r), audit(tx, r.CreatedAt, actor, "meeting_room.create", r.subject(), "name", r.Name)
}

// meetingRooms is how meeting rooms are read and changed.
func (s *Service) meetingRooms() placeKind[meetingRoomRecord, MeetingRoom] {
	return placeKind[meetingRoomRecord, MeetingRoom]{
		service: s, name: "meeting room", child: childMeetingRoom, live: liveMeetingRoom, put: putMeetingRoom, shown: s.meetingRoom,
	}
}

// MeetingRoom returns a meeting room, or ErrNotFound.
func (s *Service) MeetingRoom(ctx context.Context, actor Actor, id string) (MeetingRoom, error) {
	return s.meetingRooms().read(ctx, actor, id)
}

// MeetingRooms lists the meeting rooms of a unit (not those of its areas) or
// of an area.
func (s *Service) MeetingRooms(ctx context.Context, actor Actor, parent Scope, q Query) (Page[MeetingRoom], error) {
	return s.meetingRooms().list(ctx, actor, ThingKind(parent.Kind), parent.ID, q)
}

// MeetingRoomPatch is what to change of a meeting room; nil leaves it.
type MeetingRoomPatch struct {
	Name   *string
	Locked *bool // nobody new comes in by the link (R-MR-4)
}

// UpdateMeetingRoom renames, locks or unlocks a meeting room.
func (s *Service) UpdateMeetingRoom(ctx context.Context, actor Actor, id string, p MeetingRoomPatch) (MeetingRoom, error) {
	return s.meetingRooms().change(ctx, actor, id, "meeting_room.update", func(tx store.Tx, r *meetingRoomRecord) (_ []string, err error) {
		var changed []string
		if p.Name != nil {
			if r.Name, err = rename(tx, r.parent(), childMeetingRoom, r.Name, *p.Name, id); err != nil {
				return nil, err
			}
			changed = append(changed, "name")
		}
		if p.Locked != nil {
			r.Locked = *p.Locked
			changed = append(changed, "locked")
		}
		return []string{"changed", strings.Join(changed, " ")}, nil
	})
}

// ResetMeetingRoomLink gives a meeting room a new link and kills the old one
// at once (R-MR-4). With once, a repetition returns the room as it is.
func (s *Service) ResetMeetingRoomLink(ctx context.Context, actor Actor, id string, once *Once) (MeetingRoom, error) {
	return s.meetingRooms().change(ctx, actor, id, "meeting_room.link_reset", func(tx store.Tx, r *meetingRoomRecord) ([]string, error) {
		return nil, s.resetLink(tx, actor, once, r.link(), &r.sealedLink)
	})
}

// DeleteMeetingRoom soft-deletes a meeting room (R-T-5). Its link is dead at
// once, and who is inside is let go.
func (s *Service) DeleteMeetingRoom(ctx context.Context, actor Actor, id string) error {
	err := s.store.Update(ctx, func(tx store.Tx) error { return s.deleteMeetingRoom(tx, actor, id, s.clock()) })
	if err != nil {
		return fmt.Errorf("delete a meeting room: %w", err)
	}
	return nil
}

func (s *Service) deleteMeetingRoom(tx store.Tx, actor Actor, id string, now time.Time) error {
	r, err := liveMeetingRoom(tx, id)
	if err != nil {
		return err
	}
	if err := actor.reach(r.OrganisationID); err != nil {
		return err
	}
	if err := dropLink(tx, r.sealedLink); err != nil {
		return err
	}
	r.DeletedAt, r.sealedLink = now, sealedLink{}
	if err := putMeetingRoom(tx, r); err != nil {
		return err
	}
	if err := freeName(tx, r.parent(), childMeetingRoom, r.Name); err != nil {
		return err
	}
	if err := schedule(tx, now, DuePlaceGone, id); err != nil {
		return err
	}
	return audit(tx, now, actor, "meeting_room.delete", r.subject())
}
