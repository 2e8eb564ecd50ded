package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control/store"
)

// lastUsedStep is how coarse an API key's time of last use is.
const lastUsedStep = time.Hour

// Options of New. Store, Media and Secrets are needed.
type Options struct {
	Store   store.Store
	Media   Media
	Secrets Secrets
	Vault   Vault            // nil: what guests type can't be stored, so that nobody enters an area
	Outbox  Outbox           // nil: nothing is sent; links are copied
	Signer  Signer           // nil: heads of the audit log aren't signed
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
	now     func() time.Time
	timers  Clock
	log     *slog.Logger
}

// New returns a Service over o.Store, which stays the caller's to close.
func New(o Options) (*Service, error) {
	if o.Store == nil || o.Media == nil || o.Secrets == nil {
		return nil, errors.New("control.New: Store, Media and Secrets are needed")
	}
	o = o.withDefaults()
	return &Service{
		store: o.Store, media: o.Media, secrets: o.Secrets, vault: o.Vault, outbox: o.Outbox,
		signer: o.Signer, now: o.Now, timers: o.Clock, log: o.Logger,
	}, nil
}

func (o Options) withDefaults() Options {
	if o.Vault == nil {
		o.Vault = noVault{}
	}
	if o.Outbox == nil {
		o.Outbox = noOutbox{}
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

// clock returns the time as records keep it.
func (s *Service) clock() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

// Authenticate says who the API key with that digest belongs to, or
// ErrUnauthenticated.
func (s *Service) Authenticate(ctx context.Context, digest [32]byte) (Caller, error) {
	var key APIKey
	recordKey := prefixAPIKey + hexDigest(digest)
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		key, err = get[APIKey](tx, recordKey)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return Caller{}, ErrUnauthenticated
	}
	if err != nil {
		return Caller{}, fmt.Errorf("authenticate: %w", err)
	}
	if now := s.clock(); now.Sub(key.LastUsedAt) >= lastUsedStep {
		s.touch(ctx, recordKey, now)
	}
	return Caller{OrganisationID: key.OrganisationID, KeyID: key.ID}, nil
}

// touch notes a key's use. That it can't be noted (a full disk) is no reason
// to refuse the request.
func (s *Service) touch(ctx context.Context, recordKey string, now time.Time) {
	err := s.store.Update(ctx, func(tx store.Tx) error {
		key, err := get[APIKey](tx, recordKey)
		if err != nil {
			return err
		}
		key.LastUsedAt = now
		return put(tx, recordKey, key)
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		s.log.WarnContext(ctx, "the time of an API key's last use could not be stored", "err", err)
	}
}

// CreateOrganisation makes an organisation and its first API key, whose
// secret can't be had again.
func (s *Service) CreateOrganisation(ctx context.Context, name string) (Organisation, string, error) {
	name, err := CleanName("name", name)
	if err != nil {
		return Organisation{}, "", err
	}
	id, err := newID()
	if err != nil {
		return Organisation{}, "", err
	}
	org := Organisation{ID: id, Name: name, CreatedAt: s.clock()}
	var secret string
	err = s.store.Update(ctx, func(tx store.Tx) (err error) {
		if err := put(tx, prefixOrganisation+org.ID, org); err != nil {
			return err
		}
		secret, _, err = s.createKey(tx, org.ID, "first key")
		return err
	})
	if err != nil {
		return Organisation{}, "", fmt.Errorf("create an organisation: %w", err)
	}
	return org, secret, nil
}

// createKey makes an API key of an organisation and returns its secret and
// the hexadecimal digest.
func (s *Service) createKey(tx store.Tx, organisationID, name string) (secret, digest string, err error) {
	id, err := newID()
	if err != nil {
		return "", "", err
	}
	secret, sum := s.secrets.NewAPIKey()
	digest = hexDigest(sum)
	err = put(tx, prefixAPIKey+digest, APIKey{
		ID: id, OrganisationID: organisationID, Name: name, CreatedAt: s.clock(),
	})
	return secret, digest, err
}
