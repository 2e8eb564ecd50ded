package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/atriumrtc/atrium/control/store"
)

// Keys of the records. ms are Unix milliseconds in 15 digits.
const (
	prefixItem = "outbox/item/" // <id>: item
	prefixDue  = "outbox/due/"  // <ms>/<id>: nothing; what to try when
	prefixDone = "outbox/done/" // <ms>/<id>: the endpoint; what may be replayed

	// kept is how long a webhook that was delivered or given up can be
	// replayed.
	kept = 72 * time.Hour
)

// Sealer seals what must not stand in the store in the open. *auth.Keys is
// one.
type Sealer interface {
	Seal(plaintext []byte, purpose string) []byte
	Open(sealed []byte, purpose string) ([]byte, error)
}

// Outbox writes messages, gateways and endpoints. Its methods take the
// transaction that they belong to.
type Outbox struct {
	sealer Sealer
	now    func() time.Time
}

// NewOutbox uses the sealer and the clock; now may be nil for the wall clock.
func NewOutbox(sealer Sealer, now func() time.Time) *Outbox {
	if now == nil {
		now = time.Now
	}
	return &Outbox{sealer: sealer, now: now}
}

func (o *Outbox) clock() time.Time { return o.now().UTC().Truncate(time.Millisecond) }

// timeKey is a time as keys have it.
func timeKey(t time.Time) string { return fmt.Sprintf("%015d", max(0, t.UnixMilli())) }

// Enqueue writes a message and returns its id. A webhook goes to every
// endpoint that hears it, which may be none. ErrNoGateway: the organisation
// can't send that kind.
func (o *Outbox) Enqueue(tx store.Tx, m Message) (string, error) {
	if m.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return "", err
		}
		m.ID = id.String()
	}
	if m.Kind == Webhook {
		return m.ID, o.enqueueWebhook(tx, m)
	}
	if !m.Template.known() {
		return "", fmt.Errorf("%w %q", ErrUnknownTemplate, m.Template)
	}
	g, err := o.gateways(tx, m.OrganisationID)
	if err != nil {
		return "", err
	}
	if m.Kind == Email && g.SMTP == nil || m.Kind == SMS && g.SMS == nil {
		return "", ErrNoGateway
	}
	now := o.clock()
	return m.ID, writeItem(tx, m.ID, item{Message: m, Since: now, Due: now})
}

func (o *Outbox) enqueueWebhook(tx store.Tx, m Message) error {
	endpoints, err := o.Endpoints(tx, m.OrganisationID)
	if err != nil {
		return err
	}
	now := o.clock()
	for _, e := range endpoints {
		if !e.hears(m) {
			continue
		}
		if err := writeItem(tx, m.ID+"."+e.ID, item{Message: m, Endpoint: e.ID, Since: now, Due: now}); err != nil {
			return err
		}
	}
	return nil
}

// parseTime reads what timeKey wrote.
func parseTime(key string) (time.Time, error) {
	ms, err := strconv.ParseInt(key, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: a time in the outbox can't be read", store.ErrCorrupt)
	}
	return time.UnixMilli(ms).UTC(), nil
}

// writeItem stores an item and when it is due.
func writeItem(tx store.Tx, id string, i item) error {
	return errors.Join(putItem(tx, id, i), tx.Put(prefixDue+timeKey(i.Due)+"/"+id, nil))
}

func putItem(tx store.Tx, id string, i item) error {
	data, err := json.Marshal(i)
	if err != nil {
		return err
	}
	return tx.Put(prefixItem+id, data)
}

func readItem(tx store.Tx, id string) (item, error) {
	var i item
	data, err := tx.Get(prefixItem + id)
	if errors.Is(err, store.ErrNotFound) {
		return i, ErrNotFound
	}
	if err != nil {
		return i, err
	}
	if err := json.Unmarshal(data, &i); err != nil {
		return i, fmt.Errorf("%w: a message can't be read", store.ErrCorrupt)
	}
	return i, nil
}

// Cancel takes a message back that has not been delivered: its link is dead.
// It's no error if there is none.
func (o *Outbox) Cancel(tx store.Tx, id string) error {
	i, err := readItem(tx, id)
	if errors.Is(err, ErrNotFound) || err == nil && !i.DoneAt.IsZero() {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(tx.Delete(prefixDue+timeKey(i.Due)+"/"+id), tx.Delete(prefixItem+id))
}
