package control

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

const (
	// OnceLifetime is how long a repetition is recognised.
	OnceLifetime = 24 * time.Hour
	// purgeBatch bounds what one transaction clears away. Each adds one record
	// at most, so that the purge always catches up.
	purgeBatch = 8
)

// Once makes a request repeatable: the result is stored, sealed, in the
// transaction that produced it, and a request with the same Operation and Key
// of the same organisation gets it again for OnceLifetime.
type Once struct {
	Operation string // e.g. create_room
	Key       string // the client's: any string
	// Request is what was asked, to notice a key that is used for another
	// request. Only a keyed hash is stored: a plain one of an address could be
	// guessed, and would outlive its erasure (R-PV-1).
	Request []byte
}

// by makes the key the actor's own: two people's keys never meet. nil stays
// nil.
func (o *Once) by(a Actor) *Once {
	if o == nil {
		return nil
	}
	return &Once{Operation: string(a.Kind) + "\x00" + a.ID + "\x00" + o.Operation, Key: o.Key, Request: o.Request}
}

// onceRecord is a result that was given. Sealed holds a link's secret or a
// person's name, hence sealed (R-PV-1).
type onceRecord struct {
	ExpiresAt time.Time `json:"expires_at"`
	Request   []byte    `json:"request"` // Secrets.Digest
	Sealed    []byte    `json:"sealed"`
}

// Repeat is repeatable's for what others do in a transaction of the store:
// what do returns is given again to who repeats the request, and nothing is
// done.
func Repeat[T any](s *Service, tx store.Tx, actor Actor, organisationID string, once *Once, do func() (T, error)) (T, error) {
	return repeatable(s, tx, Caller{OrganisationID: organisationID}, once.by(actor), do)
}

// repeatable returns the stored result of once, or runs do and stores its
// result. Errors aren't stored: a repetition tries again.
func repeatable[T any](s *Service, tx store.Tx, c Caller, once *Once, do func() (T, error)) (T, error) {
	if once == nil {
		return do()
	}
	var zero T
	now := s.clock()
	id := sha256.Sum256([]byte(once.Operation + "\x00" + once.Key))
	key := prefixOnce + c.OrganisationID + "/" + hex.EncodeToString(id[:])
	request := s.secrets.Digest("once", string(once.Request))
	record, err := get[onceRecord](tx, key)
	switch {
	case err == nil && now.Before(record.ExpiresAt):
		if !bytes.Equal(record.Request, request) {
			return zero, ErrOnceMismatch
		}
		data, err := s.secrets.Open(record.Sealed, key)
		if err != nil {
			return zero, fmt.Errorf("read a stored answer: %w", err)
		}
		return decode[T](data)
	case err != nil && !errors.Is(err, ErrNotFound):
		return zero, err
	}
	if _, err := purgeOnce(tx, now, purgeBatch); err != nil {
		return zero, err
	}
	result, err := do()
	if err != nil {
		return zero, err
	}
	data, err := json.Marshal(result)
	if err != nil {
		return zero, err
	}
	record = onceRecord{ExpiresAt: now.Add(OnceLifetime), Request: request, Sealed: s.secrets.Seal(data, key)}
	if err := tx.Put(expiryKey(record.ExpiresAt, key), nil); err != nil {
		return zero, err
	}
	return result, put(tx, key, record)
}

// expiryKey sorts by time: the purge reads from the front.
func expiryKey(at time.Time, key string) string {
	return fmt.Sprintf("%s%012d/%s", prefixOnceExpiry, at.Unix(), strings.TrimPrefix(key, prefixOnce))
}

// purgeOnce deletes the first of the stored results that have expired, at most
// so many, and says how many.
func purgeOnce(tx store.Tx, now time.Time, most int) (int, error) {
	var expired []string
	err := tx.Range(prefixOnceExpiry, "", func(key string, _ []byte) error {
		at, _, _ := strings.Cut(strings.TrimPrefix(key, prefixOnceExpiry), "/")
		seconds, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return fmt.Errorf("%w: an expiry can't be read", store.ErrCorrupt)
		}
		if len(expired) == most || seconds >= now.Unix() {
			return store.ErrStop
		}
		expired = append(expired, key)
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, key := range expired {
		_, rest, _ := strings.Cut(strings.TrimPrefix(key, prefixOnceExpiry), "/")
		if err := errors.Join(deleteExpired(tx, prefixOnce+rest, now), tx.Delete(key)); err != nil {
			return 0, err
		}
	}
	return len(expired), nil
}

// deleteExpired deletes a stored result, unless its key has been used anew.
func deleteExpired(tx store.Tx, key string, now time.Time) error {
	record, err := get[onceRecord](tx, key)
	if errors.Is(err, ErrNotFound) || err == nil && now.Before(record.ExpiresAt) {
		return nil
	}
	if err != nil {
		return err
	}
	return tx.Delete(key)
}
