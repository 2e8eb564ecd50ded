package media

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// belief is what the model knows of one participant at one moment.
type belief struct {
	room     string // "": parked
	stay     int    // counts moves
	attached []string
	muted    [2]bool // by itself; microphone and camera
	silenced [2]bool // by the server
	tiles    []string
	layout   bool // tiles are in force; else everybody is shown
	sends    bool
	// take names what is being recorded of a source: it ends with each move
	// and each mute, and nothing of it may be sent to anybody after that. 0:
	// nothing is to be forwarded.
	take [2]int
}

// The sources that the test publishes, as belief counts them.
const (
	mic = iota
	cam
)

func (b *belief) flows(kind int) bool {
	return b.sends && b.room != "" && !b.muted[kind] && !b.silenced[kind]
}

func (b *belief) goTo(room string) {
	b.room = room
	b.stay++
}

// beliefs are all who are there, by id.
type beliefs map[string]belief

// next is what holds after apply.
func (s beliefs) next(apply func(beliefs), takes *int) beliefs {
	after := maps.Clone(s)
	apply(after)
	for id, b := range after {
		before := s[id]
		for _, kind := range []int{mic, cam} {
			switch {
			case !b.flows(kind):
				b.take[kind] = 0
			case before.take[kind] == 0 || before.stay != b.stay:
				*takes++
				b.take[kind] = *takes
			}
		}
		after[id] = b
	}
	return after
}

func (s beliefs) update(id string, f func(*belief)) {
	b := s[id]
	f(&b)
	s[id] = b
}

// in lists who is in a room ("": parked), in order of their ids.
func (s beliefs) in(room string) (ids []string) {
	for _, id := range slices.Sorted(maps.Keys(s)) {
		if s[id].room == room {
			ids = append(ids, id)
		}
	}
	return ids
}

// reaches says whether viewer may get what publisher sends now.
func (s beliefs) reaches(viewer, publisher string, kind int) bool {
	v, p := s[viewer], s[publisher]
	if viewer == publisher || v.room == "" || p.take[kind] == 0 {
		return false
	}
	return v.room == p.room || (kind == mic && slices.Contains(p.attached, v.room))
}

// voices are the lines that a room has for sure: of six one is the stage's.
const voices = 5

// expected says whether viewer must get what publisher sends now.
func (s beliefs) expected(viewer, publisher string, kind int) bool {
	if !s.reaches(viewer, publisher, kind) {
		return false
	}
	v := s[viewer]
	if kind == cam {
		return !v.layout || slices.Contains(v.tiles, publisher)
	}
	if s[publisher].room != v.room {
		return true // whoever else speaks
	}
	heard := 0
	for id := range s {
		if s.reaches(viewer, id, mic) {
			heard++
		}
	}
	return heard <= voices
}

// packetMark is what a packet says of itself: who sent it, and when: after how many
// actions, and whether the next was under way.
type packetMark struct {
	publisher string
	kind      int
	after     int
	during    bool
}

func (m packetMark) String() string {
	return fmt.Sprintf("%s/%d/%d/%t", m.publisher, m.kind, m.after, m.during)
}

// readMark finds the mark at the end of a payload.
func readMark(payload []byte) (m packetMark, ok bool) {
	s := string(payload)
	f := strings.Split(s[strings.LastIndexByte(s, '|')+1:], "/")
	if len(f) != 4 {
		return m, false
	}
	kind, err1 := strconv.Atoi(f[1])
	after, err2 := strconv.Atoi(f[2])
	during, err3 := strconv.ParseBool(f[3])
	return packetMark{f[0], kind, after, during}, err1 == nil && err2 == nil && err3 == nil
}

// history are the model's states: history[n] holds after n actions.
type history []beliefs

// allows says whether viewer may have got a packet that left the server after
// at least so many actions, and when at most so many had begun: there is a
// moment then at which it might, and what was being recorded when it was sent
// still was.
func (h history) allows(viewer string, m packetMark, left, by int) bool {
	sent := h[m.after : m.after+1]
	if m.during {
		sent = h[m.after:min(m.after+2, len(h))]
	}
	for _, then := range sent {
		take := then[m.publisher].take[m.kind]
		for _, now := range h[left:min(max(left, by)+1, len(h))] {
			if take != 0 && now[m.publisher].take[m.kind] == take && now.reaches(viewer, m.publisher, m.kind) {
				return true
			}
		}
	}
	return false
}
