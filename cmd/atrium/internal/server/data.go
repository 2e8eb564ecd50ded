package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/atriumrtc/atrium/configs"
	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/auth"
	"github.com/atriumrtc/atrium/control/notify"
	"github.com/atriumrtc/atrium/control/store"
)

// Files of the data folder.
const (
	dataFile = "atrium.db"
	keyFile  = "keys.json"
	// vaultFile holds the keys of what is to be forgotten (R-PV-1): it belongs
	// in no backup.
	vaultFile = "vault.keys"
	// operatorFile holds the operator's key.
	operatorFile = "operator.json"
)

// DataPath returns the path of the data file.
func DataPath(cfg configs.Config) string { return filepath.Join(cfg.Data.Dir, dataFile) }

// KeysPath returns the path of the key file.
func KeysPath(cfg configs.Config) string { return filepath.Join(cfg.Data.Dir, keyFile) }

// openData opens the data folder, creating what isn't there. now is the outbox's
// clock; nil: the wall clock.
func openData(dir string, now func() time.Time) (*dataFolder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data.dir: %s can't be created; create it for this user, or set data.dir to a folder that this user may write to: %w", dir, err)
	}
	keys, err := auth.LoadKeys(filepath.Join(dir, keyFile))
	if err != nil {
		return nil, err
	}
	data, err := store.Open(filepath.Join(dir, dataFile), store.Options{})
	if err != nil {
		return nil, err
	}
	// After the data file, whose lock stands for this one too.
	forgettable, err := auth.OpenVault(filepath.Join(dir, vaultFile))
	if err != nil {
		return nil, errors.Join(err, data.Close())
	}
	return &dataFolder{keys: keys, store: data, vault: forgettable, outbox: notify.NewOutbox(keys, now)}, nil
}

// dataFolder is an open data folder.
type dataFolder struct {
	keys  *auth.Keys
	store *store.Bolt
	vault *auth.Vault

	outbox *notify.Outbox // in the store
}

// Close closes the files; the vault's before the lock that stands for it.
func (d *dataFolder) Close() error { return errors.Join(d.vault.Close(), d.store.Close()) }

// OpenControl opens the control plane of a server that isn't running; the
// function closes it.
func OpenControl(cfg configs.Config) (*control.Service, func() error, error) {
	data, err := openData(cfg.Data.Dir, nil)
	if err != nil {
		return nil, nil, err
	}
	rules, err := control.New(control.Options{
		Store: data.store, Media: noCalls{}, Secrets: data.keys, Vault: vault{data.vault}, Signer: signer{data.keys},
		Outbox: outbox{data.outbox},
	})
	if err == nil { // else keys that are in use would be given out as free
		err = rules.Start(context.Background())
	}
	if err != nil {
		return nil, nil, errors.Join(err, data.Close())
	}
	return rules, data.Close, nil
}

// noCalls stands for media where no server runs: nobody is in any room.
type noCalls struct{}

func (noCalls) Place(_ context.Context, people ...control.Placement) []error {
	errs := make([]error, len(people))
	for i := range errs {
		errs[i] = control.ErrNotFound
	}
	return errs
}

func (noCalls) Dismiss(context.Context, string) error { return control.ErrNotFound }

func (noCalls) CloseRoom(context.Context, string) error { return nil }

func (noCalls) Participants(context.Context, string) ([]control.Participant, error) { return nil, nil }

func (noCalls) Mute(context.Context, string, string, string, bool) error { return control.ErrNotFound }

func (noCalls) Remove(context.Context, string, string) error { return control.ErrNotFound }

func (noCalls) Arrange(context.Context, control.MediaRoom) error { return nil }

func (noCalls) Attach(context.Context, string, []string) error { return control.ErrNotFound }

func (noCalls) Tell(context.Context, control.Audience, control.CallNotice) error { return nil }
