package api

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

// origin is what handlers need to know of the HTTP request itself.
type origin struct {
	base    string // see Options.BaseURL
	remote  string // RemoteAddr
	foreign string // of the page that sent it: a listed origin that isn't ours
	request *http.Request
}

type originKey struct{}

func originOf(ctx context.Context) origin {
	o, _ := ctx.Value(originKey{}).(origin)
	return o
}

// signalURL is where a client of base opens its WebSocket.
func signalURL(base string) string {
	return "ws" + strings.TrimPrefix(base, "http") + prefix + "/signal"
}

// roomLink is the address of a room's page. The secret stands in the
// fragment, which browsers don't send (SE-7).
func roomLink(base, secret string) string {
	if secret == "" {
		return ""
	}
	return base + "/r#" + secret
}

// guard wraps all handlers: headers that every answer has, and panics.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store") // answers hold secrets
		writer := &startedWriter{ResponseWriter: w}
		defer s.recoverPanic(writer, r)
		from := origin{base: strings.TrimSuffix(s.baseURL(r), "/"), remote: r.RemoteAddr, request: r}
		if strings.HasPrefix(r.URL.Path, "/api/") {
			h.Add("Vary", "Origin")
			foreign, problem := s.originClass(r, from.base)
			if problem != nil {
				writeProblem(writer, problem)
				return
			}
			if from.foreign = foreign; foreign != "" {
				allowCross(h, foreign)
			}
			if foreign != "" && isPreflight(r) {
				s.servePreflight(writer)
				return
			}
		}
		next.ServeHTTP(writer, r.WithContext(context.WithValue(r.Context(), originKey{}, from)))
	})
}

// recoverPanic ends one request that panicked, not the process (SE-10).
func (s *Server) recoverPanic(w *startedWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && err == http.ErrAbortHandler {
		panic(p) // net/http's own way to drop a connection
	}
	s.log.ErrorContext(r.Context(), "a request handler panicked",
		"panic", p, "method", r.Method, "route", r.Pattern, "stack", string(debug.Stack()))
	if !w.started {
		writeProblem(w, problemOf(nil))
	}
}

// startedWriter knows whether an answer has begun.
type startedWriter struct {
	http.ResponseWriter
	started bool
}

func (w *startedWriter) WriteHeader(status int) {
	w.started = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *startedWriter) Write(b []byte) (int, error) {
	w.started = true
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController find the connection.
func (w *startedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// writeProblem answers with a problem outside huma. That the client may be
// gone is no error to anybody.
func writeProblem(w http.ResponseWriter, p *Problem) {
	for name, values := range p.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", ProblemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// serveUnknown answers what no route matches: 405 when another method would,
// else 404.
func (s *Server) serveUnknown(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for method := range s.methods {
		probe := r.Clone(r.Context())
		probe.Method = method
		if _, pattern := s.mux.Handler(probe); strings.HasPrefix(pattern, method+" ") {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		writeProblem(w, newProblem(http.StatusNotFound, CodeNotFound, "There is no such route: see /docs."))
		return
	}
	slices.Sort(allowed)
	list := strings.Join(allowed, ", ")
	writeProblem(w, newProblem(http.StatusMethodNotAllowed, CodeMethodNotAllowed, "This route knows "+list+".").
		withHeader("Allow", list))
}

func (s *Server) serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(s.openAPI)
}

// failure counts a wrong secret and returns problem, or 429 when there were
// too many from that network. A good secret is never refused for others' bad
// ones (SE-5).
func (s *Server) failure(ctx context.Context, problem *Problem) *Problem {
	if !s.failures.note(originOf(ctx).remote) {
		return problem
	}
	wait := math.Ceil(s.failures.interval().Seconds())
	return newProblem(http.StatusTooManyRequests, CodeRateLimited,
		"Too many wrong links or keys came from this network: wait before the next attempt.").
		withHeader("Retry-After", strconv.Itoa(int(wait)))
}
