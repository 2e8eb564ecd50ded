package control

import "errors"

// Errors of Service. Those of the store come through wrapped.
var (
	// ErrNotFound: unknown, deleted, or another organisation's (R-T-4).
	ErrNotFound = errors.New("not found")
	// ErrUnauthenticated: no such API key.
	ErrUnauthenticated = errors.New("unknown API key")
	// ErrForbidden: who asks may see the thing but not do that with it.
	ErrForbidden = errors.New("not allowed")
	// ErrNotModerator: who asks has the permission, but this group is
	// moderated by its host and those named beside them (R-GC-5).
	ErrNotModerator = errors.New("not a moderator of this group")
	// ErrOnceMismatch: the idempotency key was used for another request.
	ErrOnceMismatch = errors.New("the idempotency key was used for another request")
	// ErrErased: the key that would open it was overwritten (R-PV-1).
	ErrErased = errors.New("erased")
	// ErrNoGateway: nothing is configured that could send it; the link is to
	// be copied.
	ErrNoGateway = errors.New("no gateway is configured")
)

// Codes of a StateError. They are stable: API clients compare them.
const (
	CodeNameTaken     = "name_taken"
	CodeLastAdmin     = "last_admin"
	CodeWrongState    = "wrong_state"
	CodeAreaClosed    = "area_closed"
	CodeAreaSuspended = "area_suspended"
	CodeCallFull      = "call_full"
	CodeCallLocked    = "call_locked"
	CodeRoomLocked    = "room_locked"
	CodeAlreadySeen   = "already_seen"
	CodeEmailTaken    = "email_taken"
	// CodeRegistrationClosed: a group's link doesn't let anybody register now.
	CodeRegistrationClosed = "registration_closed"
)

// StateError says why something can't be done as things are now, though it
// could be at another time.
type StateError struct {
	Code    string
	Message string // a sentence for people: what is, and what to do
}

// Error implements error.
func (e *StateError) Error() string { return e.Message }

// Is lets errors.Is compare by code alone.
func (e *StateError) Is(target error) bool {
	t, ok := target.(*StateError)
	return ok && t.Code == e.Code
}

// FieldError says which field of a request breaks which rule. It is meant
// for whoever sent the request and doesn't repeat what they sent.
type FieldError struct {
	Field   string // as in the API: name, capacity
	Message string // what to do
}

// Error implements error.
func (e *FieldError) Error() string { return e.Field + ": " + e.Message }
