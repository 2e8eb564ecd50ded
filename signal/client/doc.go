// Package client is the Go client of Atrium: it joins a room over the
// signalling protocol, offers once, publishes, receives, and judges what it
// receives. The load tool, tests and Go programs use it.
//
//   - [Connect] makes a [Client], which is in the room until it is closed.
//   - [Handlers] are told what happens; [Client.WaitFor] waits until the
//     [State] is as wanted.
//   - [Client.Publish] sends a source of package source: from a generator, or
//     from anything that makes VP8 and Opus.
//   - [Client.Stats] says what every slot received, as package check judges it,
//     and [Client.Moves] what each change of rooms did to that.
//
// The one contract to know: a Client doesn't decode. Received packets are
// checked and counted where they are decrypted, on pion's goroutine, and then
// forgotten; there is no goroutine for a slot and no queue. So that 60 clients
// of 26 video slots each fit on a core, pion's interceptors are not used
// either: receiver and sender reports, NACK, RTX and transport-wide feedback
// are made here.
package client
