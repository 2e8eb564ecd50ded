//go:build long

package control_test

const raceLinks = 1000

// modelChecks are the sequences that the tests of whole models try: each is
// many commits, which wait for the disk.
const modelChecks = "300"
