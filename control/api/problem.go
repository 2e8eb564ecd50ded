package api

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/notify"
	"github.com/atriumrtc/atrium/control/store"
)

// Codes of problems. They are part of the API: none is ever renamed.
const (
	CodeMalformed        = "malformed"              // 400: the body isn't JSON, or empty
	CodeUnknownField     = "unknown_field"          // 400: errors names it
	CodeInvalid          = "invalid"                // 400: errors names what and why
	CodeUnauthenticated  = "unauthenticated"        // 401: no API key, or an unknown one
	CodeWrongCredentials = "wrong_credentials"      // 401, or 403 of who is signed in: the e-mail address or the password is wrong
	CodeForbidden        = "forbidden"              // 403: no role of yours includes it
	CodeNotModerator     = "not_moderator"          // 403: of a group: its host and those named beside them
	CodeForeignOrigin    = "foreign_origin"         // 403: a web page that isn't listed
	CodeNotFound         = "not_found"              // 404: unknown, deleted or another organisation's
	CodeLinkUnknown      = "link_unknown"           // 404: no such link, or it is dead
	CodeMethodNotAllowed = "method_not_allowed"     // 405
	CodeNotAcceptable    = "not_acceptable"         // 406
	CodeTimeout          = "timeout"                // 408: the body took too long
	CodeTooLarge         = "too_large"              // 413: the body is too long
	CodeUnsupported      = "unsupported_media_type" // 415: send application/json
	CodeOnceMismatch     = "idempotency_mismatch"   // 409: the key belongs to another request
	CodeRateLimited      = "rate_limited"           // 429: too many failures; see Retry-After
	CodeInternal         = "internal"               // 500: our fault, logged
	CodeUnavailable      = "unavailable"            // 503: the server is stopping
	CodeStorageFull      = "storage_full"           // 507: no disk space; reads go on
)

// ProblemType is the media type of errors (RFC 9457).
const ProblemType = "application/problem+json"

// Problem is the body of every error.
type Problem struct {
	Title  string         `json:"title" doc:"The status in words." example:"Bad Request"`
	Status int            `json:"status" doc:"The HTTP status." example:"400"`
	Code   string         `json:"code" doc:"Which error: stable, for programs. Beside those of every route (malformed, unknown_field, invalid, unauthenticated, forbidden, not_found, rate_limited, internal, unavailable, storage_full) 409 says what is in the way: name_taken, wrong_state, call_full, area_closed and others." example:"unknown_field"`
	Detail string         `json:"detail" doc:"What is wrong and what to do, for people." example:"Wrong in the request: body.nme: is unknown."`
	Errors []ProblemField `json:"errors,omitempty" doc:"The fields that are wrong."`

	header http.Header
}

// ProblemField is one wrong field of a request.
type ProblemField struct {
	Field   string `json:"field" doc:"Where: body.name, query.limit, header.Idempotency-Key." example:"body.name"`
	Message string `json:"message" doc:"What is wrong with it." example:"must not be empty"`
}

func newProblem(status int, code, detail string, fields ...ProblemField) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Code: code, Detail: detail, Errors: fields}
}

// Error implements error.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus, ContentType and GetHeaders are what huma asks of an error.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return ProblemType }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header { return p.header }

// withHeader returns p with one more header for its answer.
func (p *Problem) withHeader(name, value string) *Problem {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Set(name, value)
	return p
}

