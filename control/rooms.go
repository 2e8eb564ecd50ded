package control

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/atriumrtc/atrium/control/store"
)

// MaxPage is the most items of a Page.
const MaxPage = 200

// CreateRoom makes a room with a link. With once, a repetition returns the
// first one's result.
func (s *Service) CreateRoom(ctx context.Context, c Caller, spec RoomSpec, once *Once) (Room, error) {
	spec, err := spec.clean()
	if err != nil {
		return Room{}, err
	}
	var room Room
	err = s.store.Update(ctx, func(tx store.Tx) (err error) {
		room, err = repeatable(s, tx, c, once, func() (Room, error) {
			made, err := s.createRoom(tx, c.OrganisationID, spec)
			if err != nil {
				return Room{}, err
			}
			return made, audit(tx, made.CreatedAt, c.Actor(), "room.create", made.subject(), "type", string(made.Type))
		})
		return err
	})
	if err != nil {
		return Room{}, fmt.Errorf("create a room: %w", err)
	}
	return room, nil
}

func (r Room) subject() Subject {
	return Subject{Kind: "room", ID: r.ID, OrganisationID: r.OrganisationID}
}

// clean checks a specification and fills in defaults.
func (r RoomSpec) clean() (RoomSpec, error) {
	limit := r.Type.Limit()
	if limit == 0 {
		return r, &FieldError{Field: "type", Message: "must be individual, group, meeting or plain"}
	}
	if r.Capacity == 0 {
		r.Capacity = r.Type.DefaultCapacity()
	}
	if r.Capacity < minCapacity || r.Capacity > limit {
		return r, &FieldError{Field: "capacity", Message: fmt.Sprintf(
			"must be %d to %d for a room of type %s", minCapacity, limit, r.Type)}
	}
	if strings.TrimSpace(r.Name) == "" {
		r.Name = ""
		return r, nil
	}
	name, err := CleanName("name", r.Name)
	r.Name = name
	return r, err
}

func (s *Service) createRoom(tx store.Tx, organisationID string, spec RoomSpec) (Room, error) {
	id, err := newID()
	if err != nil {
		return Room{}, err
	}
	secret, digest := s.secrets.NewLink()
	record := roomRecord{
		ID:             id,
		OrganisationID: organisationID,
		Type:           spec.Type,
		Name:           spec.Name,
		Capacity:       spec.Capacity,
		CreatedAt:      s.clock(),
		LinkDigest:     hexDigest(digest),
		SealedLink:     s.secrets.Seal([]byte(secret), linkPurpose(id)),
	}
	if err := put(tx, roomKey(organisationID, id), record); err != nil {
		return Room{}, err
	}
	link := Link{Kind: LinkRoom, OrganisationID: organisationID, TargetID: id}
	return s.unseal(record), put(tx, prefixLink+record.LinkDigest, link)
}

// unseal returns the room of a record. That its link can't be opened (another
// key file) makes the room no less usable with tokens.
func (s *Service) unseal(r roomRecord) Room {
	link, err := s.secrets.Open(r.SealedLink, linkPurpose(r.ID))
	if err != nil {
		s.log.Warn("the link of a room can't be opened: was the key file replaced?", "room_id", r.ID, "err", err)
	}
	return Room{
		ID: r.ID, OrganisationID: r.OrganisationID, Type: r.Type, Name: r.Name,
		Capacity: r.Capacity, Link: string(link), CreatedAt: r.CreatedAt,
	}
}

// room reads a room of an organisation.
func (s *Service) room(tx store.Tx, organisationID, id string) (Room, error) {
	if !validID(organisationID) || !validID(id) {
		return Room{}, ErrNotFound
	}
	record, err := get[roomRecord](tx, roomKey(organisationID, id))
	if err != nil {
		return Room{}, err
	}
	return s.unseal(record), nil
}

// Room returns a room of the caller's organisation, or ErrNotFound.
func (s *Service) Room(ctx context.Context, c Caller, id string) (Room, error) {
	return s.RoomForJoin(ctx, c.OrganisationID, id)
}

// RoomForJoin returns the room that a join token names, or ErrNotFound when
// it was deleted since.
func (s *Service) RoomForJoin(ctx context.Context, organisationID, roomID string) (Room, error) {
	var room Room
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		room, err = s.room(tx, organisationID, roomID)
		return err
	})
	if err != nil {
		return Room{}, fmt.Errorf("read a room: %w", err)
	}
	return room, nil
}

// Rooms lists the caller's rooms in order of creation: at most limit (1 to
// MaxPage) that come after the id after ("": from the first).
func (s *Service) Rooms(ctx context.Context, c Caller, after string, limit int) (Page[Room], error) {
	if after != "" && !validID(after) {
		return Page[Room]{}, &FieldError{Field: "cursor", Message: "must be the next_cursor of an earlier page"}
	}
	limit = max(1, min(limit, MaxPage))
	var page Page[Room]
	prefix := roomKey(c.OrganisationID, "")
	from := ""
	if after != "" {
		from = prefix + after
	}
	err := s.store.View(ctx, func(tx store.Tx) error {
		return tx.Range(prefix, from, func(_ string, value []byte) error {
			if len(page.Items) == limit {
				page.Next = page.Items[limit-1].ID
				return store.ErrStop
			}
			record, err := decode[roomRecord](value)
			if err != nil {
				return err
			}
			page.Items = append(page.Items, s.unseal(record))
			return nil
		})
	})
	if err != nil {
		return Page[Room]{}, fmt.Errorf("list rooms: %w", err)
	}
	return page, nil
}

// DeleteRoom deletes a room and its link for good, then ends its call. When
// it returns nil, nobody gets in any more, also after a crash (SE-12).
func (s *Service) DeleteRoom(ctx context.Context, c Caller, id string) error {
	err := s.change(ctx, c.Actor(), "delete a room", func(ch *change) error {
		if !validID(id) {
			return ErrNotFound
		}
		key := roomKey(c.OrganisationID, id)
		record, err := get[roomRecord](ch.Tx, key)
		if err != nil {
			return err
		}
		if err := errors.Join(ch.Delete(prefixLink+record.LinkDigest), ch.Delete(key), ch.emptyRoom(id)); err != nil {
			return err
		}
		return ch.audit("room.delete", Room{ID: id, OrganisationID: c.OrganisationID}.subject())
	})
	if err != nil {
		return err
	}
	// Who asked may have gone meanwhile; the room is deleted all the same.
	if err := s.media.CloseRoom(context.WithoutCancel(ctx), id); err != nil {
		return fmt.Errorf("end the call of a deleted room: %w", err)
	}
	return nil
}
