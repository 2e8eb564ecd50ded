package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Bolt is a Store on one bbolt file, which it alone has open. Updates that are
// called at the same time share a commit; one that is called alone doesn't wait
// for others. A View may see a commit some milliseconds before it is certain to
// survive a loss of power (not kill -9): what must not be undone is decided in
// an Update, whose answer, an error too, comes when it is durable.
type Bolt struct {
	db       *bbolt.DB
	path     string
	watchers watchers

	queue atomic.Int64 // how many Updates wait for their turn
	turn  sync.Mutex   // for one Update, or a commit
	open  *group       // whoever has the turn owns it

	write  func(*bbolt.Tx) error // commits; a test can make it fail
	broken atomic.Bool           // ErrBroken
}

var _ Store = (*Bolt)(nil)

// Path returns the path that Open was given.
func (b *Bolt) Path() string { return b.path }

// usable returns ErrBroken after the disk failed.
func (b *Bolt) usable() error {
	if b.broken.Load() {
		return ErrBroken
	}
	return nil
}

// View implements Store.
func (b *Bolt) View(ctx context.Context, fn func(Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := b.usable(); err != nil {
		return err
	}
	err := b.db.View(func(tx *bbolt.Tx) error {
		t := &boltTx{records: tx.Bucket([]byte(bucketRecords))}
		defer func() { t.records = nil }()
		return fn(t)
	})
	return translate(err)
}

// Watch implements Store. Version is bbolt's transaction number.
func (b *Bolt) Watch(ctx context.Context, prefix string) (Watcher, error) {
	w, err := b.watchers.add(ctx, prefix)
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Close implements Store.
func (b *Bolt) Close() error {
	b.turn.Lock()
	defer b.turn.Unlock()
	if b.open != nil {
		b.finish() // those who queue for it get ErrClosed
	}
	err := b.db.Close()
	b.watchers.close() // the last commit has been published
	if err != nil {
		return fmt.Errorf("close data file %s: %w", b.path, err)
	}
	return nil
}

// translate puts this package's sentinels in place of the engine's.
func translate(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, berrors.ErrDatabaseNotOpen):
		return ErrClosed
	case noSpace(err):
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

// noSpace says whether a write failed for want of room: on the disk, in the
// quota, or under a limit of the file's size.
func noSpace(err error) bool {
	if errors.Is(err, berrors.ErrMaxSizeReached) {
		return true
	}
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		// bbolt's grow quotes errors without wrapping them.
		if errors.Is(err, errno) || strings.HasSuffix(err.Error(), ": "+errno.Error()) {
			return true
		}
	}
	return false
}
