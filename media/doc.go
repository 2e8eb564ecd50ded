// Package media is the SFU: it terminates WebRTC transports and forwards
// packets between the participants of a room. It knows nothing of HTTP, links
// or organisations.
//
// Five types carry it:
//
//   - [Engine] owns the sockets and everything below.
//   - [Room] is a set of participants that see and hear each other.
//   - [Participant] is one transport with what it publishes and what it wants
//     to see. It is in exactly one room, or in none (parked). Its voice may be
//     attached to further rooms ([Participant.AttachSource]).
//   - [Source] is one thing a participant publishes: microphone, camera,
//     screen or the screen's sound.
//   - [Slot] is one fixed receive m-line of a participant, fed by whatever
//     source the server routes to it.
//
// The one contract to know: a participant offers once, for the pool of lines
// of [Pool], and every later change (join, leave, layout, move) is a
// [MapChanged] event, never SDP. [Engine.Move] is the only way into, between
// and out of rooms, of one or of several to several rooms
// ([Engine.JoinTogether]); when it returns, nothing recorded in the old room
// can reach the participant or come from it any more.
//
// # Reading order
//
// The way of a packet: inbound.go (handle: decrypted in place, told which layer
// it is of; or indirect.go, through pion: see carrier.go) → layer.go (handleIn:
// duplicates and muted sources end here; gap.go: what was lost on the way to us)
// → gather.go (waits until all that was read together is there, at most 1 ms for
// the rest of a frame) → layer.go
// (handOverLocked: kept for resending, slot by slot; attach.go: and in the rooms
// that the source is attached to) → slot.go (forward: the
// epoch and the layer are checked, numbers rewritten) → direct_out.go
// (encrypted into the batch that goes out) → slot_rtcp.go (what the receiver answers:
// resends, key frames; sender reports) → report.go (time). Beside it:
// keyframe.go asks publishers for key frames, unrest.go says when not yet,
// replay.go shows newcomers the last one; shown.go remembers whose pictures a slot
// carries since which timestamp.
//
// What decides who gets it: move.go and member.go (who comes and goes), room.go
// (one loop owns the room) → settle.go (one
// computation of all routes) → route.go (which source on which slot, pure) and
// voices.go, quality.go (who is heard, how well). How a participant comes to
// have a transport: offer.go and format.go (what the client offers), peer.go,
// transport.go, answer.go (all lines but the one for pion), seat.go.
//
// # Locks
//
// They are taken in this order; none is held while one before it is taken:
//
//	Participant.moveMu  a move, an offer or the end, as a whole; waits for room loops
//	ticks.mu            the tick of all transports
//	transport.stateMu   a change of the connection's state, followed to its end
//	inbound.mu          one packet or report of a transport being received
//	layer.mu            what came together on its way to all slots; Move waits for it
//	direct.out          RTCP to a participant; the contexts being made
//	Slot.mu             rewriting and sending what came together
//	Engine.batchMu      what is sent at once, or with all else of a tick
//	Participant.notifyMu  one event to the observer
//	Engine.mu, then Participant.mu   what is there, and its state
//	everything else (Room.mu, keyFrames.mu, publisherClock.mu,
//	attachments.mu, caches): leaves
//
// A packet in hand of one participant may ask another for a key frame: it takes
// that one's direct.out, never its inbound.mu. direct.path covers where to
// send, and is taken by nobody who holds one of the others but moveMu.
//
// Between being taken up and handed over a packet is under no lock but its
// batch's. What it goes by is looked at again under layer.mu: a publisher that
// was moved or muted meanwhile has it dropped, and who moves waits for the
// batch besides, so that nothing of an earlier stay comes back with them.
//
// [udp.Mux.Barrier] waits for whoever reads the socket, and so for every lock
// from inbound.mu down: it is called with moveMu at most, and never by what a
// packet, a room's loop or an observer runs. That is why whatever ends a
// participant because of a packet does so on a goroutine of its own.
//
// The engine's tick, too, is work that Barrier waits for: it sends in the end
// what all transports wrote meanwhile.
//
// A room's loop takes none of the first three, and pion's callbacks only the
// third: whoever holds moveMu may wait for both. Nothing in the packet path
// waits for a loop: it posts (Participant.touch).
package media
