package client

import (
	"slices"
	"time"

	"github.com/atriumrtc/atrium/signal/message"
)

// Move is what a change of rooms did to what the client receives. Beside it,
// [Stats] counts packets that nothing in the rooms explains (Early, Late,
// Misrouted, Unknown) and [Client.SDPAfterFirst] offers and answers.
type Move struct {
	Room  string // where to; "": parked
	Epoch uint64
	// At is when the message came that told of it.
	At time.Time
	// LastAudio is when the last packet of sound came before the longest silence
	// around the move, and Gap is that silence: from 250 ms before At until
	// FirstAudio, between packets of whomever. Zero as long as FirstAudio is.
	LastAudio time.Time
	Gap       time.Duration
	// FirstAudio and FirstVideo are when the first packet of sound, and of a key
	// frame, came of somebody whom the new map names; zero: not yet. Where it
	// was there before the map, it is when the map came.
	FirstAudio, FirstVideo time.Time
}

const (
	// maxMoves is how many moves a client remembers.
	maxMoves = 1000
	// moveBefore is how long before the message a silence that a move makes may
	// begin or end: media and signalling aren't ordered with each other.
	moveBefore = 250 * time.Millisecond
)

// Moves are the last 1000 changes of rooms, the first of all included.
func (c *Client) Moves() []Move {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.moves)
}

// moved begins a move.
func (c *Client) moved(m *message.Room, now time.Time) {
	c.receiver.pauseSince(now.Add(-moveBefore))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moves = append(c.moves, Move{Room: m.ID, Epoch: m.Epoch, At: now})
	c.moves = c.moves[max(0, len(c.moves)-maxMoves):]
}

// arrivedLocked notes what came first after the last move; p is the longest
// silence since.
func (c *Client) arrivedLocked(r Receiving, p pause) {
	if len(c.moves) == 0 {
		return
	}
	m := &c.moves[len(c.moves)-1]
	switch {
	case r.Source == message.SourceCamera || r.Source == message.SourceScreen:
		if m.FirstVideo.IsZero() {
			m.FirstVideo = r.At
		}
	case m.FirstAudio.IsZero():
		m.FirstAudio, m.LastAudio, m.Gap = r.At, p.from, p.length
	}
}

// pause is a time without sound.
type pause struct {
	from   time.Time // when the last packet before it came
	length time.Duration
}

// sounds are when the last packets of sound came, and the longest pause since
// some moment.
type sounds struct {
	recent  [128]time.Time // a ring; 250 ms of all slots of a small call, and more
	next    int
	longest pause
}

// heard takes a packet's arrival, in order of time.
func (s *sounds) heard(now time.Time) {
	s.longest = s.longest.longer(s.last(), now)
	s.recent[s.next] = now
	s.next = (s.next + 1) % len(s.recent)
}

func (s *sounds) last() time.Time { return s.recent[(s.next+len(s.recent)-1)%len(s.recent)] }

// since begins anew: with pauses that ended after a moment, if that isn't too
// long ago.
func (s *sounds) since(from time.Time) {
	s.longest = pause{}
	for i := range s.recent[1:] {
		a, b := s.recent[(s.next+i)%len(s.recent)], s.recent[(s.next+i+1)%len(s.recent)]
		if b.After(from) {
			s.longest = s.longest.longer(a, b)
		}
	}
}

// longer is the longer one of p and the time between two packets.
func (p pause) longer(from, to time.Time) pause {
	if length := to.Sub(from); !from.IsZero() && length > p.length {
		return pause{from, length}
	}
	return p
}

// pauseSince begins to look for the longest pause.
func (r *receiver) pauseSince(from time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sounds.since(from)
}

// pause is the longest one found until now.
func (r *receiver) pause() pause {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sounds.longest
}
