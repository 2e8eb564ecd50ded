package media

import "sync/atomic"

// DropReason names why a packet was not forwarded.
type DropReason uint8

// Every packet that is not forwarded has one of these reasons.
const (
	dropMalformed   DropReason = iota // not RTP, or a payload descriptor that can't be read
	dropDuplicate                     // seen before (browsers probe with duplicates)
	dropPadding                       // carries no media
	dropMuted                         // by its publisher or the server
	dropInactive                      // its publisher did not announce the source
	dropEpoch                         // recorded in another room
	dropLayer                         // a layer that the slot has just left
	dropKeyFrame                      // the slot waits for a key frame
	dropLate                          // older than what the slot may still send
	dropWrite                         // the transport did not take it
	dropResend                        // asked for again, but no longer kept
	dropTemporal                      // a temporal layer that a thumbnail does without
	dropNotReady                      // came before DTLS was done
	dropForged                        // not authentic
	dropUnknownSSRC                   // nothing of the offer has this SSRC
	dropManySSRCs                     // its publisher has used up its SSRCs
	dropSpent                         // its number was sent with before, or is too far off
	dropIncomplete                    // of an upper temporal layer's frame that was lost in part, or depends on one
	dropReasons
)

// String is the name of the reason in [Snapshot] and in metrics.
func (d DropReason) String() string {
	return [dropReasons]string{
		"malformed", "duplicate", "padding", "muted", "inactive", "epoch",
		"layer", "key_frame", "late", "write", "resend_miss",
		"temporal", "not_ready", "forged", "unknown_ssrc", "many_ssrcs", "spent_number", "incomplete",
	}[d]
}

// counters are the engine's totals; only ever added to.
type counters struct {
	packetsIn, packetsOut, bytesIn, bytesOut atomic.Uint64
	dropped                                  [dropReasons]atomic.Uint64
	keyFrameRequests, keyFrames              atomic.Uint64
	nacksIn, nacksOut, rtxOut                atomic.Uint64
	lostIn                                   atomic.Uint64
	joins, refused, moves, offers, panics    atomic.Uint64
}

func (c *counters) drop(r DropReason) { c.dropped[r].Add(1) }

// Snapshot is the engine's statistics at one moment. Counters start at zero
// with the engine and never fall. Packets and bytes are RTP, with headers,
// without SRTP and UDP overhead; out includes resent packets.
type Snapshot struct {
	// Rooms that are open; Participants in them or parked; Connected those
	// with a transport that is up; Parked those in no room; Kept those whose
	// seat waits for their return.
	Rooms, Participants, Connected, Parked, Kept int

	PacketsIn, PacketsOut, BytesIn, BytesOut uint64
	// Dropped packets by reason, with those of the sockets ("socket_…").
	Dropped map[string]uint64
	// KeyFrameRequests sent to publishers, KeyFrames that came.
	KeyFrameRequests, KeyFrames uint64
	// NACKsIn counts packets that viewers asked for again, NACKsOut those
	// asked of publishers, RTXOut those resent, LostIn those given up.
	NACKsIn, NACKsOut, RTXOut, LostIn uint64
	// Joins are transports that came up, Refused moves into full rooms.
	Joins, Refused, Moves, Offers, Panics uint64
	// Socket is what the sockets did, in datagrams of media.
	Socket SocketSnapshot
}

// SocketSnapshot counts datagrams and the system calls that moved them.
// GSOPackets ÷ BatchPackets is the share of media that left in runs.
type SocketSnapshot struct {
	// Sends and Receives are system calls.
	Sends, Receives uint64
	// BatchPackets left through the UDP socket in batches, of them GSOPackets
	// in GSORuns runs of two or more that the kernel split; GSORefused are runs
	// that it didn't take, which were sent again packet by packet.
	BatchPackets, GSOPackets, GSORuns, GSORefused uint64
	// GROPackets came in runs, TCPPackets left over ICE/TCP.
	GROPackets, TCPPackets uint64
}

// Snapshot returns the engine's statistics.
func (e *Engine) Snapshot() Snapshot {
	c := &e.counters
	s := Snapshot{
		PacketsIn: c.packetsIn.Load(), PacketsOut: c.packetsOut.Load(),
		BytesIn: c.bytesIn.Load(), BytesOut: c.bytesOut.Load(),
		Dropped:          make(map[string]uint64, int(dropReasons)+8),
		KeyFrameRequests: c.keyFrameRequests.Load(), KeyFrames: c.keyFrames.Load(),
		NACKsIn: c.nacksIn.Load(), NACKsOut: c.nacksOut.Load(),
		RTXOut: c.rtxOut.Load(), LostIn: c.lostIn.Load(),
		Joins: c.joins.Load(), Refused: c.refused.Load(), Moves: c.moves.Load(),
		Offers: c.offers.Load(), Panics: c.panics.Load(),
	}
	for r := range dropReasons {
		s.Dropped[r.String()] = c.dropped[r].Load()
	}
	sockets := e.mux.Stats()
	for reason, n := range sockets.Dropped {
		s.Dropped["socket_"+reason] = n
	}
	s.Socket = SocketSnapshot{
		Sends: sockets.Sends, Receives: sockets.Receives,
		BatchPackets: sockets.BatchPackets, GSOPackets: sockets.GSOPackets, GSORuns: sockets.GSORuns, GSORefused: sockets.GSORefused,
		GROPackets: sockets.GROPackets, TCPPackets: sockets.TCPPackets,
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s.Rooms, s.Participants = len(e.rooms), len(e.participants)
	for _, p := range e.participants {
		p.mu.Lock()
		if p.room == nil {
			s.Parked++
		}
		if p.upLocked() {
			s.Connected++
		} else if p.seat != nil {
			s.Kept++
		}
		p.mu.Unlock()
	}
	return s
}
