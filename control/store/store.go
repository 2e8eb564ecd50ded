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
	// ErrClosed: the store, or the watcher, has been closed.
	ErrClosed = errors.New("the store or watcher is closed")
	// ErrReadOnly: Put or Delete inside View.
	ErrReadOnly = errors.New("the transaction is read-only")
	// ErrTxDone: a Tx was used after its function returned.
	ErrTxDone = errors.New("the transaction has ended")
	// ErrLimit: a key or value is empty or too long.
	ErrLimit = errors.New("the record exceeds a limit of the store")
	// ErrFull: the disk has no room for the write. Reads go on; a later write
	// succeeds once there is room again.
	ErrFull = errors.New("no space left for the data file")
	// ErrBroken: the disk failed in the middle of a commit, so that what is on
	// it is unknown until the file has been opened (and checked) again.
	ErrBroken = errors.New("the disk failed during a write: restart the server, which checks the data file")
	// ErrLost: more changes were committed than a watcher keeps for its
	// reader. It goes on from here; the reader reads everything again.
	ErrLost = errors.New("changes were lost: read the watched records again")
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
	// Watch reports what is committed to keys that begin with prefix, from now
	// on, until ctx ends or the Watcher or the Store is closed. ErrClosed.
	Watch(ctx context.Context, prefix string) (Watcher, error)
	// Close waits for running transactions. It may be called again.
	Close() error
}

// MaxPending is for how many keys a Watcher keeps changes that its reader has
// not taken.
const MaxPending = 4096

// Change says that a committed transaction created, replaced or deleted a
// record. Writing what already stands there changes nothing.
type Change struct {
	Key     string
	Deleted bool // there is no such record since that commit
	// Version is the number of the commit: the later, the greater, also after
	// the store was opened again. Transactions that became visible at once
	// have the same.
	Version uint64
}

// Watcher hands changes to one reader, which reads the records it needs by
// itself:
//
//	watcher, err := s.Watch(ctx, "room/")  // first, so that nothing falls between
//	…                                      // then View: the state to begin with
//	for {
//		changes, err := watcher.Next(ctx)
//		switch {
//		case errors.Is(err, store.ErrLost): … // View: the whole state again
//		case err != nil: return err
//		default: … // View: the records of changes
//		}
//	}
//
// A change is handed over only when it is durable and when every View that
// begins then sees it, or something later. A slow reader delays nobody: of the
// changes that wait for it, only the last of each key is kept, and when more
// than MaxPending keys would wait, all are dropped and Next says ErrLost once.
// Nothing else is ever left out; a change that was committed while Watch was
// being called may be reported although a View has already seen it.
type Watcher interface {
	// Next waits for changes and returns all there are: those of a commit
	// together, in the order of their Version, then of their Key. Errors:
	// ErrLost; that of ctx; ErrClosed, and the error of the context that was
	// given to Watch, once what was committed before has been handed over.
	Next(ctx context.Context) ([]Change, error)
	// Close ends the watch and drops what waits. It may be called again.
	Close()
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
