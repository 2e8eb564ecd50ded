package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/atriumrtc/atrium/bench"
)

func newBreakoutCommand(std standard, breakout runBreakout) *cobra.Command {
	var f serverFlags
	var scenario bench.Breakout
	var ramp string
	c := &cobra.Command{
		Use:   "breakout",
		Short: "Hold a group consultation, and move everybody between breakout rooms",
		Long: `Makes a unit with an area and a group over the API. A guest of an individual
consultation is admitted and put on hold again and again. Then the participants
register, open their personal links, wait in the lobby with their transports up,
and are admitted all at once. Everybody goes into the breakout rooms, is moved
between them, and comes back. All of it is deleted in the end.

  atrium-bench breakout --url http://127.0.0.1:8080 --key-file key --out results \
      --participants 60 --rooms 10 --moves 20 --assert 'sdp==0,stray==0,audio_gap_p95<60ms'

With --rooms 0 it ends when all are in the group: a storm of joins
(--ramp 30/s opens 60 links within 2 s).

Assertions are as of atrium-bench room, on the fields of bench/BREAKOUT.md.

Exit codes: 0 all came together, stayed, and every assertion held; 1 failure; 2
usage; 3 an assertion failed, could not be measured, or is void because the
generator was the bottleneck.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if scenario.Ramp, err = bench.ParseRamp(ramp); err != nil {
				return err
			}
			if err := scenario.Validate(); err != nil {
				return err
			}
			var found *bench.BreakoutResult
			err = f.carryOut(std, new(bench.BreakoutResult).Fields(), func(o bench.Options) (result, error) {
				found, err = breakout(c.Context(), scenario, o)
				return found, err
			})
			if err == nil && !found.Complete() {
				err = fmt.Errorf("%d of %d came together, and %d were dropped; the reasons stand in the table above",
					found.Joins.Together, found.Joins.Planned, found.Joins.Dropped)
			}
			return err
		},
	}
	flags := c.Flags()
	f.add(flags, &scenario.URL)
	flags.IntVar(&scenario.Participants, "participants", 60, "how many register, beside the moderator; all publish camera and microphone")
	flags.IntVar(&scenario.Rooms, "rooms", 10, "how many breakout rooms are opened; 0: none")
	flags.IntVar(&scenario.Moves, "moves", 20, "how often everybody is moved between them")
	flags.BoolVar(&scenario.Together, "together", false, "move by closing and opening the rooms, a request each, not by one request for all")
	flags.BoolVar(&scenario.Singly, "singly", false, "move by a request for each participant, all at the same time, not by one request for all")
	flags.DurationVar(&scenario.Pause, "pause", 500*time.Millisecond, "what passes between what was measured of a move and the next one")
	flags.IntVar(&scenario.Admits, "admits", 20, "how often the guest of the individual consultation is admitted")
	flags.StringVar(&ramp, "ramp", "30/s", "how many open their links each second")
	flags.BoolVar(&scenario.Simulcast, "simulcast", true, "publish three encodings of each camera instead of one")
	flags.BoolVar(&scenario.Light, "light", false, "check every RTP header but decrypt only samples, to hold many more participants (Linux)")
	f.addRest(flags, "sdp==0,stray==0,audio_gap_p95<60ms")
	return c
}
