package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/atriumrtc/atrium/bench/baseline"
	"github.com/atriumrtc/atrium/bench/suite"
)

func newSuiteCommand(std standard) *cobra.Command {
	o := suite.Options{Log: std.err}
	c := &cobra.Command{
		Use:   "suite forward|gallery|storm",
		Short: "Measure what Atrium costs, with a core for it and one for the load",
		Long: `Starts a server and a load generator for each run, the server on core 0 and the
generator on core 1, as root each in a network namespace of its own, and writes
a table, the results and a flame graph of Atrium.

forward: one publisher, more and more viewers; plain pion under the same load
beside it. gallery: 60 publish three encodings each and see 25 others. storm: 60
join within two seconds.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("say which one: %v", suite.Kinds())}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			o.Kind = args[0]
			var err error
			if o.Self, err = os.Executable(); err != nil {
				return err
			}
			if o.Atrium == "" {
				o.Atrium = filepath.Join(filepath.Dir(o.Self), "atrium")
			}
			if o.Out, err = filepath.Abs(o.Out); err != nil {
				return err
			}
			report, err := suite.Run(c.Context(), o)
			if errors.Is(err, suite.ErrOptions) {
				return usageError{err}
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(std.out, report.Table())
			return err
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.Out, "out", "bench/out", "directory for results")
	flags.StringVar(&o.Atrium, "atrium", "", "the server's program (default: atrium beside this one)")
	flags.StringArrayVar(&o.Flags, "atrium-flag", nil, "a further flag for `atrium dev`, such as --media-seat=1m; may be repeated")
	flags.IntVar(&o.Runs, "runs", 3, "runs of each row, of which the median counts")
	flags.DurationVar(&o.For, "for", 15*time.Second, "how long to measure in each run")
	flags.IntSliceVar(&o.Viewers, "viewers", []int{50, 200, 400}, "viewers of forward, a row each")
	flags.BoolVar(&o.Alone, "alone", false, "forward without the plain pion servers beside it")
	flags.IntVar(&o.Profile, "profile", 200, "viewers of forward at which Atrium is profiled in an extra run; 0: no profile")
	return c
}

// newEnterCommand is how the suite's processes begin.
func newEnterCommand() *cobra.Command {
	return &cobra.Command{
		Use: suite.EnterCommand, Hidden: true, Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return suite.Enter(os.Stdin) },
	}
}

func newBaselineCommand(std standard) *cobra.Command {
	var cfg baseline.Config
	var readyFile string
	c := &cobra.Command{
		Use:   "baseline",
		Short: "Run the plain pion SFU that the suites compare with",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := baseline.New(cfg)
			if err != nil {
				return err
			}
			if err := announce(s.URL(), readyFile); err != nil {
				return errors.Join(err, s.Close())
			}
			fmt.Fprintln(std.out, s.URL())
			<-c.Context().Done()
			return s.Close()
		},
	}
	flags := c.Flags()
	flags.StringVar(&cfg.Address, "address", "127.0.0.1:0", "address of HTTP; media takes any UDP port of the same host")
	flags.BoolVar(&cfg.Interceptors, "interceptors", false, "with pion's default interceptors")
	flags.StringVar(&readyFile, "ready-file", "", "file to write the URL to (JSON) once it serves")
	return c
}

// announce writes a ready file, whole at any moment.
func announce(url, file string) error {
	if file == "" {
		return nil
	}
	text, err := json.Marshal(map[string]string{"url": url, "api_key": "any"})
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return fmt.Errorf("--ready-file: %w", err)
	}
	return os.Rename(file+".new", file)
}
