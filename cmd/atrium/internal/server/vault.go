package server

import (
	"errors"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
)

// vault is an auth.Vault in control's words.
type vault struct{ *auth.Vault }

func refOf(ref control.KeyRef) auth.KeyRef { return auth.KeyRef{Slot: ref.Slot, ID: ref.ID} }

// Reserve implements control.Vault.
func (v vault) Reserve() (control.KeyRef, error) {
	ref, err := v.Vault.Reserve()
	return control.KeyRef{Slot: ref.Slot, ID: ref.ID}, err
}

// Seal implements control.Vault.
func (v vault) Seal(ref control.KeyRef, plaintext []byte, purpose string) ([]byte, error) {
	sealed, err := v.Vault.Seal(refOf(ref), plaintext, purpose)
	return sealed, erased(err)
}

// Open implements control.Vault.
func (v vault) Open(ref control.KeyRef, sealed []byte, purpose string) ([]byte, error) {
	plaintext, err := v.Vault.Open(refOf(ref), sealed, purpose)
	return plaintext, erased(err)
}

// Erase implements control.Vault.
func (v vault) Erase(refs ...control.KeyRef) error {
	list := make([]auth.KeyRef, len(refs))
	for i, ref := range refs {
		list[i] = refOf(ref)
	}
	return v.Vault.Erase(list...)
}

func erased(err error) error {
	if errors.Is(err, auth.ErrErased) {
		return control.ErrErased
	}
	return err
}
