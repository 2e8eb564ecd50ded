// Package udp owns the media plane's only UDP port and shares it between all
// participants. It reads and writes in batches: recvmmsg with UDP_GRO, sendmmsg
// with UDP_SEGMENT (GSO), each where the kernel has it.
//
// [Mux] is the ice.UDPMux of every ICE agent: one [Conn] per agent and local
// address, told apart by the ICE username fragment. [View] is the ice.UDPMux
// of one PeerConnection, and [TCPView] its ice.TCPMux: they hand SRTP and
// SRTCP to the participant's [Handler] on the goroutine that read them, and
// the rest to the agent. A handler writes to [Destination]s through the
// [Batch] that it is given, which leaves when all that was read together has
// been handled: one run to completion, without a hop or an allocation. What it
// puts off, as [Deferred], is run before that.
// [Relay] is a pipe in memory into the same mux: the TURN server's relayed
// transport address, without a port of its own.
//
// The one contract to know: a source reaches an agent's DTLS and SRTP only
// after that agent has answered one of its connectivity checks with a success
// response, that is after MESSAGE-INTEGRITY was validated (SE-3). Until then
// only well-formed STUN binding requests that name the agent's username
// fragment pass. Everything that is dropped is counted under a name in
// [Stats]. Nothing here logs an address (SE-19).
//
// The contract for moves: publish the new routing, call [Mux.Barrier], then
// [Destination.Discard] for who moved; nothing that was written by the old
// routing leaves afterwards.
//
// A socket that is bound to the wildcard address answers from the address
// that the kernel's routing chooses. On a host with several addresses in the
// same network, bind to the one which is advertised.
package udp
