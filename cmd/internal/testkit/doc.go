// Package testkit holds what the tests of the binaries have in common: [Buffer]
// keeps what a process or a log writes, [Get] reads a page, [Until] waits for a
// condition that no event tells of. Only tests import it.
package testkit
