package notify

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"crypto/rand"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control/store"
)

const (
	prefixEndpoint = "webhook/" // <organisation>/<id>: endpointRecord
	secretPrefix   = "whsec_"   // Standard Webhooks
	secretBytes    = 32
	// MaxEndpoints is how many an organisation may have.
	MaxEndpoints = 50
	maxEvents    = 50
	maxURL       = 2000 // bytes
)

// Endpoint is an address that hears an organisation's events, or one unit's.
type Endpoint struct {
	ID             string    `json:"id"`
	OrganisationID string    `json:"organisation_id"`
	UnitID         string    `json:"unit_id,omitempty"` // "": of the whole organisation
	URL            string    `json:"url"`
	Events         []string  `json:"events,omitempty"` // types, or visit.* ; none: all
	CreatedAt      time.Time `json:"created_at"`
}

type endpointRecord struct {
	Endpoint
	Sealed []byte `json:"sealed"` // the secret
}

// hears says whether the endpoint is to be told of a message.
func (e Endpoint) hears(m Message) bool {
	if e.UnitID != "" && e.UnitID != m.UnitID {
		return false
	}
	return len(e.Events) == 0 || slices.ContainsFunc(e.Events, func(pattern string) bool {
		family, all := strings.CutSuffix(pattern, "*")
		return pattern == m.Event || all && strings.HasPrefix(m.Event, family)
	})
}

func endpointKey(organisationID, id string) string { return prefixEndpoint + organisationID + "/" + id }

// NewSecret makes the secret of an endpoint, to be given to CreateEndpoint and
// shown once.
func NewSecret() string {
	b := make([]byte, secretBytes)
	_, _ = rand.Read(b) // never fails
	return secretPrefix + base64.StdEncoding.EncodeToString(b)
}

// CreateEndpoint stores an endpoint; ID and CreatedAt are its own to make.
// Errors: *FieldError.
func (o *Outbox) CreateEndpoint(tx store.Tx, e Endpoint, secret string) (Endpoint, error) {
	if err := checkURL(e.URL); err != nil || len(e.URL) > maxURL {
		return e, &FieldError{"url", "must be an address such as https://app.example.org/hook"}
	}
	if len(e.Events) > maxEvents || slices.ContainsFunc(e.Events, func(t string) bool {
		return t == "" || len(t) > 64 || strings.Trim(t, "abcdefghijklmnopqrstuvwxyz_.*") != ""
	}) {
		return e, &FieldError{"events", "must be types of events, such as visit.arrived or call.*"}
	}
	existing, err := o.Endpoints(tx, e.OrganisationID)
	if err != nil {
		return e, err
	}
	if len(existing) >= MaxEndpoints {
		return e, &FieldError{"url", fmt.Sprintf("delete another webhook first: there are %d", MaxEndpoints)}
	}
	id, err := uuid.NewV7()
	if err != nil {
		return e, err
	}
	e.ID, e.CreatedAt = id.String(), o.clock()
	key := endpointKey(e.OrganisationID, e.ID)
	data, err := json.Marshal(endpointRecord{Endpoint: e, Sealed: o.sealer.Seal([]byte(secret), key)})
	if err != nil {
		return e, err
	}
	return e, tx.Put(key, data)
}

// Endpoints lists an organisation's endpoints in order of creation.
func (o *Outbox) Endpoints(tx store.Tx, organisationID string) ([]Endpoint, error) {
	var list []Endpoint
	err := tx.Range(endpointKey(organisationID, ""), "", func(_ string, value []byte) error {
		var record endpointRecord
		if err := json.Unmarshal(value, &record); err != nil {
			return fmt.Errorf("%w: a webhook can't be read", store.ErrCorrupt)
		}
		list = append(list, record.Endpoint)
		return nil
	})
	return list, err
}

// Endpoint returns one, or ErrNotFound.
func (o *Outbox) Endpoint(tx store.Tx, organisationID, id string) (Endpoint, error) {
	record, err := o.endpoint(tx, organisationID, id)
	return record.Endpoint, err
}

func (o *Outbox) endpoint(tx store.Tx, organisationID, id string) (endpointRecord, error) {
	var record endpointRecord
	if _, err := uuid.Parse(id); err != nil {
		return record, ErrNotFound
	}
	data, err := tx.Get(endpointKey(organisationID, id))
	if errors.Is(err, store.ErrNotFound) {
		return record, ErrNotFound
	}
	if err != nil {
		return record, err
	}
	if err := json.Unmarshal(data, &record); err != nil {
		return record, fmt.Errorf("%w: a webhook can't be read", store.ErrCorrupt)
	}
	return record, nil
}

// DeleteEndpoint deletes one, or returns ErrNotFound. What is on its way to it
// is given up at the next attempt.
func (o *Outbox) DeleteEndpoint(tx store.Tx, organisationID, id string) error {
	if _, err := o.endpoint(tx, organisationID, id); err != nil {
		return err
	}
	return tx.Delete(endpointKey(organisationID, id))
}

// Replay sends an endpoint again what it was sent since a time, delivered or
// not, as far as that is kept (72 hours), and returns how much it is. The ids
// stay the same.
func (o *Outbox) Replay(tx store.Tx, organisationID, id string, since time.Time) (int, error) {
	if _, err := o.endpoint(tx, organisationID, id); err != nil {
		return 0, err
	}
	var keys []string
	err := tx.Range(prefixDone, prefixDone+timeKey(since.Add(-time.Millisecond))+"~", func(key string, value []byte) error {
		if string(value) == id {
			_, itemID, _ := strings.Cut(strings.TrimPrefix(key, prefixDone), "/")
			keys = append(keys, itemID)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	now := o.clock()
	for _, itemID := range keys {
		i, err := readItem(tx, itemID)
		if err != nil {
			return 0, err
		}
		if err := tx.Delete(prefixDone + timeKey(i.DoneAt) + "/" + itemID); err != nil {
			return 0, err
		}
		i.Since, i.Due, i.Attempts, i.DoneAt, i.Failed = now, now, 0, time.Time{}, ""
		if err := writeItem(tx, itemID, i); err != nil {
			return 0, err
		}
	}
	return len(keys), nil
}
