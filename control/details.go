package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// sealKeyKey is the record that says a slot of the Vault is in use.
func sealKeyKey(ref KeyRef) string { return fmt.Sprintf("%s%010d", prefixSealedKey, ref.Slot) }

// keepKey notes in the transaction that a reserved key is in use: a key
// without that record is erased at the next start.
func keepKey(tx store.Tx, ref KeyRef) error { return put(tx, sealKeyKey(ref), ref) }

// eraseAt has the scheduler overwrite a key (R-PV-1). Afterwards nothing opens
// what it sealed.
func eraseAt(tx store.Tx, at time.Time, ref KeyRef) error {
	return schedule(tx, at, DueSealErase, fmt.Sprintf("%010d.%s", ref.Slot, ref.ID))
}

// parseErase reads the id that eraseAt scheduled.
func parseErase(id string) (KeyRef, error) {
	var ref KeyRef
	slot, key, ok := strings.Cut(id, ".")
	if _, err := fmt.Sscanf(slot, "%d", &ref.Slot); err != nil || !ok {
		return ref, fmt.Errorf("%w: a key to erase can't be read", store.ErrCorrupt)
	}
	ref.ID = key
	return ref, nil
}

// sealJSON seals a value by a key of the Vault. purpose binds it to its place:
// visit/details/<id>.
func (s *Service) sealJSON(ref KeyRef, v any, purpose string) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return s.vault.Seal(ref, data, purpose)
}

// openJSON opens what sealJSON sealed. ok is false when it was erased, which
// is as it should be.
func openJSON[T any](s *Service, ref KeyRef, sealed []byte, purpose string) (v T, ok bool, err error) {
	if ref.IsZero() || len(sealed) == 0 {
		return v, false, nil
	}
	data, err := s.vault.Open(ref, sealed, purpose)
	if errors.Is(err, ErrErased) {
		return v, false, nil
	}
	if err != nil {
		return v, false, err
	}
	v, err = decode[T](data)
	return v, err == nil, err
}

// withKey reserves a key, runs do, and erases the key again when do failed:
// do must have stored it with keepKey when it returns nil.
func (s *Service) withKey(do func(ref KeyRef) error) error {
	ref, err := s.vault.Reserve()
	if err != nil {
		return fmt.Errorf("reserve a key: %w", err)
	}
	if err := do(ref); err != nil {
		return errors.Join(err, s.vault.Erase(ref))
	}
	return nil
}
