package control

import (
	"errors"
	"time"

	"github.com/atriumrtc/atrium/control/store"
)

// errNoVault: nothing that a guest typed can be kept without keys to erase.
var errNoVault = errors.New("control.Options.Vault is not set: what guests type can't be stored")

// noVault stands where no Vault is given.
type noVault struct{}

func (noVault) Reserve() (KeyRef, error)                    { return KeyRef{}, errNoVault }
func (noVault) Seal(KeyRef, []byte, string) ([]byte, error) { return nil, errNoVault }
func (noVault) Open(KeyRef, []byte, string) ([]byte, error) { return nil, errNoVault }
func (noVault) Erase(...KeyRef) error                       { return nil }
func (noVault) Keep(func(uint32) bool) error                { return nil }

// noOutbox stands where no Outbox is given: links are copied, and nobody
// listens to webhooks.
type noOutbox struct{}

func (noOutbox) Enqueue(_ store.Tx, m Notice) (string, error) {
	if m.Kind == NoticeWebhook {
		return m.ID, nil
	}
	return "", ErrNoGateway
}

// wallClock is the Clock of the runtime.
type wallClock struct{}

func (wallClock) After(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}
