// Package endtoend tests the built binary as its users meet it: atrium dev is
// started as a process and real browsers open the links that it prints. It
// holds tests only.
package endtoend
