// Package udp owns the media plane's only UDP socket and shares it between
// all participants.
//
// [Mux] is the ice.UDPMux of every ICE agent: one [Conn] per agent and local
// address, told apart by the ICE username fragment. [Relay] is a pipe in
// memory into the same mux: the TURN server's relayed transport address,
// without a port of its own.
//
// The one contract to know: a source reaches an agent's DTLS and SRTP only
// after that agent has answered one of its connectivity checks with a success
// response, that is after MESSAGE-INTEGRITY was validated (SE-3). Until then
// only well-formed STUN binding requests that name the agent's username
// fragment pass. Everything that is dropped is counted under a name in
// [Stats]. Nothing here logs an address (SE-19).
//
// A socket that is bound to the wildcard address answers from the address
// that the kernel's routing chooses. On a host with several addresses in the
// same network, bind to the one which is advertised.
package udp
