package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// What a guest typed, an address that something was sent to and the link that
// was sent are sealed by a key of their own (R-PV-1). Its life:
//
//	withKey           reserves it, before the transaction
//	keepKey           notes in the transaction that it is in use
//	sealJSON, openJSON
//	eraseAt           schedules its end, in the transaction that ends the visit
//	eraseKeys         overwrites it: the scheduler, when that is due
//	keepKeys          at the start: overwrites those that no transaction kept

// sealedKeyKey is the record that says a slot of the Vault is in use.
func sealedKeyKey(slot uint32) string { return fmt.Sprintf("%s%010d", prefixSealedKey, slot) }

// keepKey notes in the transaction that a reserved key is in use: a key
// without that record is erased at the next start.
func keepKey(tx store.Tx, ref KeyRef) error { return put(tx, sealedKeyKey(ref.Slot), ref) }

// eraseAt has the scheduler overwrite a key. Afterwards nothing opens what it
// sealed.
func eraseAt(tx store.Tx, at time.Time, ref KeyRef) error {
	return schedule(tx, at, DueSealErase, eraseID(ref))
}

// unerase takes back what eraseAt did with the same arguments.
func unerase(tx store.Tx, at time.Time, ref KeyRef) error {
	return unschedule(tx, at, DueSealErase, eraseID(ref))
}

func eraseID(ref KeyRef) string { return fmt.Sprintf("%010d.%s", ref.Slot, ref.ID) }

// parseErase reads the id that eraseAt scheduled.
func parseErase(id string) (KeyRef, error) {
	slot, key, ok := strings.Cut(id, ".")
	n, err := strconv.ParseUint(slot, 10, 32)
	if err != nil || !ok {
		return KeyRef{}, fmt.Errorf("%w: a key to erase can't be read", store.ErrCorrupt)
	}
	return KeyRef{Slot: uint32(n), ID: key}, nil
}

// eraseKeys overwrites keys, and then forgets that their slots were in use.
// When it returns nil nothing opens what they sealed any more. Keys that were
// erased before are no error.
func (s *Service) eraseKeys(ctx context.Context, refs ...KeyRef) error {
	if len(refs) == 0 {
		return nil
	}
	if err := s.vault.Erase(refs...); err != nil {
		return fmt.Errorf("erase keys: %w", err)
	}
	err := s.store.Update(ctx, func(tx store.Tx) error {
		for _, ref := range refs {
			in, err := get[KeyRef](tx, sealedKeyKey(ref.Slot))
			if err == nil && in == ref { // the slot may have been given out again
				err = tx.Delete(sealedKeyKey(ref.Slot))
			}
			if err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("note that keys were erased: %w", err)
	}
	return nil
}

// discard erases those of the reserved keys that no transaction kept. One that
// can't be erased now is at the next start: what was done stays done.
func (s *Service) discard(ctx context.Context, refs []KeyRef) {
	if len(refs) == 0 {
		return
	}
	ctx = context.WithoutCancel(ctx) // whoever asked may have gone; the keys must go all the same
	var unused []KeyRef
	err := s.store.View(ctx, func(tx store.Tx) error {
		unused = nil
		for _, ref := range refs {
			in, err := get[KeyRef](tx, sealedKeyKey(ref.Slot))
			if err != nil && !errors.Is(err, ErrNotFound) {
				return err
			}
			if in != ref {
				unused = append(unused, ref)
			}
		}
		return nil
	})
	if err == nil && len(unused) > 0 {
		err = s.vault.Erase(unused...)
	}
	if err != nil {
		s.log.WarnContext(ctx, "a key that was reserved in vain could not be erased; it will be at the next start", "err", err)
	}
}

// keepKeys erases what was reserved and never kept: at the start.
func (s *Service) keepKeys(ctx context.Context) error {
	used := make(map[uint32]bool)
	err := s.store.View(ctx, func(tx store.Tx) error {
		return tx.Range(prefixSealedKey, "", func(_ string, value []byte) error {
			ref, err := decode[KeyRef](value)
			used[ref.Slot] = true
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("find the keys in use: %w", err)
	}
	if err := s.vault.Keep(func(slot uint32) bool { return used[slot] }); err != nil {
		return fmt.Errorf("erase the keys that are not in use: %w", err)
	}
	return nil
}

// sealJSON seals a value by a key of the Vault. purpose binds it to its place:
// visit/details/<id>.
func (s *Service) sealJSON(ref KeyRef, v any, purpose string) ([]byte, error) {
	data, err := encode(v)
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

// withKey reserves a key and runs do, which stores with keepKey that it is in
// use; it is erased again when it isn't.
func (s *Service) withKey(ctx context.Context, do func(ref KeyRef) error) error {
	ref, err := s.vault.Reserve()
	if err != nil {
		return fmt.Errorf("reserve a key: %w", err)
	}
	defer s.discard(ctx, []KeyRef{ref})
	return do(ref)
}

func encode(v any) ([]byte, error) { return json.Marshal(v) }
