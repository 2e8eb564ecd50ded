// Package poll reads the UDP sockets of many clients on one goroutine, in
// batches, so that a load generator's clients cost a fraction of a core.
//
// A [Poller] owns the goroutine. Its [Socket] is one client's: an ice.UDPMux for
// one agent, whose filter sees every datagram first, on the poller's goroutine,
// and says whether the agent is to have it.
//
// The one contract to know: a filter must not block, must not keep the
// datagram, and must not close a Socket or the Poller.
package poll
