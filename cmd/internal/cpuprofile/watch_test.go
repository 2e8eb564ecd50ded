//go:build unix

package cpuprofile

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A profile lies between two signals, and is whole before the process ends.
func TestProfileBetweenSignals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cpu")
	stop, err := Watch(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		// Two signals at once are one.
		wait := time.NewTimer(50 * time.Millisecond)
		<-wait.C
	}
	deadline, ticker := time.NewTimer(20*time.Second), time.NewTicker(10*time.Millisecond)
	defer deadline.Stop()
	defer ticker.Stop()
	for size := int64(0); size == 0; {
		select {
		case <-ticker.C:
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			size = info.Size()
		case <-deadline.C:
			t.Fatal("no profile after the second signal")
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// Without a signal there is an empty file and nothing running.
func TestNoSignal(t *testing.T) {
	stop, err := Watch(filepath.Join(t.TempDir(), "cpu"))
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if _, err := Watch(filepath.Join(t.TempDir(), "missing", "cpu")); err == nil {
		t.Error("a folder that isn't there was taken")
	}
}
