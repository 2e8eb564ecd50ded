// Package cpuprofile lets somebody outside say which part of a process's life
// is profiled: SIGUSR1 begins the CPU profile, a second one ends it.
//
// The one contract to know: [Watch] takes SIGUSR1 over until the returned
// function is called, which also ends a profile that is still running.
package cpuprofile
