package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/atriumrtc/atrium/bench"
	"github.com/atriumrtc/atrium/cmd/internal/cpuprofile"
)

// defaultMetrics is where a server on this host exports its metrics unless
// configured otherwise.
const defaultMetrics = "http://127.0.0.1:7889/metrics"

// maxKey bounds a key file, in bytes; a key is far shorter.
const maxKey = 4096

func newCommand(std standard, run scenarios) *cobra.Command {
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
	root.AddCommand(newRoomCommand(std, run.room), newBreakoutCommand(std, run.breakout), newControlCommand(std),
		newSuiteCommand(std), newBaselineCommand(std), newEnterCommand())
	return root
}

// noArguments refuses what stands on the command line and is no flag.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%q is no command or flag; see %s --help", args[0], c.CommandPath())}
	}
	return nil
}

// serverFlags are the flags of every command that puts a load on a server.
type serverFlags struct {
	key, keyFile string
	insecure     bool
	metrics      string
	assert       string
	out          string
	serverPID    int
	profile      bool
	cpuProfile   string
}

// add adds those that say which server, before a command's own.
func (f *serverFlags) add(flags *pflag.FlagSet, url *string) {
	flags.SortFlags = false
	flags.StringVar(url, "url", "", "server, for example http://127.0.0.1:8080")
	flags.StringVar(&f.key, "key", "", "API key; others can see it in the list of processes, so rather use --key-file")
	flags.StringVar(&f.keyFile, "key-file", "", "file that holds the API key; - is the standard input")
	flags.BoolVar(&f.insecure, "insecure", false, "accept any TLS certificate of the server")
	flags.StringVar(&f.metrics, "metrics", defaultMetrics, "the server's metrics, for its CPU time; without them those figures are null")
}

// addRest adds those that say how it is measured, after a command's own.
func (f *serverFlags) addRest(flags *pflag.FlagSet, assertion string) {
	flags.IntVar(&f.serverPID, "server-pid", 0, "the server's process id on this host, for its CPU time in user and kernel mode")
	flags.BoolVar(&f.profile, "profile", false, "have a server with --cpu-profile write a CPU profile of what is measured; needs --server-pid")
	flags.StringVar(&f.cpuProfile, "cpu-profile", "", "file for a CPU profile of atrium-bench itself, between two SIGUSR1")
	flags.StringVar(&f.assert, "assert", "", "what must hold, for example '"+assertion+"'")
	flags.StringVar(&f.out, "out", "", "directory for result.json; without it only the table is printed")
}

// result is what a run found out.
type result interface {
	Judge(claims []bench.Assertion)
	Held() bool
	Report(w io.Writer, terminal bool) error
}

// carryOut runs a scenario that is valid, judges what it found out by claims
// about its fields, and tells the result.
func (f *serverFlags) carryOut(std standard, fields []bench.Field, run func(bench.Options) (result, error)) error {
	claims, options, err := f.prepare(fields)
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
	return f.profiled(func() error {
		progress := bench.NewProgress(std.err, std.errTerminal)
		options.Progress = progress
		found, err := run(options)
		progress.Close()
		if err != nil {
			return err
		}
		found.Judge(claims)
		if err := found.Report(std.out, std.outTerminal); err != nil {
			return fmt.Errorf("writing the report: %w", err)
		}
		if output != nil {
			path, err := output.Write(found)
			if err != nil {
				return err
			}
			fmt.Fprintln(std.out, path)
		}
		if !found.Held() {
			return errAssert
		}
		return nil
	})
}

// profiled does the work, of which --cpu-profile writes a part.
func (f *serverFlags) profiled(work func() error) error {
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

// prepare checks the flags and reads the key.
func (f *serverFlags) prepare(fields []bench.Field) ([]bench.Assertion, bench.Options, error) {
	if f.serverPID < 0 || (f.profile && f.serverPID == 0) {
		return nil, bench.Options{}, usageError{errors.New("--server-pid: give the id of the server's process; --profile needs it")}
	}
	assertions, err := bench.ParseAssertionsOf(fields, f.assert)
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
func (f *serverFlags) readKey(stdin io.Reader) (string, error) {
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
