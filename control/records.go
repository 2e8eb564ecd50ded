package control

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// Keys of the records. Ids are UUIDs of version 7, so that records stand in
// order of creation; none contains a slash.
//
//	organisation/<id>                     Organisation
//	api_key/<digest>                      APIKey
//	room/<organisation>/<id>              roomRecord
//	link/<digest>                         linkRecord
//	once/<organisation>/<digest>          onceRecord
//	once_expiry/<seconds>/<organisation>/<digest>   nothing: finds what to purge
//	demo                                  demoRecord
const (
	prefixOrganisation = "organisation/"
	prefixAPIKey       = "api_key/"
	prefixRoom         = "room/"
	prefixLink         = "link/"
	prefixOnce         = "once/"
	prefixOnceExpiry   = "once_expiry/"
	keyDemo            = "demo"
)

// roomRecord is a Room as it is stored.
type roomRecord struct {
	ID             string    `json:"id"`
	OrganisationID string    `json:"organisation_id"`
	Type           RoomType  `json:"type"`
	Name           string    `json:"name,omitempty"`
	Capacity       int       `json:"capacity"`
	CreatedAt      time.Time `json:"created_at"`
	LinkDigest     string    `json:"link_digest"`
	SealedLink     []byte    `json:"sealed_link"`
}

// linkRecord says where a link leads.
type linkRecord struct {
	OrganisationID string `json:"organisation_id"`
	RoomID         string `json:"room_id"`
}

// demoRecord remembers what EnsureDemo made.
type demoRecord struct {
	OrganisationID string `json:"organisation_id"`
	RoomID         string `json:"room_id"`
	KeyDigest      string `json:"key_digest"`
}

func roomKey(organisationID, id string) string { return prefixRoom + organisationID + "/" + id }

func hexDigest(digest [32]byte) string { return hex.EncodeToString(digest[:]) }

// get reads the record at key into a new T; ErrNotFound when there is none.
func get[T any](tx store.Tx, key string) (T, error) {
	var v T
	data, err := tx.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return v, ErrNotFound
	}
	if err != nil {
		return v, err
	}
	return decode[T](data)
}

func decode[T any](data []byte) (T, error) {
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("%w: a record of type %T can't be read: %w", store.ErrCorrupt, v, err)
	}
	return v, nil
}

func put(tx store.Tx, key string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.Put(key, data)
}
