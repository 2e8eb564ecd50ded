package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// clockTick is the unit of proc(5)'s times: USER_HZ is 100 on every
// architecture that Go knows.
const clockTick = 0.01 // s

// process is the server's, on this host; pid 0: unknown.
type process struct{ pid int }

// cpu is the time that it has used so far.
func (p process) cpu() cpuTime {
	if p.pid == 0 {
		return cpuTime{}
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/stat")
	if err != nil {
		return cpuTime{}
	}
	return parseStat(string(text))
}

// parseStat reads utime and stime, the 14th and 15th field. The second one, the
// name in brackets, may hold anything.
func parseStat(text string) cpuTime {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	const utime, stime = 14 - 3, 15 - 3
	if len(fields) <= stime {
		return cpuTime{}
	}
	user, errUser := strconv.ParseFloat(fields[utime], 64)
	system, errSystem := strconv.ParseFloat(fields[stime], 64)
	if errUser != nil || errSystem != nil {
		return cpuTime{}
	}
	return cpuTime{known: true, user: user * clockTick, system: system * clockTick}
}

// toggleProfile begins or ends a CPU profile.
func (p process) toggleProfile() error {
	if err := syscall.Kill(p.pid, syscall.SIGUSR1); err != nil {
		return fmt.Errorf("asking the server for a profile: %w", err)
	}
	return nil
}

// resident is its memory in bytes (VmRSS of /proc/pid/status); nil: unknown.
func (p process) resident() *float64 {
	if p.pid == 0 {
		return nil
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/status")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		value, ok := strings.CutPrefix(line, "VmRSS:")
		if !ok {
			continue
		}
		kilobytes, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
		if err != nil {
			return nil
		}
		return figure(kilobytes * 1024)
	}
	return nil
}
