package client

import (
	"testing"
	"time"

	"github.com/atriumrtc/atrium/signal/message"
)

// A move's gap is the longest silence around it, also where the last packet of
// before or the first of after came on the other side of the message (PF-4).
func TestMoveGap(t *testing.T) {
	began := time.Now()
	at := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	for _, row := range []struct {
		name      string
		heard     []int // ms
		move      int
		after     []int
		from, gap int
	}{
		{"in between", []int{0, 20, 40}, 50, []int{90, 110}, 40, 50},
		{"the new is there first", []int{0, 20, 80, 100}, 101, []int{120, 140}, 20, 60},
		{"the old goes on", []int{0, 20}, 30, []int{40, 60, 140}, 60, 80},
		{"long ago", []int{0, 1000, 1020, 1040}, 1300, []int{1310, 1330}, 1040, 270},
		{"nothing before", nil, 30, []int{40, 60}, 40, 20},
		{"nothing after", []int{0, 20, 50}, 60, nil, 20, 30},
	} {
		t.Run(row.name, func(t *testing.T) {
			var s sounds
			for _, ms := range row.heard {
				s.heard(at(ms))
			}
			s.since(at(row.move).Add(-moveBefore))
			for _, ms := range row.after {
				s.heard(at(ms))
			}
			if s.longest.from != at(row.from) || s.longest.length != time.Duration(row.gap)*time.Millisecond {
				t.Errorf("from %s, %s; want %d ms, %d ms", s.longest.from.Sub(began), s.longest.length, row.from, row.gap)
			}
		})
	}
}

// The ring forgets the oldest, and finds what it knows wherever it begins.
func TestMoveGapInALongCall(t *testing.T) {
	began := time.Now()
	var s sounds
	for i := range 300 {
		s.heard(began.Add(time.Duration(i) * time.Millisecond))
	}
	s.heard(began.Add(340 * time.Millisecond))
	s.since(began.Add(100 * time.Millisecond))
	if s.longest.length != 41*time.Millisecond || s.longest.from != began.Add(299*time.Millisecond) {
		t.Errorf("%+v", s.longest)
	}
}

// What comes first is noted once, with the silence before it.
func TestMoveNotesTheFirst(t *testing.T) {
	c := &Client{receiver: newReceiver(func(Receiving) {}, false)}
	now := time.Now()
	c.arrivedLocked(Receiving{Source: message.SourceMicrophone, At: now}, pause{}) // of no move
	for range maxMoves + 1 {
		c.moved(&message.Room{ID: "r", Epoch: 3}, now)
	}
	p := pause{from: now, length: 30 * time.Millisecond}
	for i, source := range []string{message.SourceMicrophone, message.SourceScreenAudio, message.SourceScreen, message.SourceCamera} {
		c.arrivedLocked(Receiving{Source: source, At: now.Add(time.Duration(i) * time.Second)}, p)
	}
	moves := c.Moves()
	want := Move{Room: "r", Epoch: 3, At: now, LastAudio: now, Gap: p.length, FirstAudio: now, FirstVideo: now.Add(2 * time.Second)}
	if len(moves) != maxMoves || moves[maxMoves-1] != want {
		t.Errorf("%d moves, %+v", len(moves), moves[len(moves)-1])
	}
}
