//go:build long

package endtoend

import (
	"slices"
	"testing"
	"time"
)

// How many people TestMovesInBrowsers moves into how many breakouts, how often,
// and how long that takes at most.
const (
	movePeople = 60
	moveRooms  = 10
	moveRounds = 5
	moveTime   = 10 * time.Minute
)

// busyMachine says whether the machine has been too busy to be judged since it was
// asked last: this process got to do nothing for a while, or the kernel had no
// room for datagrams.
func busyMachine(t *testing.T) func() bool {
	t.Helper()
	m := startMetronome(t)
	skips, drops := m.skips.Load(), kernelDrops()
	return func() bool {
		was, full := skips, drops
		skips, drops = m.skips.Load(), kernelDrops()
		return skips > was || drops > full
	}
}

// judgeMoves judges how soon browsers decoded somebody's picture after a move
// while the machine was good, of so many moves in all.
func judgeMoves(t *testing.T, seen []time.Duration, of int) {
	t.Helper()
	if len(seen) < of/2 {
		t.Errorf("the machine was good enough for %d of %d moves: run the test where nothing else runs", len(seen), of)
		return
	}
	slices.Sort(seen)
	if p95 := seen[(len(seen)-1)*95/100]; p95 > decodedGoal {
		t.Errorf("browsers decoded somebody's picture after %v (p95 of %d); want %v", p95, len(seen), decodedGoal)
	}
}
