package server

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// drainPoll is how often Drain looks whether somebody is still connected. No
// event tells it: media knows nobody who waits for its end.
const drainPoll = 100 * time.Millisecond

// Drain takes nobody new, tells the clients, and returns when nobody is
// connected any more (nil) or ctx ends (its error). Seats that wait for
// somebody's return don't hold it (SE-17).
func (s *Server) Drain(ctx context.Context) error {
	s.draining.Store(true)
	if err := s.signal.Drain(ctx); err != nil {
		return err
	}
	// Signalling may have been lost while media still flows.
	tick := time.NewTicker(drainPoll)
	defer tick.Stop()
	for s.engine.Snapshot().Connected > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// refuseNew keeps new rooms and new people out while draining; all else that
// concerns the calls going on stays possible.
func (s *Server) refuseNew(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.draining.Load() || r.Method != http.MethodPost || !admits(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/problem+json")
		h.Set("Cache-Control", "no-store")
		h.Set("Retry-After", "10")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"status":503,"title":"Service Unavailable","code":"shutdown",` +
			`"detail":"This server is stopping and takes nobody new; try again in a moment."}` + "\n"))
	})
}

// admits says whether a POST to the path makes a room or lets somebody in.
func admits(path string) bool {
	path = strings.TrimSuffix(strings.TrimPrefix(path, "/api/v1"), "/")
	return path == "/rooms" || path == "/entry" || strings.HasSuffix(path, "/tokens")
}
