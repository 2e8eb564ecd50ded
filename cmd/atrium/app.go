package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/atriumrtc/atrium/configs"
)

// Exit codes.
const (
	exitClean   = 0
	exitFailure = 1
	exitUsage   = 2
	exitConfig  = 78 // EX_CONFIG of sysexits.h
)

// app is one invocation: what main hands in, so that tests can.
type app struct {
	out, err io.Writer
	signals  <-chan os.Signal
}

// failure is an error of a command that was understood; every other error is
// one of usage.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// run runs the command line and returns the exit code. Errors are printed here
// and nowhere else, one sentence a line.
func (a *app) run(args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.Execute()
	if err == nil {
		return exitClean
	}
	var failed failure
	if !errors.As(err, &failed) {
		a.complain(err)
		a.complain(errors.New("`atrium --help` lists commands and flags"))
		return exitUsage
	}
	a.complain(failed.error)
	if bad := (*configs.Error)(nil); errors.As(err, &bad) {
		return exitConfig
	}
	return exitFailure
}

// complain prints an error; joined ones stand one a line.
func (a *app) complain(err error) {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		_, _ = fmt.Fprintf(a.err, "atrium: %s\n", line) // nowhere left to report it
	}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "atrium",
		Short:         "Video-call media server",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return errors.New("say what to do: `atrium dev` for a first look, `atrium serve` as a service")
		},
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(a.serveCommand(), a.devCommand(), a.configCommand(), a.adminCommand(), a.storeCommand(), a.backupCommand(),
		a.versionCommand())
	root.AddCommand(a.remoteCommands()...)
	return root
}

// does wraps what a command does, so that its errors count as failures.
func does(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := f(cmd, args); err != nil {
			return failure{err}
		}
		return nil
	}
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print which release this is",
		Args:  cobra.NoArgs,
		RunE: does(func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.out, "atrium %s %s %s/%s\n", release(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		}),
	}
}

// release is the module's version, with the commit where the build knows it.
func release() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			version += " (" + s.Value[:12] + ")"
		}
	}
	return version
}
