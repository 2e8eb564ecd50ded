//go:build !long

package control_test

// raceLinks are the links that a hundred race for.
const raceLinks = 200

// groupChecks are the sequences that TestGroupModel tries.
const groupChecks = "25"
