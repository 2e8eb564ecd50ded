package poll

import (
	"container/heap"
	"sync"
	"time"
)

// Task sends what is due at now, and says when it is to be called next; false
// ends it.
type Task func(now time.Time) (next time.Time, again bool)

// task is a Task that waits for its time.
type task struct {
	run    Task
	socket *Socket
	due    time.Time
	at     int // in the heap; -1: not there
}

// tasks are those of a poller, the one due first at the top.
type tasks struct {
	mu    sync.Mutex // held while one runs
	queue taskHeap
}

// add lets run be called at once and then as it says; stop ends that, and waits
// for a call under way.
func (t *tasks) add(s *Socket, run Task, now time.Time) (stop func()) {
	k := &task{run: run, socket: s, due: now}
	t.mu.Lock()
	defer t.mu.Unlock()
	heap.Push(&t.queue, k)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if k.at >= 0 {
			heap.Remove(&t.queue, k.at)
		}
	}
}

// runDue calls those that are due, each once.
func (t *tasks) runDue(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.queue) > 0 && !t.queue[0].due.After(now) {
		k := t.queue[0]
		var again bool
		k.socket.together(func() { k.due, again = k.run(now) })
		if !again {
			heap.Remove(&t.queue, k.at)
			continue
		}
		if !k.due.After(now) {
			k.due = now.Add(1) // what is behind doesn't keep the others waiting
		}
		heap.Fix(&t.queue, k.at)
	}
}

// taskHeap implements heap.Interface.
type taskHeap []*task

func (h taskHeap) Len() int           { return len(h) }
func (h taskHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h taskHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push implements heap.Interface.
func (h *taskHeap) Push(x any) {
	k := x.(*task)
	k.at = len(*h)
	*h = append(*h, k)
}

// Pop implements heap.Interface.
func (h *taskHeap) Pop() any {
	last := len(*h) - 1
	k := (*h)[last]
	(*h)[last], *h = nil, (*h)[:last]
	k.at = -1
	return k
}
