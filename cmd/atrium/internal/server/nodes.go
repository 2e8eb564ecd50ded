package server

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control/api"
)

// nodes answers with the state of this server: it is the deployment's only
// one.
func (s *Server) nodes() func(context.Context) []api.Node {
	self := api.Node{ID: uuid.NewString(), StartedAt: time.Now().UTC().Truncate(time.Second)}
	if info, ok := debug.ReadBuildInfo(); ok {
		self.Version = info.Main.Version
	}
	return func(context.Context) []api.Node {
		now, calls := self, s.engine.Snapshot()
		now.Draining, now.Rooms, now.Participants = !s.ready(), calls.Rooms, calls.Participants
		return []api.Node{now}
	}
}
