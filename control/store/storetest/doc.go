// Package storetest is the suite that every engine of control/store must
// pass: [Run] it from the engine's tests. It compares the engine with a plain
// map ([Oracle]) under random transactions, and checks the promises of the
// contract one by one.
package storetest
