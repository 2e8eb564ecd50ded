package control

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control/store"
)

// Options of New. Store, Media and Secrets are needed.
type Options struct {
	Store   store.Store
	Media   Media
	Secrets Secrets
	Vault   Vault            // nil: what guests type can't be stored, so that nobody enters an area
	Outbox  Outbox           // nil: nothing is sent; links are copied
	Signer  Signer           // nil: heads of the audit log aren't signed
	Rights  Rights           // nil: who loses a role leaves the calls there, whatever other roles they have
	Expired Expired          // nil: nothing else is to be cleared away
	Now     func() time.Time // nil: the wall clock
	Clock   Clock            // of the scheduler; nil: the runtime's
	Logger  *slog.Logger     // nil: no logs
}

// Service applies the rules. It may be used concurrently; its state is the
// store's.
type Service struct {
	store   store.Store
	media   Media
	secrets Secrets
	vault   Vault
	outbox  Outbox
	signer  Signer
	rights  Rights
	expired Expired
	now     func() time.Time
	timers  Clock
	log     *slog.Logger
	placing keyedMutex // by participant
	// arranging is by call.
	arranging keyedMutex
	// Records as they were decoded last, for placing.
	calls   decoded[Call]
	splits  decoded[Breakouts]
	quality *qualityBook
	// workbooks bounds how many are made at once.
	workbooks chan struct{}
}

// New returns a Service over o.Store, which stays the caller's to close.
func New(o Options) (*Service, error) {
	if o.Store == nil || o.Media == nil || o.Secrets == nil {
		return nil, errors.New("control.New: Store, Media and Secrets are needed")
	}
	o = o.withDefaults()
	run, err := newID()
	if err != nil {
		return nil, err
	}
	return &Service{
		store: o.Store, media: o.Media, secrets: o.Secrets, vault: o.Vault, outbox: o.Outbox,
		signer: o.Signer, rights: o.Rights, expired: o.Expired, now: (&steadyClock{source: o.Now}).now, timers: o.Clock, log: o.Logger,
		quality: &qualityBook{run: run}, workbooks: make(chan struct{}, maxWorkbooks),
	}, nil
}

func (o Options) withDefaults() Options {
	if o.Vault == nil {
		o.Vault = noVault{}
	}
	if o.Outbox == nil {
		o.Outbox = noOutbox{}
	}
	if o.Rights == nil {
		o.Rights = noRights{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Clock == nil {
		o.Clock = wallClock{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// newID returns a UUID of version 7: sorted by time of creation.
func newID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	return id.String(), nil
}

// validID says whether id can be one of ours: anything else must not get into
// a record's key.
func validID(id string) bool {
	u, err := uuid.Parse(id)
	return err == nil && u.String() == id
}

// Now is the time that deadlines go by. It never goes backward (SE-20).
func (s *Service) Now() time.Time { return s.now() }

// clock returns the time as records keep it.
func (s *Service) clock() time.Time { return s.now().UTC().Truncate(time.Millisecond) }
