//go:build !long

package control_test

// raceLinks are the links that a hundred race for.
const raceLinks = 200

// modelChecks are the sequences that the tests of whole models try: each is
// many commits, which wait for the disk.
const modelChecks = "25"
