package api

import (
	"context"
	"errors"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/notify"
	"github.com/atriumrtc/atrium/control/store"
)

// webhookChain returns the scopes of a webhook of an organisation.
func (s *Server) webhookChain(ctx context.Context, organisationID, id string) ([]control.Scope, error) {
	var endpoint notify.Endpoint
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		endpoint, err = s.outbox.Endpoint(tx, organisationID, id)
		return err
	})
	if errors.Is(err, notify.ErrNotFound) {
		return nil, control.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	if endpoint.UnitID != "" {
		return s.control.ScopeChain(ctx, control.ThingUnit, endpoint.UnitID)
	}
	return s.control.ScopeChain(ctx, control.ThingOrganisation, organisationID)
}
