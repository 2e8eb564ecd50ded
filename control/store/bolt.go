package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Bolt is a Store on one bbolt file, which it alone has open.
type Bolt struct {
	db   *bbolt.DB
	path string
}

var _ Store = (*Bolt)(nil)

// Path returns the path that Open was given.
func (b *Bolt) Path() string { return b.path }

// View implements Store.
func (b *Bolt) View(ctx context.Context, fn func(Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := b.db.View(func(tx *bbolt.Tx) error {
		t := &boltTx{records: tx.Bucket([]byte(bucketRecords))}
		defer func() { t.records = nil }()
		return fn(t)
	})
	return translate(err)
}

// Update implements Store.
func (b *Bolt) Update(ctx context.Context, fn func(Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := b.db.Update(func(tx *bbolt.Tx) error {
		self := tx.Bucket([]byte(bucketSelf))
		stored, err := decodeRecord(keySummary, self.Get([]byte(keySummary)))
		if err != nil {
			return err
		}
		before, err := decodeSummary(stored)
		if err != nil {
			return err
		}
		t := &boltTx{records: tx.Bucket([]byte(bucketRecords)), writable: true, summary: before}
		defer func() { t.records = nil }()
		if err := fn(t); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err // nobody waits for the answer: don't do it
		}
		if t.summary == before {
			return nil
		}
		return self.Put([]byte(keySummary), encodeRecord(keySummary, t.summary.encode()))
	})
	return translate(err)
}

// Close implements Store.
func (b *Bolt) Close() error {
	if err := b.db.Close(); err != nil {
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
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, berrors.ErrMaxSizeReached):
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

// boltTx is a Tx. records is nil once it has ended.
type boltTx struct {
	records  *bbolt.Bucket
	writable bool
	ranging  int // depth of Range: no writes then, bbolt's cursors would skip
	summary  summary
}

func (t *boltTx) Get(key string) ([]byte, error) {
	if t.records == nil {
		return nil, ErrTxDone
	}
	if key == "" || len(key) > MaxKey {
		return nil, ErrNotFound // such a record can't be
	}
	stored := t.records.Get([]byte(key))
	if stored == nil {
		return nil, ErrNotFound
	}
	value, err := decodeRecord(key, stored)
	if err != nil {
		return nil, err
	}
	return append([]byte{}, value...), nil
}

func (t *boltTx) Range(prefix, after string, visit func(key string, value []byte) error) error {
	if t.records == nil {
		return ErrTxDone
	}
	t.ranging++
	defer func() { t.ranging-- }()
	cursor := t.records.Cursor()
	for k, stored := cursor.Seek([]byte(max(prefix, after))); k != nil; k, stored = cursor.Next() {
		key := string(k)
		if !strings.HasPrefix(key, prefix) {
			return nil
		}
		if after != "" && key <= after {
			continue
		}
		value, err := decodeRecord(key, stored)
		if err != nil {
			return err
		}
		if err := visit(key, value); err != nil {
			if errors.Is(err, ErrStop) {
				return nil
			}
			return err
		}
	}
	return nil
}

func (t *boltTx) Put(key string, value []byte) error {
	if err := t.writeable(); err != nil {
		return err
	}
	if err := CheckLimits(key, value); err != nil {
		return err
	}
	if old := t.records.Get([]byte(key)); old != nil {
		t.summary.remove(key, old)
	}
	stored := encodeRecord(key, value)
	t.summary.add(key, stored)
	return t.records.Put([]byte(key), stored)
}

func (t *boltTx) Delete(key string) error {
	if err := t.writeable(); err != nil {
		return err
	}
	if key == "" || len(key) > MaxKey {
		return nil
	}
	old := t.records.Get([]byte(key))
	if old == nil {
		return nil
	}
	t.summary.remove(key, old)
	return t.records.Delete([]byte(key))
}

func (t *boltTx) writeable() error {
	switch {
	case t.records == nil:
		return ErrTxDone
	case !t.writable:
		return ErrReadOnly
	case t.ranging > 0:
		return fmt.Errorf("%w while ranging", ErrReadOnly)
	}
	return nil
}
