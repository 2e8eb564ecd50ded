package udp

import "sync/atomic"

// Stats counts datagrams since the mux was opened. In is what was handed to
// an agent or handler, Out what agents and batches sent; both include what
// went through relays and batches' TCP remotes.
type Stats struct {
	PacketsIn, PacketsOut uint64
	BytesIn, BytesOut     uint64            // UDP payload
	Dropped               map[string]uint64 // datagrams by reason, see the Drop constants
	Relays                int               // open relay pipes

	// Sends and Receives are the system calls that did it.
	Sends, Receives uint64
	// BatchPackets left through batches and a socket, of them GSOPackets in
	// GSORuns runs of two or more; GSORefused runs were sent again packet by
	// packet.
	BatchPackets, GSOPackets, GSORuns, GSORefused uint64
	// GROPackets came coalesced with others.
	GROPackets uint64
	// TCPPackets were written to TCP remotes.
	TCPPackets uint64
	// GSO and GRO say what all sockets use now.
	GSO, GRO bool
	Sources  int // remote addresses that passed a connectivity check
}

// Reasons of a drop, the keys of Stats.Dropped.
const (
	DropUnknownSource    = "unknown_source"    // not STUN, and no agent has validated its source
	DropUnknownUfrag     = "unknown_ufrag"     // a connectivity check for no agent of ours
	DropBadSTUN          = "bad_stun"          // malformed STUN
	DropSourceInUse      = "source_in_use"     // not a datagram: another agent claimed a live source
	DropOversize         = "oversize"          // larger than any media packet
	DropQueueFull        = "queue_full"        // its agent doesn't read
	DropForgedRelay      = "forged_relay"      // came from the network with a relay's virtual source
	DropRelayDestination = "relay_destination" // a relay was asked to reach something that isn't the media socket
	DropRelayQueueFull   = "relay_queue_full"  // the TURN server doesn't read
	DropRelayGone        = "relay_gone"        // to a relay that was closed
	DropClosed           = "closed"            // its agent is closing
	DropSendError        = "send_error"        // refused by the operating system
	DropReadError        = "read_error"        // the socket reported an error
	DropSendBufferFull   = "send_buffer_full"  // the kernel's send buffer stayed full
	DropTCPQueueFull     = "tcp_queue_full"    // a TCP remote doesn't take its data
	DropTCPGone          = "tcp_gone"          // to a TCP remote that isn't connected
	DropDiscarded        = "discarded"         // by Batch.Discard
)

// reason indexes the counters of the drop reasons.
type reason uint8

const (
	passed reason = iota // not a drop
	unknownSource
	unknownUfrag
	badSTUN
	sourceInUse
	oversize
	queueFull
	forgedRelay
	relayDestination
	relayQueueFull
	relayGone
	connClosed
	sendError
	readError
	sendBufferFull
	tcpQueueFull
	tcpGone
	discarded
	reasons // how many there are
)

// name returns the key of r in Stats.Dropped.
func (r reason) name() string {
	return [reasons]string{
		unknownSource: DropUnknownSource, unknownUfrag: DropUnknownUfrag, badSTUN: DropBadSTUN, sourceInUse: DropSourceInUse, oversize: DropOversize,
		queueFull: DropQueueFull, forgedRelay: DropForgedRelay, relayDestination: DropRelayDestination,
		relayQueueFull: DropRelayQueueFull, relayGone: DropRelayGone, connClosed: DropClosed,
		sendError: DropSendError, readError: DropReadError,
		sendBufferFull: DropSendBufferFull, tcpQueueFull: DropTCPQueueFull, tcpGone: DropTCPGone,
		discarded: DropDiscarded,
	}[r]
}

// counters are written by any goroutine.
type counters struct {
	packetsIn, packetsOut, bytesIn, bytesOut atomic.Uint64
	sends, receives, batchPackets            atomic.Uint64
	gsoPackets, gsoRuns, gsoRefused          atomic.Uint64
	groPackets, tcpPackets                   atomic.Uint64
	dropped                                  [reasons]atomic.Uint64
}

func (c *counters) in(bytes int)  { c.packetsIn.Add(1); c.bytesIn.Add(uint64(bytes)) }
func (c *counters) out(bytes int) { c.packetsOut.Add(1); c.bytesOut.Add(uint64(bytes)) }
func (c *counters) drop(r reason) { c.dropped[r].Add(1) }

func (c *counters) drops(r reason, n int) { c.dropped[r].Add(uint64(n)) }

// sent adds what a flush did.
func (c *counters) sent(t *tally) {
	c.packetsOut.Add(t.packets)
	c.bytesOut.Add(t.bytes)
	c.batchPackets.Add(t.packets)
	c.sends.Add(t.sends)
	if t.gsoRuns > 0 {
		c.gsoPackets.Add(t.gsoPackets)
		c.gsoRuns.Add(t.gsoRuns)
	}
}

// snapshot lists every reason, those never met too, so that metrics start at 0.
func (c *counters) snapshot() Stats {
	s := Stats{
		PacketsIn: c.packetsIn.Load(), PacketsOut: c.packetsOut.Load(),
		BytesIn: c.bytesIn.Load(), BytesOut: c.bytesOut.Load(),
		Sends: c.sends.Load(), Receives: c.receives.Load(), BatchPackets: c.batchPackets.Load(),
		GSOPackets: c.gsoPackets.Load(), GSORuns: c.gsoRuns.Load(), GSORefused: c.gsoRefused.Load(),
		GROPackets: c.groPackets.Load(), TCPPackets: c.tcpPackets.Load(),
		Dropped: make(map[string]uint64, reasons),
	}
	for r := passed + 1; r < reasons; r++ {
		s.Dropped[r.name()] = c.dropped[r].Load()
	}
	return s
}
