package suite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// ErrProcess is wrapped by errors of the processes that a suite starts.
var ErrProcess = errors.New("suite: a process failed")

// EnterCommand is the sub-command that calls [Enter].
const EnterCommand = "enter"

// stopTimeout bounds how long a process may take to end before it is killed.
const stopTimeout = 15 * time.Second

// orders are what a child is told on its standard input: where it is to be,
// and what it is to become.
type orders struct {
	Core    int      `json:"core"`    // -1: any
	Device  string   `json:"device"`  // to be set up in its namespace; "": none
	Address string   `json:"address"` // of the device, with prefix length
	Args    []string `json:"args"`    // program and arguments
}

// child is a process that waits for its orders, and then carries them out.
type child struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	log   *os.File
	ended chan struct{}
	err   error // valid when ended is closed
}

// spawn starts a child, with isolated in a network namespace of its own. Its
// output goes to a file. It must be called on a goroutine locked to a thread
// that outlives the child: the kernel kills it with that thread.
func spawn(self, logPath, tempDir string, isolated bool) (*child, error) {
	log, err := os.Create(logPath)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProcess, err)
	}
	c := &child{cmd: exec.Command(self, EnterCommand), log: log, ended: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = log, log
	c.cmd.Env = append(os.Environ(), "TMPDIR="+tempDir)
	c.cmd.SysProcAttr = attributes(isolated)
	if c.stdin, err = c.cmd.StdinPipe(); err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrProcess, err), log.Close())
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.ended)
	}()
	return c, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// order lets the child begin.
func (c *child) order(o orders) error {
	err := json.NewEncoder(c.stdin).Encode(o)
	if err = errors.Join(err, c.stdin.Close()); err != nil {
		return fmt.Errorf("%w: %w", ErrProcess, err)
	}
	return nil
}

// wait waits for the end. Errors wrap ErrProcess and end with what it said last.
func (c *child) wait(ctx context.Context) error {
	select {
	case <-c.ended:
	case <-ctx.Done():
		return ctx.Err()
	}
	if c.err != nil {
		return fmt.Errorf("%w: %w\n%s", ErrProcess, c.err, c.lastWords())
	}
	return nil
}

// lastWords is the end of what the child has written.
func (c *child) lastWords() string {
	text, err := os.ReadFile(c.log.Name())
	if err != nil {
		return err.Error()
	}
	const most = 2000
	return string(text[max(0, len(text)-most):])
}

// stop asks the child to end, and kills it if it doesn't.
func (c *child) stop() {
	select {
	case <-c.ended:
	default:
		_ = c.stdin.Close()                       // one that still waits for orders ends by that
		_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by now
		timer := time.NewTimer(stopTimeout)
		defer timer.Stop()
		select {
		case <-c.ended:
		case <-timer.C:
			_ = c.cmd.Process.Kill() // the same
			<-c.ended
		}
	}
	_ = c.log.Close() // nothing is written to it any more
}
