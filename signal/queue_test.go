package signal

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func topics(q *queue) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	names := make([]string, len(q.entries))
	for i, e := range q.entries {
		names[i] = string(e.topic)
	}
	return strings.Join(names, " ")
}

// What remains queued of what was pushed.
func TestQueueCoalesces(t *testing.T) {
	for _, row := range []struct{ push, want string }{
		{"room room", "room"},
		{"map map map", "map"},
		{"map participants map", "participants map"},
		{"participants participants", "participants participants"},
		{"quality quality", "quality quality"},
		{"room participants map speakers quality room", "room"},
		{"room controls participants controls map", "room participants controls map"},
		{"room controls map room controls", "room controls"},
		{"layers:camera layers:screen layers:camera", "layers:screen layers:camera"},
		{"layers:camera transport room", "layers:camera transport room"},
		{"transport participants transport", "participants transport"},
		{"room participants room participants map", "room participants map"},
		{"chat room participants room", "chat room"},
		{"room participants chat room map room", "room participants chat room"},
		{"chat chat", "chat chat"},
		{"room notice room notice room", "room notice room notice room"},
		{"speakers map speakers", "map speakers"},
	} {
		q := newQueue(100, 1e6)
		for _, name := range strings.Fields(row.push) {
			q.push(entry{topic: topic(name), size: 1})
		}
		if got := topics(q); got != row.want {
			t.Errorf("%s: got %q, want %q", row.push, got, row.want)
		}
		if n := len(q.entries); n != len(strings.Fields(row.want)) || q.bytes != n {
			t.Errorf("%s: %d entries of %d bytes", row.push, n, q.bytes)
		}
	}
}

func TestQueueBounds(t *testing.T) {
	q := newQueue(3, 100)
	for i := range 3 {
		if !q.push(entry{size: 1}) {
			t.Errorf("entry %d is too many", i)
		}
	}
	if q.push(entry{size: 1}) {
		t.Error("4 entries of 3 are fine")
	}
	q = newQueue(3, 100)
	if q.push(entry{size: 101}) {
		t.Error("101 bytes of 100 are fine")
	}
}

func TestQueueOrder(t *testing.T) {
	q := newQueue(10, 1e6)
	q.push(entry{topic: topicRoom})
	if _, ok := q.pop(); ok {
		t.Error("something came before the welcome")
	}
	q.begin(entry{topic: "welcome"})
	q.push(entry{topic: topicMap})
	if !q.end(entry{topic: "bye"}, false) {
		t.Error("ended before")
	}
	q.push(entry{topic: topicMap})
	if q.end(entry{topic: "bye again"}, true) {
		t.Error("ended twice")
	}
	if got := topics(q); got != "welcome room map bye" {
		t.Errorf("got %q", got)
	}
	var last []bool
	for e, ok := q.pop(); ok; e, ok = q.pop() {
		last = append(last, e.last)
	}
	if !slices.Equal(last, []bool{false, false, false, true}) || q.bytes != 0 {
		t.Errorf("got %v, %d bytes", last, q.bytes)
	}

	q = newQueue(10, 1e6)
	q.push(entry{topic: topicRoom})
	q.end(entry{topic: "bye"}, false) // instead of a welcome
	if got := topics(q); got != "bye" {
		t.Errorf("got %q", got)
	}
}

// clientModel is what a client knows from the messages that it got.
type clientModel struct {
	epoch   int
	people  map[int]bool
	mapped  []int
	unknown bool // a map named somebody that the client wasn't told of
}

func (m *clientModel) apply(e any) {
	switch e := e.(type) {
	case modelRoom:
		m.epoch, m.people, m.mapped = e.epoch, map[int]bool{}, nil
		for _, p := range e.people {
			m.people[p] = true
		}
	case modelDelta:
		if e.joined {
			m.people[e.who] = true
		} else {
			delete(m.people, e.who)
		}
	case modelMap:
		m.mapped = e.people
		for _, p := range e.people {
			m.unknown = m.unknown || !m.people[p]
		}
	}
}

type modelRoom struct {
	epoch  int
	people []int
}
type modelDelta struct {
	who    int
	joined bool
}
type modelMap struct{ people []int }

// However slowly a client reads, it ends up knowing the same as one that read
// everything, and no map that it sees names somebody it hasn't heard of.
func TestCoalescingLosesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		q := newQueue(1<<20, 1<<40)
		q.begin(entry{topic: "welcome", encode: func() ([]byte, error) { return nil, nil }})
		oracle, got := &clientModel{people: map[int]bool{}}, &clientModel{people: map[int]bool{}}
		present := []int{}
		read := func() bool {
			e, ok := q.pop()
			if ok && e.encode != nil {
				_, _ = e.encode()
			}
			return ok
		}
		push := func(tp topic, ev any) {
			oracle.apply(ev)
			q.push(entry{topic: tp, size: 1, encode: func() ([]byte, error) { got.apply(ev); return nil, nil }})
		}
		for step := range rapid.IntRange(1, 60).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "op") {
			case 0:
				present = rapid.SliceOfNDistinct(rapid.IntRange(0, 9), 0, 5, rapid.ID[int]).Draw(rt, "room")
				push(topicRoom, modelRoom{step, slices.Clone(present)})
			case 1:
				who := rapid.IntRange(0, 9).Draw(rt, "who")
				if i := slices.Index(present, who); i >= 0 {
					present = slices.Delete(slices.Clone(present), i, i+1)
					// As the engine does: nobody who left stays in the map.
					push(topicParticipants, modelDelta{who, false})
				} else {
					present = append(slices.Clone(present), who)
					push(topicParticipants, modelDelta{who, true})
				}
				push(topicMap, modelMap{slices.Clone(present)})
			case 2:
				push(topicMap, modelMap{slices.Clone(present)})
			default:
				read()
			}
		}
		for read() {
		}
		if got.unknown {
			rt.Error("a map named somebody unknown")
		}
		if fmt.Sprint(got.epoch, got.people, got.mapped) != fmt.Sprint(oracle.epoch, oracle.people, oracle.mapped) {
			rt.Errorf("got %+v, want %+v", got, oracle)
		}
	})
}
