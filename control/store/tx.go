package store

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"go.etcd.io/bbolt"
)

// boltTx is a Tx. records is nil once it has ended.
type boltTx struct {
	records  *bbolt.Bucket
	writable bool
	ranging  int // depth of Range: no writes then, bbolt's cursors would skip
	summary  summary
	// before holds the records that were written as they stood, nil where
	// there was none: to take the writes back, and to know what changed.
	before  map[string][]byte
	written int // bytes of keys and values put
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
	old := t.remember(key)
	stored := encodeRecord(key, value)
	if err := t.records.Put([]byte(key), stored); err != nil {
		return err
	}
	if old != nil {
		t.summary.remove(key, old)
	}
	t.summary.add(key, stored)
	t.written += len(key) + len(value)
	return nil
}

func (t *boltTx) Delete(key string) error {
	if err := t.writeable(); err != nil {
		return err
	}
	if key == "" || len(key) > MaxKey {
		return nil
	}
	old := t.remember(key)
	if old == nil {
		return nil
	}
	if err := t.records.Delete([]byte(key)); err != nil {
		return err
	}
	t.summary.remove(key, old)
	return nil
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

// remember returns the record at key, which is about to be written, and keeps
// it. bbolt keeps its memory until its own transaction has ended.
func (t *boltTx) remember(key string) []byte {
	old := t.records.Get([]byte(key))
	if _, ok := t.before[key]; !ok {
		t.before[key] = old
	}
	return old
}

// changes calls changed for each record that isn't as it was.
func (t *boltTx) changes(changed func(key string, deleted bool)) {
	for key, old := range t.before {
		if now := t.records.Get([]byte(key)); !bytes.Equal(now, old) { // a record is never empty
			changed(key, now == nil)
		}
	}
}
