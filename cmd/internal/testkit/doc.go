// Package testkit holds what the tests of the binaries have in common: [Buffer]
// keeps what a process or a log writes, [Get] reads a page, [Until] waits for a
// condition that no event tells of. [Story] brings guests of every kind to a
// server, and [Canaries] finds what they typed wherever it mustn't stand. Only
// tests import it.
package testkit
