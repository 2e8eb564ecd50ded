package media

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// events records what an observer hears and lets tests wait for it.
type events struct {
	mu   sync.Mutex
	all  []Event
	more chan struct{}
}

func newEvents() *events { return &events{more: make(chan struct{})} }

func (o *events) Notify(ev Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, ev)
	close(o.more)
	o.more = make(chan struct{})
}

// wait waits until one of the events, past or to come, matches.
func waitEvent[E Event](t *testing.T, o *events, what string, match func(E) bool) E {
	t.Helper()
	deadline := time.After(patience)
	from := 0
	for {
		o.mu.Lock()
		more := o.more
		for _, ev := range o.all[from:] {
			from++
			if e, ok := ev.(E); ok && match(e) {
				o.mu.Unlock()
				return e
			}
		}
		o.mu.Unlock()
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("%s: no such %T among %d events", what, *new(E), from)
		}
	}
}

// last returns the newest event of a type.
func last[E Event](o *events) (e E, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, ev := range slices.Backward(o.all) {
		if e, ok := ev.(E); ok {
			return e, true
		}
	}
	return e, false
}
