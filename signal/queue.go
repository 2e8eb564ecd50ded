package signal

import (
	"slices"
	"sync"

	"github.com/atriumrtc/atrium/signal/message"
)

// topic says which queued messages a later one makes void.
type topic string

const (
	topicNone         topic = ""
	topicChat         topic = "chat"
	topicNotice       topic = "notice"
	topicRoom         topic = "room"
	topicControls     topic = "controls"
	topicParticipants topic = "participants"
	topicMap          topic = "map"
	topicLayers       topic = "layers:" // and the source
	topicSpeakers     topic = "speakers"
	topicQuality      topic = "quality"
	topicTransport    topic = "transport"
)

// voids says whether a queued message on old need not be written once one on t
// is queued behind it.
//
// A room is whole state and ends what was said of the one before: what follows
// it in the queue is relative to it. (What stands before a queued chat or notice
// stays nevertheless: clients know by it which room that belongs to.) Of a map, the controls, the layers of
// a source, the speakers and the transport only the last counts. It takes the last place and
// not that of the one it replaces, since it may speak of participants who are
// introduced by a message in between. Changes of participants and of quality
// are relative: each of them counts.
func (t topic) voids(old topic) bool {
	switch t {
	case topicNone, topicChat, topicNotice, topicParticipants, topicQuality:
		return false
	case topicRoom:
		return slices.Contains([]topic{topicRoom, topicControls, topicParticipants, topicMap, topicSpeakers, topicQuality}, old)
	}
	return t == old
}

// entry is one message that waits to be written.
type entry struct {
	topic  topic
	size   int // bytes held until it is written, about
	encode func() ([]byte, error)
	last   bool // the connection ends after it
}

// said is an entry for a message that exists already.
func said(m message.ServerMessage) entry {
	return entry{size: 256, encode: func() ([]byte, error) { return message.Encode(m) }}
}

// encoded is an entry for a message that is encoded already, as it is the same
// for everybody.
func encoded(t topic, data []byte) entry {
	return entry{topic: t, size: len(data), encode: func() ([]byte, error) { return data, nil }}
}

// nothing is an entry that ends a queue without a word.
func nothing() entry {
	return entry{encode: func() ([]byte, error) { return nil, nil }}
}

// queue is what waits to be written to one client: bounded, many producers,
// one consumer. It holds everything back until begin or end.
type queue struct {
	maxEntries, maxBytes int
	// wake has room for one: a producer leaves a token after a change.
	wake chan struct{}

	mu      sync.Mutex
	entries []entry
	bytes   int
	begun   bool
	ended   bool
}

func newQueue(maxEntries, maxBytes int) *queue {
	return &queue{maxEntries: maxEntries, maxBytes: maxBytes, wake: make(chan struct{}, 1)}
}

// push adds an entry behind the others and takes those out that it voids. It
// is false when the queue then exceeds its bounds: the client is too slow.
// After end it does nothing.
func (q *queue) push(e entry) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return true
	}
	from := 0
	if e.topic == topicRoom {
		for i, old := range q.entries {
			if old.topic == topicChat || old.topic == topicNotice {
				from = i + 1
			}
		}
	}
	q.dropLocked(from, func(old entry) bool { return e.topic.voids(old.topic) })
	q.entries = append(q.entries, e)
	q.bytes += e.size
	q.signalLocked()
	return len(q.entries) <= q.maxEntries && q.bytes <= q.maxBytes
}

// begin lets the consumer start, with first before all that was pushed.
func (q *queue) begin(first entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return
	}
	q.entries = slices.Insert(q.entries, 0, first)
	q.bytes += first.size
	q.begun = true
	q.signalLocked()
}

// end adds the last entry; all later ones are ignored. clear drops what waits
// before it. It is false when the queue had ended before.
func (q *queue) end(last entry, clear bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return false
	}
	if clear || !q.begun {
		q.dropLocked(0, func(entry) bool { return true })
	}
	last.last = true
	q.entries = append(q.entries, last)
	q.bytes += last.size
	q.begun, q.ended = true, true
	q.signalLocked()
	return true
}

// hasEnded says whether end was called.
func (q *queue) hasEnded() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.ended
}

// pop takes the first entry; false when there is none to be written yet.
func (q *queue) pop() (entry, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.begun || len(q.entries) == 0 {
		return entry{}, false
	}
	e := q.entries[0]
	q.entries[0] = entry{} // lets go of what the closure holds
	q.entries = q.entries[1:]
	q.bytes -= e.size
	return e, true
}

// dropLocked takes out entries from the given index on.
func (q *queue) dropLocked(from int, which func(entry) bool) {
	kept := slices.DeleteFunc(q.entries[from:], func(e entry) bool {
		if which(e) {
			q.bytes -= e.size
			return true
		}
		return false
	})
	q.entries = q.entries[:from+len(kept)]
}

func (q *queue) signalLocked() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
