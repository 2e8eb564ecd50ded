// Package suite carries out Atrium's whole-room benchmarks: [Run] starts a
// server and a load generator again and again, each on a core and in a network
// namespace of its own, and sums up what [bench.Run] found.
//
// The one contract to know: every process is a child of the caller's, dies with
// it, and takes its anonymous namespace along. Children begin in [Enter], which
// the caller's own binary must offer as the sub-command "enter".
package suite
