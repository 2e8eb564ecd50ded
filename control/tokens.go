package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// ErrTokenUsed: a join token was used before.
var ErrTokenUsed = errors.New("the join token has been used")

// tokenGrace is how long a used token is remembered after its expiry: whoever
// verified it just before then must still find it.
const tokenGrace = time.Minute

func usedTokenKey(id string, expires time.Time) string {
	return prefixUsedToken + timeKey(expires) + "/" + id
}

// useToken marks a token as used, once (SE-7), and clears away some of those
// that have expired. expires is what the token itself says.
func (s *Service) useToken(tx store.Tx, id string, expires time.Time) error {
	if !validID(id) {
		return ErrNotFound
	}
	key := usedTokenKey(id, expires)
	switch _, err := tx.Get(key); {
	case err == nil:
		return ErrTokenUsed
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	if _, err := purgeTokens(tx, s.clock().Add(-tokenGrace), purgeBatch); err != nil {
		return err
	}
	return tx.Put(key, nil)
}

// purgeTokens forgets the first of the tokens that expired before a time, at
// most so many, and says how many. With each token that is added more than one
// goes, so that they don't pile up.
func purgeTokens(tx store.Tx, before time.Time, most int) (int, error) {
	var expired []string
	err := tx.Range(prefixUsedToken, "", func(key string, _ []byte) error {
		ms, _, _ := strings.Cut(strings.TrimPrefix(key, prefixUsedToken), "/")
		at, err := parseTimeKey(ms)
		if err != nil {
			return fmt.Errorf("%w: an expiry can't be read", store.ErrCorrupt)
		}
		if len(expired) == most || !at.Before(before) {
			return store.ErrStop
		}
		expired = append(expired, key)
		return nil
	})
	for _, key := range expired {
		err = errors.Join(err, tx.Delete(key))
	}
	return len(expired), err
}

// UseToken marks a join token of a room as used, durably. ErrTokenUsed when it
// was, ErrNotFound when the room has gone.
func (s *Service) UseToken(ctx context.Context, j Join) error {
	err := s.store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.room(tx, j.OrganisationID, j.RoomID); err != nil {
			return err
		}
		return s.useToken(tx, j.ID, j.ExpiresAt)
	})
	if err != nil {
		return fmt.Errorf("use a join token: %w", err)
	}
	return nil
}
