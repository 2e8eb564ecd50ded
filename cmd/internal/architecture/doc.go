// Package architecture checks what the design promises about this repository:
// which package may import which, that every package says
// what it is in a package comment, and that the top-level folders are the ones
// that the design names.
//
// Check takes a file tree and returns the violations; the tests run it over
// this repository and over made-up trees that break each rule.
package architecture
