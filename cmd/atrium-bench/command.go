package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/atriumrtc/atrium/bench"
	"github.com/atriumrtc/atrium/cmd/internal/cpuprofile"
)

// defaultMetrics is where a server on this host exports its metrics unless
// configured otherwise.
const defaultMetrics = "http://127.0.0.1:7889/metrics"

// maxKey bounds a key file, in bytes; a key is far shorter.
const maxKey = 4096

func newCommand(std standard, room runRoom) *cobra.Command {
	root := &cobra.Command{
		Use:           "atrium-bench",
		Short:         "Put a load on an Atrium server and say what it cost",
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArguments,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; see %s --help", err, c.CommandPath())}
	})
	root.AddCommand(newRoomCommand(std, room), newSuiteCommand(std), newBaselineCommand(std), newEnterCommand())
	return root
}

// noArguments refuses what stands on the command line and is no flag.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%q is no command or flag; see %s --help", args[0], c.CommandPath())}
	}
	return nil
}

// roomFlags are the flags of atrium-bench room.
type roomFlags struct {
	scenario     bench.Scenario
	layout, ramp string
	key, keyFile string
	insecure     bool
	metrics      string
	assert       string
	out          string
	serverPID    int
	profile      bool
	cpuProfile   string
}

func newRoomCommand(std standard, room runRoom) *cobra.Command {
	var f roomFlags
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
		RunE: func(c *cobra.Command, _ []string) error {
			if !c.Flags().Changed("publishers") {
				f.scenario.Publishers = f.scenario.Participants
			}
			return f.profiled(func() error { return f.run(c.Context(), std, room) })
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.scenario.URL, "url", "", "server, for example http://127.0.0.1:8080")
	flags.StringVar(&f.key, "key", "", "API key; others can see it in the list of processes, so rather use --key-file")
	flags.StringVar(&f.keyFile, "key-file", "", "file that holds the API key; - is the standard input")
	flags.BoolVar(&f.insecure, "insecure", false, "accept any TLS certificate of the server")
	flags.StringVar(&f.metrics, "metrics", defaultMetrics, "the server's metrics, for its CPU time; without them those figures are null")
	flags.IntVar(&f.scenario.Participants, "participants", 30, "how many join")
	flags.IntVar(&f.scenario.Publishers, "publishers", 0, "how many of them publish camera and microphone (default all)")
	flags.StringVar(&f.layout, "layout", string(bench.LayoutGallery), "what each looks at: gallery, stage, webinar or nobody")
	flags.BoolVar(&f.scenario.Simulcast, "simulcast", false, "publish three encodings of each camera instead of one")
	flags.BoolVar(&f.scenario.Light, "light", false, "check every RTP header but decrypt only samples, to hold many more participants (Linux)")
	flags.BoolVar(&f.scenario.AllLayers, "all-layers", false, "send all encodings, those too that the server says nobody needs")
	flags.IntVar(&f.serverPID, "server-pid", 0, "the server's process id on this host, for its CPU time in user and kernel mode")
	flags.BoolVar(&f.profile, "profile", false, "have a server with --cpu-profile write a CPU profile of the steady window; needs --server-pid")
	flags.StringVar(&f.cpuProfile, "cpu-profile", "", "file for a CPU profile of atrium-bench itself, between two SIGUSR1")
	flags.DurationVar(&f.scenario.For, "for", 20*time.Second, "how long to measure, from when all have joined")
	flags.StringVar(&f.ramp, "ramp", "30/s", "how many begin to join each second")
	flags.StringVar(&f.assert, "assert", "", "what must hold, for example 'loss<0.1%,join_p95<2s'")
	flags.StringVar(&f.out, "out", "", "directory for result.json; without it only the table is printed")
	return c
}

// profiled does the work, of which --cpu-profile writes a part.
func (f *roomFlags) profiled(work func() error) error {
	if f.cpuProfile == "" {
		return work()
	}
	stop, err := cpuprofile.Watch(f.cpuProfile)
	if err != nil {
		return fmt.Errorf("--cpu-profile: %w", err)
	}
	err = work()
	return errors.Join(err, stop())
}

func (f *roomFlags) run(ctx context.Context, std standard, room runRoom) error {
	assertions, options, err := f.prepare()
	if err != nil {
		return err
	}
	var output *bench.Output
	if f.out != "" {
		opened, err := bench.OpenOutput(f.out)
		if err != nil {
			return err
		}
		output = &opened
	}
	progress := bench.NewProgress(std.err, std.errTerminal)
	options.Progress = progress
	result, err := room(ctx, f.scenario, options)
	progress.Close()
	if err != nil {
		return err
	}
	result.Judge(assertions)
	if err := result.Report(std.out, std.outTerminal); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if output != nil {
		path, err := output.Write(result)
		if err != nil {
			return err
		}
		fmt.Fprintln(std.out, path)
	}
	switch {
	case !result.Held():
		return errAssert
	case !result.Complete():
		return fmt.Errorf("%d of %d could not join and %d were dropped; the reasons stand in the table above",
			result.Joins.Failed, result.Joins.Planned, result.Joins.Dropped)
	}
	return nil
}

// prepare checks the flags and reads the key.
func (f *roomFlags) prepare() ([]bench.Assertion, bench.Options, error) {
	var err error
	f.scenario.Layout = bench.Layout(f.layout)
	if f.scenario.Ramp, err = bench.ParseRamp(f.ramp); err != nil {
		return nil, bench.Options{}, err
	}
	if err := f.scenario.Validate(); err != nil {
		return nil, bench.Options{}, err
	}
	if f.serverPID < 0 || (f.profile && f.serverPID == 0) {
		return nil, bench.Options{}, usageError{errors.New("--server-pid: give the id of the server's process; --profile needs it")}
	}
	assertions, err := bench.ParseAssertions(f.assert)
	if err != nil {
		return nil, bench.Options{}, err
	}
	key, err := f.readKey(os.Stdin)
	if err != nil {
		return nil, bench.Options{}, err
	}
	options := bench.Options{Key: key, Insecure: f.insecure, MetricsURL: f.metrics, Version: version(), ServerPID: f.serverPID, Profile: f.profile}
	if f.metrics != "" {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		options.Metrics = func(ctx context.Context) (map[string]float64, error) {
			return scrape(ctx, client, f.metrics)
		}
	}
	return assertions, options, nil
}

// readKey gives the API key of --key or --key-file.
func (f *roomFlags) readKey(stdin io.Reader) (string, error) {
	switch {
	case f.key != "" && f.keyFile != "":
		return "", usageError{errors.New("--key and --key-file: give only one of them")}
	case f.key != "":
		return strings.TrimSpace(f.key), nil
	case f.keyFile == "":
		return "", usageError{errors.New("--key-file: missing; give the file that holds an API key (atrium dev prints one), or the key itself with --key")}
	}
	if f.keyFile != "-" {
		file, err := os.Open(f.keyFile)
		if err != nil {
			return "", fmt.Errorf("--key-file: %w", err)
		}
		defer file.Close()
		stdin = file
	}
	text, err := io.ReadAll(io.LimitReader(stdin, maxKey))
	if err != nil {
		return "", fmt.Errorf("--key-file: %w", err)
	}
	key := strings.TrimSpace(string(text))
	if key == "" || strings.ContainsAny(key, " \t\r\n") {
		return "", fmt.Errorf("--key-file: %s holds no API key; it should hold one line such as atk_…", f.keyFile)
	}
	return key, nil
}
