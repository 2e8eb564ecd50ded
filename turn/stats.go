package turn

import "sync/atomic"

// Snapshot is what the server did since it started.
type Snapshot struct {
	Allocations      int    // open now
	AllocationsTotal uint64 // opened since the start
	Participants     int    // who hold credentials
	TCPConnections   int    // open now
	// Relayed payload; In is from clients to the media socket.
	RelayedPacketsIn, RelayedPacketsOut uint64
	RelayedBytesIn, RelayedBytesOut     uint64
	Refused                             map[string]uint64 // by reason, see the Refused constants
}

// Reasons of a refusal, the keys of Snapshot.Refused.
const (
	RefusedUnauthorized  = "unauthorized"   // wrong, expired or revoked credentials
	RefusedRateLimited   = "rate_limited"   // unauthenticated, too often: not answered
	RefusedReplySize     = "reply_size"     // its answer would be too large: not answered
	RefusedQuota         = "quota"          // 486: too many allocations
	RefusedPeer          = "peer"           // 403: not a media address
	RefusedTCPRelay      = "tcp_relay"      // 442: only UDP is relayed
	RefusedReservedPort  = "reserved_port"  // 508: a second port, to be reserved or used
	RefusedFamily        = "address_family" // 440: relayed addresses are IPv4
	RefusedWrongUser     = "wrong_user"     // 441: another user's allocation
	RefusedRelay         = "relay"          // 508: no relay could be opened
	RefusedBadMessage    = "bad_message"    // malformed, or not for a server: not answered
	RefusedTCPConnection = "tcp_connection" // too many TCP connections
	RefusedTCPSlow       = "tcp_slow"       // a TCP client that doesn't read: disconnected
)

type refusal uint8

const (
	refusedUnauthorized refusal = iota
	refusedRateLimited
	refusedReplySize
	refusedQuota
	refusedPeer
	refusedTCPRelay
	refusedReservedPort
	refusedFamily
	refusedWrongUser
	refusedRelay
	refusedBadMessage
	refusedTCPConnection
	refusedTCPSlow
	refusals // how many there are
)

func (r refusal) name() string {
	return [refusals]string{
		RefusedUnauthorized, RefusedRateLimited, RefusedReplySize, RefusedQuota, RefusedPeer, RefusedTCPRelay,
		RefusedReservedPort, RefusedFamily, RefusedWrongUser, RefusedRelay, RefusedBadMessage,
		RefusedTCPConnection, RefusedTCPSlow,
	}[r]
}

// counters are written by any goroutine.
type counters struct {
	allocations                              atomic.Uint64
	packetsIn, packetsOut, bytesIn, bytesOut atomic.Uint64
	refused                                  [refusals]atomic.Uint64
}

func (c *counters) refuse(r refusal) { c.refused[r].Add(1) }

// snapshot lists every reason, those never met too, so that metrics start at 0.
func (c *counters) snapshot() Snapshot {
	s := Snapshot{
		AllocationsTotal: c.allocations.Load(),
		RelayedPacketsIn: c.packetsIn.Load(), RelayedPacketsOut: c.packetsOut.Load(),
		RelayedBytesIn: c.bytesIn.Load(), RelayedBytesOut: c.bytesOut.Load(),
		Refused: make(map[string]uint64, refusals),
	}
	for r := range refusals {
		s.Refused[r.name()] = c.refused[r].Load()
	}
	return s
}
