// Package controltest has what stands in for control's ports in tests, of
// control and of what is built on it: [Vault] in memory, [Outbox] that keeps
// what it was given, [Media] that keeps who was placed where. Nothing but
// tests imports it.
package controltest
