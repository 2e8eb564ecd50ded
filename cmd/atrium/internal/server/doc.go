// Package server is a whole Atrium in one process: it wires media, signal,
// control, turn and the pages together by small adapters, one a file, and
// serves them.
//
// New opens everything (data, sockets) or fails with one sentence that says
// what to do; Run serves until its context ends, then drains. Tests start one
// with ports 0.
package server
