//go:build long

package endtoend

import (
	"fmt"
	"os"
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

// moveBrowsers are those who have a browser: one takes as much of two cores as the
// server and the other 59 together.
var moveBrowsers = []string{"Anna"}

// maxStolen is the share of the machine's time that its host may give to others
// while it is judged.
const maxStolen = 0.05

// busyMachine says whether the machine has been too busy to be judged since it was
// asked last: this process got to do nothing for a while, the kernel had no
// room for datagrams, or the host gave the machine's time to others.
func busyMachine(t *testing.T) func() bool {
	t.Helper()
	m := startMetronome(t)
	skips, drops := m.skips.Load(), kernelDrops()
	stolen, spent := stolenTime()
	return func() bool {
		was, full, before, began := skips, drops, stolen, spent
		skips, drops = m.skips.Load(), kernelDrops()
		stolen, spent = stolenTime()
		return skips > was || drops > full || stolen-before > maxStolen*(spent-began)
	}
}

// stolenTime is how much of the processors' time went to the host's other guests
// since the machine was started, of how much it could have had, in ticks.
func stolenTime() (stolen, all float64) {
	raw, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	var times [8]float64 // user, nice, system, idle, waiting for I/O, two kinds of interrupts, stolen
	n, _ := fmt.Sscanf(string(raw), "cpu %f %f %f %f %f %f %f %f",
		&times[0], &times[1], &times[2], &times[3], &times[4], &times[5], &times[6], &times[7])
	for _, t := range times[:n] {
		all += t
	}
	return times[7], all
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
