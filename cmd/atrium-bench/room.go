package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/atriumrtc/atrium/bench"
)

func newRoomCommand(std standard, room runRoom) *cobra.Command {
	var f serverFlags
	var scenario bench.Scenario
	var layout, ramp string
	c := &cobra.Command{
		Use:   "room",
		Short: "Fill one room and measure it",
		Long: `Makes a plain room, lets participants join it as any client does, publishes
video as Chromium packetises it, counts what arrives, and deletes the room.

Layouts: gallery is a stage and 24 tiles, stage the stage alone, webinar the
publishers and nobody else, nobody no picture at all.

Assertions compare a number of result.json with a value, separated by commas:
  --assert 'loss<0.1%,join_p95<2s,sdp==0,us_per_forwarded_packet<4'
by < <= > >= == !=, with a unit of % s ms us k M or none.

Exit codes: 0 all joined, stayed, and every assertion held; 1 failure; 2 usage;
3 an assertion failed, could not be measured, or is void because the generator
was the bottleneck.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if !c.Flags().Changed("publishers") {
				scenario.Publishers = scenario.Participants
			}
			scenario.Layout = bench.Layout(layout)
			if scenario.Ramp, err = bench.ParseRamp(ramp); err != nil {
				return err
			}
			if err := scenario.Validate(); err != nil {
				return err
			}
			var found *bench.Result
			err = f.carryOut(std, new(bench.Result).Fields(), func(o bench.Options) (result, error) {
				found, err = room(c.Context(), scenario, o)
				return found, err
			})
			if err == nil && !found.Complete() {
				err = fmt.Errorf("%d of %d could not join and %d were dropped; the reasons stand in the table above",
					found.Joins.Failed, found.Joins.Planned, found.Joins.Dropped)
			}
			return err
		},
	}
	flags := c.Flags()
	f.add(flags, &scenario.URL)
	flags.IntVar(&scenario.Participants, "participants", 30, "how many join")
	flags.IntVar(&scenario.Publishers, "publishers", 0, "how many of them publish camera and microphone (default all)")
	flags.StringVar(&layout, "layout", string(bench.LayoutGallery), "what each looks at: gallery, stage, webinar or nobody")
	flags.BoolVar(&scenario.Simulcast, "simulcast", false, "publish three encodings of each camera instead of one")
	flags.BoolVar(&scenario.Light, "light", false, "check every RTP header but decrypt only samples, to hold many more participants (Linux)")
	flags.BoolVar(&scenario.AllLayers, "all-layers", false, "send all encodings, those too that the server says nobody needs")
	flags.DurationVar(&scenario.For, "for", 20*time.Second, "how long to measure, from when all have joined")
	flags.StringVar(&ramp, "ramp", "30/s", "how many begin to join each second")
	f.addRest(flags, "loss<0.1%,join_p95<2s")
	return c
}
