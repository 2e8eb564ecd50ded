package control

import (
	"context"
	"fmt"

	"github.com/atriumrtc/atrium/control/store"
)

// WatchAccess reports that what an actor may do could be something else now:
// the roles or the state of an account changed, or an API key was revoked
// (R-P-2). The Watchers are to be closed.
func (s *Service) WatchAccess(ctx context.Context, actor Actor) ([]store.Watcher, error) {
	var prefixes []string
	switch actor.Kind {
	case ActorAccount:
		prefixes = []string{prefixGrant + actor.ID + "/", prefixAccount + actor.ID}
	case ActorAPIKey:
		prefixes = []string{prefixAPIKeyID + actor.ID}
	}
	var list []store.Watcher
	for _, prefix := range prefixes {
		watcher, err := s.store.Watch(ctx, prefix)
		if err != nil {
			for _, w := range list {
				w.Close()
			}
			return nil, fmt.Errorf("watch what somebody may do: %w", err)
		}
		list = append(list, watcher)
	}
	return list, nil
}
