//go:build long

package control_test

const raceLinks = 1000
