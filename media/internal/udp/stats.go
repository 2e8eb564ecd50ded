package udp

import "sync/atomic"

// Stats counts datagrams since the mux was opened. In is what was handed to
// an agent, Out what agents sent; both include what went through relays.
type Stats struct {
	PacketsIn, PacketsOut uint64
	BytesIn, BytesOut     uint64            // UDP payload
	Dropped               map[string]uint64 // datagrams by reason, see the Drop constants
	Relays                int               // open relay pipes
	Sources               int               // remote addresses that passed a connectivity check
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
	reasons // how many there are
)

// name returns the key of r in Stats.Dropped.
func (r reason) name() string {
	return [reasons]string{
		unknownSource: DropUnknownSource, unknownUfrag: DropUnknownUfrag, badSTUN: DropBadSTUN, sourceInUse: DropSourceInUse, oversize: DropOversize,
		queueFull: DropQueueFull, forgedRelay: DropForgedRelay, relayDestination: DropRelayDestination,
		relayQueueFull: DropRelayQueueFull, relayGone: DropRelayGone, connClosed: DropClosed,
		sendError: DropSendError, readError: DropReadError,
	}[r]
}

// counters are written by any goroutine.
type counters struct {
	packetsIn, packetsOut, bytesIn, bytesOut atomic.Uint64
	dropped                                  [reasons]atomic.Uint64
}

func (c *counters) in(bytes int)  { c.packetsIn.Add(1); c.bytesIn.Add(uint64(bytes)) }
func (c *counters) out(bytes int) { c.packetsOut.Add(1); c.bytesOut.Add(uint64(bytes)) }
func (c *counters) drop(r reason) { c.dropped[r].Add(1) }

// snapshot lists every reason, those never met too, so that metrics start at 0.
func (c *counters) snapshot() Stats {
	s := Stats{
		PacketsIn: c.packetsIn.Load(), PacketsOut: c.packetsOut.Load(),
		BytesIn: c.bytesIn.Load(), BytesOut: c.bytesOut.Load(),
		Dropped: make(map[string]uint64, reasons),
	}
	for r := passed + 1; r < reasons; r++ {
		s.Dropped[r.name()] = c.dropped[r].Load()
	}
	return s
}
