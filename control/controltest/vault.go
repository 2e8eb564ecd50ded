package controltest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"sync"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
)

// Vault is a control.Vault in memory: it survives a restart of the Service
// that it is given to, not one of the process. The zero value is ready.
type Vault struct {
	mu   sync.Mutex
	keys map[control.KeyRef]cipher.AEAD
	free []uint32
	next uint32
}

// Reserve implements control.Vault.
func (v *Vault) Reserve() (control.KeyRef, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		return control.KeyRef{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return control.KeyRef{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	ref := control.KeyRef{Slot: v.next, ID: uuid.NewString()}
	if n := len(v.free); n > 0 {
		ref.Slot, v.free = v.free[n-1], v.free[:n-1]
	} else {
		v.next++
	}
	if v.keys == nil {
		v.keys = make(map[control.KeyRef]cipher.AEAD)
	}
	v.keys[ref] = aead
	return ref, nil
}

func (v *Vault) key(ref control.KeyRef) (cipher.AEAD, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if aead, ok := v.keys[ref]; ok {
		return aead, nil
	}
	return nil, control.ErrErased
}

// Seal implements control.Vault.
func (v *Vault) Seal(ref control.KeyRef, plaintext []byte, purpose string) ([]byte, error) {
	aead, err := v.key(ref)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, plaintext, []byte(purpose)), nil
}

// Open implements control.Vault.
func (v *Vault) Open(ref control.KeyRef, sealed []byte, purpose string) ([]byte, error) {
	aead, err := v.key(ref)
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.Overhead() {
		return nil, errors.New("the sealed value is too short")
	}
	return aead.Open(nil, nil, sealed, []byte(purpose))
}

// Erase implements control.Vault.
func (v *Vault) Erase(refs ...control.KeyRef) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, ref := range refs {
		if _, ok := v.keys[ref]; ok {
			delete(v.keys, ref)
			v.free = append(v.free, ref.Slot)
		}
	}
	return nil
}

// Keep implements control.Vault.
func (v *Vault) Keep(inUse func(slot uint32) bool) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for ref := range v.keys {
		if !inUse(ref.Slot) {
			delete(v.keys, ref)
			v.free = append(v.free, ref.Slot)
		}
	}
	return nil
}

// Keys is how many keys there are.
func (v *Vault) Keys() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.keys)
}
