// Command atrium-bench puts a load on an Atrium server and says what it cost:
// loss, latency, the time to join, and the server's CPU per forwarded packet.
//
//	atrium-bench room --url http://127.0.0.1:8080 --key-file key --participants 30 --publishers 30 \
//	    --layout gallery --simulcast --for 20s --assert 'loss<0.1%,join_p95<2s' --out results
//	atrium-bench breakout --url http://127.0.0.1:8080 --key-file key --participants 60 --rooms 10 --moves 20 --out results
//
// Exit codes: 0 all joined, stayed, and every assertion held; 1 failure; 2
// usage; 3 an assertion failed. What result.json holds is said in
// bench/RESULT.md and bench/BREAKOUT.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"golang.org/x/term"

	"github.com/atriumrtc/atrium/bench"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
	exitAssert  = 3
)

// gcPercent lets the generator collect garbage less often than Go does by
// default: it has memory to spare, and CPU is what it must not run out of. GOGC
// overrides it.
const gcPercent = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the run and deletes the room, a second one kills.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], standard{
		out: os.Stdout, err: os.Stderr, outTerminal: isTerminal(os.Stdout), errTerminal: isTerminal(os.Stderr),
	}, ofBench())
	stop()
	os.Exit(code)
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// standard is where a command writes: results to out, progress and errors to
// err.
type standard struct {
	out, err                 io.Writer
	outTerminal, errTerminal bool
}

// scenarios carry scenarios out; those of package bench but in tests.
type scenarios struct {
	room     runRoom
	breakout runBreakout
}

// ofBench are those of package bench.
func ofBench() scenarios {
	return scenarios{room: bench.Run, breakout: bench.RunBreakout}
}

type (
	runRoom     func(context.Context, bench.Scenario, bench.Options) (*bench.Result, error)
	runBreakout func(context.Context, bench.Breakout, bench.Options) (*bench.BreakoutResult, error)
)

// Errors that stand for an exit code. usageError wraps what was wrong with the
// command line; errAssert was reported by the table already.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

var errAssert = errors.New("an assertion did not hold")

// run is the whole command but for signals and the exit.
func run(ctx context.Context, args []string, std standard, with scenarios) (code int) {
	command := newCommand(std, with)
	command.SetArgs(args)
	err := command.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(std.err, "atrium-bench:", err)
	var usage usageError
	switch {
	case errors.As(err, &usage), errors.Is(err, bench.ErrScenario), errors.Is(err, bench.ErrAssertion):
		return exitUsage
	case errors.Is(err, errAssert):
		return exitAssert
	}
	return exitFailure
}

// version of the module this was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
