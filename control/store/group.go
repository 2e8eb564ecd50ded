package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"
)

// Bounds of a group, so that its members aren't kept waiting by ever more
// company: half the largest latency of PF-10, at some 50 µs a member.
const (
	maxMembers    = 512
	maxGroupBytes = 8 << 20 // of keys and values written
)

// group is one bbolt transaction, in which Updates run one after the other,
// each on its caller's goroutine, and which is committed as a whole: one fsync
// for all of them. It is open to further members only while some are queueing
// for it, so that nobody waits for company that may not come.
//
// Each member sees what those before it wrote. A member whose function fails
// is taken back by itself. What any of them returns is held back until the
// commit, errors too, because they may rest on what the others wrote.
type group struct {
	tx      *bbolt.Tx
	records *bbolt.Bucket
	summary summary
	changed map[string]bool // keys whose records differ, and whether they are gone
	bytes   int
	members int   // those that wait for done
	spoiled error // a write could not be taken back: the group must fail

	done chan struct{} // closed when err is known
	err  error         // of the commit
}

// Update implements Store.
func (b *Bolt) Update(ctx context.Context, fn func(Tx) error) error {
	for alone := false; ; alone = true {
		g, err := b.join(ctx, fn, alone)
		if g == nil {
			return err
		}
		<-g.done
		switch {
		case g.err == nil:
			return err
		case g.members > 1 && errors.Is(g.err, ErrFull):
			// Again, each by itself: one that fits must not fail because of one
			// that doesn't.
		default:
			return g.err
		}
	}
}

// join runs fn as a member of the open group, or of a new one. It returns the
// group whose commit decides what becomes of fn's result; nil when that rests
// on durable records only. alone says that fn is to have no company.
func (b *Bolt) join(ctx context.Context, fn func(Tx) error, alone bool) (*group, error) {
	b.queue.Add(1)
	b.turn.Lock()
	defer b.pass(alone) // also when fn panics, or ends its goroutine
	if alone && b.open != nil {
		b.finish()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if b.open == nil {
		g, err := b.begin()
		if err != nil {
			return nil, err
		}
		b.open = g
	}
	g := b.open
	err := g.run(ctx, fn)
	if len(g.changed) == 0 && g.spoiled == nil {
		return nil, err
	}
	g.members++
	return g, err
}

// pass gives the turn to the next in the queue, once the group is committed
// if it has to be now. The queue is what has called join and had no turn.
func (b *Bolt) pass(alone bool) {
	defer b.turn.Unlock()
	queued := b.queue.Add(-1)
	if g := b.open; g != nil && (queued == 0 || alone || g.members >= maxMembers || g.bytes >= maxGroupBytes) {
		b.finish()
	}
}

// begin opens a group.
func (b *Bolt) begin() (*group, error) {
	if err := b.usable(); err != nil {
		return nil, err
	}
	tx, err := b.db.Begin(true)
	if err != nil {
		return nil, translate(err)
	}
	g := &group{tx: tx, changed: make(map[string]bool), done: make(chan struct{})}
	g.records = tx.Bucket([]byte(bucketRecords))
	stored, err := decodeRecord(keySummary, tx.Bucket([]byte(bucketSelf)).Get([]byte(keySummary)))
	if err == nil {
		g.summary, err = decodeSummary(stored)
	}
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return g, nil
}

// run runs fn in the group, and takes back what it wrote unless it succeeds.
func (g *group) run(ctx context.Context, fn func(Tx) error) error {
	t := &boltTx{records: g.records, writable: true, summary: g.summary, before: make(map[string][]byte)}
	kept := false
	defer func() {
		t.records = nil
		if !kept {
			g.takeBack(t.before)
		}
	}()
	err := fn(t)
	if err == nil {
		err = ctx.Err() // nobody waits for the answer: don't do it
	}
	if err != nil {
		return err
	}
	kept = true
	g.summary = t.summary
	g.bytes += t.written
	t.changes(func(key string, deleted bool) { g.changed[key] = deleted })
	return nil
}

// takeBack puts records back as they stood.
func (g *group) takeBack(before map[string][]byte) {
	for key, old := range before {
		var err error
		if old == nil {
			err = g.records.Delete([]byte(key))
		} else {
			err = g.records.Put([]byte(key), old)
		}
		if err != nil {
			g.spoiled = fmt.Errorf("take back a failed transaction: %w", err)
		}
	}
}

// finish commits the open group, tells who watches, and then its members. The
// caller has the turn, and keeps it meanwhile, so that commits are published
// in order.
func (b *Bolt) finish() {
	g := b.open
	b.open = nil
	version := uint64(g.tx.ID())
	switch {
	case g.spoiled != nil:
		g.err = errors.Join(g.spoiled, g.tx.Rollback())
	case len(g.changed) == 0:
		g.err = g.tx.Rollback()
	default:
		g.err = b.commit(g)
	}
	if g.err == nil && len(g.changed) > 0 {
		b.watchers.publish(g.changes(version))
	}
	close(g.done)
}

// changes returns what the group changed, in order of the keys.
func (g *group) changes(version uint64) []Change {
	out := make([]Change, 0, len(g.changed))
	for key, deleted := range g.changed {
		out = append(out, Change{Key: key, Deleted: deleted, Version: version})
	}
	slices.SortFunc(out, func(a, b Change) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

// commit makes a group durable.
func (b *Bolt) commit(g *group) error {
	version := g.tx.ID()
	err := safely(func() error {
		self := g.tx.Bucket([]byte(bucketSelf))
		if err := self.Put([]byte(keySummary), encodeRecord(keySummary, g.summary.encode())); err != nil {
			return err
		}
		return b.write(g.tx)
	})
	if err == nil {
		return nil
	}
	// bbolt has rolled back already, except after a panic.
	_ = safely(g.tx.Rollback)
	// When the last fsync, that of the meta page, fails, the commit is visible
	// and may be lost nevertheless: neither yes nor no would be true.
	if visible, viewErr := b.db.Begin(false); viewErr != nil {
		b.broken.Store(true)
	} else {
		if visible.ID() >= version {
			b.broken.Store(true)
		}
		_ = visible.Rollback()
	}
	if errors.Is(err, errPanic) {
		b.broken.Store(true)
	}
	if b.broken.Load() {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	return translate(err)
}

// errPanic marks what bbolt panicked with.
var errPanic = errors.New("panic")

// safely turns a panic of bbolt, which means that it found its file in
// disorder, into an error: the others must not wait for ever.
func safely(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	return f()
}
