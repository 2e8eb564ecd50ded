package bench

import (
	"fmt"
	"time"
)

// Limits of a group consultation (those of the API).
const (
	maxGroup     = 60 // participants, beside the moderator
	maxBreakouts = 30
	maxMoves     = 1000
	maxPause     = time.Minute
)

// Breakout is a group consultation in full: people register, open their links,
// are admitted, and are moved between breakout rooms.
type Breakout struct {
	// URL of the server, such as http://127.0.0.1:8080.
	URL string
	// Participants register, beside the moderator. All publish camera and
	// microphone, and speak.
	Participants int
	// Rooms is how many breakouts are opened, Moves how often everybody is moved
	// while they are open. Without rooms the run ends when all are in the group.
	Rooms, Moves int
	// Admits is how often a guest of an individual consultation is admitted from
	// the waiting area, before the group (PF-5).
	Admits int
	// Everybody is moved by one request. Together: by closing the breakouts and
	// opening them anew; Singly: by a request for each of them, all at the same
	// time.
	Together, Singly bool
	// Simulcast publishes three encodings of a camera instead of one.
	Simulcast bool
	// Light: see [Scenario].
	Light bool
	// Ramp is how many open their links each second.
	Ramp float64
	// Pause is what passes between two moves.
	Pause time.Duration
	// JoinTimeout bounds whatever one person waits for; zero is 30 s.
	JoinTimeout time.Duration
}

// Validate says what is wrong with a scenario; errors wrap [ErrScenario] and
// begin with the name of the flag that sets the value.
func (s Breakout) Validate() error {
	bad := func(format string, values ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrScenario}, values...)...)
	}
	if err := validURL(s.URL); err != nil {
		return err
	}
	switch {
	case s.Participants < minParticipants || s.Participants > maxGroup:
		return bad("--participants: %d; a group takes %d to %d beside its moderator", s.Participants, minParticipants, maxGroup)
	case s.Rooms < 0 || s.Rooms == 1 || s.Rooms > maxBreakouts || s.Rooms*2 > s.Participants:
		return bad("--rooms: %d; write 0, or 2 to %d: at most half as many as participants, so that nobody is alone",
			s.Rooms, min(maxBreakouts, s.Participants/2))
	case s.Moves < 0 || s.Moves > maxMoves:
		return bad("--moves: %d; write 0 to %d", s.Moves, maxMoves)
	case s.Admits < 0 || s.Admits > maxMoves:
		return bad("--admits: %d; write 0 to %d", s.Admits, maxMoves)
	case s.Together && s.Singly:
		return bad("--singly: not with --together; write one of them")
	case !(s.Ramp > 0 && s.Ramp <= maxRamp):
		return bad("--ramp: %v/s; write more than 0/s, up to %d/s", s.Ramp, maxRamp)
	case s.Pause < 0 || s.Pause > maxPause:
		return bad("--pause: %v; write 0s to %v", s.Pause, maxPause)
	}
	return nil
}

// patience is what one person is waited for.
func (s Breakout) patience() time.Duration {
	if s.JoinTimeout > 0 {
		return s.JoinTimeout
	}
	return defaultJoinTimeout
}

// deal says which of the rooms each participant is in after so many moves:
// everybody in another one than before, the rooms equally full, and with three
// or more rooms people meet others each time.
func (s Breakout) deal(moves int) []int {
	places := make([]int, s.Participants)
	for i := range places {
		step := 1 + i/s.Rooms%(s.Rooms-1) // 1 to Rooms-1: never back to the same
		places[i] = (i + moves*step) % s.Rooms
	}
	return places
}
