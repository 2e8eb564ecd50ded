package bench

// cpuTime is the CPU time of a process so far, in seconds.
type cpuTime struct {
	known        bool
	user, system float64
}

// until is what was used from t to later; false when either is unknown.
func (t cpuTime) until(later cpuTime) (used cpuTime, ok bool) {
	if !t.known || !later.known {
		return cpuTime{}, false
	}
	return cpuTime{known: true, user: later.user - t.user, system: later.system - t.system}, true
}
