package control

import (
	"bytes"
	"errors"
	"sync"

	"github.com/atriumrtc/atrium/control/store"
)

// callRecord is a call, and its breakouts, as they are stored.
type callRecord struct {
	id              string
	call, breakouts []byte
}

// readCall reads what is stored of a call and its breakouts.
func readCall(tx store.Tx, id string) (callRecord, error) {
	r := callRecord{id: id}
	var err error
	if r.call, err = tx.Get(prefixCall + id); errors.Is(err, store.ErrNotFound) {
		return r, ErrNotFound
	}
	if err != nil {
		return r, err
	}
	if r.breakouts, err = tx.Get(prefixBreakouts + id); errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return r, err
}

// same says whether nothing changed from one reading to another.
func (r callRecord) same(o callRecord) bool {
	return bytes.Equal(r.call, o.call) && bytes.Equal(r.breakouts, o.breakouts)
}

// openCall decodes what was read. Neither is to be changed: others see them
// too.
func (s *Service) openCall(r callRecord) (Call, Breakouts, error) {
	call, err := s.calls.decode(r.id, r.call)
	if err != nil || r.breakouts == nil {
		return call, Breakouts{}, err
	}
	b, err := s.splits.decode(r.id, r.breakouts)
	return call, b, err
}

// decoded keeps records as they were decoded last, by id: to place sixty people
// takes the same call sixty times, and to decode it, with all who are in it, was
// most of what that cost. It is good for exactly the bytes that it was made
// from. The zero value is ready.
type decoded[T any] struct {
	mu   sync.Mutex
	kept map[string]decodedRecord[T]
}

type decodedRecord[T any] struct {
	data  []byte
	value T
}

// maxDecoded is how many records are kept; which one goes is chance.
const maxDecoded = 64

func (d *decoded[T]) decode(id string, data []byte) (T, error) {
	d.mu.Lock()
	last, ok := d.kept[id]
	d.mu.Unlock()
	if ok && bytes.Equal(last.data, data) {
		return last.value, nil
	}
	value, err := decode[T](data)
	if err != nil {
		return value, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kept == nil {
		d.kept = make(map[string]decodedRecord[T])
	}
	for other := range d.kept {
		if len(d.kept) < maxDecoded {
			break
		}
		delete(d.kept, other)
	}
	d.kept[id] = decodedRecord[T]{data, value}
	return value, nil
}
