package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// Who is in a room of the API, and since when anybody is, is kept to tell
// webhooks of it: once each, whatever happens to this server. The room's call
// begins with the first who comes and ends with the last who leaves. Nothing
// in it says who they are.

// roomPerson is somebody in a room of the API.
type roomPerson struct {
	OrganisationID string `json:"organisation_id"`
	RoomID         string `json:"room_id"`
}

// roomCall is what goes on in a room of the API.
type roomCall struct {
	ID             string    `json:"id"`
	OrganisationID string    `json:"organisation_id"`
	Type           RoomType  `json:"type"`
	StartedAt      time.Time `json:"started_at"`
}

func roomPeopleKey(roomID, participantID string) string {
	return prefixRoomPeople + roomID + "/" + participantID
}

// hookRoom tells webhooks of a room of the API.
func (c *change) hookRoom(roomID string, call roomCall, event string, more ...string) error {
	data := map[string]string{"call_id": call.ID, "room_id": roomID, "kind": string(call.Type)}
	for i := 0; i+1 < len(more); i += 2 {
		data[more[i]] = more[i+1]
	}
	return c.emit(c.Tx, c.now, Subject{OrganisationID: call.OrganisationID}, event, data)
}

// EnterRoom is told that somebody has joined a room of the API. Told again, or
// of a room that has been deleted, it does nothing.
func (s *Service) EnterRoom(ctx context.Context, j Join) error {
	return s.change(ctx, System(), "note that somebody joined", func(c *change) error {
		if !validID(j.ParticipantID) {
			return nil
		}
		room, err := s.room(c.Tx, j.OrganisationID, j.RoomID)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := c.Get(prefixRoomPerson + j.ParticipantID); !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return c.enterRoom(room, j.ParticipantID)
	})
}

func (c *change) enterRoom(room Room, participantID string) error {
	call, err := get[roomCall](c.Tx, prefixRoomCall+room.ID)
	switch {
	case errors.Is(err, ErrNotFound):
		call = roomCall{OrganisationID: room.OrganisationID, Type: room.Type, StartedAt: c.now}
		if call.ID, err = newID(); err != nil {
			return err
		}
		err = errors.Join(put(c.Tx, prefixRoomCall+room.ID, call), c.hookRoom(room.ID, call, "call.started"))
	case err != nil:
		return err
	}
	return errors.Join(err,
		put(c.Tx, prefixRoomPerson+participantID, roomPerson{room.OrganisationID, room.ID}),
		c.Put(roomPeopleKey(room.ID, participantID), nil),
		c.hookRoom(room.ID, call, "participant.joined", "participant_id", participantID))
}

// leaveRoom takes somebody out of the room of the API that they are in; false
// when they are in none.
func (c *change) leaveRoom(participantID string) (bool, error) {
	p, err := get[roomPerson](c.Tx, prefixRoomPerson+participantID)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	call, err := get[roomCall](c.Tx, prefixRoomCall+p.RoomID)
	if err != nil {
		return false, err
	}
	err = errors.Join(
		c.Delete(prefixRoomPerson+participantID), c.Delete(roomPeopleKey(p.RoomID, participantID)),
		c.hookRoom(p.RoomID, call, "participant.left", "participant_id", participantID))
	if err != nil {
		return false, err
	}
	rest, err := c.roomPeople(p.RoomID)
	if err != nil || len(rest) > 0 {
		return true, err
	}
	return true, errors.Join(c.Delete(prefixRoomCall+p.RoomID), c.hookRoom(p.RoomID, call, "call.ended"))
}

// roomPeople lists who is in a room of the API.
func (c *change) roomPeople(roomID string) ([]string, error) {
	var list []string
	prefix := roomPeopleKey(roomID, "")
	err := c.Range(prefix, "", func(key string, _ []byte) error {
		list = append(list, strings.TrimPrefix(key, prefix))
		return nil
	})
	return list, err
}

// emptyRoom takes everybody out of a room of the API that is deleted.
func (c *change) emptyRoom(roomID string) error {
	people, err := c.roomPeople(roomID)
	if err != nil {
		return err
	}
	for _, id := range people {
		if _, err := c.leaveRoom(id); err != nil {
			return err
		}
	}
	return nil
}

// roomsEmpty notes at the start that nobody is in the API's rooms any more:
// unlike those of visits, their seats don't outlive the server.
func (s *Service) roomsEmpty(ctx context.Context) error {
	var ids []string
	err := s.store.View(ctx, func(tx store.Tx) error {
		ids = nil
		return tx.Range(prefixRoomPerson, "", func(key string, _ []byte) error {
			ids = append(ids, strings.TrimPrefix(key, prefixRoomPerson))
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("find who was in the API's rooms: %w", err)
	}
	for len(ids) > 0 {
		batch := ids[:min(len(ids), startBatch)]
		ids = ids[len(batch):]
		err := s.change(ctx, System(), "note that nobody is in the API's rooms", func(c *change) error {
			for _, id := range batch {
				if _, err := c.leaveRoom(id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
