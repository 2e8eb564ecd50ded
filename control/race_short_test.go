//go:build !long

package control_test

// raceLinks are the links that a hundred race for.
const raceLinks = 200
