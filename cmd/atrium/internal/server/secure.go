package server

import (
	"net/http"
	"runtime/debug"
)

// stsValue lets browsers insist on HTTPS for a year.
const stsValue = "max-age=31536000"

// secure sets the headers that every answer should have, and keeps a panic of
// a handler from being more than that request's failure (SE-10). Handlers that
// serve pages replace the Content-Security-Policy, which lets nothing load.
func (s *Server) secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		if r.TLS != nil && !s.selfMade {
			h.Set("Strict-Transport-Security", stsValue)
		}
		defer s.contain(w, r)
		next.ServeHTTP(w, r)
	})
}

// contain answers 500 where a handler panicked, if nothing was answered yet.
// net/http would log the peer's address with it.
func (s *Server) contain(w http.ResponseWriter, r *http.Request) {
	fault := recover()
	if fault == nil {
		return
	}
	if fault == http.ErrAbortHandler {
		panic(fault) // net/http's own way to drop a connection
	}
	s.log.Error("a request failed", "err", fault, "method", r.Method, "route", r.Pattern, "stack", string(debug.Stack()))
	w.WriteHeader(http.StatusInternalServerError)
}
