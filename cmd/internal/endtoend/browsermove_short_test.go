//go:build !long

package endtoend

import (
	"testing"
	"time"
)

// How many people TestMovesInBrowsers moves into how many breakouts, how often,
// and how long that takes at most.
const (
	movePeople = 20
	moveRooms  = 4
	moveRounds = 3
	moveTime   = 4 * time.Minute
)

// busyMachine: the machines of CI aren't judged.
func busyMachine(*testing.T) func() bool { return func() bool { return false } }

func judgeMoves(*testing.T, []time.Duration, int) {}

// moveBrowsers are those who have a browser.
var moveBrowsers = []string{"Anna", "Ben"}
