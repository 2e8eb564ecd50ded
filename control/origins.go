package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/atriumrtc/atrium/control/store"
)

// originKey finds the organisations and API keys that list an origin. By its
// digest, as an origin that a browser sends may be anything.
func originKey(origin, holderID string) string {
	sum := sha256.Sum256([]byte(origin))
	return prefixOrigin + hex.EncodeToString(sum[:]) + "/" + holderID
}

// listOrigins keeps the index of origins when the list of an organisation or
// an API key changes.
func listOrigins(tx store.Tx, holderID string, before, after []string) error {
	for _, origin := range before {
		if err := tx.Delete(originKey(origin, holderID)); err != nil {
			return err
		}
	}
	for _, origin := range after {
		if err := tx.Put(originKey(origin, holderID), nil); err != nil {
			return err
		}
	}
	return nil
}

// listKeyOrigins is listOrigins of an API key, which Origins finds too.
func listKeyOrigins(tx store.Tx, key APIKey, before, after []string) error {
	if len(before)+len(after) == 0 {
		return nil
	}
	if err := listOrigins(tx, key.ID, before, after); err != nil {
		return err
	}
	record := prefixKeyOrigins + key.OrganisationID + "/" + key.ID
	if len(after) == 0 {
		return tx.Delete(record)
	}
	return put(tx, record, after)
}

// OriginAllowed says whether an organisation, or an API key, lists the origin
// of a web page among its own allowed origins (SE-8); with "" whether any
// does, for a browser that asks before it says who it is.
func (s *Service) OriginAllowed(ctx context.Context, origin, holderID string) (bool, error) {
	listed := false
	err := s.store.View(ctx, func(tx store.Tx) error {
		listed = false
		if holderID == "" {
			return tx.Range(originKey(origin, ""), "", func(string, []byte) error {
				listed = true
				return store.ErrStop
			})
		}
		_, err := tx.Get(originKey(origin, holderID))
		listed = err == nil
		if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("look an origin up: %w", err)
	}
	return listed, nil
}

// Origins returns the origins of web pages that people may use what they have
// of an organisation from, a visit or a join token: those that it lists, and
// those of its API keys (SE-8).
func (s *Service) Origins(ctx context.Context, organisationID string) ([]string, error) {
	var list []string
	err := s.store.View(ctx, func(tx store.Tx) error {
		org, err := organisation(tx, organisationID)
		if err != nil {
			return err
		}
		list = slices.Clone(org.Settings.AllowedOrigins)
		return tx.Range(prefixKeyOrigins+organisationID+"/", "", func(_ string, value []byte) error {
			of, err := decode[[]string](value)
			list = append(list, of...)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read an organisation's origins: %w", err)
	}
	return list, nil
}
