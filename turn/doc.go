// Package turn is the STUN and TURN server beside the media plane, over UDP
// and TCP on one port, for clients whose network lets nothing else out.
//
// [New] starts a [Server]; [Server.Credentials] gives a participant its user
// name and password; [Server.Revoke] takes them, and everything relayed with
// them, away at once. [Config] holds what an operator may set.
//
// The one contract to know: a relay reaches this host's media socket and
// nothing else (SE-1). That doesn't rest on a filter. Relayed transport
// addresses come from [Relay], whose conns are pipes in memory into the media
// mux: no socket is opened for an allocation, so no port range either. On top
// of it, permissions and channels are refused (403) for every peer but the
// addresses of Options.MediaAddresses; TCP relaying (442), IPv6 relays (440)
// and reserved ports (508) always.
//
// Exhaustion and reflection (SE-2): allocations per participant are bounded
// (486), so are TCP connections; what an unauthenticated request gets back is
// one answer of at most three times its size, at a bounded rate per source
// (/32 or /64) and in all.
//
// The protocol itself (RFC 8656, RFC 8489) is pion/turn's. Its v4 has no call
// that deletes an allocation; closing the relay's conn does it, because the
// allocation's reader then deletes it. This package therefore owns every
// relay conn and knows whose it is.
//
// Nothing here logs or reports an address of a client (SE-19).
package turn
