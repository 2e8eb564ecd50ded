package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

type callerKey struct{}

// callerOf returns who makes the request; authenticate put it there.
func callerOf(ctx context.Context) control.Caller {
	c, _ := ctx.Value(callerKey{}).(control.Caller)
	return c
}

// authenticate lets a request through that has a good API key.
func (s *Server) authenticate(ctx huma.Context, next func(huma.Context)) {
	caller, problem := s.caller(ctx.Context(), ctx.Header("Authorization"))
	if problem != nil {
		_, w := humago.Unwrap(ctx)
		writeProblem(w, problem)
		return
	}
	next(huma.WithValue(ctx, callerKey{}, caller))
}

func (s *Server) caller(ctx context.Context, header string) (control.Caller, *Problem) {
	scheme, secret, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return control.Caller{}, unauthenticated("Send an API key: Authorization: Bearer atk_…")
	}
	digest, ok := auth.APIKeyDigest(strings.TrimSpace(secret))
	if ok {
		caller, err := s.control.Authenticate(ctx, digest)
		if err == nil {
			return caller, nil
		}
		if !errors.Is(err, control.ErrUnauthenticated) {
			problem := problemOf(s.failed(ctx, "authenticate", err))
			return control.Caller{}, problem
		}
	}
	return control.Caller{}, s.failure(ctx, unauthenticated("This API key is unknown."))
}

func unauthenticated(detail string) *Problem {
	return newProblem(http.StatusUnauthorized, CodeUnauthenticated, detail).
		withHeader("WWW-Authenticate", `Bearer realm="Atrium"`)
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
