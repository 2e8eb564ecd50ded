package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

const (
	// lastUsedStep is how coarse an API key's time of last use is.
	lastUsedStep = time.Hour
	// maxPermissions and maxPermission bound what a record of a key holds.
	maxPermissions, maxPermission = 100, 80
)

// KeySpec is what an API key is made from.
type KeySpec struct {
	Name        string
	Scope       Scope // an organisation or a unit
	Permissions []string
	// AllowedOrigins are those of the web pages that may use it; none: the
	// organisation's.
	AllowedOrigins []string
}

func (k KeySpec) clean() (KeySpec, error) {
	var err error
	if k.Name, err = CleanName("name", k.Name); err != nil {
		return k, err
	}
	if k.Scope.Kind != ScopeOrganisation && k.Scope.Kind != ScopeUnit {
		return k, &FieldError{Field: "scope.kind", Message: "must be organisation or unit"}
	}
	if len(k.Permissions) == 0 || len(k.Permissions) > maxPermissions {
		return k, &FieldError{Field: "permissions", Message: "must name at least one permission"}
	}
	for _, p := range k.Permissions {
		if p == "" || len(p) > maxPermission {
			return k, &FieldError{Field: "permissions", Message: "must be names of permissions"}
		}
	}
	k.Permissions = slices.Compact(slices.Sorted(slices.Values(k.Permissions)))
	k.AllowedOrigins, err = cleanOrigins("allowed_origins", k.AllowedOrigins)
	return k, err
}

// legacy gives a key that was made before keys had a scope what it could do
// then.
func (k APIKey) legacy() APIKey {
	if k.Scope.ID == "" {
		k.Scope, k.Permissions = Scope{ScopeOrganisation, k.OrganisationID}, []string{AllPermissions}
	}
	return k
}

// Authenticate says who the API key with that digest belongs to, or
// ErrUnauthenticated: also when the unit that it is for was deleted.
func (s *Service) Authenticate(ctx context.Context, digest [32]byte) (Caller, error) {
	var key APIKey
	recordKey := prefixAPIKey + hexDigest(digest)
	err := s.store.View(ctx, func(tx store.Tx) (err error) {
		if key, err = get[APIKey](tx, recordKey); err != nil {
			return err
		}
		key = key.legacy()
		_, err = key.Scope.chain(tx)
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
	return Caller{
		OrganisationID: key.OrganisationID, KeyID: key.ID, Scope: key.Scope, Permissions: key.Permissions,
		AllowedOrigins: key.AllowedOrigins,
	}, nil
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

// CreateAPIKey makes a key for an organisation or a unit. Its secret can't be
// had again, but by a repetition with the same once. That it holds no
// permission that its maker lacks is the caller's to see to.
func (s *Service) CreateAPIKey(ctx context.Context, actor Actor, spec KeySpec, once *Once) (APIKey, string, error) {
	spec, err := spec.clean()
	if err != nil {
		return APIKey{}, "", err
	}
	type made struct {
		Key    APIKey
		Secret string
	}
	var m made
	err = s.store.Update(ctx, func(tx store.Tx) error {
		chain, err := spec.Scope.chain(tx)
		if err != nil {
			return err
		}
		organisationID := chain[len(chain)-1].ID
		if err := actor.reach(organisationID); err != nil {
			return err
		}
		m, err = repeatable(s, tx, Caller{OrganisationID: organisationID}, once.by(actor), func() (made, error) {
			key, secret, _, err := s.createKey(tx, organisationID, spec)
			if err != nil {
				return made{}, err
			}
			return made{key, secret}, audit(tx, s.clock(), actor, "api_key.create", key.subject(),
				"name", key.Name, "scope", string(key.Scope.Kind), "permissions", strings.Join(key.Permissions, " "))
		})
		return err
	})
	if err != nil {
		return APIKey{}, "", fmt.Errorf("create an API key: %w", err)
	}
	return m.Key, m.Secret, nil
}

func (k APIKey) subject() Subject {
	sub := Subject{Kind: "api_key", ID: k.ID, OrganisationID: k.OrganisationID}
	if k.Scope.Kind == ScopeUnit {
		sub.UnitID = k.Scope.ID
	}
	return sub
}

// createKey makes an API key and returns its secret and the hexadecimal
// digest.
func (s *Service) createKey(tx store.Tx, organisationID string, spec KeySpec) (APIKey, string, string, error) {
	id, err := newID()
	if err != nil {
		return APIKey{}, "", "", err
	}
	secret, sum := s.secrets.NewAPIKey()
	digest := hexDigest(sum)
	key := APIKey{
		ID: id, OrganisationID: organisationID, Name: spec.Name,
		Scope: spec.Scope, Permissions: spec.Permissions, AllowedOrigins: spec.AllowedOrigins, CreatedAt: s.clock(),
	}
	err = errors.Join(
		put(tx, prefixAPIKey+digest, key),
		put(tx, prefixAPIKeyID+id, digest),
		listKeyOrigins(tx, key, nil, key.AllowedOrigins),
		addChild(tx, organisationID, childAPIKey, id))
	return key, secret, digest, err
}

// keyByID reads a key that hasn't been revoked.
func keyByID(tx store.Tx, id string) (APIKey, error) {
	digest, err := get[string](tx, prefixAPIKeyID+id)
	if err != nil {
		return APIKey{}, err
	}
	key, err := get[APIKey](tx, prefixAPIKey+digest)
	return key.legacy(), err
}

// dropKey deletes a key by its digest. That there is none is no error.
func dropKey(tx store.Tx, digest string) error {
	key, err := get[APIKey](tx, prefixAPIKey+digest)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return errors.Join(err,
		tx.Delete(prefixAPIKey+digest),
		tx.Delete(prefixAPIKeyID+key.ID),
		listKeyOrigins(tx, key, key.AllowedOrigins, nil),
		tx.Delete(childKey(key.OrganisationID, childAPIKey, key.ID)))
}

// APIKeys lists an organisation's keys, those of a unit only when unitID is
// given.
func (s *Service) APIKeys(ctx context.Context, actor Actor, organisationID, unitID string, q Query) (Page[APIKey], error) {
	page, err := list(ctx, s, actor, ThingOrganisation, organisationID, childAPIKey, q,
		func(tx store.Tx, id string) (APIKey, bool, error) {
			key, err := keyByID(tx, id)
			return key, unitID == "" || key.Scope == Scope{ScopeUnit, unitID}, err
		})
	if err != nil {
		return Page[APIKey]{}, fmt.Errorf("list API keys: %w", err)
	}
	return page, nil
}

// RevokeAPIKey ends a key for good.
func (s *Service) RevokeAPIKey(ctx context.Context, actor Actor, id string) error {
	err := s.store.Update(ctx, func(tx store.Tx) error {
		if !validID(id) {
			return ErrNotFound
		}
		key, err := keyByID(tx, id)
		if err != nil {
			return err
		}
		if err := actor.reach(key.OrganisationID); err != nil {
			return err
		}
		digest, err := get[string](tx, prefixAPIKeyID+id)
		if err != nil {
			return err
		}
		if err := dropKey(tx, digest); err != nil {
			return err
		}
		return audit(tx, s.clock(), actor, "api_key.revoke", key.subject())
	})
	if err != nil {
		return fmt.Errorf("revoke an API key: %w", err)
	}
	return nil
}
