// Package signal speaks Atrium's signalling protocol with clients: JSON over a
// WebSocket, told in full in PROTOCOL.md. It joins people by a token, hands
// their offers, layouts and mutes to package media, tells them what media
// reports, and carries chat.
//
// Its few types:
//
//   - [Server] serves the WebSocket; it is an http.Handler.
//   - [Authority] says who may join; [Relays] hands out TURN servers. Whoever
//     wires a server implements them.
//   - [Arrangement] is what moderators set for a room; [Server.Arrange] tells it
//     to those in it, [Server.Tell] gives notices.
//   - [Snapshot] is its statistics.
//
// The messages themselves are in package message, which clients share.
//
// The one contract to know: a seat outlives its connections. A connection that
// is lost leaves the participant in place for media.Config.Seat; the secret of
// the last welcome returns to it, once. [Authority.Left] is called when the
// participant is gone for good, exactly once for each that was welcomed.
//
// Nothing that a client sends can harm another: messages are bounded in size,
// depth and rate, what waits to be written to a slow reader is bounded and then
// evicts it, and a panic ends one participant (SE-8, SE-9, SE-10). Neither
// tokens, secrets, SDP nor names are logged.
package signal
