package suite

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes let a child die with its parent, and give it a namespace.
func attributes(isolated bool) *syscall.SysProcAttr {
	// A session of its own is a scheduling group of its own (sched(7)).
	a := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	if isolated {
		a.Cloneflags = syscall.CLONE_NEWNET
	}
	return a
}

// canIsolate says whether namespaces can be made and connected here.
func canIsolate() bool {
	if os.Geteuid() != 0 {
		return false
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return false
	}
	probe := exec.Command("ip", "link")
	probe.SysProcAttr = attributes(true)
	return probe.Run() == nil
}

// connect joins the namespaces of two children by a veth pair that goes with
// them.
func connect(a, b *child) error {
	out, err := exec.Command("ip", "link", "add", deviceName, "netns", fmt.Sprint(a.pid()),
		"type", "veth", "peer", "name", deviceName, "netns", fmt.Sprint(b.pid())).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: connecting the namespaces: %w: %s", ErrProcess, err, out)
	}
	return nil
}

// priority is the nice value of server and generator.
const priority = -10

// Enter reads orders from in and becomes the program that they name. It
// returns only when it fails.
func Enter(in io.Reader) error {
	var o orders
	if err := json.NewDecoder(in).Decode(&o); err != nil {
		return fmt.Errorf("reading what is to be run: %w", err)
	}
	if o.Device != "" {
		for _, args := range []string{
			"link set lo up", "addr add " + o.Address + " dev " + o.Device, "link set " + o.Device + " up",
		} {
			if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
				return fmt.Errorf("ip %s: %w: %s", args, err, out)
			}
		}
	}
	// What a thread may use, the program that replaces it may.
	runtime.LockOSThread()
	if o.Core >= 0 {
		var set unix.CPUSet
		set.Set(o.Core)
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			return fmt.Errorf("pinning to core %d: %w", o.Core, err)
		}
	}
	// So that what else the machine does is measured as little as can be. It
	// takes root; without, the generator's own saturation tells.
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, priority)
	// Between sessions it is the group's value that counts.
	_ = os.WriteFile("/proc/self/autogroup", strconv.AppendInt(nil, priority, 10), 0)
	// The parent's thread must not go before the program is another one's.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("binding it to its parent: %w", err)
	}
	return fmt.Errorf("running %s: %w", o.Args[0], unix.Exec(o.Args[0], o.Args, os.Environ()))
}
