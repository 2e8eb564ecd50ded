package control

import (
	"context"
	"errors"
)

// Media is how the rules reach the calls that are going on. Implementations
// must not block for long and return ErrNotFound for what they don't have.
type Media interface {
	// CloseRoom ends the call in a room, if there is one, for everybody.
	CloseRoom(ctx context.Context, roomID string) error
	// Participants lists who is in the room, in order of arrival; none when
	// nobody is.
	Participants(ctx context.Context, roomID string) ([]Participant, error)
	// Mute stops (or resumes) the forwarding of a participant's source:
	// ErrNotFound when the participant isn't in the room, or has no such
	// source.
	Mute(ctx context.Context, roomID, participantID, source string, muted bool) error
	// Remove ends a participant's stay; their token is dead. ErrNotFound when
	// the participant isn't in the room.
	Remove(ctx context.Context, roomID, participantID string) error
}

// Participant is somebody in a room.
type Participant struct {
	ID, Name string
	Role     Role
	Hand     bool // raised
	// Connected is false while the seat is kept for a return.
	Connected bool
	Sources   []Source
}

// Source is what a participant publishes.
type Source struct {
	Source        string // microphone, camera, screen, screen_audio
	Muted         bool   // by its publisher, or by the server
	MutedByServer bool
}

// Secrets makes secrets and seals what must be shown again. *auth.Keys is
// one.
type Secrets interface {
	// NewAPIKey and NewLink return a new secret and its SHA-256.
	NewAPIKey() (secret string, digest [32]byte)
	NewLink() (secret string, digest [32]byte)
	// Seal encrypts, and Open decrypts what was sealed for the same purpose.
	Seal(plaintext []byte, purpose string) []byte
	Open(sealed []byte, purpose string) ([]byte, error)
}

// Errors of Service. Those of the store come through wrapped.
var (
	// ErrNotFound: unknown, deleted, or another organisation's (R-T-4).
	ErrNotFound = errors.New("not found")
	// ErrUnauthenticated: no such API key.
	ErrUnauthenticated = errors.New("unknown API key")
	// ErrOnceMismatch: the idempotency key was used for another request.
	ErrOnceMismatch = errors.New("the idempotency key was used for another request")
)

// FieldError says which field of a request breaks which rule. It is meant
// for whoever sent the request and doesn't repeat what they sent.
type FieldError struct {
	Field   string // as in the API: name, capacity
	Message string // what to do
}

// Error implements error.
func (e *FieldError) Error() string { return e.Field + ": " + e.Message }