// problemOf translates an error of the rules. Errors it doesn't know are
// internal; their text is for the log only.
func problemOf(err error) *Problem {
	var problem *Problem
	var field *control.FieldError
	var sending *notify.FieldError
	var state *control.StateError
	switch {
	case errors.As(err, &problem):
		return problem
	case errors.As(err, &field):
		return wrongField(field.Field, field.Message)
	case errors.As(err, &sending):
		return wrongField(sending.Field, sending.Message)
	case errors.As(err, &state):
		return newProblem(http.StatusConflict, state.Code, state.Message)
	case errors.Is(err, control.ErrNotModerator):
		return newProblem(http.StatusForbidden, CodeNotModerator,
			"You don't moderate this group: ask its host to name you as a moderator.")
	case errors.Is(err, control.ErrForbidden):
		return forbidden()
	case errors.Is(err, control.ErrNotFound), errors.Is(err, notify.ErrNotFound):
		return newProblem(http.StatusNotFound, CodeNotFound, "There is no such thing, or no longer.")
	case errors.Is(err, control.ErrOnceMismatch):
		return newProblem(http.StatusConflict, CodeOnceMismatch,
			"This Idempotency-Key was used for another request: use a new one.")
	case errors.Is(err, store.ErrFull):
		return newProblem(http.StatusInsufficientStorage, CodeStorageFull,
			"The server has no disk space left to store this: try again later.")
	case errors.Is(err, store.ErrClosed):
		return newProblem(http.StatusServiceUnavailable, CodeUnavailable, "The server is stopping: try again.")
	}
	return newProblem(http.StatusInternalServerError, CodeInternal, "The server failed to do this; its log says why.")
}

// wrongField refuses what stands in a field of the body, or in the cursor.
func wrongField(field, message string) *Problem {
	at := "body." + field
	if field == "cursor" {
		at = "query.cursor"
	}
	return newProblem(http.StatusBadRequest, CodeInvalid, fmt.Sprintf("Wrong in the request: %s: %s.", at, message),
		ProblemField{Field: at, Message: message})
}

// rework turns huma's own errors into problems, on their way out. (Its hook
// for that is a global variable, and two servers may live in one process.)
// The values that a client sent aren't echoed.
func rework(_ huma.Context, _ string, v any) (any, error) {
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	status := reworkStatus(model.Status)
	problem := newProblem(status, reworkCode(status), sentence(model.Detail))
	for _, e := range model.Errors {
		field := ProblemField{Field: e.Location, Message: e.Message}
		switch {
		case e.Message == validation.MsgUnexpectedProperty:
			problem.Code = CodeUnknownField
			field.Message = "is unknown"
			// In front, as a misspelt field is also reported missing.
			problem.Errors = slices.Insert(problem.Errors, 0, field)
			continue
		case e.Location == "body" && !strings.HasPrefix(e.Message, "expected "):
			problem.Code = CodeMalformed
		}
		problem.Errors = append(problem.Errors, field)
	}
	if len(problem.Errors) > 0 {
		first := problem.Errors[0]
		problem.Detail = fmt.Sprintf("Wrong in the request: %s: %s.", first.Field, first.Message)
	}
	if status == http.StatusBadRequest && strings.Contains(model.Detail, "body is required") {
		problem.Code = CodeMalformed
	}
	if status == http.StatusRequestEntityTooLarge {
		problem.Detail = "The body is too large: send less."
	}
	if status == http.StatusUnsupportedMediaType {
		problem.Code, problem.Errors = CodeUnsupported, nil
		problem.Detail = "Send the body as Content-Type: application/json."
	}
	return problem, nil
}

// reworkStatus: huma says 422 for what doesn't fit the schema, we 400. (None of
// our own answers is 422.)
func reworkStatus(status int) int {
	if status == http.StatusUnprocessableEntity {
		return http.StatusBadRequest
	}
	return status
}

func reworkCode(status int) string {
	codes := map[int]string{
		http.StatusBadRequest:            CodeInvalid,
		http.StatusNotAcceptable:         CodeNotAcceptable,
		http.StatusRequestTimeout:        CodeTimeout,
		http.StatusRequestEntityTooLarge: CodeTooLarge,
		http.StatusUnsupportedMediaType:  CodeUnsupported,
	}
	if code, ok := codes[status]; ok {
		return code
	}
	return CodeInternal
}

func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + strings.TrimSuffix(s[1:], ".") + "."
}
