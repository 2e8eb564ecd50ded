// Package media is the SFU: it terminates WebRTC transports and forwards
// packets between the participants of a room. It knows nothing of HTTP, links
// or organisations.
//
// Five types carry it:
//
//   - [Engine] owns the sockets and everything below.
//   - [Room] is a set of participants that see and hear each other.
//   - [Participant] is one transport with what it publishes and what it wants
//     to see. It is in exactly one room, or in none (parked).
//   - [Source] is one thing a participant publishes: microphone, camera,
//     screen or the screen's sound.
//   - [Slot] is one fixed receive m-line of a participant, fed by whatever
//     source the server routes to it.
//
// The one contract to know: a participant offers once, for the pool of lines
// of [Pool], and every later change (join, leave, layout, move) is a
// [MapChanged] event, never SDP. [Engine.Move] is the only way into, between
// and out of rooms; when it returns, nothing recorded in the old room can
// reach the participant or come from it any more.
package media
