package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/atriumrtc/atrium/control/store"
)

// originKey finds the organisations that list an origin. By its digest, as an
// origin that a browser sends may be anything.
func originKey(origin, organisationID string) string {
	sum := sha256.Sum256([]byte(origin))
	return prefixOrigin + hex.EncodeToString(sum[:]) + "/" + organisationID
}

// listOrigins keeps the index of origins when an organisation's list of them
// changes.
func listOrigins(tx store.Tx, organisationID string, before, after []string) error {
	for _, origin := range before {
		if err := tx.Delete(originKey(origin, organisationID)); err != nil {
			return err
		}
	}
	for _, origin := range after {
		if err := tx.Put(originKey(origin, organisationID), nil); err != nil {
			return err
		}
	}
	return nil
}

// OriginAllowed says whether an organisation lists the origin of a web page
// among its allowed origins (SE-8); with "" whether any does, for a browser
// that asks before it says who it is.
func (s *Service) OriginAllowed(ctx context.Context, origin, organisationID string) (bool, error) {
	listed := false
	err := s.store.View(ctx, func(tx store.Tx) error {
		listed = false
		if organisationID == "" {
			return tx.Range(originKey(origin, ""), "", func(string, []byte) error {
				listed = true
				return store.ErrStop
			})
		}
		_, err := tx.Get(originKey(origin, organisationID))
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
