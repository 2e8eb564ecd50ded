package notify

import (
	"encoding/json"
	"errors"
	"time"
)

// Kind is what carries a Message.
type Kind string

// Kinds of a Message.
const (
	Email   Kind = "email"
	SMS     Kind = "sms"
	Webhook Kind = "webhook"
)

// Errors of Outbox.
var (
	// ErrNoGateway: the organisation has nothing configured that could send
	// it.
	ErrNoGateway = errors.New("no gateway is configured")
	// ErrNotFound: no such endpoint or message, or another organisation's.
	ErrNotFound = errors.New("not found")
	// ErrUnknownTemplate: a fault of ours.
	ErrUnknownTemplate = errors.New("unknown template")
)

// Message is something to tell somebody outside.
type Message struct {
	ID             string `json:"id"` // stable: a receiver may get it twice; "": a new one
	OrganisationID string `json:"organisation_id"`
	UnitID         string `json:"unit_id,omitempty"` // whose endpoints hear it beside the organisation's
	Kind           Kind   `json:"kind"`
	Language       string `json:"language,omitempty"` // BCP 47; "": the organisation's

	// To, Key and SealedData are for Reveal to open: opaque here.
	To         []byte          `json:"to,omitempty"`
	Key        json.RawMessage `json:"key,omitempty"`
	SealedData []byte          `json:"sealed_data,omitempty"`
	// Template and Data make an e-mail or an SMS.
	Template Template          `json:"template,omitempty"`
	Data     map[string]string `json:"data,omitempty"`

	// Event and Body are a webhook's: its type, and the JSON that is sent.
	Event string          `json:"event,omitempty"`
	Body  json.RawMessage `json:"body,omitempty"`
}

// Revealed is what a message's sealed parts hold.
type Revealed struct {
	To           string // address or number
	Organisation string // name, which the text begins with
	Language     string // that the organisation prefers
	Data         map[string]string
}

// item is a message on its way, to one receiver.
type item struct {
	Message  Message   `json:"message"`
	Endpoint string    `json:"endpoint,omitempty"` // of a webhook
	Since    time.Time `json:"since"`              // when it was enqueued, or replayed
	Due      time.Time `json:"due"`                // next attempt; zero: there is none
	Attempts int       `json:"attempts"`
	// DoneAt is when it was delivered or given up; zero: not yet.
	DoneAt time.Time `json:"done_at,omitzero"`
	Failed string    `json:"failed,omitempty"` // why it was given up
}

// target is what few deliveries at a time go to.
func (i item) target() string {
	if i.Endpoint != "" {
		return i.Endpoint
	}
	return i.Message.OrganisationID + "/" + string(i.Message.Kind)
}

// lifetime is how long a message is tried.
func (k Kind) lifetime() time.Duration {
	if k == Webhook {
		return 24 * time.Hour
	}
	return 10 * time.Minute // a link that comes later only confuses
}

// pause is the time to wait after a number of attempts.
func (k Kind) pause(attempts int) time.Duration {
	pauses := []time.Duration{2 * time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute}
	if k == Webhook { // as the Standard Webhooks specification suggests
		pauses = []time.Duration{5 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour}
	}
	return pauses[min(attempts, len(pauses))-1]
}

// PermanentError is one that trying again won't help.
type PermanentError struct{ Err error }

// Error implements error.
func (e *PermanentError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PermanentError) Unwrap() error { return e.Err }
