package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/atriumrtc/atrium/bench/control"
)

// controlFlags are the flags of atrium-bench control.
type controlFlags struct {
	scenario     control.Scenario
	key, keyFile string
	insecure     bool
	out          string
}

func newControlCommand(std standard) *cobra.Command {
	var f controlFlags
	c := &cobra.Command{
		Use:   "control",
		Short: "Have guests enter waiting areas and be admitted, and measure it",
		Long: `Makes a unit with waiting areas, has guests enter and wait in them, and then
again and again admits the one who has waited longest, ends their call, and has
another guest enter. Measures how many a second, and how long each request took;
every answer is one of something stored durably. Deletes the unit.

The key needs units.manage, places.create and visits.conduct; that of atrium dev
has them.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return f.run(c.Context(), std) },
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.scenario.URL, "url", "", "server, for example http://127.0.0.1:8080")
	flags.StringVar(&f.key, "key", "", "API key; others can see it in the list of processes, so rather use --key-file")
	flags.StringVar(&f.keyFile, "key-file", "", "file that holds the API key; - is the standard input")
	flags.BoolVar(&f.insecure, "insecure", false, "accept any TLS certificate of the server")
	flags.IntVar(&f.scenario.Areas, "areas", 20, "waiting areas")
	flags.IntVar(&f.scenario.Guests, "guests", 2000, "how many wait in them at any time")
	flags.IntVar(&f.scenario.AtOnce, "at-once", 32, "how many people do something at the same time")
	flags.DurationVar(&f.scenario.For, "for", 20*time.Second, "how long to measure, from when all guests wait")
	flags.StringVar(&f.out, "out", "", "directory for result.json; without it only the table is printed")
	return c
}

func (f *controlFlags) run(ctx context.Context, std standard) error {
	if err := f.scenario.Validate(); err != nil {
		return err
	}
	key, err := (&serverFlags{key: f.key, keyFile: f.keyFile}).readKey(os.Stdin)
	if err != nil {
		return err
	}
	options := control.Options{Key: key, Insecure: f.insecure, Version: version(), Progress: &control.Lines{W: std.err}}
	shown := func() {}
	if std.errTerminal {
		bars := control.NewBars(std.err)
		options.Progress, shown = bars, bars.Close
	}
	result, err := control.Run(ctx, f.scenario, options)
	shown()
	if err != nil {
		return err
	}
	if err := result.Report(std.out); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if f.out != "" {
		path, err := result.Write(f.out)
		if err != nil {
			return err
		}
		fmt.Fprintln(std.out, path)
	}
	if n := result.Failed(); n > 0 {
		return fmt.Errorf("%d requests failed; the reasons stand below the table", n)
	}
	return nil
}
