package controltest

import (
	"encoding/json"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control"
	"github.com/atriumrtc/atrium/control/store"
)

// prefixOutbox is where the outbox of tests keeps its records.
const prefixOutbox = "test_outbox/"

// Outbox is a control.Outbox whose records a test reads. It writes them into
// the store, so that only what was committed counts. The zero value is ready
// and takes everything.
type Outbox struct {
	mu      sync.Mutex
	missing []control.NoticeKind
}

// Lack makes Enqueue answer ErrNoGateway for these kinds only.
func (o *Outbox) Lack(kinds ...control.NoticeKind) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.missing = kinds
}

// Enqueue implements control.Outbox.
func (o *Outbox) Enqueue(tx store.Tx, m control.Notice) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if slices.Contains(o.missing, m.Kind) {
		return "", control.ErrNoGateway
	}
	if m.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return "", err
		}
		m.ID = id.String()
	}
	data, err := json.Marshal(m)
	if err != nil {
		return "", err
	}
	return m.ID, tx.Put(prefixOutbox+m.ID, data)
}

// Notices reads what was committed, in order.
func (o *Outbox) Notices(tx store.Tx) ([]control.Notice, error) {
	var list []control.Notice
	err := tx.Range(prefixOutbox, "", func(_ string, value []byte) error {
		var m control.Notice
		if err := json.Unmarshal(value, &m); err != nil {
			return err
		}
		list = append(list, m)
		return nil
	})
	return list, err
}
