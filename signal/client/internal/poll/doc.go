// Package poll reads the UDP sockets of many clients on one goroutine, in
// batches, and sends what they publish from it, so that a load generator's
// clients cost a fraction of a core.
//
// A [Poller] owns the goroutine. Its [Socket] is one client's: an ice.UDPMux for
// one agent, whose filter sees every datagram first, on the poller's goroutine,
// and says whether the agent is to have it.
//
// [Socket.Run] calls a [Task] whenever it is due; the frame that it sends leaves
// by one sendmmsg, packets of one size as one run (UDP_SEGMENT).
//
// The one contract to know: a filter must not block, must not keep the
// datagram, and must not close a Socket or the Poller.
package poll
