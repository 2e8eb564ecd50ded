package store

import (
	"context"
	"errors"
	"fmt"
)

// Limits of a record. They are part of the contract, so that every engine can
// hold what another one held.
const (
	MaxKey   = 1024    // bytes of a key
	MaxValue = 1 << 20 // bytes of a value
)

// Errors of a store. They are wrapped with what was being done; compare with
// errors.Is.
var (
	// ErrNotFound: no record has that key.
	ErrNotFound = errors.New("record not found")
	// ErrClosed: the store has been closed.
	ErrClosed = errors.New("the store is closed")
	// ErrReadOnly: Put or Delete inside View.
	ErrReadOnly = errors.New("the transaction is read-only")
	// ErrTxDone: a Tx was used after its function returned.
	ErrTxDone = errors.New("the transaction has ended")
	// ErrLimit: a key or value is empty or too long.
	ErrLimit = errors.New("the record exceeds a limit of the store")
	// ErrFull: the disk has no room for the write. Reads go on; a later write
	// succeeds once there is room again.
	ErrFull = errors.New("no space left for the data file")
	// ErrLocked: another process has the file open.
	ErrLocked = errors.New("the data file is in use by another process")
	// ErrCorrupt: the file's contents are not what was written.
	ErrCorrupt = errors.New("the data file is corrupt")
	// ErrForeign: the file is no data file of Atrium.
	ErrForeign = errors.New("the file is not an Atrium data file")
	// ErrSchema: the file was written by a newer release.
	ErrSchema = errors.New("the data file has an unknown schema version")
	// ErrStop ends a Range early; Range then returns nil.
	ErrStop = errors.New("stop ranging")
)

// Store runs transactions. All methods may be called concurrently. A
// transaction must not be started inside another one on the same goroutine.
type Store interface {
	// View runs fn on an unchanging snapshot of the last committed state.
	View(ctx context.Context, fn func(Tx) error) error
	// Update runs fn and commits what it wrote, durably, when it returns nil.
	// fn may run more than once.
	Update(ctx context.Context, fn func(Tx) error) error
	// Close waits for running transactions. It may be called again.
	Close() error
}

// Tx is one transaction. It belongs to the goroutine that runs it and is void
// after its function returned. It sees its own writes.
type Tx interface {
	// Get returns a copy of the value, or ErrNotFound.
	Get(key string) ([]byte, error)
	// Range visits, in byte order of the keys, the records whose key has the
	// prefix and is greater than after ("": from the first). value is void
	// once visit returned. visit must not write; ErrStop ends the visit.
	Range(prefix, after string, visit func(key string, value []byte) error) error
	// Put creates or replaces a record. 1 to MaxKey bytes of key, 0 to
	// MaxValue bytes of value; ErrLimit otherwise.
	Put(key string, value []byte) error
	// Delete removes a record; it's no error if there is none.
	Delete(key string) error
}

// CheckLimits returns ErrLimit, saying which, when a record can't be stored.
// Engines call it in Put.
func CheckLimits(key string, value []byte) error {
	switch {
	case key == "":
		return fmt.Errorf("%w: the key is empty", ErrLimit)
	case len(key) > MaxKey:
		return fmt.Errorf("%w: key of %d bytes, at most %d", ErrLimit, len(key), MaxKey)
	case len(value) > MaxValue:
		return fmt.Errorf("%w: value of %d bytes, at most %d", ErrLimit, len(value), MaxValue)
	}
	return nil
}
