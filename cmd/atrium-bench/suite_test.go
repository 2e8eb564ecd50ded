//go:build linux

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// build makes both programs, as `make build` does.
func build(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if out, err := exec.Command("go", "build", "-o", dir+"/", "../atrium", ".").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return dir
}

// suiteProcess is `atrium-bench suite forward` at its smallest.
func suiteProcess(dir, out string, log *bytes.Buffer) *exec.Cmd {
	c := exec.Command(filepath.Join(dir, "atrium-bench"), "suite", "forward",
		"--runs", "1", "--viewers", "2", "--for", "1s", "--profile", "2", "--out", out)
	c.Env = append(os.Environ(), "TMPDIR="+out)
	c.Stdout, c.Stderr = log, log
	return c
}

// A suite compares the three servers, profiles Atrium, writes its files, and
// leaves no process and no temporary file behind.
func TestSuiteForward(t *testing.T) {
	dir, out := build(t), t.TempDir()
	var log bytes.Buffer
	if err := suiteProcess(dir, out, &log).Run(); err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	for _, server := range []string{"| Atrium |", "| plain pion, no interceptors |", "| plain pion, default interceptors |"} {
		if !strings.Contains(log.String(), server) {
			t.Errorf("no row %s in\n%s", server, &log)
		}
	}
	for _, name := range []string{"report.json", "table.md", "cpu.pprof", "flames.svg", "1-to-2-atrium-1.json"} {
		if info, err := os.Stat(filepath.Join(out, "forward", name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(out, "atrium-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if left := running(dir); len(left) > 0 {
		t.Errorf("still running: %q", left)
	}
}

// Killed, a suite takes its processes along, and their namespaces with them.
func TestSuiteKilled(t *testing.T) {
	dir, out := build(t), t.TempDir()
	var log bytes.Buffer
	c := suiteProcess(dir, out, &log)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	within(t, "the generator runs", func() bool {
		for _, line := range running(dir) {
			if strings.Contains(line, "atrium-bench\x00room") {
				return true
			}
		}
		return false
	})
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) {
		t.Errorf("it ended with %v", err)
	}
	within(t, "its processes have gone", func() bool { return len(running(dir)) == 0 })
}

// within waits for a condition that no event tells of.
func within(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline, ticker := time.NewTimer(30*time.Second), time.NewTicker(20*time.Millisecond)
	defer deadline.Stop()
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("it doesn't come to that: %s", what)
		}
	}
}

// running are the command lines of processes whose program is below dir.
func running(dir string) []string {
	var found []string
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is right
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && strings.HasPrefix(string(line), dir) {
			found = append(found, string(line))
		}
	}
	return found
}
