package storetest

import (
	"maps"
	"slices"
	"strings"

	"github.com/atriumrtc/atrium/control/store"
)

// Oracle is the simplest thing that keeps records in order: what a store
// must answer. It is for one goroutine.
type Oracle struct{ records map[string]string }

// NewOracle returns an empty Oracle.
func NewOracle() *Oracle { return &Oracle{records: make(map[string]string)} }

// Clone returns an independent copy: the state that a transaction starts
// from.
func (o *Oracle) Clone() *Oracle { return &Oracle{records: maps.Clone(o.records)} }

// Put, Get, Delete and Range are those of store.Tx.
func (o *Oracle) Put(key string, value []byte) { o.records[key] = string(value) }

// Get returns the value and whether there is one.
func (o *Oracle) Get(key string) (string, bool) {
	v, ok := o.records[key]
	return v, ok
}

// Delete removes a record.
func (o *Oracle) Delete(key string) { delete(o.records, key) }

// Record is a key with its value.
type Record struct{ Key, Value string }

// Range returns at most limit records (0: all) as store.Tx.Range visits them.
func (o *Oracle) Range(prefix, after string, limit int) []Record {
	var out []Record
	for _, key := range slices.Sorted(maps.Keys(o.records)) {
		if !strings.HasPrefix(key, prefix) || after != "" && key <= after {
			continue
		}
		if limit > 0 && len(out) == limit {
			break
		}
		out = append(out, Record{key, o.records[key]})
	}
	return out
}

// Collect reads at most limit records (0: all) of a Range.
func Collect(tx store.Tx, prefix, after string, limit int) ([]Record, error) {
	var out []Record
	err := tx.Range(prefix, after, func(key string, value []byte) error {
		if limit > 0 && len(out) == limit {
			return store.ErrStop
		}
		out = append(out, Record{key, string(value)})
		return nil
	})
	return out, err
}
