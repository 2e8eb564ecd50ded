// Package source is what a client publishes: the interfaces [Video] and
// [Audio] that anything can implement that makes encoded media, and two
// generators for load and tests.
//
//   - [TraceVideo] replays the frame sizes, temporal layers and timing of a
//     recorded Chromium sender of three VP8 simulcast encodings.
//   - [Speech] makes Opus packets of a speaker who talks and pauses, with their
//     audio levels.
//
// What the generators make has valid headers but is not decodable: packet by
// packet it looks to a server like the real thing, and costs nothing to encode.
//
// The one contract to know: whoever owns the source paces it. [Video.Capture]
// returns at once with what is due now and says when the next picture is due;
// [Audio.Next] is called every [PacketTime].
//
// The trace, chromium-vp8-simulcast.csv.gz, was recorded for this project on
// loopback from Chromium 156: a talking-head clip as f 1280×720 at 1.5 Mbps,
// h 640×360 at 400 kbps and q 320×180 at 130 kbps, L1T3, 29 frames a second,
// retransmissions and padding removed.
package source
