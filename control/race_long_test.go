//go:build long

package control_test

const raceLinks = 1000

// groupChecks are the sequences that TestGroupModel tries.
const groupChecks = "300"
