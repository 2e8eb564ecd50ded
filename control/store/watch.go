package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
)

// watchers are the open watches of a store.
type watchers struct {
	mu     sync.Mutex
	open   map[*watcher]struct{}
	closed bool
}

// add opens a watch.
func (ws *watchers) add(ctx context.Context, prefix string) (*watcher, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := &watcher{prefix: prefix, all: ws, wake: make(chan struct{}, 1), pending: make(map[string]Change)}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.closed {
		return nil, ErrClosed
	}
	if ws.open == nil {
		ws.open = make(map[*watcher]struct{})
	}
	ws.open[w] = struct{}{}
	w.release = context.AfterFunc(ctx, func() { w.end(ctx.Err(), true) })
	return w, nil
}

// publish hands the changes of one commit, in order of their keys, to whom
// they concern. Commits are published one after the other.
func (ws *watchers) publish(changes []Change) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for w := range ws.open {
		from, _ := slices.BinarySearchFunc(changes, w.prefix, func(c Change, prefix string) int {
			return cmp.Compare(c.Key, prefix)
		})
		to := from
		for to < len(changes) && strings.HasPrefix(changes[to].Key, w.prefix) {
			to++
		}
		if from < to {
			w.take(changes[from:to])
		}
	}
}

// close ends all watches, once their readers have what was committed.
func (ws *watchers) close() {
	ws.mu.Lock()
	ws.closed = true
	open := slices.Collect(maps.Keys(ws.open))
	ws.mu.Unlock()
	for _, w := range open {
		w.release()
		w.end(ErrClosed, true)
	}
}

func (ws *watchers) remove(w *watcher) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	delete(ws.open, w)
}

// watcher is a Watcher.
type watcher struct {
	prefix  string
	all     *watchers
	release func() bool   // forgets Watch's context
	wake    chan struct{} // holds one when there is something for Next

	mu      sync.Mutex
	pending map[string]Change // the last of each key
	lost    bool              // pending would have become too long
	err     error             // why it ended
}

// take adds changes that were committed.
func (w *watcher) take(changes []Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil || w.lost { // the reader reads everything anyway
		return
	}
	for _, c := range changes {
		w.pending[c.Key] = c
	}
	if len(w.pending) > MaxPending {
		w.lost = true
		w.pending = make(map[string]Change) // a cleared map would keep its size
	}
	w.signal()
}

// signal wakes Next, now or at its next call.
func (w *watcher) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// end is called for the first reason that ends the watch; later ones change
// nothing. keep leaves what is pending to the reader.
func (w *watcher) end(err error, keep bool) {
	w.mu.Lock()
	if w.err == nil {
		w.err = err
	}
	if !keep {
		w.pending, w.lost = nil, false
	}
	w.signal()
	w.mu.Unlock()
	w.all.remove(w) // not under w.mu: publish locks the other way round
}

// Close implements Watcher.
func (w *watcher) Close() {
	w.release()
	w.end(ErrClosed, false)
}

// Next implements Watcher.
func (w *watcher) Next(ctx context.Context) ([]Change, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		changes, err := w.next()
		if err != nil || len(changes) > 0 {
			return changes, err
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
		}
	}
}

// next returns what there is for the reader, if anything.
func (w *watcher) next() ([]Change, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.lost:
		w.lost = false
		return nil, ErrLost
	case len(w.pending) == 0:
		return nil, w.err
	}
	changes := slices.SortedFunc(maps.Values(w.pending), func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Version, b.Version), cmp.Compare(a.Key, b.Key))
	})
	w.pending = make(map[string]Change)
	return changes, nil
}
