// Package speaker finds who is heard in a room. A [Detector] per room takes
// the audio levels that clients put on their packets (RFC 6464) and keeps two
// lists: the loudest N, whose voices are forwarded, and those who speak, for
// display.
//
// The one contract to know: [Detector.Observe] runs in the packet path, on any
// goroutine, and never waits; everything else belongs to the room's loop.
package speaker
