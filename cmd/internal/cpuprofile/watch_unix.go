//go:build unix

package cpuprofile

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

// Watch writes a profile to the file at path between two SIGUSR1. The file is
// made at once, so that a wrong path is told at the start. Later signals do
// nothing: the profile is whole.
func Watch(path string) (stop func() error, err error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("the CPU profile can't be written; name a file in a folder that this user may write to: %w", err)
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGUSR1)
	ended := make(chan error, 1)
	go func() { ended <- profile(file, signals) }()
	return func() error {
		signal.Stop(signals)
		close(signals)
		return <-ended
	}, nil
}

// profile profiles from the first signal to the second, or to the channel's
// end, which it waits for.
func profile(file *os.File, signals <-chan os.Signal) error {
	var err error
	if _, ok := <-signals; ok {
		err = pprof.StartCPUProfile(file)
		if _, ok := <-signals; ok {
			pprof.StopCPUProfile()
			err = errors.Join(err, file.Close())
			for range signals { //nolint:revive // nothing is left to do
			}
			return err
		}
		pprof.StopCPUProfile()
	}
	return errors.Join(err, file.Close())
}
